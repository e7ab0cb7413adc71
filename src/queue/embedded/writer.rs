//! The one thread that writes, and how steps that arrive together share a commit.
//!
//! A commit costs a flush of the disk, whatever it holds. So the thread takes one waiting step and up to
//! [`GROUP`] − 1 more, runs each inside its own savepoint, commits once, and only then answers all of them. Knows
//! nothing of what the steps do.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use crate::clock::Clock;
use crate::lead::{LeadId, Step};
use crate::queue::{Changes, StoreError};

use super::clocks::{self, Moment};
use super::copier::{self, Copier};
use super::lanes::Lanes;
use super::recent::Shared;
use super::scrub;

/// Steps in one commit at most. Measured: 64 gives nearly the rate of 256 at a third of its delay.
const GROUP: usize = 64;
/// Steps on their way to the thread; more callers wait for a place.
const UNDER_WAY: usize = 1024;
/// With nothing to do for so long, the log is copied into the database.
const IDLE: Duration = Duration::from_millis(200);
/// A new lead brings fewer keys than this: its id, and the ways of being its person.
const KEYS: usize = 4;
/// So many keys are moved in one commit: enough to be worth a flush, and some milliseconds of work.
const PIECE: usize = 1024;
/// This share of a bounded database is kept from new leads, for work on those accepted already.
const RESERVE: i64 = 8;

/// What a step works with: the database, inside the group's transaction, and what lives as long as the process.
pub struct Desk {
    pub db: Connection,
    pub clock: Clock,
    /// Leads handed out, by account and step: decides which lane is looked at first.
    pub turns: HashMap<(String, Step), u64>,
    /// Lower limits the vendor named, by account and endpoint.
    pub adopted: HashMap<(String, String), u32>,
    /// How many leads wait.
    pub lanes: Lanes,
    /// Keys that are not in their tables yet.
    pub recent: Shared,
    /// Keys added since some were moved, at most.
    added: usize,
    /// Only work on accepted leads still fits.
    pub takes_no_leads: bool,
    /// When the clock was last looked at.
    seen: Moment,
    max_pages: Option<i64>,
    signals: Vec<Signal>,
    /// Why the last failed step failed.
    failure: Option<StoreError>,
    /// A step failed halfway and could not be undone alone.
    torn: bool,
    /// Those who wait for a scrub after this group.
    scrubs: Vec<oneshot::Sender<Result<(), StoreError>>>,
}

enum Signal {
    Lead(LeadId),
    Work,
    Messages,
}

type Answer = Box<dyn FnOnce(Result<(), StoreError>)>;
type Job = Box<dyn FnOnce(Result<&mut Desk, StoreError>) -> Answer + Send>;

/// The way to the thread.
pub struct Writer {
    jobs: Option<Sender<Job>>,
    places: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
    commits: Arc<AtomicU64>,
}

impl Writer {
    /// Starts the thread. It keeps `lock` until it ends, which is when the `Writer` is dropped.
    pub fn start(
        db: Connection,
        recent: Shared,
        copier: Copier,
        max_pages: Option<i64>,
        clock: Clock,
        changes: Arc<Changes>,
        lock: File,
    ) -> std::io::Result<Self> {
        let (jobs, waiting) = channel();
        let commits = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&commits);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                let mut desk = Desk {
                    db,
                    seen: Moment::of(&clock),
                    clock,
                    turns: HashMap::new(),
                    adopted: HashMap::new(),
                    lanes: Lanes::default(),
                    recent,
                    added: 0,
                    takes_no_leads: false,
                    max_pages,
                    signals: Vec::new(),
                    failure: None,
                    torn: false,
                    scrubs: Vec::new(),
                };
                work(&mut desk, copier, &waiting, &changes, &counted);
                drop(desk);
                drop(lock);
            })?;
        Ok(Self {
            jobs: Some(jobs),
            places: Arc::new(Semaphore::new(UNDER_WAY)),
            thread: Some(thread),
            commits,
        })
    }

    /// Commits made.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Runs one step, whole or not at all, and returns when it is on disk. Once it is on its way it is taken even
    /// if the caller goes away.
    pub async fn run<T, F>(&self, step: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Desk) -> Result<T, StoreError> + Send + 'static,
    {
        self.send(move |desk| desk.alone(step)).await
    }

    /// As [`Writer::run`] without what it costs to be able to undo a step alone: one that fails after it wrote takes
    /// its whole group along, and all of it is answered with the failure. For steps that fail so only when the disk
    /// does.
    pub async fn run_together<T, F>(&self, step: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Desk) -> Result<T, StoreError> + Send + 'static,
    {
        self.send(move |desk| desk.together(step)).await
    }

    /// Writes the files anew when the steps that wait now are on disk; see [`scrub`]. No step is taken meanwhile.
    pub async fn scrub(&self) -> Result<(), StoreError> {
        let (tell, told) = oneshot::channel();
        self.run(move |desk| {
            desk.scrubs.push(tell);
            Ok(())
        })
        .await?;
        told.await.map_err(|_| stopped())?
    }

    async fn send<T, F>(&self, step: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Desk) -> Result<T, StoreError> + Send + 'static,
    {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| stopped())?;
        let (tell, told) = oneshot::channel();
        let job: Job = Box::new(move |desk| {
            let outcome = desk.and_then(step);
            Box::new(move |committed| {
                drop(place);
                // Nobody listens when the caller went away.
                let _ = tell.send(committed.and(outcome));
            })
        });
        self.jobs
            .as_ref()
            .ok_or_else(stopped)?
            .send(job)
            .map_err(|_| stopped())?;
        told.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It only fails when the thread panicked, which has been reported by then.
            let _ = thread.join();
        }
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the writer has stopped".to_owned())
}

fn work(
    desk: &mut Desk,
    mut copier: Copier,
    waiting: &Receiver<Job>,
    changes: &Changes,
    commits: &AtomicU64,
) {
    // A log left by the last process counts as not yet copied.
    let mut copied = false;
    let mut shifting = false;
    loop {
        let first = if copied {
            waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            waiting.recv_timeout(if shifting { Duration::ZERO } else { IDLE })
        };
        match first {
            Ok(first) => {
                let jobs = std::iter::once(first).chain(waiting.try_iter().take(GROUP - 1));
                let result = desk.group(jobs.collect(), changes, commits);
                (copied, shifting) = (false, false);
                if desk.added >= PIECE {
                    desk.shift(false);
                }
                if !desk.scrubs.is_empty() {
                    // Two cannot copy at once, and a scrub must.
                    copier.wait();
                    copied = desk.scrub();
                } else if result.is_err() || copier.look(desk.log_pages(), false) {
                    copied = desk.checkpoint();
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                shifting = desk.shift(true);
                if !shifting && copier.look(desk.log_pages(), true) {
                    desk.checkpoint();
                    copied = true;
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl Desk {
    /// Milliseconds since 1970, by the wall.
    pub fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// To be told, once this step is on disk, to those who wait for the lead.
    pub fn lead_changed(&mut self, id: LeadId) {
        self.signals.push(Signal::Lead(id));
    }

    /// To be told, once this step is on disk, to those who wait for work.
    pub fn work_may_be_due(&mut self) {
        self.signals.push(Signal::Work);
    }

    /// To be told, once this step is on disk, to those who send messages.
    pub fn messages_may_be_due(&mut self) {
        self.signals.push(Signal::Messages);
    }

    fn group(
        &mut self,
        jobs: Vec<Job>,
        changes: &Changes,
        commits: &AtomicU64,
    ) -> Result<(), StoreError> {
        self.follow_clock();
        self.failure = None;
        self.torn = false;
        self.added += jobs.len() * KEYS;
        let mut lost = self.begin().err();
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            answers.push(job(lost.clone().map_or_else(|| Ok(&mut *self), Err)));
            // Some failures undo the whole transaction, those who went before included.
            if lost.is_none() && (self.torn || self.db.is_autocommit()) {
                lost = Some(self.failure.clone().unwrap_or_else(stopped));
            }
        }
        let committed = match lost {
            None => self
                .lanes
                .write(&self.db)
                .and_then(|()| self.transact("COMMIT")),
            Some(error) => Err(error),
        };
        let signals = std::mem::take(&mut self.signals);
        if committed.is_ok() {
            commits.fetch_add(1, Ordering::Relaxed);
            self.recent.lock().committed();
            send(signals, changes);
        } else {
            self.lanes.forget();
            self.recent.lock().lost();
            if !self.db.is_autocommit() {
                // When even this fails, the next BEGIN does, and says so.
                let _ = self.transact("ROLLBACK");
            }
        }
        for answer in answers {
            answer(committed.clone());
        }
        committed.and(self.failure.take().map_or(Ok(()), Err))
    }

    /// Moves some keys into their tables, in a commit of its own so that nobody's step fails with it. When it fails
    /// they stay where they are. Returns whether it moved any.
    fn shift(&mut self, idle: bool) -> bool {
        self.added = 0;
        let mut recent = self.recent.lock();
        if !recent.is_due(&self.db, idle).unwrap_or(false) {
            return false;
        }
        let shifted = self.apart(|db| recent.shift(db, PIECE));
        if shifted.is_ok() {
            recent.committed();
        } else {
            recent.lost();
        }
        shifted.is_ok()
    }

    /// A clock that was set takes along what was written by it. When that fails, the next group tries again.
    fn follow_clock(&mut self) {
        let now = Moment::of(&self.clock);
        let by_ms = clocks::set_by(self.seen, now);
        if by_ms != 0 {
            if self.apart(|db| Ok(clocks::follow(db, by_ms)?)).is_err() {
                return;
            }
            tracing::warn!(by_ms, "the clock was set");
        }
        self.seen = now;
    }

    /// Does this in a commit of its own.
    fn apart(
        &self,
        act: impl FnOnce(&Connection) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let done = self
            .transact("BEGIN IMMEDIATE")
            .and_then(|()| act(&self.db))
            .and_then(|()| self.transact("COMMIT"));
        if done.is_err() && !self.db.is_autocommit() {
            // When even this fails, the next BEGIN does, and says so.
            let _ = self.transact("ROLLBACK");
        }
        done
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.transact("BEGIN IMMEDIATE")?;
        if let Some(most) = self.max_pages {
            let all = self.number("PRAGMA page_count", 0)?;
            let free = self.number("PRAGMA freelist_count", 0)?;
            self.takes_no_leads = all - free > most - most / RESERVE;
        }
        Ok(())
    }

    /// Runs a step so that its failure undoes the step alone.
    fn alone<T>(
        &mut self,
        step: impl FnOnce(&mut Desk) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (told, counted) = (self.signals.len(), self.lanes.mark());
        let changed = self.recent.lock().mark();
        let outcome = self.transact("SAVEPOINT step").and_then(|()| step(self));
        let ended = match &outcome {
            Ok(_) => self.transact("RELEASE step"),
            Err(_) if self.db.is_autocommit() => Ok(()),
            Err(_) => self
                .transact("ROLLBACK TO step")
                .and_then(|()| self.transact("RELEASE step")),
        };
        let outcome = outcome.and_then(|value| ended.map(|()| value));
        if let Err(error) = &outcome {
            self.signals.truncate(told);
            self.lanes.undo(counted);
            self.recent.lock().undo(changed);
            self.failure = Some(error.clone());
        }
        outcome
    }

    /// Runs a step whose failure after a write undoes the whole group.
    fn together<T>(
        &mut self,
        step: impl FnOnce(&mut Desk) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (told, counted, written) = (
            self.signals.len(),
            self.lanes.mark(),
            self.db.total_changes(),
        );
        let changed = self.recent.lock().mark();
        let outcome = step(self);
        if let Err(error) = &outcome {
            self.signals.truncate(told);
            self.lanes.undo(counted);
            self.recent.lock().undo(changed);
            self.failure = Some(error.clone());
            self.torn |= self.db.total_changes() != written;
        }
        outcome
    }

    /// One statement about transactions.
    fn transact(&self, statement: &str) -> Result<(), StoreError> {
        Ok(self.db.prepare_cached(statement)?.execute([]).map(drop)?)
    }

    /// The second column of a checkpoint that does nothing is the log's length
    /// (www.sqlite.org/pragma.html#pragma_wal_checkpoint).
    fn log_pages(&self) -> i64 {
        self.number("PRAGMA wal_checkpoint(NOOP)", 1).unwrap_or(0)
    }

    fn number(&self, statement: &str, column: usize) -> Result<i64, StoreError> {
        Ok(self
            .db
            .prepare_cached(statement)?
            .query_row([], |row| row.get(column))?)
    }

    /// One scrub for all who wait for one. Returns whether it succeeded.
    fn scrub(&mut self) -> bool {
        let scrubbed = scrub::scrub(&self.db);
        for tell in self.scrubs.drain(..) {
            // Nobody listens when the caller went away.
            let _ = tell.send(scrubbed.clone());
        }
        scrubbed.is_ok()
    }

    /// Copies the log into the database as far as readers let it; the next write starts the log anew if nothing
    /// is left. A failure loses nothing: the log stays. Returns whether everything was copied.
    fn checkpoint(&self) -> bool {
        copier::copy(&self.db).is_ok_and(|(log, copied)| log == copied)
    }
}

fn send(signals: Vec<Signal>, changes: &Changes) {
    let (mut work, mut messages) = (false, false);
    for signal in signals {
        match signal {
            Signal::Lead(id) => changes.lead(id),
            Signal::Work => work = true,
            Signal::Messages => messages = true,
        }
    }
    if work {
        changes.work();
    }
    if messages {
        changes.messages();
    }
}

#[cfg(test)]
mod tests;
