//! How a lead stands, as server-sent events until it is final (the HTML standard, section 9.2).

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use tokio::time::Instant;

use super::problem::Problem;
use super::state::{LeadState, first_of, told_status};
use super::status::{PLACE_REFRESH, is_keyed, known, lead_id};
use super::{Gateway, door};
use crate::lead::LeadId;
use crate::queue::changes::LeadWatch;

/// A silent connection is taken for dead by proxies sooner or later.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// `GET /v1/leads/{leadId}/events`
pub async fn follow(
    gateway: Data<Gateway>,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = lead_id(&id)?;
    door::admit_follower(&gateway, &request)?;
    let stored = known(&gateway, id).await?;
    let keyed = is_keyed(&gateway, &stored.lead, &request);
    let watch = gateway.store.changes().watch_lead(id);
    let follow = Follow {
        gateway,
        id,
        keyed,
        last: String::new(),
        told: Instant::now(),
        ended: false,
    };
    let stream = stream::unfold((follow, watch), |(mut follow, watch)| async move {
        let piece = follow.next(&watch).await?;
        Some((Ok::<_, Problem>(piece), (follow, watch)))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // A buffering proxy in front would hold events back.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(stream))
}

/// One reader of a lead's events.
struct Follow {
    gateway: Data<Gateway>,
    id: LeadId,
    keyed: bool,
    last: String,
    told: Instant,
    ended: bool,
}

impl Follow {
    /// The next piece of the stream, or its end.
    async fn next(&mut self, watch: &LeadWatch) -> Option<Bytes> {
        while !self.ended {
            let changed = watch.changed();
            // When the store fails the stream ends, and the reader comes back by itself.
            let stored = self.gateway.store.get(self.id).await.ok()??;
            let first = first_of(&self.gateway, &stored.lead, self.keyed);
            let first = first.await.ok()?;
            let state = LeadState::of(&self.gateway, &stored, first).await.ok()?;
            self.ended =
                told_status(&stored.lead).is_final() || self.gateway.stopping.is_cancelled();
            let etag = state.etag().tag().to_owned();
            if etag != self.last {
                let data = serde_json::to_string(&state).ok()?;
                let piece = format!("event: status\nid: {etag}\ndata: {data}\n\n");
                self.last = etag;
                self.told = Instant::now();
                return Some(Bytes::from(piece));
            }
            if self.told.elapsed() >= HEARTBEAT {
                self.told = Instant::now();
                return Some(Bytes::from_static(b": still here\n\n"));
            }
            // Any of the three is a reason to look again.
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(PLACE_REFRESH) => {}
                () = self.gateway.stopping.cancelled() => {}
            }
        }
        None
    }
}
