//! An answer in the caller's time: waits, polling with an ETag, and events.

use std::time::{Duration, Instant};

use leadgate::sandbox::{Fault, FaultKind, Sandbox};
use reqwest::Method;
use serde_json::Value;

use super::{BOT_KEY, BOT_LEADS, LEADS, post};
use crate::support::leads::{lead, read};
use crate::support::{Gateway, Seen, Settings, sandbox, wait_for};

/// The next booking takes this long, and then fails.
fn stall(sandbox: &Sandbox, seconds: f64) {
    sandbox.control().add_fault(Fault::once(
        "POST /v1/eventCalls",
        FaultKind::HangBefore { seconds },
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_is_honoured_confirmed_and_over_in_time() {
    let sandbox = sandbox(100, 2, 3).await;
    let settings = Settings::new(&sandbox.url(), (100, 2)).source("wait_seconds = 8");
    let gateway = Gateway::start(&settings).await;
    let posted = async |number: usize, prefer: Option<&str>| {
        let mut request = post(&gateway, LEADS, &lead(number));
        if let Some(prefer) = prefer {
            request = request.header("Prefer", prefer);
        }
        let started = Instant::now();
        (Seen::of(request).await, started.elapsed())
    };
    let (seen, _) = posted(1, Some("wait=15")).await;
    assert_eq!((seen.http, seen.word()), (201, "booked"));
    assert_eq!(seen.header("preference-applied"), Some("wait=15"));
    assert_eq!(seen.header("location"), seen.body["statusUrl"].as_str());
    let (seen, _) = posted(2, None).await;
    assert_eq!(
        (seen.http, seen.header("preference-applied")),
        (201, None),
        "the source's own wait"
    );

    stall(&sandbox, 6.0);
    let (seen, took) = posted(3, Some("wait=1")).await;
    assert_eq!(
        (seen.http, seen.header("preference-applied")),
        (202, Some("wait=1"))
    );
    assert!(
        (Duration::from_millis(900)..Duration::from_secs(4)).contains(&took),
        "{took:?}"
    );
    let (seen, took) = posted(4, Some("respond-async")).await;
    assert_eq!((seen.http, seen.word()), (202, "queued"));
    assert_eq!(seen.header("preference-applied"), Some("respond-async"));
    assert!(
        seen.body["position"]
            .as_u64()
            .is_some_and(|place| place >= 1),
        "{seen:?}"
    );
    assert!(
        seen.body["estimatedStartAt"]
            .as_str()
            .is_some_and(|at| at.ends_with('Z')),
        "{seen:?}"
    );
    assert!(took < Duration::from_secs(4), "{took:?}");
    let (seen, _) = posted(5, Some("wait=900")).await;
    assert_eq!(
        seen.header("preference-applied"),
        Some("wait=25"),
        "no longer than is promised"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_read_again_only_when_it_changed() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let booked = Seen::of(post(&gateway, LEADS, &lead(1)).header("Prefer", "wait=15")).await;
    let path = format!("/v1/leads/{}", booked.body["leadId"].as_str().unwrap());
    let get = |held: &str| {
        gateway
            .request(Method::GET, &path)
            .header("If-None-Match", held)
    };
    let first = Seen::of(gateway.request(Method::GET, &path)).await;
    assert_eq!((first.http, first.word()), (200, "booked"));
    assert_eq!(first.body, booked.body, "one state, whoever tells it");
    assert_eq!(first.header("cache-control"), Some("no-store"));
    let etag = first.header("etag").unwrap();
    for held in [
        etag,
        "*",
        &format!("W/{etag}"),
        &format!("\"other\", {etag}"),
    ] {
        let same = Seen::of(get(held)).await;
        assert_eq!((same.http, same.text.as_str()), (304, ""), "{held}");
        assert_eq!(same.header("etag"), Some(etag), "{held}");
        assert_eq!(same.header("cache-control"), Some("no-store"), "{held}");
    }
    let news = Seen::of(get("\"other\"")).await;
    assert_eq!((news.http, news.body), (200, first.body.clone()));

    let started = Instant::now();
    let same = Seen::of(get(etag).header("Prefer", "wait=1")).await;
    assert_eq!(
        (same.http, same.header("preference-applied")),
        (304, Some("wait=1"))
    );
    assert!(
        started.elapsed() >= Duration::from_millis(900),
        "it was waited for a change"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_a_lead_in_the_queue_hears_nothing_until_something_changes() {
    // One booking in a minute: the third lead stays where it is.
    let sandbox = sandbox(1, 60, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (1, 60))).await;
    let mut ids = Vec::new();
    for number in 0..3 {
        let seen = Seen::of(post(&gateway, LEADS, &lead(number))).await;
        ids.push(seen.body["leadId"].as_str().unwrap().to_owned());
    }
    gateway
        .until(&ids[0], &["booked"], Duration::from_secs(10))
        .await;
    let path = format!("/v1/leads/{}", ids[2]);
    let held = Seen::of(gateway.request(Method::GET, &path)).await;
    assert!(held.body["estimatedStartAt"].is_string(), "{held:?}");
    let started = Instant::now();
    let again = gateway
        .request(Method::GET, &path)
        .header("If-None-Match", held.header("etag").unwrap())
        .header("Prefer", "wait=1");
    assert_eq!(Seen::of(again).await.http, 304);
    assert!(started.elapsed() >= Duration::from_millis(900));

    let events = gateway.request(Method::GET, &format!("{path}/events"));
    let mut events = events.send().await.unwrap();
    let mut told = String::new();
    // Longer than the places are looked up anew.
    let listening = async {
        while let Some(piece) = events.chunk().await.unwrap() {
            told.push_str(std::str::from_utf8(&piece).unwrap());
        }
    };
    let silent = tokio::time::timeout(Duration::from_secs(5), listening).await;
    assert!(silent.is_err(), "the stream ended");
    assert_eq!(told.matches("event: status").count(), 1, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_reader_hears_of_a_change_at_once() {
    let sandbox = sandbox(100, 2, 3).await;
    let settings =
        Settings::new(&sandbox.url(), (100, 2)).tables("[booking]\nlook_after_seconds = [1, 2]");
    let gateway = Gateway::start(&settings).await;
    stall(&sandbox, 2.0);
    let taken = Seen::of(post(&gateway, LEADS, &lead(1))).await;
    let id = taken.body["leadId"].as_str().unwrap();
    gateway
        .until(id, &["booking"], Duration::from_secs(10))
        .await;
    let path = format!("/v1/leads/{id}");
    let held = Seen::of(gateway.request(Method::GET, &path)).await;
    let started = Instant::now();
    let etag = held.header("etag").unwrap();
    let next = gateway
        .request(Method::GET, &path)
        .header("If-None-Match", etag)
        .header("Prefer", "wait=25");
    let next = Seen::of(next).await;
    assert_eq!(next.http, 200);
    assert_ne!(next.header("etag"), Some(etag));
    assert!(
        started.elapsed() < Duration::from_secs(12),
        "{:?}",
        started.elapsed()
    );
    // Without a state in hand, it is the end that is waited for.
    let end = Seen::of(
        gateway
            .request(Method::GET, &path)
            .header("Prefer", "wait=25"),
    )
    .await;
    assert_eq!((end.http, end.word()), (200, "booked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_each_state_once_and_end_with_the_lead() {
    let sandbox = sandbox(1, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (1, 2))).await;
    let mut ids = Vec::new();
    for number in 0..3 {
        let seen = Seen::of(post(&gateway, LEADS, &lead(number))).await;
        ids.push(seen.body["leadId"].as_str().unwrap().to_owned());
    }
    // The last one waits behind the others, a window each.
    let seen =
        Seen::of(gateway.request(Method::GET, &format!("/v1/leads/{}/events", ids[2]))).await;
    assert_eq!(seen.header("content-type"), Some("text/event-stream"));
    assert_eq!(seen.header("cache-control"), Some("no-store"));
    let mut states: Vec<Value> = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for event in seen
        .text
        .split_terminator("\n\n")
        .filter(|event| !event.starts_with(':'))
    {
        let lines: Vec<&str> = event.lines().collect();
        let [name, id, data] = lines[..] else {
            panic!("{event}")
        };
        assert_eq!(name, "event: status");
        assert!(
            names.insert(id.strip_prefix("id: ").unwrap()),
            "{id} was told twice"
        );
        states.push(serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap());
    }
    assert_eq!(states.first().unwrap()["status"], "queued");
    assert_eq!(states.last().unwrap()["status"], "booked");
    assert!(
        states
            .iter()
            .all(|state| state["leadId"] == ids[2].as_str())
    );

    let late =
        Seen::of(gateway.request(Method::GET, &format!("/v1/leads/{}/events", ids[2]))).await;
    assert_eq!(
        late.text.matches("event: status").count(),
        1,
        "a late reader is told the end: {}",
        late.text
    );
}

/// How often a lead was read from the store.
async fn reads(gateway: &Gateway) -> f64 {
    let told = gateway.request(Method::GET, "/metrics").send().await;
    let told = read(told.unwrap()).await;
    let is_count = |line: &&str| {
        line.starts_with("leadgate_store_operation_duration_seconds_count")
            && line.contains("operation=\"get\"")
    };
    let count = told
        .lines()
        .find(is_count)
        .and_then(|line| line.rsplit(' ').next());
    count.map_or(0.0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_keeps_no_reader_waiting() {
    let sandbox = sandbox(1, 60, 3).await;
    let mut gateway = Gateway::start(&Settings::new(&sandbox.url(), (1, 60))).await;
    let mut path = String::new();
    for number in 0..2 {
        let seen = Seen::of(post(&gateway, LEADS, &lead(number))).await;
        path = format!("/v1/leads/{}", seen.body["leadId"].as_str().unwrap());
    }
    let held = Seen::of(gateway.request(Method::GET, &path)).await;
    let before = reads(&gateway).await;
    let waits = gateway
        .request(Method::GET, &path)
        .header("If-None-Match", held.header("etag").unwrap())
        .header("Prefer", "wait=25");
    let waits = tokio::spawn(Seen::of(waits));
    let is_read = async || (reads(&gateway).await > before).then_some(());
    wait_for(
        "the reader's lead to be read",
        Duration::from_secs(10),
        is_read,
    )
    .await;
    let began = Instant::now();
    assert!(gateway.terminate().await.success());
    let told = waits.await.unwrap();
    assert!(matches!(told.http, 200 | 304), "{told:?}");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chatbot_waits_for_its_answer_without_asking_to() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let seen = Seen::of(post(&gateway, BOT_LEADS, &lead(1)).bearer_auth(BOT_KEY)).await;
    assert_eq!((seen.http, seen.word()), (201, "booked"));
}
