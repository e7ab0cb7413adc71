//! How many leads wait in each lane, known to the writer without asking the database for every lead.
//!
//! The writer is the only one who changes the counts: it keeps them in memory, and a commit writes what its group
//! changed. Whatever goes wrong, they are read anew.

use rusqlite::Connection;

use crate::queue::StoreError;

#[derive(Clone, Debug)]
struct Row {
    account: String,
    lane: u8,
    waiting: i64,
}

/// The counts as of the step in hand.
#[derive(Debug, Default)]
pub struct Lanes {
    rows: Option<Vec<Row>>,
    /// Changes of the open group that the database does not know yet, as row and amount.
    unwritten: Vec<(usize, i64)>,
}

/// How long the queue is for a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// In every lane of every account.
    pub all: u64,
    /// In the newcomer's lane of its account and the more urgent ones.
    pub before: u64,
}

impl Lanes {
    /// How many wait.
    pub fn waiting(
        &mut self,
        db: &Connection,
        account: &str,
        lane: u8,
    ) -> Result<Waiting, StoreError> {
        let (mut all, mut before) = (0, 0);
        for row in self.rows(db)? {
            all += row.waiting;
            if row.lane <= lane && row.account == account {
                before += row.waiting;
            }
        }
        Ok(Waiting {
            all: all.max(0).cast_unsigned(),
            before: before.max(0).cast_unsigned(),
        })
    }

    /// Counts a lead into its lane, or out of it.
    pub fn count(
        &mut self,
        db: &Connection,
        account: &str,
        lane: u8,
        by: i64,
    ) -> Result<(), StoreError> {
        let rows = self.rows(db)?;
        let index = match rows
            .iter()
            .position(|row| row.lane == lane && row.account == account)
        {
            Some(index) => index,
            None => {
                rows.push(Row {
                    account: account.to_owned(),
                    lane,
                    waiting: 0,
                });
                rows.len() - 1
            }
        };
        rows[index].waiting += by;
        self.unwritten.push((index, by));
        Ok(())
    }

    /// Where a step begins, for [`Lanes::undo`].
    pub fn mark(&self) -> usize {
        self.unwritten.len()
    }

    /// Takes back what a step counted.
    pub fn undo(&mut self, mark: usize) {
        for (index, by) in self.unwritten.drain(mark..) {
            if let Some(row) = self.rows.as_mut().and_then(|rows| rows.get_mut(index)) {
                row.waiting -= by;
            }
        }
    }

    /// Writes what the group changed, inside its transaction.
    pub fn write(&mut self, db: &Connection) -> Result<(), StoreError> {
        let mut changed: Vec<usize> = self.unwritten.drain(..).map(|(index, _)| index).collect();
        changed.sort_unstable();
        changed.dedup();
        let Some(rows) = &self.rows else {
            return Ok(());
        };
        let mut write = db.prepare_cached(
            "INSERT OR REPLACE INTO lanes (account, lane, waiting) VALUES (?1, ?2, ?3)",
        )?;
        for row in changed.into_iter().filter_map(|index| rows.get(index)) {
            write.execute((&row.account, row.lane, row.waiting))?;
        }
        Ok(())
    }

    /// The group came to nothing: what is known is read anew.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    fn rows(&mut self, db: &Connection) -> Result<&mut Vec<Row>, StoreError> {
        if self.rows.is_none() {
            let mut find = db.prepare_cached("SELECT account, lane, waiting FROM lanes")?;
            let rows = find.query_map([], |row| {
                Ok(Row {
                    account: row.get(0)?,
                    lane: row.get(1)?,
                    waiting: row.get(2)?,
                })
            })?;
            self.rows = Some(rows.collect::<Result<_, _>>()?);
        }
        Ok(self.rows.get_or_insert_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn db() -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(include_str!("schema.sql")).unwrap();
        db
    }

    #[test]
    fn what_a_step_counted_can_be_taken_back_and_the_rest_is_written() {
        let (db, mut lanes) = (db(), Lanes::default());
        lanes.count(&db, "main", 1, 1).unwrap();
        let mark = lanes.mark();
        lanes.count(&db, "main", 1, 1).unwrap();
        lanes.count(&db, "other", 0, 1).unwrap();
        lanes.undo(mark);
        lanes.count(&db, "main", 0, 1).unwrap();
        lanes.write(&db).unwrap();
        // What was written is what a new process reads.
        lanes.forget();
        for (account, lane, before) in [
            ("main", 0, 1),
            ("main", 1, 2),
            ("main", 2, 2),
            ("other", 2, 0),
        ] {
            let waiting = lanes.waiting(&db, account, lane).unwrap();
            assert_eq!(waiting, Waiting { all: 2, before }, "{account} {lane}");
        }
    }

    #[test]
    fn a_group_that_came_to_nothing_counts_for_nothing() {
        let (db, mut lanes) = (db(), Lanes::default());
        lanes.count(&db, "main", 1, 1).unwrap();
        lanes.forget();
        assert_eq!(lanes.waiting(&db, "main", 2).unwrap().all, 0);
    }
}
