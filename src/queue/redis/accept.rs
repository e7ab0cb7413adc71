//! Keeping a lead, and recognising a delivery that comes again.

use super::Redis;
use super::accounts::Account;
use super::notices;
use super::read;
use super::record::{self, frees};
use super::script::{ACCEPT, Answer, REMEMBER, REPEATED, unexpected};
use super::time::micros;
use crate::lead::{LeadId, Step};
use crate::queue::{Acceptance, Accepted, Digest, Receipt, StoreError};

/// A position up to this one is counted for a new lead, a later one only bounded.
const AHEAD_EXACT: u64 = 1000;

pub async fn accept(redis: &Redis, acceptance: Acceptance) -> Result<Accepted, StoreError> {
    let Acceptance {
        lead,
        first,
        idempotency,
        person,
        person_window,
        max_waiting,
    } = acceptance;
    redis.server.is_fit()?;
    let accounts = &redis.server.accounts;
    let account = accounts.account(&lead.account);
    redis.server.list(&account).await?;
    let before = redis.before(&account).await?;
    let body = record::encode(&lead)?;
    let announced = redis.subscriptions.either(None, &lead)?;
    let told = notices::all(&announced);
    let person = person.concat();
    let key = idempotency.map(|known| known.key);
    let digest = idempotency.and_then(|known| known.body);
    let elsewhere = accounts.waiting_elsewhere(&account.name);
    let (claimed_us, kept_us) = (
        micros(person_window),
        idempotency.map_or(0, |known| micros(known.kept)),
    );
    let lists = [
        account.list_of("repeats", kept_us),
        account.list_of("persons", claimed_us),
    ];
    let own = account.keys_of_accept(first, lead.lane);
    let keys = account.with_notice_keys(own.chain(lists.iter().map(String::as_str)), &told);
    let answer = redis
        .server
        .run(&ACCEPT, &keys, |command| {
            command.arg(lead.id.as_bytes()).arg(&body);
            command.arg(lead.lane.rank());
            command.arg(first.map_or("", Step::as_str));
            command.arg(key.as_ref().map_or(&[][..], |key| key));
            command.arg(digest.as_ref().map_or(&[][..], |digest| digest));
            command.arg(&person).arg(claimed_us);
            command.arg(!frees(&lead));
            command.arg(max_waiting.saturating_sub(elsewhere));
            command.arg(kept_us);
            command.arg(AHEAD_EXACT);
            notices::write(command, &announced);
        })
        .await?;
    let accepted = accepted(&answer, elsewhere)?;
    if let Some(key) = key {
        accounts.saw(key, &account);
    }
    match &accepted {
        Accepted::Kept { .. } | Accepted::Duplicate { .. } => {
            accounts.saw(*lead.id.as_bytes(), &account);
        }
        Accepted::Replayed { lead, .. } => accounts.saw(*lead.as_bytes(), &account),
        Accepted::KeyReused => {}
    }
    if let (Accepted::Kept { .. }, Some(step)) = (&accepted, first) {
        redis.changes.work_at(step);
    }
    if !told.is_empty() {
        redis.changes.messages();
    }
    // Also what was only recognised may not be on disk yet.
    redis.confirm(&account, before).await?;
    Ok(accepted)
}

/// What `accept.lua` answers.
fn accepted(answer: &Answer, waiting_elsewhere: u64) -> Result<Accepted, StoreError> {
    Ok(match answer.word(0)? {
        "kept" => Accepted::Kept {
            ahead: answer.unsigned(1)?,
        },
        "duplicate" => Accepted::Duplicate {
            of: LeadId::from_bytes(answer.array(1)?),
        },
        "replayed" => Accepted::Replayed {
            lead: LeadId::from_bytes(answer.array(1)?),
            // A receipt that cannot be read is as good as none: the caller is told the lead's state of today.
            receipt: serde_json::from_slice(answer.bytes(2)?).ok(),
        },
        "reused" => Accepted::KeyReused,
        "full" => {
            let waiting = answer.unsigned(1)?.saturating_add(waiting_elsewhere);
            return Err(StoreError::Full(format!("{waiting} leads wait")));
        }
        _ => return Err(unexpected()),
    })
}

pub async fn remember(redis: &Redis, key: Digest, receipt: Receipt) -> Result<(), StoreError> {
    let receipt =
        serde_json::to_vec(&receipt).map_err(|e| StoreError::Unavailable(e.to_string()))?;
    let Some(account) = read::locate(redis, &key, Account::repeats).await? else {
        return Ok(());
    };
    redis
        .server
        .of_leads(&REMEMBER, &account, |command| {
            command.arg(&key).arg(&receipt);
        })
        .await
        .map(drop)
}

pub async fn repeated(redis: &Redis, key: Digest) -> Result<Option<LeadId>, StoreError> {
    let Some(account) = read::locate(redis, &key, Account::repeats).await? else {
        return Ok(None);
    };
    let answer = redis
        .server
        .of_leads(&REPEATED, &account, |command| {
            command.arg(&key);
        })
        .await?;
    if answer.is_empty() {
        return Ok(None);
    }
    Ok(Some(LeadId::from_bytes(answer.array(0)?)))
}
