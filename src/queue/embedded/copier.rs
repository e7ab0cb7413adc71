//! Copying the write-ahead log into the database beside the writer.
//!
//! A copy of a long log takes as long as hundreds of commits, so nobody who waits for a commit should wait for it.
//! The thread copies what is there when it is asked; what the writer adds meanwhile is left over, and when that is
//! little the writer copies it itself, between two commits: only then can the log begin anew
//! (www.sqlite.org/wal.html#ckpt).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

/// With so many pages in the log (256 MiB), it is copied even under load: a burst of half a minute is over by then, and
/// its flushes had the disk to themselves.
const LOG_PAGES: i64 = 256 * 1024;
/// So many pages (4 MiB) are copied between two commits without anybody noticing.
const FEW_PAGES: i64 = 4 * 1024;
/// Under a load that outruns the copying, the log is cut after this many rounds, whatever is left over.
const MOST_ROUNDS: u32 = 4;

const BUSY: i64 = -1;
/// Between two looks at a round that is waited for.
const PAUSE: Duration = Duration::from_millis(1);

/// The thread and what it last did.
pub struct Copier {
    orders: Option<SyncSender<()>>,
    /// Pages of the log that are in the database, as of the last round; [`BUSY`] during one.
    copied: Arc<AtomicI64>,
    rounds: u32,
    thread: Option<JoinHandle<()>>,
}

/// What the writer does about the log now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Nothing: it is short, or being copied.
    Wait,
    /// Have it copied.
    Order,
    /// Copy the rest, so that it begins anew.
    Finish,
}

/// `log` and `copied` in pages; `copied` of the last of `rounds` rounds on this log.
fn turn(log: i64, copied: i64, rounds: u32, idle: bool) -> Turn {
    let rest = if rounds > 0 { log - copied } else { log };
    if copied == BUSY || (!idle && log <= LOG_PAGES) {
        Turn::Wait
    } else if rest <= FEW_PAGES || rounds >= MOST_ROUNDS {
        Turn::Finish
    } else {
        Turn::Order
    }
}

impl Copier {
    /// Starts the thread with a connection of its own.
    pub fn start(db: Connection) -> std::io::Result<Self> {
        let (orders, waiting) = sync_channel(1);
        let copied = Arc::new(AtomicI64::new(0));
        let told = Arc::clone(&copied);
        let thread = thread::Builder::new()
            .name("store-copier".to_owned())
            .spawn(move || {
                while waiting.recv().is_ok() {
                    // When it fails the log stays, and the writer's own copy says why. Nothing is copied, too, while
                    // an operator's shell does it.
                    let pages = copy(&db).map_or(0, |(_, copied)| copied.max(0));
                    told.store(pages, Ordering::Release);
                }
            })?;
        Ok(Self {
            orders: Some(orders),
            copied,
            rounds: 0,
            thread: Some(thread),
        })
    }

    /// Looks at a log of `pages` pages, which is copied when it is long or there is nothing else to do. `true`: the
    /// writer shall copy the rest now.
    pub fn look(&mut self, pages: i64, idle: bool) -> bool {
        let copied = self.copied.load(Ordering::Acquire);
        match turn(pages, copied, self.rounds, idle) {
            Turn::Wait => false,
            Turn::Order => {
                self.copied.store(BUSY, Ordering::Release);
                self.rounds += 1;
                // There is room for it: the last round has ended.
                self.orders
                    .as_ref()
                    .is_some_and(|orders| orders.try_send(()).is_err())
            }
            Turn::Finish => {
                self.rounds = 0;
                true
            }
        }
    }

    /// Returns when no round is under way.
    pub fn wait(&self) {
        let works = |thread: &JoinHandle<()>| !thread.is_finished();
        while self.copied.load(Ordering::Acquire) == BUSY && self.thread.as_ref().is_some_and(works)
        {
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // It only fails when the thread panicked, which has been reported by then.
            let _ = thread.join();
        }
    }
}

/// Copies the log as far as readers let it. The pages it has, and those of them that are in the database now.
pub fn copy(db: &Connection) -> rusqlite::Result<(i64, i64)> {
    db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        Ok((row.get(1)?, row.get(2)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_over_when_it_was_waited_for() {
        // It has no log, so nothing can be copied.
        let mut copier = Copier::start(Connection::open_in_memory().unwrap()).unwrap();
        for _ in 0..100 {
            copier.rounds = 0;
            assert!(!copier.look(LOG_PAGES + 1, false), "a round is ordered");
            copier.wait();
            assert_ne!(copier.copied.load(Ordering::Acquire), BUSY);
        }
    }

    #[test]
    fn the_writer_copies_only_a_short_rest_itself_unless_the_load_outruns_the_copying() {
        for (log, copied, rounds, idle, wanted) in [
            (100, 0, 0, false, Turn::Wait),
            (100, 0, 0, true, Turn::Finish),
            (LOG_PAGES, 0, 0, false, Turn::Wait),
            (LOG_PAGES, 0, 0, true, Turn::Order),
            (LOG_PAGES, BUSY, 1, true, Turn::Wait),
            (LOG_PAGES, LOG_PAGES, 1, true, Turn::Finish),
            (LOG_PAGES + 1, 0, 0, false, Turn::Order),
            (LOG_PAGES * 2, BUSY, 1, false, Turn::Wait),
            (LOG_PAGES * 2, LOG_PAGES, 1, false, Turn::Order),
            (
                LOG_PAGES * 2,
                LOG_PAGES * 2 - FEW_PAGES,
                1,
                false,
                Turn::Finish,
            ),
            (LOG_PAGES * 9, LOG_PAGES, MOST_ROUNDS, false, Turn::Finish),
            // A log that began anew has nothing to do with what was copied of the old one.
            (LOG_PAGES + 1, LOG_PAGES * 2, 0, false, Turn::Order),
        ] {
            let found = turn(log, copied, rounds, idle);
            assert_eq!(found, wanted, "{log} {copied} {rounds} {idle}");
        }
    }
}
