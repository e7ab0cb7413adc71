//! Sources whose leads iClosed qualifies before a time is chosen.

use std::time::Duration;

use leadgate::sandbox::{EventOptions, Fault, FaultKind, Options, Sandbox};
use serde_json::json;

use crate::support::leads::lead;
use crate::support::{Answer, EVENT, Gateway, Settings};

async fn asking_for_budget() -> (Sandbox, Gateway) {
    asking_with("").await
}

/// With these lines for the account.
async fn asking_with(account: &str) -> (Sandbox, Gateway) {
    let event = EventOptions {
        link_prefix: EVENT.to_owned(),
        disqualify_answer: Some(("budget".to_owned(), "none".to_owned())),
        ..EventOptions::default()
    };
    let options = Options {
        listen: "127.0.0.1:0".to_owned(),
        limit: 100,
        events: vec![event],
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let settings = Settings::new(&sandbox.url(), (100, 10))
        .source("qualify = true")
        .account(account);
    let gateway = Gateway::start(&settings).await;
    (sandbox, gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_qualifies_is_booked_as_its_contact() {
    let (sandbox, gateway) = asking_for_budget().await;
    let mut lead = lead(1);
    lead["answers"] = json!({"budget": "5k"});
    lead["utm_source"] = json!("meta");
    let answer = Answer::of(gateway.post(&lead, 15).await).await;
    assert_eq!(answer.status(), "booked", "{answer:?}");
    let report = sandbox.control().report();
    assert_eq!((report.calls.len(), report.contacts.len()), (1, 1));
    assert_eq!(report.calls[0].contact_id, report.contacts[0].id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_does_not_qualify_ends_as_such_and_is_not_booked() {
    let (sandbox, gateway) = asking_for_budget().await;
    let mut lead = lead(1);
    lead["answers"] = json!({"budget": ["none"]});
    let answer = Answer::of(gateway.post(&lead, 15).await).await;
    assert_eq!((answer.http, answer.status()), (202, "disqualified"));
    assert_eq!(answer.body["reason"]["code"], "disqualified");
    assert_eq!(sandbox.control().report().calls.len(), 0);
    // Whoever was turned away may come again with other answers.
    lead["answers"] = json!({"budget": ["5k"]});
    assert_eq!(
        Answer::of(gateway.post(&lead, 15).await).await.status(),
        "booked"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_waits_longer_than_its_lease_is_one_contact() {
    // A lease lasts 16 seconds then.
    let (sandbox, gateway) = asking_with("request_timeout_seconds = 1").await;
    let closed = FaultKind::Limited {
        retry_after_seconds: 20,
        points: 100,
        window_seconds: 10,
    };
    sandbox
        .control()
        .add_fault(Fault::once("POST /v1/contacts", closed));
    let mut ids = Vec::new();
    for number in 1..=2 {
        let answer = Answer::of(gateway.post(&lead(number), 0).await).await;
        ids.push(answer.id().to_owned());
    }
    for id in &ids {
        gateway
            .until(id, &["booked"], Duration::from_secs(60))
            .await;
    }
    let report = sandbox.control().report();
    assert_eq!((report.calls.len(), report.contacts.len()), (2, 2));
}
