//! The one thread that writes, and how steps that arrive together share a commit.
//!
//! A commit costs a flush of the disk, whatever it holds. So the thread takes one waiting step and up to
//! [`GROUP`] − 1 more, those that come meanwhile included, runs each inside its own savepoint, commits once, and only
//! then answers all of them. Knows nothing of what the steps do.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use crate::clock::Clock;
use crate::queue::{Changes, StoreError};

use super::copier::Copier;
use super::desk::{Desk, Job};
use super::recent::Shared;

/// Steps in one commit at most. Measured: 64 gives nearly the rate of 256 at a third of its delay.
const GROUP: usize = 64;
/// Steps on their way to the thread; more callers wait for a place.
const UNDER_WAY: usize = 1024;
/// With nothing to do for so long, the log is copied into the database.
const IDLE: Duration = Duration::from_millis(200);

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
                let mut desk = Desk::new(db, recent, max_pages, clock);
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

    /// Writes the files anew when the steps that wait now are on disk; see [`super::scrub`]. No step is taken meanwhile.
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

pub fn stopped() -> StoreError {
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
                let result = desk.group(jobs, changes, commits);
                (copied, shifting) = (false, false);
                if !desk.scrubs.is_empty() {
                    // Two cannot copy at once, and a scrub must.
                    copier.wait();
                    copied = desk.scrub();
                } else if result.is_err() || copier.look(desk.log_pages(), false) {
                    copied = desk.checkpoint();
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                shifting = desk.shift();
                if !shifting && copier.look(desk.log_pages(), true) {
                    desk.checkpoint();
                    copied = true;
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests;
