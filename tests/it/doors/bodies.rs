//! How much is read of a body, and for how long.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{LEADS, post};
use crate::support::{Gateway, Seen, Settings, sandbox};

/// The usual `max_body_bytes`.
const MOST_BYTES: usize = 65_536;

/// A connection on which the head of a post was sent, with this last header.
fn begin(gateway: &Gateway, header: &str) -> TcpStream {
    let address = gateway.url("").replace("http://", "");
    let mut stream = TcpStream::connect(&address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(40)))
        .unwrap();
    let head = format!(
        "POST {LEADS} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n{header}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// What comes back until the problem document is whole.
fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    while !text.ends_with(b"}") {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => text.extend_from_slice(&piece[..length]),
            Err(error) => panic!("{error} after {}", String::from_utf8_lossy(&text)),
        }
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_announced_too_long_is_refused_unread() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let mut stream = begin(&gateway, &format!("Content-Length: {}", MOST_BYTES + 1));
    let answer = answer(&mut stream);
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.contains("\"body_too_large\""),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_unknown_length_is_refused_while_it_is_being_sent() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let mut stream = begin(&gateway, "Transfer-Encoding: chunked");
    let text = format!("{{\"email\":\"{}", "x".repeat(4096));
    let mut sent = 0;
    // The body never ends: only a reader that counts can answer.
    while sent <= MOST_BYTES {
        let chunk = format!("{:x}\r\n{text}\r\n", text.len());
        match stream.write_all(chunk.as_bytes()) {
            Ok(()) => sent += text.len(),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            Err(error) => panic!("{error}"),
        }
    }
    let answer = answer(&mut stream);
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.contains("\"body_too_large\""),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_body_is_taken_and_one_byte_more_is_not() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let empty = json!({"email": "kim@person.example", "metadata": ""})
        .to_string()
        .len();
    for (bytes, http) in [
        (MOST_BYTES, 202),
        (MOST_BYTES + 1, 413),
        (16 * MOST_BYTES, 413),
    ] {
        let lead = json!({"email": "kim@person.example", "metadata": "x".repeat(bytes - empty)});
        assert_eq!(lead.to_string().len(), bytes);
        let seen = Seen::of(post(&gateway, LEADS, &lead)).await;
        assert_eq!(seen.http, http, "{bytes}");
        if http == 413 {
            seen.assert_problem("too long", 413, "body_too_large");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_is_not_waited_for_without_end() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let started = Instant::now();
    let mut stream = begin(&gateway, "Content-Length: 100");
    stream.write_all(b"{\"email\":").unwrap();
    let answer = answer(&mut stream);
    assert!(
        answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"request_timeout\""),
        "{answer}"
    );
    assert!(started.elapsed() < Duration::from_secs(30));
}
