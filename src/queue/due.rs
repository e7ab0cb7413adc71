//! Waiting for work, without asking the store more often than it helps.

use std::time::Duration;

use tokio::time::Instant;

use super::{Store, StoreError};
use crate::lead::Step;

/// Work that another replica put into the shared store is noticed at least this often.
const LOOK_AT_LEAST: Duration = Duration::from_secs(1);

/// And not more often than this, however many signals come.
const LOOK_AT_MOST: Duration = Duration::from_millis(20);

/// Resolves when a lead of this account is due for this step.
///
/// # Errors
/// When the store fails.
pub async fn wait_for_due(store: &dyn Store, account: &str, step: Step) -> Result<(), StoreError> {
    let mut signal = store.changes().watch_work(step);
    loop {
        signal.mark_unchanged();
        let looked = Instant::now();
        let wait = match store.next_due(account, step).await? {
            Some(Duration::ZERO) => return Ok(()),
            Some(wait) => wait.min(LOOK_AT_LEAST),
            None => LOOK_AT_LEAST,
        };
        // Either is only a reason to look again.
        tokio::time::timeout(wait, signal.changed()).await.ok();
        // A thousand leads a second are a thousand signals.
        tokio::time::sleep_until(looked + LOOK_AT_MOST).await;
    }
}

/// Resolves when a message to this receiver is due.
///
/// # Errors
/// When the store fails.
pub async fn wait_for_notice(store: &dyn Store, receiver: &str) -> Result<(), StoreError> {
    let mut signal = store.changes().watch_messages();
    loop {
        signal.mark_unchanged();
        let looked = Instant::now();
        let wait = match store.next_notice(receiver).await? {
            Some(Duration::ZERO) => return Ok(()),
            Some(wait) => wait.min(LOOK_AT_LEAST),
            None => LOOK_AT_LEAST,
        };
        tokio::time::timeout(wait, signal.changed()).await.ok();
        tokio::time::sleep_until(looked + LOOK_AT_MOST).await;
    }
}
