//! The operator's part of the service: who is let in, the list, the search, and the full record.

use std::sync::Arc;
use std::time::Duration;

use leadgate::clock::Clock;
use leadgate::intake::person::Hasher;
use leadgate::lead::{Lead, LeadId};
use leadgate::queue::embedded::{Embedded, Options};
use leadgate::queue::{Acceptance, Idempotency, Store};
use leadgate::sandbox::Sandbox;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::leads::lead;
use crate::support::{Answer, EVENT, Gateway, Seen, Settings, activate, sandbox};

const KEY: &str = "operator-key-0123456789";
const LIST: &str = "/v1/admin/leads";
const NOBODY: &str = "ld_00000000000000000000000000";

/// A source beside `landing` with an event more, and numbers written locally.
const NORWAY: &str = r#"
[sources.norway]
kind = "form"
link_prefix = "acme/strategy-call"
allowed_events = ["acme/other-call"]
allowed_origins = ["https://acme.example"]
default_region = "NO"
"#;

async fn operated(sandbox: &Sandbox) -> Gateway {
    let settings = Settings::new(&sandbox.url(), (100, 2))
        .server(&format!("operator_key = \"{KEY}\""))
        .tables(NORWAY);
    Gateway::start(&settings).await
}

fn with_key(gateway: &Gateway, path: &str) -> RequestBuilder {
    gateway.request(Method::GET, path).bearer_auth(KEY)
}

/// A list; it must come.
async fn list(gateway: &Gateway, query: &str) -> Value {
    let seen = Seen::of(with_key(gateway, &format!("{LIST}{query}"))).await;
    assert_eq!(seen.http, 200, "{query}: {seen:?}");
    assert_eq!(seen.header("cache-control"), Some("no-store"));
    seen.body
}

fn ids(list: &Value) -> Vec<&str> {
    let leads = list["leads"].as_array().unwrap();
    leads
        .iter()
        .map(|lead| lead["leadId"].as_str().unwrap())
        .collect()
}

/// The ids of the leads that a search finds.
async fn found(gateway: &Gateway, q: &str) -> Vec<String> {
    let seen = Seen::of(with_key(gateway, LIST).query(&[("q", q)])).await;
    assert_eq!(seen.http, 200, "{q}: {seen:?}");
    assert_eq!(seen.body["cursor"], Value::Null, "{q}");
    ids(&seen.body).into_iter().map(str::to_owned).collect()
}

async fn record(gateway: &Gateway, id: &str) -> Value {
    let seen = Seen::of(with_key(gateway, &format!("{LIST}/{id}"))).await;
    assert_eq!(seen.http, 200, "{seen:?}");
    assert_eq!(seen.header("cache-control"), Some("no-store"));
    seen.body
}

/// Posts a lead to a source; its id.
async fn post(gateway: &Gateway, source: &str, lead: &Value) -> String {
    let path = format!("/v1/sources/{source}/leads");
    let seen = Seen::of(gateway.request(Method::POST, &path).json(lead)).await;
    assert!(matches!(seen.http, 201 | 202), "{seen:?}");
    seen.body["leadId"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_operator_key_there_is_nothing() {
    let gateway = Gateway::start(&Settings::new("http://127.0.0.1:1", (100, 2))).await;
    let plain = |mut seen: Seen| {
        seen.body["requestId"].take();
        let mut names: Vec<String> = seen.headers.keys().map(ToString::to_string).collect();
        names.sort();
        (seen.http, seen.body, names)
    };
    for method in ["GET", "POST", "OPTIONS", "DELETE"] {
        let ask = async |path: &str| {
            let request = gateway.request(method.parse().unwrap(), path);
            plain(Seen::of(request.bearer_auth(KEY)).await)
        };
        let nothing = ask("/v1/nothing").await;
        assert_eq!(nothing.0, 404);
        for path in [LIST, &format!("{LIST}/{NOBODY}"), "/v1/admin"] {
            assert_eq!(ask(path).await, nothing, "{method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_operators_key_lets_in() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = operated(&sandbox).await;
    let id = post(&gateway, "landing", &lead(1)).await;
    for path in [LIST, &format!("{LIST}/{id}"), &format!("{LIST}/{NOBODY}")] {
        let ask = |method| gateway.request(method, path);
        let bare = ask(Method::GET);
        let near = ask(Method::GET).bearer_auth(&KEY[..KEY.len() - 1]);
        let bot = ask(Method::GET).bearer_auth("bot-key-0123456789");
        let basic = ask(Method::GET).basic_auth("operator", Some(KEY));
        let method = ask(Method::DELETE);
        for request in [bare, near, bot, basic, method] {
            let seen = Seen::of(request).await;
            seen.assert_problem(path, 401, "unauthorized");
        }
        let seen = Seen::of(ask(Method::DELETE).bearer_auth(KEY)).await;
        seen.assert_problem(path, 405, "method_not_allowed");
    }
    let unknown = Seen::of(with_key(&gateway, &format!("{LIST}/{NOBODY}"))).await;
    unknown.assert_problem("nobody", 404, "unknown_lead");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_the_key_uses_up_the_guessers_allowance() {
    let settings = Settings::new("http://127.0.0.1:1", (100, 2)).server(&format!(
        "operator_key = \"{KEY}\"\n\
         throttle = {{ per_address = {{ requests = 3, window_seconds = 3600 }} }}"
    ));
    let gateway = Gateway::start(&settings).await;
    let from = |last: u8, key: &str| {
        gateway
            .request(Method::GET, LIST)
            .header("X-Forwarded-For", format!("192.0.2.{last}"))
            .bearer_auth(key)
    };
    for _ in 0..3 {
        let seen = Seen::of(from(1, "guess")).await;
        seen.assert_problem("a guess", 401, "unauthorized");
    }
    let seen = Seen::of(from(1, "guess")).await;
    seen.assert_problem("the fourth", 429, "too_many_requests");
    let seen = Seen::of(from(2, "guess")).await;
    seen.assert_problem("somebody else", 401, "unauthorized");
    for _ in 0..5 {
        assert_eq!(Seen::of(from(2, KEY)).await.http, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_full_record_holds_everything_that_is_known() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = operated(&sandbox).await;
    let sent = r#"{ "email": "Kim.Ek@Lead.example", "phoneNumber": "900 00 001", "name": "Kim Ek",
        "company": "Ek Roofing", "jobTitle": "Owner", "city": "Moss", "region": "Viken", "country": "Norway",
        "postalCode": "1530", "timeZone": "Europe/Oslo", "answers": {"goal": ["a", "b"], "team-size": 12},
        "additionalGuests": [{"email": "ida@lead.example", "name": "Ida Moe"}], "utm": {"source": "news"},
        "gclid": "g-1", "landingUrl": "https://acme.example/call", "consent": {"terms": true},
        "metadata": {"id": 9007199254740993}, "budget": 1.10 }"#;
    let request = gateway
        .request(Method::POST, "/v1/sources/norway/leads")
        .header("Content-Type", "application/json")
        .header("Prefer", "wait=20")
        .header(
            "User-Agent",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile",
        );
    let booked = Seen::of(request.body(sent)).await;
    assert_eq!(booked.word(), "booked", "{booked:?}");
    let id = booked.body["leadId"].as_str().unwrap();
    let mut record = record(&gateway, id).await;
    assert_eq!(record["raw"], sent, "byte for byte");
    assert_eq!(record["booking"], booked.body["booking"]);
    assert!(record["booking"]["eventCallId"].is_string());

    let timeline = record["timeline"].take();
    let timeline = timeline.as_array().unwrap();
    assert_eq!(timeline[0]["step"], "accept");
    let last = timeline.last().unwrap();
    assert_eq!(
        (&last["step"], &last["outcome"]),
        (&json!("book"), &json!("booked"))
    );
    assert!(
        timeline
            .iter()
            .all(|line| line.as_object().unwrap().len() == 4)
    );
    for field in ["raw", "booking", "receivedAt", "sender"] {
        assert!(!record[field].take().is_null(), "{field}");
    }
    assert_eq!(
        record["contact"].as_object_mut().unwrap()["emailKind"].take(),
        "person"
    );
    assert_eq!(
        record,
        json!({
            "leadId": id, "source": "norway", "account": "main", "status": "booked", "reason": null,
            "duplicateOf": null, "test": false, "receivedAt": null, "waits": null, "lane": "normal",
            "linkPrefix": EVENT, "eventId": null, "platformId": null,
            "contact": {
                "email": "Kim.Ek@Lead.example", "emailKind": null, "emailHint": null,
                "phoneNumber": "+4790000001", "phoneTyped": "900 00 001", "firstName": "Kim", "lastName": "Ek",
                "name": "Kim Ek", "company": "Ek Roofing", "jobTitle": "Owner", "city": "Moss", "region": "Viken",
                "country": "NO", "postalCode": "1530", "timeZone": "Europe/Oslo", "timeZoneFrom": "lead",
            },
            "answers": [{"question": "goal", "values": ["a", "b"]}, {"question": "team-size", "values": ["12"]}],
            "wishes": [], "slot": "earliest",
            "additionalGuests": [{"email": "ida@lead.example", "name": "Ida Moe"}],
            "tracking": {
                "utm": {"utm_source": "news"}, "clickIds": {"gclid": "g-1"},
                "landingUrl": "https://acme.example/call",
            },
            "sender": null, "consent": {"terms": true}, "metadata": {"id": 9_007_199_254_740_993_u64},
            "extra": serde_json::from_str::<Value>(r#"{"budget": 1.10}"#).unwrap(),
            "attempts": 1, "contactId": null, "booking": null, "alternatives": [], "timeline": null, "raw": null,
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_lead_says_why_and_what_to_do_next() {
    let sandbox = sandbox(100, 2, 3).await;
    activate(&sandbox, false);
    let gateway = operated(&sandbox).await;
    let parked = Answer::of(gateway.post(&lead(1), 20).await).await;
    assert_eq!(parked.status(), "parked");
    let record = record(&gateway, parked.id()).await;
    assert_eq!(record["reason"]["code"], "event_unavailable");
    let next = record["reason"]["nextStep"].as_str().unwrap();
    assert!(next.contains("Activate the event in iClosed"), "{next}");
    assert_eq!(ids(&list(&gateway, "?status=parked").await), [parked.id()]);
    assert_eq!(
        ids(&list(&gateway, "?reason=event_unavailable").await),
        [parked.id()]
    );
    assert!(ids(&list(&gateway, "?reason=no_slots").await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_comes_newest_first_in_pages_and_by_filter() {
    // Nothing is booked meanwhile: iClosed is not there.
    let settings = Settings::new("http://127.0.0.1:1", (100, 2))
        .server(&format!("operator_key = \"{KEY}\""))
        .tables(NORWAY);
    let gateway = Gateway::start(&settings).await;
    let mut posted = Vec::new();
    for number in 0..7 {
        let source = if number == 2 { "norway" } else { "landing" };
        posted.insert(0, post(&gateway, source, &lead(number)).await);
    }
    let repeated = post(&gateway, "landing", &lead(0)).await;
    posted.insert(0, repeated.clone());

    let whole = list(&gateway, "").await;
    assert_eq!(ids(&whole), posted);
    assert_eq!(whole["cursor"], Value::Null);
    for shown in whole["leads"].as_array().unwrap() {
        let mut full = record(&gateway, shown["leadId"].as_str().unwrap()).await;
        full.as_object_mut().unwrap().shift_remove("raw").unwrap();
        for (name, value) in shown.as_object().unwrap() {
            // What a worker may have changed between the two answers.
            if !matches!(name.as_str(), "waits" | "timeline" | "status") {
                assert_eq!(&full[name], value, "{name}");
            }
        }
        assert_eq!(
            full.as_object().unwrap().len(),
            shown.as_object().unwrap().len()
        );
    }
    assert_eq!(whole["leads"][0]["status"], "duplicate");
    assert_eq!(whole["leads"][0]["duplicateOf"], posted[7]);

    let (mut seen, mut query) = (Vec::new(), "?limit=3".to_owned());
    loop {
        let page = list(&gateway, &query).await;
        assert!(ids(&page).len() <= 3);
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        let Some(cursor) = page["cursor"].as_str() else {
            break;
        };
        query = format!("?limit=3&cursor={cursor}");
        // New leads do not shift the pages.
        post(&gateway, "landing", &lead(100 + seen.len())).await;
    }
    assert_eq!(seen, posted);

    assert_eq!(ids(&list(&gateway, "?source=norway").await), [&posted[5]]);
    assert_eq!(ids(&list(&gateway, "?status=duplicate").await), [&repeated]);
    assert!(ids(&list(&gateway, "?status=booked").await).is_empty());
    assert!(ids(&list(&gateway, "?account=other").await).is_empty());
    for query in ["?status=done", "?limit=101", "?cursor=x", "?reason=x"] {
        let seen = Seen::of(with_key(&gateway, &format!("{LIST}{query}"))).await;
        seen.assert_problem(query, 400, "bad_query");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_found_by_address_number_and_id_and_stays_out_of_the_log() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = operated(&sandbox).await;
    let kim = json!({"email": "Kim.Ek@Lead.example", "phoneNumber": "+47 900 00 001", "timeZone": "Europe/Oslo"});
    let first = post(&gateway, "landing", &kim).await;
    let elsewhere = json!({"email": "kim.ek@lead.example", "linkPrefix": "acme/other-call"});
    let second = post(&gateway, "norway", &elsewhere).await;
    let third = post(&gateway, "norway", &json!({"phoneNumber": "90 00 00 01"})).await;
    post(&gateway, "landing", &lead(1)).await;
    for (q, expected) in [
        ("kim.ek@lead.example", vec![&second, &first]),
        (" KIM.EK@LEAD.EXAMPLE ", vec![&second, &first]),
        ("+4790000001", vec![&third, &first]),
        ("900 00 001", vec![&third, &first]),
        ("0047 90000001", vec![&third, &first]),
        (&first, vec![&first]),
        ("ida.moe@lead.example", vec![]),
        ("+4790000002", vec![]),
        ("nobody", vec![]),
        (NOBODY, vec![]),
    ] {
        let found = found(&gateway, q).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{q}");
    }
    let narrowed = with_key(&gateway, LIST).query(&[("q", "+4790000001"), ("source", "norway")]);
    assert_eq!(ids(&Seen::of(narrowed).await.body), [&third]);

    let log = gateway.log().to_lowercase();
    assert!(!log.contains("kim.ek") && !log.contains("90000001") && !log.contains("900 00 001"));
    assert!(!log.contains(KEY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_is_found_by_the_id_of_its_platform() {
    let sandbox = sandbox(100, 2, 3).await;
    let mut gateway = operated(&sandbox).await;
    assert!(gateway.terminate().await.success());
    let mut kept: Lead = serde_json::from_value(json!({
        "id": LeadId::random().unwrap(), "account": "main", "source": "norway", "linkPrefix": EVENT,
        "lane": "normal", "receivedAt": "2026-09-01T08:00:00Z", "status": "parked", "slot": "nearest",
        "platformId": "1234567890123456", "contact": {},
    }))
    .unwrap();
    let folder = gateway.folder().join("data");
    let store: Arc<dyn Store> = Arc::new(
        Embedded::open(Options {
            folder,
            max_megabytes: None,
            clock: Clock::system(),
        })
        .unwrap(),
    );
    let hasher = Hasher::new(store.hash_key());
    for (source, id) in [("norway", kept.id), ("gone", LeadId::random().unwrap())] {
        kept.id = id;
        let acceptance = Acceptance {
            lead: kept.clone().into(),
            first: None,
            idempotency: Some(Idempotency {
                key: hasher.digest("platform", &[source.as_bytes(), b"1234567890123456"]),
                body: None,
                kept: Duration::from_secs(3600),
            }),
            person: Vec::new(),
            person_window: Duration::ZERO,
            max_waiting: 10,
        };
        store.accept(acceptance).await.unwrap();
    }
    drop(store);
    gateway.restart();
    gateway.ready().await;
    let all = list(&gateway, "").await;
    let of_norway = ids(&all)[1];
    assert_eq!(found(&gateway, "1234567890123456").await, [of_norway]);
    assert_eq!(
        record(&gateway, of_norway).await["platformId"],
        "1234567890123456"
    );
    let narrowed =
        with_key(&gateway, LIST).query(&[("q", "1234567890123456"), ("status", "booked")]);
    assert!(ids(&Seen::of(narrowed).await.body).is_empty());
    assert!(found(&gateway, "1234567890123457").await.is_empty());
}
