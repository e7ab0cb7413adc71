//! Which free times a caller asks for, and picking them from those there are.

use std::collections::HashMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::api::problem::{Code, Problem};
use crate::booking::lookup::days_later;
use crate::intake::enrich::event_allowed;
use crate::lead::{LeadId, zone};
use crate::settings::Source;

const USUAL_DAYS: i64 = 7;
const MOST_DAYS: i64 = 31;
const MOST_SLOTS: usize = 100;

/// What is asked for, kept inside the source's rules.
pub(super) struct Asked {
    /// The zone of days and parts of days.
    pub zone: TimeZone,
    pub link_prefix: String,
    pub from: Timestamp,
    pub until: Timestamp,
    pub part: Option<Part>,
    /// 1 to 100; `None`: all.
    pub limit: Option<usize>,
    /// 1 to 100; `None`: all.
    pub per_day: Option<usize>,
    /// Whose time is chosen.
    pub lead: Option<LeadId>,
}

/// A part of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// From 5:00 until 12:00.
    Morning,
    /// From 12:00 until 17:00.
    Afternoon,
    /// From 17:00 until midnight.
    Evening,
}

impl Part {
    /// The part this hour of the day lies in; the night is none.
    fn of(hour: i8) -> Option<Self> {
        match hour {
            5..12 => Some(Part::Morning),
            12..17 => Some(Part::Afternoon),
            17..24 => Some(Part::Evening),
            _ => None,
        }
    }
}

/// Reads the query's values by their names.
///
/// # Errors
/// 400, naming the parameter.
pub(super) fn read(
    named: &HashMap<String, String>,
    source: &Source,
    now: Timestamp,
) -> Result<Asked, Problem> {
    let bad = |detail: &str| Problem::new(Code::BadQuery, detail);
    let value = |camel: &str, snake: &str| {
        named
            .get(camel)
            .or_else(|| named.get(snake))
            .map(String::as_str)
    };
    let zone_name = value("timeZone", "time_zone")
        .or(source.time_zone.as_deref())
        .unwrap_or("UTC");
    let zone = zone::canonical(zone_name)
        .and_then(|name| TimeZone::get(&name).ok())
        .ok_or_else(|| bad("timeZone: an IANA name such as Europe/Oslo is wanted"))?;
    let today = now.to_zoned(zone.clone()).date();
    let from: Date = match named.get("from") {
        // The parser would also take a day with a time behind it.
        Some(text) => text
            .parse()
            .ok()
            .filter(|_| text.len() == "2026-12-01".len())
            .ok_or_else(|| bad("from: a day such as 2026-12-01 is wanted"))?,
        None => today,
    };
    let days: i64 = match named.get("days") {
        Some(text) => text
            .parse()
            .ok()
            .filter(|days| (1..=MOST_DAYS).contains(days))
            .ok_or_else(|| bad("days: 1 to 31 is wanted"))?,
        None => USUAL_DAYS,
    };
    let count = |camel: &str, snake: &str| match value(camel, snake) {
        None => Ok(None),
        Some(text) => text
            .parse()
            .ok()
            .filter(|count| (1..=MOST_SLOTS).contains(count))
            .map(Some)
            .ok_or_else(|| bad(&format!("{camel}: 1 to {MOST_SLOTS} is wanted"))),
    };
    let part = match named.get("part").map(String::as_str) {
        None => None,
        Some("morning") => Some(Part::Morning),
        Some("afternoon") => Some(Part::Afternoon),
        Some("evening") => Some(Part::Evening),
        Some(_) => return Err(bad("part: morning, afternoon or evening is wanted")),
    };
    let lead = match value("leadId", "lead_id") {
        None => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| bad("leadId: the id of a lead is wanted"))?,
        ),
    };
    let link_prefix = event_allowed(value("linkPrefix", "link_prefix"), source)
        .map_err(|_| bad("linkPrefix: this source does not book this event"))?;
    let midnight = |day: Date| {
        zone.to_timestamp(day.at(0, 0, 0, 0))
            .map_err(|_| bad("from: this day is out of range"))
    };
    let start = midnight(from)?;
    let end = midnight(
        from.checked_add(days.days())
            .map_err(|_| bad("from: this day is out of range"))?,
    )?;
    let notice = i64::from(source.min_notice_minutes);
    let earliest = now.checked_add(notice.minutes()).unwrap_or(now);
    Ok(Asked {
        link_prefix,
        from: start.max(earliest),
        until: end
            .checked_sub(1.millisecond())
            .unwrap_or(end)
            .min(days_later(now, source.max_days_ahead)),
        part,
        limit: count("limit", "limit")?,
        per_day: count("perDay", "per_day")?,
        lead,
        zone,
    })
}

/// Of sorted times those that were asked for: of the part of the day, so many a day, so many in all. More times behind
/// the last one change nothing about those that are picked.
pub(super) fn pick(slots: &[Timestamp], asked: &Asked) -> Vec<Timestamp> {
    let mut picked = Vec::new();
    let mut day = (None, 0);
    for at in slots {
        if asked.limit.is_some_and(|limit| picked.len() >= limit) {
            break;
        }
        let there = at.to_zoned(asked.zone.clone());
        if asked
            .part
            .is_some_and(|part| Part::of(there.hour()) != Some(part))
        {
            continue;
        }
        if day.0 != Some(there.date()) {
            day = (Some(there.date()), 0);
        }
        if asked.per_day.is_none_or(|most| day.1 < most) {
            day.1 += 1;
            picked.push(*at);
        }
    }
    picked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(part: Option<Part>, per_day: Option<usize>, limit: Option<usize>) -> Asked {
        Asked {
            zone: TimeZone::get("Asia/Kathmandu").unwrap(),
            link_prefix: "acme/call".to_owned(),
            from: Timestamp::MIN,
            until: Timestamp::MAX,
            part,
            limit,
            per_day,
            lead: None,
        }
    }

    #[test]
    fn times_are_picked_by_the_clock_on_the_wall_there() {
        // In Kathmandu, 5:45 ahead: 04:45, 05:00, 11:59, 12:00, 16:59, 17:00, 23:59, and 00:00 the next day.
        let times: Vec<Timestamp> = [
            "2026-11-30T23:00Z",
            "2026-11-30T23:15Z",
            "2026-12-01T06:14Z",
            "2026-12-01T06:15Z",
            "2026-12-01T11:14Z",
            "2026-12-01T11:15Z",
            "2026-12-01T18:14Z",
            "2026-12-01T18:15Z",
        ]
        .iter()
        .map(|at| at.parse().unwrap())
        .collect();
        for (part, per_day, limit, places) in [
            (None, None, None, &[0, 1, 2, 3, 4, 5, 6, 7][..]),
            (Some(Part::Morning), None, None, &[1, 2]),
            (Some(Part::Afternoon), None, None, &[3, 4]),
            (Some(Part::Evening), None, None, &[5, 6]),
            (None, Some(2), None, &[0, 1, 7]),
            (None, Some(1), Some(1), &[0]),
            (Some(Part::Evening), Some(1), Some(9), &[5]),
        ] {
            let picked = pick(&times, &asked(part, per_day, limit));
            let wanted: Vec<_> = places.iter().map(|place| times[*place]).collect();
            assert_eq!(picked, wanted, "{part:?} {per_day:?} {limit:?}");
        }
    }
}
