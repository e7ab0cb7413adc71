//! Typeform's webhooks (www.typeform.com/developers/webhooks): each holds one whole response.

use std::collections::HashMap;

use serde_json::Value;

use super::placing::Given;
use super::sent::{id_of, text_of, texts_of};
use super::signature::{base64, check, hmac_sha256};
use super::{Denied, Entry, Item, Kind, Own, Sample, Sent, Setting, Shape, Signed, Unreadable};

/// Typeform.
pub struct Typeform;

const SETTINGS: &[Setting] = &[Setting::optional("secret", Shape::Secret)];

impl Kind for Typeform {
    fn name(&self) -> &'static str {
        "typeform"
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
                sent.header("typeform-signature"),
                &signature(secret, sent.body),
            ),
            None => Ok(()),
        }
    }

    fn read(&self, sent: &Sent<'_>, own: &Own) -> Result<Vec<Item>, Unreadable> {
        let body = sent.json()?;
        // `form_response_partial` tells of a form that was left half filled in; nobody sent it off.
        if body["event_type"] != "form_response" {
            return Ok(Vec::new());
        }
        match body.get("form_response") {
            Some(response) if response.is_object() => {
                Ok(vec![Item::Lead(Box::new(entry(response, own)))])
            }
            _ => Err(Unreadable("the body has no form_response".to_owned())),
        }
    }

    fn sign(&self, sample: Sample<'_>, own: &Own) -> Signed {
        let secret = own.text("secret");
        let signature = secret.map(|secret| signature(secret, sample.body));
        Signed {
            headers: signature
                .map(|signature| ("typeform-signature".into(), signature))
                .into_iter()
                .collect(),
            body: sample.body.to_vec(),
        }
    }

    fn guide(&self) -> &'static [&'static str] {
        &[
            "Open the form in Typeform and go to Connect, then Webhooks.",
            "Add a webhook with the address {url} and switch it on.",
            "Edit the webhook, enter a long random text as its secret, and set the same text here as secret.",
            "Without a secret set token here and add it to the address: {url}?token=...",
            "Give questions a ref, or use their titles, to map them under fields.",
            "Leave partial responses off: they are acknowledged and not kept.",
        ]
    }
}

fn signature(secret: &str, body: &[u8]) -> String {
    format!(
        "sha256={}",
        base64(&hmac_sha256(secret.as_bytes(), &[body]))
    )
}

fn entry(response: &Value, own: &Own) -> Entry {
    let mut entry = Entry {
        id: id_of(response.get("token")),
        ..Entry::default()
    };
    let definition = &response["definition"];
    let mut questions = HashMap::new();
    index(&definition["fields"], &mut questions);

    let mut given = Vec::new();
    let mut contacts = Vec::new();
    for answer in list(&response["answers"]) {
        let field = &answer["field"];
        let question = text_of(&field["id"]).and_then(|id| questions.get(&id).copied());
        let of = |key: &str| {
            let asked = question.and_then(|question| text_of(&question[key]));
            text_of(&field[key]).or(asked)
        };
        let name = of("ref").or_else(|| of("id")).unwrap_or_default();
        let label = of("title").unwrap_or_default();
        let values = values(answer);
        if of("type").as_deref() == Some("legal") && !entry.consent.contains_key(&label) {
            let agreed = answer["boolean"].clone();
            entry.consent.insert(label, agreed);
            continue;
        }
        match text_of(&answer["type"]).as_deref() {
            Some("email") => contacts.push((name.clone(), "email")),
            Some("phone_number") => contacts.push((name.clone(), "phoneNumber")),
            _ => {}
        }
        given.push(Given {
            name,
            label,
            values,
        });
    }
    for (name, value) in response["hidden"].as_object().into_iter().flatten() {
        given.push(Given {
            name: name.clone(),
            label: String::new(),
            values: texts_of(value),
        });
    }
    let contacts: Vec<_> = contacts
        .iter()
        .map(|(name, ours)| (name.as_str(), *ours))
        .collect();
    entry.place(own, &contacts, given);

    entry.about("formId", id_of(response.get("form_id")));
    entry.about("formName", text_of(&definition["title"]));
    entry.about("landedAt", text_of(&response["landed_at"]));
    entry.about("submittedAt", text_of(&response["submitted_at"]));
    entry.about("ending", id_of(response["ending"].get("id")));
    for variable in list(&response["variables"]) {
        let kind = text_of(&variable["type"]).unwrap_or_default();
        if let Some(key) = text_of(&variable["key"]) {
            entry.about(&format!("variables.{key}"), text_of(&variable[&kind]));
        }
    }
    entry
}

/// The questions by their ids, those inside groups too.
fn index<'a>(fields: &'a Value, questions: &mut HashMap<String, &'a Value>) {
    for field in list(fields) {
        if let Some(id) = text_of(&field["id"]) {
            questions.insert(id, field);
        }
        index(&field["properties"]["fields"], questions);
    }
}

/// What was answered. It stands under the name of the answer's type.
fn values(answer: &Value) -> Vec<String> {
    let kind = text_of(&answer["type"]).unwrap_or_default();
    let value = &answer[&kind];
    match kind.as_str() {
        "choice" | "choices" => ["label", "labels", "other"]
            .iter()
            .flat_map(|key| texts_of(&value[key]))
            .collect(),
        _ => texts_of(value),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests;
