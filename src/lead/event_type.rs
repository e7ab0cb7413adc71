//! What can be told of a lead to programs outside: the types of events, as they stand on the wire.

use serde::{Serialize, Serializer};

/// Something that happened to a lead and that a receiver may want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventType {
    /// It was accepted.
    Received,
    /// It has a call.
    Booked,
    /// It is asked to choose a time.
    NeedsTime,
    /// It repeats an earlier lead.
    Duplicate,
    /// It needs a person.
    Parked,
    /// Its call was called off.
    Cancelled,
    /// Its call was moved to another time.
    Rescheduled,
    /// Its person asked to be forgotten.
    Erased,
}

impl EventType {
    /// Every type.
    pub const ALL: [EventType; 8] = [
        EventType::Received,
        EventType::Booked,
        EventType::NeedsTime,
        EventType::Duplicate,
        EventType::Parked,
        EventType::Cancelled,
        EventType::Rescheduled,
        EventType::Erased,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            EventType::Received => "lead.received",
            EventType::Booked => "lead.booked",
            EventType::NeedsTime => "lead.needs_time",
            EventType::Duplicate => "lead.duplicate",
            EventType::Parked => "lead.parked",
            EventType::Cancelled => "lead.cancelled",
            EventType::Rescheduled => "lead.rescheduled",
            EventType::Erased => "lead.erased",
        }
    }

    /// The type of this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == word)
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
