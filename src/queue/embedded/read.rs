//! Reading what is committed, beside the writer: a few connections of their own, on blocking threads.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{Semaphore, oneshot};

use super::database::{self, OpenError};
use super::recent::Shared;
use super::record;
use crate::lead::{Lane, LeadId, Step};
use crate::queue::{Backlog, Digest, StoreError};

const READERS: usize = 4;
/// A position up to this one is counted, a later one only bounded.
pub const AHEAD_EXACT: u64 = 1000;

/// The connections that read.
pub struct Readers {
    idle: Mutex<Vec<Connection>>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub fn open(folder: &Path) -> Result<Arc<Self>, OpenError> {
        let idle = (0..READERS)
            .map(|_| database::reader(folder))
            .collect::<Result<_, _>>()?;
        Ok(Arc::new(Self {
            idle: Mutex::new(idle),
            places: Arc::new(Semaphore::new(READERS)),
        }))
    }

    /// Runs `read` on one committed state of the database.
    pub async fn run<T, F>(self: &Arc<Self>, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| stopped())?;
        let readers = Arc::clone(self);
        let (tell, told) = oneshot::channel();
        // Boxed, so that what the runtime makes of it is compiled once and not for every kind of read.
        let task: Box<dyn FnOnce() + Send> = Box::new(move || {
            let outcome = readers.read(read);
            drop(place);
            // Nobody listens when the caller went away.
            let _ = tell.send(outcome);
        });
        tokio::task::spawn_blocking(task);
        told.await.map_err(|_| stopped())?
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // There is one for every place, unless a reader panicked and took its own along.
        let db = self.idle().pop().ok_or_else(stopped)?;
        let outcome = on_one_state(&db, read);
        self.idle().push(db);
        outcome
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn on_one_state<T>(
    db: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let transaction = db.unchecked_transaction()?;
    read(&transaction)
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the readers have stopped".to_owned())
}

/// The lead that a remembered key made.
pub fn repeated(db: &Connection, key: &Digest, now: i64) -> Result<Option<LeadId>, StoreError> {
    let found = db
        .prepare_cached("SELECT lead_id FROM idempotency WHERE key = ?1 AND until > ?2")?
        .query_row((key, now), |row| row.get(0))
        .optional()?;
    Ok(found.map(record::id))
}

pub fn next_due(
    db: &Connection,
    account: &str,
    step: Step,
    now: i64,
) -> Result<Option<Duration>, StoreError> {
    let mut earliest: Option<i64> = None;
    for lane in Lane::ALL {
        let due = first_due(db, account, step, lane)?;
        earliest = earliest.into_iter().chain(due).min();
    }
    Ok(earliest.map(|due| span(now, due)))
}

/// When the first lead of a lane is due for a step; of one in a worker's hands, when the lease ends.
fn first_due(
    db: &Connection,
    account: &str,
    step: Step,
    lane: Lane,
) -> Result<Option<i64>, StoreError> {
    let mut first = db.prepare_cached(
        "SELECT min(due_at) FROM leads WHERE account = ?1 AND step = ?2 AND lane = ?3",
    )?;
    Ok(first.query_row((account, step.as_str(), lane.rank()), |row| row.get(0))?)
}

/// From one time to a later one; zero when it is not later.
fn span(from: i64, to: i64) -> Duration {
    Duration::from_millis(to.saturating_sub(from).max(0).cast_unsigned())
}

pub fn ahead(
    db: &Connection,
    recent: &Shared,
    id: LeadId,
    now: i64,
) -> Result<Option<u64>, StoreError> {
    let Some(place) = record::place(db, recent, id)? else {
        return Ok(None);
    };
    if place.step.is_none() {
        return Ok(None);
    }
    if place.is_held(now) {
        return Ok(Some(0));
    }
    let account: String = db
        .prepare_cached("SELECT account FROM leads WHERE seq = ?1")?
        .query_row([place.seq], |row| row.get(0))?;
    let exact = go_before(db, &account, place.lane, now, place.due_at, place.seq)?;
    if exact <= AHEAD_EXACT {
        return Ok(Some(exact));
    }
    Ok(Some(counted(db, &account, place.lane)?.max(exact)))
}

/// How many leads wait for [`Step::Book`] or [`Step::Qualify`] before one of `lane` that is due at `due_at` and came
/// as the `seq`-th: in its own lane those due earlier, in more urgent lanes all that are due when it is. Leads in
/// workers' hands have gone already. Stops counting soon after [`AHEAD_EXACT`].
pub fn go_before(
    db: &Connection,
    account: &str,
    lane: u8,
    now: i64,
    due_at: i64,
    seq: i64,
) -> Result<u64, StoreError> {
    let mut find = db.prepare_cached(
        "SELECT count(*) FROM (SELECT 1 FROM leads WHERE account = ?1 AND step = ?2 AND lane = ?3 \
         AND (due_at < ?4 OR (due_at = ?4 AND seq < ?5)) AND (leased = 0 OR due_at <= ?6) LIMIT ?7)",
    )?;
    let mut before: u64 = 0;
    for urgent in Lane::ALL.into_iter().filter(|other| other.rank() <= lane) {
        let (until, seq) = if urgent.rank() < lane {
            (due_at.max(now), i64::MAX)
        } else {
            (due_at, seq)
        };
        for step in [Step::Qualify, Step::Book] {
            let some = (AHEAD_EXACT + 1).cast_signed();
            let found: i64 = find.query_row(
                (account, step.as_str(), urgent.rank(), until, seq, now, some),
                |row| row.get(0),
            )?;
            before += found.cast_unsigned();
        }
    }
    Ok(before)
}

/// How many leads wait in this lane and the more urgent ones, whatever for and until when.
pub fn counted(db: &Connection, account: &str, lane: u8) -> Result<u64, StoreError> {
    let sum: i64 = db
        .prepare_cached(
            "SELECT coalesce(sum(waiting), 0) FROM lanes WHERE account = ?1 AND lane <= ?2",
        )?
        .query_row((account, lane), |row| row.get(0))?;
    Ok(sum.cast_unsigned())
}

pub fn backlog(db: &Connection, now: i64) -> Result<Vec<Backlog>, StoreError> {
    let mut find =
        db.prepare_cached("SELECT account, lane, waiting FROM lanes WHERE waiting > 0")?;
    let rows = find.query_map([], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, u8>(1)?,
            row.get::<_, i64>(2)?,
        ))
    })?;
    let mut backlog = Vec::new();
    for row in rows {
        let (account, rank, waiting) = row?;
        let lane = Lane::ALL.into_iter().find(|lane| lane.rank() == rank);
        let lane = lane
            .ok_or_else(|| StoreError::Unreadable("a lane of that rank is not known".to_owned()))?;
        // One look into the index for each step, however many wait.
        let mut overdue = Duration::ZERO;
        for step in Step::ALL {
            let due = first_due(db, &account, step, lane)?;
            overdue = overdue.max(due.map_or(Duration::ZERO, |due| span(due, now)));
        }
        backlog.push(Backlog {
            account,
            lane,
            waiting: waiting.cast_unsigned(),
            overdue,
        });
    }
    Ok(backlog)
}
