//! Turning "unknown" into a fact: look the call up, adopt it if it is there, and only then allow another request.
//!
//! iClosed documents no idempotency key (www.iclosed.io/api), so a lost answer is never answered with a blind repeat.

use jiff::{Timestamp, ToSpan};

use crate::iclosed::{CallError, CallQuery, Client, Endpoint, ListedCall};
use crate::lead::{Booking, Intent, Lane, Lead};
use crate::queue::{Claim, ClaimError};

use super::outcome::{Outcome, Standing};
use super::pace::Permit;
use super::{Worker, looks};

/// Clocks of the vendor and of the store may differ by this much.
const CREATED_MARGIN_MINUTES: i64 = 2;

impl Worker {
    /// One look for the call of the lead's open request.
    pub(super) async fn reconcile(
        &self,
        claim: &mut Claim,
        permit: Permit,
    ) -> Result<Outcome, ClaimError> {
        let is_beside = looks::is_beside_schedule(&claim.lead);
        let Some(intent) = open_request(&claim.lead) else {
            return Ok(match is_beside {
                true => Outcome::Confirmed(Standing::NotListed),
                false => Outcome::OnToBooking,
            });
        };
        let last = !is_beside
            && usize::try_from(claim.lead.progress.looks)
                .is_ok_and(|look| look + 1 >= self.bounds.look_after_seconds.len());
        let found = self.find_call(claim, permit, &intent, last).await?;
        Ok(match (found, is_beside) {
            (Ok(Some(booking)), _) => Outcome::Booked {
                booking,
                found: true,
            },
            (Ok(None), false) => Outcome::NotFound,
            (Ok(None), true) => Outcome::Confirmed(Standing::NotListed),
            (Err(error), false) => Outcome::LookFailed(error.to_string()),
            (Err(error), true) => Outcome::Confirmed(Standing::Unread(error.to_string())),
        })
    }

    /// Looks for the call of this request: in one way, or in `every` way there is. `permit` is for the first.
    pub(super) async fn find_call(
        &self,
        claim: &mut Claim,
        permit: Permit,
        intent: &Intent,
        every: bool,
    ) -> Result<Result<Option<Booking>, CallError>, ClaimError> {
        let mut in_hand = Some(permit);
        for query in queries(&claim.lead, intent, every) {
            let look = async |client: &Client| client.find_calls(&query).await;
            let found = match in_hand.take() {
                Some(permit) => self.pace.send(permit, look).await,
                // A lead in hand waits behind nobody: those who are claimed later wait for it.
                None => {
                    let permit = self.pace.permit(Endpoint::ListCalls, Lane::Interactive);
                    self.ask_in_hand(claim, permit, look).await?
                }
            };
            match found {
                Ok(calls) => {
                    if let Some(call) = newest_match(&claim.lead, intent, &calls) {
                        return Ok(Ok(Some(adopted(&claim.lead, intent, call))));
                    }
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(None))
    }
}

/// The request of which nobody knows what became: the open intent, or the one that was looked for in vain, which was
/// sent no earlier than the lead came.
pub(super) fn open_request(lead: &Lead) -> Option<Intent> {
    let progress = &lead.progress;
    let missed = || {
        progress.missed.map(|instant| Intent {
            attempt: progress.attempts,
            instant,
            sent_at: lead.received_at,
        })
    };
    progress.intent.clone().or_else(missed)
}

/// What to ask the vendor: by the call's own day, the bounds proven to work; on the last look also by creation time
/// and by kind, because the list's defaults are not documented.
fn queries(lead: &Lead, intent: &Intent, last: bool) -> Vec<CallQuery> {
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

fn newest_match<'a>(
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

fn adopted(lead: &Lead, intent: &Intent, call: &ListedCall) -> Booking {
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
