//! What each outcome does to the lead. No other place moves a status after acceptance.

use std::time::Duration;

use jiff::Timestamp;

use crate::lead::{Lead, Reason, ReasonCode, Status, Step};
use crate::queue::{Hold, Next};
use crate::retry;

use super::outcome::{HandOverEnd, Outcome};
use super::{cancel, confirm, looks, reconcile};

/// The bounds that [`apply`] needs.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Seconds after a missed answer at which the call is looked up.
    pub look_after_seconds: Vec<u64>,
    /// Booking requests a lead may cost.
    pub max_attempts: u32,
    /// How long a lead may take to choose a time.
    pub ask_for: Duration,
    /// Spreads backoffs: from 0 to 1.
    pub chance: f64,
}

/// How long after nothing was free the lead looks again.
const EMPTY_PAUSE: Duration = Duration::from_secs(10);

/// Writes `outcome` into the lead and says where the lead goes.
pub fn apply(
    lead: &mut Lead,
    step: Step,
    outcome: Outcome,
    now: Timestamp,
    bounds: &Bounds,
) -> (Next, Hold) {
    // A webhook's question counts its own tries, and the step it came before goes on as it was.
    let is_question = matches!(outcome, Outcome::Confirmed(_));
    let (next, hold) = moved(lead, step, outcome, now, bounds);
    if let Next::After { step: next, .. } = next
        && next != step
        && !is_question
    {
        // The tries of one step say nothing of the next one's.
        lead.progress.failures = 0;
    }
    (next, held(lead, next, hold))
}

/// A lead on its way to ask once more for the only time that will do keeps it from other leads.
fn held(lead: &Lead, next: Next, hold: Hold) -> Hold {
    let asks_again = matches!(
        next,
        Next::After {
            step: Step::Book,
            ..
        }
    );
    match hold {
        Hold::Free if asks_again && lead.progress.missed.is_some() => Hold::Keep,
        hold => hold,
    }
}

fn moved(
    lead: &mut Lead,
    step: Step,
    outcome: Outcome,
    now: Timestamp,
    bounds: &Bounds,
) -> (Next, Hold) {
    let at = step.as_str();
    match outcome {
        Outcome::Booked { booking, found } => {
            lead.progress.intent = None;
            lead.progress.missed = None;
            lead.progress.confirmation.displaced = None;
            lead.status = Status::Booked;
            lead.reason = None;
            lead.alternatives.clear();
            lead.booking = Some(booking);
            lead.note(now, at, if found { "found_booked" } else { "booked" }, None);
            (Next::Done, Hold::Spent)
        }
        Outcome::SlotRefused(why) => {
            let refused = lead.progress.intent.take().map(|intent| intent.instant);
            lead.progress.refused.extend(refused);
            lead.progress.fresh_after = Some(now);
            lead.status = Status::Queued;
            lead.note(now, at, "slot_refused", Some(why));
            if lead.progress.attempts >= bounds.max_attempts.saturating_mul(2) {
                let (next, _) = park(
                    lead,
                    step,
                    ReasonCode::AttemptsSpent,
                    "iClosed refused every time asked for".to_owned(),
                    now,
                );
                return (next, Hold::Spent);
            }
            (
                Next::After {
                    step: Step::Book,
                    delay: Duration::ZERO,
                },
                Hold::Spent,
            )
        }
        Outcome::Later { why, delay } => {
            take_back(lead);
            lead.status = Status::Queued;
            lead.note_once(now, at, "later", why);
            (Next::After { step, delay }, Hold::Free)
        }
        Outcome::Failed(why) => {
            take_back(lead);
            lead.progress.failures += 1;
            lead.status = Status::Queued;
            if lead.progress.failures >= retry::MOST_FAILURES {
                lead.note(now, at, "failed", Some(why));
                return park(
                    lead,
                    step,
                    ReasonCode::AttemptsSpent,
                    "iClosed could not be reached for a day".to_owned(),
                    now,
                );
            }
            lead.note_once(now, at, "failed", why);
            let delay = retry::backoff(lead.progress.failures, bounds.chance);
            (Next::After { step, delay }, Hold::Free)
        }
        Outcome::Unknown(why) => {
            lead.note(now, at, "answer_lost", Some(why));
            to_look(lead, bounds)
        }
        Outcome::RefusedAgain(why) => {
            let refused = lead.progress.intent.as_ref().map(|intent| intent.instant);
            lead.progress.refused.extend(refused);
            lead.note(now, at, "slot_refused", Some(why));
            to_look(lead, bounds)
        }
        Outcome::NotFound => {
            lead.progress.looks += 1;
            if let Some(delay) = looks::next_look(lead.progress.looks, &bounds.look_after_seconds) {
                return (
                    Next::After {
                        step: Step::Reconcile,
                        delay,
                    },
                    Hold::Keep,
                );
            }
            if lead.progress.attempts >= bounds.max_attempts {
                return park(
                    lead,
                    step,
                    ReasonCode::OutcomeUnknown,
                    "every answer was lost and no call was found".to_owned(),
                    now,
                );
            }
            let instant = lead.progress.intent.take().map(|intent| intent.instant);
            // Refused and looked for in vain, it is somebody else's.
            lead.progress.missed = instant.filter(|at| !lead.progress.refused.contains(at));
            let hold = match lead.progress.missed {
                Some(_) => Hold::Keep,
                None => Hold::Spent,
            };
            lead.progress.fresh_after = Some(now);
            lead.status = Status::Queued;
            lead.note(
                now,
                at,
                "not_found",
                Some("no call was found: one more request".to_owned()),
            );
            (
                Next::After {
                    step: Step::Book,
                    delay: Duration::ZERO,
                },
                hold,
            )
        }
        Outcome::LookFailed(why) => {
            lead.progress.failures += 1;
            lead.status = Status::Reconciling;
            lead.note_once(now, at, "look_failed", why);
            if lead.progress.failures >= retry::MOST_FAILURES {
                return park(
                    lead,
                    step,
                    ReasonCode::OutcomeUnknown,
                    "iClosed could not be asked for a day".to_owned(),
                    now,
                );
            }
            let delay = retry::backoff(lead.progress.failures, bounds.chance);
            (
                Next::After {
                    step: Step::Reconcile,
                    delay,
                },
                Hold::Keep,
            )
        }
        Outcome::NothingFree => {
            lead.progress.empty_lookups += 1;
            lead.progress.fresh_after = Some(now);
            lead.status = Status::Queued;
            if lead.progress.empty_lookups >= looks::MOST_EMPTY_LOOKUPS {
                return park(
                    lead,
                    step,
                    ReasonCode::NoSlots,
                    "the event offers no time inside the source's rules".to_owned(),
                    now,
                );
            }
            lead.note_once(
                now,
                at,
                "nothing_free",
                "the event offers no time inside the source's rules".to_owned(),
            );
            (
                Next::After {
                    step: Step::Book,
                    delay: EMPTY_PAUSE,
                },
                Hold::Free,
            )
        }
        Outcome::AskForTime(alternatives) => {
            lead.status = Status::NeedsTime;
            lead.alternatives = alternatives;
            lead.reason = Some(Reason {
                code: ReasonCode::TimeNotChosen,
                detail: "the wished time is not free; one of the alternatives is to be chosen"
                    .to_owned(),
            });
            lead.note(now, at, "needs_time", None);
            (
                Next::After {
                    step: Step::HandOver,
                    delay: bounds.ask_for,
                },
                Hold::Free,
            )
        }
        Outcome::OnToBooking => {
            lead.status = Status::Queued;
            lead.note(now, at, "on_to_booking", None);
            (
                Next::After {
                    step: Step::Book,
                    delay: Duration::ZERO,
                },
                Hold::Keep,
            )
        }
        Outcome::Disqualified(why) => {
            lead.progress.intent = None;
            lead.status = Status::Disqualified;
            lead.reason = Some(Reason {
                code: ReasonCode::Disqualified,
                detail: why,
            });
            lead.note(now, at, "disqualified", None);
            (Next::Done, Hold::Free)
        }
        Outcome::Park(code, detail) => {
            if !code.may_be_booked() {
                lead.progress.intent = None;
            }
            park(lead, step, code, detail, now)
        }
        Outcome::HandOver(end) => handed_over(lead, end, now, bounds),
        Outcome::Confirmed(standing) => confirm::apply(lead, step, standing, now, bounds.chance),
        Outcome::Cancel(end) => cancel::apply(lead, end, now, bounds.chance),
    }
}

/// An intent whose request was never sent cost no attempt.
fn take_back(lead: &mut Lead) {
    if lead.progress.intent.take().is_some() {
        lead.progress.attempts = lead.progress.attempts.saturating_sub(1);
    }
}

/// Has the call of the open intent looked for, from the first look on.
fn to_look(lead: &mut Lead, bounds: &Bounds) -> (Next, Hold) {
    lead.progress.looks = 0;
    lead.status = Status::Reconciling;
    let delay = looks::next_look(0, &bounds.look_after_seconds).unwrap_or_default();
    let step = Step::Reconcile;
    (Next::After { step, delay }, Hold::Keep)
}

/// Keeps what was asked for on record, for another look, when a call may exist that nobody found.
fn keep_request(lead: &mut Lead) {
    lead.progress.intent = reconcile::open_request(lead);
    lead.progress.missed = None;
}

/// Parks the lead, by way of handing its contact over where that helps.
fn park(
    lead: &mut Lead,
    step: Step,
    code: ReasonCode,
    detail: String,
    now: Timestamp,
) -> (Next, Hold) {
    let wants_hand_over = code.wants_hand_over();
    // Whatever stops the lead: a call that may exist holds its person.
    let code = match lead.progress.missed {
        Some(_) => ReasonCode::OutcomeUnknown,
        None => code,
    };
    lead.note(now, step.as_str(), "to_park", Some(detail.clone()));
    lead.reason = Some(Reason { code, detail });
    lead.progress.failures = 0;
    let hold = if code.may_be_booked() {
        keep_request(lead);
        Hold::Keep
    } else {
        Hold::Free
    };
    if wants_hand_over {
        lead.status = Status::Queued;
        (
            Next::After {
                step: Step::HandOver,
                delay: Duration::ZERO,
            },
            hold,
        )
    } else {
        lead.status = Status::Parked;
        (Next::Done, hold)
    }
}

fn handed_over(lead: &mut Lead, end: HandOverEnd, now: Timestamp, bounds: &Bounds) -> (Next, Hold) {
    let at = Step::HandOver.as_str();
    let again = |delay| {
        let step = Step::HandOver;
        (Next::After { step, delay }, Hold::Keep)
    };
    match end {
        HandOverEnd::Done => {
            lead.progress.handed_over = true;
            lead.note(
                now,
                at,
                "handed_over",
                Some("the contact is in iClosed for a setter".to_owned()),
            );
        }
        HandOverEnd::Later(delay) => {
            let why = "too many requests for the endpoint's limit".to_owned();
            lead.note_once(now, at, "later", why);
            return again(delay);
        }
        HandOverEnd::Failed(why) => {
            lead.progress.failures += 1;
            if lead.progress.failures < retry::MOST_FAILURES {
                lead.note_once(now, at, "failed", why);
                return again(retry::backoff(lead.progress.failures, bounds.chance));
            }
            lead.note(now, at, "not_handed_over", Some(why));
        }
        HandOverEnd::Refused(why) => lead.note(now, at, "not_handed_over", Some(why)),
    }
    if lead.status == Status::NeedsTime {
        let (code, detail) = match lead.progress.missed {
            None => (
                ReasonCode::TimeNotChosen,
                "the lead was asked to choose a time and did not",
            ),
            Some(_) => (
                ReasonCode::OutcomeUnknown,
                "an answer was lost, no call was found, and the lead chose no other time",
            ),
        };
        lead.reason = Some(Reason {
            code,
            detail: detail.to_owned(),
        });
        if code.may_be_booked() {
            keep_request(lead);
        }
    }
    lead.status = Status::Parked;
    lead.alternatives.clear();
    (Next::Done, Hold::Keep)
}

#[cfg(test)]
mod tests;
