//! The contract, each step handed to who knows how: writes to the writer's thread, reads beside it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;

use super::permits::Name;
use super::work::{Identified, Intention};
use super::{
    Embedded, accept, calls, database, list, permits, read, record, sweep, switches, unless_lost,
    work,
};
use crate::clock::from_millis;
use crate::lead::{LeadId, Step};
use crate::queue::{
    Acceptance, Accepted, Acquired, Amended, Backlog, Budget, Changes, Choice, Claim, ClaimError,
    Cursor, Digest, Filter, Hold, Intended, Limit, Next, Page, PermitId, Receipt, Retention, Seen,
    Store, StoreError, Stored, Swept, Switch, Usage,
};

fn name(budget: Budget<'_>) -> Name {
    Name {
        account: budget.account.to_owned(),
        endpoint: budget.endpoint.to_owned(),
    }
}

/// The end of a lease that begins now, or later: the store counts from when the step is taken.
fn good_until(lease: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(lease).unwrap_or(now)
}

#[async_trait]
impl Store for Embedded {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn hash_key(&self) -> &[u8; 32] {
        &self.hash_key
    }

    fn changes(&self) -> &Arc<Changes> {
        &self.changes
    }

    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, StoreError> {
        let body = record::encode(&acceptance.lead)?;
        let announced = self.subscriptions.either(None, &acceptance.lead)?;
        self.writer
            .run_together(move |desk| accept::accept(desk, acceptance, body, announced))
            .await?
    }

    async fn remember(&self, key: Digest, receipt: Receipt) -> Result<(), StoreError> {
        let receipt =
            serde_json::to_string(&receipt).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        self.writer
            .run(move |desk| accept::remember(desk, &key, &receipt))
            .await
    }

    async fn claim(
        &self,
        account: &str,
        step: Step,
        lease: Duration,
    ) -> Result<Option<Claim>, StoreError> {
        let good_until = good_until(lease);
        let account = account.to_owned();
        let taken = self
            .writer
            .run(move |desk| work::claim(desk, &account, step, lease))
            .await?;
        let Some(taken) = taken else { return Ok(None) };
        let mut lead = record::decode(taken.body.as_bytes())?;
        let seen = Seen::of(&lead);
        lead.status = work::claimed_status(lead.status, step);
        Ok(Some(Claim {
            lead,
            step,
            fence: taken.fence,
            due_at: from_millis(taken.due_at),
            good_until,
            seen,
        }))
    }

    async fn next_due(&self, account: &str, step: Step) -> Result<Option<Duration>, StoreError> {
        let (account, now) = (account.to_owned(), self.now());
        self.readers
            .run(move |db| read::next_due(db, &account, step, now))
            .await
    }

    async fn renew(&self, claim: &mut Claim, lease: Duration) -> Result<(), ClaimError> {
        let good_until = good_until(lease);
        let (id, fence) = (claim.lead.id, claim.fence);
        unless_lost(
            self.writer
                .run(move |desk| work::renew(desk, id, fence, lease))
                .await?,
        )?;
        claim.good_until = good_until;
        Ok(())
    }

    async fn intend(&self, claim: &mut Claim, choice: Choice<'_>) -> Result<Intended, ClaimError> {
        let (lead, fence) = (claim.lead.clone(), claim.fence);
        let (candidates, seen_at) = (choice.candidates.to_vec(), choice.seen_at);
        let intention = self
            .writer
            .run(move |desk| work::intend(desk, lead, fence, &candidates, seen_at))
            .await?;
        match intention {
            Intention::Lost => Err(ClaimError::Lost),
            Intention::AllHeld => Ok(Intended::AllHeld),
            Intention::At(intent) => {
                record::note_intent(&mut claim.lead, &intent);
                Ok(Intended::At(intent))
            }
        }
    }

    async fn settle(&self, claim: Claim, next: Next, hold: Hold) -> Result<(), ClaimError> {
        let told = self.subscriptions.notices(Some(claim.seen), &claim.lead)?;
        let Claim { lead, fence, .. } = claim;
        let body = record::encode(&lead)?;
        unless_lost(
            self.writer
                .run(move |desk| work::settle(desk, &lead, &body, fence, next, hold, &told))
                .await?,
        )
    }

    async fn identify(
        &self,
        claim: Claim,
        person: Vec<Digest>,
        window: Duration,
        next: Next,
    ) -> Result<Option<LeadId>, ClaimError> {
        let announced = self.subscriptions.either(Some(claim.seen), &claim.lead)?;
        let Claim { lead, fence, .. } = claim;
        let person = person.concat();
        let identified = self
            .writer
            .run(move |desk| work::identify(desk, lead, fence, person, window, next, &announced))
            .await?;
        match identified {
            Identified::Lost => Err(ClaimError::Lost),
            Identified::New => Ok(None),
            Identified::Repeats(first) => Ok(Some(first)),
        }
    }

    async fn repeated(&self, key: Digest) -> Result<Option<LeadId>, StoreError> {
        let now = self.now();
        self.readers
            .run(move |db| read::repeated(db, &key, now))
            .await
    }

    async fn by_call(&self, account: &str, call_id: i64) -> Result<Option<LeadId>, StoreError> {
        let account = account.to_owned();
        self.readers
            .run(move |db| calls::by_call(db, &account, call_id))
            .await
    }

    async fn by_person(
        &self,
        _account: &str,
        person: &[Digest],
    ) -> Result<Vec<LeadId>, StoreError> {
        let person = person.to_vec();
        self.writer
            .run_together(move |desk| calls::by_person(desk, &person))
            .await
    }

    async fn get(&self, id: LeadId) -> Result<Option<Stored>, StoreError> {
        let (recent, now) = (self.recent.clone(), self.now());
        self.readers
            .run(move |db| record::stored(db, &recent, id, now))
            .await
    }

    async fn list(
        &self,
        filter: &Filter,
        after: Option<Cursor>,
        most: usize,
    ) -> Result<Page, StoreError> {
        let (filter, now) = (filter.clone(), self.now());
        self.readers
            .run(move |db| list::list(db, &filter, after, most, now))
            .await
    }

    async fn amend(&self, stored: Stored, next: Next, hold: Hold) -> Result<Amended, StoreError> {
        let told = self
            .subscriptions
            .notices(Some(stored.seen), &stored.lead)?;
        let Stored { lead, version, .. } = stored;
        let body = record::encode(&lead)?;
        self.writer
            .run(move |desk| work::amend(desk, &lead, &body, version, next, hold, &told))
            .await
    }

    async fn ahead(&self, id: LeadId) -> Result<Option<u64>, StoreError> {
        let (recent, now) = (self.recent.clone(), self.now());
        self.readers
            .run(move |db| read::ahead(db, &recent, id, now))
            .await
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, StoreError> {
        let now = self.now();
        self.readers.run(move |db| read::backlog(db, now)).await
    }

    async fn acquire(
        &self,
        budget: Budget<'_>,
        limit: Limit,
        hold: Duration,
    ) -> Result<Acquired, StoreError> {
        let budget = name(budget);
        self.writer
            .run(move |desk| permits::acquire(desk, &budget, limit, hold))
            .await
    }

    async fn answered(
        &self,
        budget: Budget<'_>,
        permit: PermitId,
        window: Duration,
    ) -> Result<(), StoreError> {
        let budget = name(budget);
        self.writer
            .run(move |desk| permits::answered(desk, &budget, permit, window))
            .await
    }

    async fn give_back(&self, _budget: Budget<'_>, permit: PermitId) -> Result<(), StoreError> {
        self.writer
            .run(move |desk| permits::give_back(desk, permit))
            .await
    }

    async fn close(
        &self,
        budget: Budget<'_>,
        pause: Duration,
        lower: Option<u32>,
    ) -> Result<(), StoreError> {
        let budget = name(budget);
        self.writer
            .run(move |desk| permits::close(desk, &budget, pause, lower))
            .await
    }

    async fn usage(&self, budget: Budget<'_>) -> Result<Usage, StoreError> {
        let budget = name(budget);
        self.writer
            .run(move |desk| permits::usage(desk, &budget))
            .await
    }

    async fn switches(&self) -> Result<Vec<Switch>, StoreError> {
        self.readers.run(switches::all).await
    }

    async fn turn(&self, name: &str, by: Option<&str>) -> Result<(), StoreError> {
        let (name, by) = (name.to_owned(), by.map(str::to_owned));
        self.writer
            .run(move |desk| switches::turn(desk, &name, by.as_deref()))
            .await
    }

    async fn claimed_until(&self, id: LeadId) -> Result<Option<Timestamp>, StoreError> {
        self.writer
            .run_together(move |desk| calls::claimed_until(desk, id))
            .await
    }

    async fn scrub(&self) -> Result<(), StoreError> {
        self.writer.scrub().await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.writer
            .run(|desk| {
                database::mark(&desk.db, desk.now())?;
                accept::room(desk)
            })
            .await?;
        self.readers
            .run(|db| Ok(database::seen_at(db)?))
            .await
            .map(drop)
    }

    async fn sweep(&self, retention: Retention) -> Result<Swept, StoreError> {
        sweep::sweep(self, retention).await
    }
}
