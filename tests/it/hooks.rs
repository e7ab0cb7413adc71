//! iClosed tells that a call changed, in every shape it is known to write; what it then answers when asked decides.

mod door;
mod held;

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use leadgate::sandbox::{EventChange, Fault, FaultKind, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::leads::lead;
use crate::support::redis_server::RedisServer;
use crate::support::{Answer, EVENT, Gateway, Seen, Settings, assert_promises, sandbox, wait_for};

const TOKEN: &str = "hook-token-0123456789";
const OPERATOR_KEY: &str = "operator-key-0123456789";
const CALLS: &str = "GET /v1/eventCalls";
const SOON: Duration = Duration::from_secs(20);

const BOOKED: &str = include_str!("../fixtures/hooks/booked_array.json");
const CANCELLED: &str = include_str!("../fixtures/hooks/cancelled_array.json");
const RESCHEDULED: &str = include_str!("../fixtures/hooks/rescheduled_object.json");
const OUTCOME: &str = include_str!("../fixtures/hooks/outcome_object.json");
const CONTACT: &str = include_str!("../fixtures/hooks/contact_object.json");
const WRAPPED: &str = include_str!("../fixtures/hooks/wrapped_object.json");

/// A gateway that iClosed may tell of calls.
struct Told {
    sandbox: Sandbox,
    gateway: Gateway,
}

/// The usual ones, with an address for webhooks and an operator.
fn settings(sandbox: &Sandbox) -> Settings {
    Settings::new(&sandbox.url(), (100, 2))
        .server(&format!("operator_key = \"{OPERATOR_KEY}\""))
        .account(&format!("webhook_token = \"{TOKEN}\""))
}

/// A lead with its call.
struct Booked {
    lead: String,
    call: i64,
    email: String,
}

impl Told {
    async fn start(account: &str, tables: &str) -> Self {
        let sandbox = sandbox(100, 2, 3).await;
        let settings = settings(&sandbox).tables(tables);
        let own = format!("{}\n{account}", settings.account);
        let gateway = Gateway::start(&settings.account(&own)).await;
        Self { sandbox, gateway }
    }

    async fn booked(&self, number: usize) -> Booked {
        let answer = Answer::of(self.gateway.post(&lead(number), 20).await).await;
        assert_eq!(
            (answer.http, answer.status()),
            (201, "booked"),
            "{answer:?}"
        );
        let call = answer.body["booking"]["eventCallId"].as_str().unwrap();
        Booked {
            lead: answer.id().to_owned(),
            call: call.parse().unwrap(),
            email: lead(number)["email"].as_str().unwrap().to_owned(),
        }
    }

    async fn tell(&self, body: &str) -> Seen {
        let path = format!("/v1/accounts/main/webhooks/{TOKEN}");
        let request = self.gateway.request(Method::POST, &path);
        Seen::of(request.body(body.to_owned())).await
    }

    async fn told(&self, body: &str) {
        let seen = self.tell(body).await;
        assert_eq!(seen.http, 200, "{seen:?}");
    }

    /// As a person does in the dashboard: with a key, and so a budget, of its own.
    async fn by_hand(&self, path: &str, body: Value) {
        let url = format!("{}{path}", self.sandbox.url());
        let request = self.gateway.client().put(url);
        let answer = request
            .bearer_auth("iclosed_dashboard")
            .json(&body)
            .send()
            .await;
        assert_eq!(answer.unwrap().status(), 200);
    }

    /// The first free times that leadgate books.
    async fn offered(&self) -> Vec<Timestamp> {
        let request = self
            .gateway
            .request(Method::GET, "/v1/sources/landing/slots");
        let seen = Seen::of(request).await;
        let slots = seen.body["slots"].as_array().unwrap().iter();
        // Far enough from now that none of them comes too near while the test runs.
        let slots = slots.skip(1).take(5);
        let slots: Vec<Timestamp> = slots
            .map(|slot| slot["dateTime"].as_str().unwrap().parse().unwrap())
            .collect();
        self.offer(&slots);
        slots
    }

    fn offer(&self, slots: &[Timestamp]) {
        let change = EventChange {
            link_prefix: EVENT.to_owned(),
            activated: None,
            hosts: None,
            slots: Some(slots.to_vec()),
        };
        self.sandbox.control().change_event(change).unwrap();
    }

    async fn cancel(&self, booked: &Booked) {
        self.by_hand(
            "/v1/eventCalls/cancel",
            json!({"id": booked.call, "cancelReason": "ill"}),
        )
        .await;
    }

    /// To the same hour so many days later.
    async fn move_call(&self, booked: &Booked, days: i64) -> Timestamp {
        let call = self.call(booked.call);
        let to = call + jiff::SignedDuration::from_hours(24 * days);
        let body =
            json!({"id": booked.call, "dateTime": to.to_string(), "timeZone": "Europe/Oslo"});
        self.by_hand("/v1/eventCalls/reschedule", body).await;
        to
    }

    /// When the sandbox holds the call.
    fn call(&self, id: i64) -> Timestamp {
        let report = self.sandbox.control().report();
        let call = report.calls.iter().find(|call| call.id == id);
        call.unwrap().date_time_utc
    }

    fn questions(&self) -> u64 {
        let report = self.sandbox.control().report();
        report.endpoints.get(CALLS).map_or(0, |seen| seen.requests)
    }

    /// The whole record, as the operator sees it.
    async fn record(&self, lead: &str) -> Value {
        let path = format!("/v1/admin/leads/{lead}");
        let request = self.gateway.request(Method::GET, &path);
        Seen::of(request.bearer_auth(OPERATOR_KEY)).await.body
    }

    /// Waits for a line in a lead's history, and for its work to be over.
    async fn noted(&self, lead: &str, outcome: &str) -> Value {
        wait_for(&format!("{lead} to be {outcome}"), SOON, async || {
            let record = self.record(lead).await;
            let mut lines = record["timeline"].as_array().unwrap().iter();
            let is_noted =
                lines.any(|line| line["step"] == "confirm" && line["outcome"] == outcome);
            (is_noted && record["waits"].is_null()).then_some(record)
        })
        .await
    }
}

/// The HMAC-SHA-256 of a body in hex.
pub fn hmac_hex(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A body of the vendor's, about this call.
fn about(body: &str, booked: &Booked) -> String {
    body.replace("{call}", &booked.call.to_string())
        .replace("{email}", &booked.email)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cancelled_may_book_again() {
    let told = Told::start("", "").await;
    let first = told.booked(1).await;
    let repeated = Answer::of(told.gateway.post(&lead(1), 20).await).await;
    assert_ne!(repeated.body["leadId"], json!(first.lead));
    assert_eq!(told.sandbox.control().report().calls.len(), 1);

    told.cancel(&first).await;
    told.told(&about(CANCELLED, &first)).await;
    let cancelled = told.gateway.until(&first.lead, &["cancelled"], SOON).await;
    assert!(cancelled.body["booking"].is_null(), "{cancelled:?}");
    let second = told.booked(1).await;

    let report = told.sandbox.control().report();
    let calls: Vec<_> = report
        .calls
        .iter()
        .map(|call| (call.id, call.cancelled))
        .collect();
    assert_eq!(calls, [(first.call, true), (second.call, false)]);
    assert!(report.double_booked.is_empty());
    let log = told.gateway.log();
    for personal in [
        first.email.as_str(),
        "person.example",
        "Kim",
        "the invitee",
        TOKEN,
    ] {
        assert!(!log.contains(personal), "{personal} is in the log");
    }
    assert!(log.contains("webhook received"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_call_moves_the_booking() {
    let told = Told::start("", "").await;
    let booked = told.booked(1).await;
    let to = told.move_call(&booked, 1).await;
    told.told(&about(RESCHEDULED, &booked)).await;
    let record = told.noted(&booked.lead, "rescheduled").await;
    assert_eq!(record["status"], "booked");
    assert_eq!(record["booking"]["startTime"], json!(to));
    let end = to + jiff::SignedDuration::from_mins(30);
    assert_eq!(record["booking"]["endTime"], json!(end));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_is_noted_as_iclosed_has_it_and_not_as_the_webhook_says() {
    let told = Told::start("", "").await;
    let booked = told.booked(1).await;
    assert!(told.sandbox.control().note_outcome(booked.call, "WON"));
    told.told(&about(OUTCOME, &booked)).await;
    let record = told.noted(&booked.lead, "outcome").await;
    let lines = record["timeline"].as_array().unwrap();
    assert_eq!(lines.last().unwrap()["detail"], "WON");
    assert_eq!(record["status"], "booked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_webhook_changes_nothing_and_costs_one_question() {
    let told = Told::start("", "").await;
    let booked = told.booked(1).await;
    let before = told.record(&booked.lead).await;
    for body in [CANCELLED, WRAPPED, RESCHEDULED, OUTCOME, CANCELLED] {
        told.told(&about(body, &booked)).await;
    }
    let record = wait_for("the question", SOON, async || {
        let record = told.record(&booked.lead).await;
        let lines = record["timeline"].as_array().unwrap().len();
        (lines > before["timeline"].as_array().unwrap().len()).then_some(record)
    })
    .await;
    assert_eq!(told.questions(), 1);
    assert_eq!(record["status"], "booked");
    assert_eq!(record["booking"], before["booking"]);
    let last = record["timeline"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(
        (&last["step"], &last["outcome"]),
        (&json!("confirm"), &json!("unchanged"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn any_order_of_any_deliveries_ends_in_what_iclosed_holds() {
    let told = Told::start("", "").await;
    let bodies = [BOOKED, RESCHEDULED, CANCELLED, CANCELLED, BOOKED, CONTACT];
    let mut orders: Vec<Vec<&str>> = Vec::new();
    for first in 0..bodies.len() {
        let mut order = bodies.to_vec();
        order.rotate_left(first);
        orders.push(order.clone());
        order.reverse();
        orders.push(order);
    }
    let mut leads = Vec::new();
    for (number, order) in orders.iter().enumerate() {
        let booked = told.booked(number).await;
        // A day on which nobody else is booked yet would do as well: only the cancellation is to last.
        told.move_call(&booked, 1).await;
        told.cancel(&booked).await;
        for body in order {
            told.told(&about(body, &booked)).await;
        }
        leads.push(booked);
    }
    for booked in &leads {
        told.gateway.until(&booked.lead, &["cancelled"], SOON).await;
        let record = told.record(&booked.lead).await;
        let lines = record["timeline"].as_array().unwrap().iter();
        let confirmed = lines.filter(|line| line["step"] == "confirm").count();
        assert_eq!(confirmed, 1, "{record}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_settles_an_unknown_booking_before_the_next_look() {
    let table = "[booking]\nlook_after_seconds = [600, 1200]";
    let told = Told::start("request_timeout_seconds = 3", table).await;
    told.sandbox.control().add_fault(Fault {
        endpoint: Some("POST /v1/eventCalls".to_owned()),
        kind: FaultKind::DropAfter,
        times: Some(1),
        probability: 1.0,
    });
    let answer = Answer::of(told.gateway.post(&lead(1), 0).await).await;
    let id = answer.id().to_owned();
    told.gateway.until(&id, &["reconciling"], SOON).await;
    let call = told.sandbox.control().report().calls[0].id;
    let booked = Booked {
        lead: id.clone(),
        call,
        email: "Lead1@Person.example".to_owned(),
    };
    told.told(&about(BOOKED, &booked)).await;
    let answer = told.gateway.until(&id, &["booked"], SOON).await;
    assert_eq!(
        answer.body["booking"]["eventCallId"],
        json!(call.to_string())
    );
    assert_eq!(told.sandbox.control().report().calls.len(), 1);
    assert_eq!(told.questions(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_whose_lost_time_is_gone_is_booked_nowhere_else_and_a_webhook_settles_it() {
    let table = "[booking]\nslot_cache_seconds = 0\nlook_after_seconds = [2, 3]";
    let told = Told::start("", table).await;
    let lost = Fault::once("POST /v1/eventCalls", FaultKind::DropBefore);
    told.sandbox.control().add_fault(lost);
    let slots = told.offered().await;
    let answer = Answer::of(told.gateway.post(&lead(1), 0).await).await;
    let id = answer.id().to_owned();
    told.gateway.until(&id, &["reconciling"], SOON).await;
    // As if the lost request had been served: its time is gone, and the list of calls lags behind.
    told.offer(&slots[1..]);
    let asked = told.gateway.until(&id, &["needs_time"], SOON).await;
    assert!(asked.body["alternatives"].as_array().unwrap().len() >= 3);
    assert_eq!(told.sandbox.control().report().calls.len(), 0);

    told.offer(&slots);
    let url = format!("{}/v1/eventCalls", told.sandbox.url());
    let request = told.gateway.client().post(url).json(&json!({
        "dateTime": slots[0].to_string(), "timeZone": "Europe/Oslo", "linkPrefix": EVENT,
        "email": "lead1@person.example", "secondaryQuestionsAnswer": [],
    }));
    let made = request.bearer_auth("iclosed_dashboard").send().await;
    assert!(made.unwrap().status().is_success());
    let booked = Booked {
        lead: id.clone(),
        call: told.sandbox.control().report().calls[0].id,
        email: "lead1@person.example".to_owned(),
    };
    told.told(&about(BOOKED, &booked)).await;
    let answer = told.gateway.until(&id, &["booked"], SOON).await;
    let call = json!(booked.call.to_string());
    assert_eq!(answer.body["booking"]["eventCallId"], call);
    assert_promises(&told.sandbox.control().report(), 1, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_booking_shortens_no_schedule() {
    let table = "[booking]\nlook_after_seconds = [600, 1200]";
    let told = Told::start("", table).await;
    told.sandbox.control().add_fault(Fault {
        endpoint: Some("POST /v1/eventCalls".to_owned()),
        kind: FaultKind::DropBefore,
        times: Some(1),
        probability: 1.0,
    });
    let answer = Answer::of(told.gateway.post(&lead(1), 0).await).await;
    let id = answer.id().to_owned();
    told.gateway.until(&id, &["reconciling"], SOON).await;
    let before = told.record(&id).await;
    let forged = Booked {
        lead: id.clone(),
        call: 77,
        email: "lead1@person.example".to_owned(),
    };
    told.told(&about(BOOKED, &forged)).await;
    let after = wait_for(
        "the lead to wait for its own look again",
        SOON,
        async || {
            let record = told.record(&id).await;
            let mut lines = record["timeline"].as_array().unwrap().iter();
            let was_asked = lines.any(|line| line["outcome"] == "not_listed");
            was_asked.then_some(record)
        },
    )
    .await;
    assert_eq!(told.questions(), 1);
    assert_eq!(after["waits"]["step"], "reconcile");
    assert_eq!(after["status"], "reconciling");
    let due = |record: &Value| -> Timestamp {
        record["waits"]["dueAt"].as_str().unwrap().parse().unwrap()
    };
    let apart = due(&before).duration_until(due(&after)).abs();
    assert!(apart < jiff::SignedDuration::from_secs(2), "{apart}");
    assert_eq!(told.sandbox.control().report().calls.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_told_to_one_replica_is_known_to_all() {
    let redis = RedisServer::start(&[]).await;
    let sandbox = sandbox(100, 2, 3).await;
    let settings = settings(&sandbox).store_url(&redis.url());
    let gateway = Gateway::start(&settings).await;
    let other = Gateway::start(&settings).await;
    let told = Told { sandbox, gateway };
    let booked = told.booked(1).await;
    told.cancel(&booked).await;
    let path = format!("/v1/accounts/main/webhooks/{TOKEN}");
    let request = other.request(Method::POST, &path);
    let seen = Seen::of(request.body(about(CANCELLED, &booked))).await;
    assert_eq!(seen.http, 200, "{seen:?}");
    told.gateway.until(&booked.lead, &["cancelled"], SOON).await;
    let second = told.booked(1).await;
    assert_ne!(second.call, booked.call);
}
