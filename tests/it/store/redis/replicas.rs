//! Several processes over one Redis: here several stores, which share nothing else.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use leadgate::lead::{Lane, LeadId, Status, Step};
use leadgate::queue::redis::Options;
use leadgate::queue::{
    Acceptance, Accepted, Acquired, Budget, ClaimError, Hold, Limit, Next, Receipt, Store,
    StoreError,
};
use tokio::time::timeout;

use super::{RedisCluster, RedisServer, open, options};
use crate::store::contract::{
    ACCOUNT, HOUR, LEASE, acceptance, keep, later, lead, lead_in, of_person, stored, take, waiting,
    with_key,
};
use crate::support::wait_for;

const SOON: Duration = Duration::from_secs(10);
const BUDGET: Budget<'_> = Budget {
    account: ACCOUNT,
    endpoint: "POST /v1/eventCalls",
};

/// Three processes over the same leads.
async fn three() -> (Arc<RedisServer>, Options, [Arc<dyn Store>; 3]) {
    let server = RedisServer::shared().await;
    let options = options(server.url());
    let stores = [
        open(&options).await,
        open(&options).await,
        open(&options).await,
    ];
    (server, options, stores)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_one_budget() {
    let (_server, _, stores) = three().await;
    let limit = Limit {
        requests: 7,
        window: Duration::from_secs(10),
    };
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..30 {
        let store = Arc::clone(&stores[n % 3]);
        tasks.spawn(async move { store.acquire(BUDGET, limit, HOUR).await.unwrap() });
    }
    let got = tasks.join_all().await;
    let permits: HashSet<u64> = got
        .iter()
        .filter_map(|acquired| match acquired {
            Acquired::Permit(permit) => Some(permit.0),
            Acquired::NotBefore(_) => None,
        })
        .collect();
    assert_eq!(permits.len(), 7);
    stores[0].close(BUDGET, HOUR, Some(2)).await.unwrap();
    for store in &stores {
        let acquired = store.acquire(BUDGET, limit, HOUR).await.unwrap();
        assert!(matches!(acquired, Acquired::NotBefore(_)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adopted_limit_binds_all_who_were_open_and_nobody_who_opens_later() {
    let (_server, options, stores) = three().await;
    let limit = Limit {
        requests: 4,
        window: Duration::from_secs(10),
    };
    stores[0]
        .close(BUDGET, Duration::ZERO, Some(2))
        .await
        .unwrap();
    options
        .offset
        .as_ref()
        .unwrap()
        .fetch_add(10_000, Ordering::SeqCst);
    let permit = |store: &Arc<dyn Store>| {
        let store = Arc::clone(store);
        async move { store.acquire(BUDGET, limit, HOUR).await.unwrap() }
    };
    assert!(matches!(permit(&stores[1]).await, Acquired::Permit(_)));
    assert!(matches!(permit(&stores[2]).await, Acquired::Permit(_)));
    assert!(matches!(permit(&stores[1]).await, Acquired::NotBefore(_)));
    let later = open(&options).await;
    assert!(matches!(permit(&later).await, Acquired::Permit(_)));
    assert!(matches!(permit(&stores[0]).await, Acquired::NotBefore(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_posted_to_all_replicas_at_once_is_one_lead() {
    let (_server, _, stores) = three().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..50 {
        let store = Arc::clone(&stores[n % 3]);
        tasks.spawn(async move { store.accept(of_person(&[[1; 16]])).await.unwrap() });
    }
    let all = tasks.join_all().await;
    let kept = all
        .iter()
        .filter(|one| matches!(one, Accepted::Kept { .. }));
    assert_eq!(kept.count(), 1);
    assert_eq!(waiting(&stores[0]).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lead_goes_from_replica_to_replica() {
    let (_server, options, stores) = three().await;
    let [one, two, three] = &stores;
    let id = keep(one, with_key(1, Some(1))).await;
    let receipt = Receipt {
        http_status: 202,
        status: Status::Queued,
        position: None,
        estimated_start_at: None,
    };
    three.remember([1; 16], receipt.clone()).await.unwrap();
    assert_eq!(
        two.accept(with_key(1, Some(1))).await.unwrap(),
        Accepted::Replayed {
            lead: id,
            receipt: Some(receipt)
        }
    );
    let stopped = take(two).await.unwrap();
    assert!(take(three).await.is_none());
    assert_eq!(stored(three, id).await.lead.status, Status::Booking);
    let lease_us = i64::try_from(LEASE.as_micros()).unwrap();
    options
        .offset
        .as_ref()
        .unwrap()
        .fetch_add(lease_us, Ordering::SeqCst);
    let taken_over = take(three).await.unwrap();
    assert_eq!(taken_over.lead.id, id);
    assert_eq!(
        two.settle(stopped, Next::Done, Hold::Keep).await,
        Err(ClaimError::Lost)
    );
    three
        .settle(taken_over, Next::Done, Hold::Keep)
        .await
        .unwrap();
    assert!(stored(one, id).await.waits.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_wait_in_another_replica_are_woken() {
    let (server, options, stores) = three().await;
    let [here, there, _] = &stores;
    let channel = format!("{}:changes", options.prefix);
    wait_for("all to listen", SOON, async || {
        let told = server.say(&["PUBSUB", "NUMSUB", &channel]);
        let (_, listeners): (String, u64) = redis::from_redis_value(told).unwrap();
        (listeners == 3).then_some(())
    })
    .await;
    let mut work = there.changes().watch_work(Step::Book);
    let id = keep(here, acceptance(lead())).await;
    timeout(SOON, work.changed())
        .await
        .expect("acceptance wakes")
        .unwrap();
    let watch = there.changes().watch_lead(id);
    let (settled, claim) = (watch.changed(), take(here).await.unwrap());
    here.settle(claim, later(Step::Book, Duration::ZERO), Hold::Keep)
        .await
        .unwrap();
    timeout(SOON, settled)
        .await
        .expect("settling wakes the caller");
    timeout(SOON, work.changed())
        .await
        .expect("settling wakes the dispatcher")
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_is_the_servers() {
    let (server, options, stores) = three().await;
    let day_us = 86_400 * 1_000_000;
    options
        .offset
        .as_ref()
        .unwrap()
        .fetch_add(day_us, Ordering::SeqCst);
    for store in &stores {
        let time = server.say(&["TIME"]);
        let [seconds, micros]: [i64; 2] = redis::from_redis_value(time).unwrap();
        let servers_us = seconds * 1_000_000 + micros + day_us;
        let off_us = store.now().as_microsecond() - servers_us;
        assert!(off_us.abs() < 1_000_000, "{off_us} us off");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leads_of_other_accounts_count_towards_the_limit() {
    let (_server, _, stores) = three().await;
    let bounded = |account: &str| Acceptance {
        max_waiting: 3,
        ..acceptance(lead_in(account, Lane::Normal))
    };
    keep(&stores[0], bounded("one")).await;
    keep(&stores[0], bounded("two")).await;
    let refused = wait_for("the replica to have counted", SOON, async || {
        stores[1].accept(bounded("three")).await.err()
    })
    .await;
    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_the_server_forgot_are_sent_again() {
    let server = RedisServer::start(&[]).await;
    let store = open(&options(server.url())).await;
    server.say(&["SCRIPT", "FLUSH"]);
    let id = keep(&store, acceptance(lead())).await;
    server.say(&["SCRIPT", "FLUSH"]);
    assert_eq!(take(&store).await.unwrap().lead.id, id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_cluster_accounts_lie_apart_and_are_found_from_everywhere() {
    let cluster = RedisCluster::shared().await;
    let options = options(cluster.url());
    let (here, there) = (open(&options).await, open(&options).await);
    let names: Vec<String> = (0..12).map(|n| format!("account{n}")).collect();
    let mut ids: Vec<LeadId> = Vec::new();
    for name in &names {
        ids.push(keep(&here, acceptance(lead_in(name, Lane::Bulk))).await);
    }
    assert!(cluster.nodes_with_keys() > 1);
    for (name, id) in names.iter().zip(&ids) {
        assert_eq!(stored(&there, *id).await.lead.account, *name);
        assert_eq!(there.ahead(*id).await.unwrap(), Some(0));
    }
    let mut backlog = there.backlog().await.unwrap();
    backlog.sort_by_key(|part| names.iter().position(|name| *name == part.account));
    let counted: Vec<_> = backlog
        .into_iter()
        .map(|part| (part.account, part.lane, part.waiting))
        .collect();
    let expected = names.iter().map(|name| (name.clone(), Lane::Bulk, 1));
    assert_eq!(counted, expected.collect::<Vec<_>>());
    there.probe().await.unwrap();
}
