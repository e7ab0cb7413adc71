//! The words of the contract: what a store is given, and what it answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Seen;
use crate::lead::{Intent, Lane, Lead, LeadId, Status, Step};

/// A keyed hash (HMAC-SHA-256, cut to 128 bits): the only form in which a person or a caller's key is kept for
/// comparison.
pub type Digest = [u8; 16];

/// A lead about to be kept, with everything that decides whether it is new.
pub struct Acceptance {
    /// The record. The store keeps it with another `status` and `duplicate_of` when it turns out to be a duplicate.
    /// Shared, so that a writer on another thread neither copies nor frees it.
    pub lead: Arc<Lead>,
    /// The first work, due at once. `None`: the lead is kept as it stands and ends there.
    pub first: Option<Step>,
    /// The caller's idempotency key, or the platform's own id of the delivery.
    pub idempotency: Option<Idempotency>,
    /// Who the lead is: one digest per way of being the same person. Empty: never a duplicate.
    pub person: Vec<Digest>,
    /// How long the person stays claimed by this lead.
    pub person_window: Duration,
    /// Refuse when so many leads wait already.
    pub max_waiting: u64,
}

/// A key under which the same delivery may come again.
#[derive(Clone, Copy)]
pub struct Idempotency {
    /// Source and key, hashed.
    pub key: Digest,
    /// The body, hashed; `None` where the key alone decides (a platform's own id).
    pub body: Option<Digest>,
    /// How long the key is remembered, from acceptance.
    pub kept: Duration,
}

/// What became of an [`Acceptance`].
#[derive(Clone, Debug, PartialEq)]
pub enum Accepted {
    /// Kept and, if it had a first step, waiting behind `ahead` others of its account.
    Kept {
        /// Leads of the same account that go first, as far as is known now.
        ahead: u64,
    },
    /// Kept, and ended as a duplicate of this lead.
    Duplicate {
        /// The first lead of the same person.
        of: LeadId,
    },
    /// The key is known with the same body: nothing new was written.
    Replayed {
        /// The lead the key made.
        lead: LeadId,
        /// What its caller was told, once that is known.
        receipt: Option<Receipt>,
    },
    /// The key is known with another body: nothing was written.
    KeyReused,
}

/// What a caller with an idempotency key was told, without any of the lead's data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The HTTP status.
    pub http_status: u16,
    /// The lead's status then.
    pub status: Status,
    /// The lead's position then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// The expected start told then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_start_at: Option<Timestamp>,
}

/// A lead in a worker's hands. Only the holder of the newest fence may settle.
pub struct Claim {
    /// The record as of the claim; [`Store::intend`](super::Store::intend) updates it.
    pub lead: Lead,
    /// The work it was claimed for.
    pub step: Step,
    /// Raised by every claim of the lead.
    pub fence: u64,
    /// When the work fell due, by the store's clock; after a lease that lapsed, when that was.
    pub due_at: Timestamp,
    /// By this machine's steady clock: after it, send nothing in the lead's name.
    pub good_until: Instant,
    /// How the lead stood when it was claimed: what differs when it is settled is told.
    pub seen: Seen,
}

/// Where a settled lead goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing more to do: the lead has ended.
    Done,
    /// Back into the queue.
    After {
        /// The work to do.
        step: Step,
        /// When it falls due, from now.
        delay: Duration,
    },
}

/// How long until then, as a [`Next`] wants it; nothing when it has passed.
pub fn until(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_until(then)).unwrap_or_default()
}

/// What becomes of the instant that [`Store::intend`](super::Store::intend) held for the lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Still open: the request's end is not known. Also right when nothing was held.
    Keep,
    /// The request ended, booked or refused: slot lists fetched before now no longer count for this instant.
    Spent,
    /// The request was never sent: the instant is as free as before.
    Free,
}

/// The instants a worker would take, the dearest first, and how fresh its knowledge of them is.
pub struct Choice<'a> {
    /// Candidates in order.
    pub candidates: &'a [Timestamp],
    /// When the list of slots was asked for, by the store's clock.
    pub seen_at: Timestamp,
}

/// What [`Store::intend`](super::Store::intend) decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intended {
    /// The intent is on disk: the request may leave.
    At(Intent),
    /// Every candidate is being asked for by another lead at this moment, or was since `seen_at`.
    AllHeld,
}

/// A lead as it stands in the store.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The record.
    pub lead: Lead,
    /// Raised by every write to the lead.
    pub version: u64,
    /// The work it waits for.
    pub waits: Option<Waits>,
    /// How the lead stood when it was read: what differs when it is amended is told.
    pub seen: Seen,
}

impl Stored {
    /// Whether a worker has it in hand.
    pub fn is_held(&self, now: Timestamp) -> bool {
        self.waits
            .is_some_and(|waits| waits.leased && waits.due_at > now)
    }

    /// Where it goes when what it waits for stays as it is.
    pub fn as_before(&self, now: Timestamp) -> Next {
        self.waits.map_or(Next::Done, |waits| Next::After {
            step: waits.step,
            delay: until(waits.due_at, now),
        })
    }
}

/// The work a stored lead waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Which work.
    pub step: Step,
    /// When it is due; for a lead in a worker's hands, when the lease ends.
    pub due_at: Timestamp,
    /// A worker holds it.
    pub leased: bool,
}

/// One endpoint's allowance of one account: `account` and, as `endpoint`, method and path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Budget<'a> {
    /// The account's name in the settings.
    pub account: &'a str,
    /// Such as `POST /v1/eventCalls`.
    pub endpoint: &'a str,
}

/// At most `requests` permits open at once; each stays open for `window` after its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// At least 1.
    pub requests: u32,
    /// The vendor's window.
    pub window: Duration,
}

/// One request's place in a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PermitId(pub u64);

/// The answer to [`Store::acquire`](super::Store::acquire).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// Send, before the time allowed for it is over.
    Permit(PermitId),
    /// No place is free; none can be before this much time has passed.
    NotBefore(Duration),
}

/// How many leads wait, by account and lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The account's name.
    pub account: String,
    /// The lane.
    pub lane: Lane,
    /// Leads with work before them, those in workers' hands included.
    pub waiting: u64,
    /// How long the lead that is due the longest has been due; zero when none is due that no worker holds.
    pub overdue: Duration,
}

/// How far a budget is used at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Permits open now.
    pub open: u32,
    /// The lower limit that [`Store::close`](super::Store::close) named and that binds this process.
    pub lower: Option<u32>,
    /// No permit opens before this, by the store's clock.
    pub closed_until: Option<Timestamp>,
}

/// The store cannot do its part now. A variant is a reaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written and nothing was lost: tell the caller to come back.
    #[error("the store takes no more: {0}")]
    Full(String),
    /// It may come back by itself; whether the step was taken is not known.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    /// A stored record cannot be read; other records are not concerned.
    #[error("a stored record cannot be read: {0}")]
    Unreadable(String),
}

/// Why a step in a claim's name was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// The lease lapsed and the lead moved on: drop the work, send nothing.
    #[error("the lease has lapsed")]
    Lost,
    /// The store failed; the claim may still be good.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of [`Store::amend`](super::Store::amend).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amended {
    /// The lead is as it was handed in.
    Done,
    /// The lead changed since it was read, or a worker holds it, or it is gone. Nothing was written.
    Changed,
    /// The lead would have come back to life, and this other one claims its person. Nothing was written.
    PersonTaken(LeadId),
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Leads that went.
    pub leads: u64,
    /// There may be more that is past its time: sweep again.
    pub more: bool,
}

/// What is thrown away, and when.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Ended leads are deleted after this.
    pub ended: Duration,
}
