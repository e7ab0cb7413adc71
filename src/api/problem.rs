//! Every error a caller can meet: code, status, title, in one place (RFC 9457).

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

/// When a caller is told to come back after the store or the queue refused, in seconds.
const COME_BACK_SECONDS: u64 = 5;

/// The stable word of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The body cannot be read.
    UnreadableBody,
    /// A query parameter cannot be read.
    BadQuery,
    /// A header cannot be read.
    BadHeader,
    /// Key or token is missing or wrong.
    Unauthorized,
    /// The delivery's signature or key is wrong.
    SignatureWrong,
    /// The page's origin is not on the source's list.
    OriginNotAllowed,
    /// The captcha was not solved.
    CaptchaFailed,
    /// No such source.
    UnknownSource,
    /// No such lead.
    UnknownLead,
    /// No such receiver.
    UnknownReceiver,
    /// No such message waits.
    UnknownMessage,
    /// No such path.
    NotFound,
    /// The path exists, this method on it does not.
    MethodNotAllowed,
    /// The body did not arrive in time.
    RequestTimeout,
    /// The lead does not wait for a time.
    NotWaitingForTime,
    /// The body is longer than `max_body_bytes`.
    BodyTooLarge,
    /// Not a content type this source takes.
    UnsupportedMediaType,
    /// Fields are at fault.
    ValidationFailed,
    /// The idempotency key was used with another body.
    IdempotencyKeyReused,
    /// The caller's allowance is used up.
    TooManyRequests,
    /// A fault of leadgate's own.
    Internal,
    /// The queue is at its high-water mark, or the disk is full.
    QueueFull,
    /// The source's allowance is used up for now.
    SourceBusy,
    /// The store does not answer.
    StoreUnavailable,
    /// iClosed could not be asked for slots.
    SlotsUnavailable,
    /// The platform cannot be asked now.
    PlatformUnavailable,
    /// The platform does not tell what was asked for.
    PlatformRefused,
    /// The captcha's provider could not be asked.
    CaptchaUnavailable,
    /// No such account.
    UnknownAccount,
    /// A retry means nothing where the lead stands.
    NotRetryable,
    /// There is no doubt about the lead that could be lifted.
    NotReleasable,
    /// The lead cannot be cancelled where it stands.
    NotCancellable,
    /// Another lead holds the person.
    PersonTaken,
    /// A worker holds the lead.
    LeadBusy,
}

impl Code {
    /// Every code.
    pub const ALL: [Code; 34] = [
        Code::UnreadableBody,
        Code::BadQuery,
        Code::BadHeader,
        Code::Unauthorized,
        Code::SignatureWrong,
        Code::OriginNotAllowed,
        Code::CaptchaFailed,
        Code::UnknownSource,
        Code::UnknownLead,
        Code::UnknownReceiver,
        Code::UnknownMessage,
        Code::NotFound,
        Code::MethodNotAllowed,
        Code::RequestTimeout,
        Code::NotWaitingForTime,
        Code::BodyTooLarge,
        Code::UnsupportedMediaType,
        Code::ValidationFailed,
        Code::IdempotencyKeyReused,
        Code::TooManyRequests,
        Code::Internal,
        Code::QueueFull,
        Code::SourceBusy,
        Code::StoreUnavailable,
        Code::SlotsUnavailable,
        Code::PlatformUnavailable,
        Code::PlatformRefused,
        Code::CaptchaUnavailable,
        Code::UnknownAccount,
        Code::NotRetryable,
        Code::NotReleasable,
        Code::NotCancellable,
        Code::PersonTaken,
        Code::LeadBusy,
    ];

    /// The word, the status and the title.
    fn facts(self) -> (&'static str, u16, &'static str) {
        match self {
            Code::UnreadableBody => ("unreadable_body", 400, "The body cannot be read"),
            Code::BadQuery => ("bad_query", 400, "A query parameter cannot be read"),
            Code::BadHeader => ("bad_header", 400, "A header cannot be read"),
            Code::Unauthorized => ("unauthorized", 401, "Key or token is missing or wrong"),
            Code::SignatureWrong => (
                "signature_wrong",
                403,
                "The delivery's signature or key is wrong",
            ),
            Code::OriginNotAllowed => (
                "origin_not_allowed",
                403,
                "This origin may not post to this source",
            ),
            Code::CaptchaFailed => ("captcha_failed", 403, "The captcha was not solved"),
            Code::UnknownSource => ("unknown_source", 404, "There is no such source"),
            Code::UnknownLead => ("unknown_lead", 404, "There is no such lead"),
            Code::UnknownReceiver => ("unknown_receiver", 404, "There is no such receiver"),
            Code::UnknownMessage => ("unknown_message", 404, "No such message waits"),
            Code::NotFound => ("not_found", 404, "There is nothing here"),
            Code::MethodNotAllowed => ("method_not_allowed", 405, "This method is not taken here"),
            Code::RequestTimeout => ("request_timeout", 408, "The body did not arrive in time"),
            Code::NotWaitingForTime => (
                "not_waiting_for_time",
                409,
                "The lead does not wait for a time",
            ),
            Code::BodyTooLarge => ("body_too_large", 413, "The body is too large"),
            Code::UnsupportedMediaType => (
                "unsupported_media_type",
                415,
                "This content type is not taken here",
            ),
            Code::ValidationFailed => ("validation_failed", 422, "Some fields are at fault"),
            Code::IdempotencyKeyReused => (
                "idempotency_key_reused",
                422,
                "The idempotency key was used with another body",
            ),
            Code::TooManyRequests => ("too_many_requests", 429, "Too many requests"),
            Code::Internal => ("internal", 500, "Something went wrong here"),
            Code::QueueFull => ("queue_full", 503, "No more leads can be taken now"),
            Code::SourceBusy => ("source_busy", 503, "This source is busy now"),
            Code::StoreUnavailable => ("store_unavailable", 503, "Leads cannot be kept now"),
            Code::SlotsUnavailable => (
                "slots_unavailable",
                503,
                "Free times cannot be looked up now",
            ),
            Code::PlatformUnavailable => (
                "platform_unavailable",
                503,
                "The platform cannot be asked now",
            ),
            Code::PlatformRefused => (
                "platform_refused",
                409,
                "The platform does not tell what was asked for",
            ),
            Code::CaptchaUnavailable => (
                "captcha_unavailable",
                503,
                "The captcha cannot be checked now",
            ),
            Code::UnknownAccount => ("unknown_account", 404, "There is no such account"),
            Code::NotRetryable => ("not_retryable", 409, "The lead cannot be retried"),
            Code::NotReleasable => ("not_releasable", 409, "The lead cannot be released"),
            Code::NotCancellable => ("not_cancellable", 409, "The lead cannot be cancelled"),
            Code::PersonTaken => ("person_taken", 409, "Another lead holds the person"),
            Code::LeadBusy => ("lead_busy", 409, "The lead is being worked on"),
        }
    }

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        self.facts().0
    }

    /// What happened, for a person.
    pub fn title(self) -> &'static str {
        self.facts().2
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.facts().1
    }

    /// The store took nothing, whoever asked.
    pub fn is_of_store(self) -> bool {
        matches!(self, Code::QueueFull | Code::StoreUnavailable)
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(self) -> bool {
        self == Code::LeadBusy || matches!(self.status(), 408 | 429 | 500 | 503)
    }
}

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
            Code::Unauthorized => problem
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
            header::HeaderName::from_static("ratelimit-policy"),
            format!("\"default\";q={quota};w={window_seconds}"),
        ),
        (
            header::HeaderName::from_static("ratelimit"),
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
