//! Contacts: creating, changing, listing, one in detail, and finding the one a booking is for.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal, Request, preview_id, utc};
use super::listing::{Order, Paging, holds, within};
use super::state::{Call, Contact, Person, State, phone_digits};
use super::validate::{self as rule, Fields};

/// What a caller may set; booking sets others.
const STATUSES: [&str; 3] = ["POTENTIAL", "QUALIFIED", "DISQUALIFIED"];

/// `POST /v1/contacts`. Always makes a new one: whether the vendor joins by email is not settled,
/// so a caller must look first.
pub(super) fn create(
    state: &mut State,
    request: &Request,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let known = [
        "firstName",
        "lastName",
        "email",
        "phoneNumber",
        "status",
        "tag",
        "joinedTime",
        "linkPrefix",
        "utm",
        "country",
        "timeZone",
        "ipAddress",
        "referrerUrl",
    ];
    let mut fields = Fields::of_body(&request.body, &known)?;
    let contact = Contact {
        id: state.next_contact_id(),
        person: person(&mut fields),
        secondary_email: None,
        secondary_phone: None,
        status: fields
            .optional("status", rule::word(&STATUSES))
            .unwrap_or_else(|| STATUSES[0].to_owned()),
        link_prefix: fields.optional("linkPrefix", rule::filled),
        utm: fields.optional("utm", rule::text),
        country: fields.optional("country", rule::text),
        zone_name: fields
            .optional("timeZone", rule::zone)
            .map(|(name, _)| name),
        ip_address: fields.optional("ipAddress", rule::text),
        referrer_url: fields.optional("referrerUrl", rule::text),
        tag: fields.optional("tag", rule::text_of(100)),
        joined_at: fields.optional("joinedTime", rule::instant).unwrap_or(now),
        created_at: now,
        updated_at: now,
    };
    fields.finish()?;
    if let Some(link) = &contact.link_prefix {
        state.event(None, Some(link))?;
    }
    let body = json!({ "data": { "contact": view(&contact) } });
    state.contacts.push(contact);
    Ok(Answer::new(201, body))
}

fn person(fields: &mut Fields) -> Person {
    Person {
        first_name: fields.optional("firstName", rule::name),
        last_name: fields.optional("lastName", rule::name),
        email: fields.optional("email", rule::email),
        phone: fields.optional("phoneNumber", rule::phone),
    }
}

/// `PUT /v1/contacts`.
pub(super) fn update(
    state: &mut State,
    request: &Request,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let known = [
        "id",
        "firstName",
        "lastName",
        "email",
        "secondary_email",
        "phoneNumber",
        "secondary_phoneNumber",
        "status",
        "referrerUrl",
    ];
    let mut fields = Fields::of_body(&request.body, &known)?;
    let id = fields.required("id", rule::integer);
    let person = person(&mut fields);
    let secondary_email = fields.optional("secondary_email", rule::email);
    let secondary_phone = fields.optional("secondary_phoneNumber", rule::phone);
    let status = fields.optional("status", rule::word(&STATUSES));
    let referrer_url = fields.optional("referrerUrl", rule::text);
    let id = fields.finish_with(id)?;

    let contact = state.contact_mut(id)?;
    contact.person.update(person);
    contact.secondary_email = secondary_email.or(contact.secondary_email.take());
    contact.secondary_phone = secondary_phone.or(contact.secondary_phone.take());
    contact.referrer_url = referrer_url.or(contact.referrer_url.take());
    if let Some(status) = status {
        contact.status = status;
    }
    contact.updated_at = now;
    Ok(Answer::new(
        200,
        json!({ "data": { "contact": view(contact) } }),
    ))
}

/// `GET /v1/contacts`. A `timeFrom` or `timeTo` without a time of day finds nothing, as at the
/// vendor.
pub(super) fn list(state: &State, request: &Request) -> Result<Answer, Refusal> {
    let known = [
        "userId",
        "statuses",
        "eventIds",
        "search",
        "limit",
        "page",
        "timeFrom",
        "timeTo",
        "orderColumn",
        "orderBy",
    ];
    let columns = [
        "id",
        "createdAt",
        "updatedAt",
        "joinedTime",
        "firstName",
        "lastName",
        "email",
    ];
    let mut fields = Fields::of_query(&request.query, &known)?;
    let statuses = fields.optional("statuses", rule::text);
    let events = fields.optional("eventIds", rule::ids);
    let search = fields.optional("search", rule::text);
    let from = fields.optional("timeFrom", rule::text);
    let to = fields.optional("timeTo", rule::text);
    let order = Order::of(&mut fields, &columns);
    let paging = Paging::of(&mut fields);
    fields.finish()?;

    let bounds = [from, to].map(|bound| bound.map(|text| rule::instant(&text.into())));
    let is_readable = !bounds.iter().flatten().any(Result::is_err);
    let [from, to] = bounds.map(|bound| bound.and_then(Result::ok));
    let statuses = statuses.map(|list| list.split(',').map(str::to_owned).collect());
    let is_wanted = |contact: &&Contact| {
        is_readable
            && holds(&statuses, &contact.status)
            && events
                .as_deref()
                .is_none_or(|ids| calls_of(state, contact).any(|call| ids.contains(&call.event_id)))
            && search
                .as_deref()
                .is_none_or(|text| contact.person.matches(text))
            && within(contact.joined_at, from, to)
    };
    let mut found: Vec<&Contact> = state.contacts.iter().filter(is_wanted).collect();
    found.sort_by(|a, b| {
        let (one, other) = (&a.person, &b.person);
        let by_column = match order.column() {
            "createdAt" => a.created_at.cmp(&b.created_at),
            "updatedAt" => a.updated_at.cmp(&b.updated_at),
            "joinedTime" => a.joined_at.cmp(&b.joined_at),
            "firstName" => one.first_name.cmp(&other.first_name),
            "lastName" => one.last_name.cmp(&other.last_name),
            "email" => one.email.cmp(&other.email),
            _ => a.id.cmp(&b.id),
        };
        order.apply(by_column)
    });
    let page = paging
        .cut(&found)
        .iter()
        .map(|contact| with_events(state, contact));
    let page: Vec<Value> = page.collect();
    Ok(Answer::new(
        200,
        json!({ "data": { "count": found.len(), "contacts": page } }),
    ))
}

/// `GET /v1/contacts/detail`.
pub(super) fn detail(state: &State, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = Fields::of_query(&request.query, &["contactId", "includeUtms"])?;
    let id = fields.required("contactId", rule::number);
    fields.optional("includeUtms", rule::word(&["true", "false"]));
    let id = fields.finish_with(id)?;
    let contact = state.contacts.iter().find(|contact| contact.id == id);
    let Some(contact) = contact else {
        return Err(Refusal::plain(
            404,
            "Contact not found",
            "CONTACT_NOT_FOUND",
        ));
    };
    let mut data = with_events(state, contact);
    data["CustomFieldAssociation"] = json!([]);
    Ok(Answer::new(200, json!({ "data": data })))
}

fn calls_of<'a>(state: &'a State, contact: &Contact) -> impl Iterator<Item = &'a Call> {
    let id = contact.id;
    state.calls.iter().filter(move |call| call.contact_id == id)
}

fn with_events(state: &State, contact: &Contact) -> Value {
    let events = calls_of(state, contact).map(|call| json!({ "name": call.event_name }));
    let mut item = view(contact);
    item["ContactEvents"] = events.collect();
    item
}

fn view(contact: &Contact) -> Value {
    json!({
        "id": contact.id,
        "accountId": 31,
        "userId": null,
        "email": contact.person.email,
        "secondary_email": contact.secondary_email,
        "firstName": contact.person.first_name,
        "lastName": contact.person.last_name,
        "status": contact.status,
        "phoneNumber": contact.person.phone,
        "secondary_phoneNumber": contact.secondary_phone,
        "previewId": preview_id(contact.id),
        "tagId": null,
        "tag": contact.tag,
        "blockedByRecaptcha": false,
        "joinedTime": utc(contact.joined_at),
        "country": contact.country,
        "timeZone": contact.zone_name,
        "ipAddress": contact.ip_address,
        "blockedId": null,
        "referrerUrl": contact.referrer_url,
        "createdAt": utc(contact.created_at),
        "updatedAt": utc(contact.updated_at),
        "deletedAt": null,
        "tracking": { "utm": contact.utm },
    })
}

impl State {
    /// The contact a booking is for: the one named by id, else the first of the same address, else
    /// of the same number unless addresses differ, else a new one.
    pub(super) fn contact_for_booking(
        &mut self,
        id: Option<i64>,
        call: &Call,
        now: Timestamp,
    ) -> Result<&mut Contact, Refusal> {
        let told = &call.invitee;
        let index = match id {
            Some(id) => {
                let id = self.contact_mut(id)?.id;
                self.contacts.iter().position(|contact| contact.id == id)
            }
            None => self.same_person(told),
        };
        let index = index.unwrap_or_else(|| {
            let id = self.next_contact_id();
            self.contacts.push(Contact {
                id,
                person: Person::default(),
                secondary_email: None,
                secondary_phone: None,
                status: STATUSES[0].to_owned(),
                link_prefix: Some(call.link_prefix.clone()),
                utm: None,
                country: None,
                zone_name: Some(call.zone_name.clone()),
                ip_address: None,
                referrer_url: None,
                tag: None,
                joined_at: now,
                created_at: now,
                updated_at: now,
            });
            self.contacts.len() - 1
        });
        let contact = &mut self.contacts[index];
        contact.person.update(told.clone());
        Ok(contact)
    }

    fn same_person(&self, told: &Person) -> Option<usize> {
        let folded = |email: &Option<String>| email.as_ref().map(|email| email.to_lowercase());
        let digits = |phone: &Option<String>| phone.as_deref().map(phone_digits);
        let by_email = told.email.is_some().then(|| {
            let same = |contact: &Contact| folded(&contact.person.email) == folded(&told.email);
            self.contacts.iter().position(same)
        });
        let by_phone = || {
            let same = |contact: &Contact| {
                digits(&contact.person.phone) == digits(&told.phone)
                    && (told.email.is_none() || contact.person.email.is_none())
            };
            told.phone
                .as_ref()
                .and_then(|_| self.contacts.iter().position(same))
        };
        by_email.flatten().or_else(by_phone)
    }
}
