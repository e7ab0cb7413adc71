//! How a call stands at iClosed, asked because a webhook said that it changed. What iClosed answers decides; the
//! webhook only brought the question up, so deliveries that are forged, repeated or out of order come to the same.
//!
//! One request settles nearly every question. It goes out only while half of the endpoint's budget is free
//! ([`Pace::spare_permit`](super::pace::Pace::spare_permit)), so that lost answers are looked up whatever comes in.

use jiff::Timestamp;

use crate::iclosed::{CallError, CallQuery, Client, Endpoint, ListedCall};
use crate::lead::{Booking, Displaced, Lead, Status, Step};
use crate::queue::{Claim, ClaimError, Hold, Next, until};
use crate::retry;

use super::Worker;
use super::outcome::{Outcome, Standing};
use super::pace::Permit;

impl Worker {
    /// Asks about the lead's call.
    pub(super) async fn confirm(
        &self,
        claim: &mut Claim,
        permit: Permit,
    ) -> Result<Outcome, ClaimError> {
        let standing = match (claim.lead.status, &claim.lead.booking) {
            (Status::Booked, Some(booking)) => {
                let id = booking.event_call_id;
                self.standing(claim, id, permit).await?
            }
            // It moved on since: there is nothing to ask.
            _ => Standing::NotListed,
        };
        Ok(Outcome::Confirmed(standing))
    }

    /// Whether a list without `types` holds cancelled calls is not documented: absence is asked about once more.
    async fn standing(
        &self,
        claim: &mut Claim,
        id: i64,
        permit: Permit,
    ) -> Result<Standing, ClaimError> {
        let mut query = CallQuery {
            id: Some(id),
            ..CallQuery::default()
        };
        let listed = self
            .pace
            .send(permit, async |client| client.find_calls(&query).await)
            .await;
        match listed.map(|calls| call_of(id, calls)) {
            Ok(Some(call)) => return Ok(standing_of(&call)),
            Ok(None) => {}
            Err(error) => return Ok(unread(&error)),
        }
        query.types = Some("cancelled_events".to_owned());
        let permit = self.pace.spare_permit(Endpoint::ListCalls);
        let look = async |client: &Client| client.find_calls(&query).await;
        let cancelled = self.ask_in_hand(claim, permit, look).await?;
        Ok(match cancelled.map(|calls| call_of(id, calls)) {
            Ok(Some(_)) => Standing::Cancelled,
            Ok(None) => Standing::NotListed,
            Err(error) => unread(&error),
        })
    }
}

fn call_of(id: i64, calls: Vec<ListedCall>) -> Option<ListedCall> {
    calls.into_iter().find(|call| call.id == id)
}

fn standing_of(call: &ListedCall) -> Standing {
    match call.is_cancelled() {
        true => Standing::Cancelled,
        false => Standing::Stands {
            start_time: call.start_time(),
            end_time: call.end_time(),
            closer_name: call.host_name(),
            outcome: call.outcome(),
        },
    }
}

fn unread(error: &CallError) -> Standing {
    Standing::Unread(error.to_string())
}

/// Writes what iClosed said into the lead, and sends the lead back to the work it was taken from. `step` is the
/// question's: [`Step::Confirm`], or [`Step::Reconcile`] for a call that nobody knows yet.
pub(super) fn apply(
    lead: &mut Lead,
    step: Step,
    standing: Standing,
    now: Timestamp,
    chance: f64,
) -> (Next, Hold) {
    let at = step.as_str();
    lead.progress.confirmation.asked_at = Some(now);
    match standing {
        Standing::Unread(why) => {
            let confirmation = &mut lead.progress.confirmation;
            confirmation.failures += 1;
            let failures = confirmation.failures;
            // Work that was put aside asks in its own time.
            let is_asked_again =
                confirmation.displaced.is_none() && failures < retry::MOST_FAILURES;
            lead.note_once(now, at, "look_failed", why);
            if is_asked_again {
                let delay = retry::backoff(failures, chance);
                return (Next::After { step, delay }, Hold::Keep);
            }
        }
        Standing::Cancelled => {
            lead.status = Status::Cancelled;
            lead.reason = None;
            lead.note(
                now,
                at,
                "cancelled",
                Some("iClosed says that the call was called off".to_owned()),
            );
        }
        Standing::NotListed => {
            lead.note_once(
                now,
                at,
                "not_listed",
                "iClosed lists no such call".to_owned(),
            );
        }
        Standing::Stands {
            start_time,
            end_time,
            closer_name,
            outcome,
        } => {
            let before = lead.timeline.len();
            if let Some(booking) = &mut lead.booking
                && moved(booking, start_time, end_time)
            {
                booking.closer_name = closer_name.or(booking.closer_name.take());
                lead.note(now, at, "rescheduled", None);
            }
            if let Some(word) = outcome
                && lead.progress.confirmation.outcome.as_deref() != Some(word)
            {
                lead.progress.confirmation.outcome = Some(word.to_owned());
                lead.note(now, at, "outcome", Some(word.to_owned()));
            }
            if lead.timeline.len() == before {
                lead.note_once(now, at, "unchanged", "the call stands as it was".to_owned());
            }
        }
    }
    lead.progress.confirmation.failures = 0;
    let next = match lead.progress.confirmation.displaced.take() {
        Some(Displaced { step, due_at }) => Next::After {
            step,
            delay: until(due_at, now),
        },
        None => Next::Done,
    };
    (next, Hold::Keep)
}

/// Moves the booking where iClosed has it; `false`: it was there. An end that is not told keeps its distance.
fn moved(booking: &mut Booking, start: Option<Timestamp>, end: Option<Timestamp>) -> bool {
    let Some(start) = start.filter(|at| at.as_second() != booking.start_time.as_second()) else {
        return false;
    };
    let by = booking.start_time.duration_until(start);
    let shifted = booking.end_time.and_then(|end| end.checked_add(by).ok());
    booking.start_time = start;
    booking.end_time = end.or(shifted);
    true
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn booked() -> Lead {
        serde_json::from_value(json!({
            "id": crate::lead::LeadId::from_bytes([7; 16]), "account": "main", "source": "web",
            "linkPrefix": "acme/intro", "lane": "normal", "receivedAt": "2026-11-01T00:00:00Z",
            "status": "booked", "contact": {}, "slot": "nearest",
            "booking": {
                "eventCallId": 7, "startTime": "2026-12-01T15:00:00Z", "endTime": "2026-12-01T15:30:00Z",
                "timeZone": "Europe/Oslo",
            },
        }))
        .unwrap()
    }

    fn stands(start: Option<&str>, end: Option<&str>, outcome: Option<&'static str>) -> Standing {
        Standing::Stands {
            start_time: start.map(at),
            end_time: end.map(at),
            closer_name: None,
            outcome,
        }
    }

    const NOW: &str = "2026-11-02T00:00:00Z";

    #[test]
    fn what_iclosed_says_is_what_the_lead_becomes() {
        let same = Some("2026-12-01T15:00:00.250Z");
        let other = Some("2026-12-02T09:00:00Z");
        let then = ("2026-12-01T15:00:00Z", "2026-12-01T15:30:00Z");
        let kept = ("2026-12-02T09:00:00Z", "2026-12-02T09:30:00Z");
        let told = ("2026-12-02T09:00:00Z", "2026-12-02T10:00:00Z");
        for (standing, status, (start, end), lines) in [
            (
                Standing::Cancelled,
                Status::Cancelled,
                then,
                &["cancelled"][..],
            ),
            (Standing::NotListed, Status::Booked, then, &["not_listed"]),
            (
                stands(same, None, None),
                Status::Booked,
                then,
                &["unchanged"],
            ),
            (
                stands(None, None, None),
                Status::Booked,
                then,
                &["unchanged"],
            ),
            (
                stands(other, None, None),
                Status::Booked,
                kept,
                &["rescheduled"],
            ),
            (
                stands(other, Some(told.1), None),
                Status::Booked,
                told,
                &["rescheduled"],
            ),
            (
                stands(same, None, Some("WON")),
                Status::Booked,
                then,
                &["outcome"],
            ),
            (
                stands(other, None, Some("WON")),
                Status::Booked,
                kept,
                &["rescheduled", "outcome"],
            ),
        ] {
            let mut lead = booked();
            let shown = format!("{standing:?}");
            // Told twice, it is the same.
            for _ in 0..2 {
                let (next, hold) = apply(&mut lead, Step::Confirm, standing.clone(), at(NOW), 0.5);
                assert_eq!((next, hold), (Next::Done, Hold::Keep), "{shown}");
                let booking = lead.booking.as_ref().unwrap();
                assert_eq!(lead.status, status, "{shown}");
                assert_eq!(
                    (booking.start_time, booking.end_time),
                    (at(start), Some(at(end))),
                    "{shown}"
                );
            }
            let outcomes: Vec<_> = lead
                .timeline
                .iter()
                .map(|line| line.outcome.as_str())
                .collect();
            assert_eq!(outcomes[..lines.len()], *lines, "{shown}");
        }
    }

    #[test]
    fn an_outcome_is_noted_once() {
        let mut lead = booked();
        for word in ["WON", "WON", "NO_SALE"] {
            let standing = stands(None, None, Some(word));
            apply(&mut lead, Step::Confirm, standing, at(NOW), 0.5);
        }
        let noted = lead
            .timeline
            .iter()
            .filter(|line| line.outcome == "outcome");
        assert_eq!(noted.count(), 2);
        assert_eq!(
            lead.progress.confirmation.outcome.as_deref(),
            Some("NO_SALE")
        );
    }

    #[test]
    fn work_that_was_put_aside_goes_on_in_its_own_time() {
        for standing in [Standing::NotListed, Standing::Unread("away".into())] {
            let mut lead = booked();
            lead.status = Status::Reconciling;
            lead.progress.confirmation.displaced = Some(Displaced {
                step: Step::Reconcile,
                due_at: at("2026-11-02T00:00:30Z"),
            });
            let step = Step::Reconcile;
            let (next, _) = apply(&mut lead, step, standing, at(NOW), 0.5);
            let delay = Duration::from_secs(30);
            assert_eq!(next, Next::After { step, delay });
            assert_eq!(lead.status, Status::Reconciling);
            assert_eq!(lead.progress.confirmation.displaced, None);
        }
    }

    #[test]
    fn a_call_that_could_not_be_asked_about_is_asked_about_again_for_a_day() {
        for (step, status) in [
            (Step::Confirm, Status::Booked),
            (Step::Reconcile, Status::Parked),
        ] {
            let mut lead = booked();
            lead.status = status;
            let mut tries = 1;
            let away = || Standing::Unread("away".into());
            while let (Next::After { step: next, .. }, _) =
                apply(&mut lead, step, away(), at(NOW), 0.5)
            {
                assert_eq!(next, step);
                tries += 1;
            }
            assert_eq!(tries, retry::MOST_FAILURES);
            assert_eq!((lead.status, lead.timeline.len()), (status, 1));
        }
    }
}
