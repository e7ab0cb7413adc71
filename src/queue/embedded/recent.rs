//! Which row a lead has and who claims a person, while that is news.
//!
//! Both are looked up by keys of random order, and a table of such keys costs a page of the log for every key that is
//! added. So a new key is kept in memory, with one row of the table `recent` at whose end it is added, and goes into
//! its own table later: when nothing else is to be done, or with many others in the order of the keys, so that
//! neighbours share their pages, and a few with each commit, so that no commit is long. A process that starts reads
//! `recent` again. Whoever looks a key up asks here first.
//!
//! Most new leads are of persons nobody claims, so a sieve in memory tells which digests cannot be in their table.

mod sieve;

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension};

use super::record::{digests, id};
use crate::lead::LeadId;
use crate::queue::{Digest, StoreError};
pub use sieve::Sieve;

/// With so many keys, of some fifty bytes each, they are moved even under load.
const MANY: usize = 128 * 1024;

type Key = [u8; 16];

/// Who claims a person, and until when in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Claim {
    lead: LeadId,
    until: i64,
}

#[derive(Debug, Default)]
struct Keys {
    /// The rows of leads, by their ids.
    rows: BTreeMap<Key, i64>,
    /// By digest; `None`: whoever claimed this person let it go.
    claims: BTreeMap<Key, Option<Claim>>,
}

/// How far the keys that are moved have come: the last of each kind.
#[derive(Clone, Copy, Debug, Default)]
struct Moved {
    row: Option<Key>,
    claim: Option<Key>,
    all: bool,
    /// Rows of `recent` were thrown away.
    cut: bool,
}

/// How to take one change back.
enum Undo {
    Row(Key),
    Claim(Key, Option<Option<Claim>>),
}

/// The keys that are not in their tables yet.
#[derive(Default)]
pub struct Recent {
    /// Of the newest rows of `recent`.
    young: Keys,
    /// Being moved. Not changed meanwhile, but for leads that are deleted.
    old: Keys,
    /// How much of `old` is in the tables, as committed and as of the open group.
    moved: Moved,
    moving: Moved,
    /// The last row of `recent` that `old` was made from.
    old_end: i64,
    /// Up to here everything in `recent` is in the tables; what is left of it can go.
    done: Option<i64>,
    undo: Vec<Undo>,
    /// Leads deleted by the open group.
    gone: Vec<Key>,
    /// The digests here and in the table `person`, and some that were. `None`: nobody has read the table yet.
    known: Option<Sieve>,
    /// Those that went there since somebody began to read it.
    learning: Option<Sieve>,
}

/// As the writer keeps them and readers ask them.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Recent>>);

impl Shared {
    /// What the last process left.
    pub fn read(db: &Connection) -> rusqlite::Result<Self> {
        Ok(Self(Arc::new(Mutex::new(Recent::read(db)?))))
    }

    pub fn lock(&self) -> MutexGuard<'_, Recent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    /// What the last process left.
    fn read(db: &Connection) -> rusqlite::Result<Self> {
        let mut recent = Self::default();
        let nobody = "SELECT NOT EXISTS (SELECT 1 FROM person)";
        if db.query_row(nobody, [], |row| row.get(0))? {
            recent.known = Some(Sieve::for_keys(0));
        }
        // A lead may have been deleted since, and its row number given to another.
        let mut find = db.prepare(
            "SELECT lead_id, (SELECT seq FROM leads WHERE seq = recent.seq AND id = recent.lead_id), person, until \
             FROM recent ORDER BY n",
        )?;
        let mut rows = find.query([])?;
        while let Some(row) = rows.next()? {
            let lead = id(row.get(0)?);
            let (seq, person, until): (Option<i64>, Vec<u8>, Option<i64>) =
                (row.get(1)?, row.get(2)?, row.get(3)?);
            if let Some(seq) = seq {
                recent.young.rows.insert(*lead.as_bytes(), seq);
            }
            for digest in digests(&person) {
                let claim = until.map(|until| Claim { lead, until });
                recent.set(*digest, claim);
            }
        }
        recent.undo.clear();
        Ok(recent)
    }

    /// The row of a lead, when it is one of these.
    pub fn row(&self, id: LeadId) -> Option<i64> {
        let rows = [&self.young.rows, &self.old.rows];
        rows.iter()
            .find_map(|rows| rows.get(id.as_bytes()))
            .copied()
    }

    /// Who claims the first of the digests that is claimed.
    pub fn holder(
        &self,
        db: &Connection,
        person: &[u8],
        now: i64,
    ) -> Result<Option<LeadId>, StoreError> {
        for digest in digests(person) {
            if let Some(claim) = self.claim_of(db, digest)?.filter(|claim| claim.until > now) {
                return Ok(Some(claim.lead));
            }
        }
        Ok(None)
    }

    /// Until when this lead claims one of the digests.
    pub fn claimed_until(
        &self,
        db: &Connection,
        person: &[u8],
        lead: LeadId,
        now: i64,
    ) -> Result<Option<i64>, StoreError> {
        let mut last = None;
        for digest in digests(person) {
            let claim = self.claim_of(db, digest)?;
            let own = claim.filter(|claim| claim.lead == lead && claim.until > now);
            last = last.max(own.map(|claim| claim.until));
        }
        Ok(last)
    }

    /// Adds a new lead in its row, and its claim to the digests until then.
    pub fn add(
        &mut self,
        db: &Connection,
        lead: LeadId,
        row: i64,
        person: &[u8],
        until: i64,
    ) -> Result<(), StoreError> {
        note(db, lead, Some(row), person, Some(until))?;
        self.young.rows.insert(*lead.as_bytes(), row);
        self.undo.push(Undo::Row(*lead.as_bytes()));
        for digest in digests(person) {
            self.set(*digest, Some(Claim { lead, until }));
        }
        Ok(())
    }

    /// Has a lead claim all of the digests, whoever claimed them.
    pub fn claim(
        &mut self,
        db: &Connection,
        lead: LeadId,
        person: &[u8],
        until: i64,
    ) -> Result<(), StoreError> {
        note(db, lead, None, person, Some(until))?;
        for digest in digests(person) {
            self.set(*digest, Some(Claim { lead, until }));
        }
        Ok(())
    }

    /// Gives up those of the digests that this lead claims.
    pub fn free(&mut self, db: &Connection, lead: LeadId, person: &[u8]) -> Result<(), StoreError> {
        let mut own = Vec::new();
        for digest in digests(person) {
            let claim = self.claim_of(db, digest)?;
            if claim.is_some_and(|claim| claim.lead == lead) {
                own.push(*digest);
            }
        }
        if own.is_empty() {
            return Ok(());
        }
        note(db, lead, None, own.as_flattened(), None)?;
        for digest in own {
            self.set(digest, None);
        }
        Ok(())
    }

    /// A lead's row was deleted.
    pub fn forget(&mut self, db: &Connection, id: Key) -> Result<(), StoreError> {
        db.prepare_cached("DELETE FROM ids WHERE id = ?1")?
            .execute([id])?;
        self.gone.push(id);
        Ok(())
    }

    /// Whether keys are to be moved now: many have gathered, or there is nothing else to do. Asked outside the groups:
    /// whatever has gathered by then is on disk.
    pub fn is_due(&mut self, db: &Connection, idle: bool) -> Result<bool, StoreError> {
        let full = self.young.len() >= MANY || (idle && !self.young.is_empty());
        if full && self.old.is_empty() && self.done.is_none() {
            self.old_end = db
                .prepare_cached("SELECT coalesce(max(n), 0) FROM recent")?
                .query_row([], |row| row.get(0))?;
            self.old = std::mem::take(&mut self.young);
            (self.moved, self.moving) = (Moved::default(), Moved::default());
        }
        Ok(!self.old.is_empty() || self.done.is_some())
    }

    /// Moves at most so many keys into their tables, as the last step of the open group.
    pub fn shift(&mut self, db: &Connection, most: usize) -> Result<(), StoreError> {
        // The ids of leads that this group deleted are here until it is committed.
        if !self.gone.is_empty() {
            return Ok(());
        }
        if let Some(done) = self.done {
            db.prepare_cached(
                "DELETE FROM recent WHERE n <= (SELECT min(n) FROM recent) + ?1 AND n <= ?2",
            )?
            .execute((i64::try_from(most).unwrap_or(i64::MAX), done))?;
            // The numbers of an empty table begin anew.
            self.moving.cut = db
                .prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM recent WHERE n <= ?1)")?
                .query_row([done], |row| row.get(0))?;
            return Ok(());
        }
        let mut left = most;
        let after = |key: Option<Key>| (key.map_or(Unbounded, Excluded), Unbounded);
        let mut add = db.prepare_cached("INSERT OR IGNORE INTO ids (id, seq) VALUES (?1, ?2)")?;
        for (key, seq) in self.old.rows.range(after(self.moved.row)).take(left) {
            add.execute((key, seq))?;
            self.moving.row = Some(*key);
            left -= 1;
        }
        let mut claim = db.prepare_cached(
            "INSERT OR REPLACE INTO person (digest, lead_id, until) VALUES (?1, ?2, ?3)",
        )?;
        let mut free = db.prepare_cached("DELETE FROM person WHERE digest = ?1")?;
        for (key, held) in self.old.claims.range(after(self.moved.claim)).take(left) {
            if let Some(learning) = &mut self.learning {
                learning.add(key);
            }
            match held {
                Some(held) => claim.execute((key, held.lead.as_bytes(), held.until))?,
                None => free.execute([key])?,
            };
            self.moving.claim = Some(*key);
            left -= 1;
        }
        self.moving.all = left > 0;
        Ok(())
    }

    /// Whether the table `person` should be read anew by whoever has time for it.
    pub fn is_to_learn(&self) -> bool {
        self.known.as_ref().is_none_or(Sieve::is_crowded)
    }

    /// Begins to learn the digests in `person`, about so many, unless somebody does already. What is returned is to be
    /// given back with all of them that are committed from now on; those that are moved there meanwhile are added.
    pub fn learn(&mut self, digests: usize) -> Option<Sieve> {
        if self.learning.is_some() {
            return None;
        }
        self.learning = Some(Sieve::for_keys(digests));
        Some(Sieve::for_keys(digests))
    }

    /// Ends what [`Recent::learn`] began: every digest in `person` was added since, or, with `None`, not all could be read.
    pub fn learnt(&mut self, read: Option<Sieve>) {
        if let (Some(meanwhile), Some(mut read)) = (self.learning.take(), read) {
            read.unite(&meanwhile);
            let here = [&self.young.claims, &self.old.claims];
            here.iter()
                .flat_map(|claims| claims.keys())
                .for_each(|digest| read.add(digest));
            self.known = Some(read);
        }
    }

    /// Where a step begins, for [`Recent::undo`].
    pub fn mark(&self) -> (usize, usize) {
        (self.undo.len(), self.gone.len())
    }

    /// Takes back what a step changed.
    pub fn undo(&mut self, (changes, gone): (usize, usize)) {
        for change in self.undo.drain(changes..).rev() {
            match change {
                Undo::Row(key) => drop(self.young.rows.remove(&key)),
                Undo::Claim(key, Some(before)) => drop(self.young.claims.insert(key, before)),
                Undo::Claim(key, None) => drop(self.young.claims.remove(&key)),
            }
        }
        self.gone.truncate(gone);
        self.moving = self.moved;
    }

    /// The group is on disk.
    pub fn committed(&mut self) {
        self.undo.clear();
        for key in self.gone.drain(..) {
            self.young.rows.remove(&key);
            self.old.rows.remove(&key);
        }
        self.moved = self.moving;
        if self.moved.all {
            self.old = Keys::default();
            self.done = Some(self.old_end);
        }
        if self.moved.cut {
            self.done = None;
        }
        if self.moved.all || self.moved.cut {
            (self.moved, self.moving) = (Moved::default(), Moved::default());
        }
    }

    /// The group came to nothing.
    pub fn lost(&mut self) {
        self.undo((0, 0));
    }

    fn set(&mut self, digest: Digest, claim: Option<Claim>) {
        if let Some(known) = &mut self.known {
            known.add(&digest);
        }
        let before = self.young.claims.insert(digest, claim);
        self.undo.push(Undo::Claim(digest, before));
    }

    fn claim_of(&self, db: &Connection, digest: &Digest) -> Result<Option<Claim>, StoreError> {
        let known = self.known.as_ref();
        if known.is_some_and(|known| !known.may_have(digest)) {
            return Ok(None);
        }
        let claims = [&self.young.claims, &self.old.claims];
        if let Some(known) = claims.iter().find_map(|claims| claims.get(digest)) {
            return Ok(*known);
        }
        let mut find = db.prepare_cached("SELECT lead_id, until FROM person WHERE digest = ?1")?;
        let found = find.query_row([digest], |row| {
            let lead = id(row.get(0)?);
            Ok(Claim {
                lead,
                until: row.get(1)?,
            })
        });
        Ok(found.optional()?)
    }
}

impl Keys {
    fn len(&self) -> usize {
        self.rows.len() + self.claims.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Adds a row to `recent`; `until` is `None` where the digests are let go.
fn note(
    db: &Connection,
    lead: LeadId,
    row: Option<i64>,
    person: &[u8],
    until: Option<i64>,
) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO recent (lead_id, seq, person, until) VALUES (?1, ?2, ?3, ?4)")?
        .execute((lead.as_bytes(), row, person, until))?;
    Ok(())
}

#[cfg(test)]
mod tests;
