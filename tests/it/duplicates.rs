//! One person, one call.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::leads::{lead, read};
use crate::support::{Answer, Gateway, Settings, sandbox};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_identical_posts_at_once_make_one_booking() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let same = lead(1);
    let answers =
        join_all((0..50).map(|_| async { Answer::of(gateway.post(&same, 10).await).await })).await;
    let booked = answers
        .iter()
        .filter(|answer| answer.http == 201 && answer.status() == "booked")
        .count();
    let duplicate = answers
        .iter()
        .filter(|answer| answer.http == 202 && answer.status() == "duplicate")
        .count();
    assert_eq!((booked, duplicate), (1, 49), "{answers:?}");
    assert!(
        answers
            .iter()
            .all(|answer| answer.body.get("duplicateOf").is_none()),
        "an anonymous caller is told nothing"
    );
    assert_eq!(sandbox.control().report().calls.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_known_again_by_capitals_dots_plus_tags_and_phone() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let first =
        json!({"email": "Kim.Ek+ads@Gmail.com", "phoneNumber": "+47 900 00 001", "name": "Kim Ek"});
    assert_eq!(
        Answer::of(gateway.post(&first, 10).await).await.status(),
        "booked"
    );
    for again in [
        json!({"email": "kimek@googlemail.com"}),
        json!({"email": "other@person.example", "phoneNumber": "004790000001"}),
    ] {
        assert_eq!(
            Answer::of(gateway.post(&again, 10).await).await.status(),
            "duplicate",
            "{again}"
        );
    }
    let other = json!({"email": "kim.ek@person.example"});
    assert_eq!(
        Answer::of(gateway.post(&other, 10).await).await.status(),
        "booked"
    );
    let report = sandbox.control().report();
    assert_eq!(report.calls.len(), 2);
    assert_eq!(
        report.calls[0].email.as_deref(),
        Some("Kim.Ek+ads@Gmail.com"),
        "sent on as typed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyed_caller_is_told_of_the_first_lead() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let first = Answer::of(gateway.post(&lead(1), 10).await).await;
    let request = gateway
        .request(Method::POST, "/v1/sources/bot/leads")
        .bearer_auth("bot-key-0123456789");
    let again = Answer::of(request.json(&lead(1)).send().await.unwrap()).await;
    assert_eq!(again.status(), "duplicate");
    assert_eq!(again.body["duplicateOf"], first.id());
    assert_eq!(again.body["duplicateOfStatus"], "booked");
    let look = async |key: Option<&str>| {
        let mut request = gateway.request(Method::GET, &format!("/v1/leads/{}", again.id()));
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        Answer::of(request.send().await.unwrap()).await.body
    };
    assert_eq!(look(Some("bot-key-0123456789")).await, again.body);
    for other in [None, Some("bot-key-9876543210")] {
        let told = look(other).await;
        assert_eq!(told["status"], "duplicate");
        assert!(told.get("duplicateOf").is_none(), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_and_body_is_one_lead_and_one_answer() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let post = async |body: &str, key: &str, prefer: &str| {
        let request = gateway
            .request(Method::POST, "/v1/sources/landing/leads")
            .header("Idempotency-Key", key);
        let request = request
            .header("Content-Type", "application/json")
            .header("Prefer", prefer);
        let response = request.body(body.to_owned()).send().await.unwrap();
        let replayed = response.headers().get("idempotency-replayed").is_some();
        (response.status().as_u16(), replayed, read(response).await)
    };
    let body = lead(1).to_string();
    let answers = join_all((0..20).map(|_| post(&body, "k-1", "wait=10"))).await;
    assert_eq!(
        answers.iter().filter(|(_, replayed, _)| !replayed).count(),
        1
    );
    let texts: BTreeSet<_> = answers
        .iter()
        .map(|(status, _, text)| (*status, text.clone()))
        .collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!(answers[0].0, 201);

    // The answer is the first one's even when the lead has moved on.
    let body = lead(2).to_string();
    let first = post(&body, "\"k-2\"", "respond-async").await;
    assert_eq!((first.0, first.1), (202, false));
    let id = serde_json::from_str::<serde_json::Value>(&first.2).unwrap()["leadId"]
        .as_str()
        .unwrap()
        .to_owned();
    gateway
        .until(&id, &["booked"], Duration::from_secs(10))
        .await;
    let again = post(&body, "k-2", "wait=5").await;
    assert_eq!((again.0, again.1, again.2), (202, true, first.2));

    let other = post(&lead(3).to_string(), "k-2", "wait=5").await;
    assert_eq!(other.0, 422);
    assert!(other.2.contains("idempotency_key_reused"), "{}", other.2);
    assert_eq!(sandbox.control().report().calls.len(), 2);
}
