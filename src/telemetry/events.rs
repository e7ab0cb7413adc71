//! One function per thing that happens to a lead: the line an operator reads. Ids and stable words, never content.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::lead::{Lead, LeadId, Status, Step};
use crate::queue::notices::{Delivery, NoticeClaim};
use crate::queue::{Next, StoreError};

use super::metrics;
use super::seldom::Seldom;

/// When the store fails, every loop, every lead in hand and every caller meets it, and most of them again and again.
static STORE_FAILED: Mutex<Seldom> = Mutex::new(Seldom::new(Duration::from_secs(5)));

/// While a captcha's provider is away, every lead meets it.
static CAPTCHA_UNKNOWN: Mutex<Seldom> = Mutex::new(Seldom::new(Duration::from_secs(5)));

/// The store did not do its part for somebody who was `doing` this. Of all in this process who say so, one in five
/// seconds is heard, with how many were not.
pub fn store_failed(doing: &'static str, lead: Option<LeadId>, error: &StoreError) {
    let mut seldom = STORE_FAILED.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(unheard) = seldom.turn(Instant::now()) else {
        return;
    };
    drop(seldom);
    let id = lead.map(tracing::field::display);
    tracing::warn!(doing, lead.id = id, %error, unheard, "the store failed");
}

/// A captcha could not be checked: its provider is away, or refuses the secret. One in five seconds is heard.
pub fn captcha_unknown(source: &str, why: &'static str) {
    let mut seldom = CAPTCHA_UNKNOWN
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(unheard) = seldom.turn(Instant::now()) {
        tracing::warn!(
            lead.source = source,
            why,
            unheard,
            "a captcha could not be checked"
        );
    }
}

/// A lead was accepted, as new or as a duplicate.
pub fn accepted(lead: &Lead, duplicate: bool) {
    metrics::accepted(lead, duplicate);
    tracing::info!(
        lead.id = %lead.id, lead.source = lead.source, account = lead.account, lead.test = lead.test, duplicate,
        "lead accepted"
    );
}

/// A door refused a delivery before anything was kept. The store's own trouble has its own line, one for all whom it
/// meets, so that here it is only counted.
pub fn refused(source: &str, code: &'static str, status: u16, of_store: bool) {
    metrics::refused(source, code);
    if !of_store {
        tracing::info!(lead.source = source, code, status, "delivery refused");
    }
}

/// A fetched lead turned out to repeat another.
pub fn repeats(id: LeadId, source: &str, first: LeadId) {
    metrics::duplicated(source);
    tracing::info!(lead.id = %id, lead.source = source, duplicate_of = %first, "lead repeats another");
}

/// A person took a lead back at the platform; `outcome` says what that changed.
pub fn withdrawn(id: LeadId, source: &str, outcome: &'static str) {
    metrics::withdrawn(source, outcome);
    tracing::info!(lead.id = %id, lead.source = source, outcome, "lead withdrawn");
}

/// A lead that was asked for a time chose one.
pub fn time_chosen(id: LeadId, source: &str) {
    tracing::info!(lead.id = %id, lead.source = source, "time chosen");
}

/// So many leads were deleted because their retention was over.
pub fn swept(leads: u64) {
    metrics::swept(leads);
    tracing::info!(leads, "leads past their retention were deleted");
}

/// A try to tell a receiver ended: it has the message, the message was put off, or the receiver wants nothing any more.
/// `http` is the status of the answer, if there was one.
pub fn told(claim: &NoticeClaim, delivery: &Delivery, http: Option<u16>) {
    let notice = &claim.notice;
    let (id, lead, receiver) = (notice.id, notice.lead, notice.receiver.as_str());
    let (event, failures) = (notice.event.as_str(), claim.tries);
    let outcome = match delivery {
        Delivery::Done => "delivered",
        Delivery::PutOff { .. } => "retried",
        Delivery::Ended { .. } => "given_up",
    };
    metrics::delivered(receiver, outcome);
    match delivery {
        Delivery::Done => tracing::info!(
            message.id = %id, lead.id = %lead, receiver, event, failures, http, "message delivered"
        ),
        Delivery::PutOff {
            delay,
            pause,
            failure,
            ..
        } => {
            let due_in_seconds = delay.as_secs_f64();
            let pause_seconds = pause.map(|pause| pause.as_secs_f64());
            tracing::warn!(
                message.id = %id, lead.id = %lead, receiver, event, failures, http, failure,
                due_in_seconds, pause_seconds, "message put off"
            );
        }
        Delivery::Ended { failure } => tracing::error!(
            message.id = %id, lead.id = %lead, receiver, event, http, failure,
            "receiver ended: nothing is sent to it until the operator resumes it"
        ),
    }
}

/// A piece of work on a lead ended that stood at `before` when it began. A lead that parks is worth a warning: a person
/// must act, and is told how. What iClosed said of it stays in the record: a refusal may repeat a name, and nothing can
/// tell that it is one.
pub fn worked(lead: &Lead, before: Status, step: Step, next: Next) {
    let last = lead.timeline.last();
    let at = last.map_or(lead.received_at, |event| event.at);
    metrics::worked(lead, before, step, at);
    let outcome = last.map_or("", |event| event.outcome.as_str());
    let reason = lead.reason.as_ref().map(|reason| reason.code);
    let (id, source, account) = (lead.id, lead.source.as_str(), lead.account.as_str());
    let (step, attempts) = (step.as_str(), lead.progress.attempts);
    let code = reason.map(|code| code.as_str());
    if lead.status == Status::Parked && before != Status::Parked {
        let advice = reason.map(|code| code.next_step());
        tracing::warn!(
            lead.id = %id, lead.source = source, account, step, outcome, reason = code, attempts, advice,
            "lead parked: a person is needed"
        );
        return;
    }
    let (next_step, due_in_seconds) = match next {
        Next::Done => (None, None),
        Next::After { step, delay } => (Some(step.as_str()), Some(delay.as_secs_f64())),
    };
    tracing::info!(
        lead.id = %id, lead.source = source, account, step, outcome, status = lead.status.as_str(),
        reason = code, attempts, next_step, due_in_seconds, "lead worked on"
    );
}

/// A webhook of iClosed's was read. `kind` and `outcome` are stable words; nothing of its body is repeated.
pub fn webhook(account: &str, kind: &'static str, lead: Option<LeadId>, outcome: &'static str) {
    let id = lead.map(tracing::field::display);
    tracing::info!(account, kind, lead.id = id, outcome, "webhook received");
}
