//! One function per thing that happens to a lead: the line an operator reads. Ids and stable words, never content.

use crate::lead::{Lead, Step};
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

/// A piece of work on a lead ended.
pub fn worked(lead: &Lead, step: Step, next: Next) {
    let outcome = lead
        .timeline
        .last()
        .map_or("", |event| event.outcome.as_str());
    let detail = lead
        .timeline
        .last()
        .and_then(|event| event.detail.as_deref());
    let (next_step, retry_in_seconds) = match next {
        Next::Done => (None, None),
        Next::After { step, delay } => (Some(step.as_str()), Some(delay.as_secs_f64())),
    };
    let reason = lead.reason.as_ref().map(|reason| reason.code);
    tracing::info!(
        lead.id = %lead.id, lead.source = lead.source, account = lead.account, step = step.as_str(), outcome, detail,
        status = lead.status.as_str(), reason = ?reason, attempts = lead.progress.attempts, next_step, retry_in_seconds,
        advice = reason.filter(|_| next == Next::Done).map(|code| code.next_step()), "lead worked on"
    );
}
