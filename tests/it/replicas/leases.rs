//! A lead whose replica is gone is another's, and the one that comes back late does nothing in its name.

use std::time::{Duration, Instant};

use leadgate::sandbox::{Fault, FaultKind};

use super::{BOOKINGS, LEASE, SOON, asked, settings};
use crate::support::leads::lead;
use crate::support::redis_server::RedisServer;
use crate::support::{Answer, Gateway, Senders, assert_promises, sandbox, wait_for};

const SLOTS: &str = "POST /v1/events/eventDates";

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_whose_replica_was_killed_is_taken_over_when_its_lease_lapses() {
    let sandbox = sandbox(100, 2, 3).await;
    sandbox.control().add_fault(Fault::once(
        BOOKINGS,
        FaultKind::HangAfter { seconds: 60.0 },
    ));
    let redis = RedisServer::start(&[]).await;
    let settings = settings(&sandbox, &redis, (100, 2));
    let mut killed = Gateway::start(&settings).await;
    let posted = Answer::of(killed.post(&lead(1), 0).await).await;
    asked(&sandbox, BOOKINGS, 1).await;
    let held_since = Instant::now();
    killed.kill();
    let other = Gateway::start(&settings).await;
    assert_eq!(other.lead(posted.id()).await.status(), "booking");
    let left = (LEASE + Duration::from_secs(1)).saturating_sub(held_since.elapsed());
    let taken_over = ["reconciling", "booked"];
    other.until(posted.id(), &taken_over, left).await;
    other.until(posted.id(), &["booked"], SOON).await;
    let report = sandbox.control().report();
    assert_promises(&report, 1, 100);
    assert_eq!(report.endpoints[BOOKINGS].requests, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_sleeps_past_its_lease_sends_nothing_when_it_wakes() {
    let sandbox = sandbox(100, 2, 3).await;
    let redis = RedisServer::start(&[]).await;
    let settings = settings(&sandbox, &redis, (100, 2))
        .tables("[booking]\nlook_after_seconds = [1, 2]\nslot_cache_seconds = 0");
    let mut asleep = Gateway::start(&settings).await;
    // From now on Redis knows every script that books.
    let first = Answer::of(asleep.post(&lead(0), 10).await).await;
    assert_eq!(first.status(), "booked");
    let slowly = FaultKind::Latency {
        min_ms: 500,
        max_ms: 500,
    };
    sandbox.control().add_fault(Fault::once(SLOTS, slowly));
    let posted = Answer::of(asleep.post(&lead(1), 0).await).await;
    asked(&sandbox, SLOTS, 2).await;
    // It has the lead in hand and its permit. While Redis takes no writes it cannot note the answer about the slots;
    // next it asks to write its intent down, and falls asleep over that: when it wakes, leave to send lies there.
    redis.say(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    wait_for("the slots to be known", SOON, async || {
        asleep.log().contains("note an answer").then_some(())
    })
    .await;
    asleep.pause();
    redis.say(&["CLIENT", "UNPAUSE"]);
    let other = Gateway::start(&settings).await;
    other.until(posted.id(), &["booked"], LEASE + SOON).await;
    asleep.wake();
    // A connection from before its sleep is closed as it wakes, so a sender may have to try twice.
    let after = Senders::to([&asleep]).deliver(0, "after", &lead(2)).await;
    asleep.until(after.id(), &["booked"], SOON).await;
    // A stop ends what is in hand: now it has done all that it would.
    assert!(asleep.terminate().await.success());
    assert_eq!(other.lead(posted.id()).await.status(), "booked");
    let report = sandbox.control().report();
    assert_promises(&report, 3, 100);
    assert_eq!(report.endpoints[BOOKINGS].requests, 3, "one for each lead");
}
