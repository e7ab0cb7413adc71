//! What a caller is told of where a lead stands, and why: the status, the reason in words, and what may be told again.

use crate::lead::{Lead, ReasonCode, Status};

/// The status a caller is told. A robot that is suspected must not learn it: to its sender such a lead waits.
pub fn told_status(lead: &Lead) -> Status {
    let code = lead.reason.as_ref().map(|reason| reason.code);
    match (lead.status, code) {
        (Status::Parked, Some(ReasonCode::SuspectedSpam)) => Status::Queued,
        (status, _) => status,
    }
}

/// Whether what was told under this status can be told again: times, reasons and calls are told as the record has them
/// now.
pub(super) fn can_replay(status: Status, lead: &Lead) -> bool {
    match status {
        Status::NeedsTime | Status::Parked => status == told_status(lead),
        Status::Booked => lead.booking.is_some(),
        Status::Queued
        | Status::Booking
        | Status::Reconciling
        | Status::Duplicate
        | Status::Disqualified
        | Status::Cancelled
        | Status::Erased => true,
    }
}

/// Whether a caller has nothing more to wait for, as far as it is told.
pub fn has_settled(lead: &Lead) -> bool {
    let status = told_status(lead);
    status.is_final() || status == Status::NeedsTime
}

/// What a caller is told of a reason: what happened, not how the operator mends it.
pub(super) fn told(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::NoSlots => "no time is free; a person will get in touch",
        ReasonCode::TimeNotChosen => {
            "the wished time is not free; one of the alternatives can be chosen"
        }
        ReasonCode::RefusedByIclosed => {
            "the booking system did not take these details; a person will look at them"
        }
        ReasonCode::TestLead => "a trial delivery is kept and never booked",
        ReasonCode::Disqualified => "this lead does not qualify for a call",
        ReasonCode::KeyRefused
        | ReasonCode::EventUnavailable
        | ReasonCode::AttemptsSpent
        | ReasonCode::OutcomeUnknown
        | ReasonCode::SuspectedSpam
        | ReasonCode::NoContact
        | ReasonCode::FetchRefused
        | ReasonCode::FetchNotFound => {
            "the call could not be booked by itself; a person will get in touch"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_told_again_while_the_record_still_has_it() {
        let call = serde_json::json!({
            "eventCallId": 1, "startTime": "2026-12-01T08:00:00Z", "timeZone": "UTC",
        });
        for (told, status, reason, is_called, again) in [
            ("queued", "booked", None, true, true),
            ("booking", "parked", Some("no_slots"), false, true),
            ("booked", "booked", None, true, true),
            ("booked", "cancelled", None, true, true),
            ("booked", "queued", None, false, false),
            (
                "needs_time",
                "needs_time",
                Some("time_not_chosen"),
                false,
                true,
            ),
            ("needs_time", "booked", None, true, false),
            ("parked", "parked", Some("no_slots"), false, true),
            ("parked", "parked", Some("suspected_spam"), false, false),
            ("parked", "queued", None, false, false),
            ("duplicate", "queued", None, false, true),
        ] {
            let told: Status = serde_json::from_value(told.into()).unwrap();
            let lead = serde_json::json!({
                "id": "ld_00000000000000000000000000", "account": "main", "source": "web", "linkPrefix": "ann/intro",
                "lane": "normal", "receivedAt": "2026-09-01T08:00:00Z", "status": status, "slot": "nearest",
                "contact": {}, "booking": is_called.then_some(&call),
                "reason": reason.map(|code| serde_json::json!({"code": code, "detail": ""})),
            });
            let lead: Lead = serde_json::from_value(lead).unwrap();
            assert_eq!(
                can_replay(told, &lead),
                again,
                "{told:?} {status} {reason:?}"
            );
        }
    }
}
