//! One lead as the operator sees it: everything that is known, and what to do next. Every field is there, with null
//! for what is not known, and every id is text.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::api::state::BookingState;
use crate::lead::zone::Origin;
use crate::lead::{
    Answer, Contact, Event, Guest, Lane, LeadId, Reason, Sender, SlotPolicy, Status, Step,
    Tracking, email,
};
use crate::queue::{Stored, Waits};

/// The full record.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record<'a> {
    lead_id: LeadId,
    source: &'a str,
    account: &'a str,
    status: Status,
    reason: Option<ReasonRecord<'a>>,
    duplicate_of: Option<LeadId>,
    test: bool,
    received_at: Timestamp,
    waits: Option<WaitsRecord>,
    lane: Lane,
    link_prefix: &'a str,
    event_id: Option<String>,
    platform_id: Option<&'a str>,
    contact: ContactRecord<'a>,
    answers: &'a [Answer],
    wishes: &'a [Timestamp],
    slot: SlotPolicy,
    additional_guests: &'a [Guest],
    tracking: &'a Tracking,
    sender: &'a Sender,
    consent: Option<&'a Value>,
    metadata: Option<&'a Value>,
    extra: &'a Map<String, Value>,
    attempts: u32,
    contact_id: Option<String>,
    booking: Option<BookingState>,
    alternatives: &'a [Timestamp],
    timeline: Vec<EventRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReasonRecord<'a> {
    code: &'static str,
    detail: &'a str,
    next_step: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WaitsRecord {
    step: Step,
    due_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContactRecord<'a> {
    email: Option<&'a str>,
    email_kind: Option<email::Kind>,
    email_hint: Option<&'a str>,
    phone_number: Option<&'a str>,
    phone_typed: Option<&'a str>,
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    name: Option<&'a str>,
    company: Option<&'a str>,
    job_title: Option<&'a str>,
    city: Option<&'a str>,
    region: Option<&'a str>,
    country: Option<&'a str>,
    postal_code: Option<&'a str>,
    time_zone: Option<&'a str>,
    time_zone_from: Option<Origin>,
}

#[derive(Serialize)]
struct EventRecord<'a> {
    at: Timestamp,
    step: &'a str,
    outcome: &'a str,
    detail: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// Everything.
    pub fn whole(stored: &'a Stored) -> Self {
        Self {
            raw: Some(&stored.lead.raw),
            ..Self::without_raw(stored)
        }
    }

    /// Everything but the delivery as it arrived.
    pub fn without_raw(stored: &'a Stored) -> Self {
        let lead = &stored.lead;
        Self {
            lead_id: lead.id,
            source: &lead.source,
            account: &lead.account,
            status: lead.status,
            reason: lead.reason.as_ref().map(ReasonRecord::of),
            duplicate_of: lead.duplicate_of,
            test: lead.test,
            received_at: lead.received_at,
            waits: stored.waits.map(WaitsRecord::of),
            lane: lead.lane,
            link_prefix: &lead.link_prefix,
            event_id: lead.event_id.map(|id| id.to_string()),
            platform_id: lead.platform_id.as_deref(),
            contact: ContactRecord::of(&lead.contact),
            answers: &lead.answers,
            wishes: &lead.wishes,
            slot: lead.slot,
            additional_guests: &lead.additional_guests,
            tracking: &lead.tracking,
            sender: &lead.sender,
            consent: lead.consent.as_ref(),
            metadata: lead.metadata.as_ref(),
            extra: &lead.extra,
            attempts: lead.progress.attempts,
            contact_id: lead.progress.contact_id.map(|id| id.to_string()),
            booking: lead.booking.as_ref().map(BookingState::of),
            alternatives: &lead.alternatives,
            timeline: lead.timeline.iter().map(EventRecord::of).collect(),
            raw: None,
        }
    }
}

impl<'a> ReasonRecord<'a> {
    fn of(reason: &'a Reason) -> Self {
        Self {
            code: reason.code.as_str(),
            detail: &reason.detail,
            next_step: reason.code.next_step(),
        }
    }
}

impl WaitsRecord {
    fn of(waits: Waits) -> Self {
        Self {
            step: waits.step,
            due_at: waits.due_at,
        }
    }
}

impl<'a> ContactRecord<'a> {
    fn of(contact: &'a Contact) -> Self {
        Self {
            email: contact.email.as_deref(),
            email_kind: contact.email_kind,
            email_hint: contact.email_hint.as_deref(),
            phone_number: contact.phone_number.as_deref(),
            phone_typed: contact.phone_typed.as_deref(),
            first_name: contact.first_name.as_deref(),
            last_name: contact.last_name.as_deref(),
            name: contact.name.as_deref(),
            company: contact.company.as_deref(),
            job_title: contact.job_title.as_deref(),
            city: contact.city.as_deref(),
            region: contact.region.as_deref(),
            country: contact.country.as_deref(),
            postal_code: contact.postal_code.as_deref(),
            time_zone: contact.time_zone.as_deref(),
            time_zone_from: contact.time_zone_from,
        }
    }
}

impl<'a> EventRecord<'a> {
    fn of(event: &'a Event) -> Self {
        Self {
            at: event.at,
            step: &event.step,
            outcome: &event.outcome,
            detail: event.detail.as_deref(),
        }
    }
}
