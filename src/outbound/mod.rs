//! Telling programs outside what becomes of leads, by Standard Webhooks 1.0
//! (github.com/standard-webhooks/standard-webhooks).
//!
//! The store holds what is to be told, written with the change of the lead; here it is sent, tried again, and given up
//! to the operator when a receiver wants nothing any more. A message is built from the lead's record when it is sent.
//! Owns the message, its signature, the schedule and the address rule; does not decide what is worth telling.

pub mod address;
pub mod message;
pub mod schedule;
pub mod sender;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::queue::Store;
use crate::queue::notices::Subscription;
use crate::settings::Receiver;

use sender::Sender;

/// What the receivers want to know, for [`crate::queue::Outbox::subscribe`].
pub fn subscriptions(receivers: &BTreeMap<String, Receiver>) -> Vec<Subscription> {
    let each = receivers.iter().map(|(name, receiver)| Subscription {
        receiver: name.clone(),
        events: receiver.events.clone(),
        sources: receiver.sources.clone(),
    });
    each.collect()
}

/// Starts one loop for each receiver, so that none waits for another. `clock` gives the time of each try, which
/// receivers judge by the wall's. What is cut short at the stop is sent again when its lease lapses.
///
/// # Errors
/// When no HTTP client can be made.
pub fn start(
    store: &Arc<dyn Store>,
    receivers: &BTreeMap<String, Receiver>,
    clock: &Clock,
    stop: &CancellationToken,
    work: &TaskTracker,
) -> Result<(), reqwest::Error> {
    let mut senders = Vec::new();
    for (name, receiver) in receivers {
        let sender = Sender::new(name, receiver, Arc::clone(store), clock.clone())?;
        senders.push(Arc::new(sender));
    }
    for sender in senders {
        tokio::spawn(sender.run(stop.clone(), work.clone()));
    }
    Ok(())
}
