//! Anything that can post JSON or a form: automation tools and programs of the operator's own. What is what, and what
//! proves the sender, the operator says.

use std::borrow::Cow;

use serde_json::Value;

use super::leaves::leaves;
use super::placing::Given;
use super::sent::{id_of, text_of};
use super::signature::{base64, check, hex, hmac_sha1, hmac_sha256, hmac_sha512};
use super::{Denied, Entry, Item, Kind, Own, Sample, Sent, Setting, Shape, Signed, Unreadable};

/// Any JSON or form post.
pub struct Mapped;

const SIGNATURE: &str = "signature";
const SIGNATURE_KEYS: &[&str] = &["header", "algorithm", "encoding", "prefix", "secret"];
const ALGORITHMS: [&str; 3] = ["sha256", "sha1", "sha512"];
const ENCODINGS: [&str; 2] = ["hex", "base64"];
const SETTINGS: &[Setting] = &[
    Setting::optional("id", Shape::Text),
    Setting::optional("test", Shape::Text),
    Setting::optional(SIGNATURE, Shape::Table(SIGNATURE_KEYS)),
];

impl Kind for Mapped {
    fn name(&self) -> &'static str {
        "mapped"
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    /// A signature that is set half or with unknown words proves nothing.
    fn is_signed(&self, own: &Own) -> bool {
        Scheme::of(own).is_some()
    }

    fn faults(&self, own: &Own) -> Vec<(&'static str, String)> {
        if !own.has_table(SIGNATURE) {
            return Vec::new();
        }
        let is_missing = |key: &&str| own.entry(SIGNATURE, key).unwrap_or_default().is_empty();
        let missing = ["header", "secret"].into_iter().filter(is_missing);
        let unknown = [("algorithm", &ALGORITHMS[..]), ("encoding", &ENCODINGS)]
            .into_iter()
            .filter_map(|(key, known)| Some((key, known, own.entry(SIGNATURE, key)?)))
            .filter(|(_, known, word)| !known.contains(word))
            .map(|(key, known, _)| format!("{key} must be one of {}", known.join(", ")));
        missing
            .map(|key| format!("{key} is missing"))
            .chain(unknown)
            .map(|fault| (SIGNATURE, fault))
            .collect()
    }

    fn verify(&self, sent: &Sent<'_>, own: &Own) -> Result<(), Denied> {
        if !own.has_table(SIGNATURE) {
            return Ok(());
        }
        let scheme = Scheme::of(own).ok_or(Denied::Wrong)?;
        let shown = sent.header(&scheme.header).map(|shown| scheme.plain(shown));
        check(
            shown.as_deref(),
            &scheme.plain(&scheme.signature(sent.body)),
        )
    }

    fn read(&self, sent: &Sent<'_>, own: &Own) -> Result<Vec<Item>, Unreadable> {
        let document = sent.value()?;
        let leads = match &document {
            Value::Array(leads) => leads.as_slice(),
            lead => std::slice::from_ref(lead),
        };
        if !leads.iter().all(Value::is_object) {
            return Err(Unreadable(
                "an object or a list of objects is wanted".to_owned(),
            ));
        }
        let lead = |lead| Item::Lead(Box::new(entry(lead, own)));
        Ok(leads.iter().map(lead).collect())
    }

    fn sign(&self, sample: Sample<'_>, own: &Own) -> Signed {
        let mut headers = Vec::new();
        if let Some(scheme) = Scheme::of(own) {
            let signature = scheme.signature(sample.body);
            headers.push((Cow::from(scheme.header), signature));
        }
        Signed {
            headers,
            body: sample.body.to_vec(),
        }
    }

    fn guide(&self) -> &'static [&'static str] {
        &[
            "Post JSON or a form to {url}: one lead as an object, or several as a list of objects.",
            "Set token here and send it as the header X-Leadgate-Token or as {url}?token=...",
            "A program that signs its posts needs no token: set signature with the header's name, algorithm (sha256, sha1, sha512), encoding (hex, base64), prefix and secret.",
            "Map what is not named plainly under fields, by JSON pointers such as \"/contact/email\" or by form names.",
            "Set id to where the platform's id of the lead stands, so that a repeated post is known.",
            "Set test to where trial posts are marked: true, 1, yes or test.",
        ]
    }
}

/// How the operator's sender signs.
struct Scheme<'a> {
    /// In lower case.
    header: String,
    algorithm: &'a str,
    is_hex: bool,
    prefix: &'a str,
    secret: &'a str,
}

impl<'a> Scheme<'a> {
    fn of(own: &'a Own) -> Option<Self> {
        let set = |key: &str| own.entry(SIGNATURE, key).filter(|text| !text.is_empty());
        let algorithm = set("algorithm").unwrap_or("sha256");
        let encoding = set("encoding").unwrap_or("hex");
        let is_known = ALGORITHMS.contains(&algorithm) && ENCODINGS.contains(&encoding);
        is_known.then_some(())?;
        Some(Scheme {
            header: set("header")?.trim().to_ascii_lowercase(),
            algorithm,
            is_hex: encoding == "hex",
            prefix: set("prefix").unwrap_or_default(),
            secret: set("secret")?,
        })
    }

    fn signature(&self, body: &[u8]) -> String {
        let key = self.secret.as_bytes();
        let mac = match self.algorithm {
            "sha1" => hmac_sha1(key, &[body]).to_vec(),
            "sha512" => hmac_sha512(key, &[body]).to_vec(),
            _ => hmac_sha256(key, &[body]).to_vec(),
        };
        let text = if self.is_hex { hex(&mac) } else { base64(&mac) };
        format!("{}{text}", self.prefix)
    }

    /// Without what says nothing: the case of hex digits, the padding of base64.
    fn plain(&self, shown: &str) -> String {
        let shown = shown.trim();
        match self.is_hex {
            true => shown.to_ascii_lowercase(),
            false => shown.trim_end_matches('=').to_owned(),
        }
    }
}

fn entry(lead: &Value, own: &Own) -> Entry {
    let (id, test) = (own.text("id"), own.text("test"));
    let mut entry = Entry {
        id: id_of(id.and_then(|place| at(lead, place))),
        test: test.and_then(|place| at(lead, place)).is_some_and(is_yes),
        ..Entry::default()
    };
    let is_mapped = |pointer: &str, path: &str| {
        own.fields.contains_key(pointer) || own.fields.contains_key(path)
    };
    let given = leaves(lead, &is_mapped)
        .into_iter()
        .filter(|leaf| {
            let is_at = |place: &str| leaf.pointer == place || leaf.path == place;
            is_mapped(&leaf.pointer, &leaf.path) || ![id, test].into_iter().flatten().any(is_at)
        })
        .map(|leaf| Given {
            name: leaf.pointer,
            label: leaf.path,
            values: leaf.values,
        });
    entry.place(own, &[], given.collect());
    entry
}

/// By JSON pointer, by name, or by names joined with dots.
fn at<'a>(lead: &'a Value, place: &str) -> Option<&'a Value> {
    if place.starts_with('/') {
        return lead.pointer(place);
    }
    let below = |value: &'a Value, name: &str| value.get(name);
    lead.get(place)
        .or_else(|| place.split('.').try_fold(lead, below))
}

/// What the senders of the world mean by yes.
fn is_yes(mark: &Value) -> bool {
    let mark = text_of(mark).map(|mark| mark.trim().to_ascii_lowercase());
    matches!(mark.as_deref(), Some("true" | "1" | "yes" | "test"))
}

#[cfg(test)]
mod tests;
