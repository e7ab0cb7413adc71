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
mod terms;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::lead::{LeadId, Step};

pub use changes::Changes;
pub use listing::{Cursor, Filter, Page};
pub use notices::{Outbox, Seen};
pub use switches::{Switch, Switches};
pub use terms::{
    Acceptance, Accepted, Acquired, Amended, Backlog, Budget, Choice, Claim, ClaimError, Digest,
    Hold, Idempotency, Intended, Limit, Next, PermitId, Receipt, Retention, StoreError, Stored,
    Swept, Usage, Waits, until,
};

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

    /// Takes the next due lead of this account and step: lanes by [`Lane::order`](crate::lead::Lane::order), the longest due first within
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
