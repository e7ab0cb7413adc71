//! What a route is asked and what it answers: the envelope of a request, of an answer and of every
//! kind of refusal, and how values are printed. No rule about a single field is here.

use actix_web::web::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

/// The routes that are imitated, as `METHOD /path`. Each is one budget, as the vendor counts verb
/// and path apart.
pub(super) const ENDPOINTS: [&str; 15] = [
    "POST /v1/events/eventDates",
    "POST /v1/eventCalls",
    "GET /v1/eventCalls",
    "PUT /v1/eventCalls/cancel",
    "PUT /v1/eventCalls/reschedule",
    "POST /v1/contacts",
    "GET /v1/contacts",
    "PUT /v1/contacts",
    "GET /v1/contacts/detail",
    "POST /v1/fields/inviteeAnswers",
    "GET /v1/fields/objects",
    "GET /v1/fields/contact-stage",
    "GET /v1/events",
    "GET /v1/events/detail",
    "GET /v1/users",
];

/// One request to a known endpoint.
pub(super) struct Request {
    /// One of [`ENDPOINTS`].
    pub(super) endpoint: &'static str,
    /// The query string without its question mark.
    pub(super) query: String,
    /// The body as it came.
    pub(super) body: Bytes,
}

/// One answer with a JSON body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    /// Value of the `Retry-After` header.
    pub(super) retry_after_seconds: Option<u64>,
}

impl Answer {
    pub(super) fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            body,
            retry_after_seconds: None,
        }
    }

    /// The shape of every refusal that is neither about fields nor about the limit.
    pub(super) fn plain(status: u16, message: &str, code: Option<&str>) -> Self {
        let mut body = Map::new();
        body.insert("message".into(), message.into());
        if let Some(code) = code {
            body.insert("code".into(), code.into());
        }
        Self::new(status, Value::Object(body))
    }

    /// A 429. `points` is the limit.
    pub(super) fn limited(retry_after_seconds: u64, points: u32, window_seconds: u64) -> Self {
        let body = json!({
            "code": "RATE_LIMIT_EXCEEDED",
            "message": "Too many requests, please try again later.",
            "retryAfter": retry_after_seconds,
            "limit": { "points": points, "windowSec": window_seconds },
        });
        Self {
            status: 429,
            body,
            retry_after_seconds: Some(retry_after_seconds),
        }
    }
}

/// Which of the two shapes a fault of a field takes: the vendor documents both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValidationShape {
    /// `message` is an object with `details.formErrors` and `details.fieldErrors`.
    #[default]
    Zod,
    /// `message` is `Invalid request`, with `errors` by field.
    Standard,
}

/// Why a route did not do what it was asked.
pub(super) enum Refusal {
    /// What is wrong with the request: the field, or none for the whole, and a message.
    Invalid(Vec<(Option<String>, String)>),
    /// A well-formed request that cannot be granted.
    Plain {
        status: u16,
        message: &'static str,
        code: &'static str,
    },
}

impl Refusal {
    pub(super) fn plain(status: u16, message: &'static str, code: &'static str) -> Self {
        Self::Plain {
            status,
            message,
            code,
        }
    }

    pub(super) fn into_answer(self, endpoint: &str, shape: ValidationShape) -> Answer {
        match self {
            Self::Plain {
                status,
                message,
                code,
            } => Answer::plain(status, message, Some(code)),
            Self::Invalid(faults) => invalid(&faults, endpoint, shape),
        }
    }
}

fn invalid(faults: &[(Option<String>, String)], endpoint: &str, shape: ValidationShape) -> Answer {
    let mut form = Vec::new();
    let mut fields: Map<String, Value> = Map::new();
    for (field, message) in faults {
        let place = match (field, shape) {
            (Some(field), _) => field.as_str(),
            (None, ValidationShape::Standard) => "body",
            (None, ValidationShape::Zod) => {
                form.push(Value::from(message.as_str()));
                continue;
            }
        };
        if let Value::Array(messages) = fields.entry(place).or_insert_with(|| json!([])) {
            messages.push(message.as_str().into());
        }
    }
    let body = match shape {
        ValidationShape::Standard => json!({ "message": "Invalid request", "errors": fields }),
        ValidationShape::Zod => {
            let (method, path) = endpoint.split_once(' ').unwrap_or(("", endpoint));
            json!({ "message": {
                "status": 400,
                "details": { "formErrors": form, "fieldErrors": fields },
                "endpoint": path,
                "method": method,
            } })
        }
    };
    Answer::new(400, body)
}

/// The public id of a contact.
pub(super) fn preview_id(contact_id: i64) -> String {
    format!("contact_{contact_id:012x}")
}

/// As the vendor prints instants: milliseconds and `Z`.
pub(super) fn utc(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// As the vendor prints a host's local time: without a zone.
pub(super) fn zoneless(at: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    local.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}
