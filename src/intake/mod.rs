//! Act one, inside the request: read, validate, enrich, recognise, keep.
//!
//! Ends in one atomic write, and only then may anybody be told that the lead is taken. Knows no HTTP types, no
//! store's inside, and nothing of what happens to the lead afterwards.

pub mod bot;
pub mod draft;
pub mod enrich;
pub mod fault;
pub mod import;
pub mod person;
pub mod platform;
pub mod posted;
pub mod spam;
pub mod throttle;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::lead::{Lead, LeadId, Reason, ReasonCode, Sender, Status, Step};
use crate::queue::{Acceptance, Accepted, Digest, Idempotency, Receipt, Store, StoreError};
use crate::settings::{Source, SourceKind};
use crate::telemetry;

use draft::Draft;
use enrich::{Circumstances, Enriched};
use fault::Fault;
use person::Hasher;
use posted::{Asides, Posted};

/// How long a caller's `Idempotency-Key` is remembered.
pub const CALLER_KEY_KEPT: Duration = Duration::from_secs(24 * 3600);

/// One delivery that passed the door: its sender may speak for this source.
pub struct Delivery<'a> {
    /// The source it came by.
    pub source: &'a Source,
    /// What was posted.
    pub posted: Posted,
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
        /// As it came; it is kept with the status `duplicate`.
        lead: Arc<Lead>,
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

/// A lead that nothing stands against, and that is not kept yet.
pub struct Prepared {
    /// What the form said to the door.
    pub asides: Asides,
    lead: Lead,
    person: Vec<Digest>,
    person_window: Duration,
    first: Step,
    idempotency: Option<Idempotency>,
    is_asked_for: bool,
}

/// Makes a lead of one delivery.
///
/// # Errors
/// See [`Refused`].
pub fn prepare(
    store: &dyn Store,
    hasher: &Hasher,
    delivery: Delivery<'_>,
) -> Result<Prepared, Refused> {
    let source = delivery.source;
    let key = delivery.idempotency_key;
    let posted = delivery.posted;
    let body = posted.essence().as_bytes();
    let idempotency = match (key, &posted.turn, &posted.asides.captcha_token) {
        (Some(key), _, _) => Some((
            hasher.digest("idempotency", &[source.name.as_bytes(), key.as_bytes()]),
            Some(hasher.digest("body", &[body])),
        )),
        (None, Some(turn), _) => Some((turn.key(hasher, &source.name), None)),
        // A captcha's token is good for one delivery, so together they name it.
        (None, None, Some(token)) => {
            let parts = [source.name.as_bytes(), token.as_bytes(), body];
            Some((hasher.digest("captcha", &parts), None))
        }
        (None, None, None) => None,
    };
    let idempotency = idempotency.map(|(key, body)| Idempotency {
        key,
        body,
        kept: CALLER_KEY_KEPT,
    });
    let Posted {
        fields,
        repeats,
        asides,
        faults: of_parts,
        turn,
        raw,
        parts: _,
    } = posted;
    let (mut draft, mut faults) = Draft::read(fields);
    draft.extra.extend(repeats);
    faults.extend(of_parts);
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
        raw,
    };
    let Enriched { lead, person } = match enrich::enrich(draft, around, hasher) {
        Ok(enriched) if faults.is_empty() => enriched,
        Ok(_) => return Err(Refused::Invalid(faults)),
        Err(more) => {
            faults.extend(more);
            return Err(Refused::Invalid(faults));
        }
    };
    let doubt = match &source.kind {
        SourceKind::Form(form) => spam::suspicion(&asides, form, lead.received_at),
        SourceKind::Chatbot { .. } | SourceKind::Platform(_) => None,
    };
    let first = first_step(source, &lead);
    let mut prepared = Prepared {
        asides,
        lead,
        person,
        person_window: person_window(source),
        first,
        idempotency,
        is_asked_for: key.is_some(),
    };
    if let Some(doubt) = doubt {
        prepared.suspect(doubt);
    }
    Ok(prepared)
}

impl Prepared {
    /// Has the lead kept for a person to look at. The first doubt stays.
    pub fn suspect(&mut self, why: &str) {
        if self.lead.status == Status::Parked {
            return;
        }
        self.lead.status = Status::Parked;
        self.lead.reason = Some(Reason {
            code: ReasonCode::SuspectedSpam,
            detail: why.to_owned(),
        });
    }

    /// Adds a line to the lead's history.
    pub fn note(&mut self, step: &str, outcome: &str, detail: &str) {
        let at = self.lead.received_at;
        self.lead.note(at, step, outcome, Some(detail.to_owned()));
    }

    /// Whether this very delivery was taken already.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn came_before(&self, store: &dyn Store) -> Result<bool, StoreError> {
        match self.idempotency {
            Some(idempotency) => Ok(store.repeated(idempotency.key).await?.is_some()),
            None => Ok(false),
        }
    }
}

/// Keeps a lead. When this returns a [`Taken`], it is on disk.
///
/// # Errors
/// See [`Refused`]; then nothing was kept.
pub async fn keep(
    store: &dyn Store,
    max_waiting: u64,
    prepared: Prepared,
) -> Result<Taken, Refused> {
    let Prepared {
        mut lead,
        person,
        person_window,
        first,
        idempotency,
        is_asked_for,
        asides: _,
    } = prepared;
    let doubt = lead.reason.as_ref().map(|reason| reason.detail.clone());
    let outcome = match doubt {
        Some(_) => "parked",
        None => "accepted",
    };
    let first = doubt.is_none().then_some(first);
    lead.note(lead.received_at, "accept", outcome, doubt);
    let lead = Arc::new(lead);
    let acceptance = Acceptance {
        lead: Arc::clone(&lead),
        first,
        idempotency,
        person,
        person_window,
        max_waiting,
    };
    // What a platform's own retry is told is how the lead stands by then: no caller asked for the same answer twice.
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
            Ok(Taken::Duplicate { lead, of, key })
        }
        Accepted::Replayed { lead, receipt } => Ok(Taken::Replayed { lead, receipt }),
        Accepted::KeyReused => Err(Refused::KeyReused),
    }
}

/// The first work on a lead of this source.
pub fn first_step(source: &Source, lead: &Lead) -> Step {
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
