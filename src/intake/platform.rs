//! A platform's delivery: taken whatever it holds. Nobody is there to be asked again, so a value that cannot be used
//! is set aside and kept, and a lead that nobody can reach is kept for a person to look at.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::draft::Draft;
use super::enrich::{self, Circumstances, Enriched};
use super::fault::Fault;
use super::person::Hasher;
use super::{Refused, first_step, person_window};
use crate::lead::{Event, Lead, LeadId, Reason, ReasonCode, Sender, Status, Step};
use crate::queue::{Acceptance, Accepted, Amended, Digest, Hold, Idempotency, Next, Store};
use crate::settings::Source;
use crate::sources::{Entry, Fetch};
use crate::telemetry;

/// A platform's id is remembered for longer than any platform repeats itself (Meta: about 36 hours,
/// developers.facebook.com) and for back-fills of a form after an outage.
const PLATFORM_ID_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// A lead without an id of its platform's is recognised by its bytes, and a person may well send the same again another
/// day.
const BYTES_KEPT: Duration = Duration::from_secs(24 * 3600);

/// The word for a withdrawal in a lead's history.
const WITHDRAW: &str = "withdraw";

/// What every lead of one delivery shares.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// Where the lead is kept.
    pub store: &'a dyn Store,
    /// Digests under the store's key.
    pub hasher: &'a Hasher,
    /// Refuse when so many leads wait already.
    pub max_waiting: u64,
    /// The source it came by.
    pub source: &'a Source,
    /// The request's trace.
    pub trace: Option<&'a str>,
}

/// The digest under which a platform's id is remembered.
pub fn id_digest(hasher: &Hasher, source: &str, id: &str) -> Digest {
    hasher.digest("platform", &[source.as_bytes(), id.as_bytes()])
}

/// Keeps one whole lead. Returns its name; that of the first delivery when this one came before, which is told by the
/// platform's id, and without one by `raw`, the delivery as it is kept.
///
/// # Errors
/// Only when it cannot be kept.
pub async fn take(around: Around<'_>, entry: Entry, raw: String) -> Result<LeadId, Refused> {
    let known = match &entry.id {
        Some(id) => known_by_id(around, id),
        None => Idempotency {
            key: around
                .hasher
                .digest("bytes", &[around.source.name.as_bytes(), raw.as_bytes()]),
            body: None,
            kept: BYTES_KEPT,
        },
    };
    // The test tools of several platforms send one delivery again and again.
    let known = Some(known).filter(|_| !entry.test);
    let Enriched { mut lead, person } = lenient(around, entry, raw)?;
    let stage = ("accept", "accepted", lead.received_at);
    let (first, person) = place(&mut lead, around.source, person, stage);
    keep(around, lead, first, person, known).await
}

/// Keeps a lead of which only ids came, to be fetched. Returns its name as [`take`] does.
///
/// # Errors
/// Only when it cannot be kept.
pub async fn take_notice(around: Around<'_>, fetch: Fetch, raw: String) -> Result<LeadId, Refused> {
    let known = known_by_id(around, &fetch.id);
    let entry = Entry {
        id: Some(fetch.id.clone()),
        ..Entry::default()
    };
    let Enriched { mut lead, .. } = lenient(around, entry, raw)?;
    lead.to_fetch = serde_json::to_value(fetch).ok();
    lead.note(lead.received_at, "accept", "accepted", None);
    keep(around, lead, Some(Step::Fetch), Vec::new(), Some(known)).await
}

/// What a fetched lead became.
pub struct Completed {
    /// Who it is.
    pub person: Vec<Digest>,
    /// What is done with it next; `None`: it ends where it stands.
    pub next: Option<Step>,
}

/// Fills a lead that was kept as a notice with what the platform then told.
///
/// # Errors
/// Only when the system gives no randomness.
pub fn complete(around: Around<'_>, lead: &mut Lead, entry: Entry) -> Result<Completed, Refused> {
    let Enriched {
        lead: whole,
        person,
    } = lenient(around, entry, String::new())?;
    let notice = std::mem::replace(lead, whole);
    lead.id = notice.id;
    lead.received_at = notice.received_at;
    lead.trace = notice.trace;
    lead.raw = notice.raw;
    lead.platform_id = notice.platform_id;
    let later = std::mem::replace(&mut lead.timeline, notice.timeline);
    lead.timeline.extend(later);
    let stage = (Step::Fetch.as_str(), "fetched", around.store.now());
    let (next, person) = place(lead, around.source, person, stage);
    Ok(Completed { person, next })
}

fn known_by_id(around: Around<'_>, id: &str) -> Idempotency {
    Idempotency {
        key: id_digest(around.hasher, &around.source.name, id),
        body: None,
        kept: PLATFORM_ID_KEPT,
    }
}

async fn keep(
    around: Around<'_>,
    lead: Lead,
    first: Option<Step>,
    person: Vec<Digest>,
    idempotency: Option<Idempotency>,
) -> Result<LeadId, Refused> {
    let lead = Arc::new(lead);
    let acceptance = Acceptance {
        lead: Arc::clone(&lead),
        first,
        idempotency,
        person,
        person_window: person_window(around.source),
        max_waiting: around.max_waiting,
    };
    match around.store.accept(acceptance).await? {
        Accepted::Kept { .. } => {
            telemetry::events::accepted(&lead, false);
            Ok(lead.id)
        }
        Accepted::Duplicate { .. } => {
            telemetry::events::accepted(&lead, true);
            Ok(lead.id)
        }
        Accepted::Replayed { lead, .. } => Ok(lead),
        Accepted::KeyReused => Err(Refused::KeyReused),
    }
}

/// Where a lead of a platform goes, and who it is: a trial delivery and a lead nobody can reach end at once. `stage`
/// is how the history calls what brought it here: step, outcome and time.
fn place(
    lead: &mut Lead,
    source: &Source,
    person: Vec<Digest>,
    (step, outcome, at): (&str, &str, Timestamp),
) -> (Option<Step>, Vec<Digest>) {
    let reachable = lead.contact.email.is_some() || lead.contact.phone_number.is_some();
    let (code, detail) = match (lead.test, reachable) {
        (true, _) => (ReasonCode::TestLead, "the platform marks it as a test"),
        (false, false) => (
            ReasonCode::NoContact,
            "it holds no email address and no phone number that can be read",
        ),
        (false, true) => {
            lead.note(at, step, outcome, None);
            return (Some(first_step(source, lead)), person);
        }
    };
    lead.status = Status::Parked;
    lead.reason = Some(Reason {
        code,
        detail: detail.to_owned(),
    });
    lead.note(at, step, "parked", Some(detail.to_owned()));
    (None, Vec::new())
}

/// As [`enrich::enrich`], but what is at fault is set aside under `extra` instead of standing against the lead.
fn lenient(around: Around<'_>, entry: Entry, raw: String) -> Result<Enriched, Refused> {
    let circumstances = Circumstances {
        source: around.source,
        sender: Sender::default(),
        referer: None,
        now: around.store.now(),
        trace: around.trace.map(str::to_owned),
        id: LeadId::random().map_err(|_| Refused::NoRandomness)?,
        raw,
    };
    let (id, test) = (entry.id.clone(), entry.test);
    let (mut draft, faults) = Draft::of_entry(entry);
    let mut aside = set_aside(&mut draft, faults);
    // One value may stand only by another: a local number is no fault beside an address, until the address goes.
    let mut enriched = loop {
        match enrich::enrich(draft.clone(), circumstances.clone(), around.hasher) {
            Ok(enriched) => break enriched,
            Err(faults) => {
                let more = set_aside(&mut draft, faults.clone());
                if more.is_empty() {
                    return Err(Refused::Invalid(faults));
                }
                aside.extend(more);
            }
        }
    };
    let lead = &mut enriched.lead;
    lead.platform_id = id;
    lead.test = test;
    let at = lead.received_at;
    if !aside.is_empty() {
        let places = Some(format!("kept under extra: {}", aside.join(", ")));
        lead.note(at, "accept", "set_aside", places);
    }
    Ok(enriched)
}

/// Moves what is at fault out of the way; returns each place with what is wrong there.
fn set_aside(draft: &mut Draft, faults: Vec<Fault>) -> Vec<String> {
    let mut aside = Vec::new();
    for fault in faults {
        let place = fault.pointer.trim_start_matches('/');
        let field = place.split('/').next().unwrap_or_default();
        if let Some(value) = draft.give_up(field) {
            draft.extra.insert(field.to_owned(), value);
            aside.push(format!("{field} ({})", fault.code));
        }
    }
    aside
}

/// The delivery as it is kept with a lead: the whole of it, or of a delivery of several leads only this one's part.
pub fn raw_of(whole: Option<&[u8]>, part: &impl serde::Serialize) -> String {
    match whole {
        Some(body) => String::from_utf8_lossy(body).into_owned(),
        None => serde_json::to_string(part).unwrap_or_default(),
    }
}

/// What came of a withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// The lead is cancelled, or was at its end before; its history says so.
    Done(LeadId),
    /// No lead was delivered under this id.
    Unknown,
    /// A worker holds the lead now.
    Busy,
}

/// What a withdrawal comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawal {
    /// The lead is cancelled.
    Cancelled,
    /// iClosed holds a call.
    CallStands,
    /// iClosed may hold a call.
    CallUnknown,
    /// The lead came to its end without a call.
    NoCall,
}

impl Withdrawal {
    /// Every one.
    pub const ALL: [Self; 4] = [
        Self::Cancelled,
        Self::CallStands,
        Self::CallUnknown,
        Self::NoCall,
    ];

    /// The word for it in the lead's history.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::CallStands => "call_stands",
            Self::CallUnknown => "call_unknown",
            Self::NoCall => "no_call",
        }
    }

    /// Of a lead that stands so; `None`: a request for it is under way, or being looked into.
    fn of(lead: &Lead) -> Option<Self> {
        let reason = lead.reason.as_ref();
        let was_looked_for = reason.is_some_and(|reason| reason.code.may_be_booked());
        let is_in_doubt = lead.progress.intent.is_some() || lead.progress.missed.is_some();
        match lead.status {
            Status::Queued | Status::Parked if was_looked_for => Some(Self::CallUnknown),
            Status::NeedsTime | Status::Parked if is_in_doubt => Some(Self::CallUnknown),
            Status::Queued if is_in_doubt => None,
            Status::Queued | Status::NeedsTime | Status::Parked => Some(Self::Cancelled),
            Status::Booking | Status::Reconciling => None,
            Status::Booked => Some(Self::CallStands),
            Status::Duplicate | Status::Disqualified | Status::Cancelled | Status::Erased => {
                Some(Self::NoCall)
            }
        }
    }
}

/// Takes a lead back that its person withdrew at the platform. A call that is booked already, or may be, stays: a
/// person decides about it, and finds the withdrawal in the lead's history.
///
/// # Errors
/// Only when the store fails.
pub async fn withdraw(around: Around<'_>, id: &str) -> Result<Withdrawn, Refused> {
    let key = id_digest(around.hasher, &around.source.name, id);
    let Some(lead) = around.store.repeated(key).await? else {
        return Ok(Withdrawn::Unknown);
    };
    let Some(mut stored) = around.store.get(lead).await? else {
        return Ok(Withdrawn::Unknown);
    };
    let known = |line: &Event| line.step == WITHDRAW;
    if stored.lead.timeline.iter().any(known) {
        return Ok(Withdrawn::Done(lead));
    }
    let now = around.store.now();
    let Some(withdrawal) = Withdrawal::of(&stored.lead) else {
        return Ok(Withdrawn::Busy);
    };
    let outcome = withdrawal.as_str();
    let (next, hold) = match withdrawal {
        Withdrawal::Cancelled => {
            stored.lead.status = Status::Cancelled;
            stored.lead.reason = None;
            (Next::Done, Hold::Spent)
        }
        _ => (stored.as_before(now), Hold::Keep),
    };
    let detail = Some("the person took the lead back at the platform".to_owned());
    stored.lead.note(now, WITHDRAW, outcome, detail);
    match around.store.amend(stored, next, hold).await? {
        Amended::Done => {
            telemetry::events::withdrawn(lead, &around.source.name, outcome);
            Ok(Withdrawn::Done(lead))
        }
        Amended::Changed | Amended::PersonTaken(_) => Ok(Withdrawn::Busy),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn lead(status: &str, reason: Option<&str>, progress: &Value) -> Lead {
        serde_json::from_value(json!({
            "id": "ld_00000000000000000000000000", "account": "main", "source": "web", "linkPrefix": "ann/intro",
            "lane": "normal", "receivedAt": "2026-09-01T08:00:00Z", "status": status, "slot": "nearest",
            "contact": {}, "reason": reason.map(|code| json!({"code": code, "detail": ""})), "progress": progress,
        }))
        .unwrap()
    }

    #[test]
    fn a_lead_that_may_have_a_call_is_not_cancelled_by_its_platform() {
        let asked = json!({"intent": {
            "attempt": 1, "instant": "2026-09-02T08:00:00Z", "sentAt": "2026-09-01T08:00:00Z",
        }});
        let missed = json!({"missed": "2026-09-02T08:00:00Z"});
        let unknown = Some(Withdrawal::CallUnknown);
        for (status, reason, progress, expected) in [
            ("queued", None, &asked, None),
            ("queued", None, &missed, None),
            ("queued", Some("outcome_unknown"), &asked, unknown),
            ("parked", Some("key_refused"), &asked, unknown),
            ("needs_time", Some("time_not_chosen"), &missed, unknown),
            ("booking", None, &asked, None),
            ("reconciling", None, &asked, None),
            ("booked", None, &missed, Some(Withdrawal::CallStands)),
        ] {
            let lead = lead(status, reason, progress);
            assert_eq!(
                Withdrawal::of(&lead),
                expected,
                "{status} {reason:?} {progress}"
            );
        }
        for (status, reason, expected) in [
            ("queued", None, Some(Withdrawal::Cancelled)),
            (
                "needs_time",
                Some("time_not_chosen"),
                Some(Withdrawal::Cancelled),
            ),
            ("parked", Some("no_slots"), Some(Withdrawal::Cancelled)),
            (
                "parked",
                Some("outcome_unknown"),
                Some(Withdrawal::CallUnknown),
            ),
            ("booking", None, None),
            ("reconciling", None, None),
            ("booked", None, Some(Withdrawal::CallStands)),
            ("duplicate", None, Some(Withdrawal::NoCall)),
            ("cancelled", None, Some(Withdrawal::NoCall)),
        ] {
            let lead = lead(status, reason, &json!({}));
            assert_eq!(Withdrawal::of(&lead), expected, "{status} {reason:?}");
        }
    }
}
