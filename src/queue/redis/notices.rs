//! What receivers are to be told. A notice lies on its account's node, so that the script that changes the lead writes
//! it; how a receiver stands holds for all accounts and lies by itself. So a claim asks for the one and then for the
//! other, and what is between them costs at most a try more.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use redis::{Cmd, Value};

use super::Redis;
use super::accounts::Account;
use super::link::store_error;
use super::script::{
    CLAIM_NOTICE, HASTEN, HASTEN_ONE, NOTICES_STAND, RECEIVER, RECEIVER_STANDS, SETTLE_NOTICE,
    SWEEP_NOTICES, TELL, unexpected,
};
use super::time::micros;
use crate::clock::from_millis;
use crate::lead::{LeadId, MessageId};
use crate::queue::notices::{
    self, Announced, Delivery, HASTEN_AFTER, HASTEN_APART, HASTEN_MOST, Notice, NoticeClaim,
    Outbox, ReceiverState, Subscription,
};
use crate::queue::{ClaimError, StoreError};

/// Notices deleted in one step.
const PIECE: u64 = 500;
/// Steps in one sweep of one receiver.
const PIECES: usize = 20;

/// Whose notices they are, in the order that [`write()`] gives them to a script.
pub fn receivers(announced: &Announced) -> Vec<String> {
    let all = announced.kept.iter().chain(&announced.repeated);
    all.map(|notice| notice.receiver.clone()).collect()
}

/// The arguments of `announce.lua`.
pub fn write(command: &mut Cmd, announced: &Announced) {
    for (outcome, list) in [("k", &announced.kept), ("d", &announced.repeated)] {
        for notice in list {
            command.arg(outcome).arg(notice.id.as_bytes());
            command.arg(&notice.receiver).arg(notice.event.as_str());
            command.arg(notice.lead.as_bytes()).arg(&notice.source);
            command.arg(notice.status.as_str());
        }
    }
}

#[async_trait]
impl Outbox for Redis {
    fn subscribe(&self, subscriptions: Vec<Subscription>) {
        self.subscriptions.set(subscriptions);
    }

    async fn tell(&self, mut notices: Vec<Notice>) -> Result<(), StoreError> {
        notices.sort_by(|one, other| one.account.cmp(&other.account));
        for of_account in notices.chunk_by(|one, other| one.account == other.account) {
            let Some(first) = of_account.first() else {
                continue;
            };
            let account = self.server.accounts.account(&first.account);
            self.server.list(&account).await?;
            let before = self.before(&account).await?;
            let announced = Announced {
                kept: of_account.to_vec(),
                repeated: Vec::new(),
            };
            let keys = account.with_notice_keys([], &receivers(&announced));
            let tell = |command: &mut Cmd| write(command, &announced);
            self.server.run(&TELL, &keys, tell).await?;
            self.confirm(&account, before).await?;
        }
        self.changes.messages();
        Ok(())
    }

    async fn claim_notice(
        &self,
        receiver: &str,
        lease: Duration,
    ) -> Result<Option<NoticeClaim>, StoreError> {
        let state = standing(self, receiver).await?;
        if state.closed_at.is_some() || state.paused_until.is_some() {
            return Ok(None);
        }
        let mut accounts = self.server.listed().await?;
        // No account comes first for ever.
        let turn = usize::try_from(self.server.clock.now().as_millisecond()).unwrap_or(0);
        let first = turn % accounts.len().max(1);
        accounts.rotate_left(first);
        for account in accounts {
            let keys = account.notice_keys(receiver);
            let answer = self
                .server
                .run(&CLAIM_NOTICE, &keys, |command| {
                    command.arg(micros(lease));
                })
                .await?;
            if answer.is_empty() {
                continue;
            }
            let notice = Notice {
                id: MessageId::from_bytes(answer.array(0)?),
                receiver: receiver.to_owned(),
                event: notices::event(answer.word(1)?)?,
                lead: LeadId::from_bytes(answer.array(2)?),
                account: account.name.clone(),
                source: answer.word(3)?.to_owned(),
                status: notices::status(answer.word(4)?)?,
            };
            return Ok(Some(NoticeClaim {
                notice,
                at: from_millis(answer.number(5)?.div_euclid(1000)),
                tries: u32::try_from(answer.number(6)?).map_err(|_| unexpected())?,
                fence: answer.unsigned(7)?,
            }));
        }
        Ok(None)
    }

    async fn settle_notice(
        &self,
        claim: NoticeClaim,
        delivery: Delivery,
    ) -> Result<(), ClaimError> {
        let notice = &claim.notice;
        let account = self.server.accounts.account(&notice.account);
        let (delay, counts) = match &delivery {
            Delivery::PutOff { delay, counts, .. } => (*delay, *counts),
            Delivery::Done | Delivery::Ended { .. } => (Duration::ZERO, false),
        };
        let keys = account.notice_keys(&notice.receiver);
        let answer = self
            .server
            .run(&SETTLE_NOTICE, &keys, |command| {
                command.arg(notice.id.as_bytes()).arg(claim.fence);
                command.arg(delivery == Delivery::Done).arg(micros(delay));
                command.arg(counts);
            })
            .await?;
        if answer.number(0)? == 0 {
            return Err(ClaimError::Lost);
        }
        let (what, failure, pause) = match &delivery {
            Delivery::Done => ("took", "", None),
            Delivery::PutOff { failure, pause, .. } => ("failed", failure.as_str(), *pause),
            Delivery::Ended { failure } => ("ended", failure.as_str(), None),
        };
        if note(self, &notice.receiver, what, failure, pause).await? {
            bring_forward(self, &notice.receiver).await?;
        }
        Ok(())
    }

    async fn next_notice(&self, receiver: &str) -> Result<Option<Duration>, StoreError> {
        let state = standing(self, receiver).await?;
        if state.closed_at.is_some() {
            return Ok(None);
        }
        let next = waiting(self, receiver).await?.next;
        let paused = state.paused_until.map_or(Duration::ZERO, |until| {
            let left = until.duration_since(self.server.clock.now());
            left.try_into().unwrap_or_default()
        });
        Ok(next.map(|next| next.max(paused)))
    }

    async fn hasten_notice(&self, receiver: &str, id: MessageId) -> Result<bool, StoreError> {
        let accounts = self.server.listed().await?;
        let looks = accounts.iter().map(async |account| {
            let [notices, due, _] = account.notice_keys(receiver);
            let look = |command: &mut Cmd| {
                command.arg(id.as_bytes()).arg(receiver);
            };
            self.server.run(&HASTEN_ONE, &[notices, due], look).await
        });
        let mut is_there = false;
        for answer in try_join_all(looks).await? {
            is_there |= answer.number(0)? == 1;
        }
        self.changes.messages();
        Ok(is_there)
    }

    async fn receiver(&self, receiver: &str) -> Result<ReceiverState, StoreError> {
        let state = standing(self, receiver).await?;
        let waiting = waiting(self, receiver).await?;
        Ok(ReceiverState {
            waiting: waiting.count,
            oldest: waiting.oldest_us.and_then(time),
            ..state
        })
    }

    async fn reopen_receiver(&self, receiver: &str) -> Result<(), StoreError> {
        note(self, receiver, "open", "", None).await?;
        self.changes.messages();
        Ok(())
    }
}

/// The receiver, without what waits.
async fn standing(redis: &Redis, receiver: &str) -> Result<ReceiverState, StoreError> {
    let keys = [redis.server.accounts.receivers.clone()];
    let answer = redis
        .server
        .run(&RECEIVER_STANDS, &keys, |command| {
            command.arg(receiver);
        })
        .await?;
    let failed_at = time(answer.number(3)?);
    let now = redis.server.clock.now();
    Ok(ReceiverState {
        closed_at: time(answer.number(0)?),
        paused_until: time(answer.number(1)?).filter(|until| *until > now),
        failing_since: time(answer.number(2)?),
        last_failure: failed_at.zip(Some(answer.word(4)?.to_owned())),
        waiting: 0,
        oldest: None,
    })
}

/// 0 is never.
fn time(micros: i64) -> Option<jiff::Timestamp> {
    (micros != 0).then(|| from_millis(micros.div_euclid(1000)))
}

/// Notes how the receiver stands; whether what was put off is to be brought forward.
async fn note(
    redis: &Redis,
    receiver: &str,
    what: &str,
    failure: &str,
    pause: Option<Duration>,
) -> Result<bool, StoreError> {
    let keys = [redis.server.accounts.receivers.clone()];
    let answer = redis
        .server
        .run(&RECEIVER, &keys, |command| {
            command.arg(receiver).arg(what).arg(failure);
            command.arg(micros(pause.unwrap_or_default()));
            command.arg(micros(HASTEN_AFTER));
        })
        .await?;
    Ok(answer.number(0)? == 1)
}

async fn bring_forward(redis: &Redis, receiver: &str) -> Result<(), StoreError> {
    let mut are_all = true;
    for account in redis.server.listed().await? {
        let [notices, due, _] = account.notice_keys(receiver);
        let answer = redis
            .server
            .run(&HASTEN, &[notices, due], |command| {
                command.arg(HASTEN_MOST).arg(micros(HASTEN_APART));
            })
            .await?;
        are_all &= answer.unsigned(0)? < u64::from(HASTEN_MOST);
    }
    if are_all {
        note(redis, receiver, "brought", "", None).await?;
    }
    redis.changes.messages();
    Ok(())
}

/// What waits for a receiver, in all accounts.
#[derive(Default)]
struct Waiting {
    count: u64,
    oldest_us: Option<i64>,
    next: Option<Duration>,
}

async fn waiting(redis: &Redis, receiver: &str) -> Result<Waiting, StoreError> {
    let accounts = redis.server.listed().await?;
    let looks = accounts.iter().map(async |account| {
        let [_, due, told] = account.notice_keys(receiver);
        redis.server.run(&NOTICES_STAND, &[due, told], |_| {}).await
    });
    let mut all = Waiting::default();
    for answer in try_join_all(looks).await? {
        let count = answer.unsigned(0)?;
        if count == 0 {
            continue;
        }
        let next = Duration::from_micros(answer.unsigned(2)?);
        all.count += count;
        all.oldest_us = all.oldest_us.into_iter().chain([answer.number(1)?]).min();
        all.next = all.next.into_iter().chain([next]).min();
    }
    Ok(all)
}

/// Deletes what has waited for too long, also for receivers that nobody names any more. Whether there may be more.
pub async fn sweep(redis: &Redis, account: &Account, kept: Duration) -> Result<bool, StoreError> {
    let mut command = redis::cmd("SMEMBERS");
    command.arg(&account.receivers);
    let value: Value = redis
        .server
        .ask(&command)
        .await
        .map_err(|e| store_error(&e))?;
    let receivers: Vec<String> = redis::from_redis_value(value).map_err(|_| unexpected())?;
    let mut more = false;
    for receiver in receivers {
        let keys = account.notice_keys(&receiver);
        let mut is_full = true;
        for _ in 0..PIECES {
            let answer = redis
                .server
                .run(&SWEEP_NOTICES, &keys, |command| {
                    command.arg(micros(kept)).arg(PIECE);
                })
                .await?;
            is_full = answer.unsigned(0)? == PIECE;
            if !is_full {
                break;
            }
        }
        more |= is_full;
    }
    Ok(more)
}
