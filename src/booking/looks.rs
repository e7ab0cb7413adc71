//! When to look again: pure arithmetic.

use std::time::Duration;

use crate::lead::{Lead, Status};

/// How often a lead for which nothing was free is looked at again before it parks.
pub const MOST_EMPTY_LOOKUPS: u32 = 3;

/// How often a lead meets only times in other leads' hands before these count as taken. With [`held_pause`] that is
/// about two minutes, longer than a lost answer is usually looked for.
pub const MOST_HELD_ROUNDS: u32 = 8;

const FIRST_HELD_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_HELD_PAUSE: Duration = Duration::from_secs(60);

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

/// Whether a look for the lead's call is one that a webhook brought about. It stands beside the schedule: it may find
/// the call, but that it finds none counts for nothing, so that a forged webhook makes no request leave early.
pub fn is_beside_schedule(lead: &Lead) -> bool {
    lead.status != Status::Reconciling || lead.progress.confirmation.displaced.is_some()
}

/// The pause of a lead whose every candidate is in other leads' hands, before its `round`-th next try (from 1):
/// doubling from half a second to a minute.
pub fn held_pause(round: u32) -> Duration {
    let doublings = round.saturating_sub(1).min(16);
    FIRST_HELD_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_HELD_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::{Displaced, Step};

    #[test]
    fn pauses_before_held_times_double_to_a_minute() {
        for (round, millis) in [
            (1, 500),
            (2, 1_000),
            (7, 32_000),
            (8, 60_000),
            (u32::MAX, 60_000),
        ] {
            assert_eq!(held_pause(round).as_millis(), millis, "{round}");
        }
    }

    #[test]
    fn only_a_look_that_nothing_displaced_for_a_lead_in_reconciliation_is_of_the_schedule() {
        for (status, displaced, expected) in [
            ("reconciling", false, false),
            ("reconciling", true, true),
            ("parked", false, true),
            ("queued", true, true),
            ("needs_time", true, true),
        ] {
            let mut lead: Lead = serde_json::from_value(serde_json::json!({
                "id": "ld_00000000000000000000000000", "account": "main", "source": "web", "linkPrefix": "ann/intro",
                "lane": "normal", "receivedAt": "2026-09-01T08:00:00Z", "status": status, "slot": "nearest",
                "contact": {},
            }))
            .unwrap();
            lead.progress.confirmation.displaced = displaced.then_some(Displaced {
                step: Step::HandOver,
                due_at: lead.received_at,
            });
            assert_eq!(is_beside_schedule(&lead), expected, "{status} {displaced}");
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
