//! What a lead remembers of the work on it: requests whose end is open, tries, and what they came to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::status::Step;

/// How far the booking of one lead has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Progress {
    /// Booking requests sent, or meant to be sent when a crash came between.
    pub attempts: u32,
    /// Tries that ended before a booking request could be sent.
    pub failures: u32,
    /// Lookups of slots that offered nothing inside the rules.
    pub empty_lookups: u32,
    /// Turns in a row in which every time that would do was in other leads' hands.
    #[serde(skip_serializing_if = "is_zero")]
    pub held_rounds: u32,
    /// Only lists of slots asked for after this tell the truth for this lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh_after: Option<Timestamp>,
    /// The instant of a request that was lost and not found: asked for again before any other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<Timestamp>,
    /// Lookups made for the open intent.
    pub looks: u32,
    /// A booking request whose end is not known yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// Instants the vendor refused to this lead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Timestamp>,
    /// iClosed's contact, once made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<i64>,
    /// Hosts the qualification restricts the booking to, as the vendor's comma-joined ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditional_users: Option<String>,
    /// What the invitee is told of a call that is to be called off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<String>,
    /// The contact was handed to iClosed for a setter.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub handed_over: bool,
    /// What iClosed was asked about the call, and said.
    #[serde(skip_serializing_if = "Confirmation::is_blank")]
    pub confirmation: Confirmation,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// What became of the questions that webhooks gave rise to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Confirmation {
    /// When iClosed was last asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// Questions in a row that were not answered.
    pub failures: u32,
    /// The work that the question was put before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub displaced: Option<Displaced>,
    /// What came of the call: a word of iClosed's, or `other`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

impl Confirmation {
    fn is_blank(&self) -> bool {
        *self == Self::default()
    }
}

/// Work that waits behind other work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Displaced {
    /// Which work.
    pub step: Step,
    /// When it is due.
    pub due_at: Timestamp,
}

/// Written before a booking request leaves, so that a lost answer can be looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// Which request this is, from 1.
    pub attempt: u32,
    /// The instant asked for.
    pub instant: Timestamp,
    /// When the intent was written, by the store's clock.
    pub sent_at: Timestamp,
}
