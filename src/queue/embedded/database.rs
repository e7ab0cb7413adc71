//! Opening the folder: the lock, the pragmas, the schema, and what a new process must set right.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::clocks;
use crate::clock::Clock;
use crate::queue::StoreError;

const DATABASE: &str = "leadgate.db";
const LOCK: &str = "lock";
/// A predecessor may be just about to go. A child process that is being started also holds every lock of its parent,
/// from the fork to the exec.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
const LOCK_PAUSE: Duration = Duration::from_millis(10);
const SCHEMA: &str = include_str!("schema.sql");
const SCHEMA_VERSION: i64 = 2;
const FROM_1: &str = include_str!("from_1.sql");
/// A page is written whole whatever is changed in it: small pages make small commits.
const PAGE_BYTES: u64 = 1024;
/// After a checkpoint the write-ahead log keeps at most this much of the disk: what it has under load, since the first
/// commit after it was cut waits until the disk has let go of it, and later ones until it is there again.
const LOG_KEPT_BYTES: i64 = 320 * 1024 * 1024;
/// Only a person with an SQL shell can hold the database that long.
const BUSY: Duration = Duration::from_secs(5);
const STATEMENTS: usize = 128;
/// A new lead's digests are looked up all over their table, and what is not in memory is read again for each. Not more
/// than this: after a page was split, a commit walks through all of it.
const CACHE_KIBIBYTES: i64 = 8 * 1024;

/// Why the folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process works in the folder.
    #[error("{} is in use by another leadgate", .0.display())]
    InUse(PathBuf),
    /// The folder cannot be made, read or written.
    #[error("{}: {source}", folder.display())]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A later leadgate wrote the folder.
    #[error("the database has schema version {found}, this leadgate knows {SCHEMA_VERSION}")]
    Newer {
        /// The version found.
        found: i64,
    },
    /// The file is no database, is damaged, or lies on a file system without shared memory.
    #[error("the database cannot be used: {0}")]
    Database(String),
    /// The system gave no randomness for the hash key.
    #[error("the system gives no randomness: {0}")]
    NoRandomness(getrandom::Error),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        OpenError::Database(error.to_string())
    }
}

impl From<rusqlite::Error> for StoreError {
    /// `Full` wherever SQLite could not extend one of its files: it has rolled back, and the same step succeeds
    /// once there is room. A quota shows itself as a failed write rather than as a full disk, and a log that cannot
    /// grow may fail first in its index (www.sqlite.org/rescode.html).
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DiskFull, ReadOnly};
        use rusqlite::ffi::{SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE};

        let full = error.sqlite_error().is_some_and(|e| {
            matches!(e.code, DiskFull | ReadOnly)
                || matches!(e.extended_code, SQLITE_IOERR_WRITE | SQLITE_IOERR_SHMSIZE)
        });
        if full {
            StoreError::Full(error.to_string())
        } else {
            StoreError::Unavailable(error.to_string())
        }
    }
}

/// Makes the folder if need be, readable by its owner only, and takes the lock that keeps a second process out.
pub fn lock(folder: &Path) -> Result<File, OpenError> {
    let failed = |source| OpenError::Folder {
        folder: folder.to_owned(),
        source,
    };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(failed)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK))
        .map_err(failed)?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if since.elapsed() < LOCK_PATIENCE => {
                thread::sleep(LOCK_PAUSE);
            }
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
}

/// The connection that writes, with the schema in place. With it, how many pages the database may have.
pub fn writer(
    folder: &Path,
    max_megabytes: Option<u32>,
) -> Result<(Connection, Option<i64>), OpenError> {
    let mut db = Connection::open(folder.join(DATABASE))?;
    settle_plans(&db)?;
    db.pragma_update(None, "page_size", PAGE_BYTES as i64)?;
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenError::Database(format!(
            "no write-ahead log on this file system, only {mode}"
        )));
    }
    // Anything less may lose an acknowledged lead on power loss.
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "foreign_keys", false)?;
    // A negative size is in KiB (www.sqlite.org/pragma.html#pragma_cache_size).
    db.pragma_update(None, "cache_size", -CACHE_KIBIBYTES)?;
    db.pragma_update(None, "temp_store", "memory")?;
    // Checkpoints are the writer's own business: see `writer`.
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update_and_check(None, "journal_size_limit", LOG_KEPT_BYTES, |_| Ok(()))?;
    let found: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let change = match found {
        SCHEMA_VERSION => None,
        0 => Some(SCHEMA),
        // Builds between two releases had today's tables and did not count on.
        1 if db.table_exists(None, "ids")? => Some(""),
        1 => Some(FROM_1),
        _ => return Err(OpenError::Newer { found }),
    };
    if let Some(change) = change {
        let transaction = db.transaction()?;
        transaction.execute_batch(change)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.commit()?;
    }
    let page_bytes: i64 = db.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let max_pages =
        max_megabytes.map(|megabytes| i64::from(megabytes) * 1024 * 1024 / page_bytes.max(512));
    if let Some(pages) = max_pages {
        db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    Ok((db, max_pages))
}

/// A connection that only reads what is committed.
pub fn reader(folder: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(folder.join(DATABASE), flags)?;
    settle_plans(&db)?;
    Ok(db)
}

/// A connection that only copies the log into the database.
pub fn copier(folder: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(folder.join(DATABASE), flags)?;
    settle_plans(&db)?;
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(db)
}

/// What every connection needs. A statement keeps its plan whatever is bound to it: else SQLite, built with
/// its statistics, plans many of ours anew at every use (www.sqlite.org/c3ref/c_dbconfig_defensive.html, QPSG).
fn settle_plans(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(BUSY)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map(drop)
}

/// The key behind every digest, made at the first opening.
pub fn hash_key(db: &Connection) -> Result<[u8; 32], OpenError> {
    let kept = db
        .query_row(
            "SELECT value FROM meta WHERE name = 'hash_key'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(key) = kept {
        return Ok(key);
    }
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(OpenError::NoRandomness)?;
    db.execute(
        "INSERT INTO meta (name, value) VALUES ('hash_key', ?1)",
        [key],
    )?;
    Ok(key)
}

/// Nobody else can work in this folder, so no lease has a holder. Permits and pauses were measured by the last
/// process's steady clock: each goes on by the wall's, but never longer than it was given, so that a clock that was
/// set back meanwhile cannot close an endpoint for hours. What waits does not wait longer either, see [`clocks`].
pub fn take_over(db: &mut Connection, clock: &Clock) -> Result<(), OpenError> {
    let (now, steady) = (
        clock.now().as_millisecond(),
        clock.steady().as_millisecond(),
    );
    let transaction = db.transaction()?;
    clocks::follow(&transaction, clocks::set_back(seen_at(&transaction)?, now))?;
    mark(&transaction, now)?;
    transaction.execute(
        "UPDATE leads SET leased = 0, due_at = ?1, version = version + 1 WHERE step IS NOT NULL AND leased = 1",
        [now],
    )?;
    transaction.execute(
        "UPDATE notices SET leased = 0, due_at = ?1 WHERE leased = 1",
        [now],
    )?;
    for table in ["permits", "pauses"] {
        transaction.execute(
            &format!("UPDATE {table} SET closes_at = ?2 + min(closes_wall - ?1, span_ms), closes_wall = ?1 + min(closes_wall - ?1, span_ms)"),
            [now, steady],
        )?;
    }
    transaction.commit()?;
    Ok(())
}

/// A real write, which also tells the next process what time it was.
pub fn mark(db: &Connection, now: i64) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES ('seen_at', ?1)")?
        .execute([now.to_be_bytes()])
        .map(drop)
}

/// A real read of what [`mark`] wrote.
pub fn seen_at(db: &Connection) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached("SELECT value FROM meta WHERE name = 'seen_at'")?
        .query_row([], |row| row.get(0).map(i64::from_be_bytes))
        .optional()
}
