//! What every adapter must withstand: any bytes at all. Also the body of the fuzz target, which includes this file.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jiff::Timestamp;
use leadgate::intake::draft::Draft;
use leadgate::intake::enrich::{Circumstances, enrich};
use leadgate::intake::person::Hasher;
use leadgate::lead::{LeadId, Sender};
use leadgate::settings::Source;
use leadgate::sources::{Entry, Item, KINDS, Kind, Own, Sample, Sent, Shape};

/// Judges a delivery: a line with the kind's name, a line with the content type, and the body. A kind that does not
/// exist stands for one that does.
///
/// # Panics
/// As [`judge_delivery`].
pub fn judge(input: &[u8]) {
    let mut parts = input.splitn(3, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let (name, content_type, body) = (part(), part(), part());
    let named = KINDS.iter().find(|kind| kind.name().as_bytes() == name);
    let any = name.iter().map(|byte| usize::from(*byte)).sum::<usize>() % KINDS.len();
    let kind = named.unwrap_or(&KINDS[any]);
    judge_delivery(*kind, &String::from_utf8_lossy(content_type), body);
}

/// Hands the bytes to an adapter: as its platform would sign them, as they are, and as the question of a handshake.
///
/// # Panics
/// When the adapter does, or makes something that it must not.
fn judge_delivery(kind: &dyn Kind, content_type: &str, body: &[u8]) {
    let url = "https://leads.acme.example/v1/sources/any/leads";
    let at = Timestamp::UNIX_EPOCH;
    for own in [full(kind), &Own::default()] {
        let sample = Sample {
            url,
            content_type,
            body,
            at,
        };
        let signed = kind.sign(sample, own);
        let mut headers = BTreeMap::from([("content-type".to_owned(), content_type.to_owned())]);
        for signed in [&signed.body[..], body] {
            headers.insert(
                "x-any".to_owned(),
                String::from_utf8_lossy(body).into_owned(),
            );
            let query = String::from_utf8_lossy(body);
            let sent = Sent {
                method: "POST",
                url,
                query: &query,
                headers: &headers,
                body: signed,
                now: at,
            };
            let _ = (kind.verify(&sent, own), kind.shake(&sent, own));
            for item in kind.read(&sent, own).unwrap_or_default() {
                judge_item(item);
            }
        }
        headers.extend(
            signed
                .headers
                .iter()
                .map(|(name, value)| (name.to_lowercase(), value.clone())),
        );
        let sent = Sent {
            method: "POST",
            url,
            query: "",
            headers: &headers,
            body: &signed.body,
            now: at,
        };
        let verdict = kind.verify(&sent, own);
        // A key inside the body needs a body to be in.
        let is_signed = kind.is_signed(own) && !signed.headers.is_empty();
        let has_secret = own.text("secret").is_some() || std::ptr::eq(own, full(kind));
        assert!(!(is_signed && has_secret) || verdict.is_ok(), "{verdict:?}");
    }
}

fn judge_item(item: Item) {
    match item {
        Item::Lead(entry) => judge_entry(*entry),
        Item::Fetch(fetch) => {
            assert!(!fetch.id.is_empty());
            let kept = serde_json::to_value(&fetch).unwrap();
            assert_eq!(serde_json::from_value(kept).ok(), Some(fetch));
        }
        Item::Withdraw { id } => assert!(!id.is_empty()),
    }
}

/// A lead goes through act one without a panic, and no answer of it is empty.
pub fn judge_entry(entry: Entry) {
    assert!(entry.answers.iter().all(|answer| !answer.values.is_empty()));
    let (draft, _) = Draft::of_entry(entry);
    let circumstances = Circumstances {
        source: source(),
        sender: Sender::default(),
        referer: None,
        now: Timestamp::UNIX_EPOCH,
        trace: None,
        id: LeadId::random().unwrap(),
        raw: String::new(),
    };
    let _ = enrich(draft, circumstances, &Hasher::new(&[7; 32]));
}

/// Settings with every secret, and a map that uses what fixtures map.
fn full(kind: &dyn Kind) -> &'static Own {
    static ALL: OnceLock<BTreeMap<&'static str, Own>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let kinds = KINDS.iter();
        kinds
            .map(|kind| (kind.name(), settings_of(*kind)))
            .collect()
    });
    &all[kind.name()]
}

fn settings_of(kind: &dyn Kind) -> Own {
    let mut own = Own::default();
    for setting in kind.settings() {
        match setting.shape {
            Shape::Secret => own.set_secret(setting.key, "a-secret-for-fuzzing".to_owned()),
            Shape::Text => own.set(setting.key, "/id".to_owned()),
            Shape::Url => own.set(setting.key, "https://platform.example".to_owned()),
            Shape::Secrets => {}
            Shape::Table(keys) => {
                let value = |key: &str| match key {
                    "algorithm" => "sha256",
                    "encoding" => "hex",
                    "prefix" => "sha256=",
                    _ => "x-signature",
                };
                let table = keys
                    .iter()
                    .map(|key| ((*key).to_owned(), value(key).into()));
                own.set_table(setting.key, table.collect());
            }
        }
    }
    for (theirs, ours) in [
        ("Correo", "email"),
        ("/contact/mail", "email"),
        ("contact.name", "name"),
        ("5", "answers.goals"),
        ("roof_type", "answers.roof"),
        ("q1", "utm_source"),
    ] {
        own.fields.insert(theirs.to_owned(), ours.to_owned());
    }
    own
}

fn source() -> &'static Source {
    static SOURCE: OnceLock<Source> = OnceLock::new();
    SOURCE.get_or_init(|| {
        let text = "[accounts.main]\napi_key = \"iclosed_any\"\n[sources.any]\nkind = \"mapped\"\n\
                    link_prefix = \"acme/call\"\ntoken = \"token-for-fuzzing\"\ndefault_region = \"AT\"\n";
        let mut settings = leadgate::settings::parse(text, "fuzz", &|_| None).unwrap();
        settings.sources.remove("any").unwrap()
    })
}
