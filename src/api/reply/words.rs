//! What a visitor is told, in English. A bot of another language takes the facts and says it in its own words.

use super::label;
use crate::api::problem::{Code, Problem};
use crate::api::state::LeadState;
use crate::lead::Status;

/// Where a lead stands.
pub(super) fn of_lead(state: &LeadState) -> String {
    match (state.status, &state.booking) {
        (Status::Booked, Some(booking)) => {
            let when = label(booking.start_time, &booking.time_zone);
            let whom = booking.closer_name.as_deref();
            let whom = whom.map_or(String::new(), |name| format!(" with {name}"));
            format!("Your call{whom} is booked: {when} ({}).", booking.time_zone)
        }
        (Status::NeedsTime, _) if state.alternatives.as_deref().is_none_or(<[_]>::is_empty) => {
            "That time is not free. Which other time suits you?".to_owned()
        }
        (Status::NeedsTime, _) => "Which of these times suits you?".to_owned(),
        (Status::Queued, _) => match state.position {
            Some(place) => {
                format!(
                    "Thank you, we have your request. You are number {place} in line for a time."
                )
            }
            None => "Thank you, we have your request. You are in line for a time.".to_owned(),
        },
        (Status::Booking | Status::Reconciling | Status::Booked, _) => {
            "Thank you, we have your request and are booking your time.".to_owned()
        }
        (Status::Duplicate, _) => "We have your request already.".to_owned(),
        (Status::Disqualified | Status::Parked, _) => {
            "Thank you, we have your request. A person will look at it.".to_owned()
        }
        (Status::Cancelled | Status::Erased, _) => "This request was withdrawn.".to_owned(),
    }
}

/// How many times there are to choose from; the times follow.
pub(super) fn of_slots(count: usize) -> String {
    match count {
        0 => "No time is free just now.".to_owned(),
        _ => "These times are free:".to_owned(),
    }
}

/// What a visitor can do about a problem.
pub(super) fn of_problem(problem: &Problem) -> String {
    let first = problem.errors.first();
    let pointer = first.map_or("", |fault| fault.pointer.as_str());
    match (problem.code, pointer) {
        (Code::ValidationFailed, "/email") => "This email address does not look right.",
        (Code::ValidationFailed, "/phoneNumber") => {
            "This phone number does not look right. Please give it with its country code, such as +47."
        }
        (Code::ValidationFailed, "") => "An email address or a phone number is needed.",
        (Code::ValidationFailed, pointer)
            if pointer.starts_with("/dateTime") || pointer.starts_with("/wishes") =>
        {
            "This time cannot be booked. Please choose another one."
        }
        (Code::ValidationFailed, _) => "Something in these details does not look right.",
        (Code::NotWaitingForTime, _) => "There is no time to choose any more for this request.",
        _ => "That did not work just now, and nothing was kept. Please try again in a moment.",
    }
    .to_owned()
}
