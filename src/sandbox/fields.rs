//! Questions, custom fields and stages, and what answers make of an invitee.

use serde_json::{Value, json};

use super::answer::{Answer, Refusal, Request};
use super::listing::Paging;
use super::state::{Event, State};
use super::validate::{self as rule, Fields};

/// Kinds of an identity answer, as in the items of `inviteeQuestionAnswers`.
const IDENTITY: [&str; 5] = ["EMAIL", "PHONE_NO", "FIRST_NAME", "LAST_NAME", "NAME"];

/// `POST /v1/fields/inviteeAnswers`. Tells whether the answers disqualify, and keeps nothing.
pub(super) fn invitee_answers(state: &State, request: &Request) -> Result<Answer, Refusal> {
    let known = [
        "linkPrefix",
        "eventId",
        "contactId",
        "previewId",
        "inviteeQuestionAnswers",
        "secondaryQuestionsAnswer",
    ];
    let mut fields = Fields::of_body(&request.body, &known)?;
    let link = fields.optional("linkPrefix", rule::filled);
    let event_id = fields.optional("eventId", rule::integer);
    let contact = fields.optional("contactId", rule::integer);
    fields.optional("previewId", rule::filled);
    let given = fields.required("inviteeQuestionAnswers", |value| rule::each(value, given));
    let answers = fields.optional("secondaryQuestionsAnswer", rule::answers);
    fields.one_of(&["linkPrefix", "eventId"]);
    fields.finish_with(given)?;

    let event = state.active_event(event_id, link.as_deref())?;
    if contact.is_some_and(|id| !state.contacts.iter().any(|contact| contact.id == id)) {
        return Err(Refusal::plain(
            404,
            "Contact not found",
            "CONTACT_NOT_FOUND",
        ));
    }
    let hosts: Vec<String> = event.seats(None).map(|id| id.to_string()).collect();
    let data = if event.disqualifies(&answers.unwrap_or_default()) {
        json!({ "isDisqualified": true })
    } else {
        json!({ "isDisqualified": false, "conditionalUsers": hosts.join(",") })
    };
    Ok(Answer::new(200, json!({ "data": data })))
}

/// One answer in either of its two shapes.
fn given(item: &Value) -> rule::Checked<()> {
    let item = rule::object_of(item, &["type", "questionId", "answer"])?;
    let answer = item.get("answer").ok_or("answer: Required")?;
    match (item.get("type"), item.get("questionId")) {
        (Some(kind), None) => {
            rule::word(&IDENTITY)(kind)?;
            rule::text(answer)?;
        }
        (None, Some(id)) => {
            rule::integer(id)?;
            rule::each(answer, rule::text)?;
        }
        _ => return Err("Either type or questionId is required".to_owned()),
    }
    Ok(())
}

/// The questions of an event's form.
pub(super) fn questions(event: &Event) -> Vec<Value> {
    let identity = [
        ("Email", "EMAIL", true),
        ("First name", "FIRST_NAME", true),
        ("Last name", "LAST_NAME", false),
        ("Phone number", "PHONE_NO", false),
    ];
    let question = |(index, (statement, kind, required))| {
        json!({
            "id": event.id * 100 + index,
            "statement": statement,
            "type": kind,
            "required": required,
            "options": [],
            "displayIndex": index,
            "deletedAt": null,
        })
    };
    (0_i64..).zip(identity).map(question).collect()
}

/// `GET /v1/fields/objects`. A field exists for each event whose answers can disqualify.
pub(super) fn objects(state: &State, request: &Request) -> Result<Answer, Refusal> {
    let known = [
        "objectType",
        "page",
        "limit",
        "search",
        "inputType",
        "showSystemFields",
        "inviteeQuestions",
        "identifiers",
    ];
    let types = ["CONTACT", "CALL", "EVENT", "DEAL", "USER", "ISCORE"];
    let mut fields = Fields::of_query(&request.query, &known)?;
    let object = fields.required("objectType", rule::word(&types));
    let search = fields.optional("search", rule::text);
    let input = fields.optional("inputType", rule::text);
    let identifiers = fields.optional("identifiers", rule::text);
    for flag in ["showSystemFields", "inviteeQuestions"] {
        fields.optional(flag, rule::word(&["true", "false"]));
    }
    let paging = Paging::of(&mut fields);
    let object = fields.finish_with(object)?;

    let search = search.unwrap_or_default().to_lowercase();
    let fatal = state
        .events
        .iter()
        .filter_map(|event| event.disqualify_answer.as_ref());
    let mut found: Vec<Value> = Vec::new();
    for (id, (identifier, option)) in (5_101_i64..).zip(fatal) {
        let is_wanted = object == "CALL"
            && identifier.to_lowercase().contains(&search)
            && input
                .as_deref()
                .is_none_or(|input| input == "SINGLE_SELECT")
            && identifiers
                .as_deref()
                .is_none_or(|list| list.split(',').any(|one| one == identifier));
        if is_wanted {
            found.push(json!({
                "id": id,
                "identifier": identifier,
                "name": identifier,
                "type": "CALL",
                "inputType": "SINGLE_SELECT",
                "options": [{ "value": option }, { "value": "Other" }],
            }));
        }
    }
    let body = json!({
        "count": found.len(),
        "data": paging.cut(&found),
        "hasMore": paging.next(found.len()).is_some(),
        "nextPage": paging.next(found.len()),
    });
    Ok(Answer::new(200, body))
}

/// `GET /v1/fields/contact-stage`: a bare object.
pub(super) fn contact_stage(request: &Request) -> Result<Answer, Refusal> {
    Fields::of_query(&request.query, &[])?.finish()?;
    let stages = [
        "POTENTIAL",
        "QUALIFIED",
        "DISQUALIFIED",
        "STRATEGY_CALL_BOOKED",
    ];
    Ok(Answer::new(
        200,
        json!({ "stages": stages, "count": stages.len() }),
    ))
}
