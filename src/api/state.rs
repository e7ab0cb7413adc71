//! A lead as its caller sees it: status, place in the queue, booking. Holds nothing of the contact.

mod telling;

use actix_web::http::header::EntityTag;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::Gateway;
use super::prefer::estimated_start;
use super::problem::Problem;
use crate::lead::{Booking, Lead, LeadId, ReasonCode, Status};
use crate::queue::{Receipt, Stored};
use telling::{can_replay, told};

pub use telling::{has_settled, told_status};

/// The body of every answer about one lead.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeadState {
    pub(super) lead_id: LeadId,
    pub(super) status: Status,
    pub(super) status_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) estimated_start_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) booking: Option<BookingState>,
    /// While a time is to be chosen, and empty when none is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alternatives: Option<Vec<Slot>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<ReasonState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) duplicate_of: Option<LeadId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of_status: Option<Status>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) test: bool,
}

/// A free time: the instant, and how it reads on the wall of the zone asked for.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    pub(super) date_time: Timestamp,
    local: String,
    /// For a person: `Tue 24 Nov, 10:30`.
    pub(super) label: String,
    /// The day there, as ISO 8601 writes it.
    date: String,
    /// The time of day there, of 24 hours.
    time: String,
}

/// The call iClosed holds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BookingState {
    pub(super) event_call_id: String,
    pub(super) start_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_time: Option<Timestamp>,
    pub(super) time_zone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) closer_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) confirmation_link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redirect_url: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct ReasonState {
    pub(super) code: ReasonCode,
    pub(super) detail: &'static str,
}

/// The first lead, for a caller that may know of it.
pub struct First {
    /// Its name.
    pub id: LeadId,
    /// Where it stands, when that is known.
    pub status: Option<Status>,
}

impl Slot {
    /// The instant as seen in a zone.
    pub fn new(at: Timestamp, zone: &TimeZone) -> Self {
        let there = at.to_zoned(zone.clone());
        Self {
            date_time: at,
            local: at.display_with_offset(there.offset()).to_string(),
            label: there.strftime("%a %-d %b, %H:%M").to_string(),
            date: there.date().to_string(),
            time: there.strftime("%H:%M").to_string(),
        }
    }
}

impl BookingState {
    /// As it is told.
    pub fn of(booking: &Booking) -> Self {
        Self {
            event_call_id: booking.event_call_id.to_string(),
            start_time: booking.start_time,
            end_time: booking.end_time,
            time_zone: booking.time_zone.clone(),
            closer_name: booking.closer_name.clone(),
            confirmation_link: booking.confirmation_link.clone(),
            redirect_url: booking.redirect_url.clone(),
        }
    }
}

impl LeadState {
    /// How a stored lead stands now.
    ///
    /// # Errors
    /// When the store fails to tell its place.
    pub async fn of(
        gateway: &Gateway,
        stored: &Stored,
        first: Option<First>,
    ) -> Result<Self, Problem> {
        let mut state = Self::plain(gateway, &stored.lead, first);
        // The record keeps the call that was called off; a caller must not take it for one that stands.
        state.booking = state.booking.filter(|_| state.status == Status::Booked);
        if state.status == Status::Queued {
            let ahead = match stored.lead.status {
                Status::Queued => gateway.store.ahead(stored.lead.id).await?,
                // It only looks as if it waited: as the next one.
                _ => Some(0),
            };
            let due = stored.waits.map_or(Timestamp::MIN, |waits| waits.due_at);
            if let Some(ahead) = ahead {
                state.place(gateway, &stored.lead, ahead, due);
            }
        }
        Ok(state)
    }

    /// How a lead that was just accepted stands, so many before it.
    pub fn accepted(gateway: &Gateway, lead: &Lead, ahead: u64) -> Self {
        let mut state = Self::plain(gateway, lead, None);
        state.place(gateway, lead, ahead, Timestamp::MIN);
        state
    }

    /// How a kept lead stands by what is in hand: for when the store keeps it and then does not tell.
    pub fn in_hand(gateway: &Gateway, lead: &Lead, status: Status, first: Option<First>) -> Self {
        Self {
            status,
            booking: None,
            alternatives: None,
            reason: None,
            ..Self::plain(gateway, lead, first)
        }
    }

    /// What the caller of an idempotent request was told the first time. `None`: the lead has moved on, and what was
    /// told of it then is gone.
    pub fn replayed(
        gateway: &Gateway,
        lead: &Lead,
        receipt: &Receipt,
        first: Option<First>,
    ) -> Option<Self> {
        let plain = can_replay(receipt.status, lead).then(|| Self::plain(gateway, lead, first))?;
        let is_now = receipt.status == told_status(lead);
        Some(Self {
            status: receipt.status,
            position: receipt.position,
            estimated_start_at: receipt.estimated_start_at,
            booking: plain.booking.filter(|_| receipt.status == Status::Booked),
            alternatives: plain.alternatives.filter(|_| is_now),
            reason: plain.reason.filter(|_| is_now),
            ..plain
        })
    }

    /// What was told, without any of the lead's data.
    pub fn receipt(&self) -> Receipt {
        Receipt {
            http_status: self.http_status(),
            status: self.status,
            position: self.position,
            estimated_start_at: self.estimated_start_at,
        }
    }

    /// 201 when the call exists, else 202.
    pub fn http_status(&self) -> u16 {
        if self.status == Status::Booked {
            201
        } else {
            202
        }
    }

    /// Where the lead's status is found.
    pub fn status_url(&self) -> &str {
        &self.status_url
    }

    /// Changes whenever the state does. The estimate moves with the clock: of it only counts whether there is one.
    pub fn etag(&self) -> EntityTag {
        let still = Self {
            estimated_start_at: self.estimated_start_at.map(|_| Timestamp::UNIX_EPOCH),
            ..self.clone()
        };
        let bytes = serde_json::to_vec(&still).unwrap_or_default();
        let mut fingerprint = std::hash::DefaultHasher::new();
        std::hash::Hasher::write(&mut fingerprint, &bytes);
        EntityTag::new_strong(format!("{:016x}", std::hash::Hasher::finish(&fingerprint)))
    }

    fn place(&mut self, gateway: &Gateway, lead: &Lead, ahead: u64, due: Timestamp) {
        self.position = Some(ahead + 1);
        let rests = gateway.switches.account(&lead.account).is_some()
            || gateway.switches.source(&lead.source).is_some();
        // Nobody knows when what rests goes on.
        let limit = gateway.limits.get(&lead.account).filter(|_| !rests);
        let now = gateway.store.now();
        self.estimated_start_at = limit.map(|limit| estimated_start(now, ahead, *limit).max(due));
    }

    fn plain(gateway: &Gateway, lead: &Lead, first: Option<First>) -> Self {
        let prefix = gateway
            .settings
            .server
            .public_url
            .as_deref()
            .unwrap_or_default();
        let status = told_status(lead);
        Self {
            lead_id: lead.id,
            status,
            status_url: format!("{prefix}/v1/leads/{}", lead.id),
            position: None,
            estimated_start_at: None,
            booking: lead.booking.as_ref().map(BookingState::of),
            alternatives: (status == Status::NeedsTime).then(|| {
                let zone = zone_of(lead);
                let times = lead.alternatives.iter();
                times.map(|at| Slot::new(*at, &zone)).collect()
            }),
            reason: lead
                .reason
                .as_ref()
                .filter(|_| has_settled(lead))
                .filter(|reason| reason.code != ReasonCode::SuspectedSpam)
                .map(|reason| ReasonState {
                    code: reason.code,
                    detail: told(reason.code),
                }),
            duplicate_of: first.as_ref().map(|first| first.id),
            duplicate_of_status: first.and_then(|first| first.status),
            test: lead.test,
        }
    }
}

/// The first lead of a duplicate. An anonymous caller is told neither its id nor its state.
pub async fn first_of(
    gateway: &Gateway,
    lead: &Lead,
    keyed: bool,
) -> Result<Option<First>, Problem> {
    let Some(id) = lead.duplicate_of.filter(|_| keyed) else {
        return Ok(None);
    };
    let first = gateway.store.get(id).await?;
    Ok(Some(First {
        id,
        status: first.map(|first| first.lead.status),
    }))
}

/// The lead's zone, or UTC.
pub fn zone_of(lead: &Lead) -> TimeZone {
    lead.contact
        .time_zone
        .as_deref()
        .and_then(|name| TimeZone::get(name).ok())
        .unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued() -> LeadState {
        LeadState {
            lead_id: LeadId::from_bytes([7; 16]),
            status: Status::Queued,
            status_url: "/v1/leads/ld_7".to_owned(),
            position: Some(2),
            estimated_start_at: Some(Timestamp::UNIX_EPOCH),
            booking: None,
            alternatives: None,
            reason: None,
            duplicate_of: None,
            duplicate_of_status: None,
            test: false,
        }
    }

    #[test]
    fn a_state_that_only_waits_on_keeps_its_etag() {
        let etag = queued().etag();
        let later = Timestamp::from_second(1_800_000_000).ok();
        type Change<'a> = &'a dyn Fn(&mut LeadState);
        let changes: [(&str, bool, Change<'_>); 4] = [
            ("estimate", true, &|state| state.estimated_start_at = later),
            ("no estimate", false, &|state| {
                state.estimated_start_at = None
            }),
            ("place", false, &|state| state.position = Some(1)),
            ("status", false, &|state| state.status = Status::Booking),
        ];
        for (what, same, change) in changes {
            let mut state = queued();
            change(&mut state);
            assert_eq!(state.etag() == etag, same, "{what}");
        }
    }
}
