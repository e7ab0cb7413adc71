//! Deleting what is past its time, a piece at once so that nobody waits long behind it.

use std::time::Duration;

use rusqlite::Connection;

use super::desk::Desk;
use super::{Embedded, database, notices};
use crate::clock::millis;
use crate::queue::{Retention, StoreError, Swept};

/// Rows deleted in one step.
pub const PIECE: usize = 500;
/// Steps for leads, and for notices, in one sweep.
const PIECES: usize = 20;
/// Keys looked for in one sweep. Found beside the writer, so that their tables need no index by time; each look reads
/// such a table from end to end, so it should find all of them.
const KEYS: usize = 50_000;

/// A table whose rows lapse at a time of their own.
#[derive(Clone, Copy)]
enum Lapsing {
    Person,
    Idempotency,
}

impl Lapsing {
    const ALL: [Lapsing; 2] = [Lapsing::Person, Lapsing::Idempotency];

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

/// One piece of everything that is past its time.
pub async fn sweep(store: &Embedded, retention: Retention) -> Result<Swept, StoreError> {
    let (now, kept) = (store.now(), retention.ended);
    let mut more = false;
    for table in Lapsing::ALL {
        let keys = store.readers.run(move |db| lapsed(db, table, now)).await?;
        more |= keys.len() == KEYS;
        for piece in keys.chunks(PIECE) {
            let piece = piece.to_vec();
            store
                .writer
                .run(move |desk| forget(desk, table, &piece))
                .await?;
        }
    }
    learn(store).await?;
    store.writer.run(small_tables).await?;
    let told = pieces(store, move |desk| notices::sweep(desk, kept)).await?;
    let ended = pieces(store, move |desk| ended(desk, kept)).await?;
    let most = PIECE * PIECES;
    Ok(Swept {
        leads: ended as u64,
        more: more || told == most || ended == most,
    })
}

/// Reads which digests the table `person` has, where that is not known well: twice from end to end, beside the writer,
/// once in the life of a process and whenever it has grown by four.
async fn learn(store: &Embedded) -> Result<(), StoreError> {
    if !store.recent.lock().is_to_learn() {
        return Ok(());
    }
    let count = |db: &Connection| {
        let count: i64 = db
            .prepare_cached("SELECT count(*) FROM person")?
            .query_row([], |row| row.get(0))?;
        Ok(count)
    };
    let count = store.readers.run(count).await?;
    let mut sieve = store
        .recent
        .lock()
        .learn(usize::try_from(count).unwrap_or_default());
    let read = store.readers.run(move |db| {
        let mut find = db.prepare_cached("SELECT digest FROM person")?;
        let mut rows = find.query([])?;
        while let Some(row) = rows.next()? {
            sieve.add(&row.get(0)?);
        }
        Ok(sieve)
    });
    let read = read.await?;
    store.recent.lock().learnt(read);
    Ok(())
}

/// Deletes until a piece is not full, or enough for one sweep. How many rows went.
async fn pieces<F>(store: &Embedded, piece: F) -> Result<usize, StoreError>
where
    F: Fn(&mut Desk) -> Result<usize, StoreError> + Copy + Send + 'static,
{
    let mut gone = 0;
    for _ in 0..PIECES {
        let some = store.writer.run(piece).await?;
        gone += some;
        if some < PIECE {
            break;
        }
    }
    Ok(gone)
}

/// Keys that have lapsed.
fn lapsed(db: &Connection, table: Lapsing, now: i64) -> Result<Vec<[u8; 16]>, StoreError> {
    let most = i64::try_from(KEYS).unwrap_or(i64::MAX);
    let mut find = db.prepare_cached(table.find())?;
    let keys = find.query_map((now, most), |row| row.get(0))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// Deletes those of the keys that have lapsed still.
fn forget(desk: &mut Desk, table: Lapsing, keys: &[[u8; 16]]) -> Result<(), StoreError> {
    let now = desk.now();
    let mut delete = desk.db.prepare_cached(table.delete())?;
    for key in keys {
        delete.execute((key, now))?;
    }
    Ok(())
}

/// Deletes the few rows of the small tables, and writes down what time it is: see [`super::clocks`].
fn small_tables(desk: &mut Desk) -> Result<(), StoreError> {
    let now = desk.now();
    database::mark(&desk.db, now)?;
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
    Ok(())
}

/// Deletes a piece of the ended leads. How many went.
fn ended(desk: &mut Desk, kept: Duration) -> Result<usize, StoreError> {
    let now = desk.now();
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
    Ok(gone.len())
}
