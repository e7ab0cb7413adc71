//! The doors as strangers meet them: who is let in, what is refused and how, and what a refusal leaves behind.

mod bodies;
pub mod canary;
mod captcha;
mod cross_origin;
mod fields;
mod full;
mod guessing;
mod headers;
mod html;
mod refusals;
mod slots;
mod spam;
mod throttle;
mod waiting;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::support::{Gateway, Seen};

const LEADS: &str = "/v1/sources/landing/leads";
const BOT_LEADS: &str = "/v1/sources/bot/leads";
const BOT_KEY: &str = "bot-key-0123456789";
const PAGE: &str = "https://acme.example";

/// A post of this lead that asks for no wait.
fn post(gateway: &Gateway, path: &str, lead: &Value) -> RequestBuilder {
    gateway.request(Method::POST, path).json(lead)
}

const OPERATOR_KEY: &str = "operator-key-0123456789";

/// What a browser accepts of a page it goes to.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// The server's line that lets the operator look.
fn operated() -> String {
    format!("operator_key = \"{OPERATOR_KEY}\"")
}

/// A form's post by a script: a program that wants no page.
fn form(gateway: &Gateway, pairs: &[(&str, &str)]) -> RequestBuilder {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    gateway
        .request(Method::POST, LEADS)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Origin", PAGE)
        .body(body)
}

/// A form's post by a browser without a script.
fn navigated(gateway: &Gateway, pairs: &[(&str, &str)]) -> RequestBuilder {
    form(gateway, pairs)
        .header("Accept", BROWSER)
        .header("Sec-Fetch-Mode", "navigate")
}

/// Every lead as the operator sees it, the newest first.
async fn records(gateway: &Gateway) -> Vec<Value> {
    let request = gateway.request(Method::GET, "/v1/admin/leads");
    let seen = Seen::of(request.bearer_auth(OPERATOR_KEY)).await;
    assert_eq!(seen.http, 200, "{seen:?}");
    seen.body["leads"].as_array().unwrap().clone()
}

/// A lead whole, as the operator sees it.
async fn record(gateway: &Gateway, id: &str) -> Value {
    let request = gateway.request(Method::GET, &format!("/v1/admin/leads/{id}"));
    let seen = Seen::of(request.bearer_auth(OPERATOR_KEY)).await;
    assert_eq!(seen.http, 200, "{seen:?}");
    seen.body
}
