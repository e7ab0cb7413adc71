//! Deleting what is past its time, a piece at once so that nobody waits long behind it.

use std::sync::Arc;

use super::Redis;
use super::accounts::Account;
use super::link::store_error;
use super::notices;
use super::script::{LAPSE, SWEEP, unexpected};
use super::time::micros;
use crate::queue::{Retention, StoreError};

/// Entries deleted in one step.
const PIECE: u64 = 500;
/// Steps in one sweep of one account, and of each of its lists.
const PIECES: usize = 20;

/// Returns how many leads went.
pub async fn sweep(redis: &Redis, retention: Retention) -> Result<u64, StoreError> {
    let mut gone = 0;
    for account in redis.server.listed().await? {
        for list in lists(redis, &account).await? {
            lapse(redis, &account, &list).await?;
        }
        for _ in 0..PIECES {
            let answer = redis
                .server
                .of_leads(&SWEEP, &account, |command| {
                    command.arg(micros(retention.ended)).arg(PIECE);
                })
                .await?;
            let (lapsed, ended) = (answer.unsigned(0)?, answer.unsigned(1)?);
            gone += ended;
            if lapsed.max(ended) < PIECE {
                break;
            }
        }
        notices::sweep(redis, &account, retention.ended).await?;
    }
    Ok(gone)
}

/// The lists of what lapses that are not empty.
async fn lists(redis: &Redis, account: &Account) -> Result<Vec<String>, StoreError> {
    let mut command = redis::cmd("SMEMBERS");
    command.arg(account.spans());
    let value = redis.server.ask(&command).await;
    redis::from_redis_value(value.map_err(|e| store_error(&e))?).map_err(|_| unexpected())
}

async fn lapse(redis: &Redis, account: &Arc<Account>, list: &str) -> Result<(), StoreError> {
    let keys = account.keys_with([list.to_owned()]);
    for _ in 0..PIECES {
        let answer = redis
            .server
            .run(&LAPSE, &keys, |command| {
                command.arg(account.kind_of(list)).arg(PIECE);
            })
            .await?;
        if answer.unsigned(0)? < PIECE {
            break;
        }
    }
    Ok(())
}
