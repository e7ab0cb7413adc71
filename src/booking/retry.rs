//! When to try again: pure arithmetic.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(300);

/// How many tries that never reached iClosed a lead is given: with [`backoff`] this is about a day.
pub const MOST_FAILURES: u32 = 300;

/// How often a lead for which nothing was free is looked at again before it parks.
pub const MOST_EMPTY_LOOKUPS: u32 = 3;

/// The wait before the try after the `failures`-th failure (from 1): doubling from 2 s to 5 min. `chance`, from 0
/// to 1, spreads it over its upper half, so that leads that failed together do not come back together.
pub fn backoff(failures: u32, chance: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let full = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    full.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
}

/// The wait before the `look`-th lookup (from 0) of a lost answer. `schedule` holds ascending seconds since the
/// answer was missed. `None`: every lookup of the schedule was made.
pub fn next_look(look: u32, schedule: &[u64]) -> Option<Duration> {
    let index = usize::try_from(look).ok()?;
    let at = *schedule.get(index)?;
    let before = index
        .checked_sub(1)
        .and_then(|i| schedule.get(i))
        .copied()
        .unwrap_or(0);
    Some(Duration::from_secs(at.saturating_sub(before)))
}

/// A number from 0 to 1 by the system's randomness; the middle when there is none to be had.
pub fn chance() -> f64 {
    getrandom::u32().map_or(0.5, |draw| f64::from(draw) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_five_minutes_and_keep_at_least_half() {
        for (failures, least, most) in [
            (1, 1.0, 2.0),
            (2, 2.0, 4.0),
            (4, 8.0, 16.0),
            (9, 150.0, 300.0),
            (300, 150.0, 300.0),
        ] {
            assert_eq!(backoff(failures, 0.0).as_secs_f64(), least, "{failures}");
            assert_eq!(backoff(failures, 1.0).as_secs_f64(), most, "{failures}");
        }
    }

    #[test]
    fn lookups_follow_the_schedule_and_end() {
        let schedule = [2, 5, 15, 45];
        let waits: Vec<_> = (0..6)
            .map(|look| next_look(look, &schedule).map(|wait| wait.as_secs()))
            .collect();
        assert_eq!(waits, [Some(2), Some(3), Some(10), Some(30), None, None]);
    }
}
