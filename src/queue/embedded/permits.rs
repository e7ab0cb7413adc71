//! Permits: how many requests of one endpoint may count against its limit at once.
//!
//! Measured by the steady clock, because a clock set forward must not close permits early. Each end is written as
//! wall time as well, for the next process.

use std::time::Duration;

use rusqlite::OptionalExtension;

use super::desk::Desk;
use crate::clock::{from_millis, millis};
use crate::queue::{Acquired, Limit, PermitId, StoreError, Usage};

/// Times are whole milliseconds, cut: one more makes sure the whole span has passed.
const ROUNDING_MS: i64 = 1;

/// A budget's name, owned.
#[derive(Clone)]
pub struct Name {
    pub account: String,
    pub endpoint: String,
}

impl Name {
    fn key(&self) -> (String, String) {
        (self.account.clone(), self.endpoint.clone())
    }
}

/// An end that is a span away.
struct End {
    at: i64,
    wall: i64,
    span_ms: i64,
}

fn end(desk: &Desk, span: Duration) -> End {
    let span_ms = millis(span).saturating_add(ROUNDING_MS);
    End {
        at: steady(desk).saturating_add(span_ms),
        wall: desk.now().saturating_add(span_ms),
        span_ms,
    }
}

fn steady(desk: &Desk) -> i64 {
    desk.clock.steady().as_millisecond()
}

/// How many may be open: the limit, or the lower one the vendor named, and never none.
fn most(limit: u32, adopted: Option<u32>) -> usize {
    usize::try_from(adopted.map_or(limit, |lower| lower.min(limit)).max(1)).unwrap_or(usize::MAX)
}

/// The first moment at which a place can be free, given when each open permit closes at the earliest.
fn first_place(mut closings: Vec<i64>, most: usize) -> Option<i64> {
    let too_many = (closings.len() + 1).checked_sub(most).filter(|n| *n > 0)?;
    closings.sort_unstable();
    closings.get(too_many - 1).copied()
}

pub fn acquire(
    desk: &mut Desk,
    budget: &Name,
    limit: Limit,
    hold: Duration,
) -> Result<Acquired, StoreError> {
    let now = steady(desk);
    let paused_until: Option<i64> = desk
        .db
        .prepare_cached(
            "SELECT closes_at FROM pauses WHERE account = ?1 AND endpoint = ?2 AND closes_at > ?3",
        )?
        .query_row((&budget.account, &budget.endpoint, now), |row| row.get(0))
        .optional()?;
    let most = most(limit.requests, desk.adopted.get(&budget.key()).copied());
    let place_at = first_place(earliest_closings(desk, budget, limit.window, now)?, most);
    if let Some(at) = paused_until.max(place_at) {
        return Ok(Acquired::NotBefore(Duration::from_millis(
            at.saturating_sub(now).max(0).cast_unsigned(),
        )));
    }
    desk.db
        .prepare_cached(
            "DELETE FROM permits WHERE account = ?1 AND endpoint = ?2 AND closes_at <= ?3",
        )?
        .execute((&budget.account, &budget.endpoint, now))?;
    let end = end(desk, hold);
    desk.db
        .prepare_cached(
            "INSERT INTO permits (account, endpoint, closes_at, closes_wall, span_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((&budget.account, &budget.endpoint, end.at, end.wall, end.span_ms))?;
    Ok(Acquired::Permit(PermitId(
        desk.db.last_insert_rowid().cast_unsigned(),
    )))
}

/// An answer this moment would close a permit in one window; one that was answered closes by then anyway.
fn earliest_closings(
    desk: &Desk,
    budget: &Name,
    window: Duration,
    now: i64,
) -> Result<Vec<i64>, StoreError> {
    let soonest = end(desk, window).at;
    let mut find = desk.db.prepare_cached(
        "SELECT min(closes_at, ?4) FROM permits \
         WHERE account = ?1 AND endpoint = ?2 AND closes_at > ?3",
    )?;
    let found = find.query_map((&budget.account, &budget.endpoint, now, soonest), |row| {
        row.get(0)
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// An answer after the permit lapsed opens it again: the request may have reached the vendor only now.
pub fn answered(
    desk: &mut Desk,
    budget: &Name,
    permit: PermitId,
    window: Duration,
) -> Result<(), StoreError> {
    let end = end(desk, window);
    desk.db
        .prepare_cached(
            "INSERT INTO permits (id, account, endpoint, closes_at, closes_wall, span_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO UPDATE SET closes_at = excluded.closes_at, \
             closes_wall = excluded.closes_wall, span_ms = excluded.span_ms",
        )?
        .execute((permit.0.cast_signed(), &budget.account, &budget.endpoint, end.at, end.wall, end.span_ms))?;
    Ok(())
}

pub fn give_back(desk: &mut Desk, permit: PermitId) -> Result<(), StoreError> {
    desk.db
        .prepare_cached("DELETE FROM permits WHERE id = ?1")?
        .execute([permit.0.cast_signed()])?;
    desk.work_may_be_due();
    Ok(())
}

/// A longer pause under way stays.
pub fn close(
    desk: &mut Desk,
    budget: &Name,
    pause: Duration,
    lower: Option<u32>,
) -> Result<(), StoreError> {
    let end = end(desk, pause);
    desk.db
        .prepare_cached(
            "INSERT INTO pauses (account, endpoint, closes_at, closes_wall, span_ms) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (account, endpoint) DO UPDATE SET closes_at = excluded.closes_at, \
             closes_wall = excluded.closes_wall, span_ms = excluded.span_ms WHERE pauses.closes_at < excluded.closes_at",
        )?
        .execute((&budget.account, &budget.endpoint, end.at, end.wall, end.span_ms))?;
    if let Some(lower) = lower {
        let adopted = desk.adopted.entry(budget.key()).or_insert(lower);
        *adopted = lower.min(*adopted);
    }
    Ok(())
}

/// What is open and closed now.
pub fn usage(desk: &mut Desk, budget: &Name) -> Result<Usage, StoreError> {
    let now = steady(desk);
    let of = (&budget.account, &budget.endpoint, now);
    let open: u32 = desk
        .db
        .prepare_cached(
            "SELECT count(*) FROM permits WHERE account = ?1 AND endpoint = ?2 AND closes_at > ?3",
        )?
        .query_row(of, |row| row.get(0))?;
    let closes: Option<i64> = desk
        .db
        .prepare_cached(
            "SELECT closes_at FROM pauses WHERE account = ?1 AND endpoint = ?2 AND closes_at > ?3",
        )?
        .query_row(of, |row| row.get(0))
        .optional()?;
    Ok(Usage {
        open,
        lower: desk.adopted.get(&budget.key()).copied(),
        closed_until: closes.map(|at| from_millis(desk.now().saturating_add(at - now))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_limit_is_adopted_only_downwards() {
        for (limit, adopted, expected) in [
            (10, None, 10),
            (10, Some(4), 4),
            (10, Some(40), 10),
            (10, Some(0), 1),
            (0, None, 1),
        ] {
            assert_eq!(most(limit, adopted), expected, "{limit} {adopted:?}");
        }
    }

    #[test]
    fn a_place_is_free_when_enough_permits_have_closed() {
        for (closings, most, expected) in [
            (vec![], 1, None),
            (vec![50], 2, None),
            (vec![50], 1, Some(50)),
            (vec![70, 50], 2, Some(50)),
            (vec![70, 50, 60], 1, Some(70)),
        ] {
            assert_eq!(
                first_place(closings.clone(), most),
                expected,
                "{closings:?} {most}"
            );
        }
    }
}
