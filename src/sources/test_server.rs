//! A platform for tests: one connection, one request, one act.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

/// What the server does with one connection, after it has read the request.
pub(super) enum Act {
    /// Sends these bytes and closes.
    Say(Vec<u8>),
    /// Sends these bytes and waits until the client is gone.
    Stall(Vec<u8>),
}

/// A base URL, and the heads of the requests that came once all acts are done.
pub(super) struct Server {
    pub(super) base_url: String,
    requests: JoinHandle<Vec<String>>,
}

impl Server {
    /// Waits without blocking the runtime, on which the client still has connections to close.
    pub(super) async fn requests(self) -> Vec<String> {
        let joined = tokio::task::spawn_blocking(|| self.requests.join().unwrap());
        joined.await.unwrap()
    }
}

pub(super) fn server(acts: Vec<Act>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let requests =
        std::thread::spawn(move || acts.into_iter().map(|act| one(&listener, act)).collect());
    Server { base_url, requests }
}

fn one(listener: &TcpListener, act: Act) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let request = head(&mut stream);
    match act {
        // A client that has had enough may close before everything is written.
        Act::Say(bytes) => drop(stream.write_all(&bytes)),
        Act::Stall(bytes) => {
            stream.write_all(&bytes).unwrap();
            drop(stream.read_to_end(&mut Vec::new()));
        }
    }
    request
}

fn head(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        read.push(byte[0]);
    }
    String::from_utf8(read).unwrap()
}

/// An answer with a body; `head` may hold further headers.
pub(super) fn answer(head: &str, body: &str) -> Act {
    let length = body.len();
    Act::Say(
        format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
            .into(),
    )
}

/// A client as the application would make it.
pub(super) fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}
