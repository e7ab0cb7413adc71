//! How a lead stands: told at once, or when it changes.

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use tokio::time::Instant;

use super::Gateway;
use super::answer::applied;
use super::door;
use super::prefer;
use super::problem::{Code, Problem};
use super::state::{LeadState, first_of, has_settled};
use crate::lead::{Lead, LeadId};
use crate::queue::Stored;

/// How often somebody who waits is told the lead's place anew.
pub(super) const PLACE_REFRESH: Duration = Duration::from_secs(2);

/// `GET /v1/leads/{leadId}`
pub async fn tell(
    gateway: Data<Gateway>,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let started = Instant::now();
    let id = lead_id(&id)?;
    let wait = prefer::wait(&request, Duration::ZERO);
    let held = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let mut state;
    let watch = gateway.store.changes().watch_lead(id);
    loop {
        let changed = watch.changed();
        let stored = found(&gateway, &request, id).await?;
        let keyed = is_keyed(&gateway, &stored.lead, &request);
        let first = first_of(&gateway, &stored.lead, keyed).await?;
        state = LeadState::of(&gateway, &stored, first).await?;
        let news = match held {
            Some(held) => !is_held(held, &state),
            None => has_settled(&stored.lead),
        };
        let left = (started + wait.longest).saturating_duration_since(Instant::now());
        if news || left.is_zero() || gateway.stopping.is_cancelled() {
            break;
        }
        // Any of the three is a reason to look again.
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep(left.min(PLACE_REFRESH)) => {}
            () = gateway.stopping.cancelled() => {}
        }
    }
    let etag = state.etag();
    let mut answer = if held.is_some_and(|held| is_held(held, &state)) {
        HttpResponse::NotModified().finish()
    } else {
        HttpResponse::Ok().json(&state)
    };
    let headers = answer.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    if let Ok(value) = header::HeaderValue::from_str(&etag.to_string()) {
        headers.insert(header::ETAG, value);
    }
    applied(&mut answer, &wait);
    Ok(answer)
}

/// Whether the caller shows a key of the source that the lead came by, and may know of the first lead.
pub(super) fn is_keyed(gateway: &Gateway, lead: &Lead, request: &HttpRequest) -> bool {
    let source = gateway.settings.sources.get(&lead.source);
    source.is_some_and(|source| door::is_keyed(source, request))
}

fn is_held(held: &str, state: &LeadState) -> bool {
    let etag = state.etag();
    held.trim() == "*"
        || held
            .split(',')
            .any(|one| one.trim().trim_start_matches("W/") == etag.to_string())
}

/// The id in a path.
pub(super) fn lead_id(text: &str) -> Result<LeadId, Problem> {
    text.parse()
        .map_err(|_| Problem::new(Code::UnknownLead, "no lead has this id"))
}

/// The lead behind an id.
pub(super) async fn known(gateway: &Gateway, id: LeadId) -> Result<Stored, Problem> {
    gateway
        .store
        .get(id)
        .await?
        .ok_or_else(|| Problem::new(Code::UnknownLead, "no lead has this id"))
}

/// The lead behind an id that somebody shows. Looking costs no allowance, and guessing does.
async fn found(gateway: &Gateway, request: &HttpRequest, id: LeadId) -> Result<Stored, Problem> {
    match known(gateway, id).await {
        Err(problem) if problem.code == Code::UnknownLead => {
            gateway.knock(request)?;
            Err(problem)
        }
        found => found,
    }
}

/// How the lead stands now.
pub(super) async fn current(
    gateway: &Gateway,
    id: LeadId,
    keyed: bool,
) -> Result<LeadState, Problem> {
    let stored = known(gateway, id).await?;
    let first = first_of(gateway, &stored.lead, keyed).await?;
    LeadState::of(gateway, &stored, first).await
}

/// How the lead stands when it has settled, or when the time is up, or when the server stops.
pub(super) async fn settled(
    gateway: &Gateway,
    id: LeadId,
    deadline: Instant,
    keyed: bool,
) -> Result<LeadState, Problem> {
    let watch = gateway.store.changes().watch_lead(id);
    loop {
        let changed = watch.changed();
        let stored = known(gateway, id).await?;
        let over = Instant::now() >= deadline || gateway.stopping.is_cancelled();
        if has_settled(&stored.lead) || over {
            let first = first_of(gateway, &stored.lead, keyed).await?;
            return LeadState::of(gateway, &stored, first).await;
        }
        // Any of the three is a reason to look again.
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep_until(deadline) => {}
            () = gateway.stopping.cancelled() => {}
        }
    }
}
