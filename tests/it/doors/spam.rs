//! Robots at a form's door: their leads are kept for a person to look at, and they are told nothing.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{LEADS, PAGE, form, navigated, operated, post, record, records};
use crate::support::{Gateway, Seen, Settings, sandbox};

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_in_the_trap_looks_like_any_that_waits_and_is_never_booked() {
    let sandbox = sandbox(100, 2, 3).await;
    let settings = Settings::new(&sandbox.url(), (100, 2)).server(&operated());
    let gateway = Gateway::start(&settings).await;
    let lead = json!({"email": "kim@person.example", "_gotcha": "http://spam.example"});
    let seen = Seen::of(post(&gateway, LEADS, &lead).header("Prefer", "wait=1")).await;
    assert_eq!((seen.http, seen.word()), (202, "queued"), "{seen:?}");
    // A lead that truly waits, to compare with.
    let idle = Gateway::start(&Settings::new("http://127.0.0.1:1", (100, 2))).await;
    let real = Seen::of(post(&idle, LEADS, &json!({"email": "kim@person.example"}))).await;
    let shape = |seen: &Seen| -> Vec<String> {
        let fields = seen.body.as_object().unwrap().keys().cloned();
        fields.collect()
    };
    assert_eq!(shape(&seen), shape(&real));
    assert_eq!(seen.body["position"], 1);

    let path = seen.body["statusUrl"].as_str().unwrap().to_owned();
    let id = seen.body["leadId"].as_str().unwrap().to_owned();
    let asked = gateway.request(Method::GET, &path).header("Origin", PAGE);
    let status = Seen::of(asked.header("Prefer", "wait=1")).await;
    assert_eq!((status.http, status.word()), (200, "queued"), "{status:?}");
    assert_eq!(shape(&status), shape(&real));
    let chosen = gateway.request(Method::POST, &format!("{path}/time"));
    let chosen = chosen.json(&json!({"dateTime": "2031-12-01T10:00:00Z"}));
    assert_eq!(Seen::of(chosen).await.word(), "not_waiting_for_time");
    // A stream of its events does not end, as that of a parked lead would.
    let events = gateway.request(Method::GET, &format!("{path}/events"));
    let mut events = events.send().await.unwrap();
    let first = events.chunk().await.unwrap().unwrap();
    let first = String::from_utf8_lossy(&first).into_owned();
    assert!(
        first.contains("\"queued\"") && !first.contains("parked"),
        "{first}"
    );
    let more = tokio::time::timeout(Duration::from_millis(300), events.chunk()).await;
    assert!(!matches!(more, Ok(Ok(None))), "the stream ended");

    let record = record(&gateway, &id).await;
    assert_eq!(record["status"], "parked");
    assert_eq!(record["reason"]["code"], "suspected_spam");
    assert_eq!(record["extra"], json!({}));
    assert!(record["raw"].as_str().unwrap().contains("spam.example"));
    assert!(sandbox.control().report().calls.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_in_the_trap_takes_nobodys_place() {
    let sandbox = sandbox(100, 2, 3).await;
    let settings = Settings::new(&sandbox.url(), (100, 2))
        .server(&operated())
        .source("honeypot = \"website\"\nredirect_urls = [\"https://acme.example/thanks\"]");
    let gateway = Gateway::start(&settings).await;
    let robot = [("email", "kim@person.example"), ("website", "x")];
    let page = Seen::of(navigated(&gateway, &robot)).await;
    let person = [("email", "kim@person.example"), ("website", "")];
    let booked = Seen::of(form(&gateway, &person).header("Prefer", "wait=20")).await;
    assert_eq!((booked.http, booked.word()), (201, "booked"), "{booked:?}");
    assert_eq!(
        (page.http, page.header("location")),
        (303, Some("https://acme.example/thanks"))
    );
    assert_eq!(sandbox.control().report().calls.len(), 1);
    let stands: Vec<_> = records(&gateway)
        .await
        .iter()
        .map(|lead| lead["status"].clone())
        .collect();
    assert_eq!(stands, ["booked", "parked"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_quicker_than_a_person_is_suspected() {
    let sandbox = sandbox(100, 2, 3).await;
    let settings = Settings::new(&sandbox.url(), (100, 2))
        .server(&operated())
        .source("min_fill_seconds = 3");
    let gateway = Gateway::start(&settings).await;
    let ago = |seconds: u64| {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap();
        (now - Duration::from_secs(seconds)).as_millis().to_string()
    };
    for (number, (name, value, suspected)) in [
        ("_elapsedMs", "400".to_owned(), true),
        ("_elapsedMs", "45000".to_owned(), false),
        ("_loadedAt", ago(0), true),
        ("_loadedAt", ago(60), false),
        ("message", "no time told".to_owned(), false),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("lead{number}@person.example");
        let wait = if suspected {
            "respond-async"
        } else {
            "wait=20"
        };
        let post = form(&gateway, &[("email", &email), (name, &value)]);
        let seen = Seen::of(post.header("Prefer", wait)).await;
        let word = if suspected { "queued" } else { "booked" };
        assert_eq!(seen.word(), word, "{name} {value}: {seen:?}");
        let record = record(&gateway, seen.body["leadId"].as_str().unwrap()).await;
        let code = record["reason"]["code"].as_str();
        assert_eq!(
            code,
            suspected.then_some("suspected_spam"),
            "{name} {value}"
        );
        assert_eq!(record["extra"].get(name).is_some(), name == "message");
    }
}
