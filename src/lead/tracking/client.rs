//! What a browser says of itself: the kind of device and the language.

use serde::{Deserialize, Serialize};

/// The kind of machine behind a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// A phone.
    Mobile,
    /// A tablet.
    Tablet,
    /// A desktop or laptop computer.
    Desktop,
    /// A program without a person in front of it.
    Bot,
}

const BOTS: [&str; 17] = [
    "bot",
    "crawl",
    "spider",
    "slurp",
    "headless",
    "facebookexternalhit",
    "preview",
    "curl/",
    "wget/",
    "python-",
    "go-http-client",
    "java/",
    "apache-httpclient",
    "node-fetch",
    "axios/",
    "postman",
    "monitor",
];
const TABLETS: [&str; 5] = ["ipad", "tablet", "kindle", "silk/", "playbook"];
const PHONES: [&str; 5] = ["iphone", "ipod", "mobile", "windows phone", "opera mini"];
const DESKTOPS: [&str; 5] = ["windows nt", "macintosh", "cros ", "x11", "linux"];

/// The device of a `User-Agent`, by the words in it; nothing when none is known.
///
/// A coarse hint for reports. It believes the header, and so takes a recent iPad for a desktop, as iPads ask it to
/// (developer.apple.com). Android without `Mobile` is a tablet (developer.chrome.com, "User-Agent strings"). Cubot
/// is a maker of phones.
pub fn device(user_agent: &str) -> Option<Device> {
    let agent = user_agent.to_ascii_lowercase().replace("cubot", "");
    let names = |words: &[&str]| words.iter().any(|word| agent.contains(word));
    if names(&BOTS) {
        Some(Device::Bot)
    } else if names(&TABLETS) || (agent.contains("android") && !agent.contains("mobile")) {
        Some(Device::Tablet)
    } else if names(&PHONES) {
        Some(Device::Mobile)
    } else if names(&DESKTOPS) {
        Some(Device::Desktop)
    } else {
        None
    }
}

/// The language an `Accept-Language` header likes best, as the tag was sent; the first of equals (RFC 9110, 12.5.4).
///
/// What is not shaped like a BCP 47 tag is passed over, and so are `*` and anything with a weight of zero.
pub fn locale(accept_language: &str) -> Option<String> {
    let mut best: Option<(u16, &str)> = None;
    for range in accept_language.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default();
        let weight =
            parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let Some(thousandths) = weight.map_or(Some(1000), thousandths) else {
            continue;
        };
        if thousandths > best.map_or(0, |(most, _)| most) && is_language_tag(tag) {
            best = Some((thousandths, tag));
        }
    }
    best.map(|(_, tag)| tag.to_owned())
}

fn thousandths(weight: &str) -> Option<u16> {
    let value: f32 = weight.trim().parse().ok()?;
    (0.0..=1.0)
        .contains(&value)
        .then_some((value * 1000.0).round() as u16)
}

/// A language of two or three letters (four to eight are reserved or registered), then subtags of at most eight.
fn is_language_tag(tag: &str) -> bool {
    let mut subtags = tag.split('-');
    let language = subtags.next().unwrap_or_default();
    (2..=8).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_alphabetic())
        && subtags
            .all(|s| (1..=8).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric()))
}
