//! What both stores do to a record alike: read it, say how it stands, and note its intent.

use super::StoreError;
use crate::lead::{Intent, Lead, LeadId, Status, Step};

/// The error names the place in the text and never quotes it.
pub fn decode(body: &[u8]) -> Result<Lead, StoreError> {
    serde_json::from_slice(body).map_err(|e| {
        StoreError::Unreadable(format!(
            "{:?} error at line {} column {}",
            e.classify(),
            e.line(),
            e.column()
        ))
    })
}

/// Where a lead stands for those who look: `booking` is true only of a lead held for [`Step::Book`], whatever its
/// record says, so that a lapsed lease needs no write.
pub fn shown(recorded: Status, held_for: Option<Step>) -> Status {
    match (held_for, recorded) {
        (Some(Step::Book), _) => Status::Booking,
        (_, Status::Booking) => Status::Queued,
        (_, other) => other,
    }
}

/// Counts the attempt and makes the intent the open one.
pub fn note_intent(lead: &mut Lead, intent: &Intent) {
    lead.progress.attempts = intent.attempt;
    lead.progress.looks = 0;
    lead.progress.intent = Some(intent.clone());
}

/// What a listing does with one record: one that cannot be read is left out and told in the log.
pub fn readable<T>(
    id: LeadId,
    found: Result<Option<T>, StoreError>,
) -> Result<Option<T>, StoreError> {
    if let Err(StoreError::Unreadable(why)) = found {
        tracing::error!(lead.id = %id, why, "a record was left out of a listing");
        return Ok(None);
    }
    found
}
