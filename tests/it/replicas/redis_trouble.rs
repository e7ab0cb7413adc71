//! Redis killed, away, read-only, full or emptied under gateways that take leads.

use std::collections::BTreeSet;
use std::time::Duration;

use leadgate::sandbox::{Fault, FaultKind};
use redis::Value as Reply;
use reqwest::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::{BOOKED, BOOKINGS, SOON, all_booked, booked, replicas, settings};
use crate::support::leads::lead;
use crate::support::redis_server::RedisServer;
use crate::support::{Answer, Gateway, Seen, Senders, assert_promises, sandbox, wait_for};

/// Every lead that is kept.
const LEADS: &str = "lg:{main}:leads";

/// How soon a gateway must say what is wrong, and that it is over.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);

/// How long Redis does not do its part.
const TROUBLE: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread")]
async fn redis_killed_six_times_under_load_loses_and_doubles_nobody() {
    const POSTS: usize = 300;
    const KILLS: usize = 6;
    let sandbox = sandbox(60, 2, 8).await;
    let mut redis = RedisServer::start(&[]).await;
    let [one, two] = replicas(&settings(&sandbox, &redis, (60, 2))).await;
    let senders = Senders::to([&one, &two]);
    let posting = tokio::spawn({
        let senders = senders.clone();
        async move { senders.deliver_all(0..POSTS, 8).await }
    });
    for kill in 0..KILLS {
        senders.acknowledged((kill + 1) * POSTS / (KILLS + 2)).await;
        redis.kill();
        redis.restart().await;
    }
    let ids = posting.await.unwrap();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), POSTS);
    let ends = one.all_ended(&ids, BOOKED).await;
    assert_eq!(ends, all_booked(POSTS));
    let kept = i64::try_from(POSTS).unwrap();
    assert_eq!(redis.say(&["HLEN", LEADS]), Reply::Int(kept));
    assert_promises(&sandbox.control().report(), POSTS, 60);
}

/// Makes Redis fail in one way.
enum Trouble {
    Away,
    ReadOnly,
    Full,
}

impl Trouble {
    fn begin(&self, redis: &mut RedisServer) {
        match self {
            Trouble::Away => redis.kill(),
            Trouble::ReadOnly => drop(redis.say(&["REPLICAOF", "127.0.0.1", "1"])),
            Trouble::Full => drop(redis.say(&["CONFIG", "SET", "maxmemory", "1"])),
        }
    }

    async fn end(&self, redis: &mut RedisServer) {
        match self {
            Trouble::Away => redis.restart().await,
            Trouble::ReadOnly => drop(redis.say(&["REPLICAOF", "NO", "ONE"])),
            Trouble::Full => drop(redis.say(&["CONFIG", "SET", "maxmemory", "0"])),
        }
    }
}

/// A post that waits so many seconds for the booking.
fn waiting_post(
    gateway: &Gateway,
    lead: &Value,
    seconds: u64,
) -> impl Future<Output = Answer> + use<> {
    let request = gateway
        .request(Method::POST, "/v1/sources/landing/leads")
        .header("Prefer", format!("wait={seconds}"))
        .json(lead);
    async { Answer::of(request.send().await.unwrap()).await }
}

async fn readiness(gateway: &Gateway) -> Seen {
    Seen::of(gateway.request(Method::GET, "/readyz")).await
}

/// Readiness names `cause`, a post is refused with `code` and keeps nothing, the log stays short, and all passes.
async fn is_told_and_passes(trouble: Trouble, cause: &str, code: &str) {
    // Three a window: the others wait for work while there is trouble.
    let sandbox = sandbox(3, 3, 3).await;
    let mut redis = RedisServer::start(&[]).await;
    let mut gateway = Gateway::start(&settings(&sandbox, &redis, (3, 3))).await;
    let senders = Senders::to([&gateway]);
    let mut ids = senders.deliver_all(0..8, 1).await;
    booked(&sandbox, 3).await;
    assert_eq!(gateway.all_ended(&ids[..3], SOON).await, all_booked(3));

    // One who waits for the booking while there is trouble, and is told that the lead is kept.
    let waits = tokio::spawn(waiting_post(&gateway, &lead(8), 3));
    wait_for("the ninth lead to be kept", SOON, async || {
        (redis.say(&["HLEN", LEADS]) == Reply::Int(9)).then_some(())
    })
    .await;
    let lines_before = gateway.log().lines().count();
    trouble.begin(&mut redis);
    let began = Instant::now();
    let red = wait_for("readiness to be red", KNOWN_WITHIN, async || {
        Some(readiness(&gateway).await).filter(|seen| seen.http == 503)
    })
    .await;
    let told = red.body["checks"]["store"].as_str().unwrap();
    assert!(told.contains(cause), "{told}");
    assert!(red.number("retry-after").is_some(), "{red:?}");
    for number in 100..105 {
        let request = gateway
            .request(Method::POST, "/v1/sources/landing/leads")
            .json(&lead(number));
        Seen::of(request).await.assert_problem(cause, 503, code);
    }
    sleep_until(began + TROUBLE).await;
    assert_eq!(readiness(&gateway).await.http, 503);
    let log = gateway.log();
    let lines: Vec<&str> = log.lines().skip(lines_before).collect();
    let most = usize::try_from(began.elapsed().as_secs()).unwrap();
    assert!((1..=most).contains(&lines.len()), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains(cause)), "{lines:#?}");

    let told = waits.await.unwrap();
    assert_eq!((told.http, told.status()), (202, "queued"), "{told:?}");
    ids.push(told.id().to_owned());

    trouble.end(&mut redis).await;
    let over = Instant::now();
    gateway.ready().await;
    assert!(over.elapsed() < KNOWN_WITHIN, "{:?}", over.elapsed());
    ids.extend(senders.deliver_all([9], 1).await);
    assert_eq!(gateway.all_ended(&ids, BOOKED).await, all_booked(10));
    // Nobody who was refused is among them.
    assert_promises(&sandbox.control().report(), 10, 3);
    assert_eq!(redis.say(&["HLEN", LEADS]), Reply::Int(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_away_is_told_by_readiness_refuses_leads_and_is_waited_for() {
    is_told_and_passes(Trouble::Away, "Redis", "store_unavailable").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_redis_is_told_by_readiness_refuses_leads_and_is_waited_for() {
    is_told_and_passes(Trouble::ReadOnly, "Redis is read-only", "queue_full").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_redis_is_told_by_readiness_refuses_leads_and_is_waited_for() {
    is_told_and_passes(Trouble::Full, "memory ceiling", "queue_full").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_whose_choice_is_kept_is_told_as_kept_while_redis_is_away() {
    let sandbox = sandbox(50, 1, 3).await;
    let mut redis = RedisServer::start(&[]).await;
    let gateway = Gateway::start(&settings(&sandbox, &redis, (50, 1))).await;
    let mut asks = lead(1);
    asks["slot"] = "exact".into();
    let asked = waiting_post(&gateway, &asks, 10).await;
    assert_eq!(asked.status(), "needs_time", "{asked:?}");
    let chosen = &asked.body["alternatives"][0]["dateTime"];
    let hang = FaultKind::HangBefore { seconds: 8.0 };
    sandbox.control().add_fault(Fault::once(BOOKINGS, hang));
    let choice = gateway
        .request(Method::POST, &format!("/v1/leads/{}/time", asked.id()))
        .header("Prefer", "wait=3")
        .json(&serde_json::json!({"dateTime": chosen}));
    let choice = tokio::spawn(Seen::of(choice));
    super::asked(&sandbox, BOOKINGS, 1).await;
    redis.kill();
    let told = choice.await.unwrap();
    assert_eq!((told.http, told.word()), (202, "queued"), "{told:?}");
    redis.restart().await;
    let ends = gateway.all_ended(&[asked.id().to_owned()], BOOKED).await;
    assert_eq!(ends, all_booked(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_redis_is_reported_by_all_and_takes_new_leads() {
    let sandbox = sandbox(50, 1, 8).await;
    let redis = RedisServer::start(&[]).await;
    let replicas: [Gateway; 2] = replicas(&settings(&sandbox, &redis, (50, 1))).await;
    let senders = Senders::to(&replicas);
    let posting = tokio::spawn({
        let senders = senders.clone();
        async move { senders.deliver_all(0..400, 8).await }
    });
    senders.acknowledged(200).await;
    redis.say(&["FLUSHALL"]);
    posting.await.unwrap();
    for replica in &replicas {
        wait_for("the report", KNOWN_WITHIN, async || {
            replica.log().contains("Redis was emptied").then_some(())
        })
        .await;
        assert_eq!(readiness(replica).await.http, 200);
    }
    let ids = senders.deliver_all(1000..1020, 4).await;
    assert_eq!(replicas[0].all_ended(&ids, BOOKED).await, all_booked(20));
    assert!(sandbox.control().report().double_booked.is_empty());
    wait_for("the queue to be empty", BOOKED, async || {
        let waiting = redis.say(&["HGET", "lg:{main}:counts", "waiting:1"]);
        (waiting == Reply::BulkString(b"0".to_vec())).then_some(())
    })
    .await;

    // What was lost is nobody's work any more: nothing goes round in circles over it.
    let at_rest = |replica: &Gateway| (cpu(replica), replica.log().lines().count());
    let before = replicas.each_ref().map(at_rest);
    sleep_until(Instant::now() + Duration::from_secs(3)).await;
    for (replica, (cpu_before, lines_before)) in replicas.iter().zip(before) {
        let (cpu_after, lines_after) = at_rest(replica);
        let used = cpu_after - cpu_before;
        assert!(
            used < Duration::from_millis(600),
            "{used:?} in three seconds"
        );
        assert_eq!(lines_after, lines_before, "{}", replica.log());
        let alarms =
            |line: &&str| line.contains(r#""level":"ERROR""#) || line.contains(r#""level":"WARN""#);
        let log = replica.log();
        // One for each lead that was in hand, of which there are no more than permits, and the report.
        let so_many = log.lines().filter(alarms).count();
        assert!(so_many <= 51, "{so_many}: {log}");
    }
}

/// Processor time of the whole process so far.
fn cpu(gateway: &Gateway) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", gateway.process_id())).unwrap();
    // The name, in brackets, may hold anything; utime and stime are the 14th and 15th field, in ticks of 10 ms.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
