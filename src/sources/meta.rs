//! Meta lead ads (Facebook and Instagram): notices that hold ids only, each lead fetched afterwards
//! (developers.facebook.com/docs/marketing-api/guides/lead-ads).
//!
//! Owns the deliveries, the handshake and what a lead's fields are; [`graph`] owns the Graph API.

mod graph;

use serde_json::{Map, Value};

use super::placing::Given;
use super::sent::{id_of, text_of, texts_of};
use super::signature::{self, hex};
use super::{
    Denied, Entry, Fetch, Fetcher, Item, Kind, Own, Reply, Sample, Sent, Setting, Shape, Signed,
    Unreadable,
};

/// Meta.
pub struct Meta;

const APP_SECRET: &str = "app_secret";
const VERIFY_TOKEN: &str = "verify_token";
const TOKEN: &str = "page_access_token";
const TOKENS: &str = "page_access_tokens";
const GRAPH_URL: &str = "graph_url";
const GRAPH_VERSION: &str = "graph_version";

const SIGNATURE: &str = "x-hub-signature-256";
const SIGNATURE_PREFIX: &str = "sha256=";

/// What every value of the Lead Ads Testing Tool's leads begins with.
const TEST_MARK: &str = "<test lead:";

/// The keys of Meta's standard questions in `field_data`.
const STANDARD: &[(&str, &str)] = &[
    ("email", "email"),
    ("work_email", "email"),
    ("phone_number", "phoneNumber"),
    ("work_phone_number", "phoneNumber"),
    ("whatsapp_number", "phoneNumber"),
    ("full_name", "name"),
    ("first_name", "firstName"),
    ("last_name", "lastName"),
    ("company_name", "company"),
    ("job_title", "jobTitle"),
    ("city", "city"),
    ("state", "region"),
    ("province", "region"),
    ("country", "country"),
    ("zip_code", "postalCode"),
    ("post_code", "postalCode"),
];

/// What a notice says beside the lead's own id. `adgroup_id` is the ad, whatever its name.
const NOTICE: [&str; 4] = ["form_id", "ad_id", "adgroup_id", "created_time"];

/// What a fetched lead says of where it came from.
const ORIGIN: [&str; 11] = [
    "form_id",
    "created_time",
    "ad_id",
    "ad_name",
    "adset_id",
    "adset_name",
    "campaign_id",
    "campaign_name",
    "is_organic",
    "platform",
    "partner_name",
];

const SETTINGS: &[Setting] = &[
    Setting::required(APP_SECRET, Shape::Secret),
    Setting::required(VERIFY_TOKEN, Shape::Secret),
    Setting::optional(TOKEN, Shape::Secret),
    Setting::optional(TOKENS, Shape::Secrets),
    Setting::optional(GRAPH_URL, Shape::Url),
    Setting::optional(GRAPH_VERSION, Shape::Text),
];

impl Kind for Meta {
    fn name(&self) -> &'static str {
        "meta"
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn is_signed(&self, _own: &Own) -> bool {
        true
    }

    fn verify(&self, sent: &Sent<'_>, own: &Own) -> Result<(), Denied> {
        let secret = own.text(APP_SECRET).ok_or(Denied::Wrong)?;
        signature::check(sent.header(SIGNATURE), &proof(secret, sent.body))
    }

    fn read(&self, sent: &Sent<'_>, _own: &Own) -> Result<Vec<Item>, Unreadable> {
        let body = sent.json()?;
        if body["object"] != "page" {
            return Ok(Vec::new());
        }
        let entries = body["entry"]
            .as_array()
            .ok_or_else(|| Unreadable("entry is not a list".to_owned()))?;
        let items = entries.iter().flat_map(|entry| {
            let changes = entry["changes"].as_array().into_iter().flatten();
            changes
                .filter(|change| change["field"] == "leadgen")
                .filter_map(|change| item(entry, &change["value"]))
        });
        Ok(items.collect())
    }

    fn shake(&self, sent: &Sent<'_>, own: &Own) -> Option<Result<Reply, Denied>> {
        Some(shaken(sent, own))
    }

    fn sign(&self, sample: Sample<'_>, own: &Own) -> Signed {
        let secret = own.text(APP_SECRET).unwrap_or_default();
        Signed {
            headers: vec![(SIGNATURE.into(), proof(secret, sample.body))],
            body: sample.body.to_vec(),
        }
    }

    fn fetcher(&self) -> Option<&'static dyn Fetcher> {
        Some(&graph::Graph)
    }

    fn guide(&self) -> &'static [&'static str] {
        &[
            "At developers.facebook.com open your app, App settings, Basic, and set app_secret to the app secret.",
            "Make up a random text and set it as verify_token.",
            "Under Webhooks choose Page, press Subscribe to this object, paste {url} as the callback URL and the text of \
             verify_token as the verify token, then subscribe the field leadgen.",
            "Make a page access token that does not expire, with leads_retrieval, pages_manage_metadata, \
             pages_show_list and pages_read_engagement (ads_management too, for the names of campaigns), and set it as \
             page_access_token; of several pages each under its page id in page_access_tokens.",
            "Subscribe each page to the app: POST /{page id}/subscribed_apps with subscribed_fields=leadgen and the \
             page's token.",
            "In the Business settings under Leads access let the app read the page's leads, and switch the app to live.",
            "Make a test lead with the Lead Ads Testing Tool: it arrives marked as a test and is never booked.",
        ]
    }
}

/// What the header must hold.
fn proof(secret: &str, body: &[u8]) -> String {
    let hash = signature::hmac_sha256(secret.as_bytes(), &[body]);
    format!("{SIGNATURE_PREFIX}{}", hex(&hash))
}

fn shaken(sent: &Sent<'_>, own: &Own) -> Result<Reply, Denied> {
    let wanted = own.text(VERIFY_TOKEN).ok_or(Denied::Wrong)?;
    signature::check(sent.query_value("hub.verify_token").as_deref(), wanted)?;
    let is_subscribe = sent.query_value("hub.mode").as_deref() == Some("subscribe");
    let challenge = sent.query_value("hub.challenge").filter(|_| is_subscribe);
    Ok(Reply {
        content_type: "text/plain",
        body: challenge.ok_or(Denied::Missing)?,
    })
}

/// One change of a page's leads. Without an id there is nothing to keep or to fetch.
fn item(entry: &Value, value: &Value) -> Option<Item> {
    let id = id_of(value.get("leadgen_id"))?;
    let page = text_of(&entry["id"]);
    let mut about = Map::new();
    if let Some(page) = id_of(value.get("page_id")).or_else(|| page.clone()) {
        about.insert("page_id".to_owned(), page.into());
    }
    for name in NOTICE {
        if let Some(text) = id_of(value.get(name)) {
            about.insert(name.to_owned(), text.into());
        }
    }
    // The dashboard's button sends a lead that cannot be fetched.
    let is_made_up = page.as_deref() == Some("0") && id.bytes().all(|digit| digit == b'4');
    Some(if is_made_up {
        Item::Lead(Box::new(Entry {
            id: Some(id),
            test: true,
            metadata: about,
            ..Entry::default()
        }))
    } else {
        Item::Fetch(Fetch { id, about })
    })
}

/// A lead as the Graph API tells it.
fn entry(id: Option<String>, about: &Map<String, Value>, lead: &Value, own: &Own) -> Entry {
    let mut entry = Entry {
        id,
        metadata: about.clone(),
        ..Entry::default()
    };
    let fields = lead["field_data"].as_array().into_iter().flatten();
    let given: Vec<Given> = fields
        .map(|field| Given {
            name: text_of(&field["name"]).unwrap_or_default(),
            label: String::new(),
            values: texts_of(&field["values"]),
        })
        .collect();
    entry.test = given
        .iter()
        .flat_map(|given| &given.values)
        .any(|value| value.trim_start().starts_with(TEST_MARK));
    entry.place(own, STANDARD, given);
    for name in ORIGIN {
        entry.about(name, text_of(&lead[name]));
    }
    let consent = &lead["custom_disclaimer_responses"];
    if !consent.is_null() {
        entry
            .consent
            .insert("custom_disclaimer_responses".to_owned(), consent.clone());
    }
    entry
}

#[cfg(test)]
mod tests;
