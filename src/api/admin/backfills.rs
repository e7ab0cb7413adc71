//! Filling a gap after an outage: the leads a form holds at its platform are taken as if they were delivered now.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::leads::told;
use crate::api::problem::{Code, Problem};
use crate::api::{Gateway, door};
use crate::intake::platform::{self, Around};
use crate::lead::LeadId;
use crate::settings::SourceKind;
use crate::sources::{FetchError, Item, ListPage};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    source: String,
    form: String,
    since: Timestamp,
    #[serde(default)]
    after: Option<String>,
}

#[derive(Serialize)]
struct Filled {
    leads: Vec<LeadId>,
    next: Option<String>,
}

/// `POST /v1/admin/backfills`: one page of a form's leads. A lead that came before is recognised by its platform's
/// id, so asking twice makes nothing new.
pub async fn fill(
    gateway: Data<Gateway>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    door::want_json(&request)?;
    let body = door::read_body(&request, payload, gateway.settings.server.max_body_bytes).await?;
    let asked: Asked = serde_json::from_slice(&body).map_err(|_| {
        Problem::new(
            Code::UnreadableBody,
            "wanted: source, form and since (RFC 3339), and after from the last answer's next",
        )
    })?;
    let source = gateway
        .settings
        .sources
        .get(&asked.source.to_ascii_lowercase())
        .ok_or_else(|| Problem::new(Code::UnknownSource, "no source has this name"))?;
    let fetcher = match &source.kind {
        SourceKind::Platform(of) => of.kind.fetcher().map(|fetcher| (of, fetcher)),
        SourceKind::Form { .. } | SourceKind::Chatbot { .. } => None,
    };
    let Some((of, fetcher)) = fetcher else {
        return Err(Problem::new(
            Code::PlatformRefused,
            "nothing can be asked of the platform of this source: it sends its leads whole",
        ));
    };
    let page = ListPage {
        form: asked.form,
        since: asked.since,
        after: asked.after,
    };
    let listed = fetcher.list(&gateway.http, &page, &of.own).await?;
    let around = Around {
        store: &*gateway.store,
        hasher: &gateway.hasher,
        max_waiting: gateway.settings.store.max_waiting,
        source,
        trace: None,
    };
    let mut leads = Vec::new();
    for item in listed.items {
        match item {
            Item::Lead(entry) => {
                let raw = platform::raw_of(None, &entry);
                leads.push(platform::take(around, *entry, raw).await?);
            }
            Item::Fetch(fetch) => {
                let raw = platform::raw_of(None, &fetch);
                leads.push(platform::take_notice(around, fetch, raw).await?);
            }
            // A list holds what is there; what was taken back is not.
            Item::Withdraw { .. } => {}
        }
    }
    Ok(told(&Filled {
        leads,
        next: listed.next,
    }))
}

impl From<FetchError> for Problem {
    fn from(error: FetchError) -> Self {
        let why = error.to_string();
        match error {
            FetchError::Later { delay, .. } => {
                Problem::new(Code::PlatformUnavailable, why).retry_after(delay)
            }
            FetchError::Forbidden { .. } | FetchError::Gone { .. } => {
                Problem::new(Code::PlatformRefused, why)
            }
        }
    }
}
