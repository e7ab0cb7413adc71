//! Unbounce's webhooks (documentation.unbounce.com): a form, one field of which holds the lead as JSON. Unbounce signs
//! nothing and sends no id.

use serde_json::{Map, Value};

use super::placing::Given;
use super::sent::{id_of, texts_of};
use super::{Denied, Entry, Item, Kind, Own, Sent, Setting, Unreadable};

/// Unbounce.
pub struct Unbounce;

/// What Unbounce adds to the fields of the form, and the name it is kept under.
const ADDED: [(&str, &str); 9] = [
    ("page_id", "pageId"),
    ("page_uuid", "pageId"),
    ("page_name", "pageName"),
    ("variant", "variant"),
    ("ip_address", "ip"),
    ("date_submitted", "date"),
    ("time_submitted", "time"),
    ("form_id", "formId"),
    ("form_name", "formName"),
];

impl Kind for Unbounce {
    fn name(&self) -> &'static str {
        "unbounce"
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
        let data = pairs.iter().find(|(name, _)| name == "data.json");
        let (_, data) = data.ok_or_else(|| Unreadable("there is no data.json".to_owned()))?;
        let data: Map<String, Value> = serde_json::from_str(data)
            .map_err(|_| Unreadable("data.json is not a JSON object".to_owned()))?;
        let mut entry = Entry::default();
        let mut given = Vec::new();
        for (name, value) in &data {
            match added(name) {
                Some(ours) => entry.about(ours, texts_of(value).into_iter().next()),
                None => given.push(field(name, texts_of(value))),
            }
        }
        // The same again beside the lead, and at times only there.
        for (name, value) in &pairs {
            match added(name) {
                Some(ours) if !entry.metadata.contains_key(ours) => {
                    entry.about(ours, id_of(Some(&Value::from(value.as_str()))));
                }
                None if name == "page_url" && !data.contains_key(name) => {
                    given.push(field(name, vec![value.clone()]));
                }
                _ => {}
            }
        }
        entry.place(own, &[], given);
        Ok(vec![Item::Lead(Box::new(entry))])
    }

    fn guide(&self) -> &'static [&'static str] {
        &[
            "Open the page in Unbounce, go to Integrations and add a webhook.",
            "Set token here, and enter the address {url}?token=...",
            "Leave the field mapping as it is: every field is sent under its own name.",
            "Map field names that are not plain under fields.",
        ]
    }
}

fn added(name: &str) -> Option<&'static str> {
    let found = ADDED.iter().find(|(theirs, _)| *theirs == name);
    found.map(|(_, ours)| *ours)
}

fn field(name: &str, values: Vec<String>) -> Given {
    Given {
        name: name.to_owned(),
        label: name.to_owned(),
        values,
    }
}

#[cfg(test)]
mod tests;
