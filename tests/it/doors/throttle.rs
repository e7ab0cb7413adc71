//! How often somebody may knock, and who counts as somebody.

use reqwest::{Client, Method};
use serde_json::json;

use super::{BOT_KEY, BOT_LEADS, LEADS, post};
use crate::support::leads::lead;
use crate::support::{Gateway, Seen, Settings, sandbox};

/// Three requests of an address and two of a key, in an hour.
const FEW: &str = "throttle = { per_address = { requests = 3, window_seconds = 3600 }, \
    per_key = { requests = 2, window_seconds = 3600 } }";

#[tokio::test(flavor = "multi_thread")]
async fn who_knocks_too_often_is_told_when_to_come_back() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2)).server(FEW)).await;
    for left in [2, 1, 0] {
        let seen = Seen::of(post(&gateway, LEADS, &lead(left))).await;
        assert_eq!(seen.http, 202);
        assert_eq!(
            seen.header("ratelimit-policy"),
            Some("\"default\";q=3;w=3600")
        );
        assert_eq!(
            seen.header("ratelimit"),
            Some(format!("\"default\";r={left};t=0").as_str())
        );
    }
    let seen = Seen::of(post(&gateway, LEADS, &lead(4))).await;
    seen.assert_problem("the fourth", 429, "too_many_requests");
    let wait = seen.number("retry-after").unwrap();
    assert!(
        (1..=1200).contains(&wait),
        "a third of the hour at most: {wait}"
    );
    assert_eq!(
        seen.header("ratelimit-policy"),
        Some("\"default\";q=3;w=3600")
    );
    assert_eq!(
        seen.header("ratelimit"),
        Some(format!("\"default\";r=0;t={wait}").as_str())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_address_is_believed_from_a_trusted_proxy_only() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2)).server(FEW)).await;
    let forwarded = async |by: &Client, address: &str| {
        let request = by
            .post(gateway.url(LEADS))
            .header("X-Forwarded-For", address);
        Seen::of(request.json(&json!({}))).await.http
    };
    // The tests' settings trust 127.0.0.1.
    let proxy = gateway.client();
    for _ in 0..3 {
        assert_eq!(
            forwarded(proxy, "198.51.100.1").await,
            422,
            "a body at fault counts like any other"
        );
    }
    assert_eq!(forwarded(proxy, "198.51.100.1").await, 429);
    assert_eq!(
        forwarded(proxy, "198.51.100.2").await,
        422,
        "another caller has its own allowance"
    );
    assert_eq!(
        forwarded(proxy, "203.0.113.50, 198.51.100.1").await,
        429,
        "what the caller wrote itself is not believed"
    );
    for last in 0..3 {
        assert_eq!(forwarded(proxy, &format!("2001:db8::{last}")).await, 422);
    }
    assert_eq!(
        forwarded(proxy, "2001:db8::ffff:1").await,
        429,
        "one network of version six is one caller"
    );

    let stranger = client_at([127, 0, 0, 2]);
    for last in 0..3 {
        assert_eq!(forwarded(&stranger, &format!("192.0.2.{last}")).await, 422);
    }
    assert_eq!(
        forwarded(&stranger, "192.0.2.9").await,
        429,
        "a stranger cannot choose its address"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_an_allowance_of_its_own_and_guessing_keys_spends_the_address() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2)).server(FEW)).await;
    let keyed = async |key: &str, number: usize| {
        let request = post(&gateway, BOT_LEADS, &lead(number)).header("Prefer", "respond-async");
        Seen::of(request.bearer_auth(key)).await.http
    };
    for guess in 0..3 {
        assert_eq!(keyed(&format!("guess-{guess}"), 1).await, 401);
    }
    assert_eq!(keyed("guess-4", 1).await, 429);
    assert_eq!(Seen::of(post(&gateway, LEADS, &lead(1))).await.http, 429);
    assert_eq!(
        (keyed(BOT_KEY, 1).await, keyed(BOT_KEY, 2).await),
        (202, 202),
        "the key's holder is not hindered"
    );
    assert_eq!(keyed(BOT_KEY, 3).await, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_at_leads_is_counted_and_so_is_following_one() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2)).server(FEW)).await;
    let request = post(&gateway, BOT_LEADS, &lead(1)).bearer_auth(BOT_KEY);
    let taken = Seen::of(request.header("Prefer", "wait=15")).await;
    let status = format!("/v1/leads/{}", taken.body["leadId"].as_str().unwrap());
    let events = format!("{status}/events");
    let guess = "/v1/leads/ld_00000000000000000000000000";
    let look = async |path: &str| Seen::of(gateway.request(Method::GET, path)).await;
    for (path, http) in [(guess, 404), (events.as_str(), 200), (guess, 404)] {
        assert_eq!(look(path).await.http, http, "{path}");
        assert_eq!(look(&status).await.http, 200, "who knows the id may look");
    }
    for path in [guess, &events] {
        look(path)
            .await
            .assert_problem(path, 429, "too_many_requests");
    }
    assert_eq!(look(&status).await.http, 200, "as often as it likes");
    let keyed = async || {
        let request = gateway.request(Method::GET, &events);
        Seen::of(request.bearer_auth(BOT_KEY)).await.http
    };
    assert_eq!(keyed().await, 200, "the key's holder is not hindered");
    assert_eq!(keyed().await, 429, "and has an allowance of its own");
}

/// A client that comes from another loopback address.
fn client_at(address: [u8; 4]) -> Client {
    Client::builder()
        .no_proxy()
        .local_address(std::net::IpAddr::from(address))
        .build()
        .unwrap()
}
