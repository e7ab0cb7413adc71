//! Every kind that is registered: its name, its settings, its guide and its fixtures.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde_json::Value;

use super::delivery::NOW_SECOND;
use super::*;

/// What every source has ([`crate::sources`] knows no settings file, so they are named here again).
const COMMON: [&str; 18] = [
    "kind",
    "account",
    "link_prefix",
    "event_id",
    "allowed_events",
    "lane",
    "slot",
    "min_notice_minutes",
    "max_days_ahead",
    "preferred_hours",
    "duplicates",
    "wait_seconds",
    "token",
    "default_region",
    "time_zone",
    "qualify",
    "attribution",
    "fields",
];

#[test]
fn every_kind_has_a_name_of_its_own_and_settings_that_no_source_has() {
    let mut names = BTreeSet::from(["form", "chatbot"]);
    for kind in KINDS {
        let name = kind.name();
        assert!(names.insert(name), "{name} twice");
        assert!(
            name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{name}"
        );
        assert!(super::kind(name).is_some_and(|found| found.name() == name));
        let mut keys: BTreeSet<_> = COMMON.into();
        for setting in kind.settings() {
            assert!(keys.insert(setting.key), "{name}: {} is taken", setting.key);
        }
    }
}

#[test]
fn every_guide_says_where_the_address_goes_and_names_what_has_to_be_set() {
    for kind in KINDS {
        let (name, guide) = (kind.name(), kind.guide().join("\n"));
        assert!(guide.contains("{url}"), "{name}");
        for setting in kind.settings().iter().filter(|setting| setting.required) {
            assert!(guide.contains(setting.key), "{name}: {}", setting.key);
        }
        if !kind.is_signed(&Own::default()) && !kind.settings().iter().any(|s| s.required) {
            assert!(guide.contains("token"), "{name} takes unsigned posts");
        }
    }
}

fn cases(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sources");
    let entries = std::fs::read_dir(folder.join(kind)).unwrap();
    let mut cases: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn json(case: &Path, file: &str) -> Value {
    let text = std::fs::read(case.join(file)).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn body(case: &Path) -> Vec<u8> {
    ["body.json", "body.form", "body.txt"]
        .iter()
        .find_map(|name| std::fs::read(case.join(name)).ok())
        .unwrap()
}

fn own_of(kind: &dyn Kind, settings: &Value) -> Own {
    let text = |value: &Value| SecretString::from(value.as_str().unwrap().to_owned());
    let mut own = Own::default();
    for setting in kind.settings() {
        match settings.get(setting.key) {
            None => {}
            Some(Value::Object(table)) => {
                let table = table.iter().map(|(key, value)| (key.clone(), text(value)));
                own.set_table(setting.key, table.collect::<BTreeMap<_, _>>());
            }
            Some(value) => own.set(setting.key, text(value)),
        }
    }
    for (theirs, ours) in settings["fields"].as_object().into_iter().flatten() {
        own.fields
            .insert(theirs.clone(), ours.as_str().unwrap().to_owned());
    }
    own
}

#[test]
fn every_kind_has_fixtures_and_believes_them_when_it_signs_them_itself() {
    for kind in KINDS {
        let cases = cases(kind.name());
        assert!(cases.len() >= 3, "{} has too few fixtures", kind.name());
        for case in cases {
            let (delivery, expected) = (json(&case, "delivery.json"), json(&case, "expected.json"));
            let own = own_of(*kind, &delivery["settings"]);
            if expected["status"] == 200 && delivery["sign"] != false {
                check_whole(*kind, &case, &delivery, &expected, &own);
            }
        }
    }
}

fn check_whole(kind: &dyn Kind, case: &Path, delivery: &Value, expected: &Value, own: &Own) {
    let at = Timestamp::from_second(NOW_SECOND).unwrap();
    let url = "https://leads.acme.example/v1/sources/any/leads";
    let content_type = delivery["contentType"].as_str().unwrap();
    let body = body(case);
    let sample = Sample {
        url,
        content_type,
        body: &body,
        at,
    };
    let signed = kind.sign(sample, own);
    let mut headers = BTreeMap::from([("content-type".to_owned(), content_type.to_owned())]);
    for (name, value) in delivery["headers"].as_object().into_iter().flatten() {
        headers.insert(name.to_lowercase(), value.as_str().unwrap().to_owned());
    }
    headers.extend(
        signed
            .headers
            .into_iter()
            .map(|(name, value)| (name.to_lowercase(), value)),
    );
    let sent = Sent {
        method: "POST",
        url,
        query: "",
        headers: &headers,
        body: &signed.body,
        now: at,
    };
    assert_eq!(kind.verify(&sent, own), Ok(()), "{}", case.display());
    let items = kind.read(&sent, own).unwrap();
    let leads = expected["leads"].as_array().unwrap();
    assert!(items.len() >= leads.len(), "{}", case.display());
    if items.len() != leads.len() {
        return;
    }
    for (item, lead) in items.iter().zip(leads) {
        if let Item::Lead(entry) = item {
            check_lead(case, entry, lead);
        }
    }
}

/// What no later step changes.
fn check_lead(case: &Path, entry: &Entry, lead: &Value) {
    let read = serde_json::to_value(entry).unwrap();
    for (shown, wanted) in [
        (&read["id"], &lead["platformId"]),
        (&read["test"], &lead["test"]),
        (&read["answers"], &lead["answers"]),
        (&read["fields"]["email"], &lead["contact"]["email"]),
        (&read["fields"]["firstName"], &lead["contact"]["firstName"]),
        (&read["fields"]["lastName"], &lead["contact"]["lastName"]),
    ] {
        assert!(
            wanted.is_null() || shown == wanted,
            "{}: {shown} is not {wanted}",
            case.display()
        );
    }
    for (name, wanted) in lead["metadata"].as_object().into_iter().flatten() {
        assert_eq!(&read["metadata"][name], wanted, "{}", case.display());
    }
}
