//! Webflow's form webhooks (developers.webflow.com): each holds one whole submission.

use serde_json::{Map, Value};

use super::placing::Given;
use super::sent::{id_of, text_of, texts_of};
use super::signature::{check, check_stamp, hex, hmac_sha256};
use super::{Denied, Entry, Item, Kind, Own, Sample, Sent, Setting, Shape, Signed, Unreadable};

/// Webflow.
pub struct Webflow;

const SETTINGS: &[Setting] = &[Setting::optional("secret", Shape::Secret)];

impl Kind for Webflow {
    fn name(&self) -> &'static str {
        "webflow"
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn is_signed(&self, own: &Own) -> bool {
        own.text("secret").is_some()
    }

    fn verify(&self, sent: &Sent<'_>, own: &Own) -> Result<(), Denied> {
        let Some(secret) = own.text("secret") else {
            return Ok(());
        };
        let stamp = sent.header("x-webflow-timestamp").ok_or(Denied::Missing)?;
        check(
            sent.header("x-webflow-signature"),
            &signature(secret, stamp, sent.body),
        )?;
        let milliseconds: i64 = stamp.trim().parse().map_err(|_| Denied::Stale)?;
        check_stamp(milliseconds / 1000, sent.now)
    }

    fn read(&self, sent: &Sent<'_>, own: &Own) -> Result<Vec<Item>, Unreadable> {
        let body = sent.json()?;
        let is_other = |kind: &Value| !kind.is_null() && kind != "form_submission";
        if is_other(&body["triggerType"]) {
            return Ok(Vec::new());
        }
        // Hooks of the API's first version send what is now the payload.
        let payload = match &body["payload"] {
            Value::Null => &body,
            payload => payload,
        };
        match &payload["data"] {
            Value::Object(data) => Ok(vec![Item::Lead(Box::new(entry(payload, data, own)))]),
            _ => Err(Unreadable("the body has no payload.data".to_owned())),
        }
    }

    fn sign(&self, sample: Sample<'_>, own: &Own) -> Signed {
        let mut headers = Vec::new();
        if let Some(secret) = own.text("secret") {
            let stamp = sample.at.as_millisecond().to_string();
            headers.push((
                "x-webflow-signature".into(),
                signature(secret, &stamp, sample.body),
            ));
            headers.push(("x-webflow-timestamp".into(), stamp));
        }
        Signed {
            headers,
            body: sample.body.to_vec(),
        }
    }

    fn guide(&self) -> &'static [&'static str] {
        &[
            "In Webflow open Site settings, then Apps & integrations, and add a webhook of the trigger Form submission.",
            "Hooks made there are not signed: set token here and enter the address {url}?token=...",
            "For signed deliveries create the hook through Webflow's API with the address {url}.",
            "Set its secretKey (hooks made with a site token) or the app's client secret here as secret.",
            "Fields have the names given to them in the designer; map those that are not plain under fields.",
        ]
    }
}

fn signature(secret: &str, stamp: &str, body: &[u8]) -> String {
    hex(&hmac_sha256(
        secret.as_bytes(),
        &[stamp.as_bytes(), b":", body],
    ))
}

fn entry(payload: &Value, data: &Map<String, Value>, own: &Own) -> Entry {
    let of = |keys: &[&str]| keys.iter().find_map(|key| id_of(payload.get(key)));
    let mut entry = Entry {
        id: of(&["id", "_id"]),
        ..Entry::default()
    };
    let given = data.iter().map(|(name, value)| Given {
        name: name.clone(),
        label: name.clone(),
        values: texts_of(value),
    });
    entry.place(own, &[], given.collect());
    if let Some(page) = text_of(&payload["pageUrl"]) {
        entry.known("landingUrl", "pageUrl", &[page]);
    }
    entry.about("formId", of(&["formId"]));
    entry.about("formName", of(&["name"]));
    entry.about("formElementId", of(&["formElementId"]));
    entry.about("siteId", of(&["siteId", "site"]));
    entry.about("pageId", of(&["pageId"]));
    entry.about("publishedPath", of(&["publishedPath"]));
    entry.about("submittedAt", of(&["submittedAt", "d"]));
    entry
}

#[cfg(test)]
mod tests;
