//! Each fault as a client sees it, and what was really done.

use std::io::{Read, Write};

use super::*;
use crate::sandbox::{Fault, FaultKind};

const ENDPOINT: &str = "POST /v1/eventCalls";

/// A booking under a fault: what the client saw within half a second, and how many calls were made.
async fn struck(stage: &Stage, kind: FaultKind) -> (reqwest::Result<Reply>, usize) {
    stage.sandbox.control().reset();
    let at = &stage.slots().await[0];
    stage
        .sandbox
        .control()
        .add_fault(Fault::once(ENDPOINT, kind));
    let request = stage.request(Method::POST, BOOK);
    let request = request.json(&booking(at, "kim@lead.example"));
    let request = request.timeout(Duration::from_millis(500));
    let seen = stage.try_send(request).await;
    (seen, stage.sandbox.control().report().calls.len())
}

#[tokio::test]
async fn a_dropped_or_cut_answer_is_an_error_and_no_status() {
    let stage = stage(|_| {}).await;
    for (kind, calls) in [
        (FaultKind::DropBefore, 0),
        (FaultKind::DropAfter, 1),
        (FaultKind::Truncated, 1),
    ] {
        let (seen, made) = struck(&stage, kind.clone()).await;
        let error = seen.err().unwrap();
        assert!(!error.is_timeout(), "{kind:?}: {error:?}");
        assert_eq!(made, calls, "{kind:?}");
    }
}

#[tokio::test]
async fn silence_outlasts_the_client() {
    let stage = stage(|_| {}).await;
    for (kind, calls) in [
        (FaultKind::HangBefore { seconds: 60.0 }, 0),
        (FaultKind::HangAfter { seconds: 60.0 }, 1),
    ] {
        let (seen, made) = struck(&stage, kind.clone()).await;
        assert!(seen.err().unwrap().is_timeout(), "{kind:?}");
        assert_eq!(made, calls, "{kind:?}");
    }
    let (seen, _) = struck(&stage, FaultKind::HangAfter { seconds: 0.05 }).await;
    assert!(!seen.err().unwrap().is_timeout());
    stage.sandbox.stop().await;
}

#[tokio::test]
async fn an_answer_of_another_kind_comes_with_its_status() {
    let stage = stage(|_| {}).await;
    let limited = FaultKind::Limited {
        retry_after_seconds: 7,
        points: 5,
        window_seconds: 3,
    };
    let cases = [
        (FaultKind::StatusBefore { code: 502 }, 502, json!(null), 0),
        (FaultKind::StatusAfter { code: 500 }, 500, json!(null), 1),
        (FaultKind::WrongJson, 200, json!({ "result": "ok" }), 1),
        (
            FaultKind::KeyRefused,
            401,
            json!({ "message": "Invalid API key" }),
            0,
        ),
        (
            FaultKind::BareBadRequest,
            400,
            json!({ "message": "Bad request" }),
            0,
        ),
        (
            limited,
            429,
            json!({
                "code": "RATE_LIMIT_EXCEEDED",
                "message": "Too many requests, please try again later.",
                "retryAfter": 7,
                "limit": { "points": 5, "windowSec": 3 },
            }),
            0,
        ),
        (
            FaultKind::InnerRefusal,
            200,
            json!({ "data": { "eventCall": {
                "message": "Selected slot is no longer available",
                "status": 400,
            } } }),
            0,
        ),
    ];
    for (kind, status, body, calls) in cases {
        let (seen, made) = struck(&stage, kind.clone()).await;
        let seen = seen.ok().unwrap();
        assert_eq!((seen.status, seen.body), (status, body), "{kind:?}");
        assert_eq!(seen.retry_after.is_some(), status == 429);
        assert_eq!(made, calls, "{kind:?}");
    }
}

#[tokio::test]
async fn a_limit_by_fault_is_counted_as_limited_and_not_as_admitted() {
    let stage = stage(|_| {}).await;
    let limited = FaultKind::Limited {
        retry_after_seconds: 1,
        points: 20,
        window_seconds: 10,
    };
    let _ = struck(&stage, limited).await;
    let report = stage.sandbox.control().report();
    let seen = &report.endpoints[ENDPOINT];
    assert_eq!((seen.requests, seen.admitted, seen.limited), (1, 0, 1));
}

#[tokio::test]
async fn a_slot_taken_first_is_gone_for_all() {
    let stage = stage(|_| {}).await;
    let offered = stage.slots().await;
    let (seen, made) = struck(&stage, FaultKind::SlotTakenFirst).await;
    let seen = seen.ok().unwrap();
    assert_eq!(
        (seen.status, &seen.body["code"]),
        (400, &json!("SLOT_NOT_AVAILABLE"))
    );
    assert_eq!(made, 0);
    assert_eq!(stage.slots().await[..20], offered[1..21]);
}

#[tokio::test]
async fn work_goes_on_after_the_client_has_gone() {
    let stage = stage(|_| {}).await;
    let late = FaultKind::Latency {
        min_ms: 900,
        max_ms: 900,
    };
    let (seen, made) = struck(&stage, late).await;
    assert!(seen.err().unwrap().is_timeout());
    assert_eq!(made, 0);
    let started = std::time::Instant::now();
    while stage.sandbox.control().report().calls.is_empty() {
        assert!(started.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Everything the sandbox puts on a connection of its own until it closes it.
async fn bytes_on_the_wire(stage: &Stage) -> String {
    let address = stage.sandbox.address();
    let reading = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let head = [
            "GET /v1/users HTTP/1.1",
            "host: sandbox",
            "connection: close",
            "authorization: Bearer iclosed_test",
        ];
        let head = format!("{}\r\n\r\n", head.join("\r\n"));
        stream.write_all(head.as_bytes()).unwrap();
        let mut seen = Vec::new();
        stream.read_to_end(&mut seen).unwrap();
        String::from_utf8(seen).unwrap()
    });
    reading.await.unwrap()
}

#[tokio::test]
async fn a_drop_puts_no_byte_on_the_wire_and_a_cut_announces_more_than_it_sends() {
    let stage = stage(|_| {}).await;
    let whole = bytes_on_the_wire(&stage).await;
    let (_, body) = whole.split_once("\r\n\r\n").unwrap();

    let fault = Fault::once("GET /v1/users", FaultKind::DropAfter);
    stage.sandbox.control().add_fault(fault);
    assert_eq!(bytes_on_the_wire(&stage).await, "");

    let fault = Fault::once("GET /v1/users", FaultKind::Truncated);
    stage.sandbox.control().add_fault(fault);
    let cut = bytes_on_the_wire(&stage).await;
    let (head, half) = cut.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"));
    assert!(head.ends_with(&format!("content-length: {}", body.len())));
    assert_eq!(half, &body[..body.len() / 2]);
}

#[tokio::test]
async fn faults_are_set_and_ended_over_http() {
    let stage = stage(|_| {}).await;
    let fault =
        json!({ "endpoint": "GET /v1/users", "kind": { "status_before": { "code": 503 } } });
    assert_eq!(stage.post("/_sandbox/faults", &fault).await.status, 204);
    assert_eq!(stage.get("/v1/users").await.status, 503);
    assert_eq!(stage.get("/v1/events").await.status, 200);
    let request = stage.request(Method::DELETE, "/_sandbox/faults");
    assert_eq!(stage.try_send(request).await.unwrap().status, 204);
    assert_eq!(stage.get("/v1/users").await.status, 200);
    let unknown = json!({ "kind": "explode" });
    assert_eq!(stage.post("/_sandbox/faults", &unknown).await.status, 400);
}
