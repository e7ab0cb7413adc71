//! What survives: the contract between the request that accepts a lead and the work that follows it.
//!
//! Owns durability, uniqueness, order, leases and permits. Knows neither what the work means nor any HTTP. Every
//! method is one atomic step, and no transaction or connection crosses it. The store's own clock judges every
//! duration given here, so that replicas whose clocks differ agree on leases, due times and permits.
//!
//! The life of a queue entry: [`Store::accept`] writes the lead with its first [`Step`]; [`Store::claim`] hands it to
//! one worker under a lease; [`Store::settle`] takes the result and either ends the lead or names the next step and
//! when it is due. A lease that lapses makes the lead due again by itself, and its fence number, raised by every
//! claim, keeps the late worker from settling.

pub mod changes;
pub mod due;
pub mod embedded;
pub mod listing;
pub mod notices;
mod record;
pub mod redis;
pub mod switches;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lead::{Intent, Lane, Lead, LeadId, Status, Step};

pub use changes::Changes;
pub use listing::{Cursor, Filter, Page};
pub use notices::{Outbox, Seen};
pub use switches::{Switch, Switches};

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
    /// The record as of the claim; [`Store::intend`] updates it.
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

/// What becomes of the instant that [`Store::intend`] held for the lead.
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

/// What [`Store::intend`] decided.
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

/// The answer to [`Store::acquire`].
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
    /// The lower limit that [`Store::close`] named and that binds this process.
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

/// What became of [`Store::amend`].
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

/// A durable store. Two keep this contract; one suite holds both to it. Whatever it writes of a lead, it writes what
/// receivers are to be told of it in the same step, see [`Outbox`].
#[async_trait]
pub trait Store: Outbox {
    /// The store's clock.
    fn now(&self) -> Timestamp;

    /// The secret behind every [`Digest`], made once and kept in the store.
    fn hash_key(&self) -> &[u8; 32];

    /// Signals of what changed, for those who wait in this process.
    fn changes(&self) -> &Arc<Changes>;

    /// Keeps a lead, or recognises it: idempotency first, then the person. Durable when it returns `Ok`.
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, StoreError>;

    /// Remembers what the caller of an idempotent request was told. The first receipt stays.
    async fn remember(&self, key: Digest, receipt: Receipt) -> Result<(), StoreError>;

    /// Takes the next due lead of this account and step: lanes by [`Lane::order`], the longest due first within
    /// one. A lead claimed for [`Step::Book`] gets the status `booking`.
    async fn claim(
        &self,
        account: &str,
        step: Step,
        lease: Duration,
    ) -> Result<Option<Claim>, StoreError>;

    /// How long until the next lead of this account and step is due; zero when one is, `None` when none waits.
    async fn next_due(&self, account: &str, step: Step) -> Result<Option<Duration>, StoreError>;

    /// Prolongs a lease from now.
    async fn renew(&self, claim: &mut Claim, lease: Duration) -> Result<(), ClaimError>;

    /// Writes down that a booking request is about to leave: picks the first candidate that no other lead of the
    /// same account and event holds, holds it, counts the attempt, and puts the intent into the claim's lead.
    ///
    /// An open hold (not yet settled) bars everybody else; a spent one bars lists seen before it was spent. A lead
    /// holds one instant: a second intent of its own spends the first.
    async fn intend(&self, claim: &mut Claim, choice: Choice<'_>) -> Result<Intended, ClaimError>;

    /// Ends a claim: writes the lead as the worker left it and says where it goes. Frees the person when the lead
    /// can no longer lead to a call.
    async fn settle(&self, claim: Claim, next: Next, hold: Hold) -> Result<(), ClaimError>;

    /// Ends a claim like [`Store::settle`] with [`Hold::Keep`], for a lead whose person became known only now. When
    /// another lead claims one of the digests, this one ends as its duplicate: the first lead is returned. Otherwise
    /// it claims the person for `window` from now, unless it can no longer lead to a call, and goes on to `next`.
    /// Either way the digests take the place of those kept with the lead before.
    async fn identify(
        &self,
        claim: Claim,
        person: Vec<Digest>,
        window: Duration,
        next: Next,
    ) -> Result<Option<LeadId>, ClaimError>;

    /// The lead that a remembered idempotency key made. The lead itself may be gone by now.
    async fn repeated(&self, key: Digest) -> Result<Option<LeadId>, StoreError>;

    /// The lead whose record names this call of the vendor's: known from the settle or amend that wrote the booking
    /// until the lead is swept.
    async fn by_call(&self, account: &str, call_id: i64) -> Result<Option<LeadId>, StoreError>;

    /// The leads that claim one of these digests now, each once.
    async fn by_person(&self, account: &str, person: &[Digest]) -> Result<Vec<LeadId>, StoreError>;

    /// One lead.
    async fn get(&self, id: LeadId) -> Result<Option<Stored>, StoreError>;

    /// Leads in the order they were accepted, the newest first: those after the cursor that pass the filter, at most
    /// `most`. One call looks at no more than [`listing::LOOKED_AT`] leads, so a page may come short, or empty, and
    /// still name a next one. Leads accepted meanwhile come before every cursor. A record that cannot be read is left
    /// out.
    async fn list(
        &self,
        filter: &Filter,
        after: Option<Cursor>,
        most: usize,
    ) -> Result<Page, StoreError>;

    /// Changes a lead nobody works on. An erased lead loses its digests and neither claims nor frees anybody: what it
    /// claims stays claimed. One that could lead to no call any more and is brought back to life claims its
    /// person again, and is refused when another lead claims it.
    async fn amend(&self, stored: Stored, next: Next, hold: Hold) -> Result<Amended, StoreError>;

    /// How many leads of its account go before this waiting one; `None` when it does not wait. Exact up to 1,000,
    /// an upper bound beyond.
    async fn ahead(&self, id: LeadId) -> Result<Option<u64>, StoreError>;

    /// How many leads wait.
    async fn backlog(&self) -> Result<Vec<Backlog>, StoreError>;

    /// Opens a permit if fewer than `limit.requests` are open. It closes by itself after `hold`, which covers the
    /// time until the request leaves, its timeout, and one window.
    async fn acquire(
        &self,
        budget: Budget<'_>,
        limit: Limit,
        hold: Duration,
    ) -> Result<Acquired, StoreError>;

    /// The request's answer came: the permit closes one `window` from now, also when it had closed by itself before.
    async fn answered(
        &self,
        budget: Budget<'_>,
        permit: PermitId,
        window: Duration,
    ) -> Result<(), StoreError>;

    /// The request was never sent: the permit closes now.
    async fn give_back(&self, budget: Budget<'_>, permit: PermitId) -> Result<(), StoreError>;

    /// Opens no permit for `pause`, and no more than `lower` at once until the store is opened anew. A `lower` above
    /// the limit in use changes nothing.
    async fn close(
        &self,
        budget: Budget<'_>,
        pause: Duration,
        lower: Option<u32>,
    ) -> Result<(), StoreError>;

    /// How far a budget is used. Changes nothing.
    async fn usage(&self, budget: Budget<'_>) -> Result<Usage, StoreError>;

    /// Every switch that is on.
    async fn switches(&self) -> Result<Vec<Switch>, StoreError>;

    /// Turns a switch on in the name of `by`, or off with `None`. One that is on keeps who turned it on, and when.
    async fn turn(&self, name: &str, by: Option<&str>) -> Result<(), StoreError>;

    /// Until when the lead itself claims its person; `None` when it claims nobody, or is gone.
    async fn claimed_until(&self, id: LeadId) -> Result<Option<Timestamp>, StoreError>;

    /// Overwrites what was deleted or rewritten before now, so that it is in none of the store's files when this
    /// returns. Takes as long as writing the whole store anew.
    async fn scrub(&self) -> Result<(), StoreError>;

    /// A real write and a real read, and room for another lead.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Deletes what is past its time: leads, persons, keys and notices, a bounded piece of each at once.
    async fn sweep(&self, retention: Retention) -> Result<Swept, StoreError>;
}
