//! Free times over HTTP, for widgets and chats.

mod query;

use std::collections::HashMap;
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::Serialize;

use super::answer::tell_allowance;
use super::door;
use super::prefer;
use super::problem::{Code, Problem};
use super::reply::Voice;
use super::state::Slot;
use super::{Gateway, source_named};
use crate::booking::lookup::{Asker, Event, LookupError};
use crate::intake::bot::{self, Turn};
use crate::settings::{Source, SourceKind};
use query::Asked;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Slots {
    slots: Vec<Slot>,
    fetched_at: Timestamp,
}

/// `GET /v1/sources/{source}/slots`
pub async fn list(gateway: Data<Gateway>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let source = source_named(&gateway, &request)?;
    let voice = Voice::of(&gateway, source, &request);
    let listed = async {
        let admitted = door::admit(&gateway, source, &request)?;
        let named = Query::<HashMap<String, String>>::from_query(request.query_string())
            .map_err(|_| Problem::new(Code::BadQuery, "the query cannot be read"))?;
        let mut answer = answered(
            &gateway,
            source,
            &request,
            &named.into_inner(),
            voice.as_ref(),
        )
        .await?;
        tell_allowance(&mut answer, &admitted);
        Ok(answer)
    };
    match (listed.await, &voice) {
        (Err(problem), Some(voice)) => voice.problem(problem, &[]),
        (answered, _) => answered,
    }
}

/// A turn of a conversation in which free times are asked for.
///
/// # Errors
/// As the route's.
pub(super) async fn of_turn(
    gateway: &Gateway,
    source: &Source,
    request: &HttpRequest,
    turn: &Turn,
    voice: Option<&Voice>,
) -> Result<HttpResponse, Problem> {
    let named = bot::query(turn).collect();
    answered(gateway, source, request, &named, voice).await
}

async fn answered(
    gateway: &Gateway,
    source: &Source,
    request: &HttpRequest,
    named: &HashMap<String, String>,
    voice: Option<&Voice>,
) -> Result<HttpResponse, Problem> {
    let asked = query::read(named, source, gateway.store.now())?;
    let Some(voice) = voice else {
        let found = found(gateway, source, &asked).await?;
        return Ok(HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(found));
    };
    let usual = voice.usual_slots(asked.lead.is_some());
    let asked = Asked {
        limit: asked.limit.or(Some(usual)),
        ..asked
    };
    // Nobody asks for free times in order not to see them: without a wait it is the usual one.
    let wait = prefer::wait(request, source.wait).longest;
    let least = Duration::from_secs(source.kind.reply().usual_wait_seconds());
    let wait = if wait.is_zero() { least } else { wait };
    let found = tokio::time::timeout(wait, found(gateway, source, &asked))
        .await
        .unwrap_or_else(|_| Err(unavailable("iClosed took too long")))?;
    Ok(voice.slots(found.slots, asked.lead))
}

fn unavailable(why: &str) -> Problem {
    Problem::new(Code::SlotsUnavailable, why)
}

/// A chatbot has shown its key; whoever sees a page may ask in a form's name.
fn asker(source: &Source) -> Asker {
    match source.kind {
        SourceKind::Chatbot { .. } => Asker::Lead(source.lane),
        SourceKind::Form(_) | SourceKind::Platform(_) => Asker::Visitor,
    }
}

async fn found(gateway: &Gateway, source: &Source, asked: &Asked) -> Result<Slots, Problem> {
    if asked.from >= asked.until {
        return Ok(Slots {
            slots: Vec::new(),
            fetched_at: gateway.store.now(),
        });
    }
    let cannot_be_asked = || unavailable("iClosed could not be asked for free times");
    let lookup = gateway
        .lookups
        .get(&source.account)
        .ok_or_else(cannot_be_asked)?;
    let event = Event {
        link_prefix: asked.link_prefix.clone(),
        conditional_users: None,
    };
    let offer = lookup
        .offer(
            &event,
            asked.from,
            asked.until,
            None,
            asker(source),
            |offer| {
                asked
                    .limit
                    .is_some_and(|limit| query::pick(&offer.slots, asked).len() >= limit)
            },
        )
        .await
        .map_err(|error| {
            tracing::warn!(lead.source = source.name, %error, "slots could not be looked up");
            match error {
                LookupError::EventGone(_) => unavailable("iClosed does not offer this event"),
                LookupError::KeyRefused(_) | LookupError::Later(_) => cannot_be_asked(),
            }
        })?;
    let picked = query::pick(&offer.slots, asked);
    Ok(Slots {
        slots: picked
            .into_iter()
            .map(|at| Slot::new(at, &asked.zone))
            .collect(),
        fetched_at: offer.seen_at,
    })
}
