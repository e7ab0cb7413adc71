//! One lead as a row: what is kept as columns, what as JSON, and how a rewritten lead goes back.

use rusqlite::{Connection, Row};

use super::desk::Desk;
use super::recent::Shared;
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
    let unwritten = |why: &dyn std::fmt::Display| {
        StoreError::Unavailable(format!("a record cannot be written: {why}"))
    };
    // What was posted is in it once as it came and once as it was read.
    let mut body = Vec::with_capacity(1024 + 2 * lead.raw.len());
    serde_json::to_writer(&mut body, lead).map_err(|e| unwritten(&e))?;
    String::from_utf8(body).map_err(|e| unwritten(&e.utf8_error()))
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

/// Beside the writer this comes before any other look into `db`: what is recent no longer is in the tables of every
/// state that is committed later.
pub fn place(db: &Connection, recent: &Shared, id: LeadId) -> Result<Option<Place>, StoreError> {
    let row = recent.lock().row(id);
    let mut find = db.prepare_cached(
        "SELECT seq, lane, step, due_at, leased, fence, version, person, person_until FROM leads \
         WHERE seq = coalesce(?2, (SELECT seq FROM ids WHERE id = ?1)) AND id = ?1",
    )?;
    let mut rows = find.query((id.as_bytes(), row))?;
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
pub fn stored(
    db: &Connection,
    recent: &Shared,
    id: LeadId,
    now: i64,
) -> Result<Option<Stored>, StoreError> {
    let Some(place) = place(db, recent, id)? else {
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
        desk.recent.lock().free(&desk.db, lead.id, &place.person)?;
    }
    desk.lead_changed(lead.id);
    if let Next::After { step, .. } = next {
        desk.work_may_be_due_at(step);
    }
    Ok(())
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
