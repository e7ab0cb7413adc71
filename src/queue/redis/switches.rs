//! What an operator turned on, under one key for all accounts.

use redis::Value;

use super::Redis;
use super::link::store_error;
use super::script::{TURN, unexpected};
use crate::clock::from_millis;
use crate::queue::{StoreError, Switch};

pub async fn all(redis: &Redis) -> Result<Vec<Switch>, StoreError> {
    let server = &redis.server;
    let mut command = redis::cmd("HGETALL");
    command.arg(server.accounts.common.switches());
    let value = server.ask(&command).await.map_err(|e| store_error(&e))?;
    read(value).ok_or_else(unexpected)
}

/// Each value is when and by whom, as `turn.lua` writes it.
fn read(value: Value) -> Option<Vec<Switch>> {
    let pairs: Vec<(String, String)> = redis::from_redis_value(value).ok()?;
    let switches = pairs.into_iter().map(|(name, told)| {
        let (at, by) = told.split_once(' ')?;
        Some(Switch {
            name,
            at: from_millis(at.parse::<i64>().ok()?.div_euclid(1000)),
            by: by.to_owned(),
        })
    });
    switches.collect()
}

pub async fn turn(redis: &Redis, name: &str, by: Option<&str>) -> Result<(), StoreError> {
    let common = &redis.server.accounts.common;
    let before = redis.before(common).await?;
    let keys = [common.switches()];
    redis
        .server
        .run(&TURN, &keys, |command| {
            command.arg(name).arg(by.unwrap_or_default());
        })
        .await?;
    redis.changes.work();
    redis.confirm(common, before).await
}
