//! Repeatable chance: a seeded generator for latencies and for faults that strike only sometimes.
//! Not for secrets.

use std::ops::RangeInclusive;
use std::time::Duration;

/// SplitMix64, after prng.di.unimi.it/splitmix64.c.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// True in `probability` of all cases: never at 0, always at 1.
    pub(super) fn strikes(&mut self, probability: f64) -> bool {
        let fraction = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        fraction < probability
    }

    /// Uniform over the range, in whole microseconds; the lower end when the range is empty.
    pub(super) fn duration(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let width = range.end().saturating_sub(*range.start()).as_micros();
        let width = u64::try_from(width).unwrap_or(u64::MAX - 1);
        *range.start() + Duration::from_micros(self.next() % (width + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_lies_in_its_range_and_the_seed_repeats_it() {
        let range = Duration::from_millis(20)..=Duration::from_millis(80);
        let (mut one, mut other) = (Chance::new(7), Chance::new(7));
        for _ in 0..1000 {
            let drawn = one.duration(&range);
            assert!(range.contains(&drawn));
            assert_eq!(drawn, other.duration(&range));
        }
    }

    #[test]
    fn zero_never_strikes_and_one_always_does() {
        let mut chance = Chance::new(1);
        for _ in 0..1000 {
            assert!(!chance.strikes(0.0));
            assert!(chance.strikes(1.0));
        }
    }
}
