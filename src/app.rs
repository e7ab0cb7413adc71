//! Which part is plugged into which, and the order of start and stop.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use rustls::ServerConfig;
use tokio::net::TcpSocket;
use tokio_util::sync::CancellationToken;

use crate::api::{self, Gateway};
use crate::booking::apply::Bounds;
use crate::booking::dispatcher::Dispatchers;
use crate::booking::lookup::Lookup;
use crate::booking::pace::Pace;
use crate::booking::{SourceRules, Worker};
use crate::clock::Clock;
use crate::fetching::Fetching;
use crate::iclosed;
use crate::intake::person::Hasher;
use crate::intake::throttle::{Guesses, Throttle, Throttles};
use crate::outbound;
use crate::queue::embedded::{self, Embedded, OpenError};
use crate::queue::redis::{self, Redis};
use crate::queue::{Limit, Retention, Store, Switches};
use crate::settings::{Account, Settings, Source, StoreUrl};
use crate::telemetry::{Measured, events, metrics};
use crate::tls::{self, TlsError};

/// What every key in Redis begins with.
pub const REDIS_PREFIX: &str = "lg";

/// Connections that may wait to be taken while every worker is busy; the system may allow fewer.
const BACKLOG: u32 = 4096;

/// How often what is past its time is thrown away.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Why the gateway did not start; one sentence for an operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another gateway holds the store.
    #[error("the store cannot be opened: {0}")]
    StoreInUse(String),
    /// The store cannot be used.
    #[error("the store cannot be opened: {0}")]
    Store(String),
    /// An account's settings make no client.
    #[error("account {account}: {problem}")]
    Account {
        /// The account's name.
        account: String,
        /// What is wrong.
        problem: String,
    },
    /// The system's TLS cannot be used.
    #[error("no HTTP client can be made: {0}")]
    Client(String),
    /// There is no certificate to show.
    #[error("[server] tls: {0}")]
    Tls(#[from] TlsError),
    /// The address is taken or not ours.
    #[error("cannot listen on {listen}: {source}")]
    Listen {
        /// As in the settings.
        listen: String,
        /// The system's word.
        source: std::io::Error,
    },
}

/// The whole gateway, running.
pub struct Running {
    address: SocketAddr,
    server: ServerHandle,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
    dispatchers: Dispatchers,
    sweeping: tokio::task::JoinHandle<()>,
    looking: tokio::task::JoinHandle<()>,
    stopping: CancellationToken,
    deadline: Duration,
}

/// Opens the store the settings name. What changes in it is told to the receivers of the settings.
///
/// # Errors
/// When it cannot be opened.
pub async fn open_store(settings: &Settings) -> Result<Arc<dyn Store>, StartError> {
    let store: Arc<dyn Store> = match &settings.store.url {
        StoreUrl::Embedded { folder } => {
            let options = embedded::Options {
                folder: folder.clone(),
                max_megabytes: settings.store.max_megabytes,
                clock: Clock::system(),
            };
            let store = Embedded::open(options).map_err(|error| match error {
                OpenError::InUse(_) => StartError::StoreInUse(error.to_string()),
                other => StartError::Store(other.to_string()),
            })?;
            Arc::new(store)
        }
        StoreUrl::Redis { url } => {
            let options = redis::Options {
                url: url.clone(),
                prefix: REDIS_PREFIX.to_owned(),
                allow_eviction: settings.store.allow_eviction,
                allow_no_persistence: settings.store.allow_no_persistence,
                offset: None,
            };
            let store = Redis::open(options)
                .await
                .map_err(|error| StartError::Store(error.to_string()))?;
            Arc::new(store)
        }
    };
    store.subscribe(outbound::subscriptions(&settings.receivers));
    Ok(store)
}

/// The client of one account, behind its budgets.
///
/// # Errors
/// When the settings make no client.
pub fn open_account(
    name: &str,
    account: &Account,
    store: &Arc<dyn Store>,
) -> Result<Pace, StartError> {
    let options = iclosed::Options {
        base_url: account.base_url.clone(),
        api_key: account.api_key.clone(),
        timeout: account.request_timeout,
        refusal_rules: Vec::new(),
    };
    let client = iclosed::Client::new(options).map_err(|error| StartError::Account {
        account: name.to_owned(),
        problem: error.to_string(),
    })?;
    Ok(Pace::new(
        name,
        client,
        limit_of(account),
        account.request_timeout,
        Arc::clone(store),
    ))
}

fn limit_of(account: &Account) -> Limit {
    Limit {
        requests: account.budget(),
        window: account.limit.window,
    }
}

/// Starts everything: store, workers, doors. The doors open last.
///
/// # Errors
/// See [`StartError`].
pub async fn start(settings: Settings, page: Option<&'static str>) -> Result<Running, StartError> {
    let proof = settings.server.tls.as_ref().map(tls::open).transpose()?;
    metrics::started(Clock::system().now());
    for source in settings.sources.keys() {
        metrics::source_known(source);
    }
    for receiver in settings.receivers.keys() {
        metrics::receiver_known(receiver);
    }
    let store = open_store(&settings).await?;
    let store: Arc<dyn Store> = Arc::new(Measured::new(store, settings.store.url.kind()));
    let listen = settings.server.listen.clone();
    let listener = listener_at(&listen)
        .await
        .map_err(|source| StartError::Listen {
            listen: listen.clone(),
            source,
        })?;
    let settings = Arc::new(settings);
    let switches = Arc::new(Switches::new(Arc::clone(&store)));
    // Before anything works: what rests must not be woken by a restart.
    let looked = switches.look().await;
    looked.map_err(|error| StartError::Store(error.to_string()))?;
    let dispatchers = Dispatchers::default();
    let mut lookups = HashMap::new();
    let mut workers = Vec::new();
    for (name, account) in &settings.accounts {
        let pace = Arc::new(open_account(name, account, &store)?);
        let kept = Duration::from_secs(settings.booking.slot_cache_seconds);
        let lookup = Arc::new(Lookup::new(Arc::clone(&pace), Arc::clone(&store), kept));
        lookups.insert(name.clone(), Arc::clone(&lookup));
        workers.push(Arc::new(worker(
            &settings,
            Arc::clone(&store),
            Arc::clone(&switches),
            pace,
            lookup,
        )));
    }
    let stopping = CancellationToken::new();
    let deadline = Duration::from_secs(settings.server.shutdown_seconds);
    let retention = Retention {
        ended: Duration::from_secs(u64::from(settings.store.retention_days) * 24 * 3600),
    };
    let hasher = Hasher::new(store.hash_key());
    let http = client_of_others()?;
    let fetching = Arc::new(Fetching {
        store: Arc::clone(&store),
        switches: Arc::clone(&switches),
        hasher: hasher.clone(),
        settings: Arc::clone(&settings),
        http: http.clone(),
    });
    let (told_of, receivers) = (Arc::clone(&store), settings.receivers.clone());
    let gateway = web::Data::new(Gateway {
        hasher,
        lookups,
        limits: settings
            .accounts
            .iter()
            .map(|(name, account)| (name.clone(), limit_of(account)))
            .collect(),
        throttles: Throttles {
            per_address: Throttle::new(settings.server.per_address),
            per_key: Throttle::new(settings.server.per_key),
            guesses: Guesses::default(),
        },
        http,
        stopping: stopping.clone(),
        page,
        switches: Arc::clone(&switches),
        store: Arc::clone(&store),
        settings,
    });
    tokio::spawn(warn_of_strangers(web::Data::clone(&gateway)));
    let looking = tokio::spawn(switches.keep(|error| {
        events::store_failed("look at what is paused", None, error);
    }));
    let sweeping = tokio::spawn(sweep(web::Data::clone(&gateway), retention));
    for worker in &workers {
        dispatchers.start(worker);
    }
    fetching.start(&stopping, dispatchers.work());
    let (clock, work) = (Clock::system(), dispatchers.work());
    outbound::start(&told_of, &receivers, &clock, &stopping, work)
        .map_err(|error| StartError::Client(error.to_string()))?;
    let failed = |source| StartError::Listen {
        listen: listen.clone(),
        source,
    };
    let proof = proof.map(|(config, shown)| {
        dispatchers.beside(tls::keep_fresh(shown));
        config
    });
    let (server, address) = serve(gateway, listener, proof, deadline).map_err(failed)?;
    let handle = server.handle();
    Ok(Running {
        address,
        server: handle,
        serving: tokio::spawn(server),
        dispatchers,
        sweeping,
        looking,
        stopping,
        deadline,
    })
}

/// Speaks to platforms and to those who check captchas; each request has its own time limit.
fn client_of_others() -> Result<reqwest::Client, StartError> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(20))
        .build()
        .map_err(|error| StartError::Client(error.to_string()))
}

/// A socket at the first of the addresses that `listen` names which can be had.
async fn listener_at(listen: &str) -> std::io::Result<TcpListener> {
    let mut failed = std::io::Error::other("the name has no address");
    for address in tokio::net::lookup_host(listen).await? {
        match listener(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn listener(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // As the standard library does: what is left of a process before must not keep a restart waiting.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

fn serve(
    gateway: web::Data<Gateway>,
    listener: TcpListener,
    proof: Option<ServerConfig>,
    deadline: Duration,
) -> std::io::Result<(Server, SocketAddr)> {
    let address = listener.local_addr()?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::clone(&gateway))
            .wrap(from_fn(api::request::around))
            .configure(api::routes)
    })
    .workers(
        std::thread::available_parallelism()
            .map_or(2, std::num::NonZero::get)
            .min(8),
    )
    .shutdown_timeout(deadline.as_secs())
    .disable_signals();
    let server = match proof {
        None => server.listen(listener)?,
        Some(config) => server.listen_rustls_0_23(listener, config)?,
    };
    Ok((server.run(), address))
}

fn worker(
    settings: &Settings,
    store: Arc<dyn Store>,
    switches: Arc<Switches>,
    pace: Arc<Pace>,
    lookup: Arc<Lookup>,
) -> Worker {
    let mine = settings
        .sources
        .values()
        .filter(|source| source.account == pace.account());
    Worker {
        sources: mine
            .map(|source| (source.name.clone(), rules_of(source)))
            .collect(),
        fallback: SourceRules::default(),
        bounds: Bounds {
            look_after_seconds: settings.booking.look_after_seconds.clone(),
            max_attempts: settings.booking.max_attempts,
            ask_for: Duration::from_secs(u64::from(settings.booking.ask_hours) * 3600),
            chance: 0.5,
        },
        store,
        switches,
        pace,
        lookup,
    }
}

fn rules_of(source: &Source) -> SourceRules {
    SourceRules {
        min_notice: Duration::from_secs(u64::from(source.min_notice_minutes) * 60),
        max_days_ahead: source.max_days_ahead,
        preferred_hours: source
            .preferred_hours
            .map(|hours| (hours.start_minute, hours.end_minute)),
        contact_only: !source.qualify,
    }
}

/// Leads of an account that left the settings wait for ever; an operator should know.
async fn warn_of_strangers(gateway: web::Data<Gateway>) {
    for (account, waiting) in strangers(&gateway.settings, &gateway.store).await {
        tracing::warn!(
            account,
            waiting,
            "leads wait for an account that is not in the settings"
        );
    }
}

/// Accounts for which leads wait and that the settings do not name.
pub async fn strangers(settings: &Settings, store: &Arc<dyn Store>) -> Vec<(String, u64)> {
    let backlog = store.backlog().await.unwrap_or_default();
    let unknown = backlog
        .into_iter()
        .filter(|lane| !settings.accounts.contains_key(&lane.account));
    unknown
        .filter(|lane| lane.waiting > 0)
        .map(|lane| (lane.account, lane.waiting))
        .collect()
}

/// Throws away what is past its time, and forgets callers that have gone quiet.
async fn sweep(gateway: web::Data<Gateway>, retention: Retention) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        gateway.throttles.per_address.forget_quiet();
        gateway.throttles.per_key.forget_quiet();
        gateway.throttles.guesses.forget_quiet(Instant::now());
        loop {
            match gateway.store.sweep(retention).await {
                Ok(swept) => {
                    if swept.leads > 0 {
                        events::swept(swept.leads);
                    }
                    if !swept.more {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the store could not be swept");
                    break;
                }
            }
        }
    }
}

impl Running {
    /// Where the doors are.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops in order: no new work is claimed, callers that wait are answered, requests in hand are finished, then
    /// the work in hand, all inside the deadline. Returns how many pieces of work were left to the next start.
    pub async fn stop(self) -> usize {
        tracing::info!("stopping");
        self.stopping.cancel();
        self.sweeping.abort();
        self.looking.abort();
        let (left, ()) = tokio::join!(self.dispatchers.stop(self.deadline), self.server.stop(true));
        if left > 0 {
            tracing::warn!(
                left,
                "work was cut short; its leads come back at the next start"
            );
        }
        left
    }

    /// Resolves when the server ended without being told to.
    pub async fn ended(&mut self) -> std::io::Result<()> {
        (&mut self.serving)
            .await
            .unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn a_crowd_is_let_in_while_nobody_answers_the_door() {
        const CROWD: usize = 300;
        let listener = listener_at("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let crowd: Vec<_> = (0..CROWD)
            .map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(900)))
            .take_while(Result::is_ok)
            .collect();
        assert_eq!(crowd.len(), CROWD);
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_told() {
        let listener = listener_at("localhost:0").await.unwrap();
        let taken = listener.local_addr().unwrap().to_string();
        let error = listener_at(&taken).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    }
}
