//! Google Ads lead forms: one lead in each delivery, proven by a key inside the body
//! (developers.google.com/google-ads/webhook).

use serde_json::Value;

use super::placing::Given;
use super::sent::{id_of, text_of, texts_of};
use super::signature;
use super::{Denied, Entry, Item, Kind, Own, Sample, Sent, Setting, Shape, Signed, Unreadable};

/// Google Ads.
pub struct GoogleAds;

const KEY: &str = "google_key";

/// Column ids of the Google Ads API's LeadFormFieldUserInputType that tell of the person. All others are answers.
const STANDARD: &[(&str, &str)] = &[
    ("EMAIL", "email"),
    ("WORK_EMAIL", "email"),
    ("PHONE_NUMBER", "phoneNumber"),
    ("WORK_PHONE", "phoneNumber"),
    ("FULL_NAME", "name"),
    ("FIRST_NAME", "firstName"),
    ("GIVEN_NAME", "firstName"),
    ("LAST_NAME", "lastName"),
    ("FAMILY_NAME", "lastName"),
    ("COMPANY_NAME", "company"),
    ("JOB_TITLE", "jobTitle"),
    ("CITY", "city"),
    ("REGION", "region"),
    ("COUNTRY", "country"),
    ("POSTAL_CODE", "postalCode"),
];

/// Ids are 64-bit integers in JSON.
const IDS: [&str; 5] = [
    "campaign_id",
    "adgroup_id",
    "creative_id",
    "asset_group_id",
    "form_id",
];

const WORDS: [&str; 3] = ["lead_stage", "lead_submit_time", "lead_source"];

const SETTINGS: &[Setting] = &[Setting::required(KEY, Shape::Secret)];

impl Kind for GoogleAds {
    fn name(&self) -> &'static str {
        "google_ads"
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn is_signed(&self, _own: &Own) -> bool {
        true
    }

    fn verify(&self, sent: &Sent<'_>, own: &Own) -> Result<(), Denied> {
        let body = sent.json().map_err(|_| Denied::Missing)?;
        let shown = key_name(&body).and_then(|name| text_of(&body[name]));
        signature::check(shown.as_deref(), own.text(KEY).ok_or(Denied::Wrong)?)
    }

    fn read(&self, sent: &Sent<'_>, own: &Own) -> Result<Vec<Item>, Unreadable> {
        let body = sent.json()?;
        let columns = body["user_column_data"].as_array();
        let id = id_of(body.get("lead_id"));
        if columns.is_none() && id.is_none() {
            return Err(Unreadable(
                "there is neither lead_id nor user_column_data".to_owned(),
            ));
        }
        let mut entry = Entry {
            id,
            test: text_of(&body["is_test"]).is_some_and(|test| test.eq_ignore_ascii_case("true")),
            ..Entry::default()
        };
        let given = columns.into_iter().flatten().map(|column| Given {
            name: text_of(&column["column_id"]).unwrap_or_default(),
            label: text_of(&column["column_name"]).unwrap_or_default(),
            values: texts_of(&column["string_value"]),
        });
        entry.place(own, STANDARD, given.collect());
        if let Some(click) = text_of(&body["gcl_id"]) {
            entry.mark("gclid", &click);
        }
        for name in IDS {
            entry.about(name, id_of(body.get(name)));
        }
        for name in WORDS {
            entry.about(name, text_of(&body[name]));
        }
        Ok(vec![Item::Lead(Box::new(entry))])
    }

    fn sign(&self, sample: Sample<'_>, own: &Own) -> Signed {
        let body = serde_json::from_slice(sample.body).ok();
        let signed = body.and_then(|mut body: Value| {
            let name = key_name(&body).unwrap_or(KEY).to_owned();
            let key = own.text(KEY)?.into();
            body.as_object_mut()?.insert(name, key);
            Some(body.to_string().into_bytes())
        });
        Signed {
            headers: Vec::new(),
            body: signed.unwrap_or_else(|| sample.body.to_vec()),
        }
    }

    fn guide(&self) -> &'static [&'static str] {
        &[
            "Choose a long random text and set it as google_key.",
            "In Google Ads open the lead form asset, then Export leads from Google Ads, Other data integration options, \
             Webhook integration.",
            "Paste {url} as the webhook URL and the text of google_key as the key.",
            "Press Send test data: the button turns green, and a test lead appears here that is never booked.",
            "Map your own questions under fields by their text.",
        ]
    }
}

/// How the delivery spells the key's name: Google's own samples write `Google_key`.
fn key_name(body: &Value) -> Option<&str> {
    body.as_object()?
        .keys()
        .map(String::as_str)
        .find(|name| name.eq_ignore_ascii_case(KEY))
}

#[cfg(test)]
mod tests;
