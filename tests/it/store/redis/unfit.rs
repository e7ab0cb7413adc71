//! Redis whose settings are changed while the store is open.

use std::sync::Arc;
use std::time::Duration;

use leadgate::queue::redis::{Durability, OpenError, Redis};
use leadgate::queue::{Hold, Next, Store, StoreError};

use super::{RedisServer, open, options};
use crate::store::contract::{acceptance, keep, lead, stored, take};
use crate::support::wait_for;

const SOON: Duration = Duration::from_secs(20);

/// No lead is taken, nor said to be, because of `why`.
async fn is_refused(store: &Arc<dyn Store>, why: &str) {
    wait_for("leads to be refused", SOON, async || {
        let refused = store.accept(acceptance(lead())).await.err()?;
        assert!(
            matches!(&refused, StoreError::Full(said) if said.contains(why)),
            "{refused:?}"
        );
        Some(())
    })
    .await;
    let probed = store.probe().await;
    assert!(matches!(probed, Err(StoreError::Full(_))), "{probed:?}");
}

async fn is_taken_again(store: &Arc<dyn Store>) {
    wait_for("leads to be taken", SOON, async || {
        store.accept(acceptance(lead())).await.ok()
    })
    .await;
    assert_eq!(store.probe().await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_keeps_less_than_at_the_opening_no_lead_is_taken_and_work_goes_on() {
    let server = RedisServer::start(&[]).await;
    let store = open(&options(server.url())).await;
    let id = keep(&store, acceptance(lead())).await;
    for (name, worse, better, why) in [
        ("appendfsync", "no", "always", "appendfsync"),
        (
            "maxmemory-policy",
            "allkeys-lru",
            "noeviction",
            "allkeys-lru",
        ),
        ("appendonly", "no", "yes", "appendonly"),
    ] {
        server.say(&["CONFIG", "SET", name, worse]);
        is_refused(&store, why).await;
        server.say(&["CONFIG", "SET", name, better]);
        is_taken_again(&store).await;
    }
    server.say(&["CONFIG", "SET", "appendfsync", "no"]);
    is_refused(&store, "appendfsync").await;
    let claim = take(&store).await.unwrap();
    assert_eq!(claim.lead.id, id);
    store.settle(claim, Next::Done, Hold::Keep).await.unwrap();
    assert!(stored(&store, id).await.waits.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_that_rests_while_the_log_is_written_anew_is_not_trusted() {
    let server = RedisServer::start(&["--no-appendfsync-on-rewrite", "yes"]).await;
    let opened = Redis::open(options(server.url())).await.unwrap();
    assert!(matches!(
        opened.durability(),
        Durability::Confirmed | Durability::Eventually
    ));
    server.say(&["CONFIG", "SET", "no-appendfsync-on-rewrite", "no"]);
    let opened = Redis::open(options(server.url())).await.unwrap();
    assert_eq!(opened.durability(), Durability::Always);
    server.say(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let refused = Redis::open(options(server.url())).await.err();
    assert!(matches!(refused, Some(OpenError::Evicts(_))));
}
