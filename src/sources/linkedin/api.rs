//! The Lead Sync API: a response and its form by their ids, the responses of a form page by page, and what refusals
//! mean.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Url};
use serde_json::{Map, Value};

use super::response::{entry, form_number, response_urn, urn};
use super::{ACCESS_TOKEN, API_URL, API_VERSION};
use crate::sources::ask::{self, Answered};
use crate::sources::sent::{id_of, text_of};
use crate::sources::{Entry, Fetch, FetchError, Fetcher, Item, ListPage, Listed, Own};

/// Reads responses with a member's token.
pub(super) struct LeadSync;

const DEFAULT_URL: &str = "https://api.linkedin.com";

/// July 2026; each version is served for a year at least (learn.microsoft.com/linkedin/marketing/versioning).
const DEFAULT_VERSION: &str = "202607";

/// Quotas are by the day, which is too long for a lead to wait: it may be the budget of a minute that ran out.
const WAIT_WHEN_THROTTLED: Duration = Duration::from_secs(15 * 60);
const SHORTEST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Responses on one page of a list: each comes with its form.
const PAGE_SIZE: usize = 50;

/// The response and, with it, its form.
const LIST_FIELDS: &str = "owner,submitter,leadType,versionedLeadGenFormUrn,id,submittedAt,testLead,leadMetadata,\
     associatedEntity,formResponse,form:(hiddenFields,creationLocale,name,id,content)";

/// The types of lead that belong to a page; an ad account has only SPONSORED.
const TYPES_OF_PAGES: [&str; 3] = ["COMPANY", "EVENT", "ORGANIZATION_PRODUCT"];
const TYPES_OF_ACCOUNTS: [&str; 1] = ["SPONSORED"];

#[async_trait]
impl Fetcher for LeadSync {
    async fn fetch(&self, http: &Client, fetch: &Fetch, own: &Own) -> Result<Entry, FetchError> {
        let number = fetch.id.rsplit(':').next().unwrap_or_default();
        let response = get(http, own, address(own, &["leadFormResponses", number])?).await?;
        let form = text_of(&response["versionedLeadGenFormUrn"])
            .or_else(|| fetch.about.get("leadGenForm").and_then(text_of))
            .and_then(|urn| form_number(&urn));
        let form = match form {
            Some(number) => form_of(http, own, &number).await?,
            None => Value::Null,
        };
        Ok(entry(&fetch.id, &fetch.about, &response, &form, own))
    }

    async fn list(&self, http: &Client, page: &ListPage, own: &Own) -> Result<Listed, FetchError> {
        let form = get(http, own, address(own, &["leadForms", &page.form])?).await?;
        let owner = Owner::of(&form).ok_or_else(|| FetchError::Forbidden {
            why: "LinkedIn does not say who owns the form".to_owned(),
        })?;
        let place = Place::read(page.after.as_deref(), owner.types);
        let mut url = address(own, &["leadFormResponses"])?;
        url.set_query(Some(&finder(&owner, place, page)));
        let answer = get(http, own, url).await?;
        Ok(listed(&answer, &page.form, place, own))
    }
}

/// The form, or null when it is deleted: the lead is still there.
async fn form_of(http: &Client, own: &Own, number: &str) -> Result<Value, FetchError> {
    match get(http, own, address(own, &["leadForms", number])?).await {
        Err(FetchError::Gone { .. }) => Ok(Value::Null),
        form => form,
    }
}

fn address(own: &Own, parts: &[&str]) -> Result<Url, FetchError> {
    let parts: Vec<&str> = std::iter::once("rest")
        .chain(parts.iter().copied())
        .collect();
    ask::below(own.text(API_URL).unwrap_or(DEFAULT_URL), &parts)
}

async fn get(http: &Client, own: &Own, url: Url) -> Result<Value, FetchError> {
    let token = own.text(ACCESS_TOKEN).unwrap_or_default();
    let version = own.text(API_VERSION).unwrap_or(DEFAULT_VERSION);
    let headers = [
        ("Linkedin-Version", version),
        ("X-Restli-Protocol-Version", "2.0.0"),
    ];
    understood(ask::get(http, url, token, &headers).await?)
}

fn understood(answered: Answered) -> Result<Value, FetchError> {
    if (200..300).contains(&answered.status) && answered.body.is_object() {
        return Ok(answered.body);
    }
    let code = text_of(&answered.body["serviceErrorCode"]);
    Err(judge(answered.status, code, retry_after(&answered.headers)))
}

/// What a refusal asks for.
fn judge(status: u16, code: Option<String>, delay: Option<Duration>) -> FetchError {
    let why = match code {
        Some(code) => format!("LinkedIn answered with status {status} and code {code}"),
        None => format!("LinkedIn answered with status {status}"),
    };
    match status {
        401 | 403 => FetchError::Forbidden {
            why: format!(
                "{why}: the token is dead, or its member lacks a role on the account or the page"
            ),
        },
        404 | 410 => FetchError::Gone { why },
        426 => FetchError::Forbidden {
            why: format!("{why}: this api_version is no longer served"),
        },
        429 => FetchError::Later {
            why,
            delay: delay.or(Some(WAIT_WHEN_THROTTLED)),
        },
        300..=499 if !matches!(status, 408 | 425) => FetchError::Forbidden { why },
        _ => FetchError::Later { why, delay },
    }
}

/// `Retry-After` in seconds (RFC 9110); its form with a date is not used here.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).clamp(SHORTEST_WAIT, LONGEST_WAIT))
}

/// Who owns a form: an ad account or a page.
struct Owner {
    /// `sponsoredAccount` or `organization`.
    kind: &'static str,
    urn: String,
    types: &'static [&'static str],
}

impl Owner {
    fn of(form: &Value) -> Option<Self> {
        let urn = urn(&form["owner"])?;
        let is_page = urn.starts_with("urn:li:organization:");
        let (kind, types) = match is_page {
            true => ("organization", &TYPES_OF_PAGES[..]),
            false => ("sponsoredAccount", &TYPES_OF_ACCOUNTS[..]),
        };
        Some(Self { kind, urn, types })
    }
}

/// Where a list stands: one type of lead after the other, each page by page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    types: &'static [&'static str],
    /// Which of them.
    kind: usize,
    /// How many of its leads were listed.
    start: usize,
}

impl Place {
    /// From the cursor, `KIND:START`; whatever else it is, from the beginning.
    fn read(cursor: Option<&str>, types: &'static [&'static str]) -> Self {
        let read = cursor.and_then(|cursor| {
            let (kind, start) = cursor.split_once(':')?;
            let kind = types.iter().position(|name| *name == kind)?;
            Some((kind, start.parse().ok()?))
        });
        let (kind, start) = read.unwrap_or_default();
        Self { types, kind, start }
    }

    fn name(self) -> &'static str {
        self.types.get(self.kind).copied().unwrap_or_default()
    }

    /// The cursor of the next page. `None`: that was the last.
    fn after(self, listed: usize, total: Option<usize>) -> Option<String> {
        let start = self.start.saturating_add(listed);
        let is_more = listed > 0 && total.map_or(listed >= PAGE_SIZE, |total| start < total);
        let next = match is_more {
            true => Self { start, ..self },
            false => Self {
                kind: self.kind + 1,
                start: 0,
                ..self
            },
        };
        (next.kind < next.types.len()).then(|| format!("{}:{}", next.name(), next.start))
    }
}

/// The owner finder's query. Parentheses and colons are Rest.li's own syntax here and stay as they are; those inside
/// the URN are encoded.
fn finder(owner: &Owner, place: Place, page: &ListPage) -> String {
    let urn: String = form_urlencoded::byte_serialize(owner.urn.as_bytes()).collect();
    format!(
        "q=owner&owner=({}:{urn})&leadType=(leadType:{})&limitedToTestLeads=false\
         &submittedAtTimeRange=(start:{})&fields={LIST_FIELDS}&count={PAGE_SIZE}&start={}",
        owner.kind,
        place.name(),
        page.since.as_millisecond(),
        place.start
    )
}

/// The finder lists all forms of the owner, in every version: the other forms' leads are left out here.
fn listed(answer: &Value, form: &str, place: Place, own: &Own) -> Listed {
    let elements = answer["elements"].as_array().map_or(&[][..], Vec::as_slice);
    let items = elements.iter().filter_map(|response| {
        let of_form = text_of(&response["versionedLeadGenFormUrn"])?;
        let id = id_of(response.get("id"))?;
        let is_ours = form_number(&of_form).as_deref() == Some(form);
        is_ours.then(|| {
            let lead = entry(
                &response_urn(&id),
                &Map::new(),
                response,
                &response["form"],
                own,
            );
            Item::Lead(Box::new(lead))
        })
    });
    let total = text_of(&answer["paging"]["total"]).and_then(|total| total.parse().ok());
    Listed {
        items: items.collect(),
        next: place.after(elements.len(), total),
    }
}

#[cfg(test)]
mod tests;
