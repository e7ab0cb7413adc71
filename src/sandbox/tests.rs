//! The sandbox seen from outside, over HTTP, as a client sees it.

mod booking;
mod faults;
mod limits;
mod people;

use std::time::Duration;

use jiff::civil::Date;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{Options, Sandbox};

const BOOK: &str = "/v1/eventCalls";
const DATES: &str = "/v1/events/eventDates";
const LINK: &str = "acme/strategy-call";

/// A started sandbox and a client with a good key.
struct Stage {
    sandbox: Sandbox,
    http: reqwest::Client,
    /// The first day whose slots are used: not today, so that none passes while a test runs.
    from: Date,
}

/// What came back: status, `Retry-After`, and JSON (null when it is none).
struct Reply {
    status: u16,
    retry_after: Option<String>,
    body: Value,
}

async fn stage(change: impl FnOnce(&mut Options)) -> Stage {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut options = Options {
        limit: 1000,
        latency: Duration::ZERO..=Duration::ZERO,
        ..Options::default()
    };
    change(&mut options);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let sandbox = Sandbox::start(options).await.unwrap();
    let mut stage = Stage {
        sandbox,
        http,
        from: Date::MIN,
    };
    if let Some(first) = stage.slots().await.first() {
        let first: Date = first[..10].parse().unwrap();
        stage.from = first.tomorrow().unwrap().tomorrow().unwrap();
    }
    stage.sandbox.control().reset();
    stage
}

#[expect(
    clippy::disallowed_methods,
    reason = "the sandbox's own answers are small"
)]
async fn text(response: Response) -> reqwest::Result<String> {
    response.text().await
}

impl Stage {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.sandbox.url());
        self.http.request(method, url).bearer_auth("iclosed_test")
    }

    async fn try_send(&self, request: RequestBuilder) -> reqwest::Result<Reply> {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.map(|value| value.to_str().unwrap().to_owned());
        let body = serde_json::from_str(&text(response).await?).unwrap_or(Value::Null);
        Ok(Reply {
            status,
            retry_after,
            body,
        })
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        let request = self.request(Method::POST, path).json(body);
        self.try_send(request).await.unwrap()
    }

    async fn put(&self, path: &str, body: &Value) -> Reply {
        let request = self.request(Method::PUT, path).json(body);
        self.try_send(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> Reply {
        let request = self.request(Method::GET, path);
        self.try_send(request).await.unwrap()
    }

    /// Free instants as `YYYY-MM-DDTHH:MM:00Z`, sorted; none when they cannot be read.
    async fn slots(&self) -> Vec<String> {
        let mut asked = json!({ "linkPrefix": LINK, "timeZone": "UTC" });
        if self.from > Date::MIN {
            asked["currentDate"] = json!(self.from.to_string());
        }
        let reply = self.post(DATES, &asked).await;
        let Some(days) = reply.body["data"]["availabilities"].as_object() else {
            return Vec::new();
        };
        let mut slots: Vec<String> = days
            .iter()
            .flat_map(|(day, times)| {
                let times = times.as_array().unwrap().iter();
                times.map(move |time| format!("{day}T{}:00Z", time.as_str().unwrap()))
            })
            .collect();
        slots.sort();
        slots
    }

    async fn book(&self, at: &str, email: &str) -> Reply {
        self.post(BOOK, &booking(at, email)).await
    }
}

fn booking(at: &str, email: &str) -> Value {
    json!({
        "dateTime": at,
        "timeZone": "Europe/Oslo",
        "secondaryQuestionsAnswer": [],
        "linkPrefix": LINK,
        "email": email,
        "firstName": "Kim",
        "lastName": "Ek",
    })
}

fn call_id(reply: &Reply) -> i64 {
    reply.body["data"]["eventCall"]["data"]["id"]
        .as_i64()
        .unwrap()
}

/// One host, so that a booking empties its slot.
fn one_host(options: &mut Options) {
    options.events[0].hosts.truncate(1);
}
