//! One lead as a row: what is kept as columns, what as JSON, and how a rewritten lead goes back.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use super::writer::Desk;
use crate::clock::{from_millis, millis};
use crate::lead::status::frees_person;
use crate::lead::{Lead, LeadId, Status, Step};
pub use crate::queue::record::{decode, note_intent, readable, shown};
use crate::queue::{Digest, Next, Seen, StoreError, Stored, Waits};

/// A row without its body.
pub struct Place {
    pub seq: i64,
    pub lane: u8,
    pub step: Option<Step>,
    pub due_at: i64,
    pub leased: bool,
    pub fence: u64,
    pub version: u64,
    /// Digests of 16 bytes, one after the other.
    pub person: Vec<u8>,
    pub person_until: i64,
}

impl Place {
    /// A worker may still act in the lead's name.
    pub fn is_held(&self, now: i64) -> bool {
        self.leased && self.due_at > now
    }
}

pub fn encode(lead: &Lead) -> Result<String, StoreError> {
    serde_json::to_string(lead)
        .map_err(|e| StoreError::Unavailable(format!("a record cannot be written: {e}")))
}

pub fn step(word: &str) -> Result<Step, StoreError> {
    Step::ALL
        .into_iter()
        .find(|step| step.as_str() == word)
        .ok_or_else(|| StoreError::Unreadable("a step of that name is not known".to_owned()))
}

pub fn id(bytes: [u8; 16]) -> LeadId {
    LeadId::from_bytes(bytes)
}

pub fn place(db: &Connection, id: LeadId) -> Result<Option<Place>, StoreError> {
    let mut find = db.prepare_cached(
        "SELECT seq, lane, step, due_at, leased, fence, version, person, person_until FROM leads WHERE id = ?1",
    )?;
    let mut rows = find.query([id.as_bytes()])?;
    rows.next()?.map(place_in).transpose()
}

/// The place in a row that begins with the columns [`place`] reads.
pub fn place_in(row: &Row<'_>) -> Result<Place, StoreError> {
    let word: Option<String> = row.get(2)?;
    Ok(Place {
        seq: row.get(0)?,
        lane: row.get(1)?,
        step: word.as_deref().map(step).transpose()?,
        due_at: row.get::<_, Option<i64>>(3)?.unwrap_or_default(),
        leased: row.get(4)?,
        fence: row.get::<_, i64>(5)?.cast_unsigned(),
        version: row.get::<_, i64>(6)?.cast_unsigned(),
        person: row.get(7)?,
        person_until: row.get(8)?,
    })
}

/// A lead with its place, as committed.
pub fn stored(db: &Connection, id: LeadId, now: i64) -> Result<Option<Stored>, StoreError> {
    let Some(place) = place(db, id)? else {
        return Ok(None);
    };
    let lead = lead_at(db, &place)?;
    Ok(Some(standing(lead, &place, now)))
}

/// The record of the lead at this place.
pub fn lead_at(db: &Connection, place: &Place) -> Result<Lead, StoreError> {
    let body: String = db
        .prepare_cached("SELECT body FROM leads WHERE seq = ?1")?
        .query_row([place.seq], |row| row.get(0))?;
    decode(body.as_bytes())
}

/// A lead as it stands at its place.
pub fn standing(mut lead: Lead, place: &Place, now: i64) -> Stored {
    let seen = Seen::of(&lead);
    lead.status = shown(lead.status, place.step.filter(|_| place.is_held(now)));
    let waits = place.step.map(|step| Waits {
        step,
        due_at: from_millis(place.due_at),
        leased: place.leased,
    });
    Stored {
        lead,
        version: place.version,
        waits,
        seen,
    }
}

/// Whether a lead that stands like this claims nobody.
pub fn frees(lead: &Lead) -> bool {
    frees_person(lead.status, lead.reason.as_ref().map(|reason| reason.code))
}

/// Writes a lead back at the end of a claim or by an operator, with where it goes. `body` is the lead, encoded.
pub fn rewrite(
    desk: &mut Desk,
    place: &Place,
    lead: &Lead,
    body: &str,
    next: Next,
) -> Result<(), StoreError> {
    let now = desk.now();
    let (step, due_at, ended_at) = match next {
        Next::Done => (None, None, Some(now)),
        Next::After { step, delay } => (
            Some(step.as_str()),
            Some(now.saturating_add(millis(delay))),
            None,
        ),
    };
    let lane = lead.lane.rank();
    let person: &[u8] = if lead.status == Status::Erased {
        &[]
    } else {
        &place.person
    };
    let call_id = lead.booking.as_ref().map(|booking| booking.event_call_id);
    desk.db
        .prepare_cached(
            "UPDATE leads SET lane = ?2, step = ?3, due_at = ?4, leased = 0, ended_at = ?5, person = ?6, \
             person_until = ?7, body = ?8, call_id = ?9, version = version + 1 WHERE seq = ?1",
        )?
        .execute((place.seq, lane, step, due_at, ended_at, person, place.person_until, body, call_id))?;
    if place.step.is_some() != step.is_some() || place.lane != lane {
        if place.step.is_some() {
            desk.lanes.count(&desk.db, &lead.account, place.lane, -1)?;
        }
        if step.is_some() {
            desk.lanes.count(&desk.db, &lead.account, lane, 1)?;
        }
    }
    if frees(lead) {
        free_person(&desk.db, &place.person, lead.id)?;
    }
    desk.lead_changed(lead.id);
    if step.is_some() {
        desk.work_may_be_due();
    }
    Ok(())
}

/// The lead that claims one of the digests.
pub fn holder(db: &Connection, person: &[u8], now: i64) -> Result<Option<LeadId>, StoreError> {
    let mut find =
        db.prepare_cached("SELECT lead_id FROM person WHERE digest = ?1 AND until > ?2")?;
    for digest in digests(person) {
        if let Some(found) = find.query_row((digest, now), |row| row.get(0)).optional()? {
            return Ok(Some(id(found)));
        }
    }
    Ok(None)
}

/// Until when the lead claims one of its digests.
pub fn claimed_until(
    db: &Connection,
    id: LeadId,
    now: i64,
) -> Result<Option<Timestamp>, StoreError> {
    let Some(place) = place(db, id)? else {
        return Ok(None);
    };
    let mut find = db.prepare_cached(
        "SELECT until FROM person WHERE digest = ?1 AND lead_id = ?2 AND until > ?3",
    )?;
    let mut last: Option<i64> = None;
    for digest in digests(&place.person) {
        let until = find.query_row((digest, id.as_bytes(), now), |row| row.get(0));
        last = last.max(until.optional()?);
    }
    Ok(last.map(from_millis))
}

/// Gives up those of the digests that this lead claims.
pub fn free_person(db: &Connection, person: &[u8], id: LeadId) -> Result<(), StoreError> {
    let mut free = db.prepare_cached("DELETE FROM person WHERE digest = ?1 AND lead_id = ?2")?;
    for digest in digests(person) {
        free.execute((digest, id.as_bytes()))?;
    }
    Ok(())
}

/// Claims those of the digests that no lead has a claim to.
pub fn claim_person(
    db: &Connection,
    person: &[u8],
    id: LeadId,
    until: i64,
    now: i64,
) -> Result<(), StoreError> {
    for digest in digests(person) {
        claim_digest(db, digest, id, until, now)?;
    }
    Ok(())
}

/// Claims one digest; `false` when another lead has it.
pub fn claim_digest(
    db: &Connection,
    digest: &Digest,
    id: LeadId,
    until: i64,
    now: i64,
) -> Result<bool, StoreError> {
    let changed = db
        .prepare_cached(
            "INSERT INTO person (digest, lead_id, until) VALUES (?1, ?2, ?3) ON CONFLICT (digest) \
             DO UPDATE SET lead_id = excluded.lead_id, until = excluded.until WHERE person.until <= ?4",
        )?
        .execute((digest, id.as_bytes(), until, now))?;
    Ok(changed > 0)
}

/// Digests of 16 bytes, one after the other.
pub fn digests(person: &[u8]) -> impl Iterator<Item = &Digest> {
    person.as_chunks::<16>().0.iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booking_is_shown_exactly_while_a_worker_holds_the_lead_for_it() {
        for (recorded, held_for, expected) in [
            (Status::Queued, Some(Step::Book), Status::Booking),
            (Status::Booking, Some(Step::Book), Status::Booking),
            (Status::Booking, None, Status::Queued),
            (Status::Booking, Some(Step::Reconcile), Status::Queued),
            (Status::Queued, Some(Step::Qualify), Status::Queued),
            (
                Status::Reconciling,
                Some(Step::Reconcile),
                Status::Reconciling,
            ),
            (Status::Parked, Some(Step::HandOver), Status::Parked),
            (Status::Booked, None, Status::Booked),
        ] {
            assert_eq!(
                shown(recorded, held_for),
                expected,
                "{recorded:?} {held_for:?}"
            );
        }
    }

    #[test]
    fn an_unreadable_record_is_reported_without_its_text() {
        let error = decode(br#"{"id": "ann@example.com"}"#).unwrap_err();
        assert!(!error.to_string().contains("example.com"), "{error}");
    }
}
