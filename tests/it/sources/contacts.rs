//! Leads nobody can be asked about again: unreachable, half readable, or more than there is room for.

use std::time::Duration;

use leadgate::sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use super::{delivered, delivery, google_lead, ids, kept, outcomes, record, settings};
use crate::support::{Gateway, Platform, Seen, sandbox};

const LONGEST: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_set_aside_and_whoever_can_be_reached_is_booked() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&settings(&sandbox, &Platform::start())).await;
    const BROKEN: (&str, &str) = ("EMAIL", "kim at lead.example");
    for (id, columns, ends, aside) in [
        (
            "nobody",
            &[("FULL_NAME", "Ana Silva")][..],
            "no_contact",
            &[][..],
        ),
        ("broken", &[BROKEN], "no_contact", &["email"]),
        (
            "phone",
            &[BROKEN, ("PHONE_NUMBER", "+43 660 0000000")],
            "+436600000000",
            &["email"],
        ),
        (
            "email",
            &[("EMAIL", "ana@lead.example"), ("PHONE_NUMBER", "+43 1")],
            "ana@lead.example",
            &["phoneNumber"],
        ),
        // A number of no known country is no fault beside an address, but here the address goes.
        (
            "neither",
            &[BROKEN, ("PHONE_NUMBER", "0660 0000000")],
            "no_contact",
            &["email", "phoneNumber"],
        ),
    ] {
        let lead = delivered(&gateway, "google", &google_lead(id, columns)).await;
        gateway.until(&lead, &["booked", "parked"], LONGEST).await;
        let record = record(&gateway, &lead).await;
        if ends == "no_contact" {
            assert_eq!(record["reason"]["code"], "no_contact", "{id}: {record}");
        } else {
            assert_eq!(record["status"], "booked", "{id}: {record}");
            let calls = sandbox.control().report().calls;
            let call = calls.last().unwrap();
            let reached = call.email.as_deref().or(call.phone.as_deref());
            assert_eq!(reached, Some(ends));
        }
        let extra = record["extra"].as_object().unwrap();
        assert_eq!(extra.keys().collect::<Vec<_>>(), aside, "{id}");
        let lines = outcomes(&record, "accept");
        assert_eq!(lines.contains(&"set_aside"), !aside.is_empty(), "{id}");
        if aside.contains(&"email") {
            assert_eq!(extra["email"], BROKEN.1);
        }
    }
    assert_eq!(sandbox.control().report().calls.len(), 2);
    assert!(!gateway.log().contains("lead.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_without_room_is_to_come_again_and_is_then_taken_whole() {
    let sandbox = sandbox(100, 2, 3).await;
    sandbox.control().add_fault(Fault {
        endpoint: None,
        kind: FaultKind::StatusBefore { code: 503 },
        times: None,
        probability: 1.0,
    });
    let settings = settings(&sandbox, &Platform::start()).store("max_waiting = 2");
    let gateway = Gateway::start(&settings).await;
    let first = google_lead("first", &[("EMAIL", "first@lead.example")]);
    let first = delivered(&gateway, "google", &first).await;

    let several: Value = (2..=4)
        .map(|number| json!({"email": format!("lead{number}@lead.example")}))
        .collect();
    let refused = Seen::of(delivery(&gateway, "mapped", &several)).await;
    refused.assert_problem("the second of three", 503, "queue_full");
    let before = kept(&gateway, "mapped").await;
    assert_eq!(before.len(), 1, "the one there was room for");

    sandbox.control().clear_faults();
    for lead in [&first, &before[0]] {
        gateway.until(lead, &["booked"], LONGEST).await;
    }
    let leads = crate::support::wait_for("the delivery to be taken", LONGEST, async || {
        let seen = Seen::of(delivery(&gateway, "mapped", &several)).await;
        (seen.http != 503).then(|| ids(&seen))
    })
    .await;
    assert_eq!(leads.len(), 3);
    assert_eq!(leads[0], before[0], "known again");
    for lead in &leads {
        gateway.until(lead, &["booked"], LONGEST).await;
    }
    crate::support::assert_promises(&sandbox.control().report(), 4, 100);
}
