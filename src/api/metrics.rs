//! Everything measured, for Prometheus. What only the store knows is asked for here, at most once a second however
//! many ask.

use std::sync::LazyLock;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::Gateway;
use super::problem::{Code, Problem};
use crate::telemetry::metrics;

/// How long an answer of the store is good for.
const FRESH: Duration = Duration::from_secs(1);

/// A store that takes longer is not ready; Prometheus itself gives a scrape 10 s.
const PATIENCE: Duration = Duration::from_secs(2);

static LOOKED: LazyLock<Mutex<Option<Instant>>> = LazyLock::new(Mutex::default);

/// `GET /metrics`
pub async fn tell(gateway: Data<Gateway>) -> Result<HttpResponse, Problem> {
    look(&gateway).await;
    let text = metrics::text().map_err(|error| {
        tracing::error!(error, "the metrics cannot be told");
        Problem::new(Code::Internal, "the metrics cannot be told")
    })?;
    Ok(HttpResponse::Ok()
        .content_type(metrics::CONTENT_TYPE)
        .body(text))
}

/// Asks the store how it stands, unless somebody just did. Who comes meanwhile waits for that answer.
async fn look(gateway: &Gateway) {
    let mut looked = LOOKED.lock().await;
    if looked.is_some_and(|at| at.elapsed() < FRESH) {
        return;
    }
    let store = &gateway.store;
    let probed = timeout(PATIENCE, async {
        store.probe().await?;
        store.backlog().await
    });
    let backlog = probed.await.ok().and_then(Result::ok);
    metrics::ready(backlog.is_some() && !gateway.stopping.is_cancelled());
    if let Some(backlog) = backlog {
        metrics::queue(gateway.settings.accounts.keys().cloned(), &backlog);
    }
    *looked = Some(Instant::now());
}
