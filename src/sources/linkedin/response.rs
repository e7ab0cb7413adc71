//! A form response and its form, read together: answers name their questions by id, choices by the ids of options.

use serde_json::{Map, Value};

use crate::lead::tracking;
use crate::sources::placing::Given;
use crate::sources::sent::{id_of, text_of, texts_of};
use crate::sources::{Entry, Own};

/// What comes before a response's id in its URN.
const RESPONSE_URN: &str = "urn:li:leadGenFormResponse:";

/// What LinkedIn calls the questions whose answers it fills in from the member's profile (`predefinedField`).
const STANDARD: &[(&str, &str)] = &[
    ("EMAIL", "email"),
    ("EMAIL_ADDRESS", "email"),
    ("WORK_EMAIL", "email"),
    ("PHONE_NUMBER", "phoneNumber"),
    ("MOBILE_PHONE_NUMBER", "phoneNumber"),
    ("WORK_PHONE_NUMBER", "phoneNumber"),
    ("FIRST_NAME", "firstName"),
    ("LAST_NAME", "lastName"),
    ("COMPANY_NAME", "company"),
    ("JOB_TITLE", "jobTitle"),
    ("CITY", "city"),
    ("STATE", "region"),
    ("COUNTRY", "country"),
    ("ZIP_CODE", "postalCode"),
    ("POSTAL_CODE", "postalCode"),
];

/// The URN a response is known by everywhere, from the id in the API's answers.
pub(super) fn response_urn(id: &str) -> String {
    match id.starts_with("urn:") {
        true => id.to_owned(),
        false => format!("{RESPONSE_URN}{id}"),
    }
}

/// The URN inside one of LinkedIn's unions, such as `{"sponsoredAccount": "urn:…"}`, or the URN itself.
pub(super) fn urn(union: &Value) -> Option<String> {
    match union.as_object() {
        Some(union) => union.values().find_map(text_of),
        None => text_of(union),
    }
}

/// The form's number, from the URN of a version of it: `urn:li:versionedLeadGenForm:(urn:li:leadGenForm:42,1)`.
pub(super) fn form_number(urn: &str) -> Option<String> {
    let (_, rest) = urn.rsplit_once("leadGenForm:")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| rest[..digits].to_owned())
}

/// A response under leadgate's names. `form` may be null: then answers go by what the response itself calls them.
pub(super) fn entry(
    urn_of_response: &str,
    about: &Map<String, Value>,
    response: &Value,
    form: &Value,
    own: &Own,
) -> Entry {
    let mut entry = Entry {
        id: Some(urn_of_response.to_owned()),
        test: response["testLead"] == true,
        ..Entry::default()
    };
    let details = &response["formResponse"];
    let answers = details["answers"].as_array().into_iter().flatten();
    let given = answers.map(|answer| given(answer, form));
    entry.place(own, STANDARD, given.collect());
    for hidden in form["hiddenFields"].as_array().into_iter().flatten() {
        hidden_field(&mut entry, hidden, own);
    }
    let consents = &details["consentResponses"];
    if !consents.is_null() {
        entry
            .consent
            .insert("consentResponses".to_owned(), consents.clone());
    }
    entry.metadata.extend(about.clone());
    for name in [
        "leadType",
        "submittedAt",
        "versionedLeadGenFormUrn",
        "submitter",
    ] {
        entry.about(name, text_of(&response[name]));
    }
    entry.about("owner", urn(&response["owner"]));
    entry.about(
        "campaign",
        text_of(&response["leadMetadata"]["sponsoredLeadMetadata"]["campaign"]),
    );
    entry.about("associatedEntity", urn(&response["associatedEntity"]));
    entry.about("formName", text_of(&form["name"]));
    entry
}

/// Hidden fields are the same for all of a form's leads, and the usual place of campaign marks.
fn hidden_field(entry: &mut Entry, hidden: &Value, own: &Own) {
    let (Some(name), Some(value)) = (text_of(&hidden["name"]), text_of(&hidden["value"])) else {
        return;
    };
    if entry.by_map(own, &name, &name, std::slice::from_ref(&value)) {
        return;
    }
    if tracking::is_tracking_key(name.trim()) {
        entry.mark(name.trim(), &value);
    } else {
        entry.about(&name, Some(value));
    }
}

fn given(answer: &Value, form: &Value) -> Given {
    let id = id_of(answer.get("questionId"));
    let questions = form["content"]["questions"].as_array();
    let question = questions
        .into_iter()
        .flatten()
        .find(|question| id.is_some() && id_of(question.get("questionId")) == id)
        .unwrap_or(&Value::Null);
    let details = &answer["answerDetails"];
    let mut values = texts_of(&details["textQuestionAnswer"]["answer"]);
    let chosen = details["multipleChoiceAnswer"]["options"].as_array();
    values.extend(chosen.into_iter().flatten().filter_map(|option| {
        let option = text_of(option)?;
        Some(option_text(question, &option, form).unwrap_or(option))
    }));
    let called = text_of(&question["name"]).or_else(|| text_of(&answer["name"]));
    let asked = localized(&question["question"], form).or_else(|| called.clone());
    Given {
        name: text_of(&question["predefinedField"])
            .or(called)
            .or(id.clone())
            .unwrap_or_default(),
        label: asked.or(id).unwrap_or_default(),
        values,
    }
}

/// What the person saw, by the option's id.
fn option_text(question: &Value, option: &str, form: &Value) -> Option<String> {
    let details = &question["questionDetails"]["multipleChoiceQuestionDetails"];
    let options = details["options"].as_array()?;
    let chosen = options
        .iter()
        .find(|candidate| text_of(&candidate["id"]).as_deref() == Some(option))?;
    localized(&chosen["text"], form)
}

/// A text in the language the form was written in, else in the first there is.
fn localized(text: &Value, form: &Value) -> Option<String> {
    let texts = text["localized"].as_object()?;
    let locale = &form["creationLocale"];
    let locale = match (locale["language"].as_str(), locale["country"].as_str()) {
        (Some(language), Some(country)) => format!("{language}_{country}"),
        _ => String::new(),
    };
    texts
        .get(&locale)
        .and_then(text_of)
        .or_else(|| texts.values().find_map(text_of))
}

#[cfg(test)]
mod tests;
