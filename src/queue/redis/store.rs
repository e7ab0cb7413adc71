//! The contract, each step handed to who knows how.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use jiff::Timestamp;

use super::script::PROBE;
use super::{Redis, accept, calls, list, permits, read, scrub, sweep, switches, work};
use crate::lead::{LeadId, Step};
use crate::queue::{
    Acceptance, Accepted, Acquired, Amended, Backlog, Budget, Changes, Choice, Claim, ClaimError,
    Cursor, Digest, Filter, Hold, Intended, Limit, Next, Page, PermitId, Receipt, Retention, Store,
    StoreError, Stored, Swept, Switch, Usage,
};

#[async_trait]
impl Store for Redis {
    fn now(&self) -> Timestamp {
        self.server.clock.now()
    }

    fn hash_key(&self) -> &[u8; 32] {
        &self.hash_key
    }

    fn changes(&self) -> &Arc<Changes> {
        &self.changes
    }

    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, StoreError> {
        accept::accept(self, acceptance).await
    }

    async fn remember(&self, key: Digest, receipt: Receipt) -> Result<(), StoreError> {
        accept::remember(self, key, receipt).await
    }

    async fn claim(
        &self,
        account: &str,
        step: Step,
        lease: Duration,
    ) -> Result<Option<Claim>, StoreError> {
        work::claim(self, account, step, lease).await
    }

    async fn next_due(&self, account: &str, step: Step) -> Result<Option<Duration>, StoreError> {
        work::next_due(self, account, step).await
    }

    async fn renew(&self, claim: &mut Claim, lease: Duration) -> Result<(), ClaimError> {
        work::renew(self, claim, lease).await
    }

    async fn intend(&self, claim: &mut Claim, choice: Choice<'_>) -> Result<Intended, ClaimError> {
        work::intend(self, claim, choice).await
    }

    async fn settle(&self, claim: Claim, next: Next, hold: Hold) -> Result<(), ClaimError> {
        work::settle(self, claim, next, hold).await
    }

    async fn identify(
        &self,
        claim: Claim,
        person: Vec<Digest>,
        window: Duration,
        next: Next,
    ) -> Result<Option<LeadId>, ClaimError> {
        work::identify(self, claim, person, window, next).await
    }

    async fn repeated(&self, key: Digest) -> Result<Option<LeadId>, StoreError> {
        accept::repeated(self, key).await
    }

    async fn by_call(&self, account: &str, call_id: i64) -> Result<Option<LeadId>, StoreError> {
        calls::by_call(self, account, call_id).await
    }

    async fn by_person(&self, account: &str, person: &[Digest]) -> Result<Vec<LeadId>, StoreError> {
        calls::by_person(self, account, person).await
    }

    async fn get(&self, id: LeadId) -> Result<Option<Stored>, StoreError> {
        read::get(self, id).await
    }

    async fn list(
        &self,
        filter: &Filter,
        after: Option<Cursor>,
        most: usize,
    ) -> Result<Page, StoreError> {
        list::list(self, filter, after, most).await
    }

    async fn amend(&self, stored: Stored, next: Next, hold: Hold) -> Result<Amended, StoreError> {
        work::amend(self, stored, next, hold).await
    }

    async fn ahead(&self, id: LeadId) -> Result<Option<u64>, StoreError> {
        read::ahead(self, id).await
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, StoreError> {
        read::backlog(self).await
    }

    async fn acquire(
        &self,
        budget: Budget<'_>,
        limit: Limit,
        hold: Duration,
    ) -> Result<Acquired, StoreError> {
        permits::acquire(self, budget, limit, hold).await
    }

    async fn answered(
        &self,
        budget: Budget<'_>,
        permit: PermitId,
        window: Duration,
    ) -> Result<(), StoreError> {
        permits::answered(self, budget, permit, window).await
    }

    async fn give_back(&self, budget: Budget<'_>, permit: PermitId) -> Result<(), StoreError> {
        permits::give_back(self, budget, permit).await
    }

    async fn close(
        &self,
        budget: Budget<'_>,
        pause: Duration,
        lower: Option<u32>,
    ) -> Result<(), StoreError> {
        permits::close(self, budget, pause, lower).await
    }

    async fn usage(&self, budget: Budget<'_>) -> Result<Usage, StoreError> {
        permits::usage(self, budget).await
    }

    async fn switches(&self) -> Result<Vec<Switch>, StoreError> {
        switches::all(self).await
    }

    async fn turn(&self, name: &str, by: Option<&str>) -> Result<(), StoreError> {
        switches::turn(self, name, by).await
    }

    async fn claimed_until(&self, id: LeadId) -> Result<Option<Timestamp>, StoreError> {
        read::claimed_until(self, id).await
    }

    async fn scrub(&self) -> Result<(), StoreError> {
        scrub::scrub(&self.server.link).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.server.is_fit()?;
        // Every account's node must do its part.
        let accounts = self.server.accounts.all();
        let marks = accounts.iter().map(|account| account.mark.clone());
        let keys = marks.chain([format!("{}:mark", self.server.accounts.store)]);
        let probes = keys.map(async |key| self.server.run(&PROBE, &[key], |_| {}).await);
        join_all(probes)
            .await
            .into_iter()
            .try_for_each(|probe| probe.map(drop))
    }

    async fn sweep(&self, retention: Retention) -> Result<Swept, StoreError> {
        sweep::sweep(self, retention).await
    }
}
