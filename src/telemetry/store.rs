//! A store whose every step is timed and whose failures are counted. Adds nothing else to the contract.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;

use super::metrics;
use crate::lead::{LeadId, MessageId, Step};
use crate::queue::notices::{Delivery, Notice, NoticeClaim, Outbox, ReceiverState, Subscription};
use crate::queue::{
    Acceptance, Accepted, Acquired, Amended, Backlog, Budget, Changes, Choice, Claim, ClaimError,
    Cursor, Digest, Filter, Hold, Intended, Limit, Next, Page, PermitId, Receipt, Retention, Store,
    StoreError, Stored, Swept, Switch, Usage,
};

/// A store, and the word for its kind.
pub struct Measured {
    store: Arc<dyn Store>,
    kind: &'static str,
}

impl Measured {
    /// `kind` is a word such as `redis`.
    pub fn new(store: Arc<dyn Store>, kind: &'static str) -> Self {
        metrics::store_known(kind);
        Self { store, kind }
    }

    async fn timed<T, E: Failure>(
        &self,
        operation: &'static str,
        step: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let began = Instant::now();
        let done = step.await;
        let failure = done.as_ref().err().and_then(Failure::of_store);
        metrics::stored(self.kind, operation, began.elapsed(), failure);
        done
    }
}

/// An error that may be the store's; a claim that was lost is none.
trait Failure {
    fn of_store(&self) -> Option<&StoreError>;
}

impl Failure for StoreError {
    fn of_store(&self) -> Option<&StoreError> {
        Some(self)
    }
}

impl Failure for ClaimError {
    fn of_store(&self) -> Option<&StoreError> {
        match self {
            ClaimError::Store(error) => Some(error),
            ClaimError::Lost => None,
        }
    }
}

#[async_trait]
impl Store for Measured {
    fn now(&self) -> Timestamp {
        self.store.now()
    }

    fn hash_key(&self) -> &[u8; 32] {
        self.store.hash_key()
    }

    fn changes(&self) -> &Arc<Changes> {
        self.store.changes()
    }

    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, StoreError> {
        self.timed("accept", self.store.accept(acceptance)).await
    }

    async fn remember(&self, key: Digest, receipt: Receipt) -> Result<(), StoreError> {
        self.timed("remember", self.store.remember(key, receipt))
            .await
    }

    async fn claim(
        &self,
        account: &str,
        step: Step,
        lease: Duration,
    ) -> Result<Option<Claim>, StoreError> {
        self.timed("claim", self.store.claim(account, step, lease))
            .await
    }

    async fn next_due(&self, account: &str, step: Step) -> Result<Option<Duration>, StoreError> {
        self.timed("next_due", self.store.next_due(account, step))
            .await
    }

    async fn renew(&self, claim: &mut Claim, lease: Duration) -> Result<(), ClaimError> {
        self.timed("renew", self.store.renew(claim, lease)).await
    }

    async fn intend(&self, claim: &mut Claim, choice: Choice<'_>) -> Result<Intended, ClaimError> {
        self.timed("intend", self.store.intend(claim, choice)).await
    }

    async fn settle(&self, claim: Claim, next: Next, hold: Hold) -> Result<(), ClaimError> {
        self.timed("settle", self.store.settle(claim, next, hold))
            .await
    }

    async fn identify(
        &self,
        claim: Claim,
        person: Vec<Digest>,
        window: Duration,
        next: Next,
    ) -> Result<Option<LeadId>, ClaimError> {
        self.timed("identify", self.store.identify(claim, person, window, next))
            .await
    }

    async fn by_call(&self, account: &str, call_id: i64) -> Result<Option<LeadId>, StoreError> {
        self.timed("by_call", self.store.by_call(account, call_id))
            .await
    }

    async fn by_person(&self, account: &str, person: &[Digest]) -> Result<Vec<LeadId>, StoreError> {
        self.timed("by_person", self.store.by_person(account, person))
            .await
    }

    async fn repeated(&self, key: Digest) -> Result<Option<LeadId>, StoreError> {
        self.timed("repeated", self.store.repeated(key)).await
    }

    async fn get(&self, id: LeadId) -> Result<Option<Stored>, StoreError> {
        self.timed("get", self.store.get(id)).await
    }

    async fn list(
        &self,
        filter: &Filter,
        after: Option<Cursor>,
        most: usize,
    ) -> Result<Page, StoreError> {
        self.timed("list", self.store.list(filter, after, most))
            .await
    }

    async fn amend(&self, stored: Stored, next: Next, hold: Hold) -> Result<Amended, StoreError> {
        self.timed("amend", self.store.amend(stored, next, hold))
            .await
    }

    async fn ahead(&self, id: LeadId) -> Result<Option<u64>, StoreError> {
        self.timed("ahead", self.store.ahead(id)).await
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, StoreError> {
        self.timed("backlog", self.store.backlog()).await
    }

    async fn acquire(
        &self,
        budget: Budget<'_>,
        limit: Limit,
        hold: Duration,
    ) -> Result<Acquired, StoreError> {
        self.timed("acquire", self.store.acquire(budget, limit, hold))
            .await
    }

    async fn answered(
        &self,
        budget: Budget<'_>,
        permit: PermitId,
        window: Duration,
    ) -> Result<(), StoreError> {
        self.timed("answered", self.store.answered(budget, permit, window))
            .await
    }

    async fn give_back(&self, budget: Budget<'_>, permit: PermitId) -> Result<(), StoreError> {
        self.timed("give_back", self.store.give_back(budget, permit))
            .await
    }

    async fn close(
        &self,
        budget: Budget<'_>,
        pause: Duration,
        lower: Option<u32>,
    ) -> Result<(), StoreError> {
        self.timed("close", self.store.close(budget, pause, lower))
            .await
    }

    async fn usage(&self, budget: Budget<'_>) -> Result<Usage, StoreError> {
        self.timed("usage", self.store.usage(budget)).await
    }

    async fn switches(&self) -> Result<Vec<Switch>, StoreError> {
        self.timed("switches", self.store.switches()).await
    }

    async fn turn(&self, name: &str, by: Option<&str>) -> Result<(), StoreError> {
        self.timed("turn", self.store.turn(name, by)).await
    }

    async fn claimed_until(&self, id: LeadId) -> Result<Option<Timestamp>, StoreError> {
        self.timed("claimed_until", self.store.claimed_until(id))
            .await
    }

    async fn scrub(&self) -> Result<(), StoreError> {
        self.timed("scrub", self.store.scrub()).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.timed("probe", self.store.probe()).await
    }

    async fn sweep(&self, retention: Retention) -> Result<Swept, StoreError> {
        self.timed("sweep", self.store.sweep(retention)).await
    }
}

#[async_trait]
impl Outbox for Measured {
    fn subscribe(&self, subscriptions: Vec<Subscription>) {
        self.store.subscribe(subscriptions);
    }

    async fn tell(&self, notices: Vec<Notice>) -> Result<(), StoreError> {
        self.timed("tell", self.store.tell(notices)).await
    }

    async fn claim_notice(
        &self,
        receiver: &str,
        lease: Duration,
    ) -> Result<Option<NoticeClaim>, StoreError> {
        self.timed("claim_notice", self.store.claim_notice(receiver, lease))
            .await
    }

    async fn settle_notice(
        &self,
        claim: NoticeClaim,
        delivery: Delivery,
    ) -> Result<(), ClaimError> {
        self.timed("settle_notice", self.store.settle_notice(claim, delivery))
            .await
    }

    async fn next_notice(&self, receiver: &str) -> Result<Option<Duration>, StoreError> {
        self.timed("next_notice", self.store.next_notice(receiver))
            .await
    }

    async fn hasten_notice(&self, receiver: &str, id: MessageId) -> Result<bool, StoreError> {
        self.timed("hasten_notice", self.store.hasten_notice(receiver, id))
            .await
    }

    async fn receiver(&self, receiver: &str) -> Result<ReceiverState, StoreError> {
        self.timed("receiver", self.store.receiver(receiver)).await
    }

    async fn reopen_receiver(&self, receiver: &str) -> Result<(), StoreError> {
        self.timed("reopen_receiver", self.store.reopen_receiver(receiver))
            .await
    }
}
