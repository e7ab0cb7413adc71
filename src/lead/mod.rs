//! The words everybody shares: what a lead is, and the parsed things it is made of.
//!
//! Owns the record and its parts. Knows no HTTP, no storage, no vendor, and is told the time.

pub mod country;
pub mod email;
pub mod event_type;
pub mod id;
pub mod name;
pub mod phone;
pub mod progress;
pub mod status;
pub mod tracking;
pub mod zone;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use event_type::EventType;
pub use id::{LeadId, MessageId};
pub use progress::{Confirmation, Displaced, Intent, Progress};
pub use status::{Reason, ReasonCode, Status, Step};
pub use tracking::Tracking;

/// Which of the three queues inside one budget a lead waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Somebody is looking at a spinner.
    Interactive,
    /// A person just left their details.
    Normal,
    /// Imports and replays.
    Bulk,
}

impl Lane {
    /// Every lane, the most urgent first.
    pub const ALL: [Lane; 3] = [Lane::Interactive, Lane::Normal, Lane::Bulk];

    /// The lanes in the order the `turn`-th hand-out looks through them.
    ///
    /// Interactive goes first, but one turn in five belongs to `normal` and one in twenty to `bulk`, so that a
    /// steady stream of urgent leads can slow the others and never stop them.
    pub fn order(turn: u64) -> [Lane; 3] {
        match turn % 20 {
            19 => [Lane::Bulk, Lane::Interactive, Lane::Normal],
            4 | 9 | 14 => [Lane::Normal, Lane::Interactive, Lane::Bulk],
            _ => Lane::ALL,
        }
    }

    /// The word in settings, records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Lane::Interactive => "interactive",
            Lane::Normal => "normal",
            Lane::Bulk => "bulk",
        }
    }

    /// The number a store keeps: 0 is the most urgent.
    pub fn rank(self) -> u8 {
        match self {
            Lane::Interactive => 0,
            Lane::Normal => 1,
            Lane::Bulk => 2,
        }
    }
}

/// What to do when a lead names no time, or the time it named is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotPolicy {
    /// Only the wished time will do; otherwise ask.
    Exact,
    /// The free time nearest to the first wish.
    Nearest,
    /// The first free time.
    Earliest,
}

/// One accepted lead: everything known of it, in the one place where personal data may live.
///
/// The queue position (step, due time, lease) is the store's and is not in here.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lead {
    /// Unguessable; knowing it is the right to see the lead's status.
    pub id: LeadId,
    /// The iClosed account that pays for the calls to the vendor.
    pub account: String,
    /// The name of the source in the settings.
    pub source: String,
    /// The event to book, as iClosed's `username/event-name`.
    pub link_prefix: String,
    /// iClosed's numeric id of the event, when the source's settings give one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<i64>,
    /// The queue inside the account's budget.
    pub lane: Lane,
    /// A platform's trial delivery: kept and shown, never booked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
    /// When the lead was accepted.
    pub received_at: Timestamp,
    /// Where the lead stands.
    pub status: Status,
    /// Why it stands there, when a person needs to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The earlier lead this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<LeadId>,
    /// The id the lead's platform gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_id: Option<String>,
    /// Who the lead is.
    pub contact: Contact,
    /// The instants wished for, the dearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wishes: Vec<Timestamp>,
    /// What to do when no wish can be met.
    pub slot: SlotPolicy,
    /// Answers by question identifier, in the order they came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
    /// People who come along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_guests: Vec<Guest>,
    /// Where the lead came from: campaign marks, click ids, pages.
    #[serde(default)]
    pub tracking: Tracking,
    /// What the request's headers say of the sender.
    #[serde(default)]
    pub sender: Sender,
    /// As sent, untouched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Value>,
    /// As sent, untouched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// Fields leadgate does not know, as sent.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
    /// How far the booking has come.
    #[serde(default)]
    pub progress: Progress,
    /// The call, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booking: Option<Booking>,
    /// Free times to choose from while the status is `needs_time`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Timestamp>,
    /// What happened, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<Event>,
    /// The request's W3C `traceparent`, so that later work joins its trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// What the platform said of a lead it did not send whole; `None` once the lead was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_fetch: Option<Value>,
    /// The delivery as it arrived, for replay.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub raw: String,
}

/// The person. `Debug` shows which fields are there, never what they hold.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Contact {
    /// As typed, trimmed: this is what is sent on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What is known of the address without asking anyone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_kind: Option<email::Kind>,
    /// A likely meant address, when the domain looks mistyped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_hint: Option<String>,
    /// E.164, when the number could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// The number as typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_typed: Option<String>,
    /// As sent on: at most 25 UTF-16 units, iClosed's limit for contacts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// As sent on: at most 25 UTF-16 units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// The whole name as typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// As typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_title: Option<String>,
    /// As typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// As typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// ISO 3166-1 alpha-2 where it could be told, else as typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// As typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// How the zone became known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone_from: Option<zone::Origin>,
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact")
            .field("email", &self.email.is_some())
            .field("phone_number", &self.phone_number.is_some())
            .field("name", &self.name.is_some())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead")
            .field("id", &self.id)
            .field("source", &self.source)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// One question and every value given to it, in order.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The question's identifier at iClosed, or its numeric custom field id.
    pub question: String,
    /// At least one.
    pub values: Vec<String>,
}

/// Somebody the lead brings along.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Guest {
    /// As sent on: trimmed, its domain in ASCII.
    pub email: String,
    /// As typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What the request's own headers say of its sender.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sender {
    /// The client's address, believed only through trusted proxies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `User-Agent` as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The best of `Accept-Language`, a BCP 47 tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// `mobile`, `tablet`, `desktop` or `bot`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<tracking::Device>,
}

/// The call iClosed holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Booking {
    /// iClosed's id of the call.
    pub event_call_id: i64,
    /// UTC.
    pub start_time: Timestamp,
    /// UTC, when the vendor told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Timestamp>,
    /// The lead's IANA zone.
    pub time_zone: String,
    /// Who will call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closer_name: Option<String>,
    /// What to show the lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmation_link: Option<String>,
    /// Where to send the lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
}

/// One line of a lead's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Which part of the work: `accept`, `qualify`, `lookup`, `book`, `reconcile`, `hand_over`, `confirm`,
    /// `time`, `cancel`, `operator`.
    pub step: String,
    /// What came of it, a stable snake_case word.
    pub outcome: String,
    /// A sentence for a person; holds no contact data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Lead {
    /// Adds a line to the history.
    pub fn note(&mut self, at: Timestamp, step: &str, outcome: &str, detail: Option<String>) {
        self.timeline.push(Event {
            at,
            step: step.to_owned(),
            outcome: outcome.to_owned(),
            detail,
        });
    }

    /// Like [`Lead::note`] for what may repeat for hours: a line equal to the newest one but for its time replaces it.
    pub fn note_once(&mut self, at: Timestamp, step: &str, outcome: &str, detail: String) {
        let again = self.timeline.last().is_some_and(|last| {
            last.step == step
                && last.outcome == outcome
                && last.detail.as_deref() == Some(detail.as_str())
        });
        if again {
            self.timeline.pop();
        }
        self.note(at, step, outcome, Some(detail));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_lane_is_starved_and_the_urgent_one_leads() {
        let firsts: Vec<Lane> = (0..20).map(|turn| Lane::order(turn)[0]).collect();
        assert_eq!(
            firsts.iter().filter(|l| **l == Lane::Interactive).count(),
            16
        );
        assert_eq!(firsts.iter().filter(|l| **l == Lane::Normal).count(), 3);
        assert_eq!(firsts.iter().filter(|l| **l == Lane::Bulk).count(), 1);
        for turn in 0..20 {
            let mut order = Lane::order(turn);
            order.sort();
            assert_eq!(order, Lane::ALL);
        }
    }
}
