//! Which lead has this call, and which leads claim this person.

use rusqlite::{Connection, OptionalExtension};

use super::record;
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
pub fn by_person(db: &Connection, person: &[Digest], now: i64) -> Result<Vec<LeadId>, StoreError> {
    let mut holders = Vec::new();
    for digest in person {
        holders.extend(record::holder(db, digest, now)?.filter(|id| !holders.contains(id)));
    }
    Ok(holders)
}
