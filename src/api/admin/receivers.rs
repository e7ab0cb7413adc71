//! The programs that are told of leads: how each stands, opening one that ended, and telling again.

use std::collections::BTreeMap;

use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::leads::told;
use crate::api::problem::{Code, Problem};
use crate::api::status::known;
use crate::api::{Gateway, at, door, not_allowed};
use crate::lead::{EventType, Lead, LeadId, MessageId, Status};
use crate::queue::notices::{Notice, ReceiverState, event_of};
use crate::queue::{Cursor, Filter};
use crate::settings::Receiver;

/// Leads told of in one answer.
const MOST_LEADS: usize = 500;
/// Calls of the store in one answer.
const MOST_CALLS: usize = 10;
/// Leads are walked in the order they were kept, which is that of their times but for this much.
const DISORDER: SignedDuration = SignedDuration::from_secs(60);

/// The routes in here.
pub fn routes(config: &mut web::ServiceConfig) {
    let receivers = at("/v1/admin/receivers")
        .wrap(from_fn(super::gate))
        .route(web::get().to(list))
        .default_service(web::to(|request| not_allowed(request, "GET, HEAD")));
    let resume = at("/v1/admin/receivers/{receiver}/resume")
        .wrap(from_fn(super::gate))
        .route(web::post().to(resume))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    let replays = at("/v1/admin/receivers/{receiver}/replays")
        .wrap(from_fn(super::gate))
        .route(web::post().to(replay))
        .default_service(web::to(|request| not_allowed(request, "POST")));
    config.service(receivers).service(resume).service(replays);
}

#[derive(Serialize)]
struct List<'a> {
    receivers: Vec<Record<'a>>,
}

/// A receiver as the operator sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    name: &'a str,
    host: String,
    state: State,
    waiting: u64,
    oldest_age_seconds: Option<u64>,
    failing_since: Option<Timestamp>,
    paused_until: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    last_error: Option<LastError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Open,
    Failing,
    Paused,
    Ended,
}

#[derive(Serialize)]
struct LastError {
    code: String,
    at: Timestamp,
}

impl<'a> Record<'a> {
    fn of(name: &'a str, receiver: &Receiver, standing: ReceiverState, now: Timestamp) -> Self {
        let age = |oldest: Timestamp| {
            let age = now.duration_since(oldest).as_secs();
            u64::try_from(age).unwrap_or_default()
        };
        let port = receiver.url.port();
        let host = receiver.url.host_str().unwrap_or_default();
        Self {
            name,
            host: port.map_or(host.to_owned(), |port| format!("{host}:{port}")),
            state: state(&standing),
            waiting: standing.waiting,
            oldest_age_seconds: standing.oldest.map(age),
            failing_since: standing.failing_since,
            paused_until: standing.paused_until,
            ended_at: standing.closed_at,
            last_error: standing
                .last_failure
                .map(|(at, code)| LastError { code, at }),
        }
    }
}

/// What matters most of how a receiver stands.
fn state(standing: &ReceiverState) -> State {
    if standing.closed_at.is_some() {
        State::Ended
    } else if standing.paused_until.is_some() {
        State::Paused
    } else if standing.failing_since.is_some() {
        State::Failing
    } else {
        State::Open
    }
}

/// `GET /v1/admin/receivers`
pub async fn list(gateway: Data<Gateway>) -> Result<HttpResponse, Problem> {
    let mut receivers = Vec::new();
    for (name, receiver) in &gateway.settings.receivers {
        let standing = gateway.store.receiver(name).await?;
        receivers.push(Record::of(name, receiver, standing, gateway.store.now()));
    }
    Ok(told(&List { receivers }))
}

/// `POST /v1/admin/receivers/{receiver}/resume`: sends again to a receiver that wanted nothing any more. What waits for
/// an open one is not made to wait any longer either.
pub async fn resume(gateway: Data<Gateway>, name: Path<String>) -> Result<HttpResponse, Problem> {
    let (name, receiver) = named(&gateway.settings.receivers, &name)?;
    gateway.store.reopen_receiver(name).await?;
    let standing = gateway.store.receiver(name).await?;
    let record = Record::of(name, receiver, standing, gateway.store.now());
    Ok(told(&record))
}

fn named<'a>(
    receivers: &'a BTreeMap<String, Receiver>,
    name: &str,
) -> Result<(&'a str, &'a Receiver), Problem> {
    let name = name.to_ascii_lowercase();
    receivers
        .get_key_value(&name)
        .map(|(name, receiver)| (name.as_str(), receiver))
        .ok_or_else(|| Problem::new(Code::UnknownReceiver, "no receiver has this name"))
}

/// What to tell again: one lead, one message that waits, or the leads that stand so and came within a time.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Asked {
    lead_id: Option<LeadId>,
    message_id: Option<String>,
    status: Option<Status>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    after: Option<String>,
    dry_run: bool,
}

impl Asked {
    /// Exactly one of the three ways.
    fn is_clear(&self) -> bool {
        let by_state = self.status.is_some() || self.from.is_some() || self.to.is_some();
        let ways = [self.lead_id.is_some(), self.message_id.is_some(), by_state];
        let is_one = ways.into_iter().filter(|way| *way).count() == 1;
        is_one && (by_state || self.after.is_none())
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replayed {
    leads: Vec<LeadId>,
    next: Option<String>,
    dry_run: bool,
}

/// `POST /v1/admin/receivers/{receiver}/replays`: tells the event of each lead's present state again, in a message of a
/// new id. A message that waits is only made due.
pub async fn replay(
    gateway: Data<Gateway>,
    name: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let (name, receiver) = named(&gateway.settings.receivers, &name)?;
    door::want_json(&request)?;
    let body = door::read_body(&request, payload, gateway.settings.server.max_body_bytes).await?;
    let wanted = || {
        Problem::new(
            Code::UnreadableBody,
            "wanted: leadId, or messageId, or one or more of status, from and to (RFC 3339); after only with these",
        )
    };
    let asked: Asked = serde_json::from_slice(&body).map_err(|_| wanted())?;
    if !asked.is_clear() {
        return Err(wanted());
    }
    let dry_run = asked.dry_run;
    if let Some(text) = &asked.message_id {
        let id: MessageId = text.parse().map_err(|_| wanted())?;
        return hasten(&gateway, name, id, dry_run).await;
    }
    let (leads, next) = match asked.lead_id {
        Some(id) => (vec![known(&gateway, id).await?.lead], None),
        None => find(&gateway, &asked, wanted).await?,
    };
    let mut notices = Vec::new();
    for lead in &leads {
        let event = event_of(lead.status).unwrap_or(EventType::Received);
        if receiver.wants(event, &lead.source) {
            notices.push(Notice::new(name, event, lead, lead.status)?);
        }
    }
    let leads = notices.iter().map(|notice| notice.lead).collect();
    if !dry_run {
        gateway.store.tell(notices).await?;
    }
    Ok(told(&Replayed {
        leads,
        next: next.map(|cursor| cursor.to_string()),
        dry_run,
    }))
}

async fn hasten(
    gateway: &Gateway,
    name: &str,
    id: MessageId,
    dry_run: bool,
) -> Result<HttpResponse, Problem> {
    // A message that waits may be looked for by making it due: that harms nobody.
    if !gateway.store.hasten_notice(name, id).await? {
        return Err(Problem::new(
            Code::UnknownMessage,
            "no such message waits for this receiver: one that was delivered is told again by its leadId",
        ));
    }
    Ok(told(&Replayed {
        leads: Vec::new(),
        next: None,
        dry_run,
    }))
}

/// A piece of the leads that are asked for, and where to go on.
async fn find(
    gateway: &Gateway,
    asked: &Asked,
    wanted: impl Fn() -> Problem,
) -> Result<(Vec<Lead>, Option<Cursor>), Problem> {
    let cursor = asked.after.as_deref().map(str::parse::<Cursor>);
    let mut after = cursor.transpose().map_err(|_| wanted())?;
    let filter = Filter {
        status: asked.status,
        ..Filter::default()
    };
    let mut leads = Vec::new();
    for _ in 0..MOST_CALLS {
        let left = MOST_LEADS - leads.len();
        let page = gateway.store.list(&filter, after, left).await?;
        after = page.next;
        let is_past = page.leads.last().is_some_and(|oldest| {
            let begins = asked.from.and_then(|from| from.checked_sub(DISORDER).ok());
            begins.is_some_and(|begins| oldest.lead.received_at < begins)
        });
        let found = page.leads.into_iter().map(|stored| stored.lead);
        leads.extend(found.filter(|lead| {
            asked.from.is_none_or(|from| lead.received_at >= from)
                && asked.to.is_none_or(|to| lead.received_at < to)
        }));
        if is_past {
            after = None;
        }
        if after.is_none() || leads.len() >= MOST_LEADS {
            break;
        }
    }
    Ok((leads, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_asks_in_one_way() {
        for (body, clear) in [
            (r#"{"leadId": "ld_00000000000000000000000000"}"#, true),
            (r#"{"messageId": "msg_00000000000000000000000000"}"#, true),
            (r#"{"status": "booked"}"#, true),
            (r#"{"from": "2031-12-01T00:00:00Z", "dryRun": true}"#, true),
            (
                r#"{"status": "parked", "to": "2031-12-01T00:00:00Z", "after": "x"}"#,
                true,
            ),
            (r#"{}"#, false),
            (r#"[]"#, false),
            (r#"{"dryRun": true}"#, false),
            (r#"{"after": "x"}"#, false),
            (
                r#"{"leadId": "ld_00000000000000000000000000", "after": "x"}"#,
                false,
            ),
            (
                r#"{"leadId": "ld_00000000000000000000000000", "status": "booked"}"#,
                false,
            ),
        ] {
            let asked: Asked = serde_json::from_str(body).unwrap();
            assert_eq!(asked.is_clear(), clear, "{body}");
        }
        for body in [
            r#"{"status": "done"}"#,
            r#"{"leadId": "x"}"#,
            r#"{"id": 1}"#,
            "7",
        ] {
            assert!(serde_json::from_str::<Asked>(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_receiver_that_ended_is_shown_as_that_whatever_else_it_is() {
        let at = Some(Timestamp::UNIX_EPOCH);
        let standing = |closed_at, paused_until, failing_since| ReceiverState {
            closed_at,
            paused_until,
            failing_since,
            ..ReceiverState::default()
        };
        for (standing, shown) in [
            (standing(None, None, None), State::Open),
            (standing(None, None, at), State::Failing),
            (standing(None, at, at), State::Paused),
            (standing(at, at, at), State::Ended),
        ] {
            assert_eq!(state(&standing), shown);
        }
    }
}
