//! Listing calls: the filters, the order, the pages, and the look of an item with its traps
//! (`email` is the host's).

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal, Request, preview_id, utc, zoneless};
use super::state::{Call, State};
use super::validate::{self as rule, Fields};

/// How many items a page has when the caller does not say.
pub(super) const PAGE: usize = 20;

/// The documented parameters, and two that the vendor was seen to take: `offset` and `previewId`.
/// Those about the location, the setter, the outcome and tracking are taken and filter nothing,
/// since no call here differs in them.
const KNOWN: [&str; 25] = [
    "ids",
    "contactId",
    "eventType",
    "search",
    "dateFrom",
    "dateTo",
    "createdAtStart",
    "createdAtEnd",
    "location",
    "orderColumn",
    "orderBy",
    "limit",
    "page",
    "userIds",
    "setterIds",
    "eventIds",
    "types",
    "inviteeEmails",
    "outcomes",
    "noSaleReason",
    "callTypes",
    "utmKeys",
    "utmValues",
    "offset",
    "previewId",
];

/// `GET /v1/eventCalls`. Answers 201, as the vendor does. Without `types` cancelled calls are
/// listed too.
pub(super) fn list(state: &State, request: &Request, now: Timestamp) -> Result<Answer, Refusal> {
    let mut fields = Fields::of_query(&request.query, &KNOWN)?;
    let ids = fields.optional("ids", rule::ids);
    let contact = fields.optional("contactId", rule::number);
    let timing = fields.optional("eventType", rule::word(&["PAST", "UPCOMING", "ALL"]));
    let search = fields.optional("search", rule::text);
    let from = fields.optional("dateFrom", rule::bound_from);
    let to = fields.optional("dateTo", rule::bound_to);
    let created_from = fields.optional("createdAtStart", rule::bound_from);
    let created_to = fields.optional("createdAtEnd", rule::bound_to);
    let hosts = fields.optional("userIds", rule::ids);
    let events = fields.optional("eventIds", rule::ids);
    let emails = fields.optional("inviteeEmails", rule::text);
    let kinds = ["scheduled_events", "rescheduled_events", "cancelled_events"];
    let types = fields.optional("types", rule::words(&kinds));
    let call_types = ["STRATEGY_EVENT", "DISCOVERY_EVENT"];
    let call_types = fields.optional("callTypes", rule::words(&call_types));
    let order = Order::of(&mut fields, &["createdAt", "dateTime", "updatedAt", "id"]);
    let paging = Paging::of(&mut fields);
    fields.finish()?;

    let emails: Option<Vec<String>> = emails.map(|list| {
        list.split(',')
            .map(|one| one.trim().to_lowercase())
            .collect()
    });
    let is_wanted = |call: &&Call| {
        let email = call
            .invitee
            .email
            .as_deref()
            .unwrap_or_default()
            .to_lowercase();
        holds(&ids, &call.id)
            && contact.is_none_or(|id| call.contact_id == id)
            && match timing.as_deref() {
                Some("PAST") => call.at <= now,
                Some("UPCOMING") => call.at > now,
                _ => true,
            }
            && search
                .as_deref()
                .is_none_or(|search| call.invitee.matches(search))
            && within(call.at, from, to)
            && within(call.created_at, created_from, created_to)
            && holds(&hosts, &call.host_id)
            && holds(&events, &call.event_id)
            && holds(&emails, &email)
            && types
                .as_deref()
                .is_none_or(|types| types.iter().any(|one| one == kind(call)))
            && call_types
                .as_deref()
                .is_none_or(|types| types.iter().any(|one| one == STRATEGY))
    };
    let mut found: Vec<&Call> = state.calls.iter().filter(is_wanted).collect();
    found.sort_by(|a, b| order.apply(compare(a, b, order.column())));
    let count = found.len();
    let items = paging.cut(&found).iter().map(|call| item(state, call, now));
    let items: Vec<Value> = items.collect();
    Ok(Answer::new(
        201,
        json!({ "data": { "eventCalls": items, "count": count } }),
    ))
}

const STRATEGY: &str = "STRATEGY_EVENT";

fn compare(a: &Call, b: &Call, column: &str) -> Ordering {
    let by_column = match column {
        "createdAt" => a.created_at.cmp(&b.created_at),
        "updatedAt" => a.updated_at.cmp(&b.updated_at),
        "id" => Ordering::Equal,
        _ => a.at.cmp(&b.at),
    };
    by_column.then(a.id.cmp(&b.id))
}

fn kind(call: &Call) -> &'static str {
    match call {
        call if call.cancelled_at.is_some() => "cancelled_events",
        call if call.is_rescheduled => "rescheduled_events",
        _ => "scheduled_events",
    }
}

/// One call as listed. The event stands flat in calls of an odd id and nested in those of an even
/// one: the vendor has sent both.
pub(super) fn item(state: &State, call: &Call, now: Timestamp) -> Value {
    let host = state.host(call.host_id);
    let event = state.events.iter().find(|event| event.id == call.event_id);
    let mut item = json!({
        "id": call.id,
        "callId": call.id,
        "previewId": preview_id(call.contact_id),
        "contactId": call.contact_id,
        "userId": call.host_id,
        "firstName": host.map(|host| &host.first_name),
        "lastName": host.map(|host| &host.last_name),
        "email": host.map(|host| &host.email),
        "inviteeEmail": call.invitee.email,
        "inviteeName": call.invitee.full_name(),
        "phoneNumber": call.invitee.phone,
        "dateTime": event.map(|event| zoneless(call.at, &event.hours.zone)),
        "dateTimeUTC": utc(call.at),
        "duration": call.minutes,
        "durationUnit": "MINUTES",
        "inviteTimeZone": call.zone_name,
        "userAvailabilityTimezone": event.map(|event| &event.zone_name),
        "callType": STRATEGY,
        "eventType": if call.at > now { "UPCOMING" } else { "PAST" },
        "eventId": call.event_id,
        "location": "GOOGLE_MEET",
        "locationLink": format!("https://meet.example/{}", call.id),
        "locationLinkInvitee": format!("https://meet.example/{}", call.id),
        "allowReschedule": true,
        "rescheduledBy": call.is_rescheduled.then_some("API"),
        "rescheduleReason": call.reschedule_reason,
        "cancelledBy": call.cancelled_at.map(|_| "API"),
        "cancelReason": call.cancel_reason,
        "deletedAt": null,
        "isSlotFree": call.cancelled_at.is_some(),
        "notes": null,
        "deals": [],
        "questions": [{ "statement": "Email", "answer": call.invitee.email }],
        "secondaryAnswers": call.answers.iter().map(|(question, texts)| json!({
            "statement": question,
            "isSecondaryQuestion": true,
            "answer": texts.iter()
                .map(|text| json!({ "inputType": "SINGLE_SELECT", "answer": text }))
                .collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "utm": [],
    });
    let outcome = call.outcome.as_ref();
    item["task"] = json!([{ "id": call.id, "completed": outcome.is_some(), "outcome": outcome }]);
    if call.id % 2 == 0 {
        item["event"] = json!({ "name": call.event_name, "linkPrefix": call.link_prefix });
    } else {
        item["name"] = json!(call.event_name);
        item["linkPrefix"] = json!(call.link_prefix);
    }
    item
}

/// The asked order: `orderColumn` and `orderBy` come together or not at all.
pub(super) struct Order {
    column: Option<String>,
    is_descending: bool,
}

impl Order {
    pub(super) fn of(fields: &mut Fields, columns: &[&str]) -> Self {
        fields.together(["orderColumn", "orderBy"]);
        let direction = fields.optional("orderBy", rule::word(&["asc", "desc"]));
        Self {
            column: fields.optional("orderColumn", rule::word(columns)),
            is_descending: direction.as_deref() == Some("desc"),
        }
    }

    /// The column, or none when the route's own order is wanted.
    pub(super) fn column(&self) -> &str {
        self.column.as_deref().unwrap_or_default()
    }

    pub(super) fn apply(&self, ascending: Ordering) -> Ordering {
        if self.is_descending {
            ascending.reverse()
        } else {
            ascending
        }
    }
}

/// The asked page: zero-based, 20 items unless told otherwise, 100 at most.
pub(super) struct Paging {
    limit: usize,
    page: usize,
}

impl Paging {
    pub(super) fn of(fields: &mut Fields) -> Self {
        Self {
            limit: fields.optional("limit", rule::limit).unwrap_or(PAGE),
            page: fields.optional("page", rule::page).unwrap_or(0),
        }
    }

    pub(super) fn cut<'a, T>(&self, found: &'a [T]) -> &'a [T] {
        let start = self.page.saturating_mul(self.limit).min(found.len());
        let end = start.saturating_add(self.limit).min(found.len());
        &found[start..end]
    }

    /// The following page, when there is one.
    pub(super) fn next(&self, count: usize) -> Option<usize> {
        let end = self.page.saturating_add(1).saturating_mul(self.limit);
        (end < count).then_some(self.page.saturating_add(1))
    }
}

/// Whether a filter that lists values lets this one through.
pub(super) fn holds<T: PartialEq>(filter: &Option<Vec<T>>, value: &T) -> bool {
    filter.as_ref().is_none_or(|filter| filter.contains(value))
}

/// Whether an instant lies between two bounds, both included.
pub(super) fn within(at: Timestamp, from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
    from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to)
}
