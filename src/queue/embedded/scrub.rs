//! Getting what was deleted out of the files.
//!
//! SQLite leaves deleted bytes on free pages, in the gaps of used ones and in the log. Only a database written anew has
//! none (www.sqlite.org/lang_vacuum.html), and only a log cut to nothing (www.sqlite.org/pragma.html#pragma_wal_checkpoint).

use rusqlite::Connection;

use crate::queue::StoreError;

/// Written anew in memory up to this size, beyond it in an unnamed file of the system's folder for those.
const IN_MEMORY_BYTES: i64 = 256 * 1024 * 1024;

/// Writes the whole database anew and empties the log. Nothing else is written meanwhile.
pub fn scrub(db: &Connection) -> Result<(), StoreError> {
    let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let bytes = number("page_count")?.saturating_mul(number("page_size")?);
    let place = if bytes > IN_MEMORY_BYTES {
        "file"
    } else {
        "memory"
    };
    db.pragma_update(None, "temp_store", place)?;
    // New pages are then blank before they are filled.
    db.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    let written = db.execute_batch("VACUUM");
    db.pragma_update_and_check(None, "secure_delete", false, |_| Ok(()))?;
    db.pragma_update(None, "temp_store", "memory")?;
    written?;
    let busy: bool = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        return Err(StoreError::Unavailable(
            "the log is being read and could not be emptied".to_owned(),
        ));
    }
    Ok(())
}
