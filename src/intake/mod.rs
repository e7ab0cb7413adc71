//! Act one, inside the request: read, validate, enrich, recognise, keep.
//!
//! Ends in one atomic write, and only then may anybody be told that the lead is taken. Knows no HTTP types, no
//! store's inside, and nothing of what happens to the lead afterwards.

pub mod bot;
pub mod draft;
pub mod enrich;
pub mod fault;
pub mod person;
pub mod platform;
pub mod throttle;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::lead::{Lead, LeadId, Sender, Step};
use crate::queue::{Acceptance, Accepted, Digest, Idempotency, Receipt, Store, StoreError};
use crate::settings::{Reply, Source, SourceKind};
use crate::telemetry;

use draft::Draft;
use enrich::{Circumstances, Enriched};
use fault::Fault;
use person::Hasher;

/// How long a caller's `Idempotency-Key` is remembered.
pub const CALLER_KEY_KEPT: Duration = Duration::from_secs(24 * 3600);

/// One delivery that passed the door: its sender may speak for this source.
pub struct Delivery<'a> {
    /// The source it came by.
    pub source: &'a Source,
    /// As received.
    pub body: &'a [u8],
    /// The caller's idempotency key.
    pub idempotency_key: Option<&'a str>,
    /// What the headers say.
    pub sender: Sender,
    /// The `Referer` header.
    pub referer: Option<&'a str>,
    /// The request's trace.
    pub trace: Option<String>,
}

/// What became of a delivery.
pub enum Taken {
    /// A new lead waits.
    New {
        /// As kept.
        lead: Arc<Lead>,
        /// How many of its account go first.
        ahead: u64,
        /// Where to leave the receipt.
        key: Option<Digest>,
    },
    /// A new lead is kept as the duplicate of an earlier one.
    Duplicate {
        /// As kept.
        lead: LeadId,
        /// The first.
        of: LeadId,
        /// Where to leave the receipt.
        key: Option<Digest>,
    },
    /// This delivery came before.
    Replayed {
        /// The lead it made.
        lead: LeadId,
        /// What its caller was told, when that is known.
        receipt: Option<Receipt>,
    },
}

/// Why nothing was kept. A variant is an answer to the caller.
#[derive(Debug)]
pub enum Refused {
    /// Not readable as the source's kind of body.
    Unreadable(String),
    /// Readable, and at fault.
    Invalid(Vec<Fault>),
    /// The key was used with another body.
    KeyReused,
    /// The store cannot keep it now.
    Store(StoreError),
    /// The system gives no randomness.
    NoRandomness,
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Refused::Store(error)
    }
}

/// Takes one delivery. When this returns a [`Taken`], the lead is on disk.
///
/// # Errors
/// See [`Refused`]; then nothing was kept.
pub async fn take(
    store: &dyn Store,
    hasher: &Hasher,
    max_waiting: u64,
    delivery: Delivery<'_>,
) -> Result<Taken, Refused> {
    let source = delivery.source;
    let body = read_object(delivery.body)?;
    let turn = bot::Turn::at(source, &body);
    let idempotency = match (delivery.idempotency_key, &turn) {
        (Some(key), _) => Some(Idempotency {
            key: hasher.digest("idempotency", &[source.name.as_bytes(), key.as_bytes()]),
            body: Some(hasher.digest("body", &[delivery.body])),
            kept: CALLER_KEY_KEPT,
        }),
        (None, Some(turn)) => Some(Idempotency {
            key: turn.key(hasher, &source.name),
            body: None,
            kept: CALLER_KEY_KEPT,
        }),
        (None, None) => None,
    };
    let body = named(body, source);
    let (draft, mut faults) = Draft::read(body);
    let id = LeadId::random().map_err(|_| Refused::NoRandomness)?;
    let around = Circumstances {
        source,
        sender: Sender {
            locale: delivery
                .sender
                .locale
                .or(turn.and_then(|turn| turn.language)),
            ..delivery.sender
        },
        referer: delivery.referer,
        now: store.now(),
        trace: delivery.trace,
        id,
        raw: String::from_utf8_lossy(delivery.body).into_owned(),
    };
    let Enriched { mut lead, person } = match enrich::enrich(draft, around, hasher) {
        Ok(enriched) if faults.is_empty() => enriched,
        Ok(_) => return Err(Refused::Invalid(faults)),
        Err(more) => {
            faults.extend(more);
            return Err(Refused::Invalid(faults));
        }
    };
    lead.note(lead.received_at, "accept", "accepted", None);
    let lead = Arc::new(lead);
    let acceptance = Acceptance {
        lead: Arc::clone(&lead),
        first: Some(first_step(source, &lead)),
        idempotency,
        person,
        person_window: person_window(source),
        max_waiting,
    };
    // What a platform's own retry is told is how the lead stands by then: no caller asked for the same answer twice.
    let is_asked_for = delivery.idempotency_key.is_some();
    let key = idempotency
        .filter(|_| is_asked_for)
        .map(|idempotency| idempotency.key);
    match store.accept(acceptance).await? {
        Accepted::Kept { ahead } => {
            telemetry::events::accepted(&lead, false);
            Ok(Taken::New { lead, ahead, key })
        }
        Accepted::Duplicate { of } => {
            telemetry::events::accepted(&lead, true);
            Ok(Taken::Duplicate { lead: id, of, key })
        }
        Accepted::Replayed { lead, receipt } => Ok(Taken::Replayed { lead, receipt }),
        Accepted::KeyReused => Err(Refused::KeyReused),
    }
}

/// The first work on a lead of this source.
fn first_step(source: &Source, lead: &Lead) -> Step {
    if source.qualify || (source.attribution && lead.tracking.has_marks()) {
        Step::Qualify
    } else {
        Step::Book
    }
}

/// How long a lead of this source claims its person.
pub fn person_window(source: &Source) -> Duration {
    Duration::from_secs(u64::from(source.duplicates.window_days) * 24 * 3600)
}

/// The body with its fields under leadgate's names.
fn named(body: Map<String, Value>, source: &Source) -> Map<String, Value> {
    if matches!(&source.kind, SourceKind::Chatbot { reply, .. } if *reply != Reply::Neutral) {
        return bot::fields(source, body);
    }
    if source.fields.is_empty() {
        return body;
    }
    let renamed = body
        .into_iter()
        .map(|(key, value)| match source.fields.get(&key) {
            Some(ours) => (ours.clone(), value),
            None => (key, value),
        });
    renamed.collect()
}

/// The body as a JSON object. Nesting is bounded by the parser (128 levels).
///
/// # Errors
/// Unreadable, or not an object.
pub fn read_object(body: &[u8]) -> Result<Map<String, Value>, Refused> {
    // The parser's own message could quote the body; its place tells enough.
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Refused::Unreadable(format!(
            "the body is not JSON: line {line}, column {column}"
        ))
    })?;
    match value {
        Value::Object(body) => Ok(body),
        _ => Err(Refused::Invalid(vec![Fault::new(
            "",
            "wrong_type",
            "a JSON object is wanted",
        )])),
    }
}
