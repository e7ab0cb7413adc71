//! What is counted, and when: one function per thing that happens. The metrics themselves are in [`catalogue`].
//!
//! Recording costs some hundred nanoseconds and waits for nobody. What only the store knows is asked for at the
//! scrape, by the route that tells all this.

pub mod catalogue;
mod exposition;
mod instrument;

use std::time::Duration;

use jiff::Timestamp;
use opentelemetry::Value;

pub use exposition::{CONTENT_TYPE, text};
pub use instrument::{Described, Facts, Kind};

use crate::lead::{Lane, Lead, ReasonCode, Status, Step};
use crate::queue::{Backlog, StoreError};
use catalogue as of;

/// Every outcome of a request to iClosed.
const OUTCOMES: [&str; 7] = [
    "ok",
    "limited",
    "key_refused",
    "not_found",
    "refused",
    "not_sent",
    "unknown",
];

fn word(text: &str) -> Value {
    Value::from(text.to_owned())
}

/// The process began.
pub fn started(at: Timestamp) {
    of::BUILD.set(1.0, [env!("CARGO_PKG_VERSION").into()]);
    of::STARTED.set(at.as_duration().as_secs_f64(), []);
    of::LEADS_SWEPT.add(0, []);
}

/// A source is open: its leads will be counted.
pub fn source_known(source: &str) {
    of::LEADS_DUPLICATE.add(0, [word(source)]);
    for reason in ReasonCode::ALL {
        of::LEADS_PARKED.add(0, [word(source), reason.as_str().into()]);
    }
}

/// An account is open with such a budget for each of these endpoints.
pub fn account_known(account: &str, requests: u32, endpoints: impl Iterator<Item = &'static str>) {
    of::BUDGET.set(f64::from(requests), [word(account)]);
    for endpoint in endpoints {
        of::PERMITS_OPEN.add(0, [word(account), endpoint.into()]);
        of::PERMITS_WAITING.add(0, [word(account), endpoint.into()]);
        for outcome in OUTCOMES {
            of::ICLOSED_REQUESTS.add(0, [word(account), endpoint.into(), outcome.into()]);
        }
    }
}

/// A request was answered. `route` is the pattern of the path, empty where none matched.
pub fn served(method: &'static str, route: &'static str, status: u16, took: Duration) {
    let labels = [method.into(), route.into(), i64::from(status).into()];
    of::HTTP_SERVED.record(took.as_secs_f64(), labels);
}

/// The methods of RFC 9110 and PATCH, as the semantic conventions want it: a caller may write any word.
pub fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ];
    let found = KNOWN.into_iter().find(|known| *known == method);
    found.unwrap_or("_OTHER")
}

/// A lead was kept, as new or as a duplicate.
pub fn accepted(lead: &Lead, duplicate: bool) {
    let labels = [
        word(&lead.source),
        word(&lead.account),
        lead.lane.as_str().into(),
    ];
    of::LEADS_ACCEPTED.count(labels);
    if duplicate {
        duplicated(&lead.source);
    } else {
        count_if_parked(lead);
    }
}

/// A lead was recognised as a repetition.
pub fn duplicated(source: &str) {
    of::LEADS_DUPLICATE.count([word(source)]);
}

/// Nothing was kept of a delivery.
pub fn refused(source: &str, code: &'static str) {
    of::LEADS_REFUSED.count([word(source), code.into()]);
}

/// A person took a lead back.
pub fn withdrawn(source: &str, outcome: &'static str) {
    of::LEADS_WITHDRAWN.count([word(source), outcome.into()]);
}

/// Leads were deleted at the end of their retention.
pub fn swept(leads: u64) {
    of::LEADS_SWEPT.add(leads, []);
}

/// A worker took a lead whose work had been due for so long.
pub fn claimed(lane: Lane, step: Step, waited: Duration) {
    of::QUEUE_WAIT.record(
        waited.as_secs_f64(),
        [lane.as_str().into(), step.as_str().into()],
    );
}

/// A piece of work on a lead ended at `at`; it stood at `before` when that began. What it already was is not counted
/// again.
pub fn worked(lead: &Lead, before: Status, step: Step, at: Timestamp) {
    if before != Status::Parked {
        count_if_parked(lead);
    }
    if step == Step::Reconcile {
        let outcome = reconciled(lead.status, lead.reason.is_some());
        of::RECONCILIATIONS.count([word(&lead.account), outcome.into()]);
    }
    let last = lead.timeline.last().map(|event| event.outcome.as_str());
    if let Some(how) = booked(before, lead.status, last) {
        let lane = lead.lane.as_str();
        let labels = [
            word(&lead.source),
            word(&lead.account),
            lane.into(),
            how.into(),
        ];
        of::BOOKINGS.count(labels);
        let took = at.duration_since(lead.received_at).as_secs_f64();
        of::BOOKING_DURATION.record(took.max(0.0), [lane.into()]);
    }
}

/// How this step brought a lead its call, if it did: by the answer to its own request, or by a look at iClosed. `last`
/// is the newest word of its history.
fn booked(before: Status, now: Status, last: Option<&str>) -> Option<&'static str> {
    match (before, now, last) {
        (Status::Booked, ..) => None,
        (_, Status::Booked, Some("booked")) => Some("answered"),
        (_, Status::Booked, _) => Some("found"),
        _ => None,
    }
}

/// What a lookup came to, told by how it left the lead: one that is on its way to a person has its reason already, and
/// one that a person has already was looked for because of a webhook.
fn reconciled(status: Status, has_reason: bool) -> &'static str {
    match (status, has_reason) {
        (Status::Booked, _) => "found",
        (Status::Reconciling | Status::Parked | Status::NeedsTime, _) => "look_again",
        (Status::Queued, false) => "not_found",
        _ => "given_up",
    }
}

fn count_if_parked(lead: &Lead) {
    if lead.status == Status::Parked {
        let reason = lead
            .reason
            .as_ref()
            .map_or("", |reason| reason.code.as_str());
        of::LEADS_PARKED.count([word(&lead.source), reason.into()]);
    }
}

/// How the queue stands: of each of these accounts, and of those for which leads wait.
pub fn queue(accounts: impl Iterator<Item = String>, backlog: &[Backlog]) {
    let mut accounts: Vec<String> = accounts
        .chain(backlog.iter().map(|part| part.account.clone()))
        .collect();
    accounts.sort_unstable();
    accounts.dedup();
    for account in &accounts {
        for lane in Lane::ALL {
            let part = backlog
                .iter()
                .find(|part| part.account == *account && part.lane == lane);
            let labels = || [word(account), lane.as_str().into()];
            let waiting = part.map_or(0, |part| part.waiting);
            let overdue = part.map_or(Duration::ZERO, |part| part.overdue);
            // Beyond 2⁵³ leads the last digit does not matter.
            of::QUEUE_WAITING.set(waiting as f64, labels());
            of::QUEUE_OVERDUE.set(overdue.as_secs_f64(), labels());
        }
    }
}

/// Whether leads can be taken.
pub fn ready(is_ready: bool) {
    of::READY.set(f64::from(u8::from(is_ready)), []);
}

/// A request to iClosed ended so.
pub fn asked_iclosed(account: &str, endpoint: &'static str, outcome: &'static str) {
    of::ICLOSED_REQUESTS.count([word(account), endpoint.into(), outcome.into()]);
}

/// A step of the store ended.
pub fn stored(
    store: &'static str,
    operation: &'static str,
    took: Duration,
    failure: Option<&StoreError>,
) {
    of::STORE_DURATION.record(took.as_secs_f64(), [store.into(), operation.into()]);
    if let Some(error) = failure {
        let word = match error {
            StoreError::Full(_) => "full",
            StoreError::Unavailable(_) => "unavailable",
            StoreError::Unreadable(_) => "unreadable",
        };
        of::STORE_FAILURES.count([store.into(), word.into()]);
    }
}

/// A store of this kind is open: its failures will be counted.
pub fn store_known(store: &'static str) {
    for word in ["full", "unavailable", "unreadable"] {
        of::STORE_FAILURES.add(0, [store.into(), word.into()]);
    }
}

/// An event was sent to one of the operator's receivers, named in the settings: `delivered`, `retried` or `given_up`.
pub fn delivered(receiver: &str, outcome: &'static str) {
    of::OUTBOUND.count([word(receiver), outcome.into()]);
}

/// A receiver is in the settings: its deliveries will be counted.
pub fn receiver_known(receiver: &str) {
    for outcome in ["delivered", "retried", "given_up"] {
        of::OUTBOUND.add(0, [word(receiver), outcome.into()]);
    }
}

/// One request to another server: sent with a method to a server, under a template of its path where one is known.
pub(super) fn sent(
    (method, server, template): (&'static str, &str, &'static str),
    status: Option<u16>,
    error: Option<&'static str>,
    took: Duration,
) {
    let labels = [
        method.into(),
        word(server),
        template.into(),
        status.map_or_else(|| "".into(), |status| i64::from(status).into()),
        error.unwrap_or_default().into(),
    ];
    of::HTTP_SENT.record(took.as_secs_f64(), labels);
}

/// A permit that counts against its budget for as long as this lives.
pub struct OpenPermit {
    account: String,
    endpoint: &'static str,
}

impl OpenPermit {
    /// From now on.
    pub fn new(account: &str, endpoint: &'static str) -> Self {
        of::PERMITS_OPEN.add(1, [word(account), endpoint.into()]);
        Self {
            account: account.to_owned(),
            endpoint,
        }
    }
}

impl Drop for OpenPermit {
    fn drop(&mut self) {
        of::PERMITS_OPEN.add(-1, [word(&self.account), self.endpoint.into()]);
    }
}

/// Somebody who waits for a permit for as long as this lives.
pub struct PermitWait<'a> {
    account: &'a str,
    endpoint: &'static str,
    since: std::time::Instant,
}

impl<'a> PermitWait<'a> {
    /// From now on.
    pub fn begin(account: &'a str, endpoint: &'static str) -> Self {
        of::PERMITS_WAITING.add(1, [word(account), endpoint.into()]);
        Self {
            account,
            endpoint,
            since: std::time::Instant::now(),
        }
    }
}

impl Drop for PermitWait<'_> {
    fn drop(&mut self) {
        let labels = || [word(self.account), self.endpoint.into()];
        of::PERMITS_WAITING.add(-1, labels());
        of::PERMIT_WAIT.record(self.since.elapsed().as_secs_f64(), labels());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lookup_is_told_by_how_it_left_the_lead() {
        for (status, has_reason, outcome) in [
            (Status::Booked, false, "found"),
            (Status::Reconciling, false, "look_again"),
            (Status::Queued, false, "not_found"),
            (Status::Queued, true, "given_up"),
            (Status::Parked, true, "look_again"),
            (Status::NeedsTime, true, "look_again"),
        ] {
            assert_eq!(reconciled(status, has_reason), outcome, "{status:?}");
        }
    }

    #[test]
    fn a_booking_counts_in_the_step_that_brought_it_and_in_no_later_one() {
        use Status::{Booked, Booking, Cancelled, Parked, Queued, Reconciling};
        for (before, now, last, how) in [
            (Booking, Booked, Some("booked"), Some("answered")),
            (Booking, Booked, Some("found_booked"), Some("found")),
            (Reconciling, Booked, Some("found_booked"), Some("found")),
            (Parked, Booked, Some("found_booked"), Some("found")),
            (Booked, Booked, Some("booked"), None),
            (Booked, Booked, Some("unchanged"), None),
            (Booked, Cancelled, Some("cancelled"), None),
            (Booking, Queued, Some("slot_refused"), None),
        ] {
            assert_eq!(
                booked(before, now, last),
                how,
                "{before:?} {now:?} {last:?}"
            );
        }
    }

    #[test]
    fn a_method_nobody_knows_is_no_label() {
        for (method, known) in [
            ("POST", "POST"),
            ("PATCH", "PATCH"),
            ("post", "_OTHER"),
            ("kim@person.example", "_OTHER"),
            ("", "_OTHER"),
        ] {
            assert_eq!(known_method(method), known);
        }
    }
}
