//! What every answer carries, whoever asks for what: nobody keeps it, nobody takes it for something else, nobody runs
//! anything in it, and it does not say what serves it.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::{BOT_KEY, BOT_LEADS, LEADS, OPERATOR_KEY, PAGE, form, navigated, operated, post};
use crate::support::leads::lead;
use crate::support::{Answer, Gateway, Seen, Settings, sandbox};

const CONSOLE: [&str; 5] = [
    "/console",
    "/console/style.css",
    "/console/script.js",
    "/console/views.js",
    "/console/words.js",
];

/// Every path of the contract, with this lead in it.
fn paths(lead: &str) -> Vec<String> {
    let document = include_str!("../../../openapi.yaml");
    let paths = document.lines().filter_map(|line| {
        let path = line.strip_prefix("  /")?.strip_suffix(':')?;
        Some(format!("/{path}"))
    });
    let filled = paths.map(|path| {
        path.replace("{source}", "landing")
            .replace("{leadId}", lead)
            .replace("{account}", "main")
            .replace("{token}", "no-token")
    });
    filled.collect()
}

fn assert_guarded(what: &str, seen: &Seen) {
    let has = |name: &str| seen.header(name).unwrap_or_default().to_owned();
    assert_eq!(has("x-content-type-options"), "nosniff", "{what}");
    let wanted = match what.contains("/console") && seen.http == 200 {
        // It holds no data, and another version of the binary has another.
        true => "no-cache",
        false => "no-store",
    };
    assert_eq!(has("cache-control"), wanted, "{what}: {seen:?}");
    let policy = has("content-security-policy");
    assert!(policy.starts_with("default-src 'none'"), "{what}: {policy}");
    assert!(policy.contains("frame-ancestors"), "{what}: {policy}");
    let is_forms_page = has("content-type").starts_with("text/html") && !what.contains("/console");
    assert_eq!(
        policy.contains("frame-ancestors 'none'"),
        !is_forms_page,
        "{what}: {policy}"
    );
    assert!(seen.headers.get("server").is_none(), "{what}");
    assert!(seen.headers.get("x-powered-by").is_none(), "{what}");
    assert!(!has("x-request-id").is_empty(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_guarded() {
    let sandbox = sandbox(100, 2, 3).await;
    let settings = Settings::new(&sandbox.url(), (100, 2)).server(&operated());
    let gateway = Gateway::start(&settings).await;
    let booked = Answer::of(gateway.post(&lead(1), 20).await).await;
    let mut paths = paths(booked.id());
    assert!(paths.len() > 12, "{paths:?}");
    paths.extend(CONSOLE.map(str::to_owned));
    paths.extend(["/".to_owned(), "/nothing".to_owned()]);
    let mut good = 0;
    for path in &paths {
        for method in ["GET", "HEAD", "POST", "PUT", "OPTIONS"] {
            for key in [None, Some(OPERATOR_KEY)] {
                let mut request = gateway.request(method.parse().unwrap(), path);
                if let Some(key) = key {
                    request = request.bearer_auth(key);
                }
                let seen = Seen::of(request).await;
                good += usize::from(seen.http == 200);
                assert_guarded(&format!("{method} {path}"), &seen);
            }
        }
    }
    assert!(good > 15, "{good}");

    let to = |method: Method, path: &str| gateway.request(method, path);
    let state = format!("/v1/leads/{}", booked.id());
    let tag = Seen::of(to(Method::GET, &state)).await;
    let tag = tag.header("etag").unwrap().to_owned();
    let preflight = to(Method::OPTIONS, LEADS)
        .header("Origin", PAGE)
        .header("Access-Control-Request-Method", "POST");
    let long = json!({"email": "a@person.example", "message": "m".repeat(100_000)});
    let others: Vec<(&str, u16, RequestBuilder)> = vec![
        (
            "a lead",
            202,
            post(&gateway, LEADS, &lead(2)).header("Prefer", "respond-async"),
        ),
        (
            "a chatbot",
            202,
            post(&gateway, BOT_LEADS, &lead(3))
                .bearer_auth(BOT_KEY)
                .header("Prefer", "respond-async"),
        ),
        ("too long", 413, post(&gateway, LEADS, &long)),
        (
            "a form's data",
            202,
            form(&gateway, &[("email", "b@person.example")]),
        ),
        (
            "thanks",
            200,
            navigated(&gateway, &[("email", "c@person.example")]),
        ),
        (
            "a fault's page",
            422,
            navigated(&gateway, &[("email", "nobody")]),
        ),
        (
            "not modified",
            304,
            to(Method::GET, &state).header("If-None-Match", tag),
        ),
        ("a preflight", 204, preflight),
        ("events", 200, to(Method::GET, &format!("{state}/events"))),
    ];
    for (what, http, request) in others {
        let seen = Seen::of(request).await;
        assert_eq!(seen.http, http, "{what}: {seen:?}");
        assert_guarded(what, &seen);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_answered_like_get_without_the_content() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let waiting = Answer::of(gateway.post(&lead(1), 20).await).await;
    let state = format!("/v1/leads/{}", waiting.id());
    for path in [
        "/livez",
        "/readyz",
        "/openapi.yaml",
        &state,
        &format!("{state}/events"),
        "/nothing",
    ] {
        let get = gateway.request(Method::GET, path).send().await.unwrap();
        let mut head = gateway.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(head.status(), get.status(), "{path}");
        for name in ["content-type", "etag", "cache-control"] {
            assert_eq!(
                head.headers().get(name),
                get.headers().get(name),
                "{path} {name}"
            );
        }
        assert_eq!(head.chunk().await.unwrap(), None, "{path}");
    }
}
