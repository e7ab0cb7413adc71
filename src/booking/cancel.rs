//! Calling a booked call off at iClosed. The lead stays booked until iClosed confirms.
//!
//! Whether a cancel may be repeated is not documented (www.iclosed.io/api), so the call's state is read first, every
//! time: a crash or a lost answer then costs a look and never a second cancel.

use jiff::Timestamp;

use crate::iclosed::{CallCancel, CallError, CallQuery, Client, Endpoint};
use crate::lead::{Lane, Lead, Status, Step};
use crate::queue::{Claim, ClaimError, Hold, Next};
use crate::retry;

use super::Worker;
use super::outcome::{CancelEnd, Outcome};
use super::pace::Permit;

impl Worker {
    /// One try. `permit` is for the look.
    pub(super) async fn cancel(
        &self,
        claim: &mut Claim,
        permit: Permit,
    ) -> Result<Outcome, ClaimError> {
        let Some(id) = claim.lead.booking.as_ref().map(|call| call.event_call_id) else {
            return Ok(Outcome::Cancel(CancelEnd::Gone));
        };
        match self.is_cancelled(claim, id, permit).await? {
            Ok(true) => return Ok(Outcome::Cancel(CancelEnd::Gone)),
            Ok(false) => {}
            Err(error) => return Ok(Outcome::Cancel(self.trouble(&error))),
        }
        let cancel = CallCancel {
            id,
            cancel_reason: claim.lead.progress.cancel_reason.clone(),
        };
        let permit = self.pace.permit(Endpoint::CancelCall, claim.lead.lane);
        let cancel = async |client: &Client| client.cancel_call(&cancel).await;
        let answer = self.ask_in_hand(claim, permit, cancel).await?;
        Ok(Outcome::Cancel(match answer {
            Ok(()) | Err(CallError::NotFound { .. }) => CancelEnd::Gone,
            Err(error) => self.trouble(&error),
        }))
    }

    /// Whether iClosed says that the call is called off. The list's defaults are not documented, so a call that it
    /// does not show is looked for among the cancelled ones too.
    async fn is_cancelled(
        &self,
        claim: &mut Claim,
        id: i64,
        permit: Permit,
    ) -> Result<Result<bool, CallError>, ClaimError> {
        let by_id = CallQuery {
            id: Some(id),
            ..CallQuery::default()
        };
        let found = self
            .pace
            .send(permit, async |client| client.find_calls(&by_id).await)
            .await;
        match found.map(|calls| calls.into_iter().find(|call| call.id == id)) {
            Ok(Some(call)) => return Ok(Ok(call.is_cancelled())),
            Ok(None) => {}
            Err(error) => return Ok(Err(error)),
        }
        let cancelled = CallQuery {
            types: Some("cancelled_events".to_owned()),
            ..by_id
        };
        let permit = self.pace.permit(Endpoint::ListCalls, Lane::Interactive);
        let look = async |client: &Client| client.find_calls(&cancelled).await;
        let found = self.ask_in_hand(claim, permit, look).await?;
        Ok(found.map(|calls| calls.iter().any(|call| call.id == id)))
    }

    fn trouble(&self, error: &CallError) -> CancelEnd {
        match error {
            CallError::Limited { retry_after, .. } => {
                CancelEnd::Later(retry_after.unwrap_or(self.pace.limit().window))
            }
            CallError::NotSent { .. }
            | CallError::Unknown { .. }
            | CallError::KeyRefused { .. }
            | CallError::NotFound { .. }
            | CallError::Refused(_) => CancelEnd::Failed(error.to_string()),
        }
    }
}

/// Writes the end of a try into the lead and says where it goes.
pub fn apply(lead: &mut Lead, end: CancelEnd, now: Timestamp, chance: f64) -> (Next, Hold) {
    let at = Step::Cancel.as_str();
    let again = |delay| Next::After {
        step: Step::Cancel,
        delay,
    };
    let next = match end {
        CancelEnd::Gone => {
            lead.status = Status::Cancelled;
            lead.reason = None;
            lead.progress.failures = 0;
            lead.progress.cancel_reason = None;
            lead.note(now, at, "cancelled", None);
            Next::Done
        }
        CancelEnd::Later(delay) => {
            let why = "too many requests for the endpoint's limit".to_owned();
            lead.note_once(now, at, "later", why);
            again(delay)
        }
        CancelEnd::Failed(why) => {
            lead.progress.failures += 1;
            if lead.progress.failures < retry::MOST_FAILURES {
                lead.note_once(now, at, "failed", why);
                again(retry::backoff(lead.progress.failures, chance))
            } else {
                lead.progress.failures = 0;
                lead.note(now, at, "not_cancelled", Some(why));
                Next::Done
            }
        }
    };
    (next, Hold::Keep)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn booked(failures: u32) -> Lead {
        serde_json::from_value(json!({
            "id": "ld_00000000000000000000000000", "account": "main", "source": "web", "linkPrefix": "ann/intro",
            "lane": "normal", "receivedAt": "2026-09-01T08:00:00Z", "status": "booked", "slot": "nearest",
            "contact": {}, "progress": {"failures": failures, "cancelReason": "ill"},
        }))
        .unwrap()
    }

    #[test]
    fn a_call_stays_booked_until_it_is_gone_and_no_try_is_for_ever() {
        let wait = Duration::from_secs(7);
        let failed = || CancelEnd::Failed("no answer".to_owned());
        for (failures, end, status, comes_back, word) in [
            (0, CancelEnd::Gone, Status::Cancelled, false, "cancelled"),
            (0, CancelEnd::Later(wait), Status::Booked, true, "later"),
            (0, failed(), Status::Booked, true, "failed"),
            (
                retry::MOST_FAILURES - 1,
                failed(),
                Status::Booked,
                false,
                "not_cancelled",
            ),
        ] {
            let mut lead = booked(failures);
            let (next, hold) = apply(&mut lead, end, Timestamp::UNIX_EPOCH, 0.5);
            assert_eq!(lead.status, status, "{word}");
            assert_eq!(next != Next::Done, comes_back, "{word}");
            assert_eq!(hold, Hold::Keep);
            assert_eq!(lead.timeline[0].outcome, word);
            assert_eq!(
                lead.progress.cancel_reason.is_none(),
                status == Status::Cancelled
            );
        }
    }
}
