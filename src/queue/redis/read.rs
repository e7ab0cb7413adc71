//! Looking: at one lead, wherever it is, and at all that wait.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use redis::Value;

use super::Redis;
use super::accounts::{Account, Name};
use super::link::store_error;
use super::record;
use super::script::{AHEAD, BACKLOG, CLAIMED, GET};
use crate::clock::from_millis;
use crate::lead::{Lane, LeadId};
use crate::queue::{Backlog, StoreError, Stored};

/// The account whose hash `kind` has this field: remembered, or found by asking all.
pub async fn locate(
    redis: &Redis,
    name: &Name,
    kind: fn(&Account) -> &str,
) -> Result<Option<Arc<Account>>, StoreError> {
    let server = &redis.server;
    if let Some(account) = server.accounts.of(name) {
        return Ok(Some(account));
    }
    let all = server.listed().await?;
    let looks = all.iter().map(async |account| {
        let mut command = redis::cmd("HEXISTS");
        command.arg(kind(account)).arg(name);
        server.ask(&command).await
    });
    let answers = try_join_all(looks).await.map_err(|e| store_error(&e))?;
    let found = answers
        .iter()
        .position(|answer| *answer == Value::Int(1) || *answer == Value::Boolean(true));
    let Some(account) = found.and_then(|at| all.get(at)) else {
        return Ok(None);
    };
    server.accounts.saw(*name, account);
    Ok(Some(Arc::clone(account)))
}

pub async fn get(redis: &Redis, id: LeadId) -> Result<Option<Stored>, StoreError> {
    let Some(account) = locate(redis, id.as_bytes(), Account::places).await? else {
        return Ok(None);
    };
    let answer = redis
        .server
        .of_leads(&GET, &account, |command| {
            command.arg(id.as_bytes());
        })
        .await?;
    if answer.is_empty() {
        return Ok(None);
    }
    record::stored(&answer).map(Some)
}

pub async fn ahead(redis: &Redis, id: LeadId) -> Result<Option<u64>, StoreError> {
    let Some(account) = locate(redis, id.as_bytes(), Account::places).await? else {
        return Ok(None);
    };
    let answer = redis
        .server
        .of_leads(&AHEAD, &account, |command| {
            command.arg(id.as_bytes());
        })
        .await?;
    if answer.is_empty() {
        return Ok(None);
    }
    answer.unsigned(0).map(Some)
}

pub async fn claimed_until(redis: &Redis, id: LeadId) -> Result<Option<Timestamp>, StoreError> {
    let Some(account) = locate(redis, id.as_bytes(), Account::places).await? else {
        return Ok(None);
    };
    let answer = redis
        .server
        .of_leads(&CLAIMED, &account, |command| {
            command.arg(id.as_bytes());
        })
        .await?;
    let ends_us = Some(answer.number(0)?).filter(|ends| *ends > 0);
    Ok(ends_us.map(|ends| from_millis(ends.div_euclid(1000))))
}

pub async fn backlog(redis: &Redis) -> Result<Vec<Backlog>, StoreError> {
    let all = redis.server.listed().await?;
    let looks = all
        .iter()
        .map(|account| redis.server.of_leads(&BACKLOG, account, |_| {}));
    let answers = try_join_all(looks).await?;
    let mut backlog = Vec::new();
    for (account, answer) in all.iter().zip(answers) {
        for (at, lane) in (0..).step_by(2).zip(Lane::ALL) {
            let waiting = answer.unsigned(at)?;
            if waiting > 0 {
                backlog.push(Backlog {
                    account: account.name.clone(),
                    lane,
                    waiting,
                    overdue: Duration::from_micros(answer.unsigned(at + 1)?),
                });
            }
        }
    }
    Ok(backlog)
}
