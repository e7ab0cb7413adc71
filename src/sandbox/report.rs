//! What the sandbox saw, for those who must judge a client: its calls and contacts, who was booked
//! twice, and how hard each endpoint was pressed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::limits::{Limiter, most_in_any_window};
use super::state::{Call, Contact, State, phone_digits};

/// Everything seen since the start or the last reset. It holds what callers sent as personal data,
/// so it has no `Debug`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Every call in the order of booking, cancelled ones too.
    pub calls: Vec<ReportedCall>,
    /// Every contact in the order of making.
    pub contacts: Vec<ReportedContact>,
    /// Who holds more than one call that is not cancelled, by event. Empty when a client did its
    /// duty.
    pub double_booked: Vec<DoubleBooking>,
    /// By `METHOD /path`, those that were asked at least once.
    pub endpoints: BTreeMap<String, EndpointReport>,
    /// When the first call was booked.
    pub first_booking_at: Option<Timestamp>,
    /// When the last call was booked.
    pub last_booking_at: Option<Timestamp>,
}

/// One call.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedCall {
    /// The call's id.
    pub id: i64,
    /// The event's link, `user/event`.
    pub link_prefix: String,
    /// The invitee's address.
    pub email: Option<String>,
    /// The invitee's number.
    pub phone: Option<String>,
    /// Start of the call.
    #[serde(rename = "dateTimeUTC")]
    pub date_time_utc: Timestamp,
    /// The invitee's zone, as sent.
    pub time_zone: String,
    /// The contact's id.
    pub contact_id: i64,
    /// When it was booked.
    pub created_at: Timestamp,
    /// Whether it was cancelled since.
    pub cancelled: bool,
    /// Who takes the call.
    pub host_id: i64,
}

/// One contact.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedContact {
    /// The contact's id.
    pub id: i64,
    /// Address.
    pub email: Option<String>,
    /// Number.
    pub phone: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// `POTENTIAL`, or as it was set, or `STRATEGY_CALL_BOOKED`.
    pub status: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// One person with too many calls. A person of both address and number may be here by each.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DoubleBooking {
    /// The event's link.
    pub link_prefix: String,
    /// The address in lower case, or the digits of the number.
    pub identity: String,
    /// How many calls, at least 2.
    pub count: usize,
}

/// How one endpoint was asked. Several keys are several accounts, each with its own limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointReport {
    /// All requests, those with a bad key too.
    pub requests: u64,
    /// Requests within the limit.
    pub admitted: u64,
    /// Requests answered 429, by the limit or by a fault.
    pub limited: u64,
    /// The most requests of one account, admitted or limited, that arrived in any stretch as long
    /// as the window.
    pub most_in_any_window: usize,
    /// Arrival of the first request.
    pub first_at: Timestamp,
    /// Arrival of the last request.
    pub last_at: Timestamp,
}

/// What is kept of one account's requests to one endpoint.
pub(super) struct Traffic {
    pub(super) limiter: Limiter,
    pub(super) requests: u64,
    pub(super) limited: u64,
    /// Arrival of every request with a good key, in order.
    pub(super) arrivals: Vec<Instant>,
    pub(super) first_at: Timestamp,
    pub(super) last_at: Timestamp,
}

impl Traffic {
    pub(super) fn new(limiter: Limiter, now: Timestamp) -> Self {
        Self {
            limiter,
            requests: 0,
            limited: 0,
            arrivals: Vec::new(),
            first_at: now,
            last_at: now,
        }
    }
}

/// Adds the accounts of each endpoint up.
pub(super) fn of_endpoints<'a>(
    traffic: impl Iterator<Item = (&'a str, &'a Traffic)>,
    window: Duration,
) -> BTreeMap<String, EndpointReport> {
    let mut endpoints: BTreeMap<String, EndpointReport> = BTreeMap::new();
    for (endpoint, seen) in traffic {
        let sum = endpoints
            .entry(endpoint.to_owned())
            .or_insert(EndpointReport {
                requests: 0,
                admitted: 0,
                limited: 0,
                most_in_any_window: 0,
                first_at: seen.first_at,
                last_at: seen.last_at,
            });
        sum.requests += seen.requests;
        sum.limited += seen.limited;
        sum.admitted += (seen.arrivals.len() as u64).saturating_sub(seen.limited);
        let most = most_in_any_window(&seen.arrivals, window);
        sum.most_in_any_window = sum.most_in_any_window.max(most);
        sum.first_at = sum.first_at.min(seen.first_at);
        sum.last_at = sum.last_at.max(seen.last_at);
    }
    endpoints
}

pub(super) fn of(state: &State, endpoints: BTreeMap<String, EndpointReport>) -> Report {
    let booked_at = || state.calls.iter().map(|call| call.created_at);
    Report {
        calls: state.calls.iter().map(call).collect(),
        contacts: state.contacts.iter().map(contact).collect(),
        double_booked: double_booked(&state.calls),
        endpoints,
        first_booking_at: booked_at().min(),
        last_booking_at: booked_at().max(),
    }
}

fn call(call: &Call) -> ReportedCall {
    ReportedCall {
        id: call.id,
        link_prefix: call.link_prefix.clone(),
        email: call.invitee.email.clone(),
        phone: call.invitee.phone.clone(),
        date_time_utc: call.at,
        time_zone: call.zone_name.clone(),
        contact_id: call.contact_id,
        created_at: call.created_at,
        cancelled: call.cancelled_at.is_some(),
        host_id: call.host_id,
    }
}

fn contact(contact: &Contact) -> ReportedContact {
    ReportedContact {
        id: contact.id,
        email: contact.person.email.clone(),
        phone: contact.person.phone.clone(),
        first_name: contact.person.first_name.clone(),
        last_name: contact.person.last_name.clone(),
        status: contact.status.clone(),
        created_at: contact.created_at,
    }
}

fn double_booked(calls: &[Call]) -> Vec<DoubleBooking> {
    let mut held: BTreeMap<(String, String), usize> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.cancelled_at.is_none()) {
        let email = call
            .invitee
            .email
            .as_ref()
            .map(|email| email.to_lowercase());
        let phone = call.invitee.phone.as_deref().map(phone_digits);
        for identity in email.into_iter().chain(phone) {
            *held
                .entry((call.link_prefix.clone(), identity))
                .or_default() += 1;
        }
    }
    let double = held.into_iter().filter(|(_, count)| *count > 1);
    let double = double.map(|((link_prefix, identity), count)| DoubleBooking {
        link_prefix,
        identity,
        count,
    });
    double.collect()
}
