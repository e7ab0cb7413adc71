//! What an operator may do with a lead, judged by the lead alone: retry, release, cancel, erase. Pure.
//!
//! Whether a worker holds the lead, and whether somebody else holds its person, only the store can say.

use std::time::Duration;

use jiff::Timestamp;

use crate::lead::{
    Booking, Contact, Intent, Lead, Progress, ReasonCode, Sender, Status, Step, Tracking,
};
use crate::queue::{Hold, Next};

/// What the history calls the operator's acts.
const OPERATOR: &str = "operator";

/// Why an act does not fit the lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It stands where the act means nothing.
    Status(Status),
    /// It stands there for a reason that the act does not mend.
    Reason(ReasonCode),
    /// A request may be under way whose end is not known.
    Busy,
}

/// Where a released lead goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// To the work a new lead of its source begins with.
    Begin,
    /// Straight to a booking.
    Book,
    /// To one more booking: the call of the lost request does not exist, says a person.
    BookAgain,
}

/// What cancelling a lead takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelling {
    /// No call exists: the lead ends.
    End,
    /// The call is called off at iClosed.
    AtIclosed,
    /// It is cancelled.
    Done,
}

/// The work a parked lead, or one that was asked for a time, goes back to.
///
/// # Errors
/// When a retry means nothing, or would repeat a booking blindly.
pub fn retried(lead: &Lead) -> Result<Step, Refusal> {
    if !matches!(lead.status, Status::Parked | Status::NeedsTime) {
        return Err(Refusal::Status(lead.status));
    }
    let reason = lead.reason.as_ref().map(|reason| reason.code);
    // An open intent is looked up whatever the reason says.
    if lead.progress.intent.is_some() {
        return Ok(Step::Reconcile);
    }
    match reason {
        Some(
            code @ (ReasonCode::OutcomeUnknown
            | ReasonCode::SuspectedSpam
            | ReasonCode::TestLead
            | ReasonCode::NoContact
            | ReasonCode::Disqualified),
        ) => Err(Refusal::Reason(code)),
        _ if lead.to_fetch.is_some() => Ok(Step::Fetch),
        _ if parked_at(lead) == Some(Step::Qualify.as_str()) => Ok(Step::Qualify),
        _ => Ok(Step::Book),
    }
}

/// The step whose outcome parked the lead.
fn parked_at(lead: &Lead) -> Option<&str> {
    let parking = lead.timeline.iter().rev();
    let mut parking = parking.filter(|event| event.outcome == "to_park");
    parking.next().map(|event| event.step.as_str())
}

/// Sends a lead back to `step`. Whatever was counted begins anew, except before a look for a lost call: the requests
/// that were sent stay counted, so that the look alone never leads to more of them than were allowed.
pub fn retry(lead: &mut Lead, step: Step, by: &str, now: Timestamp) -> (Next, Hold) {
    begin_again(lead, now);
    lead.status = Status::Queued;
    if step == Step::Reconcile {
        lead.status = Status::Reconciling;
    } else {
        lead.progress.attempts = 0;
        lead.progress.refused.clear();
    }
    lead.note(now, OPERATOR, "retried", Some(said(by)));
    (after(step), Hold::Keep)
}

/// Where a lead goes whose doubt does not hold.
///
/// # Errors
/// When there is no doubt that a person could lift.
pub fn released(lead: &Lead) -> Result<Release, Refusal> {
    let reason = lead.reason.as_ref().map(|reason| reason.code);
    if lead.test {
        return Err(Refusal::Reason(ReasonCode::TestLead));
    }
    match (lead.status, reason) {
        (Status::Parked, Some(ReasonCode::SuspectedSpam)) => Ok(Release::Begin),
        (Status::Parked, Some(ReasonCode::OutcomeUnknown)) => Ok(Release::BookAgain),
        (Status::Parked, Some(code)) => Err(Refusal::Reason(code)),
        (Status::Disqualified, _) => Ok(Release::Book),
        (Status::Duplicate, _) => Ok(Release::Begin),
        (status, _) => Err(Refusal::Status(status)),
    }
}

/// Puts a released lead back; `first` is the work a new lead of its source begins with.
pub fn release(
    lead: &mut Lead,
    release: Release,
    first: Step,
    by: &str,
    now: Timestamp,
) -> (Next, Hold) {
    begin_again(lead, now);
    lead.status = Status::Queued;
    lead.duplicate_of = None;
    let word = match release {
        Release::Begin | Release::Book => "released",
        Release::BookAgain => {
            // A person's word frees the other times. If the call exists after all, the vendor is asked for its instant
            // before any of them.
            lead.progress.missed = None;
            if let Some(Intent { instant, .. }) = lead.progress.intent.take() {
                lead.wishes.retain(|wish| *wish != instant);
                lead.wishes.insert(0, instant);
            }
            "said_not_booked"
        }
    };
    lead.note(now, OPERATOR, word, Some(said(by)));
    match release {
        Release::Begin => (after(first), Hold::Keep),
        Release::Book => (after(Step::Book), Hold::Keep),
        Release::BookAgain => (after(Step::Book), Hold::Free),
    }
}

/// What cancelling this lead takes.
///
/// # Errors
/// When a call may exist that nobody knows, or the lead has ended otherwise.
pub fn cancelled(lead: &Lead) -> Result<Cancelling, Refusal> {
    if lead.progress.intent.is_some() || lead.progress.missed.is_some() {
        match lead.status {
            Status::Parked | Status::NeedsTime => {
                return Err(Refusal::Reason(ReasonCode::OutcomeUnknown));
            }
            Status::Queued | Status::Booking | Status::Reconciling => return Err(Refusal::Busy),
            _ => {}
        }
    }
    match lead.status {
        Status::Booking | Status::Reconciling => Err(Refusal::Busy),
        Status::Queued | Status::Parked | Status::NeedsTime => Ok(Cancelling::End),
        Status::Booked => Ok(Cancelling::AtIclosed),
        Status::Cancelled => Ok(Cancelling::Done),
        Status::Duplicate | Status::Disqualified | Status::Erased => {
            Err(Refusal::Status(lead.status))
        }
    }
}

/// Writes the cancelling into the lead. `reason` is what the invitee is told of a call that is called off.
pub fn cancel(
    lead: &mut Lead,
    cancelling: Cancelling,
    reason: Option<String>,
    by: &str,
    now: Timestamp,
) -> (Next, Hold) {
    match cancelling {
        Cancelling::AtIclosed => {
            lead.progress.failures = 0;
            lead.progress.cancel_reason = reason;
            lead.note(now, OPERATOR, "cancel_asked", Some(said(by)));
            (after(Step::Cancel), Hold::Keep)
        }
        Cancelling::End | Cancelling::Done => {
            lead.status = Status::Cancelled;
            lead.reason = None;
            lead.alternatives.clear();
            lead.note(now, OPERATOR, "cancelled", Some(said(by)));
            (Next::Done, Hold::Free)
        }
    }
}

/// What is left of a lead whose person is forgotten: where it came from, when, and the call's id, so that what
/// iClosed says of the call later is not taken for a stranger's.
pub fn erased(lead: &Lead, by: &str, now: Timestamp) -> Lead {
    let mut left = Lead {
        id: lead.id,
        account: lead.account.clone(),
        source: lead.source.clone(),
        link_prefix: lead.link_prefix.clone(),
        event_id: lead.event_id,
        lane: lead.lane,
        test: lead.test,
        received_at: lead.received_at,
        status: Status::Erased,
        reason: None,
        duplicate_of: None,
        platform_id: None,
        contact: Contact::default(),
        wishes: Vec::new(),
        slot: lead.slot,
        answers: Vec::new(),
        additional_guests: Vec::new(),
        tracking: Tracking::default(),
        sender: Sender::default(),
        consent: None,
        metadata: None,
        extra: serde_json::Map::new(),
        progress: Progress::default(),
        booking: lead.booking.as_ref().map(|call| Booking {
            event_call_id: call.event_call_id,
            start_time: call.start_time,
            end_time: None,
            time_zone: "UTC".to_owned(),
            closer_name: None,
            confirmation_link: None,
            redirect_url: None,
        }),
        alternatives: Vec::new(),
        timeline: Vec::new(),
        trace: None,
        to_fetch: None,
        raw: String::new(),
    };
    left.note(now, OPERATOR, "erased", Some(said(by)));
    left
}

fn begin_again(lead: &mut Lead, now: Timestamp) {
    lead.reason = None;
    lead.alternatives.clear();
    lead.progress.failures = 0;
    lead.progress.empty_lookups = 0;
    lead.progress.looks = 0;
    lead.progress.held_rounds = 0;
    lead.progress.fresh_after = Some(now);
    // Where it went before a webhook's question came between is where it no longer goes.
    lead.progress.confirmation.displaced = None;
}

fn after(step: Step) -> Next {
    Next::After {
        step,
        delay: Duration::ZERO,
    }
}

fn said(by: &str) -> String {
    format!("by {by}")
}

#[cfg(test)]
mod tests;
