//! Pages of other origins: what a browser lets them read.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::{BOT_KEY, BOT_LEADS, LEADS, PAGE, post};
use crate::support::leads::lead;
use crate::support::{Gateway, Seen, Settings, sandbox};

const EXPOSED: [&str; 8] = [
    "Location",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    "Preference-Applied",
    "Idempotency-Replayed",
    "ETag",
    "X-Request-Id",
];

fn preflight(gateway: &Gateway, path: &str, origin: &str) -> RequestBuilder {
    let request = gateway
        .request(Method::OPTIONS, path)
        .header("Origin", origin);
    request
        .header("Access-Control-Request-Method", "POST")
        .header(
            "Access-Control-Request-Headers",
            "content-type,idempotency-key,prefer",
        )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowed_page_may_read_every_answer_errors_included() {
    let sandbox = sandbox(100, 2, 3).await;
    let throttle = "throttle = { per_address = { requests = 12, window_seconds = 3600 } }";
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2)).server(throttle)).await;
    let taken = Seen::of(post(&gateway, LEADS, &lead(1)).header("Origin", PAGE)).await;
    let path = format!("/v1/leads/{}", taken.body["leadId"].as_str().unwrap());
    let of_lead = |method: Method, rest: &str| gateway.request(method, &format!("{path}{rest}"));
    let slots = "/v1/sources/landing/slots";
    let time = json!({"dateTime": "2031-12-01T10:00:00Z"});
    for (request, http) in [
        (post(&gateway, LEADS, &lead(2)), 202),
        (
            post(&gateway, LEADS, &lead(3)).header("Prefer", "wait=15"),
            201,
        ),
        (post(&gateway, LEADS, &json!({})), 422),
        (
            gateway
                .request(Method::POST, LEADS)
                .header("Content-Type", "application/json")
                .body("{"),
            400,
        ),
        (gateway.request(Method::POST, LEADS).body("{}"), 415),
        (
            post(&gateway, LEADS, &json!({"email": "x".repeat(70_000)})),
            413,
        ),
        (gateway.request(Method::GET, LEADS), 405),
        (gateway.request(Method::GET, slots), 200),
        (
            gateway.request(Method::GET, &format!("{slots}?days=0")),
            400,
        ),
        (of_lead(Method::GET, ""), 200),
        (of_lead(Method::GET, "").header("If-None-Match", "*"), 304),
        (of_lead(Method::GET, "/events"), 200),
        (of_lead(Method::PUT, ""), 405),
        (gateway.request(Method::GET, "/v1/leads/nobody"), 404),
        (of_lead(Method::POST, "/time").json(&time), 409),
        (of_lead(Method::POST, "/time").json(&json!({})), 422),
        // The twelve requests that count are spent.
        (post(&gateway, LEADS, &lead(4)), 429),
        (of_lead(Method::POST, "/time").json(&time), 429),
    ] {
        if http == 409 {
            let ended = of_lead(Method::GET, "").header("Prefer", "wait=15");
            assert_eq!(Seen::of(ended).await.word(), "booked");
        }
        let seen = Seen::of(request.header("Origin", PAGE)).await;
        assert_eq!(seen.http, http, "{seen:?}");
        assert_eq!(
            seen.header("access-control-allow-origin"),
            Some(PAGE),
            "{seen:?}"
        );
        assert_eq!(seen.header("vary"), Some("Origin"), "{seen:?}");
        let exposed = seen
            .header("access-control-expose-headers")
            .unwrap_or_default();
        assert!(
            EXPOSED
                .iter()
                .all(|name| exposed.split(", ").any(|one| one == *name)),
            "{exposed}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_not_listed_reads_nothing_and_caches_know_why() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let other = "https://acme.example.evil.example";
    let id = Seen::of(post(&gateway, LEADS, &lead(1))).await.body["leadId"]
        .as_str()
        .unwrap()
        .to_owned();
    for (request, http) in [
        (post(&gateway, LEADS, &lead(2)), 403),
        (
            gateway.request(Method::GET, "/v1/sources/landing/slots"),
            403,
        ),
        (
            gateway.request(Method::GET, &format!("/v1/leads/{id}")),
            200,
        ),
        // A chatbot's key belongs into no page.
        (
            post(&gateway, BOT_LEADS, &lead(3))
                .bearer_auth(BOT_KEY)
                .header("Prefer", "respond-async"),
            202,
        ),
        (preflight(&gateway, LEADS, other), 204),
    ] {
        let seen = Seen::of(request.header("Origin", other)).await;
        assert_eq!(seen.http, http, "{seen:?}");
        for (name, _) in &seen.headers {
            assert!(
                !name.as_str().starts_with("access-control-"),
                "{name} in {seen:?}"
            );
        }
        assert_eq!(seen.header("vary"), Some("Origin"), "{seen:?}");
    }
    let bot = Seen::of(preflight(&gateway, BOT_LEADS, PAGE)).await;
    assert_eq!(
        (bot.http, bot.header("access-control-allow-origin")),
        (204, None)
    );
    // A program that names no origin is let in, and caches still keep the answers apart.
    let plain = Seen::of(post(&gateway, LEADS, &lead(4))).await;
    assert_eq!(
        (plain.http, plain.header("access-control-allow-origin")),
        (202, None)
    );
    assert_eq!(plain.header("vary"), Some("Origin"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_may_read_its_answer_however_the_sources_name_is_written() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let path = "/v1/sources/Landing/leads";
    let asked = Seen::of(preflight(&gateway, path, PAGE)).await;
    let taken = Seen::of(post(&gateway, path, &lead(1)).header("Origin", PAGE)).await;
    assert_eq!((asked.http, taken.http), (204, 202), "{taken:?}");
    for seen in [asked, taken] {
        assert_eq!(seen.header("access-control-allow-origin"), Some(PAGE));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_is_answered_and_costs_no_allowance() {
    let sandbox = sandbox(100, 2, 3).await;
    let throttle = "throttle = { per_address = { requests = 1, window_seconds = 3600 } }";
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2)).server(throttle)).await;
    let of_lead = "/v1/leads/ld_00000000000000000000000000";
    for path in [
        LEADS,
        "/v1/sources/landing/slots",
        of_lead,
        &format!("{of_lead}/events"),
        &format!("{of_lead}/time"),
    ] {
        let seen = Seen::of(preflight(&gateway, path, PAGE)).await;
        assert_eq!((seen.http, seen.text.as_str()), (204, ""), "{path}");
        assert_eq!(
            seen.header("access-control-allow-origin"),
            Some(PAGE),
            "{path}"
        );
        let methods = seen.header("access-control-allow-methods").unwrap();
        assert!(
            ["GET", "POST"]
                .iter()
                .all(|method| methods.contains(method)),
            "{path}: {methods}"
        );
        let headers = seen
            .header("access-control-allow-headers")
            .unwrap()
            .to_ascii_lowercase();
        for name in [
            "content-type",
            "idempotency-key",
            "prefer",
            "if-none-match",
            "authorization",
        ] {
            assert!(headers.contains(name), "{path}: {headers}");
        }
        assert!(
            seen.number("access-control-max-age")
                .is_some_and(|seconds| seconds > 0),
            "{path}"
        );
        assert!(seen.header("x-request-id").is_some(), "{path}");
    }
    assert_eq!(
        Seen::of(post(&gateway, LEADS, &lead(1)).header("Origin", PAGE))
            .await
            .http,
        202
    );
    assert_eq!(
        Seen::of(post(&gateway, LEADS, &lead(2)).header("Origin", PAGE))
            .await
            .http,
        429
    );
}
