//! The Graph API: one lead by its id, a form's leads page by page, and what its refusals mean
//! (developers.facebook.com/docs/graph-api/guides/error-handling).

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::HeaderMap;
use reqwest::{Client, Url};
use serde_json::{Map, Value};

use super::{APP_SECRET, GRAPH_URL, GRAPH_VERSION, TOKEN, TOKENS, entry};
use crate::sources::ask::{self, Answered};
use crate::sources::sent::{id_of, text_of};
use crate::sources::signature::{hex, hmac_sha256};
use crate::sources::{Entry, Fetch, FetchError, Fetcher, Item, ListPage, Listed, Own};

/// Reads leads with a page's token.
pub(super) struct Graph;

const DEFAULT_URL: &str = "https://graph.facebook.com";

/// The newest version of 2026; each works for two years at least (developers.facebook.com/docs/graph-api/changelog).
const DEFAULT_VERSION: &str = "v26.0";

const CORE_FIELDS: &str =
    "id,created_time,form_id,field_data,is_organic,platform,custom_disclaimer_responses";

/// To be read only with permissions for ads.
const AD_FIELDS: &str = "ad_id,ad_name,adset_id,adset_name,campaign_id,campaign_name,partner_name";

/// Leads on one page of a list: some 2 kB each, far below what is read of an answer.
const PAGE_SIZE: u32 = 100;

const SHORTEST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

#[async_trait]
impl Fetcher for Graph {
    async fn fetch(&self, http: &Client, fetch: &Fetch, own: &Own) -> Result<Entry, FetchError> {
        let page = fetch.about.get("page_id").and_then(Value::as_str);
        let token = page
            .and_then(|page| own.entry(TOKENS, page))
            .or_else(|| own.text(TOKEN))
            .ok_or_else(no_token)?;
        let lead = read(http, own, token, &[&fetch.id], &[]).await?;
        Ok(entry(Some(fetch.id.clone()), &fetch.about, &lead, own))
    }

    async fn list(&self, http: &Client, page: &ListPage, own: &Own) -> Result<Listed, FetchError> {
        // Which page a form belongs to is not known: its token is the one that may read the form.
        let mut refused = no_token();
        for token in own.text(TOKEN).into_iter().chain(own.entries(TOKENS)) {
            match read(http, own, token, &[&page.form, "leads"], &paging(page)).await {
                Ok(list) => return Ok(listed(&list, own)),
                Err(later @ FetchError::Later { .. }) => return Err(later),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }
}

fn no_token() -> FetchError {
    FetchError::Forbidden {
        why: "there is no page_access_token for this page in the settings".to_owned(),
    }
}

/// Asks for every field, and without those of the ad when they are refused.
async fn read(
    http: &Client,
    own: &Own,
    token: &str,
    parts: &[&str],
    query: &[(&str, String)],
) -> Result<Value, FetchError> {
    let all = format!("{CORE_FIELDS},{AD_FIELDS}");
    match read_fields(http, own, token, parts, query, &all).await {
        Err(Refusal { code, .. }) if may_be_the_fields(code) => {
            read_fields(http, own, token, parts, query, CORE_FIELDS).await
        }
        whole => whole,
    }
    .map_err(|refusal| refusal.error)
}

/// What the API refused, and the code it gave.
struct Refusal {
    code: Code,
    error: FetchError,
}

impl From<FetchError> for Refusal {
    fn from(error: FetchError) -> Self {
        let code = Code::default();
        Self { code, error }
    }
}

async fn read_fields(
    http: &Client,
    own: &Own,
    token: &str,
    parts: &[&str],
    query: &[(&str, String)],
    fields: &str,
) -> Result<Value, Refusal> {
    let mut url = address(own, parts)?;
    let proof = hmac_sha256(
        own.text(APP_SECRET).unwrap_or_default().as_bytes(),
        &[token.as_bytes()],
    );
    url.query_pairs_mut()
        .append_pair("fields", fields)
        .append_pair("appsecret_proof", &hex(&proof))
        .extend_pairs(query);
    let answered = ask::get(http, url, token, &[]).await?;
    understood(answered)
}

fn address(own: &Own, parts: &[&str]) -> Result<Url, FetchError> {
    let version = own.text(GRAPH_VERSION).unwrap_or(DEFAULT_VERSION);
    let version = format!("v{}", version.trim_start_matches('v'));
    let parts: Vec<&str> = std::iter::once(version.as_str())
        .chain(parts.iter().copied())
        .collect();
    ask::below(own.text(GRAPH_URL).unwrap_or(DEFAULT_URL), &parts)
}

/// The error envelope's numbers.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Code {
    code: Option<i64>,
    subcode: Option<i64>,
}

fn understood(answered: Answered) -> Result<Value, Refusal> {
    let error = &answered.body["error"];
    let is_lead = answered.body.is_object() && error.is_null();
    if (200..300).contains(&answered.status) && is_lead {
        return Ok(answered.body);
    }
    let number = |name: &str| text_of(&error[name]).and_then(|text| text.parse().ok());
    let code = Code {
        code: number("code"),
        subcode: number("error_subcode"),
    };
    let error = judge(answered.status, code, regain(&answered.headers));
    Err(Refusal { code, error })
}

/// What a refusal asks for. Throttling comes with status 400 and a code, never with 429.
fn judge(status: u16, Code { code, subcode }: Code, delay: Option<Duration>) -> FetchError {
    let why = match (code, subcode) {
        (Some(code), Some(subcode)) => format!("Meta answered with code {code}/{subcode}"),
        (Some(code), None) => format!("Meta answered with code {code}"),
        (None, _) => format!("Meta answered with status {status}"),
    };
    match (code, subcode) {
        (Some(190 | 102), _) => FetchError::Forbidden {
            why: format!("{why}: the page's token is dead, make a new one"),
        },
        (Some(10 | 200..=299), _) => FetchError::Forbidden {
            why: format!("{why}: the token or the app lacks a permission"),
        },
        (Some(3 | 2500), _) => FetchError::Forbidden { why },
        (Some(100), Some(33)) => FetchError::Gone {
            why: format!("{why}: there is no such lead, or the token may not see it"),
        },
        (Some(100), _) => FetchError::Forbidden { why },
        (Some(1 | 2 | 4 | 17 | 32 | 341 | 368 | 613 | 80001 | 80004 | 80005), _) => {
            FetchError::Later { why, delay }
        }
        (None, _) if (300..500).contains(&status) && !matches!(status, 408 | 425 | 429) => {
            FetchError::Forbidden { why }
        }
        // Other codes are often passing, and a lead given up too soon is lost.
        _ => FetchError::Later { why, delay },
    }
}

/// Whether a refusal may be of single fields: an unknown one (100), or one beyond the token's permissions.
fn may_be_the_fields(Code { code, subcode }: Code) -> bool {
    match code {
        Some(100) => subcode != Some(33),
        Some(3 | 10 | 200..=299) => true,
        _ => false,
    }
}

/// The longest wait any of the app's budgets asks for: minutes, inside JSON, inside a header.
fn regain(headers: &HeaderMap) -> Option<Duration> {
    let usage = headers.get("x-business-use-case-usage")?;
    let usage: Map<String, Value> = serde_json::from_slice(usage.as_bytes()).ok()?;
    let minutes = usage
        .values()
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|budget| text_of(&budget["estimated_time_to_regain_access"]))
        .filter_map(|minutes| minutes.parse::<f64>().ok())
        .fold(0.0, f64::max);
    let seconds = (minutes * 60.0).min(LONGEST_WAIT.as_secs_f64());
    (minutes > 0.0).then(|| Duration::from_secs_f64(seconds).max(SHORTEST_WAIT))
}

/// `filtering` on `time_created` is documented with GREATER_THAN, so that the first second is one earlier.
fn paging(page: &ListPage) -> Vec<(&'static str, String)> {
    let since = page.since.as_second().saturating_sub(1);
    let filter =
        format!(r#"[{{"field":"time_created","operator":"GREATER_THAN","value":{since}}}]"#);
    let mut query = vec![("filtering", filter), ("limit", PAGE_SIZE.to_string())];
    query.extend(page.after.clone().map(|after| ("after", after)));
    query
}

fn listed(list: &Value, own: &Own) -> Listed {
    let leads = list["data"].as_array().into_iter().flatten();
    let items = leads.filter_map(|lead| {
        let id = id_of(lead.get("id"))?;
        let lead = entry(Some(id), &Map::new(), lead, own);
        Some(Item::Lead(Box::new(lead)))
    });
    let paging = &list["paging"];
    let after = text_of(&paging["cursors"]["after"]);
    Listed {
        items: items.collect(),
        next: after.filter(|_| paging["next"].is_string()),
    }
}

#[cfg(test)]
mod tests;
