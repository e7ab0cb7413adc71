//! `[booking]`: how stubbornly a lead is booked.

use super::fault::Problem;
use super::section::Section;

/// The booking of accepted leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookingSettings {
    /// When a booking whose answer was lost is looked for, counted from the loss: ascending, each 1 to 3600.
    pub look_after_seconds: Vec<u64>,
    /// How often a failed booking is tried before the lead parks, 1 to 20.
    pub max_attempts: u32,
    /// How long a lead may be left to choose another time, 1 to 720.
    pub ask_hours: u32,
    /// How long free slots are believed, 0 (always asked anew) to 60.
    pub slot_cache_seconds: u64,
}

impl BookingSettings {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let look_after_seconds = section
            .numbers("look_after_seconds", 1..=3600)
            .unwrap_or_else(|| vec![2, 5, 15, 45]);
        if look_after_seconds.is_empty() {
            // An unknown outcome is never retried before it was looked up.
            section.fault("look_after_seconds", "must hold at least one number");
        }
        if !look_after_seconds.is_sorted_by(|earlier, later| earlier < later) {
            section.fault(
                "look_after_seconds",
                Problem::from("must be ascending").hint("each number counts from the lost answer"),
            );
        }
        let settings = Self {
            look_after_seconds,
            max_attempts: section.number("max_attempts", 1..=20, 6),
            ask_hours: section.number("ask_hours", 1..=720, 48),
            slot_cache_seconds: section.number("slot_cache_seconds", 0..=60, 5),
        };
        section.close(|_| None);
        settings
    }
}
