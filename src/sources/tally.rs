//! Tally's webhooks (tally.so/help/webhooks): each holds one whole response.

use serde_json::Value;

use super::placing::Given;
use super::sent::{id_of, text_of, texts_of};
use super::signature::{base64, check, hmac_sha256};
use super::{Denied, Entry, Item, Kind, Own, Sample, Sent, Setting, Shape, Signed, Unreadable};

/// Tally.
pub struct Tally;

const SETTINGS: &[Setting] = &[Setting::optional("secret", Shape::Secret)];

impl Kind for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn is_signed(&self, own: &Own) -> bool {
        own.text("secret").is_some()
    }

    fn verify(&self, sent: &Sent<'_>, own: &Own) -> Result<(), Denied> {
        match own.text("secret") {
            Some(secret) => check(
                sent.header("tally-signature"),
                &signature(secret, sent.body),
            ),
            None => Ok(()),
        }
    }

    fn read(&self, sent: &Sent<'_>, own: &Own) -> Result<Vec<Item>, Unreadable> {
        let body = sent.json()?;
        if body["eventType"] != "FORM_RESPONSE" {
            return Ok(Vec::new());
        }
        let data = &body["data"];
        match data["fields"].as_array() {
            Some(rows) => Ok(vec![Item::Lead(Box::new(entry(data, rows, own)))]),
            None => Err(Unreadable("the body has no data.fields".to_owned())),
        }
    }

    fn sign(&self, sample: Sample<'_>, own: &Own) -> Signed {
        let secret = own.text("secret");
        let signature = secret.map(|secret| signature(secret, sample.body));
        Signed {
            headers: signature
                .map(|signature| ("tally-signature".into(), signature))
                .into_iter()
                .collect(),
            body: sample.body.to_vec(),
        }
    }

    fn guide(&self) -> &'static [&'static str] {
        &[
            "Publish the form in Tally, open Integrations and connect Webhooks.",
            "Enter the endpoint {url}.",
            "Add a signing secret, and set the same text here as secret.",
            "Without a signing secret set token here and add an HTTP header X-Leadgate-Token that holds it.",
            "Add hidden fields named utm_source, utm_campaign, gclid and so on, to pass on what the page's address holds.",
        ]
    }
}

fn signature(secret: &str, body: &[u8]) -> String {
    base64(&hmac_sha256(secret.as_bytes(), &[body]))
}

fn entry(data: &Value, rows: &[Value], own: &Own) -> Entry {
    let mut entry = Entry {
        id: id_of(data.get("submissionId")).or_else(|| id_of(data.get("responseId"))),
        ..Entry::default()
    };
    let mut given = Vec::new();
    let mut contacts = Vec::new();
    for row in rows.iter().filter(|row| !is_option_of_another_row(row)) {
        let key = text_of(&row["key"]).unwrap_or_default();
        let label = text_of(&row["label"]).unwrap_or_default();
        match row["type"].as_str() {
            Some("INPUT_EMAIL") => contacts.push((key.clone(), "email")),
            Some("INPUT_PHONE_NUMBER") => contacts.push((key.clone(), "phoneNumber")),
            _ => {}
        }
        match (row["type"].as_str(), &row["value"]) {
            (Some("MATRIX"), Value::Object(cells)) => {
                for (line, chosen) in cells {
                    let line = named(&row["rows"], line);
                    given.push(Given {
                        name: format!("{key}.{line}"),
                        label: format!("{label}: {line}"),
                        values: chosen_texts(&row["columns"], chosen),
                    });
                }
            }
            (_, value) => given.push(Given {
                name: key,
                label,
                values: chosen_texts(&row["options"], value),
            }),
        }
    }
    let contacts: Vec<_> = contacts
        .iter()
        .map(|(name, ours)| (name.as_str(), *ours))
        .collect();
    entry.place(own, &contacts, given);

    entry.about("formId", id_of(data.get("formId")));
    entry.about("formName", text_of(&data["formName"]));
    entry.about("respondentId", id_of(data.get("respondentId")));
    entry.about("submittedAt", text_of(&data["createdAt"]));
    entry
}

/// Tally sends a question with checkboxes as a list, and then each of its options again as a row with yes or no.
fn is_option_of_another_row(row: &Value) -> bool {
    row["type"] == "CHECKBOXES" && row["value"].is_boolean()
}

/// The texts of the options chosen, in their order; a file's address; anything else as it is.
fn chosen_texts(options: &Value, value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items
            .iter()
            .flat_map(|item| chosen_texts(options, item))
            .collect(),
        Value::Object(file) => file
            .get("url")
            .and_then(text_of)
            .map_or_else(|| texts_of(value), |url| vec![url]),
        scalar => text_of(scalar)
            .map(|id| named(options, &id))
            .into_iter()
            .collect(),
    }
}

/// The text of the option with this id; an id that is not among them stays.
fn named(options: &Value, id: &str) -> String {
    let options = options.as_array().map_or(&[][..], Vec::as_slice);
    options
        .iter()
        .find(|option| text_of(&option["id"]).as_deref() == Some(id))
        .and_then(|option| text_of(&option["text"]))
        .unwrap_or_else(|| id.to_owned())
}

#[cfg(test)]
mod tests;
