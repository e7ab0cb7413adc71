//! The life of a claim: taken under a lease, prolonged, given an instant to ask for, and ended; and the operator's
//! change of a lead that nobody has claimed.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::desk::Desk;
use super::notices;
use super::record::{self, Place, encode, frees, rewrite};
use crate::clock::{from_millis, millis};
use crate::lead::{Intent, Lane, Lead, LeadId, Status, Step};
use crate::queue::notices::{Announced, Notice};
use crate::queue::{Amended, Hold, Next, StoreError};

/// A hold whose claim was never settled lapses after this. Far longer than any lookup of a lost answer takes.
const HOLD_KEPT: Duration = Duration::from_secs(24 * 3600);
/// A spent hold is kept for this: longer than any list of slots is used.
const SPENT_KEPT: Duration = Duration::from_secs(600);

/// A claim as the row has it.
pub struct Taken {
    pub body: String,
    pub fence: u64,
    pub due_at: i64,
}

/// What [`intend`] came to.
pub enum Intention {
    Lost,
    AllHeld,
    At(Intent),
}

/// What [`identify`] came to.
pub enum Identified {
    Lost,
    New,
    Repeats(LeadId),
}

pub fn claim(
    desk: &mut Desk,
    account: &str,
    step: Step,
    lease: Duration,
) -> Result<Option<Taken>, StoreError> {
    let now = desk.now();
    let turn = desk
        .turns
        .get(&(account.to_owned(), step))
        .copied()
        .unwrap_or(0);
    for lane in Lane::order(turn) {
        let Some((seq, fence, due_at, body)) = first_due(&desk.db, account, step, lane, now)?
        else {
            continue;
        };
        desk.db
            .prepare_cached(
                "UPDATE leads SET leased = 1, due_at = ?2, fence = fence + 1, version = version + 1 WHERE seq = ?1",
            )?
            .execute((seq, now.saturating_add(millis(lease))))?;
        desk.turns
            .insert((account.to_owned(), step), turn.wrapping_add(1));
        return Ok(Some(Taken {
            body,
            fence: fence.cast_unsigned() + 1,
            due_at,
        }));
    }
    Ok(None)
}

/// In the order of the index, so that nothing is sorted however many are due.
const FIRST_DUE: &str = "SELECT seq, fence, due_at, body FROM leads \
     WHERE account = ?1 AND step = ?2 AND lane = ?3 AND due_at <= ?4 ORDER BY due_at, leased, seq LIMIT 1";

/// Row, fence, due time and body.
type Due = (i64, i64, i64, String);

fn first_due(
    db: &Connection,
    account: &str,
    step: Step,
    lane: Lane,
    now: i64,
) -> Result<Option<Due>, StoreError> {
    let mut find = db.prepare_cached(FIRST_DUE)?;
    let due = find.query_row((account, step.as_str(), lane.rank(), now), |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    });
    Ok(due.optional()?)
}

/// The lead's place, if this fence is still its newest and its work has not ended. The lease may have run out.
fn claimed(desk: &Desk, id: LeadId, fence: u64) -> Result<Option<Place>, StoreError> {
    Ok(record::place(&desk.db, &desk.recent, id)?
        .filter(|place| place.leased && place.fence == fence))
}

/// The same, only while the lease runs.
fn held(desk: &Desk, id: LeadId, fence: u64) -> Result<Option<Place>, StoreError> {
    let now = desk.now();
    Ok(claimed(desk, id, fence)?.filter(|place| place.is_held(now)))
}

/// `false`: the claim is lost.
pub fn renew(desk: &mut Desk, id: LeadId, fence: u64, lease: Duration) -> Result<bool, StoreError> {
    let Some(place) = held(desk, id, fence)? else {
        return Ok(false);
    };
    desk.db
        .prepare_cached("UPDATE leads SET due_at = ?2, version = version + 1 WHERE seq = ?1")?
        .execute((place.seq, desk.now().saturating_add(millis(lease))))?;
    Ok(true)
}

pub fn intend(
    desk: &mut Desk,
    mut lead: Lead,
    fence: u64,
    candidates: &[Timestamp],
    seen_at: Timestamp,
) -> Result<Intention, StoreError> {
    let Some(place) = held(desk, lead.id, fence)? else {
        return Ok(Intention::Lost);
    };
    let now = desk.now();
    let mut chosen = None;
    for candidate in candidates {
        if !is_barred(&desk.db, &lead, *candidate, seen_at, now)? {
            chosen = Some(*candidate);
            break;
        }
    }
    let Some(instant) = chosen else {
        return Ok(Intention::AllHeld);
    };
    // A lead asks for one instant at a time: what it asked for before has had its answer.
    spend(&desk.db, lead.id, now)?;
    desk.db
        .prepare_cached(
            "INSERT OR REPLACE INTO holds (account, link_prefix, instant, lead_id, until) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            &lead.account,
            &lead.link_prefix,
            instant.as_millisecond(),
            lead.id.as_bytes(),
            now.saturating_add(millis(HOLD_KEPT)),
        ))?;
    let attempt = lead.progress.attempts.saturating_add(1);
    let intent = Intent {
        attempt,
        instant,
        sent_at: from_millis(now),
    };
    record::note_intent(&mut lead, &intent);
    desk.db
        .prepare_cached("UPDATE leads SET body = ?2, version = version + 1 WHERE seq = ?1")?
        .execute((place.seq, encode(&lead)?))?;
    Ok(Intention::At(intent))
}

/// Another lead asks for the instant now, or its request ended at or after the list of slots was asked for.
fn is_barred(
    db: &Connection,
    lead: &Lead,
    instant: Timestamp,
    seen_at: Timestamp,
    now: i64,
) -> Result<bool, StoreError> {
    let mut find = db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM holds WHERE account = ?1 AND link_prefix = ?2 AND instant = ?3 \
         AND lead_id <> ?4 AND until > ?5 AND (spent_at IS NULL OR spent_at >= ?6))",
    )?;
    Ok(find.query_row(
        (
            &lead.account,
            &lead.link_prefix,
            instant.as_millisecond(),
            lead.id.as_bytes(),
            now,
            seen_at.as_millisecond(),
        ),
        |row| row.get(0),
    )?)
}

fn spend(db: &Connection, id: LeadId, now: i64) -> Result<(), StoreError> {
    db.prepare_cached(
        "UPDATE holds SET spent_at = ?2, until = ?3 WHERE lead_id = ?1 AND spent_at IS NULL",
    )?
    .execute((id.as_bytes(), now, now.saturating_add(millis(SPENT_KEPT))))?;
    Ok(())
}

/// `told`: see [`crate::queue::Outbox`]. `false`: the claim is lost. A lease that ran out still settles while nobody else has claimed the lead: what is
/// known of a request that was sent must not get lost.
pub fn settle(
    desk: &mut Desk,
    lead: &Lead,
    body: &str,
    fence: u64,
    next: Next,
    hold: Hold,
    told: &[Notice],
) -> Result<bool, StoreError> {
    let Some(place) = claimed(desk, lead.id, fence)? else {
        return Ok(false);
    };
    end_hold(desk, lead.id, hold)?;
    rewrite(desk, &place, lead, body, next)?;
    notices::write(desk, told)?;
    Ok(true)
}

fn end_hold(desk: &Desk, id: LeadId, hold: Hold) -> Result<(), StoreError> {
    match hold {
        Hold::Keep => {}
        Hold::Spent => spend(&desk.db, id, desk.now())?,
        Hold::Free => {
            desk.db
                .prepare_cached("DELETE FROM holds WHERE lead_id = ?1 AND spent_at IS NULL")?
                .execute([id.as_bytes()])?;
        }
    }
    Ok(())
}

/// As [`settle`], for a lead of this person, whose digests come one after the other.
pub fn identify(
    desk: &mut Desk,
    mut lead: Lead,
    fence: u64,
    person: Vec<u8>,
    window: Duration,
    next: Next,
    announced: &Announced,
) -> Result<Identified, StoreError> {
    let Some(place) = claimed(desk, lead.id, fence)? else {
        return Ok(Identified::Lost);
    };
    let now = desk.now();
    desk.recent.lock().free(&desk.db, lead.id, &place.person)?;
    let place = Place {
        person,
        person_until: now.saturating_add(millis(window)),
        ..place
    };
    let holder = desk.recent.lock().holder(&desk.db, &place.person, now)?;
    if let Some(first) = holder {
        lead.status = Status::Duplicate;
        lead.duplicate_of = Some(first);
        rewrite(desk, &place, &lead, &encode(&lead)?, Next::Done)?;
        notices::write(desk, &announced.repeated)?;
        return Ok(Identified::Repeats(first));
    }
    rewrite(desk, &place, &lead, &encode(&lead)?, next)?;
    notices::write(desk, &announced.kept)?;
    if !frees(&lead) {
        desk.recent
            .lock()
            .claim(&desk.db, lead.id, &place.person, place.person_until)?;
    }
    Ok(Identified::New)
}

pub fn amend(
    desk: &mut Desk,
    lead: &Lead,
    body: &str,
    version: u64,
    next: Next,
    hold: Hold,
    told: &[Notice],
) -> Result<Amended, StoreError> {
    let now = desk.now();
    let Some(place) = record::place(&desk.db, &desk.recent, lead.id)? else {
        return Ok(Amended::Changed);
    };
    if place.version != version || place.is_held(now) {
        return Ok(Amended::Changed);
    }
    let is_revived =
        lead.status != Status::Erased && !frees(lead) && frees(&record::lead_at(&desk.db, &place)?);
    if is_revived {
        let mut recent = desk.recent.lock();
        if let Some(other) = recent.holder(&desk.db, &place.person, now)? {
            return Ok(Amended::PersonTaken(other));
        }
        if place.person_until > now {
            recent.claim(&desk.db, lead.id, &place.person, place.person_until)?;
        }
    }
    end_hold(desk, lead.id, hold)?;
    rewrite(desk, &place, lead, body, next)?;
    notices::write(desk, told)?;
    Ok(Amended::Done)
}

/// The status of a lead just claimed.
pub fn claimed_status(recorded: Status, step: Step) -> Status {
    record::shown(recorded, Some(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_due_lead_is_found_in_the_index_without_sorting() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(include_str!("schema.sql")).unwrap();
        let mut explain = db
            .prepare(&format!("EXPLAIN QUERY PLAN {FIRST_DUE}"))
            .unwrap();
        let lines = explain
            .query_map(("main", "book", 1, 0), |row| row.get(3))
            .unwrap();
        let lines: Vec<String> = lines.map(Result::unwrap).collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("leads_waiting"), "{lines:?}");
    }
}
