//! The client against a server that speaks raw bytes.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use secrecy::SecretString;

use super::test_server::{Act, answer, server};
use super::*;

const KEY: &str = "iclosed_not-to-be-shown";

fn options(base_url: &str) -> Options {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Options {
        base_url: base_url.to_owned(),
        api_key: SecretString::from(KEY),
        timeout: Duration::from_secs(20),
        refusal_rules: vec![("gone fishing".to_owned(), RefusalKind::Disqualified)],
    }
}

fn client(base_url: &str) -> Client {
    Client::new(options(base_url)).unwrap()
}

fn hasty_client(base_url: &str) -> Client {
    Client::new(Options {
        timeout: Duration::from_millis(300),
        ..options(base_url)
    })
    .unwrap()
}

fn call() -> NewCall {
    NewCall {
        date_time: "2026-12-01T15:00:00Z".parse().unwrap(),
        time_zone: "Europe/Oslo".to_owned(),
        link_prefix: "acme/intro".to_owned(),
        contact_id: None,
        email: Some("kim@lead.example".to_owned()),
        phone_number: None,
        first_name: None,
        last_name: None,
        secondary_questions_answer: Vec::new(),
        conditional_users: None,
        additional_guests: Vec::new(),
    }
}

async fn booked(act: Act) -> Result<CreatedCall, CallError> {
    let server = server(vec![act]);
    let result = client(&server.base_url).create_call(&call()).await;
    assert_eq!(server.requests().await.len(), 1);
    result
}

const CREATED: &str = r#"{"data":{"eventCall":{"status":200,"data":{"id":1900321}}}}"#;

#[tokio::test]
async fn a_call_is_booked_with_the_key_and_one_json_body() {
    let server = server(vec![answer("201 Created", CREATED)]);
    let created = client(&format!("{}/", server.base_url))
        .create_call(&call())
        .await
        .unwrap();
    assert_eq!(created.id, 1_900_321);
    let requests = server.requests().await;
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    assert!(
        head.starts_with("post /v1/eventcalls http/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains(&format!("\r\nauthorization: bearer {KEY}")),
        "{head}"
    );
    assert!(
        head.contains("\r\ncontent-type: application/json"),
        "{head}"
    );
    assert!(
        head.contains(&format!(
            "\r\nuser-agent: leadgate/{}",
            env!("CARGO_PKG_VERSION")
        )),
        "{head}"
    );
    assert!(
        body.starts_with(r#"{"dateTime":"2026-12-01T15:00:00.000Z""#),
        "{body}"
    );
}

#[tokio::test]
async fn a_list_is_asked_for_with_everything_said_and_encoded() {
    let server = server(vec![answer(
        "201 Created",
        r#"{"data":{"eventCalls":[],"count":0}}"#,
    )]);
    let query = CallQuery {
        invitee_email: Some("kim+ads@lead.example".to_owned()),
        date_from: Some("2026-11-30".parse().unwrap()),
        created_at_start: Some("2026-11-30T09:08:07Z".parse().unwrap()),
        ..CallQuery::default()
    };
    assert_eq!(
        client(&server.base_url).find_calls(&query).await,
        Ok(Vec::new())
    );
    let requests = server.requests().await;
    let expected = "GET /v1/eventCalls?inviteeEmails=kim%2Bads%40lead.example&dateFrom=2026-11-30\
        &createdAtStart=2026-11-30T09%3A08%3A07.000Z&eventType=ALL&orderColumn=createdAt&orderBy=desc&limit=100\
        &page=0 HTTP/1.1";
    assert_eq!(requests[0].lines().next(), Some(expected));
}

#[tokio::test]
async fn every_other_endpoint_is_asked_at_its_own_address() {
    let server = server(vec![
        answer(
            "200 OK",
            r#"{"data":{"availabilities":{"2026-12-01":["09:00"]}}}"#,
        ),
        answer("200 OK", r#"{"data":{"contacts":[{"id":7}]}}"#),
        answer("200 OK", r#"{"data":{"contact":{"id":8}}}"#),
        answer("200 OK", r#"{"data":{"isDisqualified":true}}"#),
        answer("200 OK", r#"{"data":{"id":777,"status":"ACTIVATED"}}"#),
        answer("200 OK", r#"{"stages":[]}"#),
    ]);
    let client = client(&server.base_url);
    let dates = EventDates {
        link_prefix: "acme/intro".to_owned(),
        current_date: "2026-12-01".parse().unwrap(),
        conditional_users: None,
    };
    let answers = InviteeAnswers {
        link_prefix: "acme/intro".to_owned(),
        contact_id: 8,
        email: None,
        phone_number: None,
        first_name: None,
        last_name: None,
        secondary_questions_answer: Vec::new(),
    };
    assert_eq!(client.event_dates(&dates).await.unwrap().slots.len(), 1);
    assert_eq!(client.search_contacts("+47 900").await.unwrap()[0].id, 7);
    assert_eq!(client.create_contact(&NewContact::default()).await, Ok(8));
    assert_eq!(
        client.invitee_answers(&answers).await.unwrap().disqualified,
        Some(true)
    );
    assert_eq!(
        client.event_detail("acme/intro").await.unwrap().id,
        Some(777)
    );
    assert_eq!(client.contact_stage().await, Ok(()));
    let requests = server.requests().await;
    let lines: Vec<_> = requests
        .iter()
        .filter_map(|request| request.lines().next())
        .collect();
    let expected = [
        "POST /v1/events/eventDates HTTP/1.1",
        "GET /v1/contacts?search=%2B47+900&limit=100&page=0 HTTP/1.1",
        "POST /v1/contacts HTTP/1.1",
        "POST /v1/fields/inviteeAnswers HTTP/1.1",
        "GET /v1/events/detail?linkPrefix=acme%2Fintro HTTP/1.1",
        "GET /v1/fields/contact-stage HTTP/1.1",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_lost_answer_to_a_booking_is_unknown() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{\"data\":";
    let huge = "x".repeat(5 * 1024 * 1024);
    for (what, act) in [
        ("closed at once", Act::Say(Vec::new())),
        ("half a head", Act::Say(b"HTTP/1.1 200".to_vec())),
        ("not HTTP", Act::Say(b"\0\xff\r\n\r\n".to_vec())),
        ("half a body", Act::Say(cut.into())),
        ("an empty body", answer("200 OK", "")),
        ("HTML", answer("200 OK", "<html>")),
        (
            "no id",
            answer("200 OK", r#"{"data":{"eventCall":{"status":200}}}"#),
        ),
        (
            "an inner failure",
            answer("200 OK", r#"{"data":{"eventCall":{"status":409}}}"#),
        ),
        ("a huge body", answer("200 OK", &huge)),
        ("a deep body", answer("200 OK", &"[".repeat(100_000))),
        (
            "broken gzip",
            answer("200 OK\r\ncontent-encoding: gzip", "x"),
        ),
        ("a gateway's page", answer("502 Bad Gateway", "<html>")),
        (
            "a redirect",
            answer("302 Found\r\nlocation: http://127.0.0.1:9/", ""),
        ),
    ] {
        let result = booked(act).await;
        assert!(
            matches!(result, Err(CallError::Unknown { .. })),
            "{what}: {result:?}"
        );
    }
}

#[tokio::test]
async fn a_slow_answer_is_unknown_wherever_it_stalls() {
    for stalled in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{",
    ] {
        let server = server(vec![Act::Stall(stalled.into())]);
        let result = hasty_client(&server.base_url).create_call(&call()).await;
        let Err(CallError::Unknown { why }) = result else {
            panic!("{stalled}: {result:?}")
        };
        assert!(why.starts_with("timed out"), "{why}");
        assert_eq!(server.requests().await.len(), 1);
    }
}

#[tokio::test]
async fn what_could_not_connect_was_not_sent() {
    // Nobody listens on port 1, and no other test can be given it.
    for base_url in ["http://127.0.0.1:1", "https://127.0.0.1:1"] {
        let result = client(base_url).create_call(&call()).await;
        let Err(CallError::NotSent { why }) = result else {
            panic!("{result:?}")
        };
        assert!(why.starts_with("could not connect"), "{why}");
    }
}

#[tokio::test]
async fn a_failed_tls_handshake_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("https://{}", listener.local_addr().unwrap());
    let peer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
    });
    let result = client(&base_url).create_call(&call()).await;
    assert!(
        matches!(result, Err(CallError::NotSent { .. })),
        "{result:?}"
    );
    peer.join().unwrap();
}

#[tokio::test]
async fn a_limit_is_told_by_header_and_body() {
    let body =
        r#"{"code":"RATE_LIMIT_EXCEEDED","retryAfter":3,"limit":{"points":15,"windowSec":10}}"#;
    let result = booked(answer("429 Too Many Requests\r\nRetry-After: 7", body)).await;
    let retry_after = Some(Duration::from_secs(7));
    assert_eq!(
        result,
        Err(CallError::Limited {
            retry_after,
            lower_limit: Some((15, Some(10)))
        })
    );
    let result = booked(answer("429 Too Many Requests", "")).await;
    assert_eq!(
        result,
        Err(CallError::Limited {
            retry_after: None,
            lower_limit: None
        })
    );
}

#[tokio::test]
async fn a_refusal_cut_short_is_still_a_refusal() {
    let cut = "HTTP/1.1 400 Bad Request\r\ncontent-length: 999\r\n\r\n{\"message\":";
    let Err(CallError::Refused(refusal)) = booked(Act::Say(cut.into())).await else {
        panic!("not refused")
    };
    assert_eq!((refusal.status, refusal.kind), (400, RefusalKind::Slot));
}

#[tokio::test]
async fn an_operators_rules_reach_the_judgement() {
    let act = answer("409 Conflict", r#"{"message":"The host has Gone Fishing"}"#);
    let Err(CallError::Refused(refusal)) = booked(act).await else {
        panic!("not refused")
    };
    assert_eq!(refusal.kind, RefusalKind::Disqualified);
    assert_eq!(refusal.to_string(), "status 409: The host has Gone Fishing");
}

#[tokio::test]
async fn nothing_shows_the_key_or_the_lead() {
    let secrets = ["not-to-be-shown", "kim", "lead.example", "lead%2E"];
    let hides = |shown: String| {
        assert!(
            !secrets.iter().any(|secret| shown.contains(secret)),
            "{shown}"
        )
    };
    let server = server(vec![Act::Say(Vec::new()), answer("500 Oops", KEY)]);
    let client = client(&server.base_url);
    hides(format!("{client:?} {:?}", options(&server.base_url)));
    for _ in 0..2 {
        let query = CallQuery {
            invitee_email: call().email,
            ..CallQuery::default()
        };
        let error = client.find_calls(&query).await.unwrap_err();
        hides(format!("{error} {error:?}"));
    }
    let bad = Options {
        api_key: SecretString::from("not-to-be-shown"),
        ..options(&server.base_url)
    };
    let error = Client::new(bad).unwrap_err();
    hides(format!("{error} {error:?}"));
    server.requests().await;
}
