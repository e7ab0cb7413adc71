//! Choosing another time for a lead that was asked to.

use std::time::Duration;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::Gateway;
use super::answer::{answer, applied};
use super::door;
use super::prefer;
use super::problem::{Code, Problem};
use super::reply::Voice;
use super::state::LeadState;
use super::status::{known, lead_id, settled};
use crate::booking::book::choose_time;
use crate::intake;
use crate::intake::bot::{self, Turn};
use crate::intake::draft::Draft;
use crate::intake::enrich::read_wishes;
use crate::intake::fault::Fault;
use crate::lead::{Step, zone};
use crate::queue::{Amended, Hold, Next, Stored};
use crate::settings::Source;
use crate::telemetry::events;

/// `POST /v1/leads/{leadId}/time`
pub async fn choose(
    gateway: Data<Gateway>,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let started = Instant::now();
    let id = lead_id(&id)?;
    gateway.knock(&request)?;
    door::want_json(&request)?;
    let body = door::read_body(&request, payload, gateway.settings.server.max_body_bytes).await?;
    let stored = known(&gateway, id).await?;
    let source = gateway.settings.sources.get(&stored.lead.source);
    let voice = source.and_then(|source| Voice::of(&gateway, source, &request));
    let body = intake::read_object(&body).map_err(Problem::from);
    let chosen = async {
        let body = match source {
            Some(source) if voice.is_some() => bot::fields(source, body?).fields,
            _ => body?,
        };
        let choice = Choice {
            stored,
            source,
            body,
        };
        chosen(&gateway, &request, choice, voice.as_ref(), started).await
    };
    match (chosen.await, &voice) {
        (Err(problem), Some(voice)) => voice.problem(problem, &[]),
        (answered, _) => answered,
    }
}

/// A turn of a conversation in which the time of its earlier lead is chosen.
///
/// # Errors
/// As the route's.
pub(super) async fn of_turn(
    gateway: &Gateway,
    request: &HttpRequest,
    turn: Turn,
    source: &Source,
    voice: Option<&Voice>,
) -> Result<HttpResponse, Problem> {
    let started = Instant::now();
    let stored = known(gateway, lead_id(turn.lead.as_deref().unwrap_or_default())?).await?;
    let choice = Choice {
        stored,
        source: Some(source),
        body: bot::fields(source, turn.into_body()).fields,
    };
    chosen(gateway, request, choice, voice, started).await
}

/// What is chosen, and for which lead.
struct Choice<'a> {
    stored: Stored,
    source: Option<&'a Source>,
    body: Map<String, Value>,
}

async fn chosen(
    gateway: &Gateway,
    request: &HttpRequest,
    choice: Choice<'_>,
    voice: Option<&Voice>,
    started: Instant,
) -> Result<HttpResponse, Problem> {
    let mut stored = choice.stored;
    let id = stored.lead.id;
    let lead_source = stored.lead.source.clone();
    let now = gateway.store.now();
    let (wishes, zone) = read_choice(choice.body, now)?;
    let not_waiting = || {
        Problem::new(
            Code::NotWaitingForTime,
            "only a lead in needs_time can choose a time",
        )
    };
    if !choose_time(&mut stored.lead, wishes, zone, now) {
        return Err(not_waiting());
    }
    let next = Next::After {
        step: Step::Book,
        delay: Duration::ZERO,
    };
    let lead = stored.lead.clone();
    // A lead that waits for a time claims its person already, so nobody else can.
    if gateway.store.amend(stored, next, Hold::Keep).await? != Amended::Done {
        return Err(not_waiting());
    }
    events::time_chosen(id, &lead_source);
    let usual = choice.source.map_or(Duration::ZERO, |source| source.wait);
    let wait = prefer::wait(request, usual);
    let state = match settled(gateway, id, started + wait.longest, false).await {
        // The choice is kept, and a 503 would say that it is not.
        Err(problem) if problem.code.is_of_store() => {
            LeadState::in_hand(gateway, &lead, lead.status, None)
        }
        state => state?,
    };
    let mut answer = answer(&state, voice);
    applied(&mut answer, &wait);
    Ok(answer)
}

fn read_choice(
    body: Map<String, Value>,
    now: Timestamp,
) -> Result<(Vec<Timestamp>, Option<String>), Problem> {
    let (draft, faults) = Draft::read(body);
    // A choice names times, not a person.
    let mut faults: Vec<Fault> = faults
        .into_iter()
        .filter(|fault| fault.code != "one_of_required")
        .collect();
    let named = draft.time_zone.as_deref().and_then(|name| {
        let canonical = zone::canonical(name);
        if canonical.is_none() {
            faults.push(Fault::new(
                "/timeZone",
                "unknown_time_zone",
                "an IANA name such as Europe/Oslo is wanted",
            ));
        }
        canonical
    });
    let wishes = read_wishes(&draft, named.as_deref(), now, &mut faults);
    if wishes.is_empty() && faults.is_empty() {
        faults.push(Fault::new(
            "/dateTime",
            "required",
            "a time is to be chosen",
        ));
    }
    if faults.is_empty() {
        Ok((wishes, named))
    } else {
        Err(Problem::invalid(faults))
    }
}
