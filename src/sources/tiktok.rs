//! TikTok instant forms: whole leads, several in a delivery, ids as numbers of 19 digits
//! (business-api.tiktok.com, subscription entity LEAD).

use std::fmt::Write;

use serde_json::Value;

use super::placing::Given;
use super::sent::{id_of, text_of, texts_of};
use super::signature::{self, hex};
use super::{Denied, Entry, Item, Kind, Own, Sample, Sent, Setting, Shape, Signed, Unreadable};

/// TikTok.
pub struct TikTok;

const SECRET: &str = "app_secret";

/// The `object` of a lead; the same address may get notices of ad reviews and others.
const LEAD: &str = "1";

/// What preview submissions carry in the name of the campaign, the ad group or the ad.
const TEST_MARK: &str = "test lead: dummy data";

const STANDARD: &[(&str, &str)] = &[
    ("email", "email"),
    ("work_email", "email"),
    ("phone_number", "phoneNumber"),
    ("work_phone", "phoneNumber"),
    ("work_phone_number", "phoneNumber"),
    ("name", "name"),
    ("full_name", "name"),
    ("first_name", "firstName"),
    ("last_name", "lastName"),
    ("company_name", "company"),
    ("job_title", "jobTitle"),
    ("city", "city"),
    ("province", "region"),
    ("state", "region"),
    ("country", "country"),
    ("zip_code", "postalCode"),
    ("postcode", "postalCode"),
];

const IDS: [&str; 6] = [
    "page_id",
    "advertiser_id",
    "campaign_id",
    "adgroup_id",
    "ad_id",
    "library_id",
];

const NAMES: [&str; 5] = [
    "page_name",
    "advertiser_name",
    "campaign_name",
    "adgroup_name",
    "ad_name",
];

const WORDS: [&str; 2] = ["lead_source", "create_time"];

const SETTINGS: &[Setting] = &[Setting::required(SECRET, Shape::Secret)];

impl Kind for TikTok {
    fn name(&self) -> &'static str {
        "tiktok"
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn is_signed(&self, _own: &Own) -> bool {
        true
    }

    fn verify(&self, sent: &Sent<'_>, own: &Own) -> Result<(), Denied> {
        let secret = own.text(SECRET).ok_or(Denied::Wrong)?;
        let shown = sent.header("x-open-signature");
        // The documentation signs the escaped body; deliveries were seen that sign the body as it is.
        let plain = signature::check(shown, &proof(secret, sent.body));
        match (plain, escaped(sent.body)) {
            (Err(Denied::Wrong), Some(escaped)) => {
                signature::check(shown, &proof(secret, &escaped))
            }
            (plain, _) => plain,
        }
    }

    fn read(&self, sent: &Sent<'_>, own: &Own) -> Result<Vec<Item>, Unreadable> {
        let body = sent.json()?;
        if text_of(&body["object"]).as_deref() != Some(LEAD) {
            return Ok(Vec::new());
        }
        let entries = body["entry"]
            .as_array()
            .ok_or_else(|| Unreadable("entry is not a list".to_owned()))?;
        let leads = entries.iter().filter(|entry| entry.is_object());
        Ok(leads
            .map(|lead| Item::Lead(Box::new(entry(lead, own))))
            .collect())
    }

    fn sign(&self, sample: Sample<'_>, own: &Own) -> Signed {
        let message = escaped(sample.body).unwrap_or_else(|| sample.body.to_vec());
        let proof = proof(own.text(SECRET).unwrap_or_default(), &message);
        Signed {
            headers: vec![
                ("x-open-signature".into(), proof),
                ("x-open-signature-type".into(), "HMAC-SHA256".to_owned()),
            ],
            body: sample.body.to_vec(),
        }
    }

    fn guide(&self) -> &'static [&'static str] {
        &[
            "In TikTok for Business Developers open your app and set app_secret to its secret.",
            "Subscribe the advertiser: POST https://business-api.tiktok.com/open_api/v1.3/subscription/subscribe/ \
             (with the slash at the end) with app_id, secret, subscribe_entity LEAD, callback_url {url}, and \
             subscription_detail with access_token, advertiser_id and lead_source INSTANT_FORM.",
            "Keep that access token: revoking it silently ends the subscription.",
            "Submit a form preview: it arrives as a test lead, which is never booked.",
            "Map your own questions under fields by their text.",
        ]
    }
}

fn proof(secret: &str, message: &[u8]) -> String {
    hex(&signature::hmac_sha256(secret.as_bytes(), &[message]))
}

/// The body with every character beyond ASCII written as JSON's `\uXXXX`, in lower case and as a surrogate pair where
/// one is needed; nothing else changes. `None`: the body is not UTF-8.
fn escaped(body: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            escaped.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a text cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    Some(escaped.into_bytes())
}

fn entry(lead: &Value, own: &Own) -> Entry {
    let mut entry = Entry {
        id: id_of(lead.get("id")),
        test: is_test(lead),
        ..Entry::default()
    };
    let changes = lead["changes"].as_array().into_iter().flatten();
    let given = changes.map(|change| Given {
        name: text_of(&change["field"]).unwrap_or_default(),
        label: String::new(),
        values: texts_of(&change["value"]),
    });
    entry.place(own, STANDARD, given.collect());
    for name in IDS {
        entry.about(name, id_of(lead.get(name)));
    }
    for name in NAMES.into_iter().chain(WORDS) {
        entry.about(name, text_of(&lead[name]));
    }
    entry
}

fn is_test(lead: &Value) -> bool {
    NAMES.iter().any(|name| {
        let text = text_of(&lead[*name]).unwrap_or_default();
        text.to_lowercase().contains(TEST_MARK)
    })
}

#[cfg(test)]
mod tests;
