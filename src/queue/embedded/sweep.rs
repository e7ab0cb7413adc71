//! Deleting what is past its time, a piece at once so that nobody waits long behind it.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::desk::Desk;
use super::recent::Sieve;
use super::{Embedded, database, notices};
use crate::clock::millis;
use crate::queue::{Retention, StoreError, Swept};

/// Rows deleted in one step.
pub const PIECE: usize = 500;
/// Steps for leads, and for notices, in one sweep.
const PIECES: usize = 20;
/// Keys looked for in one sweep. Found beside the writer, so that their tables need no index by time; each sweep reads
/// such a table from end to end, so it should find all of them.
const KEYS: usize = 50_000;
/// What was read in less was little, and nobody waited for it.
const LITTLE: Duration = Duration::from_micros(200);
/// So many times as long as a part was read, its reader rests.
const REST: u32 = 4;

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
            Lapsing::Person => {
                "SELECT digest FROM person WHERE digest >= ?1 AND digest < ?2 AND until <= ?3 LIMIT ?4"
            }
            Lapsing::Idempotency => {
                "SELECT key FROM idempotency WHERE key >= ?1 AND key < ?2 AND until <= ?3 LIMIT ?4"
            }
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
        let keys = lapsed(store, table, now).await?;
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

/// Reads which digests the table `person` has, where that is not known well: once in the life of a process, and
/// whenever they have become four times as many.
async fn learn(store: &Embedded) -> Result<(), StoreError> {
    if !store.recent.lock().is_to_learn() {
        return Ok(());
    }
    let [first, ..] = Part::all();
    let some = store.readers.run(move |db| count(db, first)).await?;
    let Some(blank) = store.recent.lock().learn(some * Part::all().len()) else {
        return Ok(());
    };
    let (read, outcome) = match all_persons(store, blank).await {
        Ok(read) => (Some(read), Ok(())),
        Err(error) => (None, Err(error)),
    };
    store.recent.lock().learnt(read);
    outcome
}

async fn all_persons(store: &Embedded, mut sieve: Sieve) -> Result<Sieve, StoreError> {
    for part in Part::all() {
        let began = Instant::now();
        let read = store.readers.run(move |db| learn_part(db, part, sieve));
        sieve = read.await?;
        rest_after(began).await;
    }
    Ok(sieve)
}

fn count(db: &Connection, part: Part) -> Result<usize, StoreError> {
    let count: i64 = db
        .prepare_cached("SELECT count(*) FROM person WHERE digest >= ?1 AND digest < ?2")?
        .query_row((part.from(), part.end()), |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or_default())
}

fn learn_part(db: &Connection, part: Part, mut sieve: Sieve) -> Result<Sieve, StoreError> {
    let mut find =
        db.prepare_cached("SELECT digest FROM person WHERE digest >= ?1 AND digest < ?2")?;
    let mut rows = find.query((part.from(), part.end()))?;
    while let Some(row) = rows.next()? {
        sieve.add(&row.get(0)?);
    }
    Ok(sieve)
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
async fn lapsed(store: &Embedded, table: Lapsing, now: i64) -> Result<Vec<[u8; 16]>, StoreError> {
    let mut keys = Vec::new();
    for part in Part::all() {
        let (began, most) = (Instant::now(), KEYS - keys.len());
        let found = store
            .readers
            .run(move |db| lapsed_in(db, table, part, now, most));
        keys.extend(found.await?);
        if keys.len() >= KEYS {
            break;
        }
        rest_after(began).await;
    }
    Ok(keys)
}

fn lapsed_in(
    db: &Connection,
    table: Lapsing,
    part: Part,
    now: i64,
    most: usize,
) -> Result<Vec<[u8; 16]>, StoreError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut find = db.prepare_cached(table.find())?;
    let keys = find.query_map((part.from(), part.end(), now, most), |row| row.get(0))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// A part of a table of digests: those with this first byte. Read from end to end such a table would keep a processor
/// for a tenth of a second and more, and whoever is served then would wait.
#[derive(Clone, Copy)]
struct Part(u8);

impl Part {
    fn all() -> [Part; 256] {
        std::array::from_fn(|first| Part(first as u8))
    }

    /// Before every digest of the part.
    fn from(self) -> [u8; 1] {
        [self.0]
    }

    /// After every digest of the part, and before those of the next.
    fn end(self) -> Vec<u8> {
        match self.0.checked_add(1) {
            Some(next) => vec![next],
            None => vec![u8::MAX; 17],
        }
    }
}

/// Lets others have the processor for longer than a part was read, where that took long at all.
async fn rest_after(began: Instant) {
    let took = began.elapsed();
    if took > LITTLE {
        tokio::time::sleep(took * REST).await;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digest_is_in_one_part() {
        for (digest, part) in [([0; 16], 0), ([0xFE; 16], 0xFE), ([0xFF; 16], 0xFF)] {
            let holds = |part: &Part| part.from()[..] <= digest[..] && digest[..] < part.end()[..];
            let parts: Vec<u8> = Part::all()
                .iter()
                .filter(|part| holds(part))
                .map(|part| part.0)
                .collect();
            assert_eq!(parts, [part], "{digest:?}");
        }
    }
}
