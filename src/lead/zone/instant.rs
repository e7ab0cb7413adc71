//! Instants as callers write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{self, AmbiguousOffset};

/// Why a text does not name one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.detail())]
pub enum InstantFault {
    /// Not a date and time.
    NotAnInstant,
    /// A date and time whose place is not told.
    NoOffset,
    /// A local time that the zone's clocks skip or show twice.
    NotOnce,
}

impl InstantFault {
    /// A sentence for a person.
    pub fn detail(self) -> &'static str {
        match self {
            InstantFault::NotAnInstant => "This is not a date and time as in 2026-12-01T15:00:00Z.",
            InstantFault::NoOffset => {
                "The time has no offset: end it with Z or with one such as +01:00."
            }
            InstantFault::NotOnce => {
                "The clocks change at this time, so it is skipped or comes twice: add an offset."
            }
        }
    }
}

/// Reads an instant in the form of RFC 3339: a date, `T` or a space, a time with or without seconds, and `Z` or a
/// numeric offset with or without its colon. Letters may be small.
///
/// A time without an offset is read in `zone`, an IANA name, when one is given, and refused when none is: the wall
/// time of an unknown place books the wrong hour. A wall time the zone's clocks skip or repeat is refused too.
///
/// # Errors
/// [`InstantFault`].
pub fn parse_instant(text: &str, zone: Option<&str>) -> Result<Timestamp, InstantFault> {
    let text = text.trim();
    if !looks_like_date_and_time(text) {
        return Err(InstantFault::NotAnInstant);
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let local: DateTime = text.parse().map_err(|_| InstantFault::NotAnInstant)?;
    if has_offset(text) {
        return Err(InstantFault::NotAnInstant);
    }
    let zone = zone
        .and_then(|name| tz::db().get(name).ok())
        .ok_or(InstantFault::NoOffset)?;
    let ambiguous = zone.into_ambiguous_zoned(local);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => ambiguous
            .unambiguous()
            .map(|zoned| zoned.timestamp())
            .map_err(|_| InstantFault::NotAnInstant),
        AmbiguousOffset::Gap { .. } | AmbiguousOffset::Fold { .. } => Err(InstantFault::NotOnce),
    }
}

/// Only digits and the marks of RFC 3339, a four-digit year first: the parser behind also reads weekdays, zones in
/// brackets, years beyond 9999 and dates without a time, none of which a caller should come to rely on.
fn looks_like_date_and_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= "2026-12-01T15:00".len()
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && bytes[4] == b'-'
        && matches!(bytes[10], b'T' | b't' | b' ')
        && bytes[11..]
            .iter()
            .all(|b| b.is_ascii_digit() || b":.,+-Zz".contains(b))
}

fn has_offset(text: &str) -> bool {
    text[11..].contains(['+', '-', 'Z', 'z'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::Offset;
    use proptest::prelude::*;

    #[test]
    fn an_instant_is_read_from_every_form_of_rfc_3339() {
        for (text, utc) in [
            ("2026-12-01T15:00:00Z", "2026-12-01T15:00:00Z"),
            ("2026-12-01T15:00:00.250Z", "2026-12-01T15:00:00.25Z"),
            ("2026-12-01t15:00:00z", "2026-12-01T15:00:00Z"),
            ("2026-12-01T15:00Z", "2026-12-01T15:00:00Z"),
            ("2026-12-01 15:00:00Z", "2026-12-01T15:00:00Z"),
            (" 2026-12-01T15:00:00Z ", "2026-12-01T15:00:00Z"),
            ("2026-12-01T20:45:00+05:45", "2026-12-01T15:00:00Z"),
            ("2026-12-01T15:00:00+0000", "2026-12-01T15:00:00Z"),
            ("2026-12-01T10:00-0500", "2026-12-01T15:00:00Z"),
            ("2026-12-01T16:00+01", "2026-12-01T15:00:00Z"),
            ("2026-12-01T15:00:00-00:00", "2026-12-01T15:00:00Z"),
            ("2026-06-30T23:59:60Z", "2026-06-30T23:59:59Z"),
        ] {
            assert_eq!(
                parse_instant(text, None).map(|t| t.to_string()),
                Ok(utc.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_time_whose_place_is_unknown_is_refused() {
        use InstantFault::*;
        for (text, zone, fault) in [
            ("2026-12-01T15:00:00", None, NoOffset),
            ("2026-12-01 15:00", None, NoOffset),
            ("2026-12-01T15:00:00", Some("Not/AZone"), NoOffset),
            ("2026-03-29T02:30:00", Some("Europe/Oslo"), NotOnce),
            ("2026-10-25T02:30:00", Some("Europe/Oslo"), NotOnce),
            ("2026-12-01", None, NotAnInstant),
            ("15:00", None, NotAnInstant),
            ("tomorrow at three", None, NotAnInstant),
            ("1764601200", None, NotAnInstant),
            ("", None, NotAnInstant),
            ("2026-02-30T15:00:00Z", None, NotAnInstant),
            ("2026-12-01T25:00:00Z", None, NotAnInstant),
            ("2026-12-01T15:00:00+99:00", None, NotAnInstant),
            ("2026-12-01T15:00:00+01:00[Europe/Oslo]", None, NotAnInstant),
            ("+002026-12-01T15:00:00Z", None, NotAnInstant),
            ("2026-12-01T15:00:00é", None, NotAnInstant),
            ("2026-12-0éT15:00:00Z", None, NotAnInstant),
        ] {
            assert_eq!(parse_instant(text, zone), Err(fault), "{text} {zone:?}");
        }
    }

    #[test]
    fn a_time_without_an_offset_is_read_in_the_zone_given() {
        for (text, zone, utc) in [
            ("2026-12-01T15:00:00", "Europe/Oslo", "2026-12-01T14:00:00Z"),
            (
                "2026-07-01 15:00",
                "America/New_York",
                "2026-07-01T19:00:00Z",
            ),
            (
                "2026-12-01T15:00:00+05:45",
                "Europe/Oslo",
                "2026-12-01T09:15:00Z",
            ),
        ] {
            assert_eq!(
                parse_instant(text, Some(zone)).map(|t| t.to_string()),
                Ok(utc.to_owned()),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_instant_in_any_offset_reads_back_as_itself(
            second in 0i64..253_402_200_000, nanosecond in 0i32..1_000_000_000, minutes in -1439i32..=1439
        ) {
            let instant = Timestamp::new(second, nanosecond).unwrap();
            let offset = Offset::from_seconds(minutes * 60).unwrap();
            let local = offset.to_datetime(instant);
            prop_assume!((0..=9999).contains(&local.year()));
            let sign = if minutes < 0 { '-' } else { '+' };
            let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
            for text in [
                format!("{instant}"),
                format!("{local}{sign}{hours:02}:{rest:02}"),
                format!("{local}{sign}{hours:02}{rest:02}").to_lowercase(),
            ] {
                prop_assert_eq!(parse_instant(&text, None), Ok(instant), "{}", text);
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,40}", digits in "[0-9T:+Zz .-]{0,40}") {
            let _ = parse_instant(&text, Some("Europe/Oslo"));
            let _ = parse_instant(&digits, Some("Europe/Oslo"));
        }
    }
}
