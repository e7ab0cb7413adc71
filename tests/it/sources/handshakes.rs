//! Subscribing: what a platform asks before it delivers.

use reqwest::{Method, RequestBuilder};

use super::{CLIENT_SECRET, path, settings};
use crate::support::{Gateway, Platform, Seen, sandbox};

fn ask(gateway: &Gateway, source: &str, query: &[(&str, &str)]) -> RequestBuilder {
    gateway.request(Method::GET, &path(source)).query(query)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_is_answered_to_whoever_knows_what_was_agreed() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&settings(&sandbox, &Platform::start())).await;

    let meta = |mode, token, challenge| {
        let query = [
            ("hub.mode", mode),
            ("hub.verify_token", token),
            ("hub.challenge", challenge),
        ];
        ask(&gateway, "meta", &query)
    };
    let seen = Seen::of(meta("subscribe", "verify-for-tests", "1158201444")).await;
    assert_eq!((seen.http, seen.text.as_str()), (200, "1158201444"));
    assert_eq!(seen.header("content-type"), Some("text/plain"));
    let seen = Seen::of(meta("subscribe", "another", "1158201444")).await;
    seen.assert_problem("another token", 403, "handshake_wrong");
    assert!(!seen.text.contains("1158201444"));
    let seen = Seen::of(meta("unsubscribe", "verify-for-tests", "1")).await;
    seen.assert_problem("another mode", 401, "unauthorized");

    let code = "890e4665-4dfe-4ab1-b689-ed553bceeed0";
    let linkedin = |code| ask(&gateway, "linkedin", &[("challengeCode", code)]);
    let seen = Seen::of(linkedin(code)).await;
    assert_eq!(seen.http, 200, "{seen:?}");
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.body["challengeCode"], code);
    // printf CODE | openssl dgst -sha256 -hmac client-secret-for-tests
    let hash = "82c1c4c48630c6b0ef02d5f9048954af06fb72d5517e88a67e6696033417f6d7";
    assert_eq!(CLIENT_SECRET, "client-secret-for-tests");
    assert_eq!(seen.body["challengeResponse"], hash);
    let seen = Seen::of(linkedin(r#"hmacsha256={"type":"LEAD_ACTION"}"#)).await;
    seen.assert_problem("a delivery as a challenge", 403, "handshake_wrong");

    for source in ["meta", "linkedin"] {
        let seen = Seen::of(ask(&gateway, source, &[])).await;
        seen.assert_problem(source, 401, "unauthorized");
    }
    for source in ["google", "mapped", "landing", "bot"] {
        let seen = Seen::of(ask(&gateway, source, &[("hub.challenge", "1")])).await;
        seen.assert_problem(source, 405, "method_not_allowed");
        assert_eq!(seen.header("allow"), Some("POST, OPTIONS"));
    }
    for (source, methods) in [
        ("meta", "GET, HEAD, POST, OPTIONS"),
        ("linkedin", "GET, HEAD, POST, OPTIONS"),
        ("google", "POST, OPTIONS"),
        ("landing", "POST, OPTIONS"),
    ] {
        let put = Seen::of(gateway.request(Method::PUT, &path(source))).await;
        put.assert_problem(source, 405, "method_not_allowed");
        assert_eq!(put.header("allow"), Some(methods), "{source}");
        let options = Seen::of(gateway.request(Method::OPTIONS, &path(source))).await;
        assert_eq!(options.header("allow"), Some(methods), "{source}");
    }
    let seen = Seen::of(ask(&gateway, "nobody", &[])).await;
    seen.assert_problem("nobody", 404, "unknown_source");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_uses_up_the_guessers_allowance_and_nobody_elses() {
    let sandbox = sandbox(100, 2, 3).await;
    let settings = settings(&sandbox, &Platform::start());
    let server = format!(
        "{}\nthrottle = {{ per_address = {{ requests = 3, window_seconds = 3600 }} }}",
        settings.server
    );
    let gateway = Gateway::start(&settings.server(&server)).await;
    let guess = |last: u8, token| {
        let query = [
            ("hub.mode", "subscribe"),
            ("hub.verify_token", token),
            ("hub.challenge", "1"),
        ];
        ask(&gateway, "meta", &query).header("X-Forwarded-For", format!("192.0.2.{last}"))
    };
    for _ in 0..3 {
        let seen = Seen::of(guess(1, "guess")).await;
        seen.assert_problem("a guess", 403, "handshake_wrong");
    }
    let seen = Seen::of(guess(1, "guess")).await;
    seen.assert_problem("the fourth", 429, "too_many_requests");
    for _ in 0..5 {
        assert_eq!(Seen::of(guess(1, "verify-for-tests")).await.http, 200);
    }
    let seen = Seen::of(guess(2, "guess")).await;
    seen.assert_problem("somebody else", 403, "handshake_wrong");
}
