//! Redis killed, stopped, full, read-only, emptied, or not fit to hold leads.

use std::io::Write;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use leadgate::lead::{Lane, LeadId};
use leadgate::queue::redis::{Durability, OpenError, Redis};
use leadgate::queue::{ClaimError, Hold, Next, Store, StoreError};
use tracing_subscriber::fmt::MakeWriter;

use super::{RedisCluster, RedisServer, open, options};
use crate::store::contract::{
    ACCOUNT, LEASE, acceptance, keep, lead, lead_in, of_person, stored, take, waiting, with_key,
};
use crate::support::wait_for;

const SOON: Duration = Duration::from_secs(20);
/// What a caller may have to wait for the news that Redis is away, and some for a busy machine.
const AT_ONCE: Duration = Duration::from_millis(1500);

async fn back(store: &Arc<dyn Store>) {
    wait_for("the store to come back", SOON, async || {
        store.accept(acceptance(lead())).await.ok()
    })
    .await;
}

/// Says so, and at once.
async fn is_away(store: &Arc<dyn Store>) {
    let asked = Instant::now();
    let refused = store.accept(acceptance(lead())).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    let probed = store.probe().await;
    assert!(
        matches!(probed, Err(StoreError::Unavailable(_))),
        "{probed:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_redis_is_killed_under_load() {
    let mut server = RedisServer::start(&[]).await;
    let store = open(&options(server.url())).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let mut acknowledged: Vec<LeadId> = Vec::new();
            loop {
                let acceptance = acceptance(lead());
                let id = acceptance.lead.id;
                match store.accept(acceptance).await {
                    Ok(_) => acknowledged.push(id),
                    Err(_) => return acknowledged,
                }
            }
        });
    }
    wait_for("some leads", SOON, async || {
        (waiting(&store).await > 200).then_some(())
    })
    .await;
    server.kill();
    let acknowledged = tasks.join_all().await.concat();
    assert!(acknowledged.len() > 200);
    server.restart().await;
    back(&store).await;
    for id in acknowledged {
        assert!(stored(&store, id).await.waits.is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_redis_is_noticed_at_once_and_work_goes_on_when_it_is_back() {
    let mut server = RedisServer::start(&[]).await;
    let store = open(&options(server.url())).await;
    let id = keep(&store, with_key(1, Some(1))).await;
    let claim = take(&store).await.unwrap();
    server.kill();
    for _ in 0..5 {
        is_away(&store).await;
    }
    server.restart().await;
    back(&store).await;
    store.settle(claim, Next::Done, Hold::Keep).await.unwrap();
    assert!(stored(&store, id).await.waits.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_is_not_waited_for() {
    let server = RedisServer::start(&[]).await;
    let store = open(&options(server.url())).await;
    let signal = |name: &str| {
        let process = server.process_id().to_string();
        let status = Command::new("kill").args([name, &process]).status();
        assert!(status.unwrap().success());
    };
    signal("-STOP");
    is_away(&store).await;
    signal("-CONT");
    back(&store).await;
}

/// Refused before anything was written; the reason is `why`.
async fn is_full(store: &Arc<dyn Store>, why: &str) {
    let acceptance = acceptance(lead());
    let id = acceptance.lead.id;
    let refused = store.accept(acceptance).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Full(said) if said.contains(why)),
        "{refused:?}"
    );
    assert!(store.get(id).await.unwrap().is_none());
    let probed = store.probe().await;
    assert!(matches!(probed, Err(StoreError::Full(_))), "{probed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_memory_ceiling_leads_are_refused_and_work_under_way_is_finished() {
    let server = RedisServer::start(&[]).await;
    let store = open(&options(server.url())).await;
    let id = keep(&store, of_person(&[[1; 16]])).await;
    keep(&store, acceptance(lead())).await;
    let mut claim = take(&store).await.unwrap();
    server.say(&["CONFIG", "SET", "maxmemory", "1"]);
    is_full(&store, "memory").await;
    let no_claim = store
        .claim(&claim.lead.account, claim.step, LEASE)
        .await
        .err();
    assert!(
        matches!(no_claim, Some(StoreError::Full(_))),
        "booking pauses"
    );
    store.renew(&mut claim, LEASE).await.unwrap();
    store.settle(claim, Next::Done, Hold::Keep).await.unwrap();
    assert!(stored(&store, id).await.waits.is_none());
    server.say(&["CONFIG", "SET", "maxmemory", "0"]);
    keep(&store, acceptance(lead())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_redis_refuses_and_recovers() {
    let server = RedisServer::start(&[]).await;
    let store = open(&options(server.url())).await;
    server.say(&["REPLICAOF", "127.0.0.1", "1"]);
    is_full(&store, "read-only").await;
    server.say(&["REPLICAOF", "NO", "ONE"]);
    keep(&store, acceptance(lead())).await;
}

/// A log that a test can read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self, word: &str) -> usize {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(word)).count()
    }
}

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Log;

    fn make_writer(&self) -> Log {
        self.clone()
    }
}

// One thread, so that the store's own tasks write into this test's log.
#[tokio::test]
async fn an_emptied_redis_is_reported_once_and_taken_into_use_again() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let server = RedisServer::start(&[]).await;
    let options = options(server.url());
    let store = open(&options).await;
    keep(&store, acceptance(lead())).await;
    let claim = take(&store).await.unwrap();
    server.say(&["FLUSHALL"]);
    assert_eq!(
        store.settle(claim, Next::Done, Hold::Keep).await,
        Err(ClaimError::Lost)
    );
    assert!(take(&store).await.is_none());
    let id = keep(&store, acceptance(lead())).await;
    wait_for("the report", SOON, async || {
        (log.lines("was emptied") == 1).then_some(())
    })
    .await;
    let other = open(&options).await;
    assert_eq!(other.hash_key(), store.hash_key());
    assert_eq!(waiting(&other).await, 1);
    assert_eq!(stored(&other, id).await.lead.id, id);
    server.say(&["FLUSHALL"]);
    wait_for("the next report, of each", SOON, async || {
        (log.lines("was emptied") == 3).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_lost_from_the_list_of_all_is_put_back() {
    let server = RedisServer::start(&[]).await;
    let options = options(server.url());
    let store = open(&options).await;
    let id = keep(&store, acceptance(lead())).await;
    let list = format!("{}:accounts", options.prefix);
    server.say(&["DEL", &list]);
    wait_for("the account to be listed", SOON, async || {
        (server.say(&["SISMEMBER", &list, ACCOUNT]) == redis::Value::Int(1)).then_some(())
    })
    .await;
    let other = open(&options).await;
    assert_eq!(stored(&other, id).await.lead.id, id);
}

#[tokio::test]
async fn while_redis_is_away_the_log_stays_short() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let mut server = RedisServer::start(&[]).await;
    let store = open(&options(server.url())).await;
    let before = log.lines("");
    server.kill();
    let away = Instant::now();
    wait_for("the report", SOON, async || {
        is_away(&store).await;
        (log.lines("trying on") > 0).then_some(())
    })
    .await;
    server.restart().await;
    wait_for("the all-clear", SOON, async || {
        (log.lines("is back") == 1).then_some(())
    })
    .await;
    let most = usize::try_from(away.elapsed().as_secs()).unwrap() + 2;
    assert!(log.lines("") - before <= most, "at most a line a second");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_would_lose_leads_is_refused_unless_allowed() {
    let evicting = RedisServer::start(&["--maxmemory-policy", "allkeys-lru"]).await;
    let mut options = options(evicting.url());
    let refused = Redis::open(options.clone()).await.err();
    assert!(matches!(&refused, Some(OpenError::Evicts(policy)) if policy == "allkeys-lru"));
    options.allow_eviction = true;
    Redis::open(options.clone()).await.unwrap();

    let forgetting = RedisServer::start(&["--appendonly", "no"]).await;
    options.url = forgetting.url();
    let refused = Redis::open(options.clone()).await.err();
    assert!(matches!(refused, Some(OpenError::Forgets)));
    options.allow_no_persistence = true;
    let opened = Redis::open(options.clone()).await.unwrap();
    assert_eq!(opened.durability(), Durability::Nothing);
    options.allow_no_persistence = false;
    forgetting.say(&["CONFIG", "SET", "save", "3600 1"]);
    let opened = Redis::open(options).await.unwrap();
    assert_eq!(opened.durability(), Durability::Snapshots);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_of_a_later_leadgate_or_away_is_not_opened() {
    let mut server = RedisServer::start(&[]).await;
    let options = options(server.url());
    let store = format!("{}:store", options.prefix);
    server.say(&["HSET", &store, "layout", "99"]);
    let refused = Redis::open(options.clone()).await.err();
    assert!(matches!(refused, Some(OpenError::Newer { found: 99 })));
    server.kill();
    let refused = Redis::open(options).await.err();
    assert!(matches!(refused, Some(OpenError::Unreachable(_))));
}

/// Where Redis can tell when it has flushed, an acceptance waits for that; many wait together.
async fn waits_for_the_flush(url: String) -> Durability {
    let redis = Redis::open(options(url)).await.unwrap();
    let durability = redis.durability();
    let store: Arc<dyn Store> = Arc::new(redis);
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..200 {
        let store = Arc::clone(&store);
        let lead = lead_in(&format!("account{}", n % 24), Lane::Normal);
        tasks.spawn(async move { keep(&store, acceptance(lead)).await });
    }
    assert_eq!(tasks.join_all().await.len(), 200);
    match durability {
        Durability::Confirmed => {
            let took = began.elapsed();
            assert!(
                took < Duration::from_secs(6),
                "all in a flush or two: {took:?}"
            );
        }
        other => assert_eq!(other, Durability::EverySecond),
    }
    durability
}

const EVERY_SECOND: [&str; 2] = ["--appendfsync", "everysec"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_flush_each_second_acceptances_wait_together() {
    let server = RedisServer::start(&EVERY_SECOND).await;
    let durability = waits_for_the_flush(server.url()).await;
    let stats: String = redis::from_redis_value(server.say(&["INFO", "commandstats"])).unwrap();
    let waits = stats
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_waitaof:calls="))
        .and_then(|rest| rest.split(',').next()?.parse().ok())
        .unwrap_or(0);
    let expected = match durability {
        Durability::Confirmed => 1..=20,
        _ => 0..=0,
    };
    assert!(expected.contains(&waits), "{waits} waits for 200 leads");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_cluster_each_node_is_waited_for() {
    let cluster = RedisCluster::start(&EVERY_SECOND).await;
    waits_for_the_flush(cluster.url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_without_one_node_says_so_at_once_and_recovers() {
    let mut cluster = RedisCluster::start(&[]).await;
    let store = open(&options(cluster.url())).await;
    let all: Vec<String> = (0..12).map(|n| format!("account{n}")).collect();
    for name in &all {
        keep(&store, acceptance(lead_in(name, Lane::Normal))).await;
    }
    cluster.nodes[1].kill();
    let probed = Instant::now();
    assert!(store.probe().await.is_err());
    assert!(probed.elapsed() < AT_ONCE, "{:?}", probed.elapsed());
    cluster.nodes[1].restart().await;
    wait_for("every account to take leads again", SOON, async || {
        for name in &all {
            store
                .accept(acceptance(lead_in(name, Lane::Normal)))
                .await
                .ok()?;
        }
        Some(())
    })
    .await;
}
