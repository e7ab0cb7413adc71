//! GoHighLevel's workflow webhooks (help.gohighlevel.com, action Webhook): one flat object with the contact, its custom
//! fields under their labels, and beside them a few objects of GoHighLevel's own. It signs nothing.
//!
//! `contact_id` names the person and not the form they sent, so it is no id of a lead: a person who comes again is
//! recognised as a duplicate, not as a redelivery.

use serde_json::{Map, Value};

use super::leaves::leaves;
use super::placing::Given;
use super::sent::{id_of, text_of, texts_of};
use super::{Denied, Entry, Item, Kind, Own, Sent, Setting, Unreadable};

/// GoHighLevel.
pub struct GoHighLevel;

/// What GoHighLevel says of itself and of where the contact came from, and the name it is kept under.
const ABOUT: [(&str, &str); 8] = [
    ("/contact_id", "contactId"),
    ("/contact_type", "contactType"),
    ("/contact_source", "contactSource"),
    ("/tags", "tags"),
    ("/location/id", "locationId"),
    ("/location/name", "locationName"),
    ("/workflow/id", "workflowId"),
    ("/workflow/name", "workflowName"),
];

/// Keys that hold nothing the person said: they are in [`ABOUT`], or of no use.
const NOT_SAID: [&str; 13] = [
    "contact_id",
    "contact_type",
    "contact_source",
    "tags",
    "location",
    "workflow",
    "contact",
    "user",
    "calendar",
    "triggerData",
    "date_created",
    "full_address",
    "customData",
];

const STANDARD: [(&str, &str); 10] = [
    ("email", "email"),
    ("phone", "phoneNumber"),
    ("first_name", "firstName"),
    ("last_name", "lastName"),
    ("full_name", "name"),
    ("company_name", "company"),
    ("city", "city"),
    ("state", "region"),
    ("country", "country"),
    ("postal_code", "postalCode"),
];

impl Kind for GoHighLevel {
    fn name(&self) -> &'static str {
        "gohighlevel"
    }

    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    fn is_signed(&self, _own: &Own) -> bool {
        false
    }

    fn verify(&self, _sent: &Sent<'_>, _own: &Own) -> Result<(), Denied> {
        Ok(())
    }

    fn read(&self, sent: &Sent<'_>, own: &Own) -> Result<Vec<Item>, Unreadable> {
        match sent.value()? {
            Value::Object(fields) => Ok(vec![Item::Lead(Box::new(entry(&fields, own)))]),
            _ => Err(Unreadable("the body is not an object".to_owned())),
        }
    }

    fn guide(&self) -> &'static [&'static str] {
        &[
            "In the workflow that starts with the submitted form add the action Webhook, method POST.",
            "Set token here, and enter the URL {url}?token=..., or the custom webhook's header X-Leadgate-Token that holds it.",
            "Leave Custom Data empty, or add there what the contact does not hold; it comes under its keys.",
            "Custom fields come under their labels: map those that are no plain contact fields under fields.",
        ]
    }
}

fn entry(sent: &Map<String, Value>, own: &Own) -> Entry {
    let mut entry = Entry::default();
    let document = Value::Object(sent.clone());
    for (pointer, ours) in ABOUT {
        let texts = document.pointer(pointer).map(texts_of).unwrap_or_default();
        entry.about(ours, (!texts.is_empty()).then(|| texts.join(", ")));
    }
    let is_said = |key: &str| own.fields.contains_key(key) || !NOT_SAID.contains(&key);
    let said = sent.iter().filter(|(key, _)| is_said(key));
    let added = sent.get("customData").and_then(Value::as_object);
    let fields: Map<String, Value> = said
        .chain(added.into_iter().flatten())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let is_mapped = |_: &str, path: &str| own.fields.contains_key(path);
    let given = leaves(&Value::Object(fields), &is_mapped)
        .into_iter()
        .map(|leaf| Given {
            name: leaf.path.clone(),
            label: leaf.path,
            values: leaf.values,
        });
    entry.place(own, &STANDARD, given.collect());
    if let Some(Value::Object(source)) = document.pointer("/contact/attributionSource") {
        attribute(&mut entry, source);
    }
    entry
}

/// Where the visit came from. What the form itself said of it has come before and stays.
fn attribute(entry: &mut Entry, source: &Map<String, Value>) {
    for (key, value) in source {
        let Some(text) = text_of(value).filter(|text| !text.trim().is_empty()) else {
            continue;
        };
        match key.as_str() {
            "url" => keep_first(entry, "landingUrl", text),
            "referrer" => keep_first(entry, "referrerUrl", text),
            "campaign" => entry.mark("utm_campaign", &text),
            key if key.starts_with("utm") || key.ends_with("clid") => {
                entry.mark(&snake(key), &text);
            }
            key => entry.about(key, id_of(Some(value))),
        }
    }
}

fn keep_first(entry: &mut Entry, field: &str, text: String) {
    if !entry.fields.contains_key(field) {
        entry.fields.insert(field.to_owned(), Value::String(text));
    }
}

/// `utmSource` as `utm_source`.
fn snake(key: &str) -> String {
    let mut words = String::new();
    for letter in key.chars() {
        if letter.is_ascii_uppercase() {
            words.push('_');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests;
