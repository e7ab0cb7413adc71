//! The failure lab itself: that it runs, and that it says what it saw.

use std::process::Output;

use serde_json::Value;

use crate::support::program;
use crate::support::redis_server::RedisServer;

fn lab(flags: &[&str]) -> Output {
    program()
        .arg("lab")
        .args(flags)
        .output()
        .expect("the binary runs")
}

/// A run of some ten seconds.
const SMALL: [&str; 11] = [
    "--quick",
    "--leads",
    "60",
    "--kills",
    "2",
    "--limit",
    "20",
    "--window-seconds",
    "2",
    "--seed",
    "1",
];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_small_lab_keeps_every_promise_and_prints_the_table() {
    let output = lab(&SMALL);
    let (table, progress) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{table}{progress}");
    assert!(progress.contains("killed"), "{progress}");
    let row = |name: &str| {
        let line = table
            .lines()
            .find(|line| line.trim_start().starts_with(name));
        let count = line.and_then(|line| {
            line[name.len()..]
                .split_whitespace()
                .find_map(|word| word.parse::<usize>().ok())
        });
        count.unwrap_or_else(|| panic!("no row {name} in {table}"))
    };
    // Five of sixty people post four times.
    assert_eq!(row("acknowledged"), 75);
    assert!(row("booked") >= 59, "{table}");
    assert_eq!(row("booked") + row("parked"), 60);
    assert_eq!(row("duplicates"), 15);
    assert_eq!((row("lost"), row("booked twice"), row("killed")), (0, 0, 2));
    for expected in [
        "most in any 2 s of 20 allowed",
        "POST /v1/eventCalls",
        "start to ready",
        "Every promise held",
    ] {
        assert!(table.contains(expected), "{expected}: {table}");
    }
}

#[test]
fn the_verdict_is_also_json() {
    let output = lab(&["--quick", "--leads", "5", "--kills", "0", "--json"]);
    let verdict: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert!(output.status.success(), "{verdict:#}");
    assert_eq!(verdict["acknowledged"], 8);
    assert_eq!(verdict["people"], 5);
    assert_eq!(verdict["lost"], 0);
    assert_eq!(verdict["broken"], Value::Array(Vec::new()));
    assert!(verdict["endpoints"]["POST /v1/eventCalls"]["mostInAnyWindow"].is_u64());
}

#[test]
fn several_gateways_need_a_store_they_can_share() {
    let output = lab(&["--replicas", "2"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("--replicas needs --redis"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_holds_somebody_elses_leads_is_left_alone() {
    let redis = RedisServer::start(&[]).await;
    redis.say(&["SADD", "lg:accounts", "lab-0123abcd", "main"]);
    let output = lab(&[
        "--quick",
        "--leads",
        "5",
        "--kills",
        "0",
        "--redis",
        &redis.url(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("not the lab's (main)"), "{said}");
    assert_eq!(
        redis.say(&["DBSIZE"]),
        redis::Value::Int(1),
        "nothing is written"
    );
}
