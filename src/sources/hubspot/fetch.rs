//! Asking HubSpot's CRM API for contacts.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Client;
use serde_json::{Value, json};

use super::contact;
use crate::sources::ask::{self, Answered};
use crate::sources::sent::{id_of, text_of};
use crate::sources::{Entry, Fetch, FetchError, Fetcher, Item, ListPage, Listed, Own};

/// The CRM's contacts.
pub struct Contacts;

const API: &str = "https://api.hubapi.com";
/// The most the search takes (developers.hubspot.com, "CRM search").
const PAGE: u32 = 100;

#[async_trait]
impl Fetcher for Contacts {
    async fn fetch(&self, http: &Client, fetch: &Fetch, own: &Own) -> Result<Entry, FetchError> {
        let path = ["crm", "v3", "objects", "contacts", &fetch.id];
        let mut url = ask::below(api(own), &path)?;
        url.query_pairs_mut()
            .append_pair("properties", &properties(own).join(","));
        let answered = ask::get(http, url, token(own)?, &[]).await?;
        let mut entry = contact::entry(&contact_of(&answered)?, own);
        entry.id = Some(fetch.id.clone());
        for (name, value) in &fetch.about {
            entry.about(name, text_of(value));
        }
        Ok(entry)
    }

    /// HubSpot lists contacts of the whole account: which form is not asked.
    async fn list(&self, http: &Client, page: &ListPage, own: &Own) -> Result<Listed, FetchError> {
        let url = ask::below(api(own), &["crm", "v3", "objects", "contacts", "search"])?;
        let mut wanted = json!({
            "filterGroups": [{"filters": [
                {"propertyName": "createdate", "operator": "GTE", "value": page.since.as_millisecond().to_string()},
            ]}],
            "sorts": [{"propertyName": "createdate", "direction": "ASCENDING"}],
            "properties": properties(own),
            "limit": PAGE,
        });
        if let Some(after) = &page.after {
            wanted["after"] = after.as_str().into();
        }
        let answered = ask::post(http, url, token(own)?, &wanted).await?;
        let body = contact_of(&answered)?;
        let contacts = body["results"].as_array().map_or(&[][..], Vec::as_slice);
        let lead = |contact| Item::Lead(Box::new(contact::entry(contact, own)));
        Ok(Listed {
            items: contacts.iter().map(lead).collect(),
            next: id_of(body.pointer("/paging/next/after")),
        })
    }
}

fn api(own: &Own) -> &str {
    own.text("api_url").unwrap_or(API)
}

fn token(own: &Own) -> Result<&str, FetchError> {
    own.text("access_token")
        .ok_or_else(|| FetchError::Forbidden {
            why: "access_token is not set".to_owned(),
        })
}

/// What is asked for: without a list HubSpot answers with next to nothing.
fn properties(own: &Own) -> Vec<&str> {
    let known = contact::PROPERTIES.iter().chain(&contact::CLICK_IDS);
    let mut names: Vec<&str> = known.map(|(theirs, _)| *theirs).collect();
    names.extend(contact::ORIGIN);
    names.extend(MARKS);
    names.extend(own.fields.keys().map(String::as_str));
    names
}

/// Properties that operators make for the marks of a campaign; HubSpot passes over those it does not have.
const MARKS: [&str; 7] = [
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "gclid",
    "fbclid",
];

/// The body, or what to do about there being none.
fn contact_of(answered: &Answered) -> Result<Value, FetchError> {
    let category = text_of(&answered.body["category"]);
    let why = match category.filter(|category| is_code(category)) {
        Some(category) => format!("HubSpot answered {}: {category}", answered.status),
        None => format!("HubSpot answered {}", answered.status),
    };
    match answered.status {
        200 if answered.body.is_object() => Ok(answered.body.clone()),
        404 => Err(FetchError::Gone { why }),
        200 | 429 | 408 | 423 | 477 | 500..=599 => Err(FetchError::Later {
            why,
            delay: delay(answered),
        }),
        _ => Err(FetchError::Forbidden { why }),
    }
}

fn delay(answered: &Answered) -> Option<Duration> {
    let seconds = answered.headers.get("retry-after")?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// HubSpot's error codes are words in capitals; nothing else of an answer is repeated.
fn is_code(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}
