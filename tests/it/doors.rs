//! The doors as strangers meet them: who is let in, what is refused and how, and what a refusal leaves behind.

mod bodies;
mod canary;
mod cross_origin;
mod fields;
mod full;
mod refusals;
mod slots;
mod throttle;
mod waiting;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::support::Gateway;

const LEADS: &str = "/v1/sources/landing/leads";
const BOT_LEADS: &str = "/v1/sources/bot/leads";
const BOT_KEY: &str = "bot-key-0123456789";
const PAGE: &str = "https://acme.example";

/// A post of this lead that asks for no wait.
fn post(gateway: &Gateway, path: &str, lead: &Value) -> RequestBuilder {
    gateway.request(Method::POST, path).json(lead)
}
