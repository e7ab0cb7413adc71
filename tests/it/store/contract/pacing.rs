//! Permits: what a vendor with a window of any kind would see.

use std::sync::Arc;
use std::time::Duration;

use leadgate::queue::{Acquired, Budget, Limit, PermitId, Store};

use super::*;

const BUDGET: Budget<'_> = Budget {
    account: ACCOUNT,
    endpoint: "POST /v1/eventCalls",
};
const WINDOW: Duration = Duration::from_secs(10);
const HOLD: Duration = Duration::from_secs(45);
const THREE: Limit = Limit {
    requests: 3,
    window: WINDOW,
};

async fn permit(store: &Arc<dyn Store>, limit: Limit) -> PermitId {
    match store.acquire(BUDGET, limit, HOLD).await.unwrap() {
        Acquired::Permit(permit) => permit,
        Acquired::NotBefore(wait) => panic!("a place is free, not only after {wait:?}"),
    }
}

async fn refused(store: &Arc<dyn Store>, limit: Limit) -> Duration {
    match store.acquire(BUDGET, limit, HOLD).await.unwrap() {
        Acquired::NotBefore(wait) => wait,
        Acquired::Permit(_) => panic!("no place is free"),
    }
}

/// How many permits can be had now; all of them are given back.
async fn places(store: &Arc<dyn Store>, limit: Limit) -> usize {
    let mut open = Vec::new();
    while let Acquired::Permit(permit) = store.acquire(BUDGET, limit, HOLD).await.unwrap() {
        open.push(permit);
    }
    for permit in &open {
        store.give_back(BUDGET, *permit).await.unwrap();
    }
    open.len()
}

pub async fn no_more_permits_are_open_than_the_limit(bench: &mut dyn Bench) {
    let store = bench.store();
    let mut permits = Vec::new();
    for _ in 0..3 {
        permits.push(permit(store, THREE).await);
    }
    permits.dedup();
    assert_eq!(permits.len(), 3);
    refused(store, THREE).await;
    refused(
        store,
        Limit {
            requests: 2,
            ..THREE
        },
    )
    .await;
    permit(
        store,
        Limit {
            requests: 4,
            ..THREE
        },
    )
    .await;
}

pub async fn many_at_once_get_no_more_than_the_limit(bench: &mut dyn Bench) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let store = Arc::clone(bench.store());
        tasks.spawn(async move { store.acquire(BUDGET, THREE, HOLD).await.unwrap() });
    }
    let open = tasks
        .join_all()
        .await
        .into_iter()
        .filter(|got| matches!(got, Acquired::Permit(_)))
        .count();
    assert_eq!(open, 3);
}

pub async fn budgets_do_not_share(bench: &mut dyn Bench) {
    let store = bench.store();
    let one = Limit {
        requests: 1,
        ..THREE
    };
    store
        .close(
            Budget {
                account: "paused",
                ..BUDGET
            },
            HOUR,
            Some(1),
        )
        .await
        .unwrap();
    for budget in [
        BUDGET,
        Budget {
            account: "other",
            ..BUDGET
        },
        Budget {
            endpoint: "GET /v1/events",
            ..BUDGET
        },
    ] {
        assert!(matches!(
            store.acquire(budget, one, HOLD).await.unwrap(),
            Acquired::Permit(_)
        ));
        assert!(matches!(
            store.acquire(budget, one, HOLD).await.unwrap(),
            Acquired::NotBefore(_)
        ));
    }
}

pub async fn an_answered_permit_closes_one_window_later(bench: &mut dyn Bench) {
    let store = bench.store();
    let one = Limit {
        requests: 1,
        ..THREE
    };
    let sent = permit(store, one).await;
    bench.advance(Duration::from_secs(5));
    store.answered(BUDGET, sent, WINDOW).await.unwrap();
    bench.advance(WINDOW - SLACK);
    refused(store, one).await;
    bench.advance(SLACK + Duration::from_millis(1));
    permit(store, one).await;
}

pub async fn an_unanswered_permit_closes_by_itself(bench: &mut dyn Bench) {
    let store = bench.store();
    let one = Limit {
        requests: 1,
        ..THREE
    };
    permit(store, one).await;
    bench.advance(HOLD - SLACK);
    refused(store, one).await;
    bench.advance(SLACK + Duration::from_millis(1));
    permit(store, one).await;
}

pub async fn an_answer_after_the_lapse_still_takes_a_place(bench: &mut dyn Bench) {
    let store = bench.store();
    let one = Limit {
        requests: 1,
        ..THREE
    };
    let slow = permit(store, one).await;
    bench.advance(HOLD + SLACK);
    sweep(store, HOUR).await;
    store.answered(BUDGET, slow, WINDOW).await.unwrap();
    refused(store, one).await;
    bench.advance(WINDOW + SLACK);
    permit(store, one).await;
}

pub async fn no_place_is_free_before_the_time_told(bench: &mut dyn Bench) {
    let store = bench.store();
    let first = permit(store, THREE).await;
    bench.advance(SLACK * 2);
    let second = permit(store, THREE).await;
    permit(store, THREE).await;
    // Unanswered: an answer this moment would close it in a window.
    let wait = refused(store, THREE).await;
    assert!(wait > WINDOW - SLACK && wait <= WINDOW + SLACK, "{wait:?}");
    store.answered(BUDGET, first, WINDOW).await.unwrap();
    bench.advance(SLACK * 2);
    store.answered(BUDGET, second, WINDOW).await.unwrap();
    let wait = refused(store, THREE).await;
    assert!(
        wait <= WINDOW - SLACK,
        "the first answered closes first: {wait:?}"
    );
    bench.advance(wait - SLACK);
    let rest = refused(store, THREE).await;
    assert!(rest <= SLACK + Duration::from_millis(1), "{rest:?}");
    bench.advance(rest);
    permit(store, THREE).await;
    refused(store, THREE).await;
    // With a lower limit two must close before one is free.
    let two = Limit {
        requests: 2,
        ..THREE
    };
    let wait = refused(store, two).await;
    bench.advance(wait.saturating_sub(SLACK));
    refused(store, two).await;
}

pub async fn what_is_given_back_is_free_at_once(bench: &mut dyn Bench) {
    let store = bench.store();
    let one = Limit {
        requests: 1,
        ..THREE
    };
    let unused = permit(store, one).await;
    let mut work = store.changes().watch_work(Step::Book);
    store.give_back(BUDGET, unused).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), work.changed())
        .await
        .expect("it wakes the dispatcher")
        .unwrap();
    permit(store, one).await;
    store.give_back(BUDGET, unused).await.unwrap();
    refused(store, one).await;
}

pub async fn a_pause_closes_the_endpoint(bench: &mut dyn Bench) {
    let store = bench.store();
    store.close(BUDGET, HOUR, None).await.unwrap();
    let wait = refused(store, THREE).await;
    assert!(wait > HOUR - SLACK && wait < HOUR + SLACK, "{wait:?}");
    bench.advance(wait - SLACK);
    let rest = refused(store, THREE).await;
    bench.advance(rest);
    assert_eq!(places(store, THREE).await, 3);
}

pub async fn a_longer_pause_stays(bench: &mut dyn Bench) {
    let store = bench.store();
    store.close(BUDGET, HOUR, None).await.unwrap();
    store.close(BUDGET, Duration::ZERO, None).await.unwrap();
    bench.advance(HOUR - SLACK);
    refused(store, THREE).await;
    store.close(BUDGET, HOUR, None).await.unwrap();
    bench.advance(HOUR - SLACK);
    refused(store, THREE).await;
}

pub async fn a_lower_limit_is_adopted_and_a_higher_one_never(bench: &mut dyn Bench) {
    let store = bench.store();
    for (lower, expected) in [
        (Some(9), 3),
        (Some(2), 2),
        (Some(9), 2),
        (None, 2),
        (Some(1), 1),
    ] {
        store.close(BUDGET, Duration::ZERO, lower).await.unwrap();
        bench.advance(Duration::from_millis(1));
        assert_eq!(places(store, THREE).await, expected, "{lower:?}");
    }
}

/// A request under way: when it reaches the vendor and when its answer comes, by the store's clock in milliseconds.
struct Request {
    permit: PermitId,
    reaches_at: i64,
    answers_at: Option<i64>,
}

/// Numbers that look random and come again (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.unsigned_abs()).cast_signed()
    }
}

pub async fn no_window_at_the_vendor_sees_more_than_the_limit(bench: &mut dyn Bench) {
    let window_ms = i64::try_from(WINDOW.as_millis()).unwrap();
    for seed in 1..=8 {
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
        let endpoint = format!("POST /v1/run/{seed}");
        let budget = Budget {
            account: ACCOUNT,
            endpoint: &endpoint,
        };
        let limit = Limit {
            requests: u32::try_from(1 + dice.below(5)).unwrap(),
            window: WINDOW,
        };
        let mut under_way: Vec<Request> = Vec::new();
        let mut seen_by_vendor: Vec<i64> = Vec::new();
        for turn in 0..250 {
            let store = bench.store();
            let now = store.now().as_millisecond();
            for request in std::mem::take(&mut under_way) {
                match request.answers_at {
                    Some(at) if at <= now => {
                        // It reached the vendor at any moment up to its answer: here as late as that can be.
                        let reached = if dice.below(2) == 0 {
                            request.reaches_at.min(now)
                        } else {
                            now
                        };
                        seen_by_vendor.push(reached);
                        store
                            .answered(budget, request.permit, WINDOW)
                            .await
                            .unwrap();
                    }
                    None if request.reaches_at <= now => seen_by_vendor.push(request.reaches_at),
                    _ => under_way.push(request),
                }
            }
            match store.acquire(budget, limit, HOLD).await.unwrap() {
                Acquired::Permit(permit) if dice.below(8) == 0 => {
                    store.give_back(budget, permit).await.unwrap();
                }
                Acquired::Permit(permit) => {
                    let now = store.now().as_millisecond();
                    let timeout_ms = i64::try_from((HOLD - WINDOW - SLACK).as_millis()).unwrap();
                    // Half of them without delay: the dearest case for a limit that counts from the grant.
                    let reaches_at = now + dice.below(2) * dice.below(timeout_ms);
                    let lost = dice.below(6) == 0;
                    let answers_at = (!lost).then(|| reaches_at + dice.below(3000));
                    under_way.push(Request {
                        permit,
                        reaches_at,
                        answers_at,
                    });
                }
                Acquired::NotBefore(wait) if dice.below(3) == 0 => bench.advance(wait),
                Acquired::NotBefore(_) => {}
            }
            bench.advance(Duration::from_millis(dice.below(1500).unsigned_abs()));
            if turn % 100 == 99 {
                bench.reopen().await;
            }
        }
        seen_by_vendor.sort_unstable();
        let most = usize::try_from(limit.requests).unwrap();
        assert!(
            seen_by_vendor.len() > most * 5,
            "the run is long enough to mean something"
        );
        for group in seen_by_vendor.windows(most + 1) {
            let span_ms = group[most] - group[0];
            assert!(
                span_ms >= window_ms,
                "seed {seed}: {} requests within {span_ms} ms",
                most + 1
            );
        }
    }
}
