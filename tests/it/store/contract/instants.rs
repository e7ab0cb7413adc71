//! Intents and holds: which instant a lead may ask for, and who else may.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use leadgate::lead::Step;
use leadgate::queue::{Choice, Claim, ClaimError, Hold, Intended, Next, Store};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn instant(n: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + n * 1800).unwrap()
}

/// A new lead, claimed.
async fn worker(store: &Arc<dyn Store>) -> Claim {
    keep(store, acceptance(lead())).await;
    take(store).await.unwrap()
}

/// Asks with a list of slots fetched just now.
async fn ask(
    store: &Arc<dyn Store>,
    claim: &mut Claim,
    candidates: &[Timestamp],
) -> Option<Timestamp> {
    ask_by(store, claim, candidates, store.now()).await
}

async fn ask_by(
    store: &Arc<dyn Store>,
    claim: &mut Claim,
    candidates: &[Timestamp],
    seen_at: Timestamp,
) -> Option<Timestamp> {
    match store
        .intend(
            claim,
            Choice {
                candidates,
                seen_at,
            },
        )
        .await
        .unwrap()
    {
        Intended::At(intent) => Some(intent.instant),
        Intended::AllHeld => None,
    }
}

pub async fn an_intent_is_written_before_it_is_told(bench: &mut dyn Bench) {
    let store = bench.store();
    let mut claim = worker(store).await;
    claim.lead.progress.looks = 3;
    claim.lead.progress.contact_id = Some(42);
    for attempt in 1..=2 {
        assert_eq!(
            ask(store, &mut claim, &[instant(0), instant(1)]).await,
            Some(instant(0))
        );
        let intent = claim.lead.progress.intent.clone().unwrap();
        assert_eq!((intent.attempt, intent.instant), (attempt, instant(0)));
        assert_eq!(
            (claim.lead.progress.attempts, claim.lead.progress.looks),
            (attempt, 0)
        );
        let found = stored(store, claim.lead.id).await;
        assert!(
            found.lead.progress == claim.lead.progress,
            "what is on disk is what the worker has"
        );
    }
}

pub async fn an_open_hold_bars_everybody_else(bench: &mut dyn Bench) {
    let store = bench.store();
    let (mut one, mut two) = (worker(store).await, worker(store).await);
    assert_eq!(ask(store, &mut one, &[instant(0)]).await, Some(instant(0)));
    bench.advance(SECOND);
    assert_eq!(
        ask(store, &mut two, &[instant(0)]).await,
        None,
        "however fresh the list"
    );
    assert!(two.lead.progress.intent.is_none() && two.lead.progress.attempts == 0);
    assert_eq!(
        ask(store, &mut two, &[instant(0), instant(1)]).await,
        Some(instant(1))
    );
    assert_eq!(ask(store, &mut one, &[]).await, None);
}

pub async fn many_at_once_get_different_instants(bench: &mut dyn Bench) {
    let candidates: Vec<Timestamp> = (0..20).map(instant).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (store, candidates) = (Arc::clone(bench.store()), candidates.clone());
        tasks.spawn(async move { ask(&store, &mut worker(&store).await, &candidates).await });
    }
    let got: HashSet<Timestamp> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(got.len(), 20);
}

pub async fn an_instant_is_of_one_account_and_event(bench: &mut dyn Bench) {
    let store = bench.store();
    let mut here = worker(store).await;
    let mut other_event = lead();
    other_event.link_prefix = "ann/other".to_owned();
    keep(store, acceptance(other_event)).await;
    let mut other_event = take(store).await.unwrap();
    keep(store, acceptance(lead_in("other", Lane::Normal))).await;
    let mut other_account = store
        .claim("other", Step::Book, LEASE)
        .await
        .unwrap()
        .unwrap();
    for claim in [&mut here, &mut other_event, &mut other_account] {
        assert_eq!(ask(store, claim, &[instant(0)]).await, Some(instant(0)));
    }
}

pub async fn a_spent_instant_bars_only_lists_seen_before(bench: &mut dyn Bench) {
    let store = bench.store();
    let (mut one, mut two) = (worker(store).await, worker(store).await);
    let seen_before = store.now();
    ask(store, &mut one, &[instant(0)]).await.unwrap();
    bench.advance(SECOND);
    store.settle(one, Next::Done, Hold::Spent).await.unwrap();
    assert_eq!(
        ask_by(store, &mut two, &[instant(0)], seen_before).await,
        None
    );
    bench.advance(SECOND);
    assert_eq!(ask(store, &mut two, &[instant(0)]).await, Some(instant(0)));
}

pub async fn a_freed_instant_is_free(bench: &mut dyn Bench) {
    let store = bench.store();
    let (mut one, mut two) = (worker(store).await, worker(store).await);
    let seen_before = store.now();
    ask(store, &mut one, &[instant(0)]).await.unwrap();
    store
        .settle(one, later(Step::Book, HOUR), Hold::Free)
        .await
        .unwrap();
    assert_eq!(
        ask_by(store, &mut two, &[instant(0)], seen_before).await,
        Some(instant(0))
    );
}

pub async fn a_kept_hold_outlives_its_claim(bench: &mut dyn Bench) {
    let store = bench.store();
    let mut one = worker(store).await;
    ask(store, &mut one, &[instant(0)]).await.unwrap();
    store
        .settle(one, later(Step::Reconcile, HOUR), Hold::Keep)
        .await
        .unwrap();
    bench.advance(HOUR);
    sweep(store, HOUR).await;
    let mut two = worker(store).await;
    assert_eq!(ask(store, &mut two, &[instant(0)]).await, None);
    // What the lookup found ends it.
    let looked = store
        .claim(ACCOUNT, Step::Reconcile, LEASE)
        .await
        .unwrap()
        .unwrap();
    store.settle(looked, Next::Done, Hold::Spent).await.unwrap();
    bench.advance(SECOND);
    assert_eq!(ask(store, &mut two, &[instant(0)]).await, Some(instant(0)));
}

pub async fn a_lead_may_ask_again_for_its_own_instant(bench: &mut dyn Bench) {
    let store = bench.store();
    let mut claim = worker(store).await;
    let seen_before = store.now();
    ask(store, &mut claim, &[instant(0)]).await.unwrap();
    store
        .settle(claim, later(Step::Book, Duration::ZERO), Hold::Keep)
        .await
        .unwrap();
    let mut claim = take(store).await.unwrap();
    assert_eq!(
        ask_by(store, &mut claim, &[instant(0)], seen_before).await,
        Some(instant(0))
    );
}

pub async fn a_lead_holds_one_instant_at_a_time(bench: &mut dyn Bench) {
    let store = bench.store();
    let (mut one, mut two) = (worker(store).await, worker(store).await);
    let seen_before = store.now();
    ask(store, &mut one, &[instant(0)]).await.unwrap();
    ask(store, &mut one, &[instant(1)]).await.unwrap();
    assert_eq!(
        ask_by(store, &mut two, &[instant(0)], seen_before).await,
        None,
        "the first is spent"
    );
    bench.advance(SECOND);
    assert_eq!(
        ask(store, &mut two, &[instant(1), instant(0)]).await,
        Some(instant(0))
    );
}

pub async fn a_lapsed_lease_may_not_ask(bench: &mut dyn Bench) {
    let store = bench.store();
    let mut late = worker(store).await;
    bench.advance(LEASE);
    let seen_at = store.now();
    let choice = Choice {
        candidates: &[instant(0)],
        seen_at,
    };
    assert_eq!(store.intend(&mut late, choice).await, Err(ClaimError::Lost));
    assert!(late.lead.progress.intent.is_none());
    let mut next = take(store).await.unwrap();
    assert_eq!(
        ask(store, &mut next, &[instant(0)]).await,
        Some(instant(0)),
        "the refused one held nothing"
    );
    let choice = Choice {
        candidates: &[instant(1)],
        seen_at,
    };
    assert_eq!(store.intend(&mut late, choice).await, Err(ClaimError::Lost));
}
