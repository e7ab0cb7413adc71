//! Keeping leads together: those that arrive while a call is under way go with the next one.
//!
//! Most of what a call costs, here and in Redis, it costs whatever it brings. So one task makes the calls: one at a time
//! for leads that have their keys in common, and each takes along who waits by then. Nobody waits for others to come.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::Cmd;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::accounts::Account;
use super::script::{ACCEPT, Answer, unexpected};
use super::server::Server;
use crate::lead::{Lane, Step};
use crate::queue::StoreError;

/// Leads in one call at most: Redis does nothing else meanwhile.
const MOST: usize = 64;
/// A position up to this one is counted for a new lead, a later one only bounded.
const AHEAD_EXACT: u64 = 1000;

/// What leads of one call have in common: all that decides which keys it needs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Alike {
    pub account: String,
    pub first: Option<Step>,
    pub lane: Lane,
    /// How long the person is claimed and the idempotency key kept, in microseconds.
    pub claimed_us: i64,
    pub kept_us: i64,
    /// Who is told something of the lead, in the order of its notices.
    pub receivers: Vec<String>,
}

/// Writes one lead's own arguments of `accept.lua`.
pub type Arguments = Box<dyn Fn(&mut Cmd) + Send + Sync>;

struct Waiting {
    arguments: Arguments,
    tell: oneshot::Sender<Result<Answer, StoreError>>,
}

/// The way to the task.
pub struct Batcher {
    waiting: mpsc::UnboundedSender<(Alike, Waiting)>,
    task: JoinHandle<()>,
}

impl Batcher {
    /// Starts the task.
    pub fn start(server: Arc<Server>) -> Self {
        let (waiting, leads) = mpsc::unbounded_channel();
        Self {
            waiting,
            task: tokio::spawn(work(server, leads)),
        }
    }

    /// What `accept.lua` answers for one lead. Once it is on its way it is taken even if the caller goes away.
    pub async fn accept(&self, alike: Alike, arguments: Arguments) -> Result<Answer, StoreError> {
        let (tell, told) = oneshot::channel();
        let waiting = Waiting { arguments, tell };
        self.waiting.send((alike, waiting)).map_err(|_| stopped())?;
        told.await.map_err(|_| stopped())?
    }
}

impl Drop for Batcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the store is being closed".to_owned())
}

async fn work(server: Arc<Server>, mut leads: mpsc::UnboundedReceiver<(Alike, Waiting)>) {
    // Those under way, and who waits for the next of the kind.
    let mut calls = FuturesUnordered::new();
    let mut queues: HashMap<Alike, Vec<Waiting>> = HashMap::new();
    let call = async |alike: Alike, group: Vec<Waiting>| {
        call(&server, &alike, group).await;
        alike
    };
    loop {
        tokio::select! {
            next = leads.recv() => {
                let Some((alike, lead)) = next else { return };
                if let Some(queue) = queues.get_mut(&alike) {
                    queue.push(lead);
                } else {
                    queues.insert(alike.clone(), Vec::new());
                    calls.push(call(alike, vec![lead]));
                }
            }
            Some(alike) = calls.next() => {
                let group = match queues.get_mut(&alike) {
                    Some(queue) => queue.drain(..queue.len().min(MOST)).collect(),
                    None => Vec::new(),
                };
                if group.is_empty() {
                    queues.remove(&alike);
                } else {
                    calls.push(call(alike, group));
                }
            }
        }
    }
}

async fn call(server: &Server, alike: &Alike, group: Vec<Waiting>) {
    let account = server.accounts.account(&alike.account);
    let answers = ask(server, &account, alike, &group).await;
    let (mut answers, failed) = match answers {
        Ok(answers) => (answers.into_iter(), unexpected()),
        Err(error) => (Vec::new().into_iter(), error),
    };
    for Waiting { tell, .. } in group {
        let answer = answers.next().ok_or_else(|| failed.clone());
        // Nobody listens when the caller went away.
        let _ = tell.send(answer);
    }
}

async fn ask(
    server: &Server,
    account: &Account,
    alike: &Alike,
    group: &[Waiting],
) -> Result<Vec<Answer>, StoreError> {
    let Alike {
        first,
        lane,
        claimed_us,
        kept_us,
        receivers,
        ..
    } = alike;
    let lists = [
        account.list_of("repeats", *kept_us),
        account.list_of("persons", *claimed_us),
    ];
    let own = account.keys_of_accept(*first, *lane);
    let own = own.chain(lists.iter().map(String::as_str));
    let keys = account.with_notice_keys(own, receivers);
    let answer = server.run(&ACCEPT, &keys, |command| {
        command.arg(lane.rank()).arg(first.map_or("", Step::as_str));
        command.arg(claimed_us).arg(kept_us).arg(AHEAD_EXACT);
        for lead in group {
            (lead.arguments)(command);
        }
    });
    answer.await?.parts()
}
