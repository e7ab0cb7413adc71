//! What receivers are told: the real program, and the sender alone on a clock that is moved by hand.

mod outages;
mod receiver;

use std::time::{Duration, Instant};

use leadgate::sandbox::Sandbox;
use reqwest::Method;
use serde_json::{Value, json};

use crate::contract::document::Contract;
use crate::support::leads::lead;
use crate::support::{Gateway, Seen, Settings, sandbox, wait_for};
use receiver::{Answers, Receiver, by_id, table};

const KEY: &str = "operator-key-0123456789";
const RECEIVERS: &str = "/v1/admin/receivers";

async fn gateway(sandbox: &Sandbox, tables: &str) -> Gateway {
    let settings = Settings::new(&sandbox.url(), (100, 2))
        .server(&format!("operator_key = \"{KEY}\""))
        .tables(tables);
    Gateway::start(&settings).await
}

/// Posts a lead and waits for its end; its id.
async fn post(gateway: &Gateway, lead: &Value, status: &str) -> String {
    let path = "/v1/sources/landing/leads";
    let request = gateway.request(Method::POST, path).json(lead);
    let seen = Seen::of(request.header("Prefer", "wait=20")).await;
    assert_eq!(seen.word(), status, "{seen:?}");
    seen.body["leadId"].as_str().unwrap().to_owned()
}

/// The operator's list of receivers, by name.
async fn shown(gateway: &Gateway, name: &str) -> Value {
    let request = gateway.request(Method::GET, RECEIVERS).bearer_auth(KEY);
    let seen = Seen::of(request).await;
    assert_eq!(seen.http, 200, "{seen:?}");
    let list = seen.body["receivers"].as_array().unwrap();
    let found = list.iter().find(|one| one["name"] == name);
    found.cloned().unwrap()
}

/// Waits until the operator sees this receiver in this state.
async fn until_shown(gateway: &Gateway, name: &str, state: &str) -> Value {
    wait_for(state, Duration::from_secs(20), async || {
        let one = shown(gateway, name).await;
        (one["state"] == state).then_some(one)
    })
    .await
}

/// Asserts that these messages are as `openapi.yaml` declares them.
fn assert_declared(took: &[receiver::Got]) {
    let contract = Contract::read();
    let schema = json!({"$ref": "#/components/schemas/LeadEvent"});
    for got in took {
        contract.assert_valid(got.event(), &schema, &got.body);
    }
}

async fn replay(gateway: &Gateway, body: &Value) -> Seen {
    let path = format!("{RECEIVERS}/crm/replays");
    let request = gateway.request(Method::POST, &path).bearer_auth(KEY);
    Seen::of(request.json(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_tells_received_and_then_booked() {
    let (sandbox, crm) = (sandbox(100, 2, 3).await, Receiver::start());
    let gateway = gateway(&sandbox, &crm.table("crm", "")).await;
    let id = post(&gateway, &lead(1), "booked").await;
    let took = crm.until_took(2).await;
    let events: Vec<&str> = took.iter().map(|got| got.event()).collect();
    assert_eq!(events, ["lead.received", "lead.booked"]);
    for got in &took {
        assert!(got.verified_next, "both secrets sign: {got:?}");
        assert_eq!(got.content_type, "application/json");
        assert!(got.id.starts_with("msg_") && got.id.len() == 30, "{got:?}");
        let data = &got.body["data"];
        assert_eq!(data["leadId"], id);
        assert_eq!(data["source"], "landing");
        assert_eq!(data["account"], "main");
        assert_eq!(data["contact"]["email"], "lead1@person.example");
    }
    assert_declared(&took);
    let booked = &took[1].body["data"];
    let calls = sandbox.control().report().calls;
    assert_eq!(booked["status"], "booked");
    assert_eq!(booked["booking"]["timeZone"], "Europe/Oslo");
    assert_eq!(calls.len(), 1);
    assert_ne!(took[0].id, took[1].id);
    let log = gateway.log();
    assert!(log.contains("message delivered") && log.contains(&took[1].id));
    assert!(!log.contains("lead1@person.example"));
    let crm = until_shown(&gateway, "crm", "open").await;
    assert_eq!(
        (&crm["waiting"], &crm["lastError"]),
        (&json!(0), &Value::Null)
    );
    assert!(
        crm["host"].as_str().unwrap().starts_with("127.0.0.1:"),
        "{crm}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_end_of_a_lead_is_told_to_those_who_asked() {
    let (sandbox, crm) = (sandbox(100, 2, 3).await, Receiver::start());
    let ends = "events = [\"lead.duplicate\", \"lead.needs_time\", \"lead.parked\"]\nsources = [\"landing\"]";
    let gateway = gateway(&sandbox, &crm.table("crm", ends)).await;
    let first = post(&gateway, &lead(1), "booked").await;
    post(&gateway, &lead(1), "duplicate").await;
    let exact = json!({
        "email": "lead2@person.example", "slot": "exact", "dateTime": "2031-12-02T16:00:00+01:00",
        "timeZone": "Europe/Oslo",
    });
    post(&gateway, &exact, "needs_time").await;
    let mut robot = lead(3);
    robot["_gotcha"] = json!("I am one");
    let path = "/v1/sources/landing/leads";
    let seen = Seen::of(gateway.request(Method::POST, path).json(&robot)).await;
    assert!(matches!(seen.http, 201 | 202), "{seen:?}");
    let mut took = crm.until_took(3).await;
    took.sort_by_key(|got| got.event().to_owned());
    assert_declared(&took);
    let [duplicate, needs_time, parked] = &took[..] else {
        panic!("{took:?}");
    };
    assert_eq!(duplicate.event(), "lead.duplicate");
    assert_eq!(duplicate.body["data"]["duplicateOf"], first);
    assert_eq!(duplicate.body["data"]["status"], "duplicate");
    assert_eq!(needs_time.event(), "lead.needs_time");
    assert_eq!(parked.event(), "lead.parked");
    assert_eq!(parked.body["data"]["reason"]["code"], "suspected_spam");
    assert_eq!(
        parked.body["data"]["contact"]["email"],
        "lead3@person.example"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_receiver_that_is_down_and_one_that_never_answers_hold_up_no_other() {
    let sandbox = sandbox(100, 2, 5).await;
    let (crm, slow) = (Receiver::start(), Receiver::start());
    slow.answer(Answers::Never);
    // Nobody listens there: a port that was just given back.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let tables = [
        table("dead", &nobody, ""),
        slow.table("slow", "timeout_seconds = 30"),
        crm.table("crm", ""),
    ];
    let gateway = gateway(&sandbox, &tables.concat()).await;
    for number in 0..5 {
        post(&gateway, &lead(number), "booked").await;
    }
    crm.until_took(10).await;
    let dead = until_shown(&gateway, "dead", "failing").await;
    assert_eq!(dead["lastError"]["code"], "no_connection");
    assert_eq!(dead["waiting"], 10);
    let slow = shown(&gateway, "slow").await;
    assert_eq!(
        (&slow["state"], &slow["waiting"]),
        (&json!("open"), &json!(10))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_sent_nothing_until_the_operator_resumes_it() {
    let sandbox = sandbox(100, 2, 5).await;
    let (crm, other) = (Receiver::start(), Receiver::start());
    crm.answer(Answers::Status(410));
    let tables = [crm.table("crm", ""), other.table("other", "")].concat();
    let mut gateway = gateway(&sandbox, &tables).await;
    post(&gateway, &lead(1), "booked").await;
    let ended = until_shown(&gateway, "crm", "ended").await;
    assert_eq!(ended["lastError"]["code"], "http_410");
    other.until_took(2).await;
    // What was under way when it ended has ended too once both messages wait without a lease.
    let tries = crm.tried().len();
    assert!(tries <= 2, "{tries} tries");
    gateway.kill();
    gateway.restart();
    gateway.ready().await;
    post(&gateway, &lead(2), "booked").await;
    other.until_took(4).await;
    assert!(
        crm.tried().len() <= 2,
        "nothing is sent, also after a restart"
    );
    assert_eq!(shown(&gateway, "crm").await["waiting"], 4);

    crm.answer(Answers::Status(200));
    let path = format!("{RECEIVERS}/crm/resume");
    let resumed = Seen::of(gateway.request(Method::POST, &path).bearer_auth(KEY)).await;
    assert_eq!(resumed.http, 200, "{resumed:?}");
    assert_ne!(resumed.body["state"], "ended");
    let took = crm.until_took(4).await;
    assert!(by_id(&took).values().all(|times| *times == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_booking_and_telling_loses_no_event() {
    let (sandbox, crm) = (sandbox(100, 2, 5).await, Receiver::start());
    crm.answer(Answers::Never);
    let mut gateway = gateway(&sandbox, &crm.table("crm", "")).await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(post(&gateway, &lead(number), "booked").await);
    }
    // Some are under way, some wait, none was told.
    crm.until_tried(4).await;
    gateway.kill();
    crm.answer(Answers::Status(200));
    gateway.restart();
    gateway.ready().await;
    let took = crm.until_took(6).await;
    for id in &ids {
        for event in ["lead.received", "lead.booked"] {
            let told =
                |got: &&receiver::Got| got.event() == event && got.body["data"]["leadId"] == *id;
            assert_eq!(took.iter().filter(told).count(), 1, "{event} of {id}");
        }
    }
    let again = by_id(&crm.tried());
    assert!(
        again.values().any(|times| *times > 1),
        "the same id in each try"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_does_not_hold_up_the_stop() {
    let (sandbox, crm) = (sandbox(100, 2, 5).await, Receiver::start());
    crm.answer(Answers::Never);
    let mut gateway = gateway(&sandbox, &crm.table("crm", "timeout_seconds = 30")).await;
    post(&gateway, &lead(1), "booked").await;
    crm.until_tried(2).await;
    let began = Instant::now();
    assert!(gateway.terminate().await.success());
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    crm.answer(Answers::Status(200));
    gateway.restart();
    gateway.ready().await;
    crm.until_took(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_tells_what_is_so_now() {
    let (sandbox, crm) = (sandbox(100, 2, 5).await, Receiver::start());
    let gateway = gateway(&sandbox, &crm.table("crm", "")).await;
    let id = post(&gateway, &lead(1), "booked").await;
    let first = crm.until_took(2).await;

    let one = replay(&gateway, &json!({"leadId": id})).await;
    assert_eq!(
        (one.http, &one.body["leads"]),
        (200, &json!([id])),
        "{one:?}"
    );
    let took = crm.until_took(3).await;
    let again = &took[2];
    assert_eq!(again.event(), "lead.booked");
    assert!(first.iter().all(|got| got.id != again.id), "a new id");

    let dry = replay(&gateway, &json!({"status": "booked", "dryRun": true})).await;
    assert_eq!(
        dry.body,
        json!({"leads": [id], "next": null, "dryRun": true})
    );
    for (body, leads) in [
        (
            json!({"status": "booked", "from": "2020-01-01T00:00:00Z"}),
            json!([id]),
        ),
        (json!({"status": "parked"}), json!([])),
        (json!({"to": "2020-01-01T00:00:00Z"}), json!([])),
        (json!({"from": "2100-01-01T00:00:00Z"}), json!([])),
    ] {
        let seen = replay(&gateway, &body).await;
        assert_eq!(
            (seen.http, &seen.body["leads"]),
            (200, &leads),
            "{body}: {seen:?}"
        );
    }
    assert_eq!(crm.until_took(4).await[3].event(), "lead.booked");

    let nobody = json!({"leadId": "ld_00000000000000000000000000"});
    let told = json!({"messageId": first[0].id});
    for (body, http, code) in [
        (nobody, 404, "unknown_lead"),
        (told, 404, "unknown_message"),
        (json!({}), 400, "unreadable_body"),
        (json!({"status": "done"}), 400, "unreadable_body"),
    ] {
        let seen = replay(&gateway, &body).await;
        seen.assert_problem(&body.to_string(), http, code);
    }
    let path = format!("{RECEIVERS}/nobody/replays");
    let request = gateway.request(Method::POST, &path).bearer_auth(KEY);
    let seen = Seen::of(request.json(&json!({"leadId": id}))).await;
    seen.assert_problem("no receiver", 404, "unknown_receiver");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_to_be_told_holds_nothing_of_the_person() {
    let (sandbox, crm) = (sandbox(100, 2, 3).await, Receiver::start());
    crm.answer(Answers::Status(500));
    let gateway = gateway(&sandbox, &crm.table("crm", "")).await;
    post(&gateway, &lead(1), "booked").await;
    crm.until_tried(2).await;
    assert!(
        crm.tried()[0]
            .body
            .to_string()
            .contains("lead1@person.example")
    );
    let db = rusqlite::Connection::open(gateway.folder().join("data/leadgate.db")).unwrap();
    let mut kept = String::new();
    for table in ["notices", "receivers"] {
        let mut all = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = all.column_count();
        let mut rows = all.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for at in 0..columns {
                kept.push_str(&format!("{:?} ", row.get_ref(at).unwrap()));
            }
        }
    }
    // Text shows as bytes.
    let shown = |text: &str| format!("{:?}", text.as_bytes());
    assert!(kept.contains(&shown("lead.booked")), "{kept}");
    for personal in ["lead1", "person", "Number1"] {
        let bytes = shown(personal);
        assert!(!kept.contains(bytes.trim_matches(['[', ']'])), "{personal}");
    }
}

#[test]
fn the_guide_can_be_pasted_and_names_every_event() {
    let guide = include_str!("../../docs/outbound.md");
    let after = guide
        .split_once("```toml\n")
        .expect("a block of settings")
        .1;
    let block = after.split_once("\n```").expect("the block ends").0;
    let secret = |_: &str| Some(receiver::SECRET.to_owned());
    let env = |name: &str| secret(name).filter(|_| name.starts_with("CRM_"));
    let read = leadgate::settings::parse(block, "outbound.md", &env);
    let settings = read.unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(settings.receivers["crm"].events.len(), 3);
    for event in leadgate::lead::EventType::ALL {
        let row = format!("| `{}` |", event.as_str());
        assert!(guide.contains(&row), "{row}");
    }
}
