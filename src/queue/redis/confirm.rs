//! Waiting until Redis has flushed what it answered, where its settings make it answer before.
//!
//! `WAITAOF` blocks its connection until everything that connection wrote is flushed, and with it all that Redis
//! wrote before, whoever asked (redis.io/docs/latest/commands/waitaof). So one task has a connection of its own,
//! writes a mark for everybody who waits at that moment, waits once, and answers all of them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redis::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::accounts::Account;
use super::link::{Link, store_error};
use super::script::MARK;
use crate::queue::StoreError;

/// Redis flushes each second and puts one off by two while the disk is busy.
const FLUSHED_MS: u64 = 3500;
/// The connection's patience: longer, so that Redis's own answer comes first.
pub const PATIENCE: Duration = Duration::from_millis(4000);

struct Waiting {
    account: Arc<Account>,
    tell: oneshot::Sender<Result<(), StoreError>>,
}

/// The way to the task.
pub struct Confirmer {
    waiting: mpsc::UnboundedSender<Waiting>,
    task: JoinHandle<()>,
}

impl Confirmer {
    /// `link` must be nobody else's.
    pub fn start(link: Link) -> Self {
        let (waiting, requests) = mpsc::unbounded_channel();
        Self {
            waiting,
            task: tokio::spawn(work(link, requests)),
        }
    }

    /// Returns when all that was written for this account is flushed.
    pub async fn flushed(&self, account: &Arc<Account>) -> Result<(), StoreError> {
        let (tell, told) = oneshot::channel();
        let account = Arc::clone(account);
        let sent = self.waiting.send(Waiting { account, tell });
        sent.map_err(|_| stopped())?;
        told.await.map_err(|_| stopped())?
    }
}

impl Drop for Confirmer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("nobody waits for the flush any more".to_owned())
}

async fn work(link: Link, mut requests: mpsc::UnboundedReceiver<Waiting>) {
    while let Some(first) = requests.recv().await {
        let mut group = vec![first];
        while let Ok(more) = requests.try_recv() {
            group.push(more);
        }
        let mut accounts: Vec<Arc<Account>> = Vec::new();
        for waiting in &group {
            let is_there = |known: &Arc<Account>| known.name == waiting.account.name;
            if !accounts.iter().any(is_there) {
                accounts.push(Arc::clone(&waiting.account));
            }
        }
        if matches!(link, Link::One(_)) {
            accounts.truncate(1);
        }
        let outcomes = join_all(accounts.iter().map(|account| flush(&link, account))).await;
        for Waiting { account, tell } in group {
            let at = accounts.iter().position(|known| known.name == account.name);
            let outcome = outcomes.get(at.unwrap_or(0)).cloned();
            // Nobody listens when the caller went away.
            let _ = tell.send(outcome.unwrap_or_else(|| Err(stopped())));
        }
    }
}

async fn flush(link: &Link, account: &Account) -> Result<(), StoreError> {
    let mut mark = MARK.in_full();
    mark.arg(1).arg(&account.mark);
    let mut wait = redis::cmd("WAITAOF");
    wait.arg(1).arg(0).arg(FLUSHED_MS);
    let answer = link.send_both(&mark, &wait).await;
    match answer.map_err(|error| store_error(&error))? {
        Value::Array(counts) if matches!(counts.first(), Some(Value::Int(1..))) => Ok(()),
        _ => Err(StoreError::Unavailable(
            "Redis has not flushed its append-only file in time".to_owned(),
        )),
    }
}
