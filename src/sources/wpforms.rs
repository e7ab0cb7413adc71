//! WPForms' Webhooks add-on (wpforms.com/docs): the owner of the form chooses every key, and JSON or a form. It signs
//! nothing.

use serde_json::{Map, Value};

use super::leaves::leaves;
use super::placing::Given;
use super::sent::id_of;
use super::{Denied, Entry, Item, Kind, Own, Sent, Setting, Unreadable};

/// WPForms.
pub struct WpForms;

impl Kind for WpForms {
    fn name(&self) -> &'static str {
        "wpforms"
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
            Value::Object(fields) => Ok(vec![Item::Lead(Box::new(entry(fields, own)))]),
            _ => Err(Unreadable("the body is not an object".to_owned())),
        }
    }

    fn guide(&self) -> &'static [&'static str] {
        &[
            "Edit the form in WPForms, open Settings, then Webhooks, and switch them on.",
            "Set token here. Enter the Request URL {url}?token=..., or add a request header X-Leadgate-Token that holds it.",
            "Choose the method POST and the format JSON.",
            "Under Request Body add a key for each field: email, phone, first_name, last_name, and any name for the others.",
            "Add the keys entry_id with the smart tag {entry_id}, form_id with {form_id} and page_url with {page_url}.",
        ]
    }
}

fn entry(mut fields: Map<String, Value>, own: &Own) -> Entry {
    let mut take = |key: &str| match own.fields.contains_key(key) {
        true => None,
        false => id_of(fields.shift_remove(key).as_ref()),
    };
    let (form, number) = (take("form_id"), take("entry_id"));
    let mut entry = Entry {
        id: number.map(|number| match &form {
            Some(form) => format!("{form}/{number}"),
            None => number,
        }),
        ..Entry::default()
    };
    entry.about("formId", form);
    let is_mapped = |_: &str, path: &str| own.fields.contains_key(path);
    let given = leaves(&Value::Object(fields), &is_mapped)
        .into_iter()
        .map(|leaf| Given {
            name: leaf.path.clone(),
            label: leaf.path,
            values: leaf.values,
        });
    entry.place(own, &[], given.collect());
    entry
}

#[cfg(test)]
mod tests;
