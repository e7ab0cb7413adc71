//! Acting on leads from the command line: what the gateway and iClosed end up with.

use std::time::Duration;

use leadgate::sandbox::Sandbox;
use serde_json::{Value, json};

use super::{operated, said};
use crate::support::leads::lead;
use crate::support::{Answer, Gateway, activate, sandbox, wait_for};

const NOBODY: &str = "ld_00000000000000000000000000";
const SOON: Duration = Duration::from_secs(20);

/// So many leads, parked because the event took no bookings for a while.
async fn parked(sandbox: &Sandbox, gateway: &Gateway, leads: usize) -> Vec<String> {
    activate(sandbox, false);
    let mut ids = Vec::new();
    for number in 0..leads {
        let answer = Answer::of(gateway.post(&lead(number), 20).await).await;
        assert_eq!(answer.status(), "parked", "{answer:?}");
        ids.push(answer.id().to_owned());
    }
    activate(sandbox, true);
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_are_retried_and_the_rest_is_said() {
    let sandbox = sandbox(100, 2, 5).await;
    let gateway = Gateway::start(&operated(&sandbox.url())).await;
    let ids = parked(&sandbox, &gateway, 1).await;
    let retried = said(&gateway, &["leads", "retry", &ids[0]]).ends(0);
    assert!(retried.out.starts_with(&ids[0]), "{}", retried.out);
    gateway.until(&ids[0], &["booked"], SOON).await;

    let refused = said(&gateway, &["leads", "retry", &ids[0]]).ends(1);
    assert!(refused.err.contains("not_retryable"), "{}", refused.err);
    let more = Answer::of(gateway.post(&lead(7), 20).await).await;
    assert_eq!(more.status(), "booked");
    let cancelled = said(
        &gateway,
        &[
            "leads", "cancel", &ids[0], NOBODY, "--reason", "full", "--json",
        ],
    )
    .ends(3);
    let document = cancelled.json();
    assert_eq!(document["done"][0]["leadId"], ids[0]);
    assert_eq!(document["refused"][0]["code"], "unknown_lead");
    gateway.until(&ids[0], &["cancelled"], SOON).await;
    let calls = sandbox.control().report().calls;
    let gone: Vec<_> = calls.iter().map(|call| call.cancelled).collect();
    assert_eq!(gone, [true, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_taken_for_a_robot_is_released() {
    let sandbox = sandbox(100, 2, 5).await;
    let gateway = Gateway::start(&operated(&sandbox.url())).await;
    let mut caught = lead(1);
    caught["_gotcha"] = json!("https://spam.example");
    Answer::of(gateway.post(&caught, 5).await).await;
    let list = ["leads", "list", "--reason", "suspected_spam", "--json"];
    let held = wait_for("the lead to be held", SOON, async || {
        let held = said(&gateway, &list).ends(0).lines();
        held.first()
            .map(|lead| lead["leadId"].as_str().unwrap().to_owned())
    })
    .await;
    said(&gateway, &["leads", "release", &held]).ends(0);
    wait_for("the call", SOON, async || {
        (sandbox.control().report().calls.len() == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_retries_what_its_filter_takes() {
    let sandbox = sandbox(100, 2, 5).await;
    let gateway = Gateway::start(&operated(&sandbox.url())).await;
    let ids = parked(&sandbox, &gateway, 4).await;
    let filter = ["replay", "--reason", "event_unavailable", "--rate", "6000"];
    let dry = said(&gateway, &[&filter[..], &["--dry-run"]].concat()).ends(0);
    assert!(
        dry.out.contains("4 leads matched, 4 would be retried"),
        "{}",
        dry.out
    );
    assert!(sandbox.control().report().calls.is_empty());
    let none = said(&gateway, &["replay", "--from", "2099-01-01", "--json"]).ends(0);
    assert_eq!(none.json()["matched"], 0);
    let real = said(&gateway, &[&filter[..], &["--json"]].concat()).ends(0);
    assert_eq!(real.json()["retried"], 4);
    let ends = gateway.all_ended(&ids, SOON).await;
    assert_eq!(ends, [("booked".to_owned(), 4)].into());
    said(&gateway, &["replay"]).ends(2);
    said(&gateway, &["replay", "--status", "booked"]).ends(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_forgotten_only_when_it_is_meant() {
    let sandbox = sandbox(100, 2, 5).await;
    let gateway = Gateway::start(&operated(&sandbox.url())).await;
    let booked = Answer::of(gateway.post(&lead(1), 20).await).await;
    let email = "lead1@person.example";
    let asked = ["leads", "erase", "--email", email];
    let refused = said(&gateway, &asked).ends(1);
    assert!(refused.err.contains("--yes"), "{}", refused.err);
    assert_eq!(gateway.lead(booked.id()).await.status(), "booked");
    let erased = said(&gateway, &[&asked[..], &["--yes", "--json"]].concat()).ends(0);
    assert_eq!(erased.json()["leads"], json!([booked.id()]));
    let shown = said(
        &gateway,
        &["leads", "show", booked.id(), "--json", "--contacts"],
    );
    assert!(!shown.out.contains(email), "{}", shown.out);
    assert_eq!(shown.ends(0).json()["status"], "erased");
    said(&gateway, &["leads", "erase", "--yes"]).ends(2);
    said(&gateway, &["leads", "erase", "--lead", NOBODY, "--yes"]).ends(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_holds_every_lead_it_was_asked_for() {
    let gateway = Gateway::start(&operated("http://127.0.0.1:1")).await;
    let mut ids = Vec::new();
    // More than one answer holds.
    for number in 0..1005 {
        ids.push(
            Answer::of(gateway.post(&lead(number), 0).await)
                .await
                .id()
                .to_owned(),
        );
    }
    ids.sort();
    let of = |text: &str| {
        let records = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut found: Vec<_> = records
            .map(|record| record["leadId"].as_str().unwrap().to_owned())
            .collect();
        found.sort();
        found
    };
    let all = said(&gateway, &["leads", "export"]).ends(0).out;
    assert!(of(&all) == ids, "an export is not every lead");
    assert!(!all.contains("\"raw\":"));

    let to_file = [
        "leads",
        "export",
        "--raw",
        "-o",
        "leads.ndjson",
        "--from",
        "2020-01-01",
        "--json",
    ];
    let told = said(&gateway, &to_file).ends(0).json();
    assert_eq!(told, json!({"leads": 1005, "file": "leads.ndjson"}));
    let file = std::fs::read_to_string(gateway.folder().join("leads.ndjson")).unwrap();
    assert!(of(&file) == ids && file.contains("\"raw\":"));
    let none = said(&gateway, &["leads", "export", "--to", "2020-01-01"]).ends(0);
    assert_eq!(none.out, "");
    let failed = said(
        &gateway,
        &["leads", "export", "--status", "done", "-o", "none.ndjson"],
    )
    .ends(1);
    assert!(failed.err.contains("bad_query"), "{}", failed.err);
    assert!(!gateway.folder().join("none.ndjson").exists());
}
