//! What can come of one piece of work on a lead. What each does to the lead is said in [`apply`](super::apply).

use std::time::Duration;

use jiff::Timestamp;

use crate::lead::{Booking, ReasonCode};

/// The result of one piece of work.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// iClosed has the call. `found`: a lookup found it after its answer was lost.
    Booked {
        /// The call.
        booking: Booking,
        /// By a lookup.
        found: bool,
    },
    /// The slot was refused: look again and take the next.
    SlotRefused(String),
    /// Not now, and nobody's fault: paced, 429, every candidate held by other leads. Costs no attempt.
    Later {
        /// For the history.
        why: String,
        /// When to come back.
        delay: Duration,
    },
    /// The request surely did not take place. Comes back after a backoff, a bounded number of times.
    Failed(String),
    /// A request was sent and its answer was lost.
    Unknown(String),
    /// The slot was refused, and an earlier request for it, whose answer was lost, may be why: looked up before
    /// another time is asked for.
    RefusedAgain(String),
    /// One more lookup found no call.
    NotFound,
    /// A lookup could not be made: it does not count.
    LookFailed(String),
    /// Nothing is free inside the rules.
    NothingFree,
    /// The wish cannot be met: the lead is to choose.
    AskForTime(Vec<Timestamp>),
    /// Nothing stands before the booking any more.
    OnToBooking,
    /// iClosed's own rules say no.
    Disqualified(String),
    /// A person is needed.
    Park(ReasonCode, String),
    /// What came of bringing the contact to iClosed.
    HandOver(HandOverEnd),
    /// How iClosed says that the call stands.
    Confirmed(Standing),
    /// What came of calling the call off.
    Cancel(CancelEnd),
}

/// How a call stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It will take place, or did.
    Stands {
        /// When it begins, if that could be read.
        start_time: Option<Timestamp>,
        /// When it ends, if that was told.
        end_time: Option<Timestamp>,
        /// Who will call.
        closer_name: Option<String>,
        /// What came of it: a word of the vendor's, or `other`.
        outcome: Option<&'static str>,
    },
    /// It was called off.
    Cancelled,
    /// iClosed lists no such call.
    NotListed,
    /// iClosed could not be asked.
    Unread(String),
}

/// What came of one try to bring a contact to iClosed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandOverEnd {
    /// It is there.
    Done,
    /// Paced: costs no try.
    Later(Duration),
    /// Not confirmed: again after a backoff, a bounded number of times.
    Failed(String),
    /// iClosed does not take this contact: no repeat helps.
    Refused(String),
}

/// What came of one try to call a call off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelEnd {
    /// iClosed holds no such call any more.
    Gone,
    /// Paced: costs no try.
    Later(Duration),
    /// Not confirmed: look again after a backoff, a bounded number of times.
    Failed(String),
}
