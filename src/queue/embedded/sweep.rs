//! Deleting what is past its time, a piece at once so that nobody waits long behind it.

use std::time::Duration;

use rusqlite::Connection;

use super::writer::Desk;
use crate::clock::millis;
use crate::queue::StoreError;

/// Rows deleted in one step.
pub const PIECE: usize = 500;
/// Keys looked for in one sweep. Found beside the writer, so that their tables need no index by time.
const KEYS: usize = 10_000;

/// A table whose rows lapse at a time of their own.
#[derive(Clone, Copy)]
pub enum Lapsing {
    Person,
    Idempotency,
}

impl Lapsing {
    pub const ALL: [Lapsing; 2] = [Lapsing::Person, Lapsing::Idempotency];

    fn find(self) -> &'static str {
        match self {
            Lapsing::Person => "SELECT digest FROM person WHERE until <= ?1 LIMIT ?2",
            Lapsing::Idempotency => "SELECT key FROM idempotency WHERE until <= ?1 LIMIT ?2",
        }
    }

    fn delete(self) -> &'static str {
        match self {
            Lapsing::Person => "DELETE FROM person WHERE digest = ?1 AND until <= ?2",
            Lapsing::Idempotency => "DELETE FROM idempotency WHERE key = ?1 AND until <= ?2",
        }
    }
}

/// Keys that have lapsed.
pub fn lapsed(db: &Connection, table: Lapsing, now: i64) -> Result<Vec<[u8; 16]>, StoreError> {
    let most = i64::try_from(KEYS).unwrap_or(i64::MAX);
    let mut find = db.prepare_cached(table.find())?;
    let keys = find.query_map((now, most), |row| row.get(0))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// Deletes those of the keys that have lapsed still.
pub fn forget(desk: &mut Desk, table: Lapsing, keys: &[[u8; 16]]) -> Result<(), StoreError> {
    let now = desk.now();
    let mut delete = desk.db.prepare_cached(table.delete())?;
    for key in keys {
        delete.execute((key, now))?;
    }
    Ok(())
}

/// Deletes a piece of the ended leads, and the few rows of the small tables. How many leads went.
pub fn ended(desk: &mut Desk, kept: Duration) -> Result<u64, StoreError> {
    let now = desk.now();
    desk.db
        .prepare_cached("DELETE FROM holds WHERE until <= ?1")?
        .execute([now])?;
    let steady = desk.clock.steady().as_millisecond();
    desk.db
        .prepare_cached("DELETE FROM permits WHERE closes_at <= ?1")?
        .execute([steady])?;
    desk.db
        .prepare_cached("DELETE FROM pauses WHERE closes_at <= ?1")?
        .execute([steady])?;
    let mut delete = desk.db.prepare_cached(
        "DELETE FROM leads WHERE seq IN (SELECT seq FROM leads WHERE ended_at <= ?1 ORDER BY ended_at LIMIT ?2) \
         RETURNING id",
    )?;
    let most = i64::try_from(PIECE).unwrap_or(i64::MAX);
    let gone = delete.query_map((now.saturating_sub(millis(kept)), most), |row| row.get(0))?;
    let gone: Vec<[u8; 16]> = gone.collect::<Result<_, _>>()?;
    let mut recent = desk.recent.lock();
    for id in &gone {
        recent.forget(&desk.db, *id)?;
    }
    Ok(gone.len() as u64)
}
