//! Jotform's webhooks (www.jotform.com/help/245-how-to-setup-a-webhook-with-jotform): a multipart form, one field of
//! which holds the answers as JSON. Jotform signs nothing.

use serde_json::{Map, Value};

use super::placing::Given;
use super::sent::{text_of, texts_of};
use super::{Denied, Entry, Item, Kind, Own, Sent, Setting, Unreadable};

/// Jotform.
pub struct Jotform;

impl Kind for Jotform {
    fn name(&self) -> &'static str {
        "jotform"
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
        let parts = sent.form()?;
        let part = |name: &str| {
            let found = parts.iter().find(|(part, _)| part == name);
            found
                .map(|(_, value)| value.clone())
                .filter(|value| !value.trim().is_empty())
        };
        let raw = part("rawRequest").ok_or_else(|| Unreadable("there is no rawRequest".into()))?;
        let answers: Map<String, Value> = serde_json::from_str(&raw)
            .map_err(|_| Unreadable("rawRequest is not a JSON object".to_owned()))?;
        let mut entry = Entry {
            id: part("submissionID"),
            ..Entry::default()
        };
        let given = answers
            .iter()
            .flat_map(|(key, value)| given(key, value, own));
        entry.place(own, &[], given.collect());
        entry.about("formId", part("formID"));
        entry.about("formName", part("formTitle"));
        entry.about("ip", part("ip"));
        Ok(vec![Item::Lead(Box::new(entry))])
    }

    fn guide(&self) -> &'static [&'static str] {
        &[
            "Open the form in Jotform's builder, go to Settings, then Integrations, and choose WebHooks.",
            "Set token here, and add the address {url}?token=...",
            "Jotform names a field by its number and its unique name, such as q5_phoneNumber; the part behind the line is enough to map it under fields.",
            "Add hidden fields whose unique names are utm_source, utm_campaign, gclid and so on, to pass on what the page's address holds.",
        ]
    }
}

/// A key such as `q3_name`, without the question's number. Other keys are Jotform's own, except those of uploads, which
/// hold a list of addresses.
fn question<'a>(key: &'a str, value: &Value) -> Option<&'a str> {
    let numbered = key.strip_prefix('q').and_then(|rest| rest.split_once('_'));
    match numbered {
        Some((number, name))
            if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Some(name)
        }
        _ => value.is_array().then_some(key),
    }
}

/// The fields that one answer stands for: a name is two, an address several. What the operator mapped stays whole.
fn given(key: &str, value: &Value, own: &Own) -> Vec<Given> {
    let Some(name) = question(key, value) else {
        return Vec::new();
    };
    let is_mapped = own.fields.contains_key(key) || own.fields.contains_key(name);
    match value {
        Value::Object(parts) if !is_mapped => taken_apart(key, name, parts),
        value => vec![field(key, name, whole(value))],
    }
}

fn field(name: &str, label: &str, values: Vec<String>) -> Given {
    Given {
        name: name.to_owned(),
        label: label.to_owned(),
        values,
    }
}

/// What the parts of an answer are together.
enum Compound {
    Name,
    Phone,
    Address,
    Date,
    /// Choices by their numbers, and what was written under "other".
    Choices,
    Other,
}

fn compound(parts: &Map<String, Value>) -> Compound {
    let has = |part: &str| parts.contains_key(part);
    let is_choice = |part: &String| part == "other" || part.bytes().all(|b| b.is_ascii_digit());
    if has("first") || has("last") {
        Compound::Name
    } else if has("full") || has("area") {
        Compound::Phone
    } else if has("addr_line1") || has("postal") {
        Compound::Address
    } else if has("year") && has("month") && has("day") {
        Compound::Date
    } else if parts.keys().all(is_choice) {
        Compound::Choices
    } else {
        Compound::Other
    }
}

fn taken_apart(key: &str, name: &str, parts: &Map<String, Value>) -> Vec<Given> {
    let part = |ours: &str, part: &str| {
        let label = format!("{name}.{part}");
        field(ours, &label, texts_in(parts, part))
    };
    let value = Value::Object(parts.clone());
    match compound(parts) {
        Compound::Name => {
            let mut given = Vec::new();
            given.extend(has(parts, "first").then(|| part("first_name", "first")));
            given.extend(has(parts, "last").then(|| part("last_name", "last")));
            let is_longer = ["prefix", "middle", "suffix"];
            if is_longer.iter().any(|more| has(parts, more)) {
                given.push(field("name", name, whole(&value)));
            }
            given
        }
        Compound::Phone => vec![field("phone", name, whole(&value))],
        Compound::Address => {
            let lines = ["addr_line1", "addr_line2"];
            let lines = lines.iter().filter(|line| has(parts, line));
            let street = lines.flat_map(|line| texts_in(parts, line));
            let mut given = vec![field(key, name, street.collect())];
            for (ours, theirs) in [
                ("city", "city"),
                ("state", "state"),
                ("postal_code", "postal"),
                ("country", "country"),
            ] {
                given.extend(has(parts, theirs).then(|| part(ours, theirs)));
            }
            given
        }
        Compound::Date | Compound::Choices => vec![field(key, name, whole(&value))],
        Compound::Other => parts
            .keys()
            .map(|inner| part(&format!("{key}.{inner}"), inner))
            .collect(),
    }
}

/// An answer as one thing, as far as it is one.
fn whole(value: &Value) -> Vec<String> {
    let Value::Object(parts) = value else {
        return texts_of(value);
    };
    let joined = |names: &[&str], between: &str| {
        let texts = names.iter().filter_map(|name| text_of(parts.get(*name)?));
        let text = texts.collect::<Vec<_>>().join(between);
        Vec::from_iter((!text.is_empty()).then_some(text))
    };
    match compound(parts) {
        Compound::Name => joined(&["prefix", "first", "middle", "last", "suffix"], " "),
        Compound::Phone if has(parts, "full") => joined(&["full"], ""),
        Compound::Phone => {
            let country = parts.get("country").and_then(text_of);
            let local = joined(&["area", "phone"], " ");
            match country.map(|code| code.trim_start_matches('+').to_owned()) {
                Some(code) => local
                    .iter()
                    .map(|local| format!("+{code} {local}"))
                    .collect(),
                None => local,
            }
        }
        Compound::Date => joined(&["year", "month", "day"], "-"),
        Compound::Address | Compound::Choices | Compound::Other => {
            parts.values().flat_map(texts_of).collect()
        }
    }
}

fn texts_in(parts: &Map<String, Value>, part: &str) -> Vec<String> {
    parts.get(part).map(texts_of).unwrap_or_default()
}

fn has(parts: &Map<String, Value>, part: &str) -> bool {
    parts.get(part).and_then(text_of).is_some()
}

#[cfg(test)]
mod tests;
