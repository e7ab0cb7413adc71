//! Which lead has this call, and which leads claim this person.

use super::Redis;
use super::link::store_error;
use super::script::{BY_PERSON, unexpected};
use crate::lead::LeadId;
use crate::queue::{Digest, StoreError};

/// Digests looked up in one step: Lua unpacks a bounded number of values.
const PIECE: usize = 1000;

pub async fn by_call(
    redis: &Redis,
    account: &str,
    call_id: i64,
) -> Result<Option<LeadId>, StoreError> {
    let account = redis.server.accounts.account(account);
    let mut command = redis::cmd("HGET");
    command.arg(account.calls()).arg(call_id);
    let found = redis.server.ask(&command).await;
    let found: Option<Vec<u8>> =
        redis::from_redis_value(found.map_err(|e| store_error(&e))?).map_err(|_| unexpected())?;
    let Some(id) = found else { return Ok(None) };
    let id: [u8; 16] = id.try_into().map_err(|_| unexpected())?;
    redis.server.accounts.saw(id, &account);
    Ok(Some(LeadId::from_bytes(id)))
}

pub async fn by_person(
    redis: &Redis,
    account: &str,
    person: &[Digest],
) -> Result<Vec<LeadId>, StoreError> {
    let account = redis.server.accounts.account(account);
    let mut holders = Vec::new();
    for piece in person.chunks(PIECE) {
        let answer = redis
            .server
            .of_leads(&BY_PERSON, &account, |command| {
                for digest in piece {
                    command.arg(digest);
                }
            })
            .await?;
        for at in 0..answer.len() {
            let id: [u8; 16] = answer.array(at)?;
            let lead = LeadId::from_bytes(id);
            if !holders.contains(&lead) {
                redis.server.accounts.saw(id, &account);
                holders.push(lead);
            }
        }
    }
    Ok(holders)
}
