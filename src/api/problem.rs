//! Every error a caller can meet, as a problem document (RFC 9457).

mod code;

use std::fmt;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;

use crate::intake::Refused;
use crate::intake::fault::Fault;
use crate::intake::throttle::Allowance;
use crate::lead::LeadId;
use crate::queue::StoreError;
use crate::telemetry::events;

pub use code::Code;

/// When a caller is told to come back after the store or the queue refused, in seconds.
const COME_BACK_SECONDS: u64 = 5;

/// A problem on its way to the caller.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Which.
    pub code: Code,
    /// A sentence about this occurrence; repeats nothing of what was sent.
    pub detail: String,
    /// The faults of fields.
    pub errors: Vec<Fault>,
    /// The lead that holds the person.
    pub duplicate_of: Option<LeadId>,
    headers: Vec<(header::HeaderName, String)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    request_id: &'a str,
    retryable: bool,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<LeadId>,
}

impl Problem {
    /// A problem with the headers its status asks for.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let mut problem = Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            duplicate_of: None,
            headers: Vec::new(),
        };
        match code {
            Code::Unauthorized | Code::SignatureWrong => problem
                .headers
                .push((header::WWW_AUTHENTICATE, "Bearer".to_owned())),
            Code::QueueFull
            | Code::SourceBusy
            | Code::StoreUnavailable
            | Code::SlotsUnavailable
            | Code::PlatformUnavailable
            | Code::CaptchaUnavailable => {
                problem
                    .headers
                    .push((header::RETRY_AFTER, COME_BACK_SECONDS.to_string()));
            }
            _ => {}
        }
        problem
    }

    /// Fields are at fault.
    pub fn invalid(errors: Vec<Fault>) -> Self {
        let detail = match errors.len() {
            1 => "1 field is at fault".to_owned(),
            many => format!("{many} fields are at fault"),
        };
        Self {
            errors,
            ..Self::new(Code::ValidationFailed, detail)
        }
    }

    /// The caller's allowance is used up.
    pub fn throttled(allowance: Allowance) -> Self {
        let wait = allowance.retry_after_seconds.max(1);
        let mut problem = Self::new(Code::TooManyRequests, format!("come back in {wait} s"));
        problem
            .headers
            .push((header::RETRY_AFTER, wait.to_string()));
        problem.headers.extend(rate_limit(allowance));
        problem
    }

    /// When to come back, where somebody else said so.
    #[must_use]
    pub fn retry_after(mut self, delay: Option<Duration>) -> Self {
        if let Some(delay) = delay {
            self.headers.retain(|(name, _)| name != header::RETRY_AFTER);
            let seconds = delay.as_secs().max(1).to_string();
            self.headers.push((header::RETRY_AFTER, seconds));
        }
        self
    }

    /// Only these methods are taken.
    pub fn method(allow: &'static str) -> Self {
        let mut problem = Self::new(
            Code::MethodNotAllowed,
            format!("only {allow} is taken here"),
        );
        problem.headers.push((header::ALLOW, allow.to_owned()));
        problem
    }

    /// The headers its status asks for.
    pub fn headers(&self) -> &[(header::HeaderName, String)] {
        &self.headers
    }

    /// The whole answer, naming the request it belongs to.
    pub fn answer(&self, request_id: &str) -> HttpResponse {
        let (code, status, title) = self.code.facts();
        let document = Document {
            r#type: format!("urn:leadgate:problem:{code}"),
            title,
            status,
            detail: &self.detail,
            code,
            request_id,
            retryable: self.code.is_retryable(),
            errors: &self.errors,
            duplicate_of: self.duplicate_of,
        };
        let mut answer = self.head();
        answer.content_type("application/problem+json");
        answer.body(serde_json::to_vec(&document).unwrap_or_default())
    }

    /// The status and the headers of the answer, whatever its body is.
    pub(super) fn head(&self) -> HttpResponseBuilder {
        let mut answer = HttpResponse::build(self.status_code());
        for header in &self.headers {
            answer.insert_header((header.0.clone(), header.1.as_str()));
        }
        answer
    }
}

const RATELIMIT_POLICY: header::HeaderName = header::HeaderName::from_static("ratelimit-policy");
const RATELIMIT: header::HeaderName = header::HeaderName::from_static("ratelimit");

/// The headers that tell an allowance (draft-ietf-httpapi-ratelimit-headers).
pub fn rate_limit(allowance: Allowance) -> [(header::HeaderName, String); 2] {
    let Allowance {
        quota,
        window_seconds,
        remaining,
        retry_after_seconds,
    } = allowance;
    [
        (
            RATELIMIT_POLICY,
            format!("\"default\";q={quota};w={window_seconds}"),
        ),
        (
            RATELIMIT,
            format!("\"default\";r={remaining};t={retry_after_seconds}"),
        ),
    ]
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.answer("")
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        // A record that cannot be read is that record's trouble alone.
        if !matches!(error, StoreError::Unreadable(_)) {
            events::store_failed("serve a caller", None, &error);
        }
        match error {
            StoreError::Full(why) => Self::new(Code::QueueFull, why),
            StoreError::Unavailable(_) => {
                Self::new(Code::StoreUnavailable, "the store does not answer")
            }
            StoreError::Unreadable(why) => {
                tracing::error!(why, "a stored record cannot be read");
                Self::new(Code::Internal, "a stored record cannot be read")
            }
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unreadable(why) => Self::new(Code::UnreadableBody, why),
            Refused::Invalid(faults) => Self::invalid(faults),
            Refused::KeyReused => Self::new(
                Code::IdempotencyKeyReused,
                "use a new key for a new delivery",
            ),
            Refused::Store(error) => error.into(),
            Refused::NoRandomness => Self::new(Code::Internal, "the system gives no randomness"),
        }
    }
}
