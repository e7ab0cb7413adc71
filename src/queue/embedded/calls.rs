//! Which lead has this call, and which leads claim this person until when.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::desk::Desk;
use super::record;
use crate::clock::from_millis;
use crate::lead::LeadId;
use crate::queue::{Digest, StoreError};

/// The newest lead whose record names the call.
pub fn by_call(db: &Connection, account: &str, call_id: i64) -> Result<Option<LeadId>, StoreError> {
    let found = db
        .prepare_cached(
            "SELECT id FROM leads WHERE account = ?1 AND call_id = ?2 ORDER BY seq DESC LIMIT 1",
        )?
        .query_row((account, call_id), |row| row.get(0))
        .optional()?;
    Ok(found.map(record::id))
}

/// Whoever claims one of the digests, each lead once.
pub fn by_person(desk: &mut Desk, person: &[Digest]) -> Result<Vec<LeadId>, StoreError> {
    let (now, recent) = (desk.now(), desk.recent.lock());
    let mut holders = Vec::new();
    for digest in person {
        holders.extend(
            recent
                .holder(&desk.db, digest, now)?
                .filter(|id| !holders.contains(id)),
        );
    }
    Ok(holders)
}

/// Until when the lead claims one of its digests.
pub fn claimed_until(desk: &mut Desk, id: LeadId) -> Result<Option<Timestamp>, StoreError> {
    let Some(place) = record::place(&desk.db, &desk.recent, id)? else {
        return Ok(None);
    };
    let (now, recent) = (desk.now(), desk.recent.lock());
    let until = recent.claimed_until(&desk.db, &place.person, id, now)?;
    Ok(until.map(from_millis))
}
