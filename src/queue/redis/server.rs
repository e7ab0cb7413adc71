//! Asking Redis for one step.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};
use tokio::time::timeout;

use super::accounts::{Account, Accounts};
use super::link::{Link, PATIENCE, store_error};
use super::listen::Mark;
use super::script::{Answer, MARK, Script};
use super::time::ServerClock;
use crate::queue::StoreError;

/// Redis, and what this process knows of it.
pub struct Server {
    pub link: Link,
    pub accounts: Accounts,
    pub clock: ServerClock,
    pub mark: Mark,
    unfit: Mutex<Option<StoreError>>,
}

impl Server {
    pub fn new(link: Link, accounts: Accounts, clock: ServerClock, mark: Mark) -> Self {
        Self {
            link,
            accounts,
            clock,
            mark,
            unfit: Mutex::default(),
        }
    }

    /// Refuses while Redis keeps less of what it is given than when the store was opened.
    pub fn is_fit(&self) -> Result<(), StoreError> {
        let unfit = self.unfit.lock().unwrap_or_else(PoisonError::into_inner);
        unfit.clone().map_or(Ok(()), Err)
    }

    /// See [`super::durability::verdict`].
    pub fn set_fit(&self, verdict: Result<(), StoreError>) {
        *self.unfit.lock().unwrap_or_else(PoisonError::into_inner) = verdict.err();
    }

    /// Runs a script over these keys; `fill` adds its own arguments, from `ARGV[4]` on.
    pub async fn run(
        &self,
        script: &Script,
        keys: &[impl AsRef<str>],
        fill: impl Fn(&mut Cmd),
    ) -> Result<Answer, StoreError> {
        let moved_us = self.clock.moved_us();
        let complete = |mut command: Cmd| {
            command.arg(keys.len());
            for key in keys {
                command.arg(key.as_ref());
            }
            command
                .arg(moved_us)
                .arg(&self.mark)
                .arg(&self.accounts.channel);
            fill(&mut command);
            command
        };
        let mut command = complete(script.by_hash());
        let mut moves = 0;
        let value = loop {
            match self.ask(&command).await {
                Ok(value) => break value,
                Err(error) => match refused_before_it_ran(&error) {
                    Some(ServerErrorKind::NoScript) => command = complete(script.in_full()),
                    // The cluster's map is corrected by then.
                    Some(ServerErrorKind::Moved) if moves < 3 => moves += 1,
                    _ => return Err(store_error(&error)),
                },
            }
        };
        let (now_us, answer) = Answer::read(value)?;
        self.clock.saw(now_us.saturating_sub(moved_us));
        Ok(answer)
    }

    /// Runs a script about leads.
    pub async fn of_leads(
        &self,
        script: &Script,
        account: &Account,
        fill: impl Fn(&mut Cmd),
    ) -> Result<Answer, StoreError> {
        self.run(script, &account.keys, fill).await
    }

    /// One plain command.
    ///
    /// Boxed, so that the compiler looks into the client once and not for every step of the store.
    pub fn ask<'a>(&'a self, command: &'a Cmd) -> BoxFuture<'a, Result<Value, RedisError>> {
        Box::pin(async {
            timeout(PATIENCE, self.link.send(command))
                .await
                .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
        })
    }

    /// Puts the account on the list of all, unless it is known to be there.
    pub async fn list(&self, account: &Account) -> Result<(), StoreError> {
        if self.accounts.is_listed(&account.name) {
            return Ok(());
        }
        let mut command = redis::cmd("SADD");
        command.arg(&self.accounts.set).arg(&account.name);
        self.ask(&command).await.map_err(|e| store_error(&e))?;
        self.accounts.set_listed(&account.name, true);
        Ok(())
    }

    /// Every account that ever had a lead.
    pub async fn listed(&self) -> Result<Vec<Arc<Account>>, StoreError> {
        let mut command = redis::cmd("SMEMBERS");
        command.arg(&self.accounts.set);
        let value = self.ask(&command).await.map_err(|e| store_error(&e))?;
        let names: Vec<String> =
            redis::from_redis_value(value).map_err(|_| super::script::unexpected())?;
        Ok(names
            .iter()
            .map(|name| self.accounts.account(name))
            .collect())
    }

    /// Which life of the account's server answers now, or lately did.
    pub async fn life(&self, account: &Account) -> Result<String, StoreError> {
        match self.accounts.life(&account.name) {
            Some(life) => Ok(life),
            None => self.life_now(account).await,
        }
    }

    /// Which life of the account's server answers now.
    pub async fn life_now(&self, account: &Account) -> Result<String, StoreError> {
        let keys = [account.mark.clone()];
        let answer = self.run(&MARK, &keys, |_| {}).await?;
        let life = answer.word(0)?;
        self.accounts.set_life(&account.name, life);
        Ok(life.to_owned())
    }

    /// How many leads of the account wait, by lane.
    pub async fn waiting(&self, account: &Account) -> Result<[u64; 3], StoreError> {
        let mut command = redis::cmd("HMGET");
        command
            .arg(account.counts())
            .arg(&["waiting:0", "waiting:1", "waiting:2"]);
        let value = self.ask(&command).await.map_err(|e| store_error(&e))?;
        let counts: [Option<u64>; 3] =
            redis::from_redis_value(value).map_err(|_| super::script::unexpected())?;
        let counts = counts.map(Option::unwrap_or_default);
        self.accounts
            .set_waiting(&account.name, counts.iter().sum());
        Ok(counts)
    }
}

/// The answers that prove that nothing was done, so that asking again repeats nothing.
fn refused_before_it_ran(error: &RedisError) -> Option<ServerErrorKind> {
    match error.kind() {
        ErrorKind::Server(kind @ (ServerErrorKind::NoScript | ServerErrorKind::Moved)) => {
            Some(kind)
        }
        _ => None,
    }
}
