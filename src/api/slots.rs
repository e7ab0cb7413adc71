//! Free times over HTTP, for widgets and chats.

use std::collections::HashMap;

use actix_web::http::header;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use super::door;
use super::problem::{Code, Problem, rate_limit};
use super::state::Slot;
use super::{Gateway, source_named};
use crate::booking::lookup::{Event, LookupError, days_later};
use crate::intake::enrich::event_allowed;
use crate::lead::zone;
use crate::settings::Source;

const USUAL_DAYS: i64 = 7;
const MOST_DAYS: i64 = 31;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Slots {
    slots: Vec<Slot>,
    fetched_at: Timestamp,
}

/// `GET /v1/sources/{source}/slots`
pub async fn list(gateway: Data<Gateway>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let source = source_named(&gateway, &request)?;
    let admitted = door::admit(&gateway, source, &request)?;
    let now = gateway.store.now();
    let asked = read_query(request.query_string(), source, now)?;
    let unavailable = || {
        Problem::new(
            Code::SlotsUnavailable,
            "iClosed could not be asked for free times",
        )
    };
    let lookup = gateway
        .lookups
        .get(&source.account)
        .ok_or_else(unavailable)?;
    let found = if asked.from >= asked.until {
        None
    } else {
        let event = Event {
            link_prefix: asked.link_prefix.clone(),
            conditional_users: None,
        };
        let offer = lookup
            .offer(&event, asked.from, asked.until, None, source.lane, |_| {
                false
            })
            .await;
        Some(offer.map_err(|error| {
            tracing::warn!(lead.source = source.name, %error, "slots could not be looked up");
            match error {
                LookupError::EventGone(_) => {
                    Problem::new(Code::SlotsUnavailable, "iClosed does not offer this event")
                }
                LookupError::KeyRefused(_) | LookupError::Later(_) => unavailable(),
            }
        })?)
    };
    let body = match found {
        Some(offer) => Slots {
            slots: offer
                .slots
                .iter()
                .map(|at| Slot::new(*at, &asked.zone))
                .collect(),
            fetched_at: offer.seen_at,
        },
        None => Slots {
            slots: Vec::new(),
            fetched_at: now,
        },
    };
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    for header in rate_limit(admitted.allowance) {
        answer.insert_header((header.0, header.1));
    }
    Ok(answer.json(body))
}

struct Asked {
    zone: TimeZone,
    link_prefix: String,
    from: Timestamp,
    until: Timestamp,
}

/// What is asked for, kept inside the source's rules.
fn read_query(query: &str, source: &Source, now: Timestamp) -> Result<Asked, Problem> {
    let bad = |detail: &str| Problem::new(Code::BadQuery, detail);
    let named = Query::<HashMap<String, String>>::from_query(query)
        .map_err(|_| bad("the query cannot be read"))?;
    let value = |camel: &str, snake: &str| {
        named
            .get(camel)
            .or_else(|| named.get(snake))
            .map(String::as_str)
    };
    let zone_name = value("timeZone", "time_zone")
        .or(source.time_zone.as_deref())
        .unwrap_or("UTC");
    let zone = zone::canonical(zone_name)
        .and_then(|name| TimeZone::get(&name).ok())
        .ok_or_else(|| bad("timeZone: an IANA name such as Europe/Oslo is wanted"))?;
    let today = now.to_zoned(zone.clone()).date();
    let from: Date = match named.get("from") {
        // The parser would also take a day with a time behind it.
        Some(text) => text
            .parse()
            .ok()
            .filter(|_| text.len() == "2026-12-01".len())
            .ok_or_else(|| bad("from: a day such as 2026-12-01 is wanted"))?,
        None => today,
    };
    let days: i64 = match named.get("days") {
        Some(text) => text
            .parse()
            .ok()
            .filter(|days| (1..=MOST_DAYS).contains(days))
            .ok_or_else(|| bad("days: 1 to 31 is wanted"))?,
        None => USUAL_DAYS,
    };
    let link_prefix = event_allowed(value("linkPrefix", "link_prefix"), source)
        .map_err(|_| bad("linkPrefix: this source does not book this event"))?;
    let midnight = |day: Date| {
        zone.to_timestamp(day.at(0, 0, 0, 0))
            .map_err(|_| bad("from: this day is out of range"))
    };
    let start = midnight(from)?;
    let end = midnight(
        from.checked_add(days.days())
            .map_err(|_| bad("from: this day is out of range"))?,
    )?;
    let notice = i64::from(source.min_notice_minutes);
    let earliest = now.checked_add(notice.minutes()).unwrap_or(now);
    Ok(Asked {
        link_prefix,
        from: start.max(earliest),
        until: end
            .checked_sub(1.millisecond())
            .unwrap_or(end)
            .min(days_later(now, source.max_days_ahead)),
        zone,
    })
}
