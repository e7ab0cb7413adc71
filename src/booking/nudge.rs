//! What a webhook of iClosed's does to a lead: at most it makes a question due. [`super::confirm`] asks it of a call
//! that is known, and [`super::reconcile`] of one that may exist, as soon as any look for a lost answer.
//!
//! A nudge is on disk when [`nudge`] says so. One for a lead in a worker's hands waits for the worker, and is handed
//! back when that takes too long: whoever sent it sends it again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::iclosed::{Hook, HookKind};
use crate::lead::{Displaced, Lead, LeadId, ReasonCode, Status, Step};
use crate::queue::{Amended, Hold, Next, Store, StoreError, Stored, until};

use super::looks::is_beside_schedule;
use super::reconcile::open_request;

/// A lead is asked about at most this often, however many webhooks name it.
const BETWEEN_QUESTIONS: SignedDuration = SignedDuration::from_secs(30);

/// A worker of another replica may end without this process being told.
const LOOK_AT_LEAST: Duration = Duration::from_millis(250);

/// What became of a nudge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nudged {
    /// A question about the lead's call is on disk.
    Due,
    /// There is nothing to ask, or it will be asked anyway.
    Nothing,
    /// A worker held the lead all the time. Nothing was written.
    Busy,
}

impl Nudged {
    /// The word for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Nudged::Due => "due",
            Nudged::Nothing => "nothing",
            Nudged::Busy => "busy",
        }
    }
}

/// Takes what a webhook says of this lead, waiting for a worker until `deadline`.
///
/// # Errors
/// When the store fails; the nudge is then not taken.
pub async fn nudge(
    store: &dyn Store,
    id: LeadId,
    hook: &Hook,
    deadline: Instant,
) -> Result<Nudged, StoreError> {
    let watch = store.changes().watch_lead(id);
    loop {
        let changed = watch.changed();
        let Some(mut stored) = store.get(id).await? else {
            return Ok(Nudged::Nothing);
        };
        match effect(&stored, hook.kind, store.now()) {
            Effect::Nothing => return Ok(Nudged::Nothing),
            Effect::Wait => {
                let look_at = deadline.min(Instant::now() + LOOK_AT_LEAST);
                // Either is only a reason to look again.
                tokio::time::timeout_at(look_at, changed).await.ok();
            }
            Effect::Ask {
                step,
                delay,
                displaced,
            } => {
                stored.lead.progress.confirmation.displaced = displaced;
                let next = Next::After { step, delay };
                match store.amend(stored, next, Hold::Keep).await? {
                    Amended::Done => return Ok(Nudged::Due),
                    Amended::PersonTaken(_) => return Ok(Nudged::Nothing),
                    Amended::Changed => {}
                }
            }
        }
        if Instant::now() >= deadline {
            return Ok(Nudged::Busy);
        }
    }
}

/// What a nudge asks of a lead that stands like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Nothing,
    /// A worker may be about to change what this nudge is about.
    Wait,
    Ask {
        step: Step,
        delay: Duration,
        displaced: Option<Displaced>,
    },
}

/// Whether a call may exist that the record does not know.
fn is_unknown(lead: &Lead) -> bool {
    let code = lead.reason.as_ref().map(|reason| reason.code);
    match lead.status {
        Status::Reconciling => true,
        Status::Parked => code == Some(ReasonCode::OutcomeUnknown),
        Status::Queued => {
            code == Some(ReasonCode::OutcomeUnknown) || lead.progress.missed.is_some()
        }
        Status::NeedsTime => lead.progress.missed.is_some(),
        _ => false,
    }
}

fn effect(stored: &Stored, kind: HookKind, now: Timestamp) -> Effect {
    let lead = &stored.lead;
    let is_unknown = is_unknown(lead);
    // A worker whose lease ran out may still settle what it learned before this nudge came.
    let held_for = stored
        .waits
        .filter(|waits| waits.leased)
        .map(|waits| waits.step);
    match held_for {
        Some(Step::Book | Step::Reconcile | Step::Confirm) => return Effect::Wait,
        Some(_) if is_unknown => return Effect::Wait,
        Some(_) => return Effect::Nothing,
        None => {}
    }
    let asked_at = lead.progress.confirmation.asked_at;
    let from = asked_at.and_then(|at| at.checked_add(BETWEEN_QUESTIONS).ok());
    let delay = from.map_or(Duration::ZERO, |from| until(from, now));
    let is_change = matches!(
        kind,
        HookKind::Cancelled | HookKind::Rescheduled | HookKind::Outcome
    );
    let ask = |step, displaced| Effect::Ask {
        step,
        delay,
        displaced,
    };
    match stored.waits.map(|waits| (waits.step, waits.due_at)) {
        None if lead.status == Status::Booked && is_change => ask(Step::Confirm, None),
        _ if !is_unknown || kind != HookKind::Booked || open_request(lead).is_none() => {
            Effect::Nothing
        }
        None => ask(Step::Reconcile, None),
        // One is due already.
        Some((Step::Reconcile, _)) if is_beside_schedule(lead) => Effect::Nothing,
        // The schedule's own look comes no later.
        Some((Step::Reconcile, due_at)) if until(due_at, now) <= delay => Effect::Nothing,
        Some((step @ (Step::Reconcile | Step::HandOver | Step::Book), due_at)) => {
            ask(Step::Reconcile, Some(Displaced { step, due_at }))
        }
        Some(_) => Effect::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::queue::{Seen, Waits};

    const NOW: &str = "2026-11-02T00:00:00Z";

    fn at(seconds: i64) -> Timestamp {
        let now: Timestamp = NOW.parse().unwrap();
        now + SignedDuration::from_secs(seconds)
    }

    /// A lead with an open intent where there is one, waiting for a step that is due, or leased, for so many seconds.
    fn stored(status: &str, waits: Option<(Step, i64, bool)>) -> Stored {
        let mut record = json!({
            "id": LeadId::from_bytes([7; 16]), "account": "main", "source": "web", "linkPrefix": "acme/intro",
            "lane": "normal", "receivedAt": NOW, "status": status, "contact": {}, "slot": "nearest",
        });
        if status != "booked" && status != "cancelled" {
            record["progress"] = json!({
                "intent": { "attempt": 1, "instant": "2026-12-01T15:00:00Z", "sentAt": NOW },
            });
        }
        if status == "parked" {
            record["reason"] = json!({ "code": "outcome_unknown", "detail": "" });
        }
        let lead = serde_json::from_value(record).unwrap();
        Stored {
            seen: Seen::of(&lead),
            lead,
            version: 1,
            waits: waits.map(|(step, seconds, leased)| Waits {
                step,
                due_at: at(seconds),
                leased,
            }),
        }
    }

    fn ask(step: Step, seconds: u64, displaced: Option<(Step, i64)>) -> Effect {
        Effect::Ask {
            step,
            delay: Duration::from_secs(seconds),
            displaced: displaced.map(|(step, seconds)| Displaced {
                step,
                due_at: at(seconds),
            }),
        }
    }

    #[test]
    fn a_nudge_makes_a_question_due_where_the_answer_may_change_something() {
        use HookKind::{Booked, Cancelled, Outcome, Rescheduled};
        use Step::{Book, Confirm, HandOver, Qualify, Reconcile};
        let (nothing, wait) = (Effect::Nothing, Effect::Wait);
        for (status, waits, kind, expected) in [
            ("booked", None, Cancelled, ask(Confirm, 0, None)),
            ("booked", None, Rescheduled, ask(Confirm, 0, None)),
            ("booked", None, Outcome, ask(Confirm, 0, None)),
            ("booked", None, Booked, nothing),
            ("booked", Some((Confirm, 20, false)), Cancelled, nothing),
            ("booked", Some((Confirm, 20, true)), Cancelled, wait),
            ("booked", Some((Confirm, -1, true)), Cancelled, wait),
            (
                "reconciling",
                Some((Reconcile, 20, false)),
                Booked,
                ask(Reconcile, 0, Some((Reconcile, 20))),
            ),
            ("reconciling", Some((Reconcile, -1, false)), Booked, nothing),
            ("reconciling", Some((Reconcile, 20, true)), Booked, wait),
            (
                "reconciling",
                Some((Reconcile, 20, false)),
                Cancelled,
                nothing,
            ),
            ("parked", None, Booked, ask(Reconcile, 0, None)),
            ("parked", Some((Reconcile, 20, false)), Booked, nothing),
            ("parked", None, Cancelled, nothing),
            (
                "parked",
                Some((HandOver, 5, false)),
                Booked,
                ask(Reconcile, 0, Some((HandOver, 5))),
            ),
            ("parked", Some((HandOver, 5, true)), Booked, wait),
            ("queued", Some((Book, 20, false)), Booked, nothing),
            ("queued", Some((Book, 20, true)), Booked, wait),
            ("queued", Some((Book, 20, true)), Cancelled, wait),
            ("queued", Some((Qualify, 20, true)), Booked, nothing),
            ("cancelled", None, Rescheduled, nothing),
        ] {
            let stored = stored(status, waits);
            assert_eq!(
                effect(&stored, kind, at(0)),
                expected,
                "{status} {waits:?} {kind:?}"
            );
        }
    }

    #[test]
    fn a_lead_is_asked_about_once_in_thirty_seconds() {
        let mut booked = stored("booked", None);
        booked.lead.progress.confirmation.asked_at = Some(at(-10));
        assert_eq!(
            effect(&booked, HookKind::Cancelled, at(0)),
            ask(Step::Confirm, 20, None)
        );
        assert_eq!(
            effect(&booked, HookKind::Cancelled, at(60)),
            ask(Step::Confirm, 0, None)
        );
        let mut unknown = stored("reconciling", Some((Step::Reconcile, 15, false)));
        unknown.lead.progress.confirmation.asked_at = Some(at(-10));
        assert_eq!(effect(&unknown, HookKind::Booked, at(0)), Effect::Nothing);
    }
    #[test]
    fn a_lead_that_was_looked_for_in_vain_is_looked_for_again_when_a_call_is_told_of() {
        let displaced = |step, seconds| ask(Step::Reconcile, 0, Some((step, seconds)));
        for (status, waits, expected) in [
            (
                "needs_time",
                (Step::HandOver, 600, false),
                displaced(Step::HandOver, 600),
            ),
            ("queued", (Step::Book, 20, false), displaced(Step::Book, 20)),
        ] {
            let mut stored = stored(status, Some(waits));
            let intent = stored.lead.progress.intent.take();
            assert_eq!(
                effect(&stored, HookKind::Booked, at(0)),
                Effect::Nothing,
                "{status}: nothing was asked for"
            );
            stored.lead.progress.missed = intent.map(|intent| intent.instant);
            assert_eq!(effect(&stored, HookKind::Booked, at(0)), expected);
        }
    }

    #[test]
    fn a_second_webhook_does_not_put_the_schedules_look_off() {
        let mut unknown = stored("reconciling", Some((Step::Reconcile, 15, false)));
        unknown.lead.progress.confirmation.displaced = Some(Displaced {
            step: Step::Reconcile,
            due_at: at(600),
        });
        assert_eq!(effect(&unknown, HookKind::Booked, at(0)), Effect::Nothing);
    }
}
