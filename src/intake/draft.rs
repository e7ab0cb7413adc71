//! The neutral lead body as it was sent: known fields by their types, everything else kept aside.
//!
//! Owns names, spellings, types and lengths. Does not know what an email address or a time is.

mod evidence;
mod values;

use std::borrow::Cow;

use serde_json::{Map, Value};
use validator::{Validate, ValidationError, ValidationErrors, ValidationErrorsKind};

use super::fault::Fault;
use crate::lead::{Answer, Guest, tracking};
use crate::sources::Entry;
use values::{answers, guests, text, utm, wishes};

/// A lead as typed. Strings are trimmed of nothing; empty ones count as absent.
#[derive(Clone, Default, Validate)]
#[validate(schema(function = "reachable", skip_on_field_errors = false))]
pub struct Draft {
    /// Judged by its own parser, its length too.
    pub email: Option<String>,
    /// Checked further by its own parser.
    #[validate(length(max = 64))]
    pub phone_number: Option<String>,
    /// Cut to iClosed's 25 units when it is sent on.
    #[validate(length(max = 200))]
    pub first_name: Option<String>,
    /// Cut to iClosed's 25 units when it is sent on.
    #[validate(length(max = 200))]
    pub last_name: Option<String>,
    /// The whole name, split when the parts are not given.
    #[validate(length(max = 200))]
    pub name: Option<String>,
    /// As typed.
    #[validate(length(max = 200))]
    pub company: Option<String>,
    /// As typed.
    #[validate(length(max = 200))]
    pub job_title: Option<String>,
    /// As typed.
    #[validate(length(max = 200))]
    pub city: Option<String>,
    /// As typed.
    #[validate(length(max = 200))]
    pub region: Option<String>,
    /// ISO code or English name.
    #[validate(length(max = 100))]
    pub country: Option<String>,
    /// As typed.
    #[validate(length(max = 40))]
    pub postal_code: Option<String>,
    /// IANA name.
    #[validate(length(max = 64))]
    pub time_zone: Option<String>,
    /// Another event than the source's.
    #[validate(length(max = 255))]
    pub link_prefix: Option<String>,
    /// `exact`, `nearest` or `earliest`.
    pub slot: Option<String>,
    /// The first wish.
    #[validate(length(max = 64))]
    pub date_time: Option<String>,
    /// Ranked; each with its place in the list as it was sent.
    #[validate(length(max = 10))]
    pub wishes: Vec<(usize, String)>,
    /// In the order sent.
    #[validate(length(max = 100))]
    pub answers: Vec<Answer>,
    /// In the order sent; each with its place in the list as it was sent.
    #[validate(length(max = 10))]
    pub additional_guests: Vec<(usize, Guest)>,
    /// The page the visitor came from.
    #[validate(length(max = 2048))]
    pub referrer_url: Option<String>,
    /// The page the form is on, with its query.
    #[validate(length(max = 2048))]
    pub landing_url: Option<String>,
    /// Campaign marks and click ids, by their own names.
    pub marks: Vec<(String, String)>,
    /// As sent.
    pub consent: Option<Value>,
    /// As sent.
    pub metadata: Option<Value>,
    /// What leadgate does not know, as sent.
    pub extra: Map<String, Value>,
}

fn reachable(draft: &Draft) -> Result<(), ValidationError> {
    if draft.email.is_some() || draft.phone_number.is_some() {
        Ok(())
    } else {
        Err(ValidationError::new("one_of_required"))
    }
}

impl Draft {
    /// Reads a body. Faults of type and length are collected, and what could be read is returned beside them.
    pub fn read(body: Map<String, Value>) -> (Draft, Vec<Fault>) {
        let mut draft = Draft::default();
        let mut faults = Vec::new();
        for (key, value) in body {
            if value.is_null() {
                continue;
            }
            let name = camel_case(&key);
            if let Taken::Unknown(value) = draft.take(&name, value, &mut faults) {
                draft.extra.insert(key, value);
            }
        }
        evidence::gather(&mut draft.consent, &mut draft.extra);
        if let Err(errors) = draft.validate() {
            faults.extend(lengths(&errors));
        }
        (draft, faults)
    }

    /// The draft of a platform's lead. Its answers keep their order and their repeats.
    pub fn of_entry(entry: Entry) -> (Draft, Vec<Fault>) {
        let body = entry.fields;
        let (mut draft, mut faults) = Draft::read(body);
        draft.marks = entry.marks;
        draft.answers = entry.answers;
        draft.consent = Some(Value::Object(entry.consent)).filter(|all| *all != empty());
        draft.metadata = Some(Value::Object(entry.metadata)).filter(|all| *all != empty());
        // What was added after the first look is judged with it.
        faults.extend(
            draft
                .validate()
                .err()
                .map(|errors| lengths(&errors))
                .unwrap_or_default(),
        );
        faults.sort_by(|a, b| a.pointer.cmp(&b.pointer));
        faults.dedup();
        (draft, faults)
    }

    /// Whether a field of this name holds one text.
    pub fn holds_text(name: &str) -> bool {
        tracking::is_tracking_key(name) || Draft::default().text_field(name).is_some()
    }

    /// Takes a field out of the draft. `None`: there is nothing under this name.
    pub fn give_up(&mut self, name: &str) -> Option<Value> {
        if let Some(place) = self.text_field(name) {
            return place.take().map(Value::String);
        }
        let list = match name {
            "wishes" => serde_json::to_value(unplaced(&mut self.wishes)).ok(),
            "answers" => serde_json::to_value(std::mem::take(&mut self.answers)).ok(),
            "additionalGuests" => serde_json::to_value(unplaced(&mut self.additional_guests)).ok(),
            _ => None,
        };
        list.filter(|list| list.as_array().is_some_and(|items| !items.is_empty()))
    }

    fn take(&mut self, name: &str, value: Value, faults: &mut Vec<Fault>) -> Taken {
        if let Some(mark) = Some(name).filter(|name| tracking::is_tracking_key(name)) {
            self.marks.extend(
                text(format_args!("/{mark}"), value, faults).map(|text| (mark.to_owned(), text)),
            );
            return Taken::Known;
        }
        if let Some(place) = self.text_field(name) {
            if place.is_some() {
                // A second spelling of a field that was given already.
                return Taken::Unknown(value);
            }
            let read = text(format_args!("/{name}"), value, faults);
            *place = read;
            return Taken::Known;
        }
        match name {
            "wishes" => self.wishes = wishes(value, faults),
            "answers" => self.answers = answers(value, faults),
            "additionalGuests" => self.additional_guests = guests(value, faults),
            "utm" => self.marks.extend(utm(value, faults)),
            "consent" => self.consent = Some(value),
            "metadata" => self.metadata = Some(value),
            _ => return Taken::Unknown(value),
        }
        Taken::Known
    }

    fn text_field(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "email" => &mut self.email,
            "phoneNumber" => &mut self.phone_number,
            "firstName" => &mut self.first_name,
            "lastName" => &mut self.last_name,
            "name" => &mut self.name,
            "company" => &mut self.company,
            "jobTitle" => &mut self.job_title,
            "city" => &mut self.city,
            "region" => &mut self.region,
            "country" => &mut self.country,
            "postalCode" => &mut self.postal_code,
            "timeZone" => &mut self.time_zone,
            "linkPrefix" => &mut self.link_prefix,
            "slot" => &mut self.slot,
            "dateTime" => &mut self.date_time,
            "referrerUrl" => &mut self.referrer_url,
            "landingUrl" => &mut self.landing_url,
            _ => return None,
        })
    }
}

/// Takes the items of a list.
fn unplaced<T>(list: &mut Vec<(usize, T)>) -> Vec<T> {
    let items = std::mem::take(list).into_iter();
    items.map(|(_, item)| item).collect()
}

fn empty() -> Value {
    Value::Object(Map::new())
}

enum Taken {
    Known,
    Unknown(Value),
}

/// `first_name` as `firstName`. Names that start with an underscore, and campaign marks, are as they are.
pub fn camel_case(key: &str) -> Cow<'_, str> {
    if key.starts_with('_') || !key.contains('_') || tracking::is_tracking_key(key) {
        return key.into();
    }
    let mut camel = String::with_capacity(key.len());
    let mut upper = false;
    for letter in key.chars() {
        match letter {
            '_' => upper = true,
            _ if upper => {
                camel.extend(letter.to_uppercase());
                upper = false;
            }
            _ => camel.push(letter),
        }
    }
    camel.into()
}

/// A key as one step of a JSON pointer (RFC 6901, section 3).
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The validator's errors as faults: place and rule. The errors themselves hold what was typed and go no further.
fn lengths(errors: &ValidationErrors) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (field, kind) in errors.errors() {
        let ValidationErrorsKind::Field(list) = kind else {
            continue;
        };
        for error in list {
            let most = error.params.get("max").and_then(Value::as_u64);
            let pointer = format!("/{}", camel_case(field));
            faults.push(match (error.code.as_ref(), most) {
                ("one_of_required", _) => Fault::new(
                    "",
                    "one_of_required",
                    "an email address or a phone number is needed",
                ),
                (_, Some(most))
                    if matches!(field.as_ref(), "wishes" | "answers" | "additional_guests") =>
                {
                    Fault::new(pointer, "too_many", format!("at most {most} are taken"))
                }
                (_, Some(most)) => Fault::new(
                    pointer,
                    "too_long",
                    format!("at most {most} characters are taken"),
                ),
                (_, None) => Fault::new(pointer, "invalid", "this value is not taken"),
            });
        }
    }
    faults.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    faults
}

#[cfg(test)]
mod tests;
