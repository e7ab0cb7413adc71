//! The life of a lead: where it can stand, what work is next, and why it stopped.

use serde::{Deserialize, Serialize};

/// Where a lead stands, as callers and operators see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// On disk, waiting for a worker, a permit or its retry time. A worker moves it on.
    Queued,
    /// A worker holds it under a lease. Left by the worker's result, or when the lease lapses.
    Booking,
    /// A booking request was sent and its answer was lost. Left when a lookup says what happened.
    Reconciling,
    /// iClosed has the call. Final, until iClosed says it was cancelled.
    Booked,
    /// The wished time is gone and the lead is asked to choose. Left by a choice, or by expiry into `parked`.
    NeedsTime,
    /// Repeats an earlier lead. Final.
    Duplicate,
    /// iClosed's qualification said no. Final.
    Disqualified,
    /// The call was called off. Final.
    Cancelled,
    /// A person asked to be forgotten. Final.
    Erased,
    /// Needs a person; the reason says why and what to do. Left by the operator.
    Parked,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 10] = [
        Status::Queued,
        Status::Booking,
        Status::Reconciling,
        Status::Booked,
        Status::NeedsTime,
        Status::Duplicate,
        Status::Disqualified,
        Status::Cancelled,
        Status::Erased,
        Status::Parked,
    ];

    /// Nothing will happen any more unless somebody acts.
    pub fn is_final(self) -> bool {
        match self {
            Status::Queued | Status::Booking | Status::Reconciling | Status::NeedsTime => false,
            Status::Booked
            | Status::Duplicate
            | Status::Disqualified
            | Status::Cancelled
            | Status::Erased
            | Status::Parked => true,
        }
    }

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Booking => "booking",
            Status::Reconciling => "reconciling",
            Status::Booked => "booked",
            Status::NeedsTime => "needs_time",
            Status::Duplicate => "duplicate",
            Status::Disqualified => "disqualified",
            Status::Cancelled => "cancelled",
            Status::Erased => "erased",
            Status::Parked => "parked",
        }
    }
}

/// The work a waiting lead waits for. A lead that waits for nothing has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Ask the platform for the lead of which it sent only ids.
    Fetch,
    /// Tell iClosed who it is and what was answered, and learn whether the lead qualifies.
    Qualify,
    /// Find a time and ask for it.
    Book,
    /// Find out what became of a request whose answer was lost.
    Reconcile,
    /// Hand the contact to iClosed, so that a setter can call, then park.
    HandOver,
    /// Ask iClosed how a call stands, because a webhook said that it changed.
    Confirm,
    /// Call the booked call off at iClosed.
    Cancel,
}

impl Step {
    /// Every step.
    pub const ALL: [Step; 7] = [
        Step::Fetch,
        Step::Qualify,
        Step::Book,
        Step::Reconcile,
        Step::HandOver,
        Step::Confirm,
        Step::Cancel,
    ];

    /// The word a store keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Fetch => "fetch",
            Step::Qualify => "qualify",
            Step::Book => "book",
            Step::Reconcile => "reconcile",
            Step::HandOver => "hand_over",
            Step::Confirm => "confirm",
            Step::Cancel => "cancel",
        }
    }
}

/// Why a lead was parked or ended without a call. Stable words: operators filter by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// iClosed refused the account's key, or the plan behind it has no API access.
    KeyRefused,
    /// iClosed does not know the event, or it is deactivated.
    EventUnavailable,
    /// The event offered no time inside the source's rules.
    NoSlots,
    /// The lead was asked to choose a time and did not.
    TimeNotChosen,
    /// iClosed refused the lead's own data.
    RefusedByIclosed,
    /// Every allowed try was used up.
    AttemptsSpent,
    /// A booking request was sent, its answer was lost, and lookups could not settle what happened.
    OutcomeUnknown,
    /// iClosed said the lead does not qualify.
    Disqualified,
    /// Something about the lead looked like a robot.
    SuspectedSpam,
    /// The lead has neither an email address nor a phone number that can be used.
    NoContact,
    /// A platform's trial delivery.
    TestLead,
    /// The platform does not let the lead be fetched.
    FetchRefused,
    /// The platform has no lead under the id it sent.
    FetchNotFound,
}

impl ReasonCode {
    /// Every reason.
    pub const ALL: [ReasonCode; 13] = [
        ReasonCode::KeyRefused,
        ReasonCode::EventUnavailable,
        ReasonCode::NoSlots,
        ReasonCode::TimeNotChosen,
        ReasonCode::RefusedByIclosed,
        ReasonCode::AttemptsSpent,
        ReasonCode::OutcomeUnknown,
        ReasonCode::Disqualified,
        ReasonCode::SuspectedSpam,
        ReasonCode::NoContact,
        ReasonCode::TestLead,
        ReasonCode::FetchRefused,
        ReasonCode::FetchNotFound,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ReasonCode::KeyRefused => "key_refused",
            ReasonCode::EventUnavailable => "event_unavailable",
            ReasonCode::NoSlots => "no_slots",
            ReasonCode::TimeNotChosen => "time_not_chosen",
            ReasonCode::RefusedByIclosed => "refused_by_iclosed",
            ReasonCode::AttemptsSpent => "attempts_spent",
            ReasonCode::OutcomeUnknown => "outcome_unknown",
            ReasonCode::Disqualified => "disqualified",
            ReasonCode::SuspectedSpam => "suspected_spam",
            ReasonCode::NoContact => "no_contact",
            ReasonCode::TestLead => "test_lead",
            ReasonCode::FetchRefused => "fetch_refused",
            ReasonCode::FetchNotFound => "fetch_not_found",
        }
    }

    /// Whether a booking may exist although leadgate holds none. Such a lead keeps its person claimed, because a
    /// second lead of the same person could otherwise be booked beside it.
    pub fn may_be_booked(self) -> bool {
        matches!(self, ReasonCode::OutcomeUnknown)
    }

    /// Whether handing the contact over could succeed and would help.
    pub fn wants_hand_over(self) -> bool {
        !matches!(
            self,
            ReasonCode::KeyRefused
                | ReasonCode::SuspectedSpam
                | ReasonCode::NoContact
                | ReasonCode::TestLead
                | ReasonCode::FetchRefused
                | ReasonCode::FetchNotFound
        )
    }

    /// What the operator does next, in one sentence.
    pub fn next_step(self) -> &'static str {
        match self {
            ReasonCode::KeyRefused => {
                "Put a valid API key of this account into the settings, restart, and retry the lead."
            }
            ReasonCode::EventUnavailable => {
                "Activate the event in iClosed or correct its link prefix, then retry the lead."
            }
            ReasonCode::NoSlots => {
                "Open times in the event's calendar or widen the source's rules, then retry the lead."
            }
            ReasonCode::TimeNotChosen => "Call the lead, or agree a time and retry.",
            ReasonCode::RefusedByIclosed => {
                "Correct the fields named in the detail, then retry the lead."
            }
            ReasonCode::AttemptsSpent => {
                "See whether iClosed is reachable and healthy, then retry the lead."
            }
            ReasonCode::OutcomeUnknown => {
                "Retry to have the call looked up once more; release only if iClosed surely has no such call."
            }
            ReasonCode::Disqualified => "Nothing: iClosed's own rules ended this lead.",
            ReasonCode::SuspectedSpam => "Look at the lead and release it if it is real.",
            ReasonCode::NoContact => {
                "Look at what was typed in the raw delivery; nobody can be called without an address or a number."
            }
            ReasonCode::TestLead => {
                "Nothing: a trial delivery is kept to be looked at and never booked."
            }
            ReasonCode::FetchRefused => {
                "Give the source a token that may read leads at the platform, then retry the lead."
            }
            ReasonCode::FetchNotFound => {
                "Look for the lead at the platform; its trial deliveries cannot be fetched at all."
            }
        }
    }
}

/// Why a lead stands where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The stable word.
    pub code: ReasonCode,
    /// A sentence for a person. It may hold words of iClosed's, and they a name: it is for the record, not for the log.
    pub detail: String,
}

/// Whether a lead that stands like this lets the next lead of the same person through.
pub fn frees_person(status: Status, reason: Option<ReasonCode>) -> bool {
    match status {
        Status::Cancelled | Status::Disqualified | Status::Duplicate => true,
        Status::Parked => !reason.is_some_and(ReasonCode::may_be_booked),
        Status::Queued
        | Status::Booking
        | Status::Reconciling
        | Status::Booked
        | Status::NeedsTime
        // Whoever is forgotten is still not booked twice: the claim holds a keyed hash and nobody's data.
        | Status::Erased => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_free_again_only_when_no_call_can_exist() {
        for (status, reason, free) in [
            (Status::Queued, None, false),
            (Status::Reconciling, None, false),
            (Status::Booked, None, false),
            (Status::NeedsTime, None, false),
            (Status::Parked, Some(ReasonCode::NoSlots), true),
            (Status::Parked, Some(ReasonCode::OutcomeUnknown), false),
            (Status::Erased, None, false),
            (Status::Cancelled, None, true),
            (Status::Disqualified, Some(ReasonCode::Disqualified), true),
        ] {
            assert_eq!(frees_person(status, reason), free, "{status:?} {reason:?}");
        }
    }
}
