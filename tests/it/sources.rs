//! Platforms at the door of the running gateway: what each delivers, as it would sign it, and what becomes of it.

mod case;
mod contacts;
mod fetching;
mod fixtures;
mod handshakes;
mod judge;
mod mutations;
mod redeliveries;
mod withdrawals;

use leadgate::clock::Clock;
use leadgate::sandbox::Sandbox;
use leadgate::sources::{self, Own, Sample};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{Gateway, Platform, Seen, Settings};

const OPERATOR_KEY: &str = "operator-key-0123456789";
const GOOGLE_KEY: &str = "key-for-tests-of-google";
const APP_SECRET: &str = "app-secret-for-tests";
const CLIENT_SECRET: &str = "client-secret-for-tests";
const PAGE_TOKEN: &str = "page-token-for-tests";

/// A gateway with an operator, and one source of each of these kinds.
fn settings(sandbox: &Sandbox, platform: &Platform) -> Settings {
    let url = platform.url();
    Settings::new(&sandbox.url(), (100, 2))
        .server(&format!("operator_key = \"{OPERATOR_KEY}\""))
        .tables(&format!(
            r#"
[sources.google]
kind = "google_ads"
link_prefix = "acme/strategy-call"
google_key = "{GOOGLE_KEY}"

[sources.meta]
kind = "meta"
link_prefix = "acme/strategy-call"
app_secret = "{APP_SECRET}"
verify_token = "verify-for-tests"
page_access_token = "{PAGE_TOKEN}"
graph_url = "{url}"

[sources.linkedin]
kind = "linkedin"
link_prefix = "acme/strategy-call"
client_secret = "{CLIENT_SECRET}"
access_token = "member-token-for-tests"
api_url = "{url}"

[sources.mapped]
kind = "mapped"
link_prefix = "acme/strategy-call"
token = "token-for-tests"
"#
        ))
}

fn path(source: &str) -> String {
    format!("/v1/sources/{source}/leads")
}

/// A delivery to one of the sources of [`settings`], signed as its platform signs.
fn delivery(gateway: &Gateway, source: &str, body: &Value) -> RequestBuilder {
    let mut own = Own::default();
    for (key, value) in [
        ("google_key", GOOGLE_KEY),
        ("app_secret", APP_SECRET),
        ("client_secret", CLIENT_SECRET),
    ] {
        own.set(key, value.to_owned());
    }
    let kind = match source {
        "google" => "google_ads",
        kind => kind,
    };
    let url = gateway.url(&path(source));
    let signed = sources::kind(kind).unwrap().sign(
        Sample {
            url: &url,
            content_type: "application/json",
            body: body.to_string().as_bytes(),
            at: Clock::system().now(),
        },
        &own,
    );
    let mut request = gateway
        .request(Method::POST, &path(source))
        .header("X-Leadgate-Token", "token-for-tests")
        .header("Content-Type", "application/json")
        .body(signed.body);
    for (name, value) in signed.headers {
        request = request.header(&*name, value);
    }
    request
}

/// A lead of Google's.
fn google_lead(id: &str, columns: &[(&str, &str)]) -> Value {
    let columns = columns
        .iter()
        .map(|(id, value)| json!({"column_id": id, "string_value": value}));
    json!({
        "lead_id": id, "campaign_id": 1, "form_id": 2, "google_key": "", "api_version": "1.0",
        "user_column_data": columns.collect::<Vec<_>>(),
    })
}

/// A notice of Meta's.
fn meta_notice(id: &str) -> Value {
    json!({"object": "page", "entry": [{"id": "7", "time": 1_770_000_001, "changes": [
        {"field": "leadgen", "value": {"leadgen_id": id, "page_id": "7", "form_id": "8"}},
    ]}]})
}

/// What Meta then tells.
fn meta_lead(id: &str, email: &str) -> Value {
    json!({"id": id, "field_data": [{"name": "email", "values": [email]}]})
}

/// The ids of an acknowledged delivery's leads.
fn ids(seen: &Seen) -> Vec<String> {
    assert_eq!(seen.http, 200, "{seen:?}");
    let leads = seen.body["leads"].as_array().unwrap();
    leads
        .iter()
        .map(|lead| {
            let id = lead["leadId"].as_str().unwrap();
            assert_eq!(lead["statusUrl"], format!("/v1/leads/{id}"));
            id.to_owned()
        })
        .collect()
}

/// Delivers, and returns the one lead's id.
async fn delivered(gateway: &Gateway, source: &str, body: &Value) -> String {
    let ids = ids(&Seen::of(delivery(gateway, source, body)).await);
    let [id] = ids.as_slice() else {
        panic!("one lead is wanted: {ids:?}");
    };
    id.clone()
}

/// One lead as the operator sees it.
async fn record(gateway: &Gateway, id: &str) -> Value {
    let path = format!("/v1/admin/leads/{id}");
    let request = gateway.request(Method::GET, &path);
    let seen = Seen::of(request.bearer_auth(OPERATOR_KEY)).await;
    assert_eq!(seen.http, 200, "{seen:?}");
    seen.body
}

/// The ids of a source's leads, the newest first.
async fn kept(gateway: &Gateway, source: &str) -> Vec<String> {
    let path = format!("/v1/admin/leads?source={source}&limit=100");
    let request = gateway.request(Method::GET, &path);
    let seen = Seen::of(request.bearer_auth(OPERATOR_KEY)).await;
    let leads = seen.body["leads"].as_array().unwrap();
    leads
        .iter()
        .map(|lead| lead["leadId"].as_str().unwrap().to_owned())
        .collect()
}

/// The outcomes that a lead's history tells of one step, in order.
fn outcomes<'a>(record: &'a Value, step: &str) -> Vec<&'a str> {
    let timeline = record["timeline"].as_array().unwrap();
    timeline
        .iter()
        .filter(|line| line["step"] == step)
        .map(|line| line["outcome"].as_str().unwrap())
        .collect()
}
