//! Why a running gateway did not do what it was asked, as a person and as a program is told.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::voice::{Voice, Why, shown};

/// Between tries, when the gateway does not say how long to wait.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Why the gateway did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// No answer, or none that can be read.
    Lost(String),
    /// The gateway said no.
    Refused(Refusal),
}

/// The gateway's own words.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// How long to wait, where it said so.
    pub pause: Option<Duration>,
    pub(super) problem: Problem,
}

/// As much of a problem document (RFC 9457) as a person is told.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Problem {
    title: String,
    detail: String,
    code: String,
    errors: Vec<Fault>,
}

#[derive(Debug, Deserialize)]
struct Fault {
    pointer: String,
    detail: String,
}

/// How long to wait before the same may be asked again; `None` when asking again cannot help.
pub(super) fn pause(failure: &Failure, attempt: u32) -> Option<Duration> {
    let usual = FIRST_PAUSE
        .saturating_mul(1 << attempt.min(10))
        .min(LONGEST_PAUSE);
    match failure {
        Failure::Lost(_) => Some(usual),
        Failure::Refused(refusal) => matches!(refusal.status, 408 | 429 | 500 | 502..=504)
            .then(|| refusal.pause.unwrap_or(usual)),
    }
}

impl Refusal {
    /// The stable word of the problem; empty when the answer was no problem document.
    pub fn code(&self) -> &str {
        &self.problem.code
    }

    /// What a person is told.
    fn sentence(&self) -> String {
        let Problem {
            title,
            detail,
            code,
            errors,
        } = &self.problem;
        if title.is_empty() {
            return format!("the gateway answers {}", self.status);
        }
        let mut text = format!("{title} ({code}): {detail}");
        for fault in errors {
            text.push_str(&format!("; {}: {}", fault.pointer, fault.detail));
        }
        shown(&text)
    }
}

impl Failure {
    /// As a program reads it, beside what the command says.
    fn document(&self) -> Value {
        match self {
            Failure::Lost(_) => json!({}),
            Failure::Refused(refusal) => {
                json!({"status": refusal.status, "code": refusal.problem.code})
            }
        }
    }

    /// What stands beside a lead that was refused: a stable word.
    pub fn code(&self) -> &str {
        match self {
            Failure::Lost(_) => "no_answer",
            Failure::Refused(refusal) => refusal.code(),
        }
    }

    /// Says why on standard error and fails.
    pub fn fail(&self, voice: Voice) -> std::process::ExitCode {
        voice.fail(self.why())
    }

    /// Why a command fails by it.
    pub fn why(&self) -> Why {
        Why {
            sentence: self.to_string(),
            more: self.document(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Lost(why) => f.write_str(why),
            Failure::Refused(refusal) => f.write_str(&refusal.sentence()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, pause: Option<u64>, body: &str) -> Failure {
        Failure::Refused(Refusal {
            status,
            pause: pause.map(Duration::from_secs),
            problem: serde_json::from_str(body).unwrap_or_default(),
        })
    }

    #[test]
    fn a_refusal_is_told_as_a_sentence() {
        let problem = r#"{"title": "Some fields are at fault", "detail": "1 field is at fault",
            "code": "validation_failed", "errors": [{"pointer": "/email", "code": "x", "detail": "is no address"}]}"#;
        for (status, body, expected) in [
            (
                422,
                problem,
                "Some fields are at fault (validation_failed): 1 field is at fault; /email: is no address",
            ),
            (502, "<html>", "the gateway answers 502"),
        ] {
            assert_eq!(refusal(status, None, body).to_string(), expected);
        }
    }

    #[test]
    fn what_may_pass_is_waited_for_and_nothing_else() {
        let lost = Failure::Lost("gone".to_owned());
        let millis = Duration::from_millis;
        for (failure, attempt, expected) in [
            (&lost, 0, Some(millis(250))),
            (&lost, 3, Some(millis(2000))),
            (&lost, 4_000_000_000, Some(millis(30_000))),
            (&refusal(503, Some(5), ""), 9, Some(millis(5000))),
            (&refusal(429, None, ""), 1, Some(millis(500))),
            (&refusal(401, Some(5), ""), 0, None),
            (&refusal(422, None, ""), 0, None),
        ] {
            assert_eq!(pause(failure, attempt), expected, "{failure}");
        }
    }
}
