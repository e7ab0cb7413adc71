//! Several gateways over one Redis: one queue, one limit, one booking for each person, whoever dies, sleeps or is away.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use leadgate::sandbox::Sandbox;
use tokio::time::{Instant, interval, sleep_until};

use crate::support::leads::lead;
use crate::support::redis_server::RedisServer;
use crate::support::{Answer, Gateway, Senders, Settings, assert_promises, sandbox, wait_for};
use crate::{crashes, lost_answers};

mod leases;
mod redis_trouble;
mod skewed;

const BOOKINGS: &str = "POST /v1/eventCalls";
const SOON: Duration = Duration::from_secs(20);
const BOOKED: Duration = Duration::from_secs(120);

const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// 10 s in which a permit may be used, the request's time, and 5 s to settle.
const LEASE: Duration = Duration::from_secs(15).saturating_add(REQUEST_TIMEOUT);

/// The same for every replica. No sender is throttled: all have one address here.
fn settings(sandbox: &Sandbox, redis: &RedisServer, limit: (u32, u64)) -> Settings {
    Settings::new(&sandbox.url(), limit)
        .store_url(&redis.url())
        .server("throttle = { per_address = { requests = 1000000, window_seconds = 1 } }")
        .account(&format!(
            "request_timeout_seconds = {}",
            REQUEST_TIMEOUT.as_secs()
        ))
        .tables("[booking]\nlook_after_seconds = [1, 2, 4]")
}

async fn replicas<const N: usize>(settings: &Settings) -> [Gateway; N] {
    let all = join_all((0..N).map(|_| Gateway::start(settings))).await;
    all.try_into().ok().expect("as many as were started")
}

/// Waits until iClosed has so many calls.
async fn booked(sandbox: &Sandbox, calls: usize) {
    wait_for(&format!("{calls} calls"), SOON, async || {
        (sandbox.control().report().calls.len() >= calls).then_some(())
    })
    .await;
}

/// Waits until iClosed was asked so often at this endpoint.
async fn asked(sandbox: &Sandbox, endpoint: &str, times: u64) {
    wait_for(endpoint, SOON, async || {
        let report = sandbox.control().report();
        let seen = report.endpoints.get(endpoint)?;
        (seen.requests >= times).then_some(())
    })
    .await;
}

fn all_booked(leads: usize) -> std::collections::BTreeMap<String, usize> {
    [("booked".to_owned(), leads)].into()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_keep_one_limit_while_one_is_killed_and_one_sleeps() {
    const LEADS: usize = 160;
    let sandbox = sandbox(20, 5, 3).await;
    let redis = RedisServer::start(&[]).await;
    let [one, mut killed, mut asleep] = replicas(&settings(&sandbox, &redis, (20, 5))).await;
    let senders = Senders::to([&one, &killed, &asleep]);
    // They come over ten seconds: two windows have begun while there are still senders to meet the trouble.
    let posting = tokio::spawn({
        let senders = senders.clone();
        async move {
            let mut arrivals = interval(Duration::from_millis(62));
            let mut posts = tokio::task::JoinSet::new();
            for number in 0..LEADS {
                arrivals.tick().await;
                let senders = senders.clone();
                posts.spawn(async move { senders.deliver_all([number], 1).await });
            }
            posts.join_all().await.concat()
        }
    });
    senders.acknowledged(50).await;
    killed.kill();
    // In the middle of the second window's first rush.
    booked(&sandbox, 25).await;
    asleep.pause();
    let wakes = Instant::now() + Duration::from_secs(30);
    let ids = posting.await.unwrap();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), LEADS);
    sleep_until(wakes).await;
    asleep.wake();
    asleep.ready().await;
    let ends = asleep.all_ended(&ids, BOOKED).await;
    assert_eq!(ends, all_booked(LEADS));
    assert_eq!(one.all_ended(&ids, SOON).await, ends);
    assert_promises(&sandbox.control().report(), LEADS, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_posted_fifty_times_at_once_over_three_replicas_is_booked_once() {
    let sandbox = sandbox(100, 2, 3).await;
    let redis = RedisServer::start(&[]).await;
    let replicas: [Gateway; 3] = replicas(&settings(&sandbox, &redis, (100, 2))).await;
    let answers = join_all((0..50).map(async |number| {
        let mut lead = lead(1);
        if number % 2 == 0 {
            lead["email"] = lead["email"].as_str().unwrap().to_uppercase().into();
        }
        Answer::of(replicas[number % 3].post(&lead, 10).await).await
    }))
    .await;
    let so_many = |http: u16, status: &str| {
        let alike = answers
            .iter()
            .filter(|answer| (answer.http, answer.status()) == (http, status));
        alike.count()
    };
    assert_eq!(
        (so_many(201, "booked"), so_many(202, "duplicate")),
        (1, 49),
        "{answers:?}"
    );
    assert_promises(&sandbox.control().report(), 1, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_too_a_third_of_the_answers_lost_books_nobody_twice_and_loses_nobody() {
    let redis = RedisServer::start(&[]).await;
    lost_answers::lost_answers_book_nobody_twice_and_lose_nobody(&redis.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_too_twenty_five_kills_over_six_hundred_leads_lose_and_double_nobody() {
    let redis = RedisServer::start(&[]).await;
    let seed = crashes::seed();
    println!("SEED={seed} kills at the same counts again");
    crashes::kills_lose_and_double_nobody(&redis.url(), seed).await;
}
