//! From what was typed to a lead: everything that can be told without asking anybody.

use jiff::Timestamp;

use super::draft::Draft;
use super::fault::Fault;
use super::person::Hasher;
use crate::lead::email::{self, Email};
use crate::lead::phone::{Phone, PhoneFault};
use crate::lead::zone::{self, InstantFault};
use crate::lead::{
    Contact, Guest, Lead, LeadId, Progress, Sender, SlotPolicy, Status, country, name, tracking,
};
use crate::queue::Digest;
use crate::settings::Source;

/// The facts around a delivery.
#[derive(Clone)]
pub struct Circumstances<'a> {
    /// The source it came by.
    pub source: &'a Source,
    /// What the request's headers say.
    pub sender: Sender,
    /// The page that sent the request, by its `Referer` header.
    pub referer: Option<&'a str>,
    /// By the store's clock.
    pub now: Timestamp,
    /// The request's trace.
    pub trace: Option<String>,
    /// The lead's new name.
    pub id: LeadId,
    /// The body as it arrived.
    pub raw: String,
}

/// A lead and the digests of its person.
pub struct Enriched {
    /// Ready to be kept.
    pub lead: Lead,
    /// Who it is.
    pub person: Vec<Digest>,
}

/// Makes the lead, or says everything that stands against it.
///
/// # Errors
/// Every fault of the values; those of types and lengths were found when the draft was read.
pub fn enrich(
    draft: Draft,
    around: Circumstances<'_>,
    hasher: &Hasher,
) -> Result<Enriched, Vec<Fault>> {
    let source = around.source;
    let mut faults = Vec::new();
    let country = draft
        .country
        .as_deref()
        .map(|typed| country::country_code(typed).unwrap_or_else(|| typed.to_owned()));
    let email = draft
        .email
        .as_deref()
        .and_then(|typed| read_email(typed, &mut faults));
    let phone = draft.phone_number.as_deref().and_then(|typed| {
        read_phone(
            typed,
            country.as_deref(),
            source.default_region.as_deref(),
            draft.email.is_some(),
            &mut faults,
        )
    });
    let named_zone = draft.time_zone.as_deref().filter(|typed| {
        let known = zone::canonical(typed).is_some();
        if !known {
            faults.push(Fault::new(
                "/timeZone",
                "unknown_time_zone",
                "an IANA name such as Europe/Oslo is wanted",
            ));
        }
        known
    });
    let zone = zone::resolve(
        named_zone,
        phone.as_ref(),
        country.as_deref(),
        source.time_zone.as_deref(),
    );
    let wishes = read_wishes(&draft, named_zone, around.now, &mut faults);
    let slot = read_policy(draft.slot.as_deref(), source.slot, &mut faults);
    let link_prefix = read_event(draft.link_prefix.as_deref(), source, &mut faults);
    let guests = read_guests(draft.additional_guests, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }

    let names = name::fit(
        draft.first_name.as_deref(),
        draft.last_name.as_deref(),
        draft.name.as_deref(),
    );
    let by = source.duplicates;
    let folded = email.as_ref().filter(|_| by.by_email).map(Email::fold);
    let number = phone
        .as_ref()
        .filter(|_| by.by_phone)
        .map(|phone| phone.e164.as_str());
    let person = if by.window_days == 0 {
        Vec::new()
    } else {
        hasher.person(&source.account, &link_prefix, folded.as_deref(), number)
    };
    let (time_zone, time_zone_from) = zone.unzip();
    let referrer = draft.referrer_url.as_deref().or(around.referer);
    let contact = Contact {
        email_kind: email.as_ref().map(email::kind),
        email_hint: email.as_ref().and_then(email::typo_hint),
        email: email.map(|email| email.typed().to_owned()),
        country: country.or_else(|| phone.as_ref().and_then(|phone| phone.region.clone())),
        phone_number: phone.map(|phone| phone.e164),
        phone_typed: draft.phone_number,
        first_name: names.first,
        last_name: names.last,
        name: names.whole,
        company: draft.company,
        job_title: draft.job_title,
        city: draft.city,
        region: draft.region,
        postal_code: draft.postal_code,
        time_zone,
        time_zone_from,
    };
    let lead = Lead {
        id: around.id,
        account: source.account.clone(),
        source: source.name.clone(),
        link_prefix,
        event_id: source.event_id,
        lane: source.lane,
        test: false,
        received_at: around.now,
        status: Status::Queued,
        reason: None,
        duplicate_of: None,
        platform_id: None,
        tracking: tracking::collect(&draft.marks, draft.landing_url.as_deref(), referrer),
        contact,
        wishes,
        slot,
        answers: draft.answers,
        additional_guests: guests,
        sender: around.sender,
        consent: draft.consent,
        metadata: draft.metadata,
        extra: draft.extra,
        progress: Progress::default(),
        booking: None,
        alternatives: Vec::new(),
        timeline: Vec::new(),
        trace: around.trace,
        to_fetch: None,
        raw: around.raw,
    };
    Ok(Enriched { lead, person })
}

fn read_email(typed: &str, faults: &mut Vec<Fault>) -> Option<Email> {
    Email::parse(typed)
        .map_err(|fault| faults.push(Fault::new("/email", "invalid_email", fault.detail())))
        .ok()
}

/// The guests with the addresses that are sent on.
fn read_guests(typed: Vec<(usize, Guest)>, faults: &mut Vec<Fault>) -> Vec<Guest> {
    let mut guests = Vec::new();
    for (index, guest) in typed {
        match Email::parse(&guest.email) {
            Ok(email) => guests.push(Guest {
                email: email.typed().to_owned(),
                ..guest
            }),
            Err(_) => faults.push(Fault::new(
                format!("/additionalGuests/{index}"),
                "invalid_guest",
                "a guest needs a valid email address",
            )),
        }
    }
    guests
}

/// A number that cannot be read is a fault only when it is all there is: with an email address the lead can be
/// booked, and what was typed is kept for whoever calls.
fn read_phone(
    typed: &str,
    country: Option<&str>,
    default_region: Option<&str>,
    has_email: bool,
    faults: &mut Vec<Fault>,
) -> Option<Phone> {
    match Phone::parse(typed, country, default_region) {
        Ok(phone) => Some(phone),
        Err(PhoneFault::NeedsRegion) if has_email => None,
        Err(fault) => {
            let code = if fault == PhoneFault::NeedsRegion {
                "unknown_region"
            } else {
                "invalid_phone"
            };
            faults.push(Fault::new("/phoneNumber", code, fault.detail()));
            None
        }
    }
}

/// The wished instants, the dearest first, without repeats; what is wrong with them is added to `faults`.
pub fn read_wishes(
    draft: &Draft,
    zone: Option<&str>,
    now: Timestamp,
    faults: &mut Vec<Fault>,
) -> Vec<Timestamp> {
    let first = draft
        .date_time
        .iter()
        .map(|text| ("/dateTime".to_owned(), text));
    let more = draft
        .wishes
        .iter()
        .map(|(index, text)| (format!("/wishes/{index}"), text));
    let mut wishes = Vec::new();
    for (pointer, text) in first.chain(more) {
        match read_instant(&pointer, text, zone, now) {
            Ok(at) if !wishes.contains(&at) => wishes.push(at),
            Ok(_) => {}
            Err(fault) => faults.push(fault),
        }
    }
    wishes
}

fn read_instant(
    pointer: &str,
    text: &str,
    zone: Option<&str>,
    now: Timestamp,
) -> Result<Timestamp, Fault> {
    match zone::parse_instant(text, zone) {
        Ok(at) if at > now => Ok(at),
        Ok(_) => Err(Fault::new(pointer, "time_in_past", "this time is over")),
        Err(fault @ InstantFault::NoOffset) => {
            Err(Fault::new(pointer, "time_without_offset", fault.detail()))
        }
        Err(fault) => Err(Fault::new(pointer, "invalid_time", fault.detail())),
    }
}

fn read_policy(named: Option<&str>, usual: SlotPolicy, faults: &mut Vec<Fault>) -> SlotPolicy {
    match named {
        None => usual,
        Some("exact") => SlotPolicy::Exact,
        Some("nearest") => SlotPolicy::Nearest,
        Some("earliest") => SlotPolicy::Earliest,
        Some(_) => {
            faults.push(Fault::new(
                "/slot",
                "invalid_slot_policy",
                "one of exact, nearest and earliest is wanted",
            ));
            usual
        }
    }
}

fn read_event(named: Option<&str>, source: &Source, faults: &mut Vec<Fault>) -> String {
    match event_allowed(named, source) {
        Ok(event) => event,
        Err(fault) => {
            faults.push(fault);
            source.link_prefix.clone()
        }
    }
}

/// The event a caller may ask for: the source's own, or one it lists.
///
/// # Errors
/// The fault, at `/linkPrefix`.
pub fn event_allowed(named: Option<&str>, source: &Source) -> Result<String, Fault> {
    match named.map(|named| named.trim().trim_matches('/')) {
        None => Ok(source.link_prefix.clone()),
        Some(named)
            if named == source.link_prefix
                || source.allowed_events.iter().any(|event| event == named) =>
        {
            Ok(named.to_owned())
        }
        Some(_) => Err(Fault::new(
            "/linkPrefix",
            "event_not_allowed",
            "this source does not book this event",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(index: usize, email: &str) -> (usize, Guest) {
        let guest = Guest {
            email: email.to_owned(),
            name: Some("Ida".to_owned()),
        };
        (index, guest)
    }

    #[test]
    fn a_guests_address_is_sent_on_as_iclosed_takes_it() {
        for (typed, sent_on) in [
            ("ida@lead.example", Some("ida@lead.example")),
            (" mailto:Ida@lead.example ", Some("Ida@lead.example")),
            ("<ida@bücher.example>", Some("ida@xn--bcher-kva.example")),
            ("ida", None),
        ] {
            let mut faults = Vec::new();
            let guests = read_guests(vec![guest(3, typed)], &mut faults);
            let read = guests.first().map(|guest| guest.email.as_str());
            assert_eq!(read, sent_on, "{typed}");
            let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
            let wanted = if sent_on.is_none() {
                &["/additionalGuests/3"][..]
            } else {
                &[]
            };
            assert_eq!(pointers, wanted, "{typed}");
        }
    }
}
