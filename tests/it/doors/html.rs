//! Plain HTML forms: what their posts become, and what their visitors are shown.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::{BROWSER, LEADS, PAGE, form, navigated, operated, record, records};
use crate::support::{Gateway, Seen, Settings, sandbox, wait_for};

const LISTED: &str =
    r#"redirect_urls = ["https://acme.example/thanks", "https://acme.example/danke?von=form"]"#;

/// A part of a multipart body for each field; a name of a file makes it a file.
fn multipart(gateway: &Gateway, parts: &[(&str, Option<&str>, &str)]) -> RequestBuilder {
    bounded(gateway, "XX", parts)
}

fn bounded(
    gateway: &Gateway,
    boundary: &str,
    parts: &[(&str, Option<&str>, &str)],
) -> RequestBuilder {
    let mut body = String::new();
    for (name, file, value) in parts {
        let file = file
            .map(|file| format!("; filename=\"{file}\""))
            .unwrap_or_default();
        body += &format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n"
        );
    }
    gateway
        .request(Method::POST, LEADS)
        .header(
            "Content-Type",
            format!("multipart/form-data; boundary={boundary}"),
        )
        .header("Origin", PAGE)
        .body(body + &format!("--{boundary}--\r\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_in_parts_is_repeated_by_its_key_although_its_boundary_is_another() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let sent = async |boundary: &str, email: &str| {
        let request = bounded(&gateway, boundary, &[("email", None, email)]);
        Seen::of(request.header("Idempotency-Key", "k-1")).await
    };
    let first = sent("one", "kim@person.example").await;
    let again = sent("two", "kim@person.example").await;
    assert_eq!((first.http, again.http), (202, 202), "{again:?}");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.body["leadId"], first.body["leadId"]);
    let other = sent("three", "ida@person.example").await;
    other.assert_problem("another body", 422, "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_a_script_ends_on_its_page_and_its_lead_is_booked() {
    let sandbox = sandbox(100, 2, 3).await;
    let settings = Settings::new(&sandbox.url(), (100, 2))
        .source(LISTED)
        .server(&operated());
    let gateway = Gateway::start(&settings).await;
    let seen = Seen::of(navigated(
        &gateway,
        &[
            ("your-email", "kim@person.example"),
            ("Full Name", "Kim Åse Ek"),
            ("timeZone", "Europe/Oslo"),
            ("answers[goal]", "more + better"),
            ("interest", "ads"),
            ("interest", "calls"),
            ("utm_source", "meta"),
            ("additionalGuests", "ida@person.example"),
            ("_charset_", "UTF-8"),
            ("_gotcha", ""),
        ],
    ))
    .await;
    assert_eq!((seen.http, seen.text.as_str()), (303, ""), "{seen:?}");
    assert_eq!(seen.header("location"), Some("https://acme.example/thanks"));
    assert_eq!(seen.header("cache-control"), Some("no-store"));
    assert_eq!(seen.header("access-control-allow-origin"), Some(PAGE));

    let call = wait_for("the call", Duration::from_secs(20), async || {
        sandbox.control().report().calls.into_iter().next()
    })
    .await;
    assert_eq!(call.email.as_deref(), Some("kim@person.example"));
    let lead = records(&gateway).await.remove(0);
    let lead = record(&gateway, lead["leadId"].as_str().unwrap()).await;
    assert_eq!(lead["contact"]["name"], "Kim Åse Ek");
    assert_eq!(
        lead["answers"],
        json!([{"question": "goal", "values": ["more + better"]}])
    );
    assert_eq!(lead["extra"], json!({"interest": ["ads", "calls"]}));
    assert_eq!(lead["tracking"]["utm"]["utm_source"], "meta");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_is_sent_nowhere_but_where_the_settings_say() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2)).source(LISTED)).await;
    let first = "https://acme.example/thanks";
    for (name, wanted, location) in [
        (
            "_redirect",
            "https://acme.example/danke?von=form",
            "https://acme.example/danke?von=form",
        ),
        (
            "_next",
            "https://acme.example/danke?von=form",
            "https://acme.example/danke?von=form",
        ),
        ("_redirect", "https://acme.example/danke", first),
        ("_redirect", "https://evil.example/", first),
        ("_redirect", "//evil.example/", first),
        (
            "_redirect",
            "https://acme.example/thanks\r\nSet-Cookie: a=b",
            first,
        ),
        ("_next", "javascript:alert(1)", first),
    ] {
        let fields = [("email", "kim@person.example"), (name, wanted)];
        let seen = Seen::of(navigated(&gateway, &fields)).await;
        assert_eq!(
            (seen.http, seen.header("location")),
            (303, Some(location)),
            "{wanted}"
        );
        assert_eq!(seen.header("set-cookie"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_a_page_to_go_to_is_thanked_and_told_nothing_else() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let fields = [
        ("email", "kim@person.example"),
        ("_redirect", "https://evil.example/"),
    ];
    let new = Seen::of(navigated(&gateway, &fields)).await;
    assert_eq!(new.http, 200, "{new:?}");
    assert_eq!(new.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(new.header("location"), None);
    assert!(
        new.header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'")
    );
    assert!(new.text.contains("<h1>Thank you</h1>"), "{}", new.text);
    // Neither the person's words nor that it came before.
    let again = Seen::of(navigated(&gateway, &fields)).await;
    assert_eq!((again.http, &again.text), (200, &new.text));
    assert!(!new.text.contains("kim") && !new.text.contains("ld_") && !new.text.contains("evil"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_shown_as_a_page_that_holds_no_markup_of_others() {
    let sandbox = sandbox(100, 2, 3).await;
    let throttle = "throttle = { per_address = { requests = 6, window_seconds = 3600 } }";
    let settings = Settings::new(&sandbox.url(), (100, 2))
        .source(LISTED)
        .server(throttle);
    let gateway = Gateway::start(&settings).await;
    let hostile = "<script>alert('x')</script>";
    let question = format!("answers[{hostile}]");
    let (too_long, long) = ("x".repeat(5001), "x".repeat(70_000));
    let broken = gateway
        .request(Method::POST, LEADS)
        .header("Content-Type", "multipart/form-data; boundary=XX")
        .header("Accept", BROWSER)
        .body("nothing of the kind");
    for (request, http, told) in [
        (
            navigated(
                &gateway,
                &[
                    ("email", hostile),
                    ("timeZone", hostile),
                    (&question, &too_long),
                ],
            ),
            422,
            &[
                "<strong>Email</strong>: ",
                "<strong>Time zone</strong>: ",
                "&lt;script&gt;",
            ][..],
        ),
        (
            navigated(&gateway, &[("name", hostile)]),
            422,
            &["an email address or a phone number is needed"],
        ),
        (broken, 400, &["<h1>The body cannot be read</h1>"]),
        (
            navigated(&gateway, &[("email", &long)]),
            413,
            &["<h1>The body is too large</h1>"],
        ),
        (
            navigated(&gateway, &[("email", "k@person.example")]).header("Idempotency-Key", "a b"),
            400,
            &["<h1>A header cannot be read</h1>"],
        ),
        (
            gateway
                .request(Method::POST, LEADS)
                .header("Content-Type", "application/x-www-form-urlencoded")
                .header("Accept", BROWSER)
                .header("Origin", "https://evil.example"),
            403,
            &["<h1>This origin may not post to this source</h1>"],
        ),
        (
            navigated(&gateway, &[("email", "k@person.example")]),
            429,
            &["<h1>Too many requests</h1>"],
        ),
    ] {
        let seen = Seen::of(request).await;
        assert_eq!(seen.http, http, "{seen:?}");
        assert_eq!(
            seen.header("content-type"),
            Some("text/html; charset=utf-8"),
            "{seen:?}"
        );
        assert_eq!(seen.header("vary"), Some("Origin"), "{seen:?}");
        assert_eq!(seen.number("retry-after").is_some(), http == 429);
        for part in told {
            assert!(seen.text.contains(part), "{part} in {}", seen.text);
        }
        assert!(!seen.text.contains("<script"), "{}", seen.text);
        assert!(seen.text.contains(seen.header("x-request-id").unwrap()));
    }
    let report = sandbox.control().report();
    assert!(report.calls.is_empty() && report.contacts.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_answered_in_json_whatever_type_it_posts() {
    let sandbox = sandbox(100, 2, 3).await;
    let settings = Settings::new(&sandbox.url(), (100, 2))
        .source(LISTED)
        .server(&operated());
    let gateway = Gateway::start(&settings).await;
    let plain = |content_type: &str, body: &str| {
        gateway
            .request(Method::POST, LEADS)
            .header("Origin", PAGE)
            .header("Content-Type", content_type)
            .body(body.to_owned())
    };
    for (number, request) in [
        form(&gateway, &[("email", "a@person.example")]),
        form(&gateway, &[("email", "b@person.example")])
            .header("Accept", BROWSER)
            .header("Sec-Fetch-Mode", "cors"),
        multipart(
            &gateway,
            &[("email", None, "c@person.example"), ("photo", Some(""), "")],
        ),
        // As navigator.sendBeacon sends a text, and XMLHttpRequest one whose type nobody set.
        plain(
            "text/plain;charset=UTF-8",
            r#"{"email": "d@person.example"}"#,
        )
        .header("Sec-Fetch-Mode", "no-cors"),
        plain(
            "application/x-www-form-urlencoded",
            r#" {"email": "e@person.example"}"#,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let seen = Seen::of(request.header("Prefer", "wait=20")).await;
        assert_eq!(
            (seen.http, seen.word()),
            (201, "booked"),
            "{number}: {seen:?}"
        );
        assert_eq!(seen.header("access-control-allow-origin"), Some(PAGE));
        assert_eq!(
            seen.header("access-control-allow-credentials"),
            Some("true"),
            "a beacon comes with credentials"
        );
        let lead = record(&gateway, seen.body["leadId"].as_str().unwrap()).await;
        let letter = char::from(b'a' + u8::try_from(number).unwrap());
        assert_eq!(lead["contact"]["email"], format!("{letter}@person.example"));
        assert_eq!(lead["extra"], json!({}), "{number}");
    }
    assert_eq!(sandbox.control().report().calls.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_refused_by_its_field_beside_every_other_fault() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let parts = [("email", None, "nobody"), ("cv", Some("me.pdf"), "%PDF")];
    let seen = Seen::of(multipart(&gateway, &parts)).await;
    seen.assert_problem("a file", 422, "validation_failed");
    let mut faults = seen.faults();
    faults.sort_unstable();
    assert_eq!(
        faults,
        [("/cv", "file_not_taken"), ("/email", "invalid_email")]
    );
    let page = Seen::of(multipart(&gateway, &parts).header("Accept", BROWSER)).await;
    assert_eq!(page.http, 422);
    assert!(
        page.text
            .contains("<strong>Cv</strong>: files are not taken"),
        "{}",
        page.text
    );
}
