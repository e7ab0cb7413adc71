//! Reading one JSON value as the vendor may have meant it. What cannot be read is absent, never a failure.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

/// The longest wait believed: one hour. A longer one is more likely a slip of units than a wish.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// A whole answer. Bytes that are no UTF-8 spoil only the texts they stand in.
pub(super) fn json(body: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(body);
    serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()
}

/// A positive integer, or one written as text.
pub(super) fn id(value: &Value) -> Option<i64> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    };
    number.filter(|id| *id > 0)
}

/// Text that says something, trimmed.
pub(super) fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// An address a browser may be sent to.
pub(super) fn link(value: &Value) -> Option<String> {
    text(value).filter(|link| link.starts_with("https://") || link.starts_with("http://"))
}

/// An instant with `Z` or an offset.
pub(super) fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str()?.trim().parse().ok()
}

/// An instant with `Z` or an offset, or without either where the place says that UTC is meant.
pub(super) fn utc_instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let civil: DateTime = text.parse().ok().filter(|_| text.contains(':'))?;
        TimeZone::UTC.to_timestamp(civil).ok()
    })
}

/// A number of seconds, possibly as text or with a fraction; at most one hour.
pub(super) fn wait(value: &Value) -> Option<Duration> {
    match value {
        Value::String(text) => seconds(text),
        other => other.as_f64().and_then(wait_of),
    }
}

/// Seconds as a header or a JSON text writes them; at most one hour.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().and_then(wait_of)
}

fn wait_of(seconds: f64) -> Option<Duration> {
    (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(LONGEST_WAIT.as_secs_f64())))
}

/// Whether a value says nothing: `null`, `false`, and what is empty.
pub(super) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(_) => false,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_is_a_positive_integer_or_the_text_of_one() {
        for (value, expected) in [
            (json!(1_900_321), Some(1_900_321)),
            (json!("1900321"), Some(1_900_321)),
            (json!(" 7 "), Some(7)),
            (json!(0), None),
            (json!(-4), None),
            (json!(1.5), None),
            (json!("ld_7"), None),
            (json!(null), None),
            (json!([7]), None),
        ] {
            assert_eq!(id(&value), expected, "{value}");
        }
        let beyond: Value = serde_json::from_str("99999999999999999999").unwrap();
        assert_eq!(id(&beyond), None);
    }

    #[test]
    fn a_wait_is_read_from_numbers_and_text_and_never_exceeds_an_hour() {
        let huge: Value = serde_json::from_str("1e400").unwrap();
        for (value, expected) in [
            (json!(3), Some(3_000)),
            (json!("3"), Some(3_000)),
            (json!(0.25), Some(250)),
            (json!(0), Some(0)),
            (json!(1e30), Some(3_600_000)),
            (json!("inf"), Some(3_600_000)),
            (json!("NaN"), None),
            (json!(-1), None),
            (json!("soon"), None),
            (huge, None),
        ] {
            assert_eq!(wait(&value), expected.map(Duration::from_millis), "{value}");
        }
    }

    #[test]
    fn an_instant_without_zone_is_utc_only_where_that_is_known() {
        let at: Timestamp = "2026-12-01T15:00:00Z".parse().unwrap();
        for text in [
            "2026-12-01T15:00:00.000Z",
            "2026-12-01T16:00+01:00",
            "2026-12-01 15:00:00.000",
            "2026-12-01T15:00",
        ] {
            assert_eq!(utc_instant(text), Some(at), "{text}");
        }
        assert_eq!(utc_instant("2026-12-01"), None);
        assert_eq!(instant(&json!("2026-12-01T16:00:00+01:00")), Some(at));
        assert_eq!(instant(&json!("2026-12-01T15:00:00")), None);
    }

    #[test]
    fn bytes_that_are_no_utf8_spoil_only_their_own_text() {
        let read = json(b"\xef\xbb\xbf{\"id\":7,\"name\":\"Bj\xf8rn\"}").unwrap();
        assert_eq!(id(&read["id"]), Some(7));
        assert_eq!(json(b""), None);
        assert_eq!(json(&b"[".repeat(100_000)), None);
    }

    #[test]
    fn links_a_browser_would_run_are_dropped() {
        assert_eq!(link(&json!("javascript:alert(1)")), None);
        assert!(link(&json!("https://acme.example/thanks")).is_some());
    }
}
