//! Permits when the server's clock is set back, or it forgets its last second.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use leadgate::queue::redis::Options;
use leadgate::queue::{Acquired, Budget, Limit, Store};

use super::{RedisServer, open, options};
use crate::store::contract::{ACCOUNT, DAY, HOUR, LEASE, SLACK};
use crate::support::wait_for;

const SOON: Duration = Duration::from_secs(20);
const BUDGET: Budget<'_> = Budget {
    account: ACCOUNT,
    endpoint: "POST /v1/eventCalls",
};
const WINDOW: Duration = Duration::from_secs(10);

fn at_once(requests: u32) -> Limit {
    Limit {
        requests,
        window: WINDOW,
    }
}

/// Moves the server's clock on by so many microseconds, or back.
fn moved(options: &Options, by: i64) {
    let offset = options.offset.as_ref().unwrap();
    offset.fetch_add(by, Ordering::SeqCst);
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap()
}

async fn acquired(store: &Arc<dyn Store>, limit: Limit, hold: Duration) -> Acquired {
    store.acquire(BUDGET, limit, hold).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_set_back_closes_no_endpoint_for_longer_than_its_span() {
    let server = RedisServer::shared().await;
    let options = options(server.url());
    let store = open(&options).await;
    moved(&options, micros(DAY));
    let one = at_once(1);
    assert!(matches!(
        acquired(&store, one, LEASE).await,
        Acquired::Permit(_)
    ));
    store.close(BUDGET, LEASE, None).await.unwrap();
    moved(&options, -micros(DAY));
    assert!(matches!(
        acquired(&store, one, LEASE).await,
        Acquired::NotBefore(wait) if wait < LEASE + SLACK
    ));
    moved(&options, micros(LEASE - SLACK));
    assert!(matches!(
        acquired(&store, one, LEASE).await,
        Acquired::NotBefore(_)
    ));
    let closed = store.usage(BUDGET).await.unwrap().closed_until;
    assert!(closed.unwrap() <= store.now() + SLACK * 2);
    moved(&options, micros(SLACK * 2));
    assert!(matches!(
        acquired(&store, one, LEASE).await,
        Acquired::Permit(_)
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permit_that_was_given_for_long_stays_open_beside_short_ones() {
    let server = RedisServer::shared().await;
    let options = options(server.url());
    let store = open(&options).await;
    acquired(&store, at_once(1), HOUR).await;
    acquired(&store, at_once(2), WINDOW).await;
    moved(&options, micros(HOUR - SLACK));
    assert!(matches!(
        acquired(&store, at_once(1), WINDOW).await,
        Acquired::NotBefore(_)
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_may_forget_its_last_second_lets_one_span_pass_after_it_came_back() {
    for (flush, waits) in [("everysec", true), ("always", false)] {
        let mut server = RedisServer::start(&["--appendfsync", flush]).await;
        let options = options(server.url());
        let store = open(&options).await;
        let limit = at_once(5);
        for _ in 0..2 {
            let before = acquired(&store, limit, LEASE).await;
            assert!(matches!(before, Acquired::Permit(_)));
        }
        server.kill();
        server.restart().await;
        let first = wait_for("the store to come back", SOON, async || {
            store.acquire(BUDGET, limit, LEASE).await.ok()
        })
        .await;
        assert_eq!(
            matches!(first, Acquired::NotBefore(wait) if wait <= LEASE + SLACK),
            waits,
            "{flush}: {first:?}"
        );
        moved(&options, micros(LEASE + SLACK));
        let after = acquired(&store, limit, LEASE).await;
        assert!(matches!(after, Acquired::Permit(_)), "{flush}: {after:?}");
    }
}
