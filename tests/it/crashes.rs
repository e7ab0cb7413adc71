//! Acknowledged means kept, whatever kills the process.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::gateway::EMBEDDED;
use crate::support::{Gateway, Senders, Settings, assert_promises, sandbox};

const KILLS: usize = 25;
const LEADS: usize = 600;
const SENDERS: usize = 8;
/// Small enough that the window must be kept across restarts to be kept at all.
const LIMIT: u32 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_five_kills_over_six_hundred_leads_lose_and_double_nobody() {
    kills_lose_and_double_nobody(EMBEDDED).await;
}

/// Kills a gateway with this store again and again, spread over accepting, looking up, booking and settling.
pub async fn kills_lose_and_double_nobody(store_url: &str) {
    let sandbox = sandbox(LIMIT, 2, 8).await;
    let settings = Settings::new(&sandbox.url(), (LIMIT, 2))
        .store_url(store_url)
        // What a killed process held in a shared store is free again when its lease lapses, 15 s after this.
        .account("request_timeout_seconds = 2")
        .tables("[booking]\nlook_after_seconds = [1, 2, 4]");
    let mut gateway = Gateway::start(&settings).await;
    let senders = Senders::to([&gateway]);
    let posting = tokio::spawn({
        let senders = senders.clone();
        async move { senders.deliver_all(0..LEADS, SENDERS).await }
    });
    for kill in 0..KILLS {
        senders.acknowledged((kill + 1) * LEADS / (KILLS + 2)).await;
        gateway.kill();
        gateway.restart();
        gateway.ready().await;
    }
    let ids = posting.await.unwrap();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), LEADS);
    let ends = gateway.all_ended(&ids, Duration::from_secs(180)).await;
    let report = sandbox.control().report();
    assert_eq!(ends, [("booked".to_owned(), LEADS)].into());
    assert_promises(&report, LEADS, LIMIT);
}
