//! The operator's hand, as iClosed, the store's files and the next caller see what it did.

mod erasing;
mod many;
mod one;
mod pausing;

use std::time::Duration;

use leadgate::sandbox::Sandbox;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{Answer, Gateway, Seen, Settings, activate};

const KEY: &str = "operator-key-0123456789";
const SOON: Duration = Duration::from_secs(30);

/// A second source of the same account, of another event, and one of another account.
const MORE: &str = r#"
[accounts.other]
api_key = "iclosed_other"
base_url = "BASE"
[sources.second]
kind = "form"
link_prefix = "acme/strategy-call"
allowed_origins = ["https://acme.example"]
[sources.elsewhere]
kind = "form"
account = "other"
link_prefix = "acme/strategy-call"
allowed_origins = ["https://acme.example"]
"#;

fn settings(sandbox: &Sandbox) -> Settings {
    Settings::new(&sandbox.url(), (100, 2))
        .server(&format!(
            "operator_key = \"{KEY}\"\nthrottle = {{ per_address = {{ requests = 1000000, window_seconds = 1 }}, \
             per_key = {{ requests = 1000000, window_seconds = 1 }} }}"
        ))
        .tables(&MORE.replace("BASE", &sandbox.url()))
}

async fn operated(sandbox: &Sandbox) -> Gateway {
    Gateway::start(&settings(sandbox)).await
}

/// An act of the operator Kim.
fn act(gateway: &Gateway, path: &str) -> RequestBuilder {
    gateway
        .request(Method::POST, &format!("/v1/admin/{path}"))
        .bearer_auth(KEY)
        .header("X-Operator", "kim")
}

fn look(gateway: &Gateway, path: &str) -> RequestBuilder {
    gateway
        .request(Method::GET, &format!("/v1/admin/{path}"))
        .bearer_auth(KEY)
}

/// What an act that must succeed answers.
async fn done(request: RequestBuilder) -> Value {
    let seen = Seen::of(request).await;
    assert_eq!(seen.http, 200, "{seen:?}");
    assert_eq!(seen.header("cache-control"), Some("no-store"));
    seen.body
}

async fn record(gateway: &Gateway, id: &str) -> Value {
    done(look(gateway, &format!("leads/{id}"))).await
}

/// Posts a lead to a source without waiting; its id.
async fn post(gateway: &Gateway, source: &str, lead: &Value) -> String {
    let request = gateway.request(Method::POST, &format!("/v1/sources/{source}/leads"));
    let seen = Seen::of(request.json(lead)).await;
    assert_eq!(seen.http, 202, "{seen:?}");
    seen.body["leadId"].as_str().unwrap().to_owned()
}

/// Posts a lead that must be booked; its id.
async fn booked(gateway: &Gateway, lead: &Value) -> String {
    let answer = Answer::of(gateway.post(lead, 30).await).await;
    assert_eq!(answer.status(), "booked", "{answer:?}");
    answer.id().to_owned()
}

/// The operator's lines of a record's history, as outcome and who.
fn acts(record: &Value) -> Vec<(&str, &str)> {
    let timeline = record["timeline"].as_array().unwrap();
    let acts = timeline.iter().filter(|line| line["step"] == "operator");
    acts.map(|line| {
        (
            line["outcome"].as_str().unwrap(),
            line["detail"].as_str().unwrap(),
        )
    })
    .collect()
}

/// A person with a name, who has left it to us when.
fn person(name: &str) -> Value {
    json!({
        "email": format!("{name}@person.example"), "name": format!("{name} Tester"), "timeZone": "Europe/Oslo",
    })
}
