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
    let seed = seed();
    println!("SEED={seed} kills at the same counts again");
    kills_lose_and_double_nobody(EMBEDDED, seed).await;
}

/// The kills' seed: `SEED` in the environment, or another in each run.
pub fn seed() -> u64 {
    let told = std::env::var("SEED").ok();
    told.map_or_else(
        || getrandom::u64().unwrap(),
        |seed| seed.parse().expect("SEED is a whole number"),
    )
}

/// How many leads have been acknowledged at each kill: drawn, and in order. The last leads are left to a gateway that
/// lives.
fn counts(seed: u64) -> BTreeSet<usize> {
    let mut drawn = BTreeSet::new();
    let mut state = seed;
    while drawn.len() < KILLS {
        // SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        drawn.insert(1 + (mixed % (LEADS as u64 - 20)) as usize);
    }
    drawn
}

/// Kills a gateway with this store again and again, wherever it is in accepting, looking up, booking and settling.
pub async fn kills_lose_and_double_nobody(store_url: &str, seed: u64) {
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
    for count in counts(seed) {
        senders.acknowledged(count).await;
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
