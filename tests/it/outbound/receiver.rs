//! A program that is told of leads: it verifies every signature with the library that receivers use, and remembers.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use standardwebhooks::Webhook;

use crate::support::wait_for;

/// The receiver's own secret.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The one that takes its place.
pub const NEXT_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// How it answers.
#[derive(Clone, Copy)]
pub enum Answers {
    /// With this status.
    Status(u16),
    /// With this status, and when to come back.
    Later(u16, u64),
    /// Not at all.
    Never,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Got {
    /// `webhook-id`.
    pub id: String,
    /// The body.
    pub body: Value,
    /// By the receiver's own secret.
    pub verified: bool,
    /// By [`NEXT_SECRET`].
    pub verified_next: bool,
    /// How it was answered.
    pub status: u16,
    /// The media type.
    pub content_type: String,
}

impl Got {
    /// The event's type.
    pub fn event(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default()
    }
}

struct State {
    answers: Answers,
    got: Vec<Got>,
}

/// A running receiver.
pub struct Receiver {
    url: String,
    state: Data<Mutex<State>>,
}

impl Receiver {
    /// Starts one that takes everything.
    pub fn start() -> Self {
        let state = Data::new(Mutex::new(State {
            answers: Answers::Status(204),
            got: Vec::new(),
        }));
        let shared = Data::clone(&state);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::clone(&shared))
                .default_service(web::to(take))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0");
        let server = server.expect("a port is free");
        let url = format!("http://{}/leads?from=leadgate", server.addrs()[0]);
        tokio::spawn(server.run());
        Self { url, state }
    }

    /// Where messages go.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its table in the settings.
    pub fn table(&self, name: &str, lines: &str) -> String {
        table(name, &self.url, lines)
    }

    /// Answers like this from now on.
    pub fn answer(&self, answers: Answers) {
        lock(&self.state).answers = answers;
    }

    /// Every request so far.
    pub fn tried(&self) -> Vec<Got> {
        lock(&self.state).got.clone()
    }

    /// Every message it took.
    pub fn took(&self) -> Vec<Got> {
        let mut tried = self.tried();
        tried.retain(|got| (200..300).contains(&got.status));
        tried
    }

    /// Waits until it took so many, in the order they happened.
    pub async fn until_took(&self, many: usize) -> Vec<Got> {
        let what = format!("{many} messages");
        let mut took = wait_for(&what, Duration::from_secs(30), async || {
            let took = self.took();
            (took.len() >= many).then_some(took)
        })
        .await;
        let at = |got: &Got| {
            let text = got.body["timestamp"].as_str().unwrap_or_default();
            text.parse::<jiff::Timestamp>().ok()
        };
        took.sort_by_key(at);
        assert_eq!(took.len(), many, "{took:?}");
        for got in &took {
            assert!(got.verified, "{got:?}");
        }
        took
    }

    /// Waits until so many requests came.
    pub async fn until_tried(&self, many: usize) {
        let what = format!("{many} tries");
        wait_for(&what, Duration::from_secs(30), async || {
            (self.tried().len() >= many).then_some(())
        })
        .await;
    }
}

/// How often each message was taken.
pub fn by_id(got: &[Got]) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for one in got {
        *count.entry(one.id.clone()).or_default() += 1;
    }
    count
}

/// A receiver's table in the settings.
pub fn table(name: &str, url: &str, lines: &str) -> String {
    format!(
        "\n[receivers.{name}]\nurl = \"{url}\"\nsecrets = [\"{NEXT_SECRET}\", \"{SECRET}\"]\nallow_private = true\n{lines}\n"
    )
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn take(state: Data<Mutex<State>>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let text = |name: &str| {
        let value = request.headers().get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    };
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let value = HeaderValue::from_str(text(name)).expect("a header's value");
        headers.insert(HeaderName::from_static(name), value);
    }
    let verified = |secret: &str| {
        let webhook = Webhook::new(secret).expect("a good secret");
        webhook.verify(&body, &headers).is_ok()
    };
    let answers = lock(&state).answers;
    let status = match answers {
        Answers::Status(status) | Answers::Later(status, _) => status,
        Answers::Never => 0,
    };
    lock(&state).got.push(Got {
        id: text("webhook-id").to_owned(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        verified: verified(SECRET),
        verified_next: verified(NEXT_SECRET),
        status,
        content_type: text("content-type").to_owned(),
    });
    if status == 0 {
        return std::future::pending().await;
    }
    let mut answer = HttpResponse::build(StatusCode::from_u16(status).expect("a status"));
    if let Answers::Later(_, seconds) = answers {
        answer.insert_header(("Retry-After", seconds));
    }
    answer.body("thank you")
}
