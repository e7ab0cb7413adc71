//! Leads of a table: a page of its rows at once, each answered for itself.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::leads::told;
use crate::api::problem::{Code, Problem};
use crate::api::{Gateway, door};
use crate::intake::fault::Fault;
use crate::intake::import::{self, Row};
use crate::intake::platform::Around;
use crate::intake::{Refused, Taken};
use crate::lead::LeadId;
use crate::sources::sent;

/// A page of rows may be longer than one lead's body.
const LARGEST_BODY: usize = 1024 * 1024;
const MOST_ROWS: usize = 200;
const LONGEST_NAME: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    source: String,
    import: String,
    rows: Vec<AskedRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedRow {
    row: u64,
    fields: Map<String, Value>,
}

#[derive(Serialize)]
struct Imported<'a> {
    rows: Vec<Told<'a>>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    row: u64,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lead_id: Option<LeadId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
}

/// `POST /v1/admin/imports`: keeps up to 200 rows in the bulk lane. Sent again, with the same name of the import, rows
/// that were kept are known again for 90 days. When the store fails the whole page is to be sent again.
pub async fn take(
    gateway: Data<Gateway>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    door::want_json(&request)?;
    let body = door::read_body(&request, payload, LARGEST_BODY).await?;
    let Asked {
        source,
        import,
        rows,
    } = serde_json::from_slice(&body).map_err(|_| {
        Problem::new(
            Code::UnreadableBody,
            "wanted: source, import, and rows, each with its row and its fields",
        )
    })?;
    let is_name =
        (1..=LONGEST_NAME).contains(&import.len()) && import.bytes().all(|b| b.is_ascii_graphic());
    if !is_name || rows.len() > MOST_ROWS {
        return Err(Problem::new(
            Code::UnreadableBody,
            "import is 1 to 64 visible ASCII characters, and at most 200 rows come at once",
        ));
    }
    let source = gateway
        .settings
        .sources
        .get(&source.to_ascii_lowercase())
        .ok_or_else(|| Problem::new(Code::UnknownSource, "no source has this name"))?;
    let around = Around {
        store: &*gateway.store,
        hasher: &gateway.hasher,
        max_waiting: gateway.settings.store.max_waiting,
        source,
        trace: None,
    };
    let import = import.as_str();
    let taken = rows.into_iter().map(|asked| async move {
        let (number, columns) = (asked.row, columns(&asked.fields));
        let taken = import::take(around, import, Row { number, columns }).await;
        told_of(number, taken)
    });
    let rows: Result<Vec<_>, _> = join_all(taken).await.into_iter().collect();
    Ok(told(&Imported { rows: rows? }))
}

fn columns(fields: &Map<String, Value>) -> Vec<(String, String)> {
    let columns = fields.iter().flat_map(|(name, value)| {
        let texts = sent::texts_of(value).into_iter();
        texts.map(|text| (name.clone(), text))
    });
    columns.collect()
}

/// What a row's sender is told; what stands against the whole page is an error.
fn told_of<'a>(row: u64, taken: Result<Taken, Refused>) -> Result<Told<'a>, Problem> {
    let (status, lead, errors) = match taken {
        Ok(Taken::New { lead, .. }) => ("taken", Some(lead.id), Vec::new()),
        Ok(Taken::Duplicate { lead, .. }) => ("duplicate", Some(lead.id), Vec::new()),
        Ok(Taken::Replayed { lead, .. }) => ("repeated", Some(lead), Vec::new()),
        Err(Refused::Invalid(faults)) => ("refused", None, faults),
        Err(Refused::KeyReused) => {
            let fault = "another row came under this number of this import";
            ("refused", None, vec![Fault::new("", "row_differs", fault)])
        }
        Err(refused) => return Err(refused.into()),
    };
    Ok(Told {
        row,
        status,
        lead_id: lead,
        errors,
    })
}
