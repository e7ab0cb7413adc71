//! The list of leads, and one lead whole.

use std::collections::HashMap;

use actix_web::http::header;
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::record::Record;
use super::search::{self, Sought};
use crate::api::Gateway;
use crate::api::problem::{Code, Problem};
use crate::api::status::{known, lead_id};
use crate::queue::{Cursor, Filter, Stored};

const USUAL_LIMIT: usize = 50;
const MOST_LEADS: usize = 100;
const LONGEST_SEARCH_CHARS: usize = 255;
/// Calls of the store in one answer. A rare lead far back in a long list is found by following the cursor.
const MOST_CALLS: usize = 10;

#[derive(Serialize)]
struct List<'a> {
    leads: Vec<Record<'a>>,
    #[serde(serialize_with = "as_text")]
    cursor: Option<Cursor>,
}

fn as_text<S: Serializer>(cursor: &Option<Cursor>, serializer: S) -> Result<S::Ok, S::Error> {
    match cursor {
        Some(cursor) => serializer.collect_str(cursor),
        None => serializer.serialize_none(),
    }
}

/// `GET /v1/admin/leads`
pub async fn list(gateway: Data<Gateway>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let Asked {
        mut filter,
        sought,
        after,
        limit,
    } = read_query(request.query_string())?;
    let (leads, cursor) = match sought {
        None => find(&gateway, &filter, after, limit).await?,
        Some(text) => match search::seek(&gateway, &text).await? {
            Sought::Leads(leads) => (
                leads
                    .into_iter()
                    .filter(|lead| filter.takes(lead))
                    .collect(),
                None,
            ),
            // An empty list of digests would not filter at all.
            Sought::Person(person) if person.is_empty() => (Vec::new(), None),
            Sought::Person(person) => {
                filter.person = person;
                find(&gateway, &filter, after, limit).await?
            }
        },
    };
    let leads = leads.iter().map(Record::without_raw).collect();
    Ok(told(&List { leads, cursor }))
}

/// `GET /v1/admin/leads/{leadId}`
pub async fn show(gateway: Data<Gateway>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let stored = known(&gateway, lead_id(&id)?).await?;
    Ok(told(&Record::whole(&stored)))
}

/// Of this moment, and nobody else's to keep.
pub(super) fn told(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(body)
}

/// Asks the store until the page is full, the leads are over, or it was asked often enough.
async fn find(
    gateway: &Gateway,
    filter: &Filter,
    mut after: Option<Cursor>,
    limit: usize,
) -> Result<(Vec<Stored>, Option<Cursor>), Problem> {
    let mut leads = Vec::new();
    for _ in 0..MOST_CALLS {
        let page = gateway
            .store
            .list(filter, after, limit - leads.len())
            .await?;
        leads.extend(page.leads);
        after = page.next;
        if after.is_none() || leads.len() >= limit {
            break;
        }
    }
    Ok((leads, after))
}

/// What is asked for.
struct Asked {
    filter: Filter,
    sought: Option<String>,
    after: Option<Cursor>,
    limit: usize,
}

/// A parameter without a value says nothing, as a form sends it.
fn read_query(query: &str) -> Result<Asked, Problem> {
    let named = Query::<HashMap<String, String>>::from_query(query)
        .map_err(|_| bad("the query cannot be read"))?;
    let value = |name: &str| given(&named, name);
    let limit = match value("limit") {
        None => USUAL_LIMIT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MOST_LEADS).contains(limit))
            .ok_or_else(|| bad("limit is a whole number from 1 to 100"))?,
    };
    let after = value("cursor").map(str::parse).transpose();
    let sought = value("q");
    if sought.is_some_and(|text| text.chars().count() > LONGEST_SEARCH_CHARS) {
        return Err(bad("q has at most 255 characters"));
    }
    Ok(Asked {
        filter: filter(value)?,
        sought: sought.map(str::to_owned),
        after: after.map_err(|_| bad("cursor is the one a list ended with"))?,
        limit,
    })
}

/// A parameter's value, where it has one.
pub(super) fn given<'a>(named: &'a HashMap<String, String>, name: &str) -> Option<&'a str> {
    let value = named.get(name).map(|value| value.trim());
    value.filter(|value| !value.is_empty())
}

/// The filters by what a lead's row tells.
pub(super) fn filter<'a>(
    value: impl Fn(&'static str) -> Option<&'a str>,
) -> Result<Filter, Problem> {
    let lower = |name| value(name).map(str::to_ascii_lowercase);
    Ok(Filter {
        status: value("status")
            .map(|text| word(text).ok_or_else(|| bad("no lead has such a status")))
            .transpose()?,
        source: lower("source"),
        account: lower("account"),
        reason: value("reason")
            .map(|text| word(text).ok_or_else(|| bad("no lead has such a reason")))
            .transpose()?,
        ..Filter::default()
    })
}

pub(super) fn bad(detail: &str) -> Problem {
    Problem::new(Code::BadQuery, detail)
}

/// A value that is one word on the wire.
fn word<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(Value::String(text.to_owned())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::{ReasonCode, Status};

    #[test]
    fn a_list_is_asked_for_by_its_parameters() {
        let asked = read_query("").unwrap();
        assert_eq!((asked.limit, asked.after, asked.sought), (50, None, None));
        assert!(asked.filter.status.is_none() && asked.filter.source.is_none());

        let asked = read_query(
            "status=needs_time&source=Landing&account=main&reason=no_slots&limit=7&q=+kim%40lead.example&cursor=\
             1f.ld_00000000000000000000000000",
        )
        .unwrap();
        assert_eq!(asked.filter.status, Some(Status::NeedsTime));
        assert_eq!(asked.filter.source.as_deref(), Some("landing"));
        assert_eq!(asked.filter.account.as_deref(), Some("main"));
        assert_eq!(asked.filter.reason, Some(ReasonCode::NoSlots));
        assert_eq!(asked.sought.as_deref(), Some("kim@lead.example"));
        assert_eq!(asked.limit, 7);
        assert!(asked.after.is_some());

        let asked = read_query("status=&source=&q=+&cursor=&limit=").unwrap();
        assert_eq!((asked.limit, asked.after, asked.sought), (50, None, None));
        assert!(asked.filter.status.is_none() && asked.filter.source.is_none());
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for query in [
            "status=done",
            "reason=because",
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=many",
            "cursor=here",
            &format!("q={}", "x".repeat(256)),
        ] {
            let refused = read_query(query).err();
            assert_eq!(
                refused.map(|problem| problem.code),
                Some(Code::BadQuery),
                "{query}"
            );
        }
    }
}
