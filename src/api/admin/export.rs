//! Every lead that passes a filter, a full record a line, however many there are: written as it is read.

use std::collections::HashMap;

use actix_web::http::header;
use actix_web::web::{BufMut, Bytes, BytesMut, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{self, Stream};
use jiff::Timestamp;
use serde_json::json;

use super::act;
use super::leads::{bad, filter, given};
use super::record::Record;
use crate::api::Gateway;
use crate::api::problem::Problem;
use crate::queue::{Cursor, Filter};

const USUAL_LIMIT: usize = 10_000;
const MOST_LEADS: usize = 100_000;
/// Records in memory at once.
const PAGE: usize = 100;

/// What is left to write.
struct Export {
    gateway: Data<Gateway>,
    filter: Filter,
    with_raw: bool,
    after: Option<Cursor>,
    left: usize,
}

/// `GET /v1/admin/export`: the newest first. The last line is the cursor to go on with, or null at the end; an export
/// without it was cut off.
pub async fn export(gateway: Data<Gateway>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let by = act::operator(&request)?;
    let export = read_query(request.query_string(), Data::clone(&gateway))?;
    tracing::info!(
        operator = by,
        act = "export",
        raw = export.with_raw,
        "the operator exported leads"
    );
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(pieces(export)))
}

fn read_query(query: &str, gateway: Data<Gateway>) -> Result<Export, Problem> {
    let named = Query::<HashMap<String, String>>::from_query(query)
        .map_err(|_| bad("the query cannot be read"))?;
    let value = |name: &str| given(&named, name);
    let instant = |name| {
        let instant = value(name).map(str::parse::<Timestamp>).transpose();
        instant.map_err(|_| bad("from and to are instants such as 2031-12-01T00:00:00Z"))
    };
    let left = match value("limit").map(str::parse) {
        None => USUAL_LIMIT,
        Some(Ok(limit)) if (1..=MOST_LEADS).contains(&limit) => limit,
        Some(_) => return Err(bad("limit is a whole number from 1 to 100000")),
    };
    let after = value("cursor").map(str::parse).transpose();
    Ok(Export {
        filter: Filter {
            from: instant("from")?,
            until: instant("to")?,
            ..filter(value)?
        },
        with_raw: match value("raw") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(bad("raw is true or false")),
        },
        after: after.map_err(|_| bad("cursor is the one an export or a list ended with"))?,
        left,
        gateway,
    })
}

/// One page after the other, and the line that ends them. A failure of the store cuts the answer off.
fn pieces(export: Export) -> impl Stream<Item = Result<Bytes, Problem>> {
    stream::try_unfold(Some(export), async |export| {
        let Some(mut export) = export else {
            return Ok(None);
        };
        let most = PAGE.min(export.left);
        let store = &export.gateway.store;
        let page = store.list(&export.filter, export.after, most).await?;
        let mut lines = BytesMut::new();
        for stored in &page.leads {
            let record = match export.with_raw {
                true => Record::whole(stored),
                false => Record::without_raw(stored),
            };
            line(&mut lines, &record)?;
        }
        export.left -= page.leads.len();
        export.after = page.next;
        if export.after.is_some() && export.left > 0 {
            return Ok(Some((lines.freeze(), Some(export))));
        }
        let cursor = export.after.map(|cursor| cursor.to_string());
        line(&mut lines, &json!({ "cursor": cursor }))?;
        Ok(Some((lines.freeze(), None)))
    })
}

fn line(lines: &mut BytesMut, value: &impl serde::Serialize) -> Result<(), Problem> {
    let written = serde_json::to_writer(lines.writer(), value);
    written.map_err(|_| super::unwritable())?;
    lines.put_u8(b'\n');
    Ok(())
}
