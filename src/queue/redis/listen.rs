//! What other processes changed, told to those who wait in this one.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::PubSub;
use tokio::time::{sleep, timeout};

use super::link::{Address, PATIENCE};
use crate::lead::LeadId;
use crate::queue::Changes;

/// Before the next try.
const PAUSE: Duration = Duration::from_millis(200);
/// After so long without a message, is the connection still there?
const SILENCE: Duration = Duration::from_secs(5);

/// Marks this process's own messages.
pub type Mark = [u8; 8];

/// Listens until it is aborted. Who failed to answer is the keeper's to report.
pub async fn listen(address: Arc<Address>, channel: String, mark: Mark, changes: Arc<Changes>) {
    for turn in 0.. {
        if let Ok(subscription) = address.subscribe(turn, &channel).await {
            // Whatever was told meanwhile was missed.
            changes.work();
            changes.messages();
            pass_on(subscription, mark, &changes).await;
        }
        sleep(PAUSE).await;
    }
}

/// Returns when the connection has ended.
async fn pass_on(subscription: PubSub, mark: Mark, changes: &Changes) {
    let (mut sink, mut messages) = subscription.split();
    loop {
        match timeout(SILENCE, messages.next()).await {
            Ok(Some(message)) => ring(message.get_payload_bytes(), mark, changes),
            Ok(None) => return,
            Err(_) => match timeout(PATIENCE, sink.ping::<redis::Value>()).await {
                Ok(Ok(_)) => {}
                _ => return,
            },
        }
    }
}

/// A message is a mark, then a lead's id, `w` for work, or both; or `m` for messages to receivers.
fn ring(message: &[u8], mark: Mark, changes: &Changes) {
    let Some((from, told)) = message.split_first_chunk::<8>() else {
        return;
    };
    if *from == mark {
        return;
    }
    let rest = match told.split_first_chunk::<16>() {
        Some((id, rest)) => {
            changes.lead(LeadId::from_bytes(*id));
            rest
        }
        None => told,
    };
    match rest {
        b"w" => changes.work(),
        b"m" => changes.messages(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::Step;

    #[test]
    fn only_what_others_told_rings() {
        let (mine, other) = ([1; 8], [2; 8]);
        for (from, told, rings) in [
            (mine, &b"w"[..], false),
            (other, b"w", true),
            (other, &[7; 16], false),
            (other, b"0123456789abcdefw", true),
            (other, b"", false),
        ] {
            let changes = Changes::default();
            let work = changes.watch_work(Step::Book);
            ring(&[&from[..], told].concat(), mine, &changes);
            assert_eq!(work.has_changed().unwrap(), rings, "{told:?}");
        }
    }
}
