//! The time a lead wished for, and what happens when it is gone.

use std::time::Duration;

use jiff::{Timestamp, ToSpan, tz};
use leadgate::sandbox::{EventChange, Sandbox};
use reqwest::Method;
use serde_json::json;

use crate::support::leads::lead;
use crate::support::{Answer, EVENT, Gateway, Settings, sandbox};

/// So many single seats, two hours and more from now.
fn offer(sandbox: &Sandbox, seats: usize) -> Vec<Timestamp> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox lives by the real clock"
    )]
    let now = Timestamp::now();
    let hour = Timestamp::from_second(now.as_second() / 3600 * 3600).unwrap();
    let slots: Vec<Timestamp> = (0..seats)
        .map(|seat| hour + (3 + seat as i64).hours())
        .collect();
    let change = EventChange {
        link_prefix: EVENT.to_owned(),
        activated: None,
        hosts: Some(vec!["Ida Moe".to_owned()]),
        slots: Some(slots.clone()),
    };
    sandbox.control().change_event(change).unwrap();
    slots
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_wishes_for_one_seat_one_is_met_and_the_other_chooses() {
    let sandbox = sandbox(100, 2, 1).await;
    let slots = offer(&sandbox, 6);
    let gateway =
        Gateway::start(&Settings::new(&sandbox.url(), (100, 2)).source("slot = \"exact\"")).await;
    let wishing = |number: usize| {
        let mut lead = lead(number);
        lead["dateTime"] = json!(slots[2].to_string());
        lead
    };
    let (one, two) = (wishing(1), wishing(2));
    let (one, two) = tokio::join!(gateway.post(&one, 15), gateway.post(&two, 15));
    let mut answers = [Answer::of(one).await, Answer::of(two).await];
    answers.sort_by_key(|answer| answer.status().to_owned());
    let [met, other] = &answers;
    assert_eq!(
        (met.status(), other.status()),
        ("booked", "needs_time"),
        "{answers:?}"
    );
    assert_eq!(met.body["booking"]["startTime"], slots[2].to_string());

    let alternatives = other.body["alternatives"].as_array().unwrap();
    assert!(alternatives.len() >= 3, "{alternatives:?}");
    let chosen = alternatives[0]["dateTime"].as_str().unwrap();
    let path = format!("/v1/leads/{}/time", other.id());
    let choose = gateway
        .request(Method::POST, &path)
        .header("Prefer", "wait=10")
        .json(&json!({"dateTime": chosen}));
    let booked = Answer::of(choose.send().await.unwrap()).await;
    assert_eq!((booked.http, booked.status()), (201, "booked"));
    assert_eq!(booked.body["booking"]["startTime"], chosen);
    assert_eq!(sandbox.control().report().calls.len(), 2);

    let choose = gateway
        .request(Method::POST, &path)
        .json(&json!({"dateTime": chosen}));
    let late = Answer::of(choose.send().await.unwrap()).await;
    assert_eq!(
        (late.http, late.body["code"].as_str()),
        (409, Some("not_waiting_for_time"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_written_in_kathmandu_books_the_right_instant() {
    let sandbox = sandbox(100, 2, 1).await;
    let slots = offer(&sandbox, 4);
    let gateway =
        Gateway::start(&Settings::new(&sandbox.url(), (100, 2)).source("slot = \"exact\"")).await;
    let offset = tz::Offset::from_seconds(5 * 3600 + 45 * 60).unwrap();
    let wish = slots[1].display_with_offset(offset).to_string();
    assert!(wish.ends_with("+05:45"), "{wish}");
    let mut lead = lead(1);
    lead["dateTime"] = json!(wish);
    lead["timeZone"] = json!("Asia/Kathmandu");
    let answer = Answer::of(gateway.post(&lead, 10).await).await;
    assert_eq!(answer.status(), "booked");
    let report = sandbox.control().report();
    assert_eq!(report.calls[0].date_time_utc, slots[1]);
    assert_eq!(answer.body["booking"]["timeZone"], "Asia/Kathmandu");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_taken_by_somebody_else_at_the_last_moment_leads_to_the_next() {
    let sandbox = sandbox(100, 2, 1).await;
    let slots = offer(&sandbox, 4);
    sandbox.control().add_fault(leadgate::sandbox::Fault::once(
        "POST /v1/eventCalls",
        leadgate::sandbox::FaultKind::SlotTakenFirst,
    ));
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let answer = Answer::of(gateway.post(&lead(1), 15).await).await;
    assert_eq!(answer.status(), "booked", "{answer:?}");
    assert_eq!(answer.body["booking"]["startTime"], slots[1].to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_free_the_contact_is_handed_over_and_the_lead_parks() {
    let sandbox = sandbox(100, 2, 1).await;
    offer(&sandbox, 0);
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let id = Answer::of(gateway.post(&lead(1), 0).await)
        .await
        .id()
        .to_owned();
    let parked = gateway
        .until(&id, &["parked"], Duration::from_secs(60))
        .await;
    assert_eq!(parked.body["reason"]["code"], "no_slots");
    let report = sandbox.control().report();
    assert_eq!(report.contacts.len(), 1);
    assert_eq!(report.calls.len(), 0);
}
