//! The stable words of problems: the status and the title of each.

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
    /// A platform's handshake does not show what was agreed.
    HandshakeWrong,
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
    pub const ALL: [Code; 35] = [
        Code::UnreadableBody,
        Code::BadQuery,
        Code::BadHeader,
        Code::Unauthorized,
        Code::SignatureWrong,
        Code::HandshakeWrong,
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
    pub(super) fn facts(self) -> (&'static str, u16, &'static str) {
        match self {
            Code::UnreadableBody => ("unreadable_body", 400, "The body cannot be read"),
            Code::BadQuery => ("bad_query", 400, "A query parameter cannot be read"),
            Code::BadHeader => ("bad_header", 400, "A header cannot be read"),
            Code::Unauthorized => ("unauthorized", 401, "Key or token is missing or wrong"),
            Code::SignatureWrong => (
                "signature_wrong",
                401,
                "The delivery's signature or key is wrong",
            ),
            // Meta asks for 403 (developers.facebook.com).
            Code::HandshakeWrong => (
                "handshake_wrong",
                403,
                "The handshake does not show what was agreed",
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
