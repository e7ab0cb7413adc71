//! The store in one folder, with no other program: SQLite with a write-ahead log.
//!
//! Owns the folder, which one process holds at a time. All writes go through one thread that lets steps arriving
//! together share a commit ([`writer`]); reads see what is committed, beside it ([`read`]).

mod accept;
mod calls;
mod clocks;
mod copier;
mod database;
mod desk;
mod lanes;
mod list;
mod notices;
mod permits;
mod read;
mod recent;
mod record;
mod scrub;
mod store;
mod sweep;
mod switches;
mod work;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

pub use database::OpenError;

use crate::clock::Clock;
use crate::queue::notices::Subscriptions;
use crate::queue::{Changes, ClaimError};
use copier::Copier;
use read::Readers;
use recent::Shared;
use writer::Writer;

/// Where and how the store is opened.
#[derive(Clone)]
pub struct Options {
    /// Made if it is not there. On a local disk: locks and shared memory do not work over a network.
    pub folder: PathBuf,
    /// The database's size at most, in MiB. New leads are refused when seven eighths are used; the rest is for work
    /// on those accepted. The write-ahead log, usually below 300 MiB, comes on top. `None`: the disk's size decides.
    pub max_megabytes: Option<u32>,
    /// The store's clock.
    pub clock: Clock,
}

/// A store in one folder.
pub struct Embedded {
    // Dropped in this order, so that the writer closes the database last and leaves no log behind.
    readers: Arc<Readers>,
    recent: Shared,
    writer: Writer,
    changes: Arc<Changes>,
    clock: Clock,
    hash_key: [u8; 32],
    subscriptions: Subscriptions,
}

impl Embedded {
    /// Opens the folder and keeps every other process out of it until this is dropped. Blocks.
    ///
    /// # Errors
    /// When another process holds the folder, or it cannot be used.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let Options {
            folder,
            max_megabytes,
            clock,
        } = options;
        let lock = database::lock(&folder)?;
        let (mut db, max_pages) = database::writer(&folder, max_megabytes)?;
        let hash_key = database::hash_key(&db)?;
        database::take_over(&mut db, &clock)?;
        let recent = Shared::read(&db)?;
        let readers = Readers::open(&folder)?;
        let changes = Arc::new(Changes::default());
        let copier = Copier::start(database::copier(&folder)?);
        let started = copier.and_then(|copier| {
            let (clock, changes) = (clock.clone(), Arc::clone(&changes));
            let recent = recent.clone();
            Writer::start(db, recent, copier, max_pages, clock, changes, lock)
        });
        let writer = started.map_err(|source| OpenError::Folder { folder, source })?;
        Ok(Self {
            readers,
            recent,
            writer,
            changes,
            clock,
            hash_key,
            subscriptions: Subscriptions::default(),
        })
    }

    /// Commits made since it was opened: steps that arrive together share one.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }
}

fn unless_lost(held: bool) -> Result<(), ClaimError> {
    if held { Ok(()) } else { Err(ClaimError::Lost) }
}
