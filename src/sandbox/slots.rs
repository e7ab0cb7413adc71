//! When an event offers calls: its grid of instants, and how these look on the clocks of a zone.

use std::collections::BTreeMap;

use jiff::civil::{Date, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Opening hours of an event, in its own zone.
pub(super) struct Hours {
    pub(super) zone: TimeZone,
    /// 0 to 23.
    pub(super) open_hour: u8,
    /// 1 to 24.
    pub(super) close_hour: u8,
    pub(super) slot_minutes: u32,
    /// Calendar days on offer; today is the first.
    pub(super) days: u32,
}

impl Hours {
    /// Every instant of the days on offer that lies after `now`, in order. A day on which clocks
    /// change has as many slots as it really has hours.
    pub(super) fn grid(&self, now: Timestamp) -> Vec<Timestamp> {
        let length = SignedDuration::from_mins(i64::from(self.slot_minutes.max(1)));
        let mut day = now.to_zoned(self.zone.clone()).date();
        let mut grid = Vec::new();
        for _ in 0..self.days {
            if let (Some(mut at), Some(close)) = (
                self.instant(day, self.open_hour),
                self.instant(day, self.close_hour),
            ) {
                while at + length <= close {
                    grid.push(at);
                    at += length;
                }
            }
            match day.tomorrow() {
                Ok(next) => day = next,
                Err(_) => break,
            }
        }
        grid.retain(|at| *at > now);
        grid
    }

    fn instant(&self, day: Date, hour: u8) -> Option<Timestamp> {
        let (day, hour) = match hour {
            24.. => (day.tomorrow().ok()?, 0),
            hour => (day, hour as i8),
        };
        let local = day.to_datetime(time(hour, 0, 0, 0));
        Some(local.to_zoned(self.zone.clone()).ok()?.timestamp())
    }
}

/// Instants as dates and `HH:MM` of a zone's clocks, from the day `from` on. A day all of whose
/// instants are taken is there with an empty list. A repeated hour shows its times twice and a
/// skipped one never shows.
pub(super) fn on_clocks_of(
    zone: &TimeZone,
    instants: &[(Timestamp, bool)],
    from: Option<Date>,
) -> BTreeMap<Date, Vec<String>> {
    let mut days: BTreeMap<Date, Vec<String>> = BTreeMap::new();
    for (at, is_free) in instants {
        let local = at.to_zoned(zone.clone());
        if from.is_some_and(|from| local.date() < from) {
            continue;
        }
        let times = days.entry(local.date()).or_default();
        if *is_free {
            times.push(local.strftime("%H:%M").to_string());
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(zone: &str, open_hour: u8, close_hour: u8) -> Hours {
        Hours {
            zone: TimeZone::get(zone).unwrap(),
            open_hour,
            close_hour,
            slot_minutes: 60,
            days: 1,
        }
    }

    fn texts(grid: &[Timestamp]) -> Vec<String> {
        grid.iter().map(Timestamp::to_string).collect()
    }

    #[test]
    fn a_grid_ends_with_the_last_slot_that_fits_and_leaves_out_the_past() {
        let mut hours = hours("UTC", 8, 10);
        hours.slot_minutes = 45;
        hours.days = 2;
        let grid = hours.grid("2026-12-01T08:00:00Z".parse().unwrap());
        let expected = [
            "2026-12-01T08:45:00Z",
            "2026-12-02T08:00:00Z",
            "2026-12-02T08:45:00Z",
        ];
        assert_eq!(texts(&grid), expected);
    }

    #[test]
    fn a_day_of_clock_change_has_its_real_number_of_hours() {
        for (now, slots) in [
            ("2026-03-28T23:00:00Z", 22),
            ("2026-03-27T23:00:00Z", 23),
            ("2026-10-24T22:00:00Z", 24),
        ] {
            let grid = hours("Europe/Oslo", 0, 24).grid(now.parse().unwrap());
            assert_eq!(grid.len(), slots, "{now}");
        }
    }

    #[test]
    fn a_skipped_hour_never_shows_and_a_repeated_one_shows_twice() {
        let oslo = TimeZone::get("Europe/Oslo").unwrap();
        let cases = [
            ("2026-03-29T00:00:00Z", ["01:00", "03:00", "04:00"]),
            ("2026-10-25T00:00:00Z", ["02:00", "02:00", "03:00"]),
        ];
        for (first, expected) in cases {
            let first: Timestamp = first.parse().unwrap();
            let instants: Vec<_> = (0..3)
                .map(|hour| (first + SignedDuration::from_hours(hour), true))
                .collect();
            let days = on_clocks_of(&oslo, &instants, None);
            assert_eq!(days.into_values().collect::<Vec<_>>(), [expected]);
        }
    }

    #[test]
    fn a_zone_of_quarter_hours_shifts_date_and_minutes() {
        let kathmandu = TimeZone::get("Asia/Kathmandu").unwrap();
        let instants = [
            ("2026-12-01T18:00:00Z".parse().unwrap(), true),
            ("2026-12-01T18:30:00Z".parse().unwrap(), true),
            ("2026-12-02T18:30:00Z".parse().unwrap(), false),
        ];
        let days = on_clocks_of(&kathmandu, &instants, None);
        let shown: Vec<_> = days
            .iter()
            .map(|(day, at)| (day.to_string(), at.join(" ")))
            .collect();
        let expected = [
            ("2026-12-01", "23:45"),
            ("2026-12-02", "00:15"),
            ("2026-12-03", ""),
        ]
        .map(|(day, at)| (day.to_owned(), at.to_owned()));
        assert_eq!(shown, expected);
        let from = "2026-12-02".parse().ok();
        assert_eq!(on_clocks_of(&kathmandu, &instants, from).len(), 2);
    }
}
