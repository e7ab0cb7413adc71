//! Turning "unknown" into a fact: look the call up, adopt it if it is there, and only then allow another request.
//!
//! iClosed documents no idempotency key (www.iclosed.io/api), so a lost answer is never answered with a blind repeat.

use jiff::{Timestamp, ToSpan};

use crate::iclosed::{CallError, CallQuery, ListedCall};
use crate::lead::{Booking, Intent, Lead};
use crate::queue::Claim;

use super::Worker;
use super::outcome::Outcome;
use super::pace::Permit;
use crate::iclosed::Endpoint;

/// Clocks of the vendor and of the store may differ by this much.
const CREATED_MARGIN_MINUTES: i64 = 2;

impl Worker {
    /// One look for the call of the lead's open intent.
    pub(super) async fn reconcile(&self, claim: &mut Claim, permit: Permit) -> Outcome {
        let lead = &claim.lead;
        let Some(intent) = &lead.progress.intent else {
            return Outcome::OnToBooking;
        };
        let last = usize::try_from(lead.progress.looks)
            .is_ok_and(|look| look + 1 >= self.bounds.look_after_seconds.len());
        let mut queries = queries(lead, intent, last).into_iter();
        let Some(first) = queries.next() else {
            return Outcome::NotFound;
        };
        let mut found = self
            .pace
            .send(permit, async |client| client.find_calls(&first).await)
            .await;
        loop {
            match found {
                Err(error) => return look_failed(&error),
                Ok(calls) => {
                    if let Some(call) = newest_match(lead, intent, &calls) {
                        return Outcome::Booked {
                            booking: adopted(lead, intent, call),
                            found: true,
                        };
                    }
                }
            }
            let Some(query) = queries.next() else {
                return Outcome::NotFound;
            };
            found = self
                .pace
                .call(Endpoint::ListCalls, lead.lane, async |client| {
                    client.find_calls(&query).await
                })
                .await;
        }
    }
}

fn look_failed(error: &CallError) -> Outcome {
    Outcome::LookFailed(error.to_string())
}

/// What to ask the vendor: by the call's own day, the bounds proven to work; on the last look also by creation time
/// and by kind, because the list's defaults are not documented.
pub(super) fn queries(lead: &Lead, intent: &Intent, last: bool) -> Vec<CallQuery> {
    let who = CallQuery {
        invitee_email: lead.contact.email.clone(),
        search: if lead.contact.email.is_none() {
            digits(lead.contact.phone_number.as_deref())
        } else {
            None
        },
        ..CallQuery::default()
    };
    let day = |days: i64| {
        intent
            .instant
            .checked_add((days * 24).hours())
            .unwrap_or(intent.instant)
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date()
    };
    let by_day = CallQuery {
        date_from: Some(day(-1)),
        date_to: Some(day(1)),
        ..who.clone()
    };
    if !last {
        return vec![by_day];
    }
    let since = intent
        .sent_at
        .checked_sub(CREATED_MARGIN_MINUTES.minutes())
        .unwrap_or(Timestamp::MIN);
    let by_kind = CallQuery {
        types: Some("scheduled_events,rescheduled_events".to_owned()),
        ..by_day.clone()
    };
    vec![
        by_day,
        by_kind,
        CallQuery {
            created_at_start: Some(since),
            ..who
        },
    ]
}

fn digits(phone: Option<&str>) -> Option<String> {
    phone.map(|phone| phone.chars().filter(char::is_ascii_digit).collect())
}

pub(super) fn newest_match<'a>(
    lead: &Lead,
    intent: &Intent,
    calls: &'a [ListedCall],
) -> Option<&'a ListedCall> {
    let matching = calls.iter().filter(|call| {
        call.matches(
            lead.contact.email.as_deref(),
            lead.contact.phone_number.as_deref(),
            intent.instant,
            &lead.link_prefix,
            lead.event_id,
        )
    });
    let mut ids: Vec<&ListedCall> = matching.collect();
    ids.sort_by_key(|call| call.id);
    if ids.len() > 1 {
        tracing::error!(lead.id = %lead.id, calls = ids.len(), "iClosed holds several calls for one request");
    }
    ids.pop()
}

pub(super) fn adopted(lead: &Lead, intent: &Intent, call: &ListedCall) -> Booking {
    Booking {
        event_call_id: call.id,
        start_time: intent.instant,
        end_time: call.end_time(),
        time_zone: lead
            .contact
            .time_zone
            .clone()
            .unwrap_or_else(|| "UTC".to_owned()),
        closer_name: call.host_name(),
        confirmation_link: None,
        redirect_url: None,
    }
}
