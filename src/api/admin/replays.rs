//! Retrying many leads at once: every parked one that passes a filter, in the bulk lane, at a rate.
//!
//! The rate is kept by the leads' own due times, so a replay is durable as it is asked for and needs nobody to run it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::act;
use super::leads::told;
use crate::api::Gateway;
use crate::api::problem::{Code, Problem};
use crate::booking::operator;
use crate::clock::from_millis;
use crate::lead::{Lane, LeadId, ReasonCode, Status};
use crate::queue::{Cursor, Filter, Next};

/// Leads of one answer; the cursor goes on.
const MOST_LEADS: usize = 1000;
/// Calls of the store for one answer. A rare lead far back is found by following the cursor.
const MOST_CALLS: usize = 50;
const PAGE: usize = 100;
const MOST_REFUSED: usize = 100;
const USUAL_RATE: u32 = 60;
const HIGHEST_RATE: u32 = 6000;

const WANTED: &str = "wanted: at least one of status (parked or needs_time), reason, source, account, from and to \
                      (RFC 3339), and ratePerMinute (1 to 6000), dryRun, cursor as wished";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    status: Option<Status>,
    reason: Option<ReasonCode>,
    source: Option<String>,
    account: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    rate_per_minute: Option<u32>,
    #[serde(default)]
    dry_run: bool,
    cursor: Option<String>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Replayed {
    matched: usize,
    retried: usize,
    refused: Vec<Refused>,
    cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Refused {
    lead_id: LeadId,
    code: &'static str,
}

/// Where a replay goes on: the list's place, and when the next lead's turn is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Onward {
    turn_ms: i64,
    after: Cursor,
}

impl fmt::Display for Onward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.turn_ms, self.after)
    }
}

impl FromStr for Onward {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (turn, after) = text.split_once('-').ok_or(())?;
        Ok(Self {
            turn_ms: i64::from_str_radix(turn, 16).map_err(|_| ())?,
            after: after.parse().map_err(|_| ())?,
        })
    }
}

/// What is to be retried, how fast, and from where on.
struct Replay {
    filter: Filter,
    spacing: Duration,
    dry_run: bool,
    onward: Option<Onward>,
}

impl Asked {
    fn read(self) -> Option<Replay> {
        let is_filtered = self.status.is_some()
            || self.reason.is_some()
            || self.source.is_some()
            || self.account.is_some()
            || self.from.is_some()
            || self.to.is_some();
        let status = self.status.unwrap_or(Status::Parked);
        let rate = self.rate_per_minute.unwrap_or(USUAL_RATE);
        let is_sound = is_filtered
            && matches!(status, Status::Parked | Status::NeedsTime)
            && (1..=HIGHEST_RATE).contains(&rate);
        let onward = self.cursor.map(|cursor| cursor.parse()).transpose().ok()?;
        is_sound.then(|| Replay {
            filter: Filter {
                status: Some(status),
                reason: self.reason,
                source: self.source.map(|name| name.to_ascii_lowercase()),
                account: self.account.map(|name| name.to_ascii_lowercase()),
                from: self.from,
                until: self.to,
                person: Vec::new(),
            },
            spacing: Duration::from_secs(60) / rate,
            dry_run: self.dry_run,
            onward,
        })
    }
}

/// `POST /v1/admin/replays`
pub async fn replay(
    gateway: Data<Gateway>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let by = act::operator(&request)?;
    let asked: Asked = act::body(&gateway, &request, payload, WANTED).await?;
    let replay = asked
        .read()
        .ok_or_else(|| Problem::new(Code::UnreadableBody, WANTED))?;
    let replayed = run(&gateway, &replay, &by).await?;
    tracing::info!(
        operator = by,
        act = "replay",
        dry_run = replay.dry_run,
        matched = replayed.matched,
        retried = replayed.retried,
        goes_on = replayed.cursor.is_some(),
        "the operator replayed leads"
    );
    Ok(told(&replayed))
}

async fn run(gateway: &Gateway, replay: &Replay, by: &str) -> Result<Replayed, Problem> {
    let now_ms = gateway.store.now().as_millisecond();
    // A turn that has passed is not made up for.
    let first_ms = replay
        .onward
        .map_or(now_ms, |onward| onward.turn_ms.max(now_ms));
    let turn = |nth: usize| {
        let nth = u32::try_from(nth).unwrap_or(u32::MAX);
        let after = replay.spacing.saturating_mul(nth).as_millis();
        first_ms.saturating_add(i64::try_from(after).unwrap_or(i64::MAX))
    };
    let mut after = replay.onward.map(|onward| onward.after);
    let mut done = Replayed::default();
    for _ in 0..MOST_CALLS {
        let most = PAGE.min(MOST_LEADS - done.matched);
        let page = gateway.store.list(&replay.filter, after, most).await?;
        for stored in page.leads {
            done.matched += 1;
            let id = stored.lead.id;
            let refused = match replay.dry_run {
                true => operator::retried(&stored.lead)
                    .err()
                    .map(act::NotChanged::Refused),
                false => retry(gateway, id, turn(done.retried), by).await?.err(),
            };
            match refused {
                None => done.retried += 1,
                Some(_) if done.refused.len() >= MOST_REFUSED => {}
                Some(why) => done.refused.push(Refused {
                    lead_id: id,
                    code: why.code(Code::NotRetryable).as_str(),
                }),
            }
        }
        after = page.next;
        if after.is_none() || done.matched >= MOST_LEADS {
            break;
        }
    }
    let turn_ms = turn(done.retried);
    done.cursor = after.map(|after| Onward { turn_ms, after }.to_string());
    Ok(done)
}

/// Retries one lead when its turn is.
async fn retry(
    gateway: &Gateway,
    id: LeadId,
    turn_ms: i64,
    by: &str,
) -> Result<Result<(), act::NotChanged>, Problem> {
    let now = gateway.store.now();
    let wait = from_millis(turn_ms).duration_since(now);
    let wait = Duration::try_from(wait).unwrap_or_default();
    let retried = act::change(gateway, id, |lead, _| {
        let step = operator::retried(lead)?;
        let (_, hold) = operator::retry(lead, step, by, now);
        lead.lane = Lane::Bulk;
        Ok(((), Some((Next::After { step, delay: wait }, hold))))
    });
    let retried = retried.await;
    if let Ok(outcome) = &retried {
        let refused = outcome
            .as_ref()
            .err()
            .map(|why| why.code(Code::NotRetryable));
        act::tell(by, "replay", id, refused);
    }
    retried
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_with_the_turn_it_carries() {
        let text = "18f-1f.ld_00000000000000000000000000";
        let onward: Onward = text.parse().unwrap();
        assert_eq!(onward.turn_ms, 0x18f);
        assert_eq!(onward.to_string(), text);
        for text in ["", "18f", "x-1f.ld_00000000000000000000000000", "18f-1f"] {
            assert!(text.parse::<Onward>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_replay_names_what_it_is_about_and_how_fast() {
        for (body, spacing_ms) in [
            (r#"{"reason": "no_slots"}"#, Some(1000)),
            (
                r#"{"status": "needs_time", "ratePerMinute": 6000}"#,
                Some(10),
            ),
            (
                r#"{"from": "2026-09-01T08:00:00Z", "ratePerMinute": 1}"#,
                Some(60_000),
            ),
            (r#"{}"#, None),
            (r#"{"ratePerMinute": 60}"#, None),
            (r#"{"source": "web", "ratePerMinute": 0}"#, None),
            (r#"{"source": "web", "ratePerMinute": 6001}"#, None),
            (r#"{"status": "booked"}"#, None),
            (r#"{"source": "web", "cursor": "x"}"#, None),
            (r#"{"source": "web", "colour": "red"}"#, None),
            (r#"{"from": "yesterday"}"#, None),
        ] {
            let asked = serde_json::from_str::<Asked>(body).ok();
            let replay = asked.and_then(Asked::read);
            let spacing = replay.map(|replay| replay.spacing.as_millis());
            assert_eq!(spacing, spacing_ms, "{body}");
        }
    }
}
