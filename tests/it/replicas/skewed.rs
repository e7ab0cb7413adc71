//! Replicas whose clocks disagree: only the store's clock counts.
//!
//! Skewed is the real binary. The C compiler that builds the embedded store also builds `skew.c`, which is loaded
//! before the system's library and answers for the wall clock.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use futures_util::future::join_all;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::Method;

use super::{BOOKED, SOON, all_booked, settings};
use crate::support::leads::lead;
use crate::support::redis_server::RedisServer;
use crate::support::{Answer, Gateway, Seen, Senders, assert_promises, sandbox, wait_for};

const SKEWS_SECONDS: [i64; 3] = [-2, 0, 2];

/// The library that moves a process's wall clock.
fn skew(folder: &Path) -> String {
    let library = folder.join("skew.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/replicas/skew.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status();
    assert!(built.expect("a C compiler is installed").success());
    library.to_str().unwrap().to_owned()
}

/// How far the clock of a replica is off, by what it says in its answers.
async fn off_seconds(replica: &Gateway) -> f64 {
    let seen = Seen::of(replica.request(Method::GET, "/livez")).await;
    let date = rfc2822::parse(seen.header("date").unwrap()).unwrap();
    let off = date.timestamp().as_millisecond() - now().as_millisecond();
    // It says whole seconds: half of one is missing in the mean.
    off as f64 / 1000.0 + 0.5
}

#[expect(clippy::disallowed_methods, reason = "the clock that others are off")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// When a waiting lead is expected to be booked.
fn start(answer: &Answer) -> Timestamp {
    let text = answer.body["estimatedStartAt"].as_str();
    text.expect("a lead that waits").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_two_seconds_off_change_neither_limit_nor_who_is_known_nor_what_is_told() {
    const LEADS: usize = 80;
    let sandbox = sandbox(20, 3, 3).await;
    let redis = RedisServer::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let library = skew(folder.path());
    let replicas = join_all(SKEWS_SECONDS.map(async |seconds| {
        let settings = settings(&sandbox, &redis, (20, 3))
            .variable("LD_PRELOAD", &library)
            .variable("SKEW_SECONDS", &seconds.to_string());
        Gateway::start(&settings).await
    }))
    .await;
    for (replica, seconds) in replicas.iter().zip(SKEWS_SECONDS) {
        let off = off_seconds(replica).await;
        assert!((off - seconds as f64).abs() < 1.0, "{off} for {seconds}");
    }

    let senders = Senders::to(&replicas);
    let ids = senders.deliver_all(0..LEADS, 8).await;
    // Known by key and known by person, at the replicas that are furthest apart.
    let again = senders.deliver(2, "lead-0", &lead(0)).await;
    assert!(ids.contains(&again.body["leadId"].as_str().unwrap().to_owned()));
    let duplicate = Answer::of(replicas[2].post(&lead(0), 0).await).await;
    assert_eq!(duplicate.status(), "duplicate");
    // All tell the same place in the queue the same start.
    let last = ids.last().unwrap();
    let told = wait_for("one place told by all", SOON, async || {
        let told = join_all(replicas.iter().map(|replica| replica.lead(last))).await;
        let first = told[0].body["position"].as_u64()?;
        let alike = |answer: &Answer| answer.body["position"] == first;
        told.iter().all(alike).then_some(told)
    })
    .await;
    let starts: BTreeSet<Timestamp> = told.iter().map(start).collect();
    let apart = starts
        .last()
        .unwrap()
        .duration_since(*starts.first().unwrap());
    assert!(apart.as_millis() < 1000, "{told:?}");

    assert_eq!(replicas[1].all_ended(&ids, BOOKED).await, all_booked(LEADS));
    assert_promises(&sandbox.control().report(), LEADS, 20);
}
