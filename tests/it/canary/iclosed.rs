//! An iClosed that repeats what it is told: the sandbox, with refusals and failures that quote the whole request.

use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use reqwest::Client;
use serde_json::{Value, json};

use crate::support::gateway::client;

/// A lead with this anywhere in it is refused.
pub const REFUSED: &str = "zq-canary-refused";

/// The first booking with this in it is made, and answered with a failure.
pub const LOST: &str = "zq-canary-lost";

/// With what it refuses, before it repeats the request.
pub const WORDS: &str = "Nobody here takes";

struct Behind {
    sandbox: String,
    client: Client,
    has_lost: AtomicBool,
}

/// Starts it before the sandbox at `url`; where it is.
pub fn start(url: &str) -> String {
    let behind = Data::new(Behind {
        sandbox: url.to_owned(),
        client: client(),
        has_lost: AtomicBool::new(false),
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::clone(&behind))
            .default_service(web::to(answer))
    });
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0");
    let server = server.expect("a port is free");
    let url = format!("http://{}", server.addrs()[0]);
    tokio::spawn(server.run());
    url
}

/// The request in every place where iClosed is known to put words.
fn quoting(request: &str) -> Value {
    // A name is no address and no number, so that nothing masks it.
    let said = format!("{WORDS}: zq-canary-kim zq-canary-ek. {request}");
    json!({
        "message": {"message": said, "details": {"formErrors": [said], "fieldErrors": {"email": [said], request: [said]}}},
        "code": said, "error": said, "errors": {"email": [said]},
    })
}

async fn answer(behind: Data<Behind>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let said = String::from_utf8_lossy(&body).into_owned();
    let writes = request.method() != "GET" && request.path() != "/v1/events/eventDates";
    if writes && said.contains(REFUSED) {
        return HttpResponse::BadRequest().json(quoting(&said));
    }
    let path = request.uri().path_and_query().unwrap().as_str();
    let method = request.method().as_str().parse().unwrap();
    let mut onward = behind
        .client
        .request(method, format!("{}{path}", behind.sandbox))
        .body(body);
    for name in ["authorization", "content-type"] {
        if let Some(value) = request.headers().get(name) {
            onward = onward.header(name, value.as_bytes());
        }
    }
    let answer = onward.send().await.unwrap();
    if request.path() == "/v1/eventCalls"
        && said.contains(LOST)
        && !behind.has_lost.swap(true, Ordering::SeqCst)
    {
        return HttpResponse::InternalServerError().json(quoting(&said));
    }
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
    let text = crate::support::leads::read(answer).await;
    HttpResponse::build(status)
        .content_type("application/json")
        .body(text)
}
