//! Waiting until Redis has flushed what it answered, where its settings make it answer before.
//!
//! `WAITAOF` blocks its connection until everything that connection wrote is flushed, and with it all that Redis
//! wrote before, whoever asked (redis.io/docs/latest/commands/waitaof). So one task has a connection of its own,
//! writes a mark for everybody who waits at that moment, waits once on every node, and answers all of them.
//!
//! A server that was killed and started again says truly that all it has is flushed: what it forgot it does not know.
//! So a flush counts only for steps of the same life of the server, told by its run id. Whoever will wait asks for
//! the life before its step, and the mark tells which life waited: when both are the same, so was every life between.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redis::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::accounts::Account;
use super::link::{Link, store_error};
use super::script::{Answer, MARK};
use super::server::Server;
use crate::queue::StoreError;

/// Redis flushes each second and puts one off by two while the disk is busy.
const FLUSHED_MS: u64 = 3500;
/// The connection's patience: longer, so that Redis's own answer comes first.
pub const PATIENCE: Duration = Duration::from_millis(4000);

struct Waiting {
    account: Arc<Account>,
    /// Which life of the account's server there was before the step.
    life: String,
    tell: oneshot::Sender<Result<(), StoreError>>,
}

/// The way to the task.
pub struct Confirmer {
    waiting: mpsc::UnboundedSender<Waiting>,
    task: JoinHandle<()>,
}

impl Confirmer {
    /// `link` must be nobody else's.
    pub fn start(server: Arc<Server>, link: Link) -> Self {
        let (waiting, requests) = mpsc::unbounded_channel();
        Self {
            waiting,
            task: tokio::spawn(work(server, link, requests)),
        }
    }

    /// Returns when all that was written for this account is flushed. `life` was told before that was written.
    pub async fn flushed(&self, account: &Arc<Account>, life: String) -> Result<(), StoreError> {
        let (tell, told) = oneshot::channel();
        let account = Arc::clone(account);
        let sent = self.waiting.send(Waiting {
            account,
            life,
            tell,
        });
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

fn another_life() -> StoreError {
    StoreError::Unavailable("Redis was started anew before it had flushed".to_owned())
}

async fn work(server: Arc<Server>, link: Link, mut requests: mpsc::UnboundedReceiver<Waiting>) {
    while let Some(first) = requests.recv().await {
        let mut group = vec![first];
        while let Ok(more) = requests.try_recv() {
            group.push(more);
        }
        serve(&server, &link, group).await;
    }
}

/// Accounts of one node must not wait one after the other: its connection is blocked until each has been flushed. So
/// every account's node is asked for its life, which tells the nodes apart, and each is waited for once.
async fn serve(server: &Server, link: &Link, group: Vec<Waiting>) {
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
    let lives = join_all(accounts.iter().map(|account| server.life_now(account))).await;
    let mut nodes: Vec<(&str, &Account)> = Vec::new();
    for (account, life) in accounts.iter().zip(&lives) {
        if let Ok(life) = life
            && !nodes.iter().any(|(known, _)| known == life)
        {
            nodes.push((life, account));
        }
    }
    let flushes = nodes.iter().map(async |(life, account)| {
        let flushed = flush(link, account, life).await;
        (*life, flushed)
    });
    let flushed = join_all(flushes).await;
    for Waiting {
        account,
        life,
        tell,
    } in group
    {
        let at = accounts.iter().position(|known| known.name == account.name);
        let outcome = match lives.get(at.unwrap_or(0)) {
            Some(now) => outcome(&life, now, &flushed),
            None => Err(stopped()),
        };
        if outcome.is_err() {
            server.accounts.forget_lives();
        }
        // Nobody listens when the caller went away.
        let _ = tell.send(outcome);
    }
}

/// What is known of a step that was taken after the server was in the life `before`, and ended before it was in the
/// life `now`. `flushed` has every life that was waited for since.
fn outcome(
    before: &str,
    now: &Result<String, StoreError>,
    flushed: &[(&str, Result<(), StoreError>)],
) -> Result<(), StoreError> {
    let now = now.as_ref().map_err(Clone::clone)?;
    if now != before {
        return Err(another_life());
    }
    let same = flushed.iter().find(|(life, _)| life == now);
    same.map_or_else(|| Err(stopped()), |(_, outcome)| outcome.clone())
}

async fn flush(link: &Link, account: &Account, life: &str) -> Result<(), StoreError> {
    let mut mark = MARK.in_full();
    mark.arg(1).arg(&account.mark).arg(0);
    let mut wait = redis::cmd("WAITAOF");
    wait.arg(1).arg(0).arg(FLUSHED_MS);
    let answers = link.send_both(&mark, &wait).await;
    let [marked, counts] = answers.map_err(|error| store_error(&error))?;
    let (_, marked) = Answer::read(marked)?;
    if marked.word(0)? != life {
        return Err(another_life());
    }
    match counts {
        Value::Array(counts) if matches!(counts.first(), Some(Value::Int(1..))) => Ok(()),
        _ => Err(StoreError::Unavailable(
            "Redis has not flushed its append-only file in time".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_counts_only_for_what_the_same_life_of_the_server_wrote() {
        let late = Err(StoreError::Unavailable("not in time".to_owned()));
        let flushed = [("one", Ok(())), ("two", late.clone())];
        for (before, now, expected) in [
            ("one", Ok("one"), Ok(())),
            ("two", Ok("two"), late),
            ("one", Ok("two"), Err(another_life())),
            ("two", Ok("one"), Err(another_life())),
            ("three", Ok("three"), Err(stopped())),
            ("one", Err(stopped()), Err(stopped())),
        ] {
            let now = now.map(str::to_owned);
            assert_eq!(
                outcome(before, &now, &flushed),
                expected,
                "{before} {now:?}"
            );
        }
    }
}
