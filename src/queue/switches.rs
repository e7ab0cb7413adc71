//! Switches: what an operator turned on for every replica and it stays so across restarts, such as an account's pause.
//!
//! Owns the names and one process's view of them. The view is a second old at most, so asking it costs nothing. What
//! a switch stops is decided where the work is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::{Claim, ClaimError, Hold, Next, Store, StoreError};
use crate::lead::Status;

/// What other replicas turned is seen after this at the latest.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A lead of a source that rests is looked at again after this, or longer.
const SHORTEST_REST: Duration = Duration::from_secs(1);

/// Nor later than after this.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// A switch that is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// See [`of_account`] and [`of_source`].
    pub name: String,
    /// Since when, by the store's clock.
    pub at: Timestamp,
    /// Who turned it on.
    pub by: String,
}

/// The switch that rests an account.
pub fn of_account(account: &str) -> String {
    format!("account:{account}")
}

/// The switch that rests a source.
pub fn of_source(source: &str) -> String {
    format!("source:{source}")
}

/// One process's view of the switches.
pub struct Switches {
    store: Arc<dyn Store>,
    seen: watch::Sender<Arc<BTreeMap<String, Switch>>>,
}

impl Switches {
    /// Nothing is on until the first [`Switches::look`].
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            seen: watch::Sender::default(),
        }
    }

    /// Looks at the store.
    ///
    /// # Errors
    /// When it does not answer; what was seen before stays.
    pub async fn look(&self) -> Result<(), StoreError> {
        let found = self.store.switches().await?;
        let found: BTreeMap<_, _> = found
            .into_iter()
            .map(|switch| (switch.name.clone(), switch))
            .collect();
        self.seen.send_if_modified(|seen| {
            let changed = **seen != found;
            if changed {
                *seen = Arc::new(found);
            }
            changed
        });
        Ok(())
    }

    /// Looks every second, until it is dropped, and hands every failure to `failed`: what was seen last stays.
    pub async fn keep(self: Arc<Self>, failed: impl Fn(&StoreError)) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Err(error) = self.look().await {
                failed(&error);
            }
        }
    }

    /// Turns a switch on in the name of `by`, or off. This process knows it at once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn turn(&self, name: &str, by: Option<&str>) -> Result<(), StoreError> {
        self.store.turn(name, by).await?;
        self.look().await
    }

    /// The switch, if it is on.
    pub fn get(&self, name: &str) -> Option<Switch> {
        self.seen.borrow().get(name).cloned()
    }

    /// The account's switch, if it is on.
    pub fn account(&self, account: &str) -> Option<Switch> {
        self.of(account, of_account)
    }

    /// The source's switch, if it is on.
    pub fn source(&self, source: &str) -> Option<Switch> {
        self.of(source, of_source)
    }

    /// Resolves when the account does not rest.
    pub async fn until_account_works(&self, account: &str) {
        let name = of_account(account);
        let mut seen = self.seen.subscribe();
        // The sender lives as long as `self`.
        seen.wait_for(|seen| !seen.contains_key(&name)).await.ok();
    }

    /// Nearly always nothing is on, and then no name need be made.
    fn of(&self, what: &str, name: fn(&str) -> String) -> Option<Switch> {
        let seen = self.seen.borrow();
        if seen.is_empty() {
            return None;
        }
        seen.get(&name(what)).cloned()
    }
}

/// Hands a claimed lead of a source that rests back: for a second to a minute, longer the longer the pause has lasted.
/// `chance`, from 0 to 1, keeps those that were put off together from coming back together.
///
/// # Errors
/// When the store fails. A claim that was lost is another's.
pub async fn put_off(
    store: &dyn Store,
    mut claim: Claim,
    paused: &Switch,
    chance: f64,
) -> Result<(), StoreError> {
    if claim.lead.status == Status::Booking {
        claim.lead.status = Status::Queued;
    }
    let next = Next::After {
        step: claim.step,
        delay: rest(paused.at, store.now(), chance),
    };
    match store.settle(claim, next, Hold::Keep).await {
        Ok(()) | Err(ClaimError::Lost) => Ok(()),
        Err(ClaimError::Store(error)) => Err(error),
    }
}

/// How long a lead rests before it is looked at again: longer the longer the pause has lasted, from 1 s to 1 min, and
/// never the same for all. It is also the longest that a lead rests on after the pause.
fn rest(since: Timestamp, now: Timestamp, chance: f64) -> Duration {
    let lasted = now.duration_since(since).unsigned_abs();
    let longest = (lasted / 4).clamp(SHORTEST_REST, LONGEST_REST);
    longest.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_rests_longer_the_longer_the_pause_lasts_and_a_minute_at_most() {
        for (lasted, chance, expected_ms) in [
            (0, 1.0, 1_000),
            (8, 1.0, 2_000),
            (8, 0.0, 1_000),
            (3_600, 1.0, 60_000),
            (3_600, 0.0, 30_000),
        ] {
            let now = Timestamp::from_second(lasted).unwrap();
            let rests = rest(Timestamp::UNIX_EPOCH, now, chance);
            assert_eq!(rests.as_millis(), expected_ms, "{lasted} {chance}");
        }
    }
}
