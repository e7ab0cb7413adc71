//! What a running gateway does by itself, beside the leads: throw away what is past its time, and say who waits in vain.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web;

use crate::api::Gateway;
use crate::queue::{Retention, Store};
use crate::settings::Settings;
use crate::telemetry::events;

/// How often what is past its time is thrown away.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Leads of an account that left the settings wait for ever; an operator should know.
pub(super) async fn warn_of_strangers(gateway: web::Data<Gateway>) {
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
pub(super) async fn sweep(gateway: web::Data<Gateway>, retention: Retention) {
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
