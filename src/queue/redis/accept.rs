//! Keeping a lead, and recognising a delivery that comes again.

use redis::Cmd;

use super::Redis;
use super::accounts::Account;
use super::batch::Alike;
use super::notices;
use super::read;
use super::record::{self, frees};
use super::script::{Answer, REMEMBER, REPEATED, unexpected};
use super::time::micros;
use crate::lead::LeadId;
use crate::queue::{Acceptance, Accepted, Digest, Receipt, StoreError};

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
    let key = idempotency.map(|known| known.key);
    let digest = idempotency.and_then(|known| known.body);
    let elsewhere = accounts.waiting_elsewhere(&account.name);
    let alike = Alike {
        account: account.name.clone(),
        first,
        lane: lead.lane,
        claimed_us: micros(person_window),
        kept_us: idempotency.map_or(0, |known| micros(known.kept)),
        receivers: notices::receivers(&announced),
    };
    let is_told = !alike.receivers.is_empty();
    let (id, claims) = (*lead.id.as_bytes(), !frees(&lead));
    let arguments = move |command: &mut Cmd| {
        command.arg(&id).arg(&body);
        command.arg(key.as_ref().map_or(&[][..], |key| key));
        command.arg(digest.as_ref().map_or(&[][..], |digest| digest));
        command.arg(person.as_flattened()).arg(claims);
        command.arg(max_waiting.saturating_sub(elsewhere));
        command.arg(announced.kept.len() + announced.repeated.len());
        notices::write(command, &announced);
    };
    let answer = redis.batcher.accept(alike, Box::new(arguments)).await?;
    let accepted = accepted(&answer, elsewhere)?;
    if let Some(key) = key {
        accounts.saw(key, &account);
    }
    match &accepted {
        Accepted::Kept { .. } | Accepted::Duplicate { .. } => accounts.saw(id, &account),
        Accepted::Replayed { lead, .. } => accounts.saw(*lead.as_bytes(), &account),
        Accepted::KeyReused => {}
    }
    if let (Accepted::Kept { .. }, Some(step)) = (&accepted, first) {
        redis.changes.work_at(step);
    }
    if is_told {
        redis.changes.messages();
    }
    // Also what was only recognised may not be on disk yet.
    redis.confirm(&account, before).await?;
    Ok(accepted)
}

/// What `accept.lua` answers for a lead.
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
        "failed" => return Err(StoreError::Unavailable(answer.word(1)?.to_owned())),
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
