//! Booking, moving and cancelling a call.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answer::{Answer, Refusal, Request, preview_id, utc};
use super::listing;
use super::state::{Call, Person, State};
use super::validate::{self as rule, Fields};

/// `POST /v1/eventCalls`. A second call of the same contact is made when a seat is free: the vendor
/// documents no protection, so a caller must not count on one.
pub(super) fn book(
    state: &mut State,
    request: &Request,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let known = [
        "dateTime",
        "timeZone",
        "secondaryQuestionsAnswer",
        "eventId",
        "linkPrefix",
        "contactId",
        "email",
        "phoneNumber",
        "firstName",
        "lastName",
        "conditionalUsers",
        "routingGroupIds",
        "useSecondaryQuestionsForConditionalRouting",
        "additionalGuests",
    ];
    let mut fields = Fields::of_body(&request.body, &known)?;
    let at = fields.required("dateTime", rule::instant);
    let zone = fields.required("timeZone", rule::zone);
    let answers = fields.required("secondaryQuestionsAnswer", rule::answers);
    let event_id = fields.optional("eventId", rule::integer);
    let link = fields.optional("linkPrefix", rule::filled);
    let contact_id = fields.optional("contactId", rule::integer);
    let told = Person {
        first_name: fields.optional("firstName", rule::name),
        last_name: fields.optional("lastName", rule::name),
        email: fields.optional("email", rule::email),
        phone: fields.optional("phoneNumber", rule::phone),
    };
    let only = fields.optional("conditionalUsers", rule::ids);
    fields.optional("routingGroupIds", rule::text);
    fields.optional("useSecondaryQuestionsForConditionalRouting", rule::boolean);
    fields.optional("additionalGuests", rule::guests);
    fields.one_of(&["eventId", "linkPrefix"]);
    fields.one_of(&["contactId", "email", "phoneNumber"]);
    let ((at, zone), answers) = fields.finish_with(at.zip(zone).zip(answers))?;

    let event = state.active_event(event_id, link.as_deref())?;
    if event.disqualifies(&answers) {
        let message = "Invitee is disqualified";
        return Err(Refusal::plain(400, message, "INVITEE_DISQUALIFIED"));
    }
    let host_id = state.seat_for(event, at, only.as_deref(), now)?;
    let mut call = Call {
        id: state.next_call_id(),
        event_id: event.id,
        link_prefix: event.link_prefix.clone(),
        event_name: event.name.clone(),
        minutes: event.hours.slot_minutes,
        contact_id: 0,
        host_id,
        at,
        zone_name: zone.0,
        invitee: told,
        answers,
        created_at: now,
        updated_at: now,
        cancel_reason: None,
        cancelled_at: None,
        reschedule_reason: None,
        is_rescheduled: false,
        outcome: None,
    };
    let contact = state.contact_for_booking(contact_id, &call, now)?;
    contact.status = "STRATEGY_CALL_BOOKED".to_owned();
    contact.updated_at = now;
    call.contact_id = contact.id;
    call.invitee = contact.person.clone();
    state.occupy(call.event_id, at, host_id);
    let body = booked(state, &call);
    state.calls.push(call);
    Ok(Answer::new(201, body))
}

fn booked(state: &State, call: &Call) -> Value {
    let host = state.host(call.host_id);
    let end = call.at + SignedDuration::from_mins(i64::from(call.minutes));
    let confirmation = format!("https://app.iclosed.example/confirmation/{}", call.id);
    json!({ "data": { "eventCall": { "message": "created", "status": 200, "data": {
        "id": call.id,
        "startTime": utc(call.at),
        "endTime": utc(end),
        "closerId": call.host_id,
        "closerName": host.map(|host| format!("{} {}", host.first_name, host.last_name)),
        "closerEmail": host.map(|host| &host.email),
        "timeZone": call.zone_name,
        "guestEmail": call.invitee.email,
        "token": format!("t-{:x}", call.id),
        "previewId": preview_id(call.contact_id),
        "confirmationLink": confirmation,
        "redirectUrl": null,
    } } } })
}

/// `PUT /v1/eventCalls/cancel`.
pub(super) fn cancel(
    state: &mut State,
    request: &Request,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let mut fields = Fields::of_body(&request.body, &["id", "cancelReason"])?;
    let id = fields.required("id", rule::integer);
    let reason = fields.optional("cancelReason", rule::text);
    let id = fields.finish_with(id)?;

    let call = state.call_mut(id)?;
    refuse_cancelled(call)?;
    call.cancelled_at = Some(now);
    call.cancel_reason = reason;
    call.updated_at = now;
    let (event_id, at, host_id) = (call.event_id, call.at, call.host_id);
    state.release(event_id, at, host_id);
    let body = json!({ "data": { "eventCall": { "message": "cancelled", "status": 200 } } });
    Ok(Answer::new(200, body))
}

/// `PUT /v1/eventCalls/reschedule`. The call keeps its id.
pub(super) fn reschedule(
    state: &mut State,
    request: &Request,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let known = [
        "id",
        "dateTime",
        "timeZone",
        "rescheduleReason",
        "notes",
        "userId",
        "additionalGuests",
    ];
    let mut fields = Fields::of_body(&request.body, &known)?;
    let id = fields.required("id", rule::integer);
    let at = fields.required("dateTime", rule::instant);
    let zone = fields.required("timeZone", rule::zone);
    let reason = fields.optional("rescheduleReason", rule::text);
    fields.optional("notes", rule::text);
    let only = fields.optional("userId", rule::integer).map(|id| [id]);
    fields.optional("additionalGuests", rule::guests);
    let ((id, at), zone) = fields.finish_with(id.zip(at).zip(zone))?;

    let call = state.call_mut(id)?;
    refuse_cancelled(call)?;
    if call.at <= now {
        let message = "Only upcoming calls can be rescheduled";
        return Err(Refusal::plain(400, message, "CALL_NOT_UPCOMING"));
    }
    let (event_id, from, host_before) = (call.event_id, call.at, call.host_id);
    let host_id = if at == from && only.is_none_or(|only| only == [host_before]) {
        host_before
    } else {
        let event = state.active_event(Some(event_id), None)?;
        state.seat_for(event, at, only.as_ref().map(|only| only.as_slice()), now)?
    };
    state.release(event_id, from, host_before);
    state.occupy(event_id, at, host_id);
    let call = state.call_mut(id)?;
    call.at = at;
    call.host_id = host_id;
    call.zone_name = zone.0;
    call.is_rescheduled = true;
    call.reschedule_reason = reason;
    call.updated_at = now;
    let call = call.clone();
    let item = listing::item(state, &call, now);
    let body = json!({ "message": "rescheduled", "status": 200, "data": item });
    Ok(Answer::new(200, body))
}

fn refuse_cancelled(call: &Call) -> Result<(), Refusal> {
    if call.cancelled_at.is_none() {
        return Ok(());
    }
    let message = "Event call is already cancelled";
    Err(Refusal::plain(400, message, "CALL_ALREADY_CANCELLED"))
}

/// Somebody else takes the seats that this request, a booking or a move, is about to ask for.
pub(super) fn take_slot_first(state: &mut State, request: &Request) {
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return;
    };
    let moved = body["id"].as_i64();
    let moved = moved.and_then(|id| state.calls.iter().find(|call| call.id == id));
    let event_id = moved.map(|call| call.event_id).or(body["eventId"].as_i64());
    let event = state.event(event_id, body["linkPrefix"].as_str());
    if let (Ok(event), Ok(at)) = (event, rule::instant(&body["dateTime"])) {
        let event_id = event.id;
        state.crowd_out(event_id, at);
    }
}
