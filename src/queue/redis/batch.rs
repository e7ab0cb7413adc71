//! Keeping leads together: those that arrive while a call is under way go with the next one.
//!
//! Most of what a call costs, here and in Redis, it costs whatever it brings. So one task makes the calls: one at a time
//! for leads that have their keys in common, and each takes along who waits by then. Nobody waits for others to come.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// Who waits for the next call of their kind, of those kinds that have one under way. `None` when nobody makes calls.
type Queues = Mutex<Option<HashMap<Alike, Vec<Waiting>>>>;

/// The way to the task.
pub struct Batcher {
    queues: Arc<Queues>,
    /// Kinds of which nothing was under way.
    starts: mpsc::UnboundedSender<Alike>,
    task: JoinHandle<()>,
}

impl Batcher {
    /// Starts the task.
    pub fn start(server: Arc<Server>) -> Self {
        let (starts, started) = mpsc::unbounded_channel();
        let queues = Arc::new(Mutex::new(Some(HashMap::new())));
        let end = End(Arc::clone(&queues));
        Self {
            queues,
            starts,
            task: tokio::spawn(work(server, end, started)),
        }
    }

    /// What `accept.lua` answers for one lead. Once it is on its way it is taken even if the caller goes away.
    pub async fn accept(&self, alike: Alike, arguments: Arguments) -> Result<Answer, StoreError> {
        let (tell, told) = oneshot::channel();
        self.queue(alike, Waiting { arguments, tell })?;
        told.await.map_err(|_| stopped())?
    }

    /// Only the first of its kind wakes the task.
    fn queue(&self, alike: Alike, lead: Waiting) -> Result<(), StoreError> {
        let mut queues = lock(&self.queues);
        let queues = queues.as_mut().ok_or_else(stopped)?;
        if let Some(queue) = queues.get_mut(&alike) {
            queue.push(lead);
            return Ok(());
        }
        queues.insert(alike.clone(), vec![lead]);
        self.starts.send(alike).map_err(|_| stopped())
    }
}

impl Drop for Batcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// However the task ends, nobody waits for it then.
struct End(Arc<Queues>);

impl Drop for End {
    fn drop(&mut self) {
        *lock(&self.0) = None;
    }
}

fn lock(queues: &Queues) -> MutexGuard<'_, Option<HashMap<Alike, Vec<Waiting>>>> {
    // Nothing under this lock can fail half-way.
    queues.lock().unwrap_or_else(PoisonError::into_inner)
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the store is being closed".to_owned())
}

async fn work(server: Arc<Server>, end: End, mut starts: mpsc::UnboundedReceiver<Alike>) {
    let mut kinds = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(alike) = starts.recv() => kinds.push(calls(&server, &end.0, alike)),
            Some(()) = kinds.next() => {}
            else => return,
        }
    }
}

/// Call after call, until nobody waits for one.
async fn calls(server: &Server, queues: &Queues, alike: Alike) {
    while let Some(group) = next(queues, &alike) {
        call(server, &alike, group).await;
    }
}

/// Who goes with the next call.
fn next(queues: &Queues, alike: &Alike) -> Option<Vec<Waiting>> {
    let mut queues = lock(queues);
    let queues = queues.as_mut()?;
    let queue = queues.get_mut(alike)?;
    if queue.is_empty() {
        queues.remove(alike);
        return None;
    }
    Some(queue.drain(..queue.len().min(MOST)).collect())
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

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    fn alike() -> Alike {
        Alike {
            account: "main".to_owned(),
            first: Some(Step::Book),
            lane: Lane::Normal,
            claimed_us: 1,
            kept_us: 0,
            receivers: Vec::new(),
        }
    }

    fn nothing() -> Arguments {
        Box::new(|_| {})
    }

    fn lead() -> Waiting {
        let (tell, _) = oneshot::channel();
        let arguments = nothing();
        Waiting { arguments, tell }
    }

    #[test]
    fn a_call_takes_who_waits_up_to_its_size_and_the_last_one_ends_them() {
        let all = (0..MOST + 3).map(|_| lead()).collect();
        let queues = Mutex::new(Some(HashMap::from([(alike(), all)])));
        let groups = std::iter::from_fn(|| next(&queues, &alike()));
        let sizes: Vec<usize> = groups.map(|group| group.len()).collect();
        assert_eq!(sizes, [MOST, 3]);
        assert!(lock(&queues).as_ref().unwrap().is_empty());
    }

    #[tokio::test]
    async fn nobody_waits_for_a_task_that_is_gone() {
        let queues = Arc::new(Mutex::new(Some(HashMap::new())));
        let (starts, started) = mpsc::unbounded_channel();
        let end = End(Arc::clone(&queues));
        let task = tokio::spawn(async move {
            let _both = (end, started);
            pending::<()>().await;
        });
        let batcher = Batcher {
            queues,
            starts,
            task,
        };
        let mut waiting = Box::pin(batcher.accept(alike(), nothing()));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        batcher.task.abort();
        assert_eq!(waiting.await.err(), Some(stopped()));
        let later = batcher.accept(alike(), nothing()).await;
        assert_eq!(later.err(), Some(stopped()));
    }
}
