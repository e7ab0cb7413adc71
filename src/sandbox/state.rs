//! What the pretend iClosed holds: events, hosts, seats, calls, contacts. Only what must stay true
//! together is here; each route's own rules are in its file.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::answer::Refusal;
use super::slots::Hours;
use super::{EventChange, EventOptions};

/// A person who takes calls.
pub(super) struct Host {
    pub(super) id: i64,
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) email: String,
}

/// A kind of call that can be booked.
pub(super) struct Event {
    pub(super) id: i64,
    pub(super) link_prefix: String,
    pub(super) name: String,
    pub(super) host_ids: Vec<i64>,
    pub(super) zone_name: String,
    pub(super) hours: Hours,
    pub(super) is_active: bool,
    pub(super) disqualify_answer: Option<(String, String)>,
    /// Instants offered instead of the hours, one seat each.
    pub(super) listed: Option<BTreeSet<Timestamp>>,
}

impl Event {
    /// Every future instant on offer, taken or not, in order.
    pub(super) fn grid(&self, now: Timestamp) -> Vec<Timestamp> {
        match &self.listed {
            Some(listed) => listed.iter().copied().filter(|at| *at > now).collect(),
            None => self.hours.grid(now),
        }
    }

    /// The hosts who can hold a seat, of those in `only`.
    pub(super) fn seats(&self, only: Option<&[i64]>) -> impl Iterator<Item = i64> {
        let most = if self.listed.is_some() { 1 } else { usize::MAX };
        let hosts = self.host_ids.iter().copied().take(most);
        hosts.filter(move |id| only.is_none_or(|only| only.contains(id)))
    }

    /// Whether these answers, question and texts, disqualify the invitee.
    pub(super) fn disqualifies(&self, answers: &[(String, Vec<String>)]) -> bool {
        self.disqualify_answer
            .as_ref()
            .is_some_and(|(question, fatal)| {
                let mut fitting = answers.iter().filter(|(asked, _)| asked == question);
                fitting.any(|(_, texts)| texts.contains(fatal))
            })
    }
}

/// A booked call.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) id: i64,
    pub(super) event_id: i64,
    pub(super) link_prefix: String,
    pub(super) event_name: String,
    pub(super) minutes: u32,
    pub(super) contact_id: i64,
    pub(super) host_id: i64,
    pub(super) at: Timestamp,
    pub(super) zone_name: String,
    pub(super) invitee: Person,
    pub(super) answers: Vec<(String, Vec<String>)>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) cancel_reason: Option<String>,
    pub(super) cancelled_at: Option<Timestamp>,
    pub(super) reschedule_reason: Option<String>,
    pub(super) is_rescheduled: bool,
    /// What its host noted after it.
    pub(super) outcome: Option<String>,
}

/// Who a lead is, as far as it was told.
#[derive(Clone, Default)]
pub(super) struct Person {
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
}

impl Person {
    pub(super) fn full_name(&self) -> String {
        let names = [self.first_name.as_deref(), self.last_name.as_deref()];
        names.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// Takes what `other` knows and leaves the rest.
    pub(super) fn update(&mut self, other: Self) {
        self.first_name = other.first_name.or(self.first_name.take());
        self.last_name = other.last_name.or(self.last_name.take());
        self.email = other.email.or(self.email.take());
        self.phone = other.phone.or(self.phone.take());
    }

    /// Whether name, address or number holds `needle`: text without regard to case, digits without
    /// regard to signs.
    pub(super) fn matches(&self, needle: &str) -> bool {
        let digits = phone_digits(needle);
        let is_number = !digits.is_empty() && !needle.contains(char::is_alphabetic);
        let needle = needle.to_lowercase();
        let held = |text: &str| text.to_lowercase().contains(&needle);
        held(&self.full_name())
            || self.email.as_deref().is_some_and(held)
            || is_number
                && self
                    .phone
                    .as_deref()
                    .is_some_and(|phone| phone_digits(phone).contains(&digits))
    }
}

/// The digits of a number, for comparing.
pub(super) fn phone_digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// A person in the CRM.
#[derive(Clone)]
pub(super) struct Contact {
    pub(super) id: i64,
    pub(super) person: Person,
    pub(super) secondary_email: Option<String>,
    pub(super) secondary_phone: Option<String>,
    pub(super) status: String,
    pub(super) link_prefix: Option<String>,
    pub(super) utm: Option<String>,
    pub(super) country: Option<String>,
    pub(super) zone_name: Option<String>,
    pub(super) ip_address: Option<String>,
    pub(super) referrer_url: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) joined_at: Timestamp,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

/// Everything held.
#[derive(Default)]
pub(super) struct State {
    pub(super) events: Vec<Event>,
    /// Everyone who is or was a host.
    pub(super) hosts: Vec<Host>,
    pub(super) calls: Vec<Call>,
    pub(super) contacts: Vec<Contact>,
    /// Hosts who are busy, by event and instant: with our calls or with strangers.
    busy: BTreeMap<(i64, Timestamp), BTreeSet<i64>>,
}

const FIRST_EVENT: i64 = 777;
const FIRST_HOST: i64 = 40_117;
const FIRST_CALL: i64 = 1_900_321;
const FIRST_CONTACT: i64 = 4_600_012;

impl State {
    /// The start: events without calls. An event's zone that does not exist is taken as UTC.
    pub(super) fn new(events: &[EventOptions]) -> Self {
        let mut state = Self::default();
        for (id, options) in (FIRST_EVENT..).zip(events) {
            let host_ids = state.employ(&options.hosts);
            state.events.push(Event {
                id,
                link_prefix: options.link_prefix.clone(),
                name: options.name.clone(),
                host_ids,
                zone_name: options.event_zone.clone(),
                hours: Hours {
                    zone: TimeZone::get(&options.event_zone).unwrap_or(TimeZone::UTC),
                    open_hour: options.open_hour,
                    close_hour: options.close_hour,
                    slot_minutes: options.slot_minutes,
                    days: options.days,
                },
                is_active: options.activated,
                disqualify_answer: options.disqualify_answer.clone(),
                listed: options
                    .slots
                    .as_ref()
                    .map(|slots| slots.iter().copied().collect()),
            });
        }
        state
    }

    fn employ(&mut self, names: &[String]) -> Vec<i64> {
        let mut ids = Vec::new();
        for name in names {
            let id = FIRST_HOST + self.hosts.len() as i64;
            let (first, last) = name.split_once(' ').unwrap_or((name, ""));
            self.hosts.push(Host {
                id,
                first_name: first.to_owned(),
                last_name: last.to_owned(),
                email: format!("host{id}@hosts.example"),
            });
            ids.push(id);
        }
        ids
    }

    /// False when there is no such event.
    pub(super) fn change(&mut self, change: EventChange) -> bool {
        let wanted = |event: &Event| event.link_prefix == change.link_prefix;
        let Some(index) = self.events.iter().position(wanted) else {
            return false;
        };
        let host_ids = change.hosts.as_deref().map(|names| self.employ(names));
        let event = &mut self.events[index];
        event.is_active = change.activated.unwrap_or(event.is_active);
        if let Some(host_ids) = host_ids {
            event.host_ids = host_ids;
        }
        if let Some(slots) = change.slots {
            event.listed = Some(slots.into_iter().collect());
        }
        true
    }

    /// The event named by either or both, whether active or not.
    pub(super) fn event(&self, id: Option<i64>, link: Option<&str>) -> Result<&Event, Refusal> {
        let named = |event: &&Event| {
            id.is_none_or(|id| event.id == id) && link.is_none_or(|link| event.link_prefix == link)
        };
        let found = self.events.iter().find(named);
        found.ok_or_else(|| Refusal::plain(404, "Event not found", "EVENT_NOT_FOUND"))
    }

    /// The same, for a request that only an active event can grant.
    pub(super) fn active_event(
        &self,
        id: Option<i64>,
        link: Option<&str>,
    ) -> Result<&Event, Refusal> {
        let event = self.event(id, link)?;
        if event.is_active {
            Ok(event)
        } else {
            Err(Refusal::plain(
                400,
                "Event is deactivated",
                "EVENT_DEACTIVATED",
            ))
        }
    }

    pub(super) fn host(&self, id: i64) -> Option<&Host> {
        self.hosts.iter().find(|host| host.id == id)
    }

    pub(super) fn contact_mut(&mut self, id: i64) -> Result<&mut Contact, Refusal> {
        let found = self.contacts.iter_mut().find(|contact| contact.id == id);
        found.ok_or_else(|| Refusal::plain(404, "Contact not found", "CONTACT_NOT_FOUND"))
    }

    pub(super) fn call_mut(&mut self, id: i64) -> Result<&mut Call, Refusal> {
        let found = self.calls.iter_mut().find(|call| call.id == id);
        found.ok_or_else(|| Refusal::plain(404, "Event call not found", "EVENT_CALL_NOT_FOUND"))
    }

    pub(super) fn next_call_id(&self) -> i64 {
        FIRST_CALL + self.calls.len() as i64
    }

    pub(super) fn next_contact_id(&self) -> i64 {
        FIRST_CONTACT + self.contacts.len() as i64
    }

    /// A host, of those in `only`, who is free at that instant.
    pub(super) fn free_host(
        &self,
        event: &Event,
        at: Timestamp,
        only: Option<&[i64]>,
    ) -> Option<i64> {
        let busy = self.busy.get(&(event.id, at));
        let is_free = |id: &i64| busy.is_none_or(|busy| !busy.contains(id));
        event.seats(only).find(is_free)
    }

    /// The host who will hold a call at an instant on offer.
    pub(super) fn seat_for(
        &self,
        event: &Event,
        at: Timestamp,
        only: Option<&[i64]>,
        now: Timestamp,
    ) -> Result<i64, Refusal> {
        let message = "Selected slot is no longer available";
        let is_offered = event.grid(now).binary_search(&at).is_ok();
        let host = self.free_host(event, at, only).filter(|_| is_offered);
        host.ok_or_else(|| Refusal::plain(400, message, "SLOT_NOT_AVAILABLE"))
    }

    pub(super) fn occupy(&mut self, event_id: i64, at: Timestamp, host_id: i64) {
        self.busy.entry((event_id, at)).or_default().insert(host_id);
    }

    pub(super) fn release(&mut self, event_id: i64, at: Timestamp, host_id: i64) {
        if let Some(busy) = self.busy.get_mut(&(event_id, at)) {
            busy.remove(&host_id);
        }
    }

    /// Strangers take every seat that is left at that instant.
    pub(super) fn crowd_out(&mut self, event_id: i64, at: Timestamp) {
        let event = self.events.iter().find(|event| event.id == event_id);
        let hosts = event.map(|event| event.host_ids.clone());
        let busy = self.busy.entry((event_id, at)).or_default();
        busy.extend(hosts.into_iter().flatten());
    }
}
