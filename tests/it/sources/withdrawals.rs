//! A person who takes the lead back at the platform, at every point of the lead's way.

use std::time::Duration;

use leadgate::sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use super::{delivered, delivery, google_lead, ids, outcomes, record, settings};
use crate::support::platform::Route;
use crate::support::{Gateway, Platform, Seen, sandbox, wait_for};

const NUMBER: &str = "00000000-aaaa-4bbb-8ccc-ddddddddddaa-1";
const LONGEST: Duration = Duration::from_secs(30);

fn notice(action: &str) -> Value {
    json!({
        "type": "LEAD_ACTION", "leadGenFormResponse": format!("urn:li:leadGenFormResponse:{NUMBER}"),
        "leadGenForm": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:42,1)", "leadType": "SPONSORED",
        "leadAction": action, "occurredAt": 1_770_000_000_000_i64,
        "owner": {"sponsoredAccount": "urn:li:sponsoredAccount:1"},
    })
}

fn response() -> String {
    format!("/rest/leadFormResponses/{NUMBER}")
}

/// The lead as LinkedIn tells it, with a form that is gone.
fn told(platform: &Platform) {
    let body = json!({
        "id": NUMBER, "leadType": "SPONSORED",
        "formResponse": {"answers": [
            {"name": "Email", "questionId": 4,
             "answerDetails": {"textQuestionAnswer": {"answer": "kim@lead.example"}}},
        ]},
    });
    platform.answer([Route::new(&response(), 200, body)]);
}

/// Withdraws as LinkedIn does, again while the answer is to come again; the lead's id.
async fn withdrawn(gateway: &Gateway) -> String {
    let seen = wait_for("the withdrawal to be taken", LONGEST, async || {
        let seen = Seen::of(delivery(gateway, "linkedin", &notice("DELETED"))).await;
        if seen.http == 503 {
            seen.assert_problem("a lead in work", 503, "source_busy");
            return None;
        }
        Some(seen)
    })
    .await;
    ids(&seen).remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn before_it_is_fetched_it_is_cancelled_and_never_fetched() {
    let sandbox = sandbox(100, 2, 3).await;
    let platform = Platform::start();
    let gateway = Gateway::start(&settings(&sandbox, &platform)).await;
    platform.answer([Route::new(&response(), 503, Value::Null)]);
    let lead = delivered(&gateway, "linkedin", &notice("CREATED")).await;
    wait_for("the first try", LONGEST, async || {
        let record = record(&gateway, &lead).await;
        (outcomes(&record, "fetch") == ["later"]).then_some(())
    })
    .await;
    assert_eq!(withdrawn(&gateway).await, lead);
    told(&platform);
    let tries = platform.asked(&response()).len();

    assert_eq!(
        delivered(&gateway, "linkedin", &notice("CREATED")).await,
        lead
    );
    let record = record(&gateway, &lead).await;
    assert_eq!(record["status"], "cancelled");
    assert_eq!(record["waits"], Value::Null);
    assert_eq!(outcomes(&record, "withdraw"), ["cancelled"]);
    assert_eq!(platform.asked(&response()).len(), tries);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_queued_it_is_cancelled_and_never_booked() {
    let sandbox = sandbox(100, 2, 3).await;
    let platform = Platform::start();
    let gateway = Gateway::start(&settings(&sandbox, &platform)).await;
    sandbox.control().add_fault(Fault {
        endpoint: None,
        kind: FaultKind::StatusBefore { code: 503 },
        times: None,
        probability: 1.0,
    });
    told(&platform);
    let lead = delivered(&gateway, "linkedin", &notice("CREATED")).await;
    wait_for("a booking that fails", LONGEST, async || {
        let record = record(&gateway, &lead).await;
        let is_tried = outcomes(&record, "fetch") == ["fetched"]
            && record["timeline"].as_array().unwrap().len() > 2;
        is_tried.then_some(())
    })
    .await;
    assert_eq!(withdrawn(&gateway).await, lead);
    sandbox.control().clear_faults();

    let of_the_queued = record(&gateway, &lead).await;
    assert_eq!(of_the_queued["status"], "cancelled");
    assert_eq!(of_the_queued["waits"], Value::Null);
    // The person may come back by another way.
    let body = google_lead("EAIaIQ-after", &[("EMAIL", "kim@lead.example")]);
    let other = delivered(&gateway, "google", &body).await;
    gateway.until(&other, &["booked"], LONGEST).await;
    assert_eq!(record(&gateway, &lead).await["status"], "cancelled");
    crate::support::assert_promises(&sandbox.control().report(), 1, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_booking_the_call_stands_and_the_history_says_so_once() {
    let sandbox = sandbox(100, 2, 3).await;
    let platform = Platform::start();
    let gateway = Gateway::start(&settings(&sandbox, &platform)).await;
    told(&platform);
    let lead = delivered(&gateway, "linkedin", &notice("CREATED")).await;
    gateway.until(&lead, &["booked"], LONGEST).await;
    for _ in 0..2 {
        assert_eq!(withdrawn(&gateway).await, lead);
    }
    let record = record(&gateway, &lead).await;
    assert_eq!(record["status"], "booked");
    assert_eq!(outcomes(&record, "withdraw"), ["call_stands"]);
    let calls = sandbox.control().report().calls;
    assert_eq!(calls.len(), 1);
    assert!(!calls[0].cancelled);
}
