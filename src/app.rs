//! Which part is plugged into which, and the order of start and stop.

mod door;
mod parts;
mod upkeep;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web;
use tokio_util::sync::CancellationToken;

use crate::api::Gateway;
use crate::booking::dispatcher::Dispatchers;
use crate::booking::lookup::Lookup;
use crate::clock::Clock;
use crate::fetching::Fetching;
use crate::intake::person::Hasher;
use crate::intake::throttle::{Guesses, Throttle, Throttles};
use crate::outbound;
use crate::queue::{Retention, Store, Switches};
use crate::settings::Settings;
use crate::telemetry::{Measured, events, metrics};
use crate::tls::{self, TlsError};
use door::{listener_at, serve};
use parts::{client_of_others, limit_of, worker};
use upkeep::{sweep, warn_of_strangers};

pub use parts::{open_account, open_store};
pub use upkeep::strangers;

/// What every key in Redis begins with.
pub const REDIS_PREFIX: &str = "lg";

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
