//! The webhook action of Elementor Pro's forms (elementor.com/help/form-widget-actions-after-submit), with and without
//! its "advanced data". It shows a visitor an error unless the answer is exactly 200, signs nothing and sends no id.

use super::placing::Given;
use super::{Denied, Entry, Item, Kind, Own, Sent, Setting, Unreadable};

/// Elementor Pro.
pub struct Elementor;

impl Kind for Elementor {
    fn name(&self) -> &'static str {
        "elementor"
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
        let pairs = sent.form()?;
        let is_advanced = pairs
            .iter()
            .any(|(name, _)| name.starts_with("fields[") || name.starts_with("form["));
        let entry = match is_advanced {
            true => advanced(&pairs, own),
            false => simple(pairs, own),
        };
        Ok(vec![Item::Lead(Box::new(entry))])
    }

    fn guide(&self) -> &'static [&'static str] {
        &[
            "Edit the form in Elementor, open Actions After Submit and add Webhook.",
            "Set token here, and enter the address {url}?token=... as the Webhook URL.",
            "Switch Advanced Data on: then fields are told apart by their ids, and campaign marks in the page's address are kept.",
            "Map field ids, or labels where Advanced Data is off, under fields.",
        ]
    }
}

/// Of what Elementor itself adds to a form that is sent without advanced data, with English labels.
const ADDED: [(&str, Option<&str>); 8] = [
    ("Date", Some("date")),
    ("Time", Some("time")),
    ("Page URL", None),
    ("User Agent", Some("userAgent")),
    ("Remote IP", Some("remoteIp")),
    ("Powered by", None),
    ("form_id", Some("formId")),
    ("form_name", Some("formName")),
];

/// One key for each label. What Elementor adds stands behind the fields, so that a question "Date" before it is told
/// from the date it was sent; on sites in other languages what it adds becomes answers.
fn simple(pairs: Vec<(String, String)>, own: &Own) -> Entry {
    let added = |label: &str| ADDED.iter().find(|(name, _)| *name == label);
    let tail = pairs
        .iter()
        .rev()
        .take_while(|(label, _)| added(label).is_some())
        .count();
    let fields = pairs.len() - tail;
    let mut entry = Entry::default();
    let mut given: Vec<Given> = Vec::new();
    for (index, (label, value)) in pairs.into_iter().enumerate() {
        match added(&label).filter(|_| index >= fields) {
            Some((_, Some(name))) => entry.about(name, present(value)),
            Some(("Page URL", None)) => given.push(page(value)),
            Some(_) => {}
            // A field without a label is named by its id.
            None => match label.strip_prefix("No Label ") {
                Some(id) => collect(&mut given, id, "", value),
                None => collect(&mut given, &label, &label, value),
            },
        }
    }
    entry.place(own, &[], given);
    entry
}

/// A name that is repeated is one field with several values.
fn collect(given: &mut Vec<Given>, name: &str, label: &str, value: String) {
    let name = name.strip_suffix("[]").unwrap_or(name);
    match given.iter_mut().find(|given| given.name == name) {
        Some(given) => given.values.push(value),
        None => given.push(Given {
            name: name.to_owned(),
            label: label.strip_suffix("[]").unwrap_or(label).to_owned(),
            values: vec![value],
        }),
    }
}

fn page(url: String) -> Given {
    Given {
        name: "page_url".to_owned(),
        label: "Page URL".to_owned(),
        values: vec![url],
    }
}

/// A field as advanced data describes it.
#[derive(Default)]
struct Field {
    id: String,
    title: String,
    kind: String,
    value: String,
    /// The choices one by one, where `value` has them in one text.
    raw: Vec<String>,
}

/// `form[…]`, `fields[<id>][…]` and `meta[…][…]`.
fn advanced(pairs: &[(String, String)], own: &Own) -> Entry {
    let mut entry = Entry::default();
    let mut fields: Vec<Field> = Vec::new();
    let mut pages = Vec::new();
    for (name, value) in pairs {
        let value = value.clone();
        match brackets(name).as_slice() {
            ["form", "id"] => entry.about("formId", present(value)),
            ["form", "name"] => entry.about("formName", present(value)),
            ["meta", "page_url", "value"] => pages.push(page(value)),
            ["meta", "date", "value"] => entry.about("date", present(value)),
            ["meta", "time", "value"] => entry.about("time", present(value)),
            ["meta", "user_agent", "value"] => entry.about("userAgent", present(value)),
            ["meta", "remote_ip", "value"] => entry.about("remoteIp", present(value)),
            ["fields", id, part, more @ ..] => {
                let index = fields.iter().position(|field| field.id == *id);
                let index = index.unwrap_or_else(|| {
                    fields.push(Field {
                        id: (*id).to_owned(),
                        ..Field::default()
                    });
                    fields.len() - 1
                });
                if let Some(field) = fields.get_mut(index) {
                    field.set(part, !more.is_empty(), value);
                }
            }
            _ => {}
        }
    }
    let mut contacts = Vec::new();
    let mut given = Vec::new();
    for field in fields {
        match field.kind.as_str() {
            "email" => contacts.push((field.id.clone(), "email")),
            "tel" => contacts.push((field.id.clone(), "phoneNumber")),
            // Nothing that a person wrote.
            "recaptcha" | "recaptcha_v3" | "honeypot" | "html" | "step" | "password" => continue,
            "acceptance" if !field.value.is_empty() => {
                let question = field.shown().to_owned();
                entry.consent.insert(question, field.value.into());
                continue;
            }
            _ => {}
        }
        given.push(field.given());
    }
    given.extend(pages);
    let contacts: Vec<_> = contacts
        .iter()
        .map(|(name, ours)| (name.as_str(), *ours))
        .collect();
    entry.place(own, &contacts, given);
    entry
}

impl Field {
    fn set(&mut self, part: &str, is_list: bool, value: String) {
        match (part, is_list) {
            ("title", false) => self.title = value,
            ("type", false) => self.kind = value,
            ("value", false) => self.value = value,
            ("value" | "raw_value", true) => self.raw.push(value),
            _ => {}
        }
    }

    fn shown(&self) -> &str {
        match self.title.trim() {
            "" => &self.id,
            _ => &self.title,
        }
    }

    fn given(self) -> Given {
        Given {
            values: match self.raw.is_empty() {
                true => vec![self.value],
                false => self.raw,
            },
            name: self.id,
            label: self.title,
        }
    }
}

/// PHP's way of writing nested names (www.php.net, "How do I create arrays in a HTML form"): `a[b][]` is a, b and an
/// empty name.
fn brackets(name: &str) -> Vec<&str> {
    match name.split_once('[') {
        Some((root, rest)) => std::iter::once(root)
            .chain(rest.strip_suffix(']').unwrap_or(rest).split("]["))
            .collect(),
        None => vec![name],
    }
}

fn present(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests;
