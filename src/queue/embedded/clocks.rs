//! What a wall clock that is set must not do to work and limits.
//!
//! Due times and leases are wall time, so that they outlive the process; the ends of permits and pauses are written in
//! wall time as well, for the next process. When somebody sets the clock, all of them would come sooner or later by as
//! much. The writer sees it as soon as it writes, which is at least once a minute, because the steady clock went
//! another way. A new process sees only that its time is before the last one's.

use rusqlite::Connection;

use crate::clock::Clock;

/// Clocks that are kept right differ by less from one write to the next.
const LEAST_MS: i64 = 1000;

/// One moment by both clocks, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    wall: i64,
    steady: i64,
}

impl Moment {
    pub fn of(clock: &Clock) -> Self {
        Self {
            wall: clock.now().as_millisecond(),
            steady: clock.steady().as_millisecond(),
        }
    }
}

/// By how many milliseconds the wall clock was set forward, or back, between two moments of one process.
pub fn set_by(before: Moment, now: Moment) -> i64 {
    let went = now.wall.saturating_sub(before.wall);
    let passed = now.steady.saturating_sub(before.steady);
    let by = went.saturating_sub(passed);
    if by.abs() < LEAST_MS { 0 } else { by }
}

/// By how many milliseconds at least the clock was set back since the last process saw it. Never more than it was, so
/// that nothing comes too soon.
pub fn set_back(seen_at: Option<i64>, now: i64) -> i64 {
    seen_at.map_or(0, |seen| now.saturating_sub(seen).min(0))
}

/// Moves leases and the ends of permits and pauses with the clock, and what waits only with one set back: set forward,
/// it is due by the new time.
pub fn follow(db: &Connection, by: i64) -> rusqlite::Result<()> {
    if by == 0 {
        return Ok(());
    }
    let which = if by < 0 { "" } else { "AND leased = 1" };
    db.execute(
        &format!(
            "UPDATE leads SET due_at = due_at + ?1, version = version + 1 WHERE step IS NOT NULL {which}"
        ),
        [by],
    )?;
    db.execute(
        &format!("UPDATE notices SET due_at = due_at + ?1 WHERE true {which}"),
        [by],
    )?;
    for table in ["permits", "pauses"] {
        db.execute(
            &format!("UPDATE {table} SET closes_wall = closes_wall + ?1"),
            [by],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_was_set_when_it_went_another_way_than_time() {
        let at = |wall, steady| Moment { wall, steady };
        for (before, now, expected) in [
            (at(0, 0), at(5_000, 5_000), 0),
            (at(0, 0), at(5_999, 5_000), 0),
            (at(0, 0), at(4_001, 5_000), 0),
            (at(0, 0), at(6_000, 5_000), 1_000),
            (at(9_000, 50), at(5_050, 100), -4_000),
            (at(0, 0), at(3_600_000, 10), 3_599_990),
        ] {
            assert_eq!(set_by(before, now), expected, "{before:?} {now:?}");
        }
    }

    #[test]
    fn a_new_process_sees_only_a_clock_that_was_set_back() {
        for (seen_at, now, expected) in [
            (None, 5, 0),
            (Some(5), 5, 0),
            (Some(5), 9_000, 0),
            (Some(9_000), 5, -8_995),
        ] {
            assert_eq!(set_back(seen_at, now), expected, "{seen_at:?} {now}");
        }
    }

    /// Due times of one that waits and of one that is held, and the end of a permit, after the clock was set by `by`.
    fn after(by: i64) -> (i64, i64, i64) {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(include_str!("schema.sql")).unwrap();
        db.execute_batch(
            "INSERT INTO leads (id, account, lane, step, due_at, leased, person, person_until, body) VALUES
             (x'01', 'main', 0, 'book', 10000, 0, x'', 0, ''), (x'02', 'main', 0, 'book', 10000, 1, x'', 0, '');
             INSERT INTO permits (account, endpoint, closes_at, closes_wall, span_ms) VALUES ('main', 'a', 9, 10000, 9)",
        )
        .unwrap();
        follow(&db, by).unwrap();
        let number = |from: &str| db.query_row(from, [], |row| row.get(0)).unwrap();
        (
            number("SELECT due_at FROM leads WHERE leased = 0"),
            number("SELECT due_at FROM leads WHERE leased = 1"),
            number("SELECT closes_wall FROM permits WHERE closes_at = 9"),
        )
    }

    #[test]
    fn leases_and_permits_keep_their_length_and_nothing_waits_longer() {
        for (by, expected) in [
            (0, (10_000, 10_000, 10_000)),
            (-4_000, (6_000, 6_000, 6_000)),
            (4_000, (10_000, 14_000, 14_000)),
        ] {
            assert_eq!(after(by), expected, "{by}");
        }
    }
}
