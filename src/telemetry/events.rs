//! One function per thing that happens to a lead: the line an operator reads. Ids and stable words, never content.

use crate::lead::{Lead, Status, Step};
use crate::queue::Next;

/// A lead was accepted, as new or as a duplicate.
pub fn accepted(lead: &Lead, duplicate: bool) {
    tracing::info!(
        lead.id = %lead.id, lead.source = lead.source, account = lead.account, lead.test = lead.test, duplicate,
        "lead accepted"
    );
}

/// A door refused a delivery before anything was kept.
pub fn refused(source: &str, code: &str, status: u16) {
    tracing::info!(lead.source = source, code, status, "delivery refused");
}

/// A piece of work on a lead ended. A lead that parks is worth a warning: a person must act, and is told how.
pub fn worked(lead: &Lead, step: Step, next: Next) {
    let last = lead.timeline.last();
    let outcome = last.map_or("", |event| event.outcome.as_str());
    let detail = last.and_then(|event| event.detail.as_deref());
    let reason = lead.reason.as_ref().map(|reason| reason.code);
    let (id, source, account) = (lead.id, lead.source.as_str(), lead.account.as_str());
    let (step, attempts) = (step.as_str(), lead.progress.attempts);
    let code = reason.map(|code| code.as_str());
    if lead.status == Status::Parked {
        let advice = reason.map(|code| code.next_step());
        tracing::warn!(
            lead.id = %id, lead.source = source, account, step, outcome, detail, reason = code, attempts, advice,
            "lead parked: a person is needed"
        );
        return;
    }
    let (next_step, due_in_seconds) = match next {
        Next::Done => (None, None),
        Next::After { step, delay } => (Some(step.as_str()), Some(delay.as_secs_f64())),
    };
    tracing::info!(
        lead.id = %id, lead.source = source, account, step, outcome, detail, status = lead.status.as_str(),
        reason = code, attempts, next_step, due_in_seconds, "lead worked on"
    );
}
