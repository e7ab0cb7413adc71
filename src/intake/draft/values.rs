//! Reading one value by its type; what is wrong with it is added to the faults.

use std::fmt;

use serde_json::Value;

use super::escape;
use crate::intake::fault::Fault;
use crate::lead::{Answer, Guest};

/// `pointer` is written out only for a fault.
pub(super) fn text(
    pointer: fmt::Arguments<'_>,
    value: Value,
    faults: &mut Vec<Fault>,
) -> Option<String> {
    match value {
        Value::String(text) => Some(text).filter(|text| !text.trim().is_empty()),
        Value::Null => None,
        other => {
            faults.push(wrong_type(&pointer.to_string(), "text", &other));
            None
        }
    }
}

fn wrong_type(pointer: &str, wanted: &str, found: &Value) -> Fault {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Fault::new(
        pointer,
        "wrong_type",
        format!("{wanted} is wanted, {found} was sent"),
    )
}

pub(super) fn wishes(value: Value, faults: &mut Vec<Fault>) -> Vec<(usize, String)> {
    let Value::Array(items) = value else {
        faults.push(wrong_type("/wishes", "a list of times", &value));
        return Vec::new();
    };
    let read = items.into_iter().enumerate();
    read.filter_map(|(index, item)| {
        let text = text(format_args!("/wishes/{index}"), item, faults)?;
        Some((index, text))
    })
    .collect()
}

pub(super) fn answers(value: Value, faults: &mut Vec<Fault>) -> Vec<Answer> {
    let Value::Object(items) = value else {
        faults.push(wrong_type(
            "/answers",
            "an object of answers by question",
            &value,
        ));
        return Vec::new();
    };
    let mut answers = Vec::new();
    for (question, given) in items {
        let pointer = format!("/answers/{}", escape(&question));
        let given = match given {
            Value::Array(items) => items,
            other => vec![other],
        };
        let values: Vec<String> = given
            .into_iter()
            .filter_map(|item| answer(&pointer, item, faults))
            .collect();
        if question.trim().is_empty() || question.chars().count() > 255 {
            faults.push(Fault::new(
                &pointer,
                "invalid_answer",
                "a question is named by 1 to 255 characters",
            ));
        } else if values.iter().any(|text| text.chars().count() > 5000) {
            faults.push(Fault::new(
                &pointer,
                "too_long",
                "an answer has at most 5000 characters",
            ));
        } else if !values.is_empty() {
            answers.push(Answer { question, values });
        }
    }
    answers
}

fn answer(pointer: &str, value: Value, faults: &mut Vec<Fault>) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        other => text(format_args!("{pointer}"), other, faults),
    }
}

pub(super) fn guests(value: Value, faults: &mut Vec<Fault>) -> Vec<(usize, Guest)> {
    let Value::Array(items) = value else {
        faults.push(wrong_type("/additionalGuests", "a list of guests", &value));
        return Vec::new();
    };
    let mut guests = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let pointer = format!("/additionalGuests/{index}");
        let (email, name) = match item {
            Value::Object(mut fields) => (
                fields
                    .remove("email")
                    .and_then(|email| text(format_args!("{pointer}/email"), email, faults)),
                fields
                    .remove("name")
                    .and_then(|name| text(format_args!("{pointer}/name"), name, faults)),
            ),
            other => (text(format_args!("{pointer}"), other, faults), None),
        };
        match email {
            Some(email) => guests.push((index, Guest { email, name })),
            None => faults.push(Fault::new(
                pointer,
                "invalid_guest",
                "a guest needs an email address",
            )),
        }
    }
    guests
}

pub(super) fn utm(value: Value, faults: &mut Vec<Fault>) -> Vec<(String, String)> {
    let Value::Object(items) = value else {
        faults.push(wrong_type("/utm", "an object", &value));
        return Vec::new();
    };
    let mut marks = Vec::new();
    for (key, value) in items {
        let name = if key.starts_with("utm_") {
            key.clone()
        } else {
            format!("utm_{key}")
        };
        marks.extend(
            text(format_args!("/utm/{}", escape(&key)), value, faults).map(|text| (name, text)),
        );
    }
    marks
}
