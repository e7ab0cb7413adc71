//! The parts of a gateway, each made of what the settings say.

use std::sync::Arc;
use std::time::Duration;

use super::{REDIS_PREFIX, StartError};
use crate::booking::apply::Bounds;
use crate::booking::lookup::Lookup;
use crate::booking::pace::Pace;
use crate::booking::{SourceRules, Worker};
use crate::clock::Clock;
use crate::iclosed;
use crate::outbound;
use crate::queue::embedded::{self, Embedded, OpenError};
use crate::queue::redis::{self, Redis};
use crate::queue::{Limit, Store, Switches};
use crate::settings::{Account, Settings, Source, StoreUrl};

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

pub(super) fn limit_of(account: &Account) -> Limit {
    Limit {
        requests: account.budget(),
        window: account.limit.window,
    }
}

/// Speaks to platforms and to those who check captchas; each request has its own time limit.
pub(super) fn client_of_others() -> Result<reqwest::Client, StartError> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(20))
        .build()
        .map_err(|error| StartError::Client(error.to_string()))
}

pub(super) fn worker(
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
