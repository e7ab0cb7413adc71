//! What the writer's thread works with, and the transactions around the steps of a group.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::lead::{LeadId, Step};
use crate::queue::{Changes, StoreError};

use super::clocks::{self, Moment};
use super::lanes::Lanes;
use super::recent::Shared;
use super::writer::stopped;
use super::{copier, scrub};

/// While keys are being moved, so many of them for each step of a group. A new lead brings its id and two ways of being
/// its person, so they are all moved by the time as many have gathered again, and no commit is much longer for it.
const KEYS_A_STEP: usize = 4;
/// So many keys are moved in a commit of their own: enough to be worth a flush, and some milliseconds of work.
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
    /// Keys could not be moved beside the steps of the last group that tried.
    shift_failed: bool,
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
    pub scrubs: Vec<oneshot::Sender<Result<(), StoreError>>>,
}

enum Signal {
    Lead(LeadId),
    Work(Step),
    Messages,
}

/// Tells the caller what became of its step, once the group is on disk.
pub type Answer = Box<dyn FnOnce(Result<(), StoreError>)>;
/// A step on its way to the thread.
pub type Job = Box<dyn FnOnce(Result<&mut Desk, StoreError>) -> Answer + Send>;

impl Desk {
    pub fn new(db: Connection, recent: Shared, max_pages: Option<i64>, clock: Clock) -> Self {
        Self {
            db,
            seen: Moment::of(&clock),
            clock,
            turns: HashMap::new(),
            adopted: HashMap::new(),
            lanes: Lanes::default(),
            recent,
            shift_failed: false,
            takes_no_leads: false,
            max_pages,
            signals: Vec::new(),
            failure: None,
            torn: false,
            scrubs: Vec::new(),
        }
    }

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
        self.signals.extend(Step::ALL.map(Signal::Work));
    }

    /// To be told, once this step is on disk, to those who wait for work of this kind.
    pub fn work_may_be_due_at(&mut self, step: Step) {
        self.signals.push(Signal::Work(step));
    }

    /// To be told, once this step is on disk, to those who send messages.
    pub fn messages_may_be_due(&mut self) {
        self.signals.push(Signal::Messages);
    }

    /// Runs the steps and commits them together. Steps that come while others run are taken along, as far as `jobs`
    /// goes.
    pub fn group(
        &mut self,
        jobs: impl Iterator<Item = Job>,
        changes: &Changes,
        commits: &AtomicU64,
    ) -> Result<(), StoreError> {
        self.follow_clock();
        self.failure = None;
        self.torn = false;
        // Not inside the transaction: what can still be taken back must not be among what is moved.
        let moving = self.recent.lock().is_due(&self.db, false);
        let mut lost = self.begin().err();
        let mut answers = Vec::new();
        for job in jobs {
            answers.push(job(lost.clone().map_or_else(|| Ok(&mut *self), Err)));
            lost = lost.or_else(|| self.undone());
        }
        if lost.is_none() && moving.unwrap_or(false) {
            self.shift_beside(answers.len() * KEYS_A_STEP);
            lost = self.undone();
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

    /// Why the whole transaction is undone. Some failures of a step take along those who went before.
    fn undone(&self) -> Option<StoreError> {
        let undone = self.torn || self.db.is_autocommit();
        undone.then(|| self.failure.clone().unwrap_or_else(stopped))
    }

    /// Moves some keys with the steps of the open group. A savepoint would copy every page that is touched, so there is
    /// one only after a failure: that took its group along, and the next must not.
    fn shift_beside(&mut self, most: usize) {
        let shift = |desk: &mut Self| desk.recent.lock().shift(&desk.db, most);
        let shifted = if self.shift_failed {
            self.alone(shift)
        } else {
            self.together(shift)
        };
        self.shift_failed = shifted.is_err();
    }

    /// With nothing else to do, moves some keys into their tables in a commit of its own. When it fails they stay where
    /// they are. Returns whether it moved any.
    pub fn shift(&self) -> bool {
        let mut recent = self.recent.lock();
        if !recent.is_due(&self.db, true).unwrap_or(false) {
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
    pub fn alone<T>(
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
    pub fn together<T>(
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
    pub fn log_pages(&self) -> i64 {
        self.number("PRAGMA wal_checkpoint(NOOP)", 1).unwrap_or(0)
    }

    fn number(&self, statement: &str, column: usize) -> Result<i64, StoreError> {
        Ok(self
            .db
            .prepare_cached(statement)?
            .query_row([], |row| row.get(column))?)
    }

    /// One scrub for all who wait for one. Returns whether it succeeded.
    pub fn scrub(&mut self) -> bool {
        let scrubbed = scrub::scrub(&self.db);
        for tell in self.scrubs.drain(..) {
            // Nobody listens when the caller went away.
            let _ = tell.send(scrubbed.clone());
        }
        scrubbed.is_ok()
    }

    /// Copies the log into the database as far as readers let it; the next write starts the log anew if nothing
    /// is left. A failure loses nothing: the log stays. Returns whether everything was copied.
    pub fn checkpoint(&self) -> bool {
        copier::copy(&self.db).is_ok_and(|(log, copied)| log == copied)
    }
}

fn send(signals: Vec<Signal>, changes: &Changes) {
    let (mut work, mut messages) = (HashSet::new(), false);
    for signal in signals {
        match signal {
            Signal::Lead(id) => changes.lead(id),
            Signal::Work(step) => drop(work.insert(step)),
            Signal::Messages => messages = true,
        }
    }
    for step in work {
        changes.work_at(step);
    }
    if messages {
        changes.messages();
    }
}
