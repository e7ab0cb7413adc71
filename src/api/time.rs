//! Choosing another time for a lead that was asked to.

use std::time::Duration;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use tokio::time::Instant;

use super::Gateway;
use super::door;
use super::leads::{answer, applied};
use super::prefer;
use super::problem::{Code, Problem};
use super::status::{known, lead_id, settled};
use crate::booking::book::choose_time;
use crate::intake;
use crate::intake::draft::Draft;
use crate::intake::enrich::read_wishes;
use crate::intake::fault::Fault;
use crate::lead::{Step, zone};
use crate::queue::{Amended, Hold, Next};

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
    let mut stored = known(&gateway, id).await?;
    let now = gateway.store.now();
    let (wishes, zone) = read_choice(&body, now)?;
    let not_waiting = || {
        Problem::new(
            Code::NotWaitingForTime,
            "only a lead in needs_time can choose a time",
        )
    };
    if !choose_time(&mut stored.lead, wishes, zone, now) {
        return Err(not_waiting());
    }
    let usual = gateway
        .settings
        .sources
        .get(&stored.lead.source)
        .map_or(Duration::ZERO, |source| source.wait);
    let next = Next::After {
        step: Step::Book,
        delay: Duration::ZERO,
    };
    // A lead that waits for a time claims its person already, so nobody else can.
    if gateway.store.amend(stored, next, Hold::Keep).await? != Amended::Done {
        return Err(not_waiting());
    }
    let wait = prefer::wait(&request, usual);
    let mut answer = answer(settled(&gateway, id, started + wait.longest, false).await?);
    applied(&mut answer, &wait);
    Ok(answer)
}

fn read_choice(body: &[u8], now: Timestamp) -> Result<(Vec<Timestamp>, Option<String>), Problem> {
    let body = intake::read_object(body)?;
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
