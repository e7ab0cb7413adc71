//! Deliveries for tests.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Entry, Item, Kind, Own, Sent};

/// 2026-02-02T02:40:00Z.
pub(super) const NOW_SECOND: i64 = 1_770_000_000;

/// What a [`Sent`] borrows.
pub(super) struct Delivery {
    pub(super) url: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
    pub(super) now: Timestamp,
}

impl Delivery {
    pub(super) fn new(content_type: &str, body: &str) -> Self {
        Self {
            url: "https://leads.acme.example/v1/sources/any/leads".to_owned(),
            headers: BTreeMap::new(),
            body: body.as_bytes().to_vec(),
            now: Timestamp::from_second(NOW_SECOND).unwrap(),
        }
        .with("content-type", content_type)
    }

    pub(super) fn json(body: &str) -> Self {
        Self::new("application/json", body)
    }

    pub(super) fn form(pairs: &[(&str, &str)]) -> Self {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(pairs);
        Self::new("application/x-www-form-urlencoded", &body.finish())
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn sent(&self) -> Sent<'_> {
        Sent {
            method: "POST",
            url: &self.url,
            query: self.url.split_once('?').map_or("", |(_, query)| query),
            headers: &self.headers,
            body: &self.body,
            now: self.now,
        }
    }

    /// The one lead in it.
    pub(super) fn lead(&self, kind: &dyn Kind, own: &Own) -> Entry {
        let mut items = kind.read(&self.sent(), own).unwrap();
        assert_eq!(items.len(), 1);
        match items.remove(0) {
            Item::Lead(entry) => *entry,
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn own(settings: &[(&'static str, &str)], fields: &[(&str, &str)]) -> Own {
    let mut own = Own::default();
    for (key, value) in settings {
        own.set(key, (*value).to_owned());
    }
    for (theirs, ours) in fields {
        own.fields.insert((*theirs).to_owned(), (*ours).to_owned());
    }
    own
}

/// The answers as `question = value | value`.
pub(super) fn answers(entry: &Entry) -> Vec<String> {
    let text = |answer: &crate::lead::Answer| {
        format!("{} = {}", answer.question, answer.values.join(" | "))
    };
    entry.answers.iter().map(text).collect()
}
