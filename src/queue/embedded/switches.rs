//! What an operator turned on.

use rusqlite::Connection;

use super::desk::Desk;
use crate::clock::from_millis;
use crate::queue::{StoreError, Switch};

/// Every switch that is on.
pub fn all(db: &Connection) -> Result<Vec<Switch>, StoreError> {
    let mut find = db.prepare_cached("SELECT name, at, by FROM switches")?;
    let found = find.query_map([], |row| {
        Ok(Switch {
            name: row.get(0)?,
            at: from_millis(row.get(1)?),
            by: row.get(2)?,
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// On in the name of somebody, or off.
pub fn turn(desk: &mut Desk, name: &str, by: Option<&str>) -> Result<(), StoreError> {
    match by {
        Some(by) => desk
            .db
            .prepare_cached("INSERT OR IGNORE INTO switches (name, at, by) VALUES (?1, ?2, ?3)")?
            .execute((name, desk.now(), by))?,
        None => desk
            .db
            .prepare_cached("DELETE FROM switches WHERE name = ?1")?
            .execute([name])?,
    };
    desk.work_may_be_due();
    Ok(())
}
