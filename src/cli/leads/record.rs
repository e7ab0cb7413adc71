//! A lead's record as a command shows it: with the person, or without.

use serde_json::{Map, Value};

use crate::cli::voice::shown;

/// What says nothing about the person.
const IMPERSONAL: [&str; 16] = [
    "leadId",
    "source",
    "account",
    "status",
    "reason",
    "duplicateOf",
    "test",
    "receivedAt",
    "waits",
    "lane",
    "linkPrefix",
    "eventId",
    "attempts",
    "booking",
    "timeline",
    "alternatives",
];
/// What of a booking says nothing about the person; links to it open their page.
const OF_A_BOOKING: [&str; 4] = ["eventCallId", "startTime", "endTime", "closerName"];

/// The record without the person.
pub fn impersonal(record: &Value) -> Value {
    let mut kept = only(record, &IMPERSONAL);
    if let Some(booking) = kept
        .get_mut("booking")
        .filter(|booking| booking.is_object())
    {
        *booking = Value::Object(only(booking, &OF_A_BOOKING));
    }
    Value::Object(kept)
}

fn only(record: &Value, names: &[&str]) -> Map<String, Value> {
    let members = record.as_object().into_iter().flatten();
    members
        .filter(|(name, _)| names.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// A member's text as a terminal may show it; empty when there is none.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => shown(text),
        other => shown(&other.to_string()),
    }
}

/// An instant to the second.
pub fn instant(value: &Value) -> String {
    let whole = text(value);
    match whole.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => whole,
    }
}

/// An address or a number of which only enough is left to recognise it by: the first letter and the domain's end, or
/// the last two digits.
pub fn masked(text: &str) -> String {
    if let Some((local, domain)) = text.rsplit_once('@') {
        let first: String = local.chars().take(1).collect();
        let end = domain.rsplit_once('.').map_or("", |(_, end)| end);
        return format!("{first}***@***.{end}");
    }
    let length = text.chars().count();
    let digits: String = text.chars().skip(length.saturating_sub(2)).collect();
    match length {
        0..6 => "***".to_owned(),
        _ => format!("***{digits}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_masked_address_names_nobody() {
        for (text, expected) in [
            ("kim.ek@lead.example", "k***@***.example"),
            ("åse@localhost", "å***@***."),
            ("+4790000001", "***01"),
            ("12345", "***"),
            ("", "***"),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn a_record_without_the_person_holds_nothing_they_sent() {
        let record = json!({
            "leadId": "ld_1", "status": "booked", "contact": {"email": "a@b.c"}, "answers": [{"values": ["x"]}],
            "metadata": {"a": 1}, "extra": {"b": 2}, "sender": {"ip": "192.0.2.1"}, "raw": "{}",
            "booking": {"eventCallId": "7", "startTime": "2031-12-01T09:00:00Z", "confirmationLink": "https://x.example"},
        });
        assert_eq!(
            impersonal(&record),
            json!({
                "leadId": "ld_1", "status": "booked",
                "booking": {"eventCallId": "7", "startTime": "2031-12-01T09:00:00Z"},
            })
        );
    }

    #[test]
    fn an_instant_is_shown_to_the_second() {
        for (value, expected) in [
            (json!("2031-12-01T09:00:00.123Z"), "2031-12-01T09:00:00Z"),
            (json!("2031-12-01T09:00:00Z"), "2031-12-01T09:00:00Z"),
            (json!(null), ""),
        ] {
            assert_eq!(instant(&value), expected);
        }
    }
}
