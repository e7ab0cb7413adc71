//! What a request that did not succeed means for the next step.

use std::error::Error;
use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::complaint::Complaint;
use super::endpoint::Endpoint;
use super::mask::masked;
use super::read;
use super::refusal::{self, Refusal, RefusalKind};

/// Why a request did not bring what was asked for. A variant is a reaction; none holds personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Not processed, for there were too many requests: come back after the wait.
    #[error("too many requests for the endpoint's limit")]
    Limited {
        /// The longer of the header's and the body's wait, at most one hour.
        retry_after: Option<Duration>,
        /// The limit that the body names: so many requests in a window of so many seconds.
        lower_limit: Option<(u32, Option<u64>)>,
    },
    /// The key is missing, wrong, expired, or on a plan without the API: no repeat helps.
    #[error("iClosed refuses the key: {why}")]
    KeyRefused {
        /// Status and message.
        why: String,
    },
    /// What the request names does not exist.
    #[error("iClosed does not know what was asked for: {why}")]
    NotFound {
        /// Status and message.
        why: String,
    },
    /// Understood and not granted.
    #[error("iClosed refused: {0}")]
    Refused(Refusal),
    /// No byte of the request reached the vendor: it may be repeated at once.
    #[error("the request was not sent: {why}")]
    NotSent {
        /// What failed.
        why: String,
    },
    /// The request left and what became of it is not known. A read may be repeated; a write must be looked up first.
    #[error("no usable answer: {why}")]
    Unknown {
        /// What failed.
        why: String,
    },
}

impl CallError {
    /// The stable word of the kind.
    pub fn word(&self) -> &'static str {
        match self {
            CallError::Limited { .. } => "limited",
            CallError::KeyRefused { .. } => "key_refused",
            CallError::NotFound { .. } => "not_found",
            CallError::Refused(_) => "refused",
            CallError::NotSent { .. } => "not_sent",
            CallError::Unknown { .. } => "unknown",
        }
    }

    pub(super) fn unknown(why: &str) -> Self {
        CallError::Unknown {
            why: why.to_owned(),
        }
    }
}

/// What an answer with another status than 2xx means. `wait` is the header's; `rules` are the operator's and may
/// explain any status from 400 to 499 but 401, 408 and 429.
pub(super) fn judge(
    endpoint: Endpoint,
    status: u16,
    wait: Option<Duration>,
    body: &[u8],
    rules: &[(String, RefusalKind)],
) -> CallError {
    let complaint = Complaint::read(body);
    let why = complaint.with(status);
    match status {
        429 => {
            let retry_after = wait.max(complaint.retry_after);
            return CallError::Limited {
                retry_after,
                lower_limit: complaint.limit,
            };
        }
        401 => return CallError::KeyRefused { why },
        // A gateway says 408 when it gave up waiting, perhaps for the server behind it.
        408 => return CallError::Unknown { why },
        400..500 => {}
        _ => return CallError::Unknown { why },
    }
    let mut kind = refusal::kind(&complaint, rules);
    if refusal::ruled(&complaint, rules).is_none() {
        let turned_away = refusal::plain(&complaint) == Some(RefusalKind::Disqualified);
        match status {
            403 if turned_away => {}
            403 if endpoint.is_read() => return CallError::KeyRefused { why },
            // What one lead holds must not look like a dead key, which stops the whole account.
            403 => kind = RefusalKind::Fields,
            404 => return CallError::NotFound { why },
            // Seen with a key on too low a plan, on harmless requests.
            400 if endpoint.is_read() && complaint.is_bare_bad_request() => {
                return CallError::KeyRefused { why };
            }
            _ => {}
        }
    }
    CallError::Refused(Refusal {
        status,
        kind,
        code: complaint.code,
        message: complaint.message,
        fields: complaint.fields,
    })
}

/// What a failure below HTTP means. Only one to connect (name, TCP, TLS) surely sent nothing.
pub(super) fn lost(error: reqwest::Error) -> CallError {
    let error = error.without_url();
    let unsent = error.is_connect() || error.is_builder();
    let what = match () {
        () if unsent && error.is_timeout() => "connecting took too long",
        () if error.is_connect() => "could not connect",
        () if error.is_timeout() => "timed out",
        () => "the exchange broke off",
    };
    let why = masked(&match root(&error) {
        Some(cause) => format!("{what}: {cause}"),
        None => what.to_owned(),
    });
    if unsent {
        CallError::NotSent { why }
    } else {
        CallError::Unknown { why }
    }
}

fn root(error: &reqwest::Error) -> Option<String> {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.last().map(ToString::to_string)
}

/// The header's wait: seconds, or a date, which is compared with the answer's own `Date`, so that no clock of ours
/// is needed (RFC 9110, 10.2.3). At most one hour.
pub(super) fn header_wait(headers: &HeaderMap) -> Option<Duration> {
    let retry_after = headers.get(RETRY_AFTER)?.to_str().ok()?;
    read::seconds(retry_after).or_else(|| {
        let until = http_date(retry_after)?;
        let now = http_date(headers.get(DATE)?.to_str().ok()?)?;
        read::seconds(&until.duration_since(now).as_secs().max(0).to_string())
    })
}

fn http_date(text: &str) -> Option<jiff::Timestamp> {
    DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn judged(endpoint: Endpoint, status: u16, body: &Value) -> CallError {
        judge(endpoint, status, None, body.to_string().as_bytes(), &[])
    }

    fn reaction(error: &CallError) -> &'static str {
        match error {
            CallError::Limited { .. } => "limited",
            CallError::KeyRefused { .. } => "key",
            CallError::NotFound { .. } => "not found",
            CallError::Refused(_) => "refused",
            CallError::NotSent { .. } => "not sent",
            CallError::Unknown { .. } => "unknown",
        }
    }

    #[test]
    fn each_status_and_shape_has_one_reaction() {
        use Endpoint::{CreateCall, EventDates, ListCalls};
        let zod =
            json!({"message": {"status": 400, "details": {"fieldErrors": {"email": ["Invalid"]}}}});
        let bare = json!({"message": "Bad request"});
        let html = json!("<html>");
        for (endpoint, status, body, expected) in [
            (CreateCall, 400, &zod, "refused"),
            (
                CreateCall,
                400,
                &json!({"message": "Invalid request", "errors": {}}),
                "refused",
            ),
            (CreateCall, 400, &bare, "refused"),
            (EventDates, 400, &bare, "key"),
            (ListCalls, 400, &bare, "key"),
            (EventDates, 400, &zod, "refused"),
            (
                CreateCall,
                401,
                &json!({"message": "API key expired"}),
                "key",
            ),
            (
                CreateCall,
                401,
                &json!({"message": "Invitee is disqualified"}),
                "key",
            ),
            (CreateCall, 403, &json!({"message": "Forbidden"}), "refused"),
            (CreateCall, 403, &html, "refused"),
            (EventDates, 403, &json!({"message": "Forbidden"}), "key"),
            (EventDates, 403, &html, "key"),
            (
                CreateCall,
                403,
                &json!({"message": "Invitee is disqualified"}),
                "refused",
            ),
            (
                EventDates,
                404,
                &json!({"message": "Event not found"}),
                "not found",
            ),
            (CreateCall, 408, &html, "unknown"),
            (CreateCall, 409, &html, "refused"),
            (CreateCall, 422, &json!({"error": "no"}), "refused"),
            (CreateCall, 429, &html, "limited"),
            (CreateCall, 500, &json!({"message": "Internal"}), "unknown"),
            (CreateCall, 502, &html, "unknown"),
            (CreateCall, 599, &html, "unknown"),
            (CreateCall, 302, &html, "unknown"),
            (CreateCall, 999, &html, "unknown"),
        ] {
            let error = judged(endpoint, status, body);
            assert_eq!(
                reaction(&error),
                expected,
                "{} {status} {body}",
                endpoint.key()
            );
        }
    }

    #[test]
    fn an_operators_rule_explains_even_a_404_but_never_a_401() {
        let rules = [("gone fishing".to_owned(), RefusalKind::Slot)];
        let body = br#"{"message":"Host has gone fishing"}"#;
        let judged = |status| judge(Endpoint::CreateCall, status, None, body, &rules);
        for status in [400, 403, 404, 409] {
            let CallError::Refused(refusal) = judged(status) else {
                panic!("{status}")
            };
            assert_eq!(refusal.kind, RefusalKind::Slot);
        }
        assert_eq!(reaction(&judged(401)), "key");
        assert_eq!(reaction(&judged(429)), "limited");
        assert_eq!(reaction(&judged(500)), "unknown");
    }

    #[test]
    fn only_a_403_that_nothing_explains_may_be_the_keys() {
        for (status, body, expected) in [
            (403, &b"<html>"[..], true),
            (403, br#"{"message":"Forbidden"}"#, true),
            (403, br#"{"message":"Invitee is disqualified"}"#, false),
            (403, br#"{"message":"Host has gone fishing"}"#, false),
            (
                400,
                br#"{"message":"Invalid","errors":{"email":["x"]}}"#,
                false,
            ),
        ] {
            let rules = [("gone fishing".to_owned(), RefusalKind::Slot)];
            let judged = judge(Endpoint::CreateCall, status, None, body, &rules);
            let CallError::Refused(refusal) = judged else {
                panic!("{status}")
            };
            assert_eq!(refusal.may_be_the_key(), expected, "{refusal}");
        }
    }

    #[test]
    fn the_longer_wait_of_header_and_body_holds() {
        let body = br#"{"retryAfter":3,"limit":{"points":15,"windowSec":10}}"#;
        for (header, body, expected) in [
            (None, &b""[..], None),
            (Some(7), b"", Some(7)),
            (None, body, Some(3)),
            (Some(2), body, Some(3)),
            (Some(7), body, Some(7)),
        ] {
            let wait = header.map(Duration::from_secs);
            let CallError::Limited { retry_after, .. } =
                judge(Endpoint::ListCalls, 429, wait, body, &[])
            else {
                panic!("not limited")
            };
            assert_eq!(retry_after, expected.map(Duration::from_secs));
        }
    }

    #[test]
    fn a_retry_after_date_is_measured_from_the_answers_own_date() {
        let date = "Tue, 01 Dec 2026 15:00:00 GMT";
        for (retry_after, date, expected) in [
            ("7", None, Some(7)),
            ("1.5", None, Some(1)),
            ("999999", None, Some(3_600)),
            ("Tue, 01 Dec 2026 15:00:12 GMT", Some(date), Some(12)),
            ("Tue, 01 Dec 2026 14:00:00 GMT", Some(date), Some(0)),
            ("Tue, 01 Dec 2026 15:00:12 GMT", None, None),
            ("soon", Some(date), None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            assert_eq!(
                header_wait(&headers).map(|wait| wait.as_secs()),
                expected,
                "{retry_after}"
            );
        }
    }

    #[test]
    fn no_error_repeats_who_the_lead_is() {
        let body = json!({"message": "kim@lead.example, +4790000000 refused",
            "errors": {"email": ["kim@lead.example"]}});
        for status in [400, 401, 403, 404, 408, 409, 429, 500] {
            let error = judged(Endpoint::CreateCall, status, &body);
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("kim") && !shown.contains("479"), "{shown}");
        }
    }
}
