//! Is the process there, and can it do its work.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;
use serde_json::json;

use super::Gateway;

const OPENAPI: &str = include_str!("../../openapi.yaml");

/// `GET /livez`: the process answers.
pub async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// `GET /readyz`: leads can be taken. A real write and a real read, and room in the queue.
pub async fn readyz(gateway: Data<Gateway>) -> HttpResponse {
    let store = gateway
        .store
        .probe()
        .await
        .err()
        .map(|error| error.to_string());
    let queue = match gateway.store.backlog().await {
        Ok(backlog) => {
            let waiting: u64 = backlog.iter().map(|lane| lane.waiting).sum();
            let most = gateway.settings.store.max_waiting;
            (waiting >= most).then(|| format!("{waiting} leads wait and {most} may"))
        }
        Err(error) => Some(error.to_string()),
    };
    let stopping = gateway
        .stopping
        .is_cancelled()
        .then(|| "the server is stopping".to_owned());
    let ready = store.is_none() && queue.is_none() && stopping.is_none();
    let checks = json!({
        "store": store.as_deref().unwrap_or("ok"),
        "queue": queue.as_deref().unwrap_or("ok"),
        "process": stopping.as_deref().unwrap_or("ok"),
    });
    let mut answer = if ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    if !ready {
        answer.insert_header((header::RETRY_AFTER, "5"));
    }
    answer.json(json!({"status": if ready { "ready" } else { "not_ready" }, "checks": checks}))
}

/// `GET /openapi.yaml`: the contract.
pub async fn openapi() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/yaml")
        .body(OPENAPI)
}
