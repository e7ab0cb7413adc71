//! Chatbots of each platform: their bodies, answers in their shape, and in their time.

use std::time::{Duration, Instant};

use leadgate::sandbox::{Fault, FaultKind, Sandbox};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::contract::document::Contract;
use crate::support::{Gateway, Seen, Settings, sandbox};

const KEY: &str = "bot-key-0123456789";
const OPERATOR_KEY: &str = "operator-key-0123456789";

/// One source for each shape of an answer, and one that waits by its own setting.
async fn gateway(sandbox: &Sandbox) -> Gateway {
    let source = |name: &str, lines: &str| {
        format!(
            "[sources.{name}]\nkind = \"chatbot\"\nlink_prefix = \"acme/strategy-call\"\napi_keys = [\"{KEY}\"]\n\
             duplicates = {{ window_days = 0 }}\n{lines}\n"
        )
    };
    let tables = [
        source("manychat", "reply = \"manychat\""),
        source("whatsapp", "reply = \"manychat\"\nchannel = \"whatsapp\""),
        source("dialogflow", "reply = \"dialogflow_cx\""),
        source("flat", "reply = \"flat\""),
    ];
    let settings = Settings::new(&sandbox.url(), (100, 2))
        .server(&format!("operator_key = \"{OPERATOR_KEY}\""))
        .tables(&tables.concat());
    Gateway::start(&settings).await
}

fn post(gateway: &Gateway, source: &str, body: &Value) -> RequestBuilder {
    let path = format!("/v1/sources/{source}/leads");
    gateway
        .request(Method::POST, &path)
        .bearer_auth(KEY)
        .json(body)
}

fn slots(gateway: &Gateway, source: &str, query: &str) -> RequestBuilder {
    let path = format!("/v1/sources/{source}/slots{query}");
    gateway.request(Method::GET, &path).bearer_auth(KEY)
}

/// One turn of the conversation `s/1`.
fn turn(tag: &str, parameters: Value) -> Value {
    json!({
        "detectIntentResponseId": "r-1", "languageCode": "nb", "text": "yes please",
        "fulfillmentInfo": {"tag": tag},
        "sessionInfo": {"session": "projects/p/locations/l/agents/a/sessions/1", "parameters": parameters},
    })
}

async fn record(gateway: &Gateway, lead: &str) -> Value {
    let path = format!("/v1/admin/leads/{lead}");
    let asked = gateway
        .request(Method::GET, &path)
        .bearer_auth(OPERATOR_KEY);
    let seen = Seen::of(asked).await;
    assert_eq!(seen.http, 200, "{seen:?}");
    seen.body
}

/// The value ManyChat is told to keep under this name.
fn field<'a>(seen: &'a Seen, name: &str) -> &'a Value {
    let actions = seen.body["content"]["actions"].as_array().unwrap();
    let set = actions.iter().find(|action| action["field_name"] == name);
    set.map_or(&Value::Null, |action| &action["value"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_shows_a_few_times_a_person_can_read() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = gateway(&sandbox).await;
    let ask = async |query: &str| Seen::of(slots(&gateway, "bot", query)).await;
    let all = ask("?timeZone=Europe/Oslo&days=5").await;
    let all = all.body["slots"].as_array().unwrap();
    let few = ask("?timeZone=Europe/Oslo&days=5&limit=3&perDay=1").await;
    let few = few.body["slots"].as_array().unwrap();
    assert_eq!(few.len(), 3);
    assert!(few.iter().all(|slot| all.contains(slot)));
    let mut days: Vec<_> = few
        .iter()
        .map(|slot| slot["date"].as_str().unwrap())
        .collect();
    days.dedup();
    assert_eq!(days.len(), 3, "one a day: {few:?}");
    for slot in few {
        let local = slot["local"].as_str().unwrap();
        assert_eq!(slot["date"], local[..10]);
        assert_eq!(slot["time"], local[11..16]);
        assert!(slot["label"].as_str().unwrap().ends_with(&local[11..16]));
    }
    let mornings = ask("?time_zone=Europe/Oslo&days=5&part=morning&per_day=2").await;
    let mornings = mornings.body["slots"].as_array().unwrap();
    let is_morning = |slot: &Value| {
        let time = slot["time"].as_str().unwrap();
        ("05:00".."12:00").contains(&time)
    };
    assert!(
        !mornings.is_empty() && mornings.iter().all(is_morning),
        "{mornings:?}"
    );
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "perDay=0",
        "per_day=-1",
        "part=night",
        "part=",
        "leadId=5",
    ] {
        let seen = ask(&format!("?{query}")).await;
        seen.assert_problem(query, 400, "bad_query");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn manychat_offers_buttons_that_book() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = gateway(&sandbox).await;
    let lead = json!({
        "id": "77", "first_name": "Kim", "last_name": "Ek", "phone": "+4790000000", "email": null,
        "timezone": "UTC+02", "slot": "exact", "custom_fields": {"E-mail": "kim@lead.example"},
    });
    let asked = Seen::of(post(&gateway, "manychat", &lead)).await;
    assert_eq!(
        (asked.http, &asked.body["version"]),
        (200, &json!("v2")),
        "{asked:?}"
    );
    assert_eq!(field(&asked, "leadgate_status"), "needs_time");
    let buttons = asked.body["content"]["quick_replies"].as_array().unwrap();
    assert!((3..=11).contains(&buttons.len()), "{asked:?}");
    assert_eq!(buttons[0]["type"], "dynamic_block_callback");
    // ManyChat calls a button's address with what the button holds, and with nothing else.
    let address = buttons[0]["url"].as_str().unwrap();
    let pressed = gateway.client().post(address).json(&buttons[0]["payload"]);
    let booked = Seen::of(pressed).await;
    assert_eq!(booked.http, 200, "{booked:?}");
    assert_eq!(field(&booked, "leadgate_status"), "booked");
    assert_eq!(
        field(&booked, "leadgate_time"),
        &buttons[0]["payload"]["dateTime"]
    );
    let call = &sandbox.control().report().calls[0];
    assert_eq!(call.email.as_deref(), Some("kim@lead.example"));
    assert_eq!(call.phone.as_deref(), Some("+4790000000"));
    let late = gateway.client().post(address).json(&buttons[1]["payload"]);
    let late = Seen::of(late).await;
    assert_eq!(
        (late.http, field(&late, "leadgate_code")),
        (200, &json!("not_waiting_for_time"))
    );

    let id = field(&asked, "leadgate_lead_id").as_str().unwrap();
    let listed = Seen::of(slots(
        &gateway,
        "manychat",
        &format!("?leadId={id}&limit=4"),
    ))
    .await;
    assert_eq!(
        listed.body["content"]["quick_replies"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    let plain = Seen::of(slots(&gateway, "manychat", "?limit=3")).await;
    let text = plain.body["content"]["messages"][0]["text"]
        .as_str()
        .unwrap();
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(field(&plain, "leadgate_time_3").is_string(), "{plain:?}");
    let whatsapp = Seen::of(slots(&gateway, "whatsapp", "")).await;
    assert_eq!(whatsapp.body["content"]["type"], "whatsapp");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialogflow_conversation_finds_books_and_asks_again() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = gateway(&sandbox).await;
    let say = async |tag: &str, parameters: Value| {
        Seen::of(post(&gateway, "dialogflow", &turn(tag, parameters))).await
    };
    let told = |seen: &Seen| seen.body["sessionInfo"]["parameters"].clone();

    let free = say("slots", json!({"time_zone": "Europe/Oslo", "limit": 3.0})).await;
    assert_eq!(free.http, 200, "{free:?}");
    assert_eq!(told(&free)["leadgate_times"].as_array().unwrap().len(), 3);

    let wrong = json!({"mail": "kim at home", "person": {"name": "Kim Ek"}});
    let refused = say("lead", wrong).await;
    assert_eq!(refused.http, 200, "{refused:?}");
    assert_eq!(told(&refused)["leadgate_status"], "refused");
    assert_eq!(told(&refused)["leadgate_field"], "email");
    let parameters = told(&refused);
    assert!(parameters.as_object().unwrap().contains_key("mail") && parameters["mail"].is_null());
    let text = &refused.body["fulfillment_response"]["messages"][0]["text"]["text"][0];
    assert!(
        text.as_str().unwrap().contains("email address"),
        "{refused:?}"
    );
    assert!(sandbox.control().report().calls.is_empty());

    let values = json!({"mail": "kim@lead.example", "name": {"name": "Kim Ek"}, "slot": "exact"});
    let asked = say("lead", values.clone()).await;
    assert_eq!(told(&asked)["leadgate_status"], "needs_time", "{asked:?}");
    let id = told(&asked)["leadgate_lead_id"]
        .as_str()
        .unwrap()
        .to_owned();
    // Dialogflow calls again within the turn; by then it knows what the first answer said.
    let mut again = values.clone();
    again["leadgate_status"] = json!("needs_time");
    let again = say("lead", again).await;
    assert_eq!(told(&again)["leadgate_lead_id"], id.as_str());

    let chosen = told(&asked)["leadgate_times"][1].clone();
    let booked = say("time", json!({"leadgate_lead_id": id, "date_time": chosen})).await;
    assert_eq!(told(&booked)["leadgate_status"], "booked", "{booked:?}");
    assert_eq!(told(&booked)["leadgate_time"], chosen);
    // The same values are the same lead, told as it stands now.
    assert_eq!(
        told(&say("lead", values).await)["leadgate_status"],
        "booked"
    );
    assert_eq!(sandbox.control().report().calls.len(), 1);

    let record = record(&gateway, &id).await;
    assert_eq!(record["contact"]["name"], "Kim Ek");
    assert_eq!(record["metadata"]["tag"], "lead");
    assert_eq!(record["sender"]["locale"], "nb");
    // Who has no lead of an earlier turn has no time to choose.
    let nobody = say("time", json!({"date_time": chosen})).await;
    nobody.assert_problem("no lead", 404, "unknown_lead");
    let astray = say("slots", json!({"days": 99})).await;
    astray.assert_problem("too many days", 400, "bad_query");
    let contract = Contract::read();
    for seen in [nobody, astray, asked, free] {
        contract.assert_answer("/v1/sources/{source}/leads", "post", &seen);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bots_machine_says_of_itself_is_not_said_of_the_visitor() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = gateway(&sandbox).await;
    let as_a_machine = |source: &str, body: &Value| {
        post(&gateway, source, body)
            .header(
                "User-Agent",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile",
            )
            .header("Accept-Language", "en-US")
            .header("X-Forwarded-For", "192.0.2.7")
    };
    let flat = Seen::of(as_a_machine("flat", &json!({"email": "kim@lead.example"}))).await;
    let lead = record(&gateway, flat.body["leadId"].as_str().unwrap()).await;
    assert_eq!(lead["sender"], json!({}));
    let turn = turn("lead", json!({"email": "ida@lead.example"}));
    let told = Seen::of(as_a_machine("dialogflow", &turn)).await;
    let told = &told.body["sessionInfo"]["parameters"]["leadgate_lead_id"];
    let lead = record(&gateway, told.as_str().unwrap()).await;
    assert_eq!(lead["sender"], json!({"locale": "nb"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flat_answer_is_told_at_the_top() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = gateway(&sandbox).await;
    let free = Seen::of(slots(&gateway, "flat", "?limit=2&timeZone=Europe/Oslo")).await;
    let flat = |seen: &Seen| {
        seen.body
            .as_object()
            .unwrap()
            .values()
            .all(|value| !value.is_object() && !value.is_array())
    };
    assert!(flat(&free), "{free:?}");
    assert_eq!(free.body["count"], 2);
    let lead = json!({"email": "kim@lead.example", "phone": 0, "name": "undefined", "dateTime": free.body["time2"]});
    let booked = Seen::of(post(&gateway, "flat", &lead)).await;
    assert!(booked.http == 200 && flat(&booked), "{booked:?}");
    assert_eq!(
        (booked.word(), &booked.body["time"]),
        ("booked", &free.body["time2"])
    );
    let refused = Seen::of(post(&gateway, "flat", &json!({"email": "{email}"}))).await;
    refused.assert_problem("a variable nobody filled in", 422, "validation_failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bots_author_must_mend_is_never_said_to_a_visitor() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = gateway(&sandbox).await;
    for source in ["manychat", "dialogflow", "flat"] {
        let path = format!("/v1/sources/{source}/leads");
        let unkeyed = gateway.request(Method::POST, &path).json(&json!({}));
        Seen::of(unkeyed)
            .await
            .assert_problem(source, 401, "unauthorized");
        let unreadable = gateway.request(Method::POST, &path).bearer_auth(KEY);
        let unreadable = unreadable
            .header("Content-Type", "application/json")
            .body("{");
        Seen::of(unreadable)
            .await
            .assert_problem(source, 400, "unreadable_body");
        Seen::of(slots(&gateway, source, "?days=0"))
            .await
            .assert_problem(source, 400, "bad_query");
    }
    sandbox.stop().await;
    let manychat = Seen::of(slots(&gateway, "manychat", "")).await;
    assert_eq!(
        (manychat.http, field(&manychat, "leadgate_code")),
        (200, &json!("slots_unavailable"))
    );
    let dialogflow = Seen::of(slots(&gateway, "dialogflow", "")).await;
    dialogflow.assert_problem("its events handle this", 503, "slots_unavailable");
    let turn = Seen::of(post(&gateway, "dialogflow", &turn("slots", json!({})))).await;
    turn.assert_problem("its events handle this", 503, "slots_unavailable");
    Contract::read().assert_answer("/v1/sources/{source}/leads", "post", &turn);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_is_answered_in_its_platforms_time_when_iclosed_hangs() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = gateway(&sandbox).await;
    let hang = |endpoint: &str| {
        let fault = FaultKind::HangBefore { seconds: 15.0 };
        sandbox.control().add_fault(Fault::once(endpoint, fault));
    };
    let margin = Duration::from_millis(500);
    let in_time = |took: Duration, wait: u64| {
        let wait = Duration::from_secs(wait);
        // Timers fire a little early by the clock of another process.
        assert!(
            took >= wait - Duration::from_millis(50) && took <= wait + margin,
            "{took:?} of {wait:?}"
        );
    };
    for endpoint in ["POST /v1/events/eventDates", "POST /v1/eventCalls"] {
        for (source, prefer, wait) in [
            ("manychat", None, 8),
            ("dialogflow", None, 4),
            ("flat", None, 4),
            ("dialogflow", Some("wait=1"), 1),
        ] {
            hang(endpoint);
            let email = format!("{source}{wait}{}@lead.example", endpoint.len());
            let lead = match source {
                "dialogflow" => turn("lead", json!({"email": email})),
                _ => json!({"email": email}),
            };
            let mut request = post(&gateway, source, &lead);
            if let Some(prefer) = prefer {
                request = request.header("Prefer", prefer);
            }
            let started = Instant::now();
            let seen = Seen::of(request).await;
            in_time(started.elapsed(), wait);
            let status = match source {
                "manychat" => field(&seen, "leadgate_status"),
                "dialogflow" => &seen.body["sessionInfo"]["parameters"]["leadgate_status"],
                _ => &seen.body["status"],
            };
            assert!(
                ["queued", "booking"].contains(&status.as_str().unwrap()),
                "{seen:?}"
            );
        }
    }
}
