//! Reading what a failed request's body says, in any of the shapes the vendor documents or was seen to send.
//!
//! The shapes (developer.iclosed.io): `message` is an object with `details.fieldErrors`; `message` is text beside
//! `errors` by field; `message` is text with an optional `code`; the 429 body with `retryAfter` and `limit`; a bare
//! `message`; `error` instead of `message`. A gateway's HTML and an empty body are complaints that say nothing.

use std::time::Duration;

use serde_json::{Map, Value};

use super::mask::masked;
use super::read;

/// The most fields named; a body may hold any number.
const MOST_FIELDS: usize = 20;

/// What a body says. Everything but `words` is masked and cut.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Complaint {
    /// The message for people.
    pub(super) message: Option<String>,
    /// The message for programs.
    pub(super) code: Option<String>,
    /// The request's fields that are named, each once, by its first part: `additionalGuests` for
    /// `additionalGuests.0.email`.
    pub(super) fields: Vec<String>,
    /// From a 429: how long to wait.
    pub(super) retry_after: Option<Duration>,
    /// From a 429: so many requests in a window of so many seconds.
    pub(super) limit: Option<(u32, Option<u64>)>,
    /// All that is said, unmasked and in the form of [`comparable`]: for comparing, never to be kept.
    pub(super) words: String,
}

impl Complaint {
    /// What the body says; nothing when it cannot be read.
    pub(super) fn read(body: &[u8]) -> Self {
        read::json(body)
            .map(|body| Self::of(&body))
            .unwrap_or_default()
    }

    fn of(body: &Value) -> Self {
        let said = if read::is_blank(&body["message"]) {
            &body["error"]
        } else {
            &body["message"]
        };
        let by_field = [
            &said["details"]["fieldErrors"],
            &said["fieldErrors"],
            &body["errors"],
        ];
        let by_field: Vec<&Map<String, Value>> =
            by_field.into_iter().filter_map(Value::as_object).collect();
        let message = texts(said)
            .into_iter()
            .chain(texts(&said["message"]))
            .chain(texts(&said["details"]["formErrors"]))
            .chain(texts(&said["formErrors"]));
        let message: Vec<&str> = message.collect();
        let code = [&body["code"], &said["code"]]
            .into_iter()
            .find_map(read::text);
        let of_fields = by_field
            .iter()
            .flat_map(|errors| errors.values())
            .flat_map(texts);
        let words: Vec<&str> = message
            .iter()
            .copied()
            .chain(code.as_deref())
            .chain(of_fields)
            .collect();
        let message = masked(&message.join("; "));
        Self {
            words: comparable(&words.join("\n")),
            message: (!message.is_empty()).then_some(message),
            code: code.map(|code| masked(&code)),
            fields: names(&by_field),
            retry_after: read::wait(&body["retryAfter"]),
            limit: limit(&body["limit"]),
        }
    }

    /// Whether the body is the two words that a key on too low a plan was seen to get, and nothing else.
    pub(super) fn is_bare_bad_request(&self) -> bool {
        let says = self
            .message
            .as_deref()
            .is_some_and(|text| text.eq_ignore_ascii_case("bad request"));
        says && self.code.is_none() && self.fields.is_empty()
    }

    /// Status and message, for people.
    pub(super) fn with(&self, status: u16) -> String {
        match &self.message {
            Some(message) => format!("status {status}: {message}"),
            None => format!("status {status}"),
        }
    }
}

/// A text in the form in which texts are compared: lower case, `_` and `-` as spaces.
pub(super) fn comparable(text: &str) -> String {
    text.to_lowercase().replace(['_', '-'], " ")
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text.as_str()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn names(by_field: &[&Map<String, Value>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for field in by_field.iter().flat_map(|errors| errors.keys()) {
        let name = masked(field.split(['.', '[']).next().unwrap_or_default());
        if names.len() < MOST_FIELDS && !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn limit(value: &Value) -> Option<(u32, Option<u64>)> {
    let points = u32::try_from(read::id(&value["points"])?).ok()?;
    let window = read::id(&value["windowSec"]).and_then(|seconds| u64::try_from(seconds).ok());
    Some((points, window))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn complaint(message: Option<&str>, code: Option<&str>, fields: &[&str]) -> Complaint {
        Complaint {
            message: message.map(str::to_owned),
            code: code.map(str::to_owned),
            fields: fields.iter().map(|&field| field.to_owned()).collect(),
            ..Complaint::default()
        }
    }

    #[test]
    fn every_documented_shape_is_read() {
        for (body, expected) in [
            (
                json!({"message": {"status": 400, "endpoint": "/v1/eventCalls", "method": "POST", "details": {
                    "formErrors": ["Either eventId or linkPrefix"],
                    "fieldErrors": {"email": ["Invalid email format"], "additionalGuests.0.email": ["Invalid"]}}}}),
                complaint(
                    Some("Either eventId or linkPrefix"),
                    None,
                    &["email", "additionalGuests"],
                ),
            ),
            (
                json!({"message": "Invalid request", "errors": {"phoneNumber": ["Must be E.164 format"]}}),
                complaint(Some("Invalid request"), None, &["phoneNumber"]),
            ),
            (
                json!({"message": "Invalid API key", "code": "INVALID"}),
                complaint(Some("Invalid API key"), Some("INVALID"), &[]),
            ),
            (
                json!({"message": "Bad request"}),
                complaint(Some("Bad request"), None, &[]),
            ),
            (json!({"error": "Nope"}), complaint(Some("Nope"), None, &[])),
            (
                json!({"message": {"message": "Nope"}}),
                complaint(Some("Nope"), None, &[]),
            ),
            (
                json!({"message": ["one", 2, "three"]}),
                complaint(Some("one; three"), None, &[]),
            ),
            (
                json!({"message": null, "errors": ["x"]}),
                complaint(None, None, &[]),
            ),
            (json!("Bad request"), complaint(None, None, &[])),
            (json!([]), complaint(None, None, &[])),
        ] {
            let read = Complaint {
                words: String::new(),
                ..Complaint::of(&body)
            };
            assert_eq!(read, expected, "{body}");
        }
    }

    #[test]
    fn a_429_tells_the_wait_and_the_limit() {
        let read = Complaint::of(
            &json!({"code": "RATE_LIMIT_EXCEEDED", "message": "Too many requests",
            "retryAfter": 3, "limit": {"points": 20, "windowSec": 10}}),
        );
        assert_eq!(read.retry_after, Some(Duration::from_secs(3)));
        assert_eq!(read.limit, Some((20, Some(10))));
        for (limit, expected) in [
            (json!({"points": "15"}), Some((15, None))),
            (json!({"points": 0, "windowSec": 10}), None),
            (json!({"windowSec": 10}), None),
            (json!(20), None),
        ] {
            assert_eq!(super::limit(&limit), expected, "{limit}");
        }
    }

    #[test]
    fn html_and_emptiness_say_nothing() {
        for body in [
            b"".as_slice(),
            b"<html>502</html>",
            b"\xff\xfe",
            b"{\"message\":",
            b"null",
        ] {
            assert_eq!(Complaint::read(body), Complaint::default());
        }
    }

    #[test]
    fn what_is_kept_names_nobody() {
        let read = Complaint::of(&json!({
            "message": "kim@lead.example and +47 900 00 000 are taken",
            "code": "kim@lead.example",
            "errors": {"kim@lead.example": ["kim@lead.example"]},
        }));
        assert_eq!(
            read.message.as_deref(),
            Some("<email> and <number> are taken")
        );
        assert_eq!(read.code.as_deref(), Some("<email>"));
        assert!(!format!("{:?}", read.fields).contains("kim"));
    }

    #[test]
    fn only_the_two_bare_words_are_the_plans_refusal() {
        for (body, expected) in [
            (json!({"message": "Bad request"}), true),
            (json!({"message": "Bad Request"}), true),
            (json!({"message": "Bad request", "code": "SLOT"}), false),
            (
                json!({"message": "Bad request", "errors": {"linkPrefix": ["Required"]}}),
                false,
            ),
            (json!({"message": "Bad request: no such event"}), false),
            (json!({}), false),
        ] {
            assert_eq!(
                Complaint::of(&body).is_bare_bad_request(),
                expected,
                "{body}"
            );
        }
    }
}
