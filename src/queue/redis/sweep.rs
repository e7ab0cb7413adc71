//! Deleting what is past its time, a piece at once so that nobody waits long behind it.

use std::sync::Arc;

use super::Redis;
use super::accounts::Account;
use super::link::store_error;
use super::notices;
use super::script::{LAPSE, SWEEP, unexpected};
use super::time::micros;
use crate::queue::{Retention, StoreError, Swept};

/// Entries deleted in one step.
const PIECE: u64 = 500;
/// Steps in one sweep of one account, and of each of its lists.
const PIECES: usize = 20;

/// Pieces of everything that is past its time.
pub async fn sweep(redis: &Redis, retention: Retention) -> Result<Swept, StoreError> {
    let mut swept = Swept::default();
    for account in redis.server.listed().await? {
        for list in lists(redis, &account).await? {
            swept.more |= lapse(redis, &account, &list).await?;
        }
        let mut more = true;
        for _ in 0..PIECES {
            let answer = redis
                .server
                .of_leads(&SWEEP, &account, |command| {
                    command.arg(micros(retention.ended)).arg(PIECE);
                })
                .await?;
            let (lapsed, ended) = (answer.unsigned(0)?, answer.unsigned(1)?);
            swept.leads += ended;
            more = lapsed.max(ended) == PIECE;
            if !more {
                break;
            }
        }
        swept.more |= more;
        swept.more |= notices::sweep(redis, &account, retention.ended).await?;
    }
    Ok(swept)
}

/// The lists of what lapses that are not empty.
async fn lists(redis: &Redis, account: &Account) -> Result<Vec<String>, StoreError> {
    let mut command = redis::cmd("SMEMBERS");
    command.arg(account.spans());
    let value = redis.server.ask(&command).await;
    redis::from_redis_value(value.map_err(|e| store_error(&e))?).map_err(|_| unexpected())
}

/// Whether there may be more on the list.
async fn lapse(redis: &Redis, account: &Arc<Account>, list: &str) -> Result<bool, StoreError> {
    let keys = account.keys_with([list.to_owned()]);
    for _ in 0..PIECES {
        let answer = redis
            .server
            .run(&LAPSE, &keys, |command| {
                command.arg(account.kind_of(list)).arg(PIECE);
            })
            .await?;
        if answer.unsigned(0)? < PIECE {
            return Ok(false);
        }
    }
    Ok(true)
}
