//! Gravity Forms' Webhooks add-on (docs.gravityforms.com): an entry whose fields are named by numbers. It signs nothing.

use serde_json::{Map, Value};

use super::placing::Given;
use super::sent::{id_of, text_of, texts_of};
use super::{Denied, Entry, Item, Kind, Own, Sent, Setting, Unreadable};

/// Gravity Forms.
pub struct GravityForms;

/// What an entry says of itself (docs.gravityforms.com, "Entry Object"), and the name it is kept under; the others say
/// nothing of a lead.
const PROPERTIES: [(&str, Option<&str>); 23] = [
    ("id", None),
    ("form_id", Some("formId")),
    ("date_created", None),
    ("date_updated", None),
    ("source_url", None),
    ("ip", Some("ip")),
    ("user_agent", Some("userAgent")),
    ("status", Some("status")),
    ("post_id", None),
    ("source_id", None),
    ("created_by", None),
    ("is_starred", None),
    ("is_read", None),
    ("is_fulfilled", None),
    ("currency", Some("currency")),
    ("payment_status", Some("paymentStatus")),
    ("payment_date", Some("paymentDate")),
    ("payment_amount", Some("paymentAmount")),
    ("payment_method", Some("paymentMethod")),
    ("transaction_id", Some("transactionId")),
    ("transaction_type", None),
    ("is_approved", None),
    ("workflow_step", None),
];

impl Kind for GravityForms {
    fn name(&self) -> &'static str {
        "gravity_forms"
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
            _ => Err(Unreadable("the body is not an entry".to_owned())),
        }
    }

    fn guide(&self) -> &'static [&'static str] {
        &[
            "Open the form's Settings in WordPress, go to Webhooks and add a feed.",
            "Set token here. Enter the Request URL {url}?token=..., the method POST and the format JSON.",
            "Choose All Fields as the request body.",
            "Map the numbers of the fields under fields, such as \"1.3\" = \"firstName\", \"1.6\" = \"lastName\", \"2\" = \"email\", \"3\" = \"phoneNumber\".",
            "A number without its part, such as \"5\" = \"answers.goals\", stands for all of the field's parts together.",
        ]
    }
}

fn entry(fields: &Map<String, Value>, own: &Own) -> Entry {
    let of = |key: &str| id_of(fields.get(key));
    // An entry's number is unique on its site only, which the form's number makes a little less likely to meet again.
    let id = of("id").map(|id| match of("form_id") {
        Some(form) => format!("{form}/{id}"),
        None => id,
    });
    let mut entry = Entry {
        id,
        ..Entry::default()
    };
    for (theirs, ours) in PROPERTIES {
        if let Some(ours) = ours {
            entry.about(ours, of(theirs));
        }
    }
    entry.about("submittedAt", of("date_created").map(|date| in_utc(&date)));
    entry.place(own, &[], given(fields, own));
    if let Some(page) = of("source_url") {
        entry.known("landingUrl", "source_url", &[page]);
    }
    entry
}

fn given(fields: &Map<String, Value>, own: &Own) -> Vec<Given> {
    let mut given: Vec<Given> = Vec::new();
    for (key, value) in fields {
        if PROPERTIES.iter().any(|(name, _)| name == key) {
            continue;
        }
        let values = values(value);
        let field = whole_field(key, own);
        let earlier = given.iter_mut().find(|given| field == Some(&given.name));
        match (field, earlier) {
            (Some(_), Some(given)) => given.values.extend(values),
            (field, _) => given.push(Given {
                name: field.unwrap_or(key).to_owned(),
                label: field.unwrap_or(key).to_owned(),
                values,
            }),
        }
    }
    for given in &mut given {
        let is_name = own
            .fields
            .get(&given.name)
            .is_some_and(|ours| ours == "name");
        if is_name && given.values.len() > 1 {
            let parts = given.values.iter().filter(|part| !part.trim().is_empty());
            given.values = vec![parts.cloned().collect::<Vec<_>>().join(" ")];
        }
    }
    given
}

/// The field that an input such as `5.2` is a part of, when the operator mapped the field and not its parts.
fn whole_field<'a>(key: &'a str, own: &Own) -> Option<&'a str> {
    let (field, _) = key.split_once('.')?;
    (own.fields.contains_key(field) && !own.fields.contains_key(key)).then_some(field)
}

/// Fields with several choices are a list written as text.
fn values(value: &Value) -> Vec<String> {
    let listed = text_of(value)
        .filter(|text| text.starts_with('['))
        .and_then(|text| serde_json::from_str::<Vec<Value>>(&text).ok());
    match listed {
        Some(list) => list.iter().flat_map(texts_of).collect(),
        None => texts_of(value),
    }
}

/// Gravity Forms writes `2026-02-02 10:00:00` and means UTC; any other text stays.
fn in_utc(date: &str) -> String {
    match jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", date.trim()) {
        Ok(date) => format!("{date}Z"),
        Err(_) => date.to_owned(),
    }
}

#[cfg(test)]
mod tests;
