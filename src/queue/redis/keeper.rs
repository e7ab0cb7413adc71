//! What one task looks after while the store is open: whether Redis is there, still holds this store and keeps what it
//! is given, what time it is there, and how many leads wait for all accounts together.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};

use super::OpenError;
use super::durability::{self, Allowed, Durability};
use super::link::PATIENCE;
use super::script::FOUND;
use super::server::Server;
use crate::queue::StoreError;

/// How the keys are laid out; see the head of [`super`].
const LAYOUT: u32 = 1;
/// Also the least time between two lines in the log.
const TICK: Duration = Duration::from_secs(1);
/// Ticks between two turns of the clock.
const CLOCK_TURN: u32 = 10;
/// Ticks between two looks at what Redis keeps: four small commands to each server.
const FITNESS: u32 = 5;

/// What the store says of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Facts {
    layout: u32,
    pub hash_key: [u8; 32],
    /// Another one means that everything before is gone.
    epoch: [u8; 16],
}

impl Facts {
    /// For a store that is not there yet.
    pub fn new() -> Result<Self, OpenError> {
        let (mut hash_key, mut epoch) = ([0; 32], [0; 16]);
        getrandom::fill(&mut hash_key).map_err(OpenError::NoRandomness)?;
        getrandom::fill(&mut epoch).map_err(OpenError::NoRandomness)?;
        Ok(Self {
            layout: LAYOUT,
            hash_key,
            epoch,
        })
    }

    /// A store of a later layout is left alone.
    pub fn check(&self) -> Result<(), OpenError> {
        if self.layout > LAYOUT {
            return Err(OpenError::Newer { found: self.layout });
        }
        Ok(())
    }
}

/// The facts in Redis, made of `otherwise` where there are none.
pub async fn facts(server: &Server, otherwise: &Facts) -> Result<Facts, StoreError> {
    let keys = [server.accounts.store.clone()];
    let answer = server
        .run(&FOUND, &keys, |command| {
            command
                .arg(otherwise.layout)
                .arg(&otherwise.hash_key)
                .arg(&otherwise.epoch);
        })
        .await?;
    Ok(Facts {
        layout: answer.word(0)?.parse().unwrap_or(u32::MAX),
        hash_key: answer.array(1)?,
        epoch: answer.array(2)?,
    })
}

/// Looks every second until it is aborted. `opened` is how Redis was when the store was opened.
pub async fn keep(server: Arc<Server>, mut found: Facts, opened: Durability, allowed: Allowed) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut away: Option<StoreError> = None;
    for tick in 1_u32.. {
        ticks.tick().await;
        if tick.is_multiple_of(CLOCK_TURN) {
            server.clock.turn();
        }
        let looked = look(&server, &mut found).await;
        // One that was away may have come back with other settings.
        if looked.is_ok() && (away.is_some() || tick.is_multiple_of(FITNESS)) {
            judge(&server, opened, allowed).await;
        }
        match looked.and_then(|()| server.is_fit()) {
            Ok(()) => {
                if away.take().is_some() {
                    server.accounts.forget_lives();
                    tracing::info!("Redis is back");
                }
            }
            Err(error) if away.as_ref() == Some(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "Redis does not do its part; trying on");
                away = Some(error);
            }
        }
    }
}

async fn judge(server: &Server, opened: Durability, allowed: Allowed) {
    let check = timeout(PATIENCE, durability::check(&server.link, allowed));
    let found = check
        .await
        .unwrap_or_else(|_| Err(OpenError::Unreachable(String::new())));
    if let Some(verdict) = durability::verdict(opened, found) {
        server.set_fit(verdict);
    }
}

async fn look(server: &Server, found: &mut Facts) -> Result<(), StoreError> {
    // A new epoch is offered every time, so that it tells whether the facts are as old as they were. The secret is
    // offered as it was, so that persons are recognised as before.
    let mut otherwise = Facts::new().map_err(|e| StoreError::Unavailable(e.to_string()))?;
    otherwise.hash_key = found.hash_key;
    let facts = facts(server, &otherwise).await?;
    if facts.epoch != found.epoch {
        tracing::error!(
            "Redis was emptied: leads that were acknowledged are gone. Find out who ran FLUSHALL or FLUSHDB, or \
             restored an old file; the callers' own records are all that is left"
        );
        found.epoch = facts.epoch;
    }
    if facts.hash_key != found.hash_key {
        tracing::error!(
            "Redis holds another secret than this process opened it with: persons are not recognised between \
             processes. Restart this one"
        );
        found.hash_key = facts.hash_key;
    }
    let listed = server.listed().await?;
    for account in server.accounts.all() {
        // Also one that was on the list may have been lost from it.
        let is_there = listed.iter().any(|one| one.name == account.name);
        server.accounts.set_listed(&account.name, is_there);
        server.list(&account).await?;
    }
    for account in listed {
        server.waiting(&account).await?;
    }
    Ok(())
}
