//! Days and instants as they are typed.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A day, which begins at midnight in UTC, or an instant.
///
/// # Errors
/// When it is neither, as a sentence.
pub fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    text.parse::<Date>()
        .ok()
        .and_then(|day| day.to_zoned(TimeZone::UTC).ok())
        .map(|day| day.timestamp())
        .ok_or_else(|| "a day or an instant is wanted, such as 2026-11-20".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_utc() {
        for (text, wanted) in [
            ("2026-11-20", Some("2026-11-20T00:00:00Z")),
            ("2026-11-20T06:00:00Z", Some("2026-11-20T06:00:00Z")),
            ("2026-11-20T06:00:00+01:00", Some("2026-11-20T05:00:00Z")),
            ("yesterday", None),
            ("2026-13-01", None),
        ] {
            let read = instant(text).ok().map(|at| at.to_string());
            assert_eq!(read.as_deref(), wanted, "{text}");
        }
    }
}
