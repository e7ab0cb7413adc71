//! When to try again: pure arithmetic, shared by everything that does.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(300);

/// How many tries that never reached the other side a lead is given: with [`backoff`] this is about a day.
pub const MOST_FAILURES: u32 = 300;

/// The wait before the try after the `failures`-th failure (from 1): doubling from 2 s to 5 min. `chance`, from 0
/// to 1, spreads it over its upper half, so that leads that failed together do not come back together.
pub fn backoff(failures: u32, chance: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let full = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    full.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
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
}
