//! Keeping a lead: one step that recognises a repeated delivery, refuses when full, recognises the person, and
//! writes the record with its place in the queue. What it costs does not depend on how many leads wait.

use rusqlite::{Connection, OptionalExtension};

use super::desk::Desk;
use super::notices;
use super::read::{AHEAD_EXACT, go_before};
use super::record::{self, encode};
use crate::clock::millis;
use crate::lead::status::frees_person;
use crate::lead::{Lead, LeadId, Status};
use crate::queue::notices::Announced;
use crate::queue::{Acceptance, Accepted, Digest, Idempotency, Receipt, StoreError};

/// `body` is the lead, encoded, and `announced` what is told of it. The inner error refuses a lead that was not written.
pub fn accept(
    desk: &mut Desk,
    acceptance: Acceptance,
    body: String,
    announced: Announced,
) -> Result<Result<Accepted, StoreError>, StoreError> {
    let Acceptance {
        lead,
        first,
        idempotency,
        person,
        person_window,
        max_waiting,
    } = acceptance;
    let now = desk.now();
    if let Some(idempotency) = idempotency
        && let Some(known) = recognise(&desk.db, idempotency, now)?
    {
        return Ok(Ok(known));
    }
    if let Err(full) = room(desk) {
        return Ok(Err(full));
    }
    let (account, lane) = (lead.account.as_str(), lead.lane.rank());
    let waiting = desk.lanes.waiting(&desk.db, account, lane)?;
    if waiting.all >= max_waiting {
        let all = waiting.all;
        return Ok(Err(StoreError::Full(format!("{all} leads wait"))));
    }
    let person = person.concat();
    let person_until = now.saturating_add(millis(person_window));
    let frees = frees_person(lead.status, lead.reason.as_ref().map(|reason| reason.code));
    let earlier = {
        let recent = desk.recent.lock();
        if recent.row(lead.id).is_some() {
            return Err(StoreError::Unavailable("the id is taken".to_owned()));
        }
        recent.holder(&desk.db, &person, now)?
    };
    let (first, body) = match earlier {
        None => (first, body),
        Some(of) => (None, encode(&repetition(&lead, of))?),
    };
    let ahead = match first {
        Some(_) => ahead_of_newcomer(&desk.db, account, lane, now, waiting.before)?,
        None => 0,
    };
    desk.db
        .prepare_cached(
            "INSERT INTO leads (id, account, lane, step, due_at, ended_at, person, person_until, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute((
            lead.id.as_bytes(),
            account,
            lane,
            first.map(|step| step.as_str()),
            first.map(|_| now),
            first.is_none().then_some(now),
            &person,
            person_until,
            &body,
        ))?;
    let claimed: &[u8] = if frees || earlier.is_some() {
        &[]
    } else {
        &person
    };
    desk.recent.lock().add(
        &desk.db,
        lead.id,
        desk.db.last_insert_rowid(),
        claimed,
        person_until,
    )?;
    if let Some(Idempotency { key, body, kept }) = idempotency {
        desk.db
            .prepare_cached(
                "INSERT OR REPLACE INTO idempotency (key, body, lead_id, until) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((key, body, lead.id.as_bytes(), now.saturating_add(millis(kept))))?;
    }
    let told = match earlier {
        Some(_) => &announced.repeated,
        None => &announced.kept,
    };
    notices::write(desk, told)?;
    if let Some(step) = first {
        desk.lanes.count(&desk.db, account, lane, 1)?;
        desk.work_may_be_due_at(step);
    }
    Ok(Ok(match earlier {
        Some(of) => Accepted::Duplicate { of },
        None => Accepted::Kept { ahead },
    }))
}

/// Writes down what the caller was told, unless something is written already.
pub fn remember(desk: &mut Desk, key: &Digest, receipt: &str) -> Result<(), StoreError> {
    desk.db
        .prepare_cached("UPDATE idempotency SET receipt = ?2 WHERE key = ?1 AND receipt IS NULL")?
        .execute((key, receipt))?;
    Ok(())
}

fn recognise(
    db: &Connection,
    delivery: Idempotency,
    now: i64,
) -> Result<Option<Accepted>, StoreError> {
    type Known = (Option<Digest>, [u8; 16], Option<String>);
    let known: Option<Known> = db
        .prepare_cached(
            "SELECT body, lead_id, receipt FROM idempotency WHERE key = ?1 AND until > ?2",
        )?
        .query_row((delivery.key, now), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((body, lead, receipt)) = known else {
        return Ok(None);
    };
    if !same_body(body, delivery.body) {
        return Ok(Some(Accepted::KeyReused));
    }
    // A receipt that cannot be read is as good as none: the caller is told the lead's state of today.
    let receipt = receipt.and_then(|text| serde_json::from_str::<Receipt>(&text).ok());
    Ok(Some(Accepted::Replayed {
        lead: record::id(lead),
        receipt,
    }))
}

/// Where either side has no hash, the key alone decides.
fn same_body(kept: Option<Digest>, now: Option<Digest>) -> bool {
    match (kept, now) {
        (Some(kept), Some(now)) => kept == now,
        _ => true,
    }
}

/// Whether a new lead still fits into the size the operator allows.
pub fn room(desk: &Desk) -> Result<(), StoreError> {
    if desk.takes_no_leads {
        return Err(StoreError::Full(
            "the database has reached its size".to_owned(),
        ));
    }
    Ok(())
}

/// The record of a lead that repeats another.
fn repetition(lead: &Lead, of: LeadId) -> Lead {
    Lead {
        status: Status::Duplicate,
        duplicate_of: Some(of),
        ..lead.clone()
    }
}

/// Counted one by one while few wait. Beyond that the lanes' counters bound it, so that a long queue costs no time.
fn ahead_of_newcomer(
    db: &Connection,
    account: &str,
    lane: u8,
    now: i64,
    bound: u64,
) -> Result<u64, StoreError> {
    if bound == 0 || bound > AHEAD_EXACT {
        return Ok(bound);
    }
    Ok(go_before(db, account, lane, now, now, i64::MAX)?.min(bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_different_bodies_make_a_key_reused() {
        let (one, two) = (Some([1; 16]), Some([2; 16]));
        for (kept, now, same) in [
            (one, one, true),
            (one, two, false),
            (None, one, true),
            (one, None, true),
            (None, None, true),
        ] {
            assert_eq!(same_body(kept, now), same);
        }
    }
}
