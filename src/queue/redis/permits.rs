//! Permits: how many requests of one endpoint may count against its limit at once.

use std::time::Duration;

use super::script::{ACQUIRE, ANSWERED, CLOSE, GIVE_BACK, USAGE, unexpected};
use super::time::micros;
use super::{Durability, Redis};
use crate::clock::from_millis;
use crate::queue::{Acquired, Budget, Limit, PermitId, StoreError, Usage};

/// Added to every span, because the vendor may cut its times to whole milliseconds.
const ROUNDING: Duration = Duration::from_millis(1);

pub async fn acquire(
    redis: &Redis,
    budget: Budget<'_>,
    limit: Limit,
    hold: Duration,
) -> Result<Acquired, StoreError> {
    let account = redis.server.accounts.account(budget.account);
    let answer = redis
        .server
        .run(&ACQUIRE, &account.permit_keys(budget.endpoint), |command| {
            command.arg(budget.endpoint).arg(limit.requests);
            command.arg(micros(limit.window.saturating_add(ROUNDING)));
            command.arg(micros(hold.saturating_add(ROUNDING)));
            command.arg(redis.opened_at);
            command.arg(redis.durability != Durability::Always);
        })
        .await?;
    let number = answer.unsigned(1)?;
    Ok(match answer.number(0)? {
        0 => Acquired::NotBefore(Duration::from_micros(number)),
        _ => Acquired::Permit(PermitId(number)),
    })
}

pub async fn answered(
    redis: &Redis,
    budget: Budget<'_>,
    permit: PermitId,
    window: Duration,
) -> Result<(), StoreError> {
    let account = redis.server.accounts.account(budget.account);
    let keys = account.permit_keys(budget.endpoint);
    let span = micros(window.saturating_add(ROUNDING));
    redis
        .server
        .run(&ANSWERED, &keys, |command| {
            command.arg(permit.0).arg(span);
        })
        .await
        .map(drop)
}

pub async fn give_back(
    redis: &Redis,
    budget: Budget<'_>,
    permit: PermitId,
) -> Result<(), StoreError> {
    let account = redis.server.accounts.account(budget.account);
    let keys = account.permit_keys(budget.endpoint);
    redis
        .server
        .run(&GIVE_BACK, &keys, |command| {
            command.arg(permit.0);
        })
        .await?;
    redis.changes.work();
    Ok(())
}

pub async fn close(
    redis: &Redis,
    budget: Budget<'_>,
    pause: Duration,
    lower: Option<u32>,
) -> Result<(), StoreError> {
    let account = redis.server.accounts.account(budget.account);
    let keys = account.permit_keys(budget.endpoint);
    let span = micros(pause.saturating_add(ROUNDING));
    let lower = lower.map_or(String::new(), |lower| lower.to_string());
    redis
        .server
        .run(&CLOSE, &keys, |command| {
            command.arg(budget.endpoint).arg(span).arg(&lower);
            command.arg(redis.opened_at);
        })
        .await
        .map(drop)
}

pub async fn usage(redis: &Redis, budget: Budget<'_>) -> Result<Usage, StoreError> {
    let account = redis.server.accounts.account(budget.account);
    let answer = redis
        .server
        .run(&USAGE, &account.permit_keys(budget.endpoint), |command| {
            command.arg(budget.endpoint).arg(redis.opened_at);
        })
        .await?;
    let small = |at| u32::try_from(answer.number(at)?).map_err(|_| unexpected());
    let closed_us = Some(answer.number(1)?).filter(|at| *at > 0);
    Ok(Usage {
        open: small(0)?,
        lower: Some(small(2)?).filter(|lower| *lower > 0),
        closed_until: closed_us.map(|at| from_millis(at.div_euclid(1000))),
    })
}
