//! When to look again: pure arithmetic.

use std::time::Duration;

/// How often a lead for which nothing was free is looked at again before it parks.
pub const MOST_EMPTY_LOOKUPS: u32 = 3;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookups_follow_the_schedule_and_end() {
        let schedule = [2, 5, 15, 45];
        let waits: Vec<_> = (0..6)
            .map(|look| next_look(look, &schedule).map(|wait| wait.as_secs()))
            .collect();
        assert_eq!(waits, [Some(2), Some(3), Some(10), Some(30), None, None]);
    }
}
