//! Every fixture through one running gateway, each with its twins: forged, and delivered again.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use leadgate::sandbox::{EventOptions, Options, Report, Sandbox};
use serde_json::Value;

use super::case::{self, Case};
use super::{OPERATOR_KEY, ids, kept, outcomes, record};
use crate::support::{Gateway, Platform, Seen, Settings};

const LONGEST: Duration = Duration::from_secs(60);
const ENDS: [&str; 3] = ["booked", "parked", "duplicate"];

#[tokio::test(flavor = "multi_thread")]
async fn every_platforms_deliveries_become_the_leads_they_hold() {
    let cases = case::all();
    let options = Options {
        limit: 200,
        window: Duration::from_secs(1),
        events: cases.iter().map(event).collect(),
        latency: Duration::from_millis(1)..=Duration::from_millis(5),
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let platform = Platform::start();
    platform.answer(cases.iter().flat_map(Case::routes));
    let sources: Vec<_> = cases
        .iter()
        .map(|case| case.source(platform.url()))
        .collect();
    let settings = Settings::new(&sandbox.url(), (200, 1))
        .server(&format!("operator_key = \"{OPERATOR_KEY}\""))
        .tables(&sources.join("\n"));
    let gateway = Gateway::start(&settings).await;

    let checked: Vec<Checked> = stream::iter(&cases)
        .map(|case| check(&gateway, case))
        .buffer_unordered(16)
        .collect()
        .await;

    let differences: Vec<_> = checked.iter().flat_map(|case| &case.differences).collect();
    assert!(differences.is_empty(), "{differences:#?}");
    let report = sandbox.control().report();
    for case in &checked {
        case.assert_booked(&report);
    }
    for kind in leadgate::sources::KINDS {
        let prefix = format!("acme/{}_", kind.name());
        let mut calls = report.calls.iter();
        let is_booked = calls.any(|call| call.link_prefix.starts_with(&prefix));
        assert!(is_booked, "no lead of {} was booked", kind.name());
    }
    let booked = checked.iter().flat_map(|case| &case.booked);
    let calls: BTreeSet<_> = booked.map(|record| record["booking"].to_string()).collect();
    assert_eq!(calls.len(), report.calls.len());
    let log = gateway.log();
    assert!(!log.contains("lead.example"), "an address is in the log");
}

fn event(case: &Case) -> EventOptions {
    EventOptions {
        link_prefix: case.event(),
        ..EventOptions::default()
    }
}

/// A case whose leads have ended.
struct Checked {
    event: String,
    /// The records of the leads with a call.
    booked: Vec<Value>,
    /// Between the records and those expected.
    differences: Vec<String>,
}

async fn check(gateway: &Gateway, case: &Case) -> Checked {
    let name = &case.name;
    for (how, request) in case.forged(gateway) {
        let seen = Seen::of(request).await;
        let is_refused = matches!(
            (seen.http, seen.word()),
            (401, "unauthorized" | "signature_wrong")
        );
        assert!(is_refused, "{name}, {how}: {seen:?}");
        seen.assert_problem(&format!("{name}, {how}"), seen.http, seen.word());
    }
    assert!(kept(gateway, name).await.is_empty(), "{name}: forged");

    let first = Seen::of(case.genuine(gateway)).await;
    assert_eq!(case.expected["status"], first.http, "{name}: {first:?}");
    let mut differences = Vec::new();
    if let Some(answer) = case.expected.get("answer") {
        compare(
            format!("{name}: answer"),
            &first.body,
            answer,
            &mut differences,
        );
    }
    let leads = ids(&first);
    let expected = case.expected["leads"].as_array().unwrap();
    assert_eq!(leads.len(), expected.len(), "{name}");
    let mut in_order = kept(gateway, name).await;
    in_order.sort_by_key(|id| leads.iter().position(|lead| lead == id));
    assert_eq!(in_order, leads, "{name}");

    let mut records = Vec::new();
    for (id, expected) in leads.iter().zip(expected) {
        gateway.until(id, &ENDS, LONGEST).await;
        let record = record(gateway, id).await;
        compare(name.clone(), &record, expected, &mut differences);
        assert_ended(case, &record);
        records.push(record);
    }

    let again = ids(&Seen::of(case.genuine(gateway)).await);
    assert_eq!(again.len(), leads.len(), "{name}");
    let mut trials = 0;
    for ((id, first), record) in again.iter().zip(&leads).zip(&records) {
        // A trial that comes whole is kept again; one that was fetched has its own id.
        let is_trial = record["test"] == true && outcomes(record, "fetch").is_empty();
        trials += usize::from(is_trial);
        assert_eq!(id != first, is_trial, "{name}: delivered again");
    }
    assert_eq!(
        kept(gateway, name).await.len(),
        leads.len() + trials,
        "{name}: delivered again"
    );
    records.retain(|record| record["status"] == "booked");
    Checked {
        event: case.event(),
        booked: records,
        differences,
    }
}

/// Trials and people nobody can reach stay; everybody else has a call.
fn assert_ended(case: &Case, record: &Value) {
    let contact = &record["contact"];
    let is_reachable = !contact["email"].is_null() || !contact["phoneNumber"].is_null();
    let (status, reason) = match (record["test"] == true, is_reachable) {
        (true, _) => ("parked", Some("test_lead")),
        (false, false) => ("parked", Some("no_contact")),
        (false, true) => ("booked", None),
    };
    let name = &case.name;
    assert_eq!(record["status"], status, "{name}: {record}");
    assert_eq!(record["reason"]["code"].as_str(), reason, "{name}");
    let raw = record["raw"].as_str().unwrap();
    assert!(!raw.is_empty(), "{name}: no raw delivery");
    for secret in case.secrets() {
        assert!(!raw.contains(&secret), "{name}: a secret is in the record");
    }
}

impl Checked {
    fn assert_booked(&self, report: &Report) {
        let calls: Vec<_> = report
            .calls
            .iter()
            .filter(|call| call.link_prefix == self.event)
            .collect();
        assert_eq!(calls.len(), self.booked.len(), "{}", self.event);
        for record in &self.booked {
            let contact = &record["contact"];
            let id = record["booking"]["eventCallId"].as_str().unwrap();
            let call = calls
                .iter()
                .find(|call| call.id.to_string() == id)
                .unwrap_or_else(|| panic!("{}: the call is another's", self.event));
            // Cases share numbers: of a person it knows from another case iClosed tells more.
            for (ours, theirs) in [
                (&contact["email"], &call.email),
                (&contact["phoneNumber"], &call.phone),
            ] {
                let is_same = ours.is_null() || ours.as_str() == theirs.as_deref();
                assert!(is_same, "{}: {ours} was booked as {theirs:?}", self.event);
            }
        }
    }
}

/// Objects hold at least what is expected, lists and all else are the same.
fn compare(place: String, found: &Value, expected: &Value, differences: &mut Vec<String>) {
    match expected {
        Value::Object(fields) => {
            for (name, expected) in fields {
                let place = format!("{place}/{name}");
                compare(place, &found[name], expected, differences);
            }
        }
        _ if found == expected => {}
        _ => differences.push(format!("{place}: {found} is not {expected}")),
    }
}
