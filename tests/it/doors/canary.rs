//! A mark in every text that is sent, so that it can be found wherever it went.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Gateway, Settings};

/// What every text of a marked lead holds.
pub const MARK: &str = "zq-canary";

/// The token of the source `closed`.
pub const TOKEN: &str = "token-0123456789abcdef";

/// A lead with the mark in every field that takes text.
pub fn marked() -> Value {
    json!({
        "email": "zq-canary-kim@person.example", "phoneNumber": "+4790000017",
        "firstName": "zq-canary-kim", "lastName": "zq-canary-ek",
        "company": "zq-canary-company", "jobTitle": "zq-canary-job", "city": "zq-canary-city",
        "region": "zq-canary-region", "postalCode": "zq-canary", "country": "NO", "timeZone": "Europe/Oslo",
        "answers": {"zq-canary-question": ["zq-canary-answer", "zq-canary-more"]},
        "additionalGuests": [{"email": "zq-canary-guest@person.example", "name": "zq-canary-guest"}],
        "utm": {"source": "zq-canary-source"}, "gclid": "zq-canary-gclid",
        "landingUrl": "https://acme.example/zq-canary?utm_medium=zq-canary-medium",
        "referrerUrl": "https://zq-canary.example/", "consent": {"zq-canary-terms": true},
        "metadata": {"zq-canary-key": "zq-canary-value"}, "zq_canary_unknown": "zq-canary-extra",
    })
}

/// The marked lead with some fields changed; null takes one away.
pub fn changed(change: Value) -> Value {
    let mut lead = marked();
    for (name, value) in change.as_object().unwrap() {
        lead[name] = value.clone();
    }
    lead
}

/// A gateway with a third source, `closed`, that asks for a token.
pub async fn gateway(sandbox: &leadgate::sandbox::Sandbox) -> Gateway {
    let tables = format!(
        "[sources.closed]\nkind = \"form\"\nlink_prefix = \"acme/strategy-call\"\n\
         allowed_origins = [\"https://acme.example\"]\ntoken = \"{TOKEN}\""
    );
    Gateway::start(&Settings::new(&sandbox.url(), (100, 2)).tables(&tables)).await
}

/// Whether the mark, or the marked phone number, is anywhere in these bytes.
pub fn holds_mark(bytes: &[u8]) -> bool {
    [MARK.as_bytes(), b"4790000017"]
        .iter()
        .any(|mark| bytes.windows(mark.len()).any(|window| window == *mark))
}

/// Whether any file of the store holds the mark.
pub fn store_holds_mark(folder: &Path) -> bool {
    let files = std::fs::read_dir(folder.join("data")).unwrap();
    files
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .any(|bytes| holds_mark(&bytes))
}
