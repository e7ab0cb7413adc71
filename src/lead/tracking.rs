//! Where a lead came from: campaign marks, click ids, pages, and what a browser says of itself.
//!
//! Owns the names of the marks and who is believed when they differ. Values are kept byte for byte: advertising
//! platforms match them exactly.

mod client;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use client::{Device, device, locale};

/// The click ids and browser ids of advertising platforms: Google, Meta, TikTok, Microsoft, LinkedIn, X, Pinterest,
/// Snapchat, Reddit.
const CLICK_IDS: [&str; 16] = [
    "gclid",
    "gbraid",
    "wbraid",
    "dclid",
    "gad_source",
    "fbclid",
    "_fbc",
    "_fbp",
    "ttclid",
    "_ttp",
    "msclkid",
    "li_fat_id",
    "twclid",
    "epik",
    "ScCid",
    "rdt_cid",
];
const UTM_PREFIX: &str = "utm_";
/// The order people write the marks in.
const UTM_ORDER: [&str; 6] = [
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "utm_id",
];

/// The marks of one lead. `Debug` shows how many there are: addresses of pages can hold personal data.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tracking {
    /// Values by `utm_` name, the name in lower case.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub utm: BTreeMap<String, String>,
    /// Values by the platform's own spelling of the id's name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub click_ids: BTreeMap<String, String>,
    /// The page that led to the form, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer_url: Option<String>,
    /// The page the form stood on, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub landing_url: Option<String>,
}

impl fmt::Debug for Tracking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracking")
            .field("utm", &self.utm.len())
            .field("click_ids", &self.click_ids.len())
            .field("referrer_url", &self.referrer_url.is_some())
            .field("landing_url", &self.landing_url.is_some())
            .finish()
    }
}

/// A name that is kept, in the spelling it is kept under.
enum Mark<'a> {
    Utm(Cow<'a, str>),
    ClickId(&'static str),
}

fn mark(key: &str) -> Option<Mark<'_>> {
    if let Some(id) = CLICK_IDS.iter().find(|id| id.eq_ignore_ascii_case(key)) {
        return Some(Mark::ClickId(id));
    }
    let is_utm = key.len() > UTM_PREFIX.len()
        && key
            .get(..UTM_PREFIX.len())?
            .eq_ignore_ascii_case(UTM_PREFIX);
    is_utm.then(|| {
        let has_capitals = key.bytes().any(|b| b.is_ascii_uppercase());
        Mark::Utm(if has_capitals {
            key.to_ascii_lowercase().into()
        } else {
            key.into()
        })
    })
}

/// Whether a field of this name is a campaign mark or a click id. Case does not matter.
pub fn is_tracking_key(key: &str) -> bool {
    mark(key).is_some()
}

/// Gathers the marks. Fields of the lead outweigh the landing page's query, which outweighs the referring page's; in
/// one place the first of a repeated name counts. Empty values say nothing and hide nothing.
pub fn collect(
    fields: &[(String, String)],
    landing: Option<&str>,
    referrer: Option<&str>,
) -> Tracking {
    let present = |url: Option<&str>| url.filter(|url| !url.is_empty()).map(str::to_owned);
    let mut tracking = Tracking {
        referrer_url: present(referrer),
        landing_url: present(landing),
        ..Tracking::default()
    };
    for (key, value) in fields {
        tracking.add(key, value);
    }
    for (key, value) in [landing, referrer]
        .into_iter()
        .flatten()
        .flat_map(query_pairs)
    {
        tracking.add(&key, &value);
    }
    tracking
}

impl Tracking {
    /// The marks as iClosed's contacts take them: `utm_source=meta&utm_medium=paid`, the usual ones first, names and
    /// values percent-encoded. Empty when there are none.
    pub fn vendor_utm(&self) -> String {
        let usual = UTM_ORDER
            .iter()
            .filter_map(|key| self.utm.get_key_value(*key));
        let others = self
            .utm
            .iter()
            .filter(|(key, _)| !UTM_ORDER.contains(&key.as_str()));
        let mut query = String::new();
        for (key, value) in usual.chain(others) {
            if !query.is_empty() {
                query.push('&');
            }
            percent_encode(key, &mut query);
            query.push('=');
            percent_encode(value, &mut query);
        }
        query
    }

    /// Whether there is anything that iClosed's contacts have a place for.
    pub fn has_marks(&self) -> bool {
        !self.utm.is_empty() || self.referrer_url.is_some()
    }

    fn add(&mut self, key: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        let (values, name) = match mark(key) {
            Some(Mark::Utm(name)) => (&mut self.utm, name),
            Some(Mark::ClickId(name)) => (&mut self.click_ids, Cow::Borrowed(name)),
            None => return,
        };
        if !values.contains_key(&*name) {
            values.insert(name.into_owned(), value.to_owned());
        }
    }
}

fn query_pairs(url: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let page = url.split('#').next().unwrap_or_default();
    let query = page.split_once('?').map_or("", |(_, query)| query);
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(k, v)| (decode(k), decode(v)))
}

/// Form decoding, once: `+` is a space and `%41` an `A` (url.spec.whatwg.org). A percent sign without two hex digits
/// stays as it is, and so does a whole text whose bytes would not be UTF-8.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let coded = if *byte == b'%' {
            hex_pair(bytes.get(at + 1..at + 3))
        } else {
            None
        };
        decoded.push(coded.unwrap_or(if *byte == b'+' { b' ' } else { *byte }));
        at += if coded.is_some() { 3 } else { 1 };
    }
    String::from_utf8(decoded).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn hex_pair(digits: Option<&[u8]>) -> Option<u8> {
    let value = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|v| u8::try_from(v).ok())
    };
    match digits? {
        [high, low] => Some(value(*high)? * 16 + value(*low)?),
        _ => None,
    }
}

/// Everything but RFC 3986's unreserved characters.
fn percent_encode(text: &str, out: &mut String) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend([
                '%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
        }
    }
}
