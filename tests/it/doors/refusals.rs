//! Every refusal: its status, its document, and that nothing of what was sent is left anywhere.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::canary::{MARK, TOKEN, changed, gateway, holds_mark, marked, store_holds_mark};
use super::{BOT_KEY, BOT_LEADS, LEADS, post};
use crate::support::{Seen, sandbox};

const NOBODY: &str = "/v1/leads/ld_00000000000000000000000000";

fn with_type(request: RequestBuilder, content_type: &str) -> RequestBuilder {
    request
        .header("Content-Type", content_type)
        .body(marked().to_string())
}

/// A marked body with `depth` arrays inside each other.
fn nested(depth: usize) -> String {
    let opening = "[".repeat(depth);
    let closing = "]".repeat(depth);
    format!("{{\"email\":\"zq-canary@person.example\",\"metadata\":{opening}{closing}}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_told_in_one_shape_and_keeps_nothing() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = gateway(&sandbox).await;
    let to = |method: Method, path: &str| gateway.request(method, path);
    let lead = |path: &str| post(&gateway, path, &marked());
    let raw = |body: String| {
        to(Method::POST, LEADS)
            .header("Content-Type", "application/json")
            .body(body)
    };
    let keyed = |key: &str| lead(LEADS).header("Idempotency-Key", key);
    let long = format!("{MARK}{}", "k".repeat(256 - MARK.len()));
    for (what, request, http, code) in [
        (
            "cut off",
            raw("{\"email\":\"zq-canary@person.example\"".to_owned()),
            400,
            "unreadable_body",
        ),
        ("no body", raw(String::new()), 400, "unreadable_body"),
        (
            "not UTF-8",
            to(Method::POST, LEADS)
                .header("Content-Type", "application/json")
                .body(&b"{\"a\":\"\xff\"}"[..]),
            400,
            "unreadable_body",
        ),
        (
            "two documents",
            raw(format!("{0}{0}", marked())),
            400,
            "unreadable_body",
        ),
        ("deep", raw(nested(200)), 400, "unreadable_body"),
        ("very deep", raw(nested(30_000)), 400, "unreadable_body"),
        (
            "a list",
            raw(format!("[{}]", marked())),
            422,
            "validation_failed",
        ),
        (
            "a text",
            raw(format!("\"{MARK}\"")),
            422,
            "validation_failed",
        ),
        (
            "plain text to a chatbot",
            with_type(
                to(Method::POST, BOT_LEADS).bearer_auth(BOT_KEY),
                "text/plain",
            ),
            415,
            "unsupported_media_type",
        ),
        (
            "a form post to a chatbot",
            with_type(
                to(Method::POST, BOT_LEADS).bearer_auth(BOT_KEY),
                "application/x-www-form-urlencoded",
            ),
            415,
            "unsupported_media_type",
        ),
        (
            "plain text that is not JSON",
            to(Method::POST, LEADS)
                .header("Content-Type", "text/plain")
                .body("email=zq-canary@person.example"),
            400,
            "unreadable_body",
        ),
        (
            "a form post without a boundary",
            with_type(to(Method::POST, LEADS), "multipart/form-data"),
            400,
            "unreadable_body",
        ),
        (
            "an odd type",
            with_type(to(Method::POST, LEADS), "zq-canary/json"),
            415,
            "unsupported_media_type",
        ),
        (
            "no type",
            to(Method::POST, LEADS).body(marked().to_string()),
            415,
            "unsupported_media_type",
        ),
        ("no key", lead(BOT_LEADS), 401, "unauthorized"),
        (
            "a wrong key",
            lead(BOT_LEADS).bearer_auth(MARK),
            401,
            "unauthorized",
        ),
        (
            "the key's beginning",
            lead(BOT_LEADS).bearer_auth(&BOT_KEY[..16]),
            401,
            "unauthorized",
        ),
        (
            "another scheme",
            lead(BOT_LEADS).basic_auth(MARK, Some(BOT_KEY)),
            401,
            "unauthorized",
        ),
        (
            "no token",
            lead("/v1/sources/closed/leads"),
            401,
            "unauthorized",
        ),
        (
            "a wrong token",
            lead("/v1/sources/closed/leads?token=zq-canary"),
            401,
            "unauthorized",
        ),
        (
            "a wrong token's header",
            lead("/v1/sources/closed/leads").header("X-Leadgate-Token", MARK),
            401,
            "unauthorized",
        ),
        (
            "another page",
            lead(LEADS).header("Origin", "https://zq-canary.example"),
            403,
            "origin_not_allowed",
        ),
        (
            "a page without origin",
            lead(LEADS).header("Origin", "null"),
            403,
            "origin_not_allowed",
        ),
        (
            "an unknown source",
            lead("/v1/sources/zq-canary/leads"),
            404,
            "unknown_source",
        ),
        ("an empty key", keyed(""), 400, "bad_header"),
        ("an empty quoted key", keyed("\"\""), 400, "bad_header"),
        (
            "a key with a space",
            keyed("zq-canary key"),
            400,
            "bad_header",
        ),
        (
            "a key outside ASCII",
            lead(LEADS).header("Idempotency-Key", &b"zq-canary\xe9"[..]),
            400,
            "bad_header",
        ),
        ("a key too long", keyed(&long), 400, "bad_header"),
        ("an unknown path", lead("/v1/zq-canary"), 404, "not_found"),
        ("a path above", to(Method::GET, "/v1"), 404, "not_found"),
        (
            "an unknown lead",
            to(Method::GET, NOBODY),
            404,
            "unknown_lead",
        ),
        (
            "a bad id",
            to(Method::GET, "/v1/leads/zq-canary"),
            404,
            "unknown_lead",
        ),
        (
            "an unknown lead's events",
            to(Method::GET, &format!("{NOBODY}/events")),
            404,
            "unknown_lead",
        ),
        (
            "a bad id's events",
            to(Method::GET, "/v1/leads/zq-canary/events"),
            404,
            "unknown_lead",
        ),
        (
            "an unknown lead's time",
            post(
                &gateway,
                &format!("{NOBODY}/time"),
                &json!({"dateTime": "2031-12-01T10:00:00Z"}),
            ),
            404,
            "unknown_lead",
        ),
        (
            "a bad id's time",
            lead("/v1/leads/zq-canary/time"),
            404,
            "unknown_lead",
        ),
    ] {
        let seen = Seen::of(request).await;
        seen.assert_problem(what, http, code);
        assert!(
            !holds_mark(seen.text.as_bytes()),
            "{what} is echoed: {}",
            seen.text
        );
    }
    let report = sandbox.control().report();
    assert!(report.calls.is_empty() && report.contacts.is_empty() && report.endpoints.is_empty());
    assert!(!store_holds_mark(gateway.folder()));
    assert!(!holds_mark(gateway.log().as_bytes()), "{}", gateway.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lead_says_is_in_its_record_and_not_in_the_log() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = gateway(&sandbox).await;
    let wait = |request: RequestBuilder| request.header("Prefer", "wait=15");
    let booked = Seen::of(wait(post(&gateway, LEADS, &marked()))).await;
    assert_eq!((booked.http, booked.word()), (201, "booked"));
    assert!(
        store_holds_mark(gateway.folder()),
        "a record is where a lead's words belong"
    );
    // A duplicate, a lead that iClosed refuses and a lead of another source say no more.
    let again = Seen::of(wait(
        post(&gateway, BOT_LEADS, &marked()).bearer_auth(BOT_KEY),
    ))
    .await;
    assert_eq!(again.word(), "duplicate");
    sandbox.control().add_fault(leadgate::sandbox::Fault {
        endpoint: Some("POST /v1/eventCalls".to_owned()),
        kind: leadgate::sandbox::FaultKind::StatusBefore { code: 400 },
        times: None,
        probability: 1.0,
    });
    let other = changed(json!({"email": "zq-canary-other@person.example", "phoneNumber": null}));
    let refused = Seen::of(wait(
        post(&gateway, "/v1/sources/closed/leads", &other).header("X-Leadgate-Token", TOKEN),
    ))
    .await;
    assert_eq!(refused.http, 202, "{refused:?}");
    assert!(!holds_mark(gateway.log().as_bytes()), "{}", gateway.log());
    assert!(
        gateway
            .log()
            .contains(booked.body["leadId"].as_str().unwrap()),
        "the log names leads by their ids"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_a_path_does_not_have_is_told_the_methods_it_has() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = gateway(&sandbox).await;
    let lead = "/v1/leads/ld_00000000000000000000000000";
    for (path, allow) in [
        (LEADS.to_owned(), "POST, OPTIONS"),
        ("/v1/sources/landing/slots".to_owned(), "GET, HEAD, OPTIONS"),
        (lead.to_owned(), "GET, HEAD, OPTIONS"),
        (format!("{lead}/events"), "GET, HEAD, OPTIONS"),
        (format!("{lead}/time"), "POST, OPTIONS"),
        ("/livez".to_owned(), "GET, HEAD"),
        ("/readyz".to_owned(), "GET, HEAD"),
        ("/openapi.yaml".to_owned(), "GET, HEAD"),
    ] {
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ] {
            if allow.contains(method.as_str()) {
                continue;
            }
            let seen = Seen::of(gateway.request(method.clone(), &path)).await;
            seen.assert_problem(&format!("{method} {path}"), 405, "method_not_allowed");
            assert_eq!(seen.header("allow"), Some(allow), "{method} {path}");
        }
    }
}
