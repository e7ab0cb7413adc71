//! LinkedIn Lead Sync: notices that name a response, fetched afterwards together with its form
//! (learn.microsoft.com/linkedin/marketing/lead-sync).
//!
//! Owns the deliveries and the handshake; [`api`] asks, [`response`] reads what it answers.

mod api;
mod response;

use serde_json::{Map, Value};

use super::sent::text_of;
use super::signature::{self, hex, hmac_sha256};
use super::{
    Denied, Fetch, Fetcher, Item, Kind, Own, Reply, Sample, Sent, Setting, Shape, Signed,
    Unreadable,
};

/// LinkedIn.
pub struct LinkedIn;

const CLIENT_SECRET: &str = "client_secret";
const ACCESS_TOKEN: &str = "access_token";
const API_URL: &str = "api_url";
const API_VERSION: &str = "api_version";

const SIGNATURE: &str = "x-li-signature";

/// Stands before the body in what is signed, and not in the header.
const SIGNED_PREFIX: &[u8] = b"hmacsha256=";

const SETTINGS: &[Setting] = &[
    Setting::required(CLIENT_SECRET, Shape::Secret),
    Setting::required(ACCESS_TOKEN, Shape::Secret),
    Setting::optional(API_URL, Shape::Url),
    Setting::optional(API_VERSION, Shape::Text),
];

impl Kind for LinkedIn {
    fn name(&self) -> &'static str {
        "linkedin"
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn is_signed(&self, _own: &Own) -> bool {
        true
    }

    fn verify(&self, sent: &Sent<'_>, own: &Own) -> Result<(), Denied> {
        let secret = own.text(CLIENT_SECRET).ok_or(Denied::Wrong)?;
        signature::check(sent.header(SIGNATURE), &proof(secret, sent.body))
    }

    fn read(&self, sent: &Sent<'_>, _own: &Own) -> Result<Vec<Item>, Unreadable> {
        let body = sent.json()?;
        if body["type"] != "LEAD_ACTION" {
            return Ok(Vec::new());
        }
        let id = text_of(&body["leadGenFormResponse"])
            .ok_or_else(|| Unreadable("leadGenFormResponse is missing".to_owned()))?;
        Ok(match body["leadAction"].as_str() {
            Some("CREATED") => {
                let about = about(&body);
                vec![Item::Fetch(Fetch { id, about })]
            }
            Some("DELETED") => vec![Item::Withdraw { id }],
            _ => Vec::new(),
        })
    }

    fn shake(&self, sent: &Sent<'_>, own: &Own) -> Option<Result<Reply, Denied>> {
        Some(shaken(sent, own))
    }

    fn sign(&self, sample: Sample<'_>, own: &Own) -> Signed {
        let secret = own.text(CLIENT_SECRET).unwrap_or_default();
        Signed {
            headers: vec![(SIGNATURE.into(), proof(secret, sample.body))],
            body: sample.body.to_vec(),
        }
    }

    fn fetcher(&self) -> Option<&'static dyn Fetcher> {
        Some(&api::LeadSync)
    }

    fn guide(&self) -> &'static [&'static str] {
        &[
            "At developer.linkedin.com get your app approved for the product Lead Sync.",
            "Open the app's Auth page and set client_secret to its primary client secret.",
            "Make an access token with r_marketing_leadgen_automation, for a member with a role on the ad account and on \
             the page, and set it as access_token.",
            "Open the app's Webhooks page and add {url}: leadgate answers the challenge at once and every two hours after.",
            "Subscribe the ad account or the page: POST /rest/leadNotifications with webhook {url}, owner and leadType.",
            "Submit a test lead from the form's preview: it arrives marked as a test and is never booked.",
            "Put api_version up once a year: LinkedIn names the versions it still serves on its migrations page.",
        ]
    }
}

fn proof(secret: &str, body: &[u8]) -> String {
    hex(&hmac_sha256(secret.as_bytes(), &[SIGNED_PREFIX, body]))
}

fn shaken(sent: &Sent<'_>, own: &Own) -> Result<Reply, Denied> {
    let secret = own.text(CLIENT_SECRET).ok_or(Denied::Wrong)?;
    let code = sent.query_value("challengeCode").ok_or(Denied::Missing)?;
    if !is_challenge(&code) {
        return Err(Denied::Wrong);
    }
    let response = hex(&hmac_sha256(secret.as_bytes(), &[code.as_bytes()]));
    Ok(Reply {
        content_type: "application/json",
        body: serde_json::json!({"challengeCode": code, "challengeResponse": response}).to_string(),
    })
}

/// Challenges are UUIDs. Anybody may ask for the hash of one, with the key that signs deliveries too: so nothing is
/// hashed that could be the beginning of [`SIGNED_PREFIX`] and a body.
fn is_challenge(code: &str) -> bool {
    (1..=128).contains(&code.len())
        && code
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// What the notice says beside the response's own id, as text.
fn about(notice: &Value) -> Map<String, Value> {
    let mut about = Map::new();
    for name in ["leadGenForm", "leadType", "occurredAt"] {
        if let Some(text) = text_of(&notice[name]) {
            about.insert(name.to_owned(), text.into());
        }
    }
    for name in ["owner", "associatedEntity"] {
        if let Some(urn) = response::urn(&notice[name]) {
            about.insert(name.to_owned(), urn.into());
        }
    }
    about
}

#[cfg(test)]
mod tests;
