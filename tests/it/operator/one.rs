//! Acts on one lead.

use leadgate::sandbox::{Fault, FaultKind};

use super::*;
use crate::support::{sandbox, wait_for};

const BOOKINGS: &str = "POST /v1/eventCalls";
const CANCELS: &str = "PUT /v1/eventCalls/cancel";

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_lead_that_is_retried_is_booked_once() {
    let sandbox = sandbox(100, 2, 3).await;
    activate(&sandbox, false);
    let gateway = operated(&sandbox).await;
    let parked = Answer::of(gateway.post(&person("ann"), 30).await).await;
    assert_eq!(parked.status(), "parked");
    let retry = format!("leads/{}/retry", parked.id());
    activate(&sandbox, true);
    let retried = done(act(&gateway, &retry)).await;
    assert_eq!(retried["leadId"], parked.id());
    assert_eq!(acts(&retried), [("retried", "by kim")]);
    gateway.until(parked.id(), &["booked"], SOON).await;
    let again = Seen::of(act(&gateway, &retry)).await;
    again.assert_problem("a booked lead", 409, "not_retryable");
    assert_eq!(again.body["detail"], "the lead is booked");
    let report = sandbox.control().report();
    assert_eq!((report.calls.len(), report.double_booked.len()), (1, 0));
    let bad = gateway
        .request(Method::POST, &format!("/v1/admin/{retry}"))
        .bearer_auth(KEY)
        .header("X-Operator", "kim ek");
    Seen::of(bad)
        .await
        .assert_problem("a name of two words", 400, "bad_header");
    let log = gateway.log();
    assert!(log.contains("retry") && log.contains("kim") && !log.contains("ann@"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_cancelled_is_cancelled_at_iclosed_and_the_person_may_book_again() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = operated(&sandbox).await;
    let id = booked(&gateway, &person("ann")).await;
    // The first answer is lost after the call was cancelled: the second try finds that out.
    sandbox
        .control()
        .add_fault(Fault::once(CANCELS, FaultKind::DropAfter));
    let cancel = format!("leads/{id}/cancel");
    let asked = Seen::of(act(&gateway, &cancel).json(&json!({"reason": "ill"}))).await;
    assert_eq!(asked.http, 202, "{asked:?}");
    assert_eq!(acts(&asked.body), [("cancel_asked", "by kim")]);
    gateway.until(&id, &["cancelled"], SOON).await;
    let report = sandbox.control().report();
    assert!(report.calls[0].cancelled);
    assert_eq!(report.endpoints[CANCELS].requests, 1);
    let again = done(act(&gateway, &cancel)).await;
    assert_eq!(again["status"], "cancelled");
    booked(&gateway, &person("ann")).await;
    let report = sandbox.control().report();
    assert_eq!((report.calls.len(), report.double_booked.len()), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_in_a_workers_hands_is_left_to_it() {
    let sandbox = sandbox(100, 2, 3).await;
    sandbox.control().add_fault(Fault::once(
        BOOKINGS,
        FaultKind::HangAfter { seconds: 30.0 },
    ));
    let mut settings = settings(&sandbox).account("request_timeout_seconds = 5");
    settings.tables += "[booking]\nlook_after_seconds = [1, 2]\n";
    let gateway = Gateway::start(&settings).await;
    let id = post(&gateway, "landing", &person("ann")).await;
    gateway.until(&id, &["booking"], SOON).await;
    for what in ["retry", "release", "cancel"] {
        let refused = Seen::of(act(&gateway, &format!("leads/{id}/{what}"))).await;
        refused.assert_problem(what, 409, "lead_busy");
    }
    let receipt = done(act(&gateway, "erasures").json(&json!({"leadId": id}))).await;
    assert_eq!(
        (&receipt["leads"], &receipt["busy"]),
        (&json!([]), &json!([id]))
    );
    assert_eq!(receipt["filesCleanAt"], Value::Null);
    gateway.until(&id, &["booked"], SOON).await;
    assert_eq!(
        record(&gateway, &id).await["contact"]["email"],
        "ann@person.example"
    );
    let receipt = done(act(&gateway, "erasures").json(&json!({"leadId": id}))).await;
    assert_eq!(
        (&receipt["leads"], &receipt["busy"]),
        (&json!([id]), &json!([]))
    );
    assert_eq!(sandbox.control().report().calls.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_outlives_the_process_that_was_asked_for_it() {
    let sandbox = sandbox(100, 2, 3).await;
    let mut gateway = operated(&sandbox).await;
    let id = booked(&gateway, &person("ann")).await;
    sandbox.control().add_fault(Fault {
        endpoint: Some(CANCELS.to_owned()),
        kind: FaultKind::DropBefore,
        times: None,
        probability: 1.0,
    });
    let asked = Seen::of(act(&gateway, &format!("leads/{id}/cancel"))).await;
    assert_eq!(asked.http, 202, "{asked:?}");
    gateway.kill();
    assert!(!sandbox.control().report().calls[0].cancelled);
    sandbox.control().clear_faults();
    gateway.restart();
    gateway.ready().await;
    gateway.until(&id, &["cancelled"], SOON).await;
    assert!(sandbox.control().report().calls[0].cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_lead_that_is_cancelled_is_never_booked_and_frees_its_person() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = operated(&sandbox).await;
    done(act(&gateway, "accounts/main/pause")).await;
    let id = post(&gateway, "landing", &person("ann")).await;
    let cancelled = done(act(&gateway, &format!("leads/{id}/cancel"))).await;
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(cancelled["waits"], Value::Null);
    let second = post(&gateway, "landing", &person("ann")).await;
    let retried = Seen::of(act(&gateway, &format!("leads/{id}/retry"))).await;
    retried.assert_problem("a cancelled lead", 409, "not_retryable");
    done(act(&gateway, "accounts/main/resume")).await;
    gateway.until(&second, &["booked"], SOON).await;
    assert_eq!(gateway.lead(&id).await.status(), "cancelled");
    assert_eq!(sandbox.control().report().calls.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_is_released_only_when_nobody_holds_its_person() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = operated(&sandbox).await;
    let first = booked(&gateway, &person("ann")).await;
    let answer = Answer::of(gateway.post(&person("ann"), 0).await).await;
    assert_eq!(answer.status(), "duplicate");
    let release = format!("leads/{}/release", answer.id());
    let refused = Seen::of(act(&gateway, &release)).await;
    refused.assert_problem("the first is booked", 409, "person_taken");
    assert_eq!(refused.body["duplicateOf"], first.as_str());
    assert_eq!(gateway.lead(answer.id()).await.status(), "duplicate");
    Seen::of(act(&gateway, &format!("leads/{first}/cancel"))).await;
    gateway.until(&first, &["cancelled"], SOON).await;
    let released = done(act(&gateway, &release)).await;
    assert_eq!(acts(&released), [("released", "by kim")]);
    gateway.until(answer.id(), &["booked"], SOON).await;
    let report = sandbox.control().report();
    assert_eq!((report.calls.len(), report.double_booked.len()), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_taken_for_a_robot_is_booked_when_it_is_released() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = operated(&sandbox).await;
    let mut lead = person("ann");
    lead["_gotcha"] = json!("x");
    let id = post(&gateway, "landing", &lead).await;
    let retried = Seen::of(act(&gateway, &format!("leads/{id}/retry"))).await;
    retried.assert_problem("a suspect", 409, "not_retryable");
    done(act(&gateway, &format!("leads/{id}/release"))).await;
    gateway.until(&id, &["booked"], SOON).await;
    assert_eq!(sandbox.control().report().calls.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_nobody_knows_of_is_looked_for_again_and_booked_only_on_a_persons_word() {
    let sandbox = sandbox(100, 2, 3).await;
    sandbox.control().add_fault(Fault {
        endpoint: Some(BOOKINGS.to_owned()),
        kind: FaultKind::DropBefore,
        times: None,
        probability: 1.0,
    });
    let mut settings = settings(&sandbox);
    settings.tables += "[booking]\nlook_after_seconds = [1]\nmax_attempts = 1\n";
    let gateway = Gateway::start(&settings).await;
    let id = post(&gateway, "landing", &person("ann")).await;
    gateway.until(&id, &["parked"], SOON).await;
    sandbox.control().clear_faults();
    let asked = || sandbox.control().report().endpoints[BOOKINGS].requests;
    assert_eq!(asked(), 1);
    let cancelled = Seen::of(act(&gateway, &format!("leads/{id}/cancel"))).await;
    cancelled.assert_problem("a call may exist", 409, "not_cancellable");
    // The retry looks, finds nothing, and asks for nothing.
    let retried = done(act(&gateway, &format!("leads/{id}/retry"))).await;
    assert_eq!(retried["status"], "reconciling");
    wait_for("the lead to be parked again", SOON, async || {
        (record(&gateway, &id).await["status"] == "parked").then_some(())
    })
    .await;
    assert_eq!(asked(), 1);
    let released = done(act(&gateway, &format!("leads/{id}/release"))).await;
    assert!(acts(&released).contains(&("said_not_booked", "by kim")));
    gateway.until(&id, &["booked"], SOON).await;
    let report = sandbox.control().report();
    assert_eq!((asked(), report.calls.len()), (2, 1));
}
