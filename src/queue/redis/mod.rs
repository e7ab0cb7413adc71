//! The store that many processes share: Redis 7.0 or newer, Valkey, one server or a cluster.
//!
//! Every step is one script ([`script`]), which Redis runs whole or not at all. Redis's own clock decides about
//! leases, due times, permits, holds and keys; times in it are microseconds since 1970. What a crash of Redis loses
//! is told in [`durability`].
//!
//! # The keys
//!
//! All begin with [`Options::prefix`], here `lg`. Those of one account, here `main`, lie on one node of a cluster
//! because of the braces. Names and packed values (`cmsgpack`) are written by the scripts alone.
//!
//! | key | holds | written by | goes |
//! |---|---|---|---|
//! | `lg:store` | hash: layout, secret of all digests, epoch | the first to open; [`keeper`] after a loss | never |
//! | `lg:accounts` | set: accounts that ever had a lead | the first step for one | never |
//! | `lg:{main}:leads` | hash: id → record as JSON | accept, intend, settle, amend | sweep, with its lead |
//! | `lg:{main}:places` | hash: id → lane, step, due time, lease, fence, version, person and whether it was given up, open intent and hold, call | all of them, claim, renew | the same |
//! | `lg:{main}:queue:STEP:LANE` | sorted set of ids: by due time; a leased one 2⁵² above its lease's end | accept, claim, renew, settle, amend | when the step is done |
//! | `lg:{main}:accepted` | sorted set of ids, by when they were accepted | accept | sweep, with its lead |
//! | `lg:{main}:ended` | sorted set of ids, by when they ended | accept, settle, amend | sweep, or brought back |
//! | `lg:{main}:calls` | hash: id of a call → the lead it was booked for | settle, amend | sweep, with its lead |
//! | `lg:{main}:counts` | hash: how many wait, by lane; hand-outs, by step | accept, claim, settle, amend | never |
//! | `lg:{main}:persons` | hash: digest → the lead that claims it, until when | accept, settle, amend | freed, or sweep after its end |
//! | `lg:{main}:repeats` | hash: idempotency key → body, lead, receipt, until when | accept, remember | sweep after its end |
//! | `lg:{main}:holds` | hash: event and instant → who asks or asked for it | intend, settle | settle, or sweep after its end |
//! | `lg:{main}:spans:persons:SPAN`, `…:repeats:SPAN` | list of names in those two hashes and their ends, in the order they came, which is that of their ends | accept | sweep, at their ends |
//! | `lg:{main}:spans` | set: which of these lists there are | accept | sweep, with the list |
//! | `lg:{main}:lapses` | sorted set by their end: names in `holds`, and in `persons` where not accept claimed them | intend, settle, amend | with what it names |
//! | `lg:{main}:permits:ENDPOINT` | sorted set of permits, by when they close | acquire, answered, give_back | when closed |
//! | `lg:{main}:endpoints` | hash: pauses, adopted limits, last permit, the server's life | acquire, close | overwritten |
//! | `lg:{main}:notices` | hash: id of a message → receiver, event, lead, lease, fence | accept, settle, amend, tell, claim_notice | told, or sweep |
//! | `lg:{main}:due:RECEIVER` | sorted set of message ids: by due time, a leased one by its lease's end | the same | the same |
//! | `lg:{main}:told:RECEIVER` | sorted set of message ids, by when they were written | accept, settle, amend, tell | the same |
//! | `lg:{main}:receivers` | set: receivers that ever had a message of this account | whoever writes one | never |
//! | `lg:receivers` | hash: receivers that ever failed: closed, paused, failing since | settle_notice, reopen_receiver | never |
//! | `lg:{*}:switches` | hash: what is turned on → since when, by whom; of no account | turn | turned off |
//! | `lg:{main}:mark`, `lg:{*}:mark`, `lg:store:mark` | nothing of use | [`confirm`], probe | overwritten |
//!
//! The channel `lg:changes` tells other processes what to look at ([`listen`]).
//!
//! No key has a life span of Redis's own: a sweep must run, as for every store. Two limits are looser than in one
//! process: `max_waiting` counts other accounts as of a second ago, and an adopted limit holds for the processes that
//! were open when it was named; one that opens later asks for the whole limit until it is told again.

mod accept;
mod accounts;
mod batch;
mod calls;
mod confirm;
mod durability;
mod keeper;
mod link;
mod list;
mod listen;
mod notices;
mod peek;
mod permits;
mod read;
mod record;
mod script;
mod scrub;
mod server;
mod store;
mod sweep;
mod switches;
mod time;
mod work;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use tokio::task::JoinHandle;

pub use durability::Durability;
pub use peek::accounts_at;

use crate::queue::notices::Subscriptions;
use crate::queue::{Changes, StoreError};
use accounts::{Account, Accounts};
use batch::Batcher;
use confirm::Confirmer;
use durability::Allowed;
use keeper::Facts;
use link::{Address, PATIENCE};
use listen::Mark;
use server::Server;
use time::ServerClock;

/// Where and how the store is opened.
#[derive(Clone)]
pub struct Options {
    /// `redis://host:port/db`, `rediss://` with TLS, `redis+cluster://host:port,host:port` or `rediss+cluster://`;
    /// `user:password@` before the first host. For TLS the process's rustls provider must be installed.
    pub url: String,
    /// Begins every key, such as `lg`. Stores of different prefixes on one Redis do not see each other.
    pub prefix: String,
    /// Open although Redis may throw leads away when its memory is full.
    pub allow_eviction: bool,
    /// Open although Redis keeps nothing on disk.
    pub allow_no_persistence: bool,
    /// Added to the server's clock, in microseconds: for tests that move time.
    pub offset: Option<Arc<AtomicI64>>,
}

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is not one of those in [`Options::url`]. It is not repeated, because it may hold a password.
    #[error("the URL of Redis: {0}")]
    Url(&'static str),
    /// Redis does not answer, or refuses.
    #[error("Redis cannot be reached: {0}")]
    Unreachable(String),
    /// Redis 7.0 is the oldest that will do.
    #[error("Redis {0} is too old: 7.0 or newer is needed")]
    TooOld(String),
    /// Leads could be thrown away.
    #[error(
        "Redis would throw leads away when its memory is full (maxmemory-policy {0:?}): set it to noeviction, or allow \
         this with allow_eviction"
    )]
    Evicts(String),
    /// Nothing is on disk.
    #[error(
        "Redis keeps nothing on disk: set appendonly to yes, or allow this with allow_no_persistence"
    )]
    Forgets,
    /// A later leadgate wrote the store.
    #[error("the store has a later layout ({found}) than this leadgate knows")]
    Newer {
        /// The layout found.
        found: u32,
    },
    /// What is there is not a store.
    #[error("Redis cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The system gave no randomness.
    #[error("the system gives no randomness: {0}")]
    NoRandomness(getrandom::Error),
}

/// A store in Redis. One of many processes may hold one; all see the same leads.
pub struct Redis {
    server: Arc<Server>,
    changes: Arc<Changes>,
    batcher: Batcher,
    hash_key: [u8; 32],
    durability: Durability,
    /// When Redis's answer does not mean that it is on disk.
    confirmer: Option<Confirmer>,
    /// By the server's clock, in microseconds: limits adopted before do not bind this process.
    opened_at: i64,
    subscriptions: Subscriptions,
    tasks: [JoinHandle<()>; 2],
}

impl Redis {
    /// Connects, checks that this Redis keeps what it is given, and starts the tasks that listen and look after it.
    ///
    /// # Errors
    /// When Redis is away, too old, or would lose leads without being allowed to; see [`OpenError`].
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let unreachable = |error: redis::RedisError| OpenError::Unreachable(error.to_string());
        let address = Arc::new(Address::parse(&options.url)?);
        let link = address.connect(PATIENCE).await.map_err(unreachable)?;
        let allowed = Allowed {
            eviction: options.allow_eviction,
            no_persistence: options.allow_no_persistence,
        };
        let durability = durability::check(&link, allowed).await?;
        if durability.is_whole() {
            tracing::info!(?durability, "{}", durability.loses());
        } else {
            tracing::warn!(?durability, "{}", durability.loses());
        }
        let mut mark = Mark::default();
        getrandom::fill(&mut mark).map_err(OpenError::NoRandomness)?;
        let server = Arc::new(Server::new(
            link,
            Accounts::new(&options.prefix),
            ServerClock::new(options.offset),
            mark,
        ));
        let confirmer = match durability {
            Durability::Confirmed => {
                let own = address.connect(confirm::PATIENCE).await;
                let own = own.map_err(unreachable)?;
                Some(Confirmer::start(Arc::clone(&server), own))
            }
            _ => None,
        };
        let facts = keeper::facts(&server, &Facts::new()?).await?;
        facts.check()?;
        let opened_at = server.clock.now().as_microsecond();
        let changes = Arc::new(Changes::default());
        let channel = server.accounts.channel.clone();
        let hash_key = facts.hash_key;
        let tasks = [
            tokio::spawn(listen::listen(address, channel, mark, Arc::clone(&changes))),
            tokio::spawn(keeper::keep(
                Arc::clone(&server),
                facts,
                durability,
                allowed,
            )),
        ];
        Ok(Self {
            batcher: Batcher::start(Arc::clone(&server)),
            server,
            changes,
            hash_key,
            durability,
            confirmer,
            opened_at,
            subscriptions: Subscriptions::default(),
            tasks,
        })
    }

    /// What [`Redis::confirm`] must know, from before the step that it confirms.
    async fn before(&self, account: &Account) -> Result<Option<String>, StoreError> {
        match self.confirmer {
            Some(_) => self.server.life(account).await.map(Some),
            None => Ok(None),
        }
    }

    /// Durable when it returns `Ok`.
    async fn confirm(
        &self,
        account: &Arc<Account>,
        before: Option<String>,
    ) -> Result<(), StoreError> {
        match (&self.confirmer, before) {
            (Some(confirmer), Some(life)) => confirmer.flushed(account, life).await,
            _ => Ok(()),
        }
    }

    /// What this Redis loses in a crash, as found at the opening. While it is found to lose more, no lead is taken.
    pub fn durability(&self) -> Durability {
        self.durability
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
