//! Every answer the document declares, provoked and judged; and those that no caller can provoke, by name.

use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{
    BACKFILLS, EVENTS, HOOKS, HOOKS_WITH_TOKEN, IMPORTS, LEAD, LEADS, OPERATOR_KEY, RECEIVERS,
    RECORD, RECORDS, REPLAYS, RESUME, SLOTS, TIME, WEBHOOK_SECRET, WEBHOOK_TOKEN, filled, operated,
    waiting_for_time,
};
use crate::contract::document::Contract;
use crate::hooks::hmac_hex;
use crate::support::leads::lead;
use crate::support::platform::Route;
use crate::support::{Gateway, Platform, Seen, Settings, sandbox};

/// Only a broken store, a body of which the rest never comes, or a fault of leadgate's own brings these, and the like to
/// the operator.
const NOT_BY_A_CALLER: [(&str, &str, u16); 14] = [
    (LEADS, "post", 408),
    (LEADS, "post", 500),
    (SLOTS, "get", 500),
    (LEAD, "get", 500),
    (LEAD, "get", 503),
    (EVENTS, "get", 500),
    (EVENTS, "get", 503),
    (TIME, "post", 408),
    (TIME, "post", 500),
    (TIME, "post", 503),
    (HOOKS, "post", 408),
    (HOOKS, "post", 500),
    (HOOKS_WITH_TOKEN, "post", 408),
    (HOOKS_WITH_TOKEN, "post", 500),
];

/// Sources that are asked for a handshake, and one whose platform sends whole leads. Meta's API is at this address.
fn platforms(graph_url: &str) -> String {
    format!(
        r#"
[sources.google]
kind = "google_ads"
link_prefix = "acme/strategy-call"
google_key = "key-of-google"

[sources.meta]
kind = "meta"
link_prefix = "acme/strategy-call"
app_secret = "app-secret"
verify_token = "verify-me"
page_access_token = "page-token"
graph_url = "{graph_url}"

[sources.linkedin]
kind = "linkedin"
link_prefix = "acme/strategy-call"
client_secret = "client-secret"
access_token = "member-token"
"#
    )
}

/// A program that is told of leads, and that nobody ever started.
const RECEIVER: &str = r#"
[receivers.crm]
url = "http://127.0.0.1:1/"
secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
allow_private = true
"#;

/// What was asked, and the status it must bring.
type Asked<'a> = (&'a str, &'a str, u16, RequestBuilder);

/// Both addresses of webhooks, with the path that each has for this token.
fn hook_paths(token: &str) -> [(&'static str, String); 2] {
    let path = HOOKS.replace("{account}", "main");
    [
        (HOOKS, format!("{path}?token={token}")),
        (HOOKS_WITH_TOKEN, format!("{path}/{token}")),
    ]
}

/// The requests that iClosed, or somebody in its name, may send.
fn of_iclosed(gateway: &Gateway, contract: &Contract) -> Vec<Asked<'static>> {
    let mut asked = Vec::new();
    for (path, with_token) in hook_paths(WEBHOOK_TOKEN) {
        let post = |body: String| {
            let request = gateway.request(Method::POST, &with_token);
            let signature = hmac_hex(WEBHOOK_SECRET, &body);
            request.header("X-Iclosed-Signature", signature).body(body)
        };
        let examples = contract.request_examples(path, "post");
        assert_eq!(examples.len(), 2);
        for example in examples {
            asked.push((path, "post", 200, post(example.to_string())));
        }
        asked.push((path, "post", 400, post("7".to_owned())));
        asked.push((path, "post", 413, post(" ".repeat(1024 * 1024 + 1))));
        let unsigned = gateway.request(Method::POST, &with_token).body("[]");
        asked.push((path, "post", 401, unsigned));
    }
    for (path, guessed) in hook_paths("hook-token-9876543210") {
        asked.push((path, "post", 404, gateway.request(Method::POST, &guessed)));
    }
    asked
}

/// What a backfill is asked with.
fn gap(source: &str) -> Value {
    json!({"source": source, "form": "8", "since": "2026-11-01T00:00:00Z"})
}

/// What an import is asked with: a row that is taken, and one that is not.
fn page(source: &str) -> Value {
    let row = |row: u64, email: &str| json!({"row": row, "fields": {"Email": email}});
    json!({"source": source, "import": "fair", "rows": [row(2, "row@person.example"), row(3, "x")]})
}

/// The requests of a service that is well.
fn of_the_well<'a>(gateway: &Gateway, booked: &str, waiting: &[String; 2]) -> Vec<Asked<'a>> {
    let post = |path: &str, lead: &str| gateway.request(Method::POST, &filled(path, lead));
    let get = |path: &str, lead: &str| gateway.request(Method::GET, &filled(path, lead));
    let options = |path: &str| gateway.request(Method::OPTIONS, &filled(path, booked));
    let preflight = |path: &str| {
        options(path)
            .header("Origin", "https://acme.example")
            .header("Access-Control-Request-Method", "POST")
    };
    let operator = |path: &str| get(path, booked).bearer_auth(OPERATOR_KEY);
    let backfill = || post(BACKFILLS, "").bearer_auth(OPERATOR_KEY);
    let fill = |source| backfill().json(&gap(source));
    let import = || post(IMPORTS, "").bearer_auth(OPERATOR_KEY);
    let resume = || post(RESUME, "").bearer_auth(OPERATOR_KEY);
    let replay = || post(REPLAYS, "").bearer_auth(OPERATOR_KEY);
    let stranger = |path: &str| {
        let path = path.replace("{receiver}", "nobody");
        post(&path, "").bearer_auth(OPERATOR_KEY)
    };
    let foreign = |request: RequestBuilder| request.header("Origin", "https://evil.example");
    let long = json!({"email": "x".repeat(70_000)});
    let time = json!({"dateTime": "2031-12-01T10:00:00Z"});
    let nobody = "ld_00000000000000000000000000";
    let bot = |path: &str| path.replace("{source}", "bot");
    let platform = |source: &str| LEADS.replace("{source}", source);
    let lead_of_google = |key: &str| {
        post(&platform("google"), "").json(&json!({
            "lead_id": "g-1", "google_key": key,
            "user_column_data": [{"column_id": "EMAIL", "string_value": "ida@lead.example"}],
        }))
    };
    let subscribed = |token: &str| {
        get(&platform("meta"), "").query(&[
            ("hub.mode", "subscribe"),
            ("hub.challenge", "1158201444"),
            ("hub.verify_token", token),
        ])
    };
    let keyed = |number| {
        post(LEADS, "")
            .header("Idempotency-Key", "k-1")
            .json(&lead(number))
    };
    let navigated = |path: &str| {
        post(path, "")
            .header("Accept", "text/html")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body("email=lead18%40person.example")
    };
    vec![
        (
            LEADS,
            "post",
            201,
            post(LEADS, "").header("Prefer", "wait=20").json(&lead(10)),
        ),
        (
            LEADS,
            "post",
            202,
            post(LEADS, "")
                .header("Origin", "https://acme.example")
                .json(&lead(11)),
        ),
        (LEADS, "post", 202, keyed(12)),
        (LEADS, "post", 202, keyed(12)),
        (LEADS, "post", 200, navigated(LEADS)),
        (
            LEADS,
            "post",
            303,
            navigated(&LEADS.replace("{source}", "page")),
        ),
        (LEADS, "post", 422, keyed(13)),
        (LEADS, "post", 422, post(LEADS, "").json(&json!({}))),
        (
            LEADS,
            "post",
            400,
            post(LEADS, "")
                .header("Content-Type", "application/json")
                .body("{"),
        ),
        (
            LEADS,
            "post",
            400,
            post(LEADS, "")
                .header("Idempotency-Key", "a b")
                .json(&lead(14)),
        ),
        (LEADS, "post", 401, post(&bot(LEADS), "").json(&lead(15))),
        (
            LEADS,
            "post",
            202,
            post(&bot(LEADS), "")
                .bearer_auth("bot-key-0123456789")
                .json(&lead(10)),
        ),
        (LEADS, "post", 403, foreign(post(LEADS, "").json(&lead(16)))),
        (
            LEADS,
            "post",
            404,
            post("/v1/sources/nobody/leads", "").json(&lead(17)),
        ),
        (LEADS, "post", 413, post(LEADS, "").json(&long)),
        (LEADS, "post", 415, post(LEADS, "").body("x")),
        (LEADS, "post", 200, lead_of_google("key-of-google")),
        (LEADS, "post", 401, lead_of_google("another")),
        (LEADS, "get", 405, get(LEADS, "")),
        (LEADS, "get", 404, get("/v1/sources/nobody/leads", "")),
        (LEADS, "get", 401, get(&platform("meta"), "")),
        (LEADS, "get", 200, subscribed("verify-me")),
        (LEADS, "get", 403, subscribed("another")),
        (
            LEADS,
            "get",
            200,
            get(&platform("linkedin"), "").query(&[("challengeCode", "890e4665")]),
        ),
        (LEADS, "options", 204, preflight(LEADS)),
        (LEADS, "options", 204, options(LEADS)),
        (SLOTS, "get", 200, get(SLOTS, "")),
        (SLOTS, "get", 400, get(&format!("{SLOTS}?days=0"), "")),
        (SLOTS, "get", 401, get(&bot(SLOTS), "")),
        (SLOTS, "get", 403, foreign(get(SLOTS, ""))),
        (SLOTS, "get", 404, get("/v1/sources/nobody/slots", "")),
        (SLOTS, "options", 204, preflight(SLOTS)),
        (LEAD, "get", 200, get(LEAD, booked)),
        (
            LEAD,
            "get",
            200,
            get(LEAD, &waiting[0]).header("Prefer", "wait=1"),
        ),
        (
            LEAD,
            "get",
            304,
            get(LEAD, booked)
                .header("If-None-Match", "*")
                .header("Prefer", "wait=0"),
        ),
        (LEAD, "get", 404, get(LEAD, nobody)),
        (LEAD, "options", 204, preflight(LEAD)),
        (EVENTS, "get", 200, get(EVENTS, booked)),
        (EVENTS, "get", 404, get(EVENTS, nobody)),
        (EVENTS, "options", 204, preflight(EVENTS)),
        (
            TIME,
            "post",
            400,
            post(TIME, booked)
                .header("Content-Type", "application/json")
                .body("{"),
        ),
        (TIME, "post", 404, post(TIME, nobody).json(&time)),
        (TIME, "post", 409, post(TIME, booked).json(&time)),
        (TIME, "post", 413, post(TIME, booked).json(&long)),
        (TIME, "post", 415, post(TIME, booked).body("x")),
        (
            TIME,
            "post",
            422,
            post(TIME, &waiting[0]).json(&json!({"dateTime": "2020-01-01T10:00:00Z"})),
        ),
        (TIME, "post", 202, post(TIME, &waiting[1]).json(&time)),
        (TIME, "options", 204, preflight(TIME)),
        (RECORDS, "get", 200, operator(RECORDS)),
        (
            RECORDS,
            "get",
            200,
            operator(&format!("{RECORDS}?status=booked&limit=1")),
        ),
        (RECORDS, "get", 400, operator(&format!("{RECORDS}?limit=0"))),
        (RECORDS, "get", 401, get(RECORDS, "")),
        (RECORD, "get", 200, operator(RECORD)),
        (RECORD, "get", 401, get(RECORD, booked).bearer_auth("x")),
        (
            RECORD,
            "get",
            404,
            get(RECORD, nobody).bearer_auth(OPERATOR_KEY),
        ),
        (IMPORTS, "post", 200, import().json(&page("landing"))),
        (IMPORTS, "post", 400, import().json(&json!({}))),
        (IMPORTS, "post", 401, post(IMPORTS, "").json(&json!({}))),
        (IMPORTS, "post", 404, import().json(&page("nobody"))),
        (
            IMPORTS,
            "post",
            413,
            import()
                .body("x".repeat(1_048_577))
                .header("content-type", "application/json"),
        ),
        (IMPORTS, "post", 415, import().body("x")),
        (BACKFILLS, "post", 200, fill("meta")),
        (BACKFILLS, "post", 400, backfill().json(&json!({}))),
        (BACKFILLS, "post", 401, post(BACKFILLS, "").json(&json!({}))),
        (BACKFILLS, "post", 404, fill("nobody")),
        (BACKFILLS, "post", 409, fill("google")),
        (BACKFILLS, "post", 413, backfill().json(&long)),
        (BACKFILLS, "post", 415, backfill().body("x")),
        (RECEIVERS, "get", 200, operator(RECEIVERS)),
        (RECEIVERS, "get", 401, get(RECEIVERS, "")),
        (RESUME, "post", 200, resume()),
        (RESUME, "post", 401, post(RESUME, "")),
        (RESUME, "post", 404, stranger(RESUME)),
        (
            REPLAYS,
            "post",
            200,
            replay().json(&json!({"leadId": booked, "dryRun": true})),
        ),
        (
            REPLAYS,
            "post",
            200,
            replay().json(&json!({"status": "parked"})),
        ),
        (REPLAYS, "post", 400, replay().json(&json!({}))),
        (REPLAYS, "post", 401, post(REPLAYS, "").json(&json!({}))),
        (
            REPLAYS,
            "post",
            404,
            stranger(REPLAYS).json(&json!({"leadId": booked})),
        ),
        (
            REPLAYS,
            "post",
            404,
            replay().json(&json!({"leadId": nobody})),
        ),
        (
            REPLAYS,
            "post",
            404,
            replay().json(&json!({"messageId": "msg_00000000000000000000000000"})),
        ),
        (REPLAYS, "post", 413, replay().json(&long)),
        (REPLAYS, "post", 415, replay().body("x")),
        ("/livez", "get", 200, get("/livez", "")),
        ("/readyz", "get", 200, get("/readyz", "")),
        ("/metrics", "get", 200, get("/metrics", "")),
        ("/openapi.yaml", "get", 200, get("/openapi.yaml", "")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_declared_answer_that_can_be_provoked_is_as_declared() {
    let contract = Contract::read();
    let mut met = BTreeSet::new();

    let sandbox = sandbox(100, 2, 3).await;
    let platform = Platform::start();
    platform.answer([Route::new("/v26.0/8/leads", 200, json!({"data": []}))]);
    let settings = operated(&sandbox.url())
        .more_tables(&platforms(platform.url()))
        .more_tables(RECEIVER);
    let gateway = Gateway::start(&settings).await;
    let booked = Seen::of(
        gateway
            .request(Method::POST, &filled(LEADS, ""))
            .header("Prefer", "wait=20")
            .json(&lead(0)),
    )
    .await;
    assert_eq!(booked.word(), "booked");
    let booked = booked.body["leadId"].as_str().unwrap();
    let waiting = [
        waiting_for_time(&gateway, 1).await,
        waiting_for_time(&gateway, 2).await,
    ];
    let mut asked = of_the_well(&gateway, booked, &waiting);
    asked.extend(of_iclosed(&gateway, &contract));
    let alternative = gateway.lead(&waiting[0]).await.body["alternatives"][0].clone();
    let chosen = json!({"dateTime": alternative["dateTime"]});
    let choose = gateway
        .request(Method::POST, &filled(TIME, &waiting[0]))
        .header("Prefer", "wait=20")
        .json(&chosen);
    asked.push((TIME, "post", 201, choose));
    let chat = |path: &str| {
        let path = path.replace("{source}", "chat");
        gateway
            .request(Method::POST, &path)
            .bearer_auth("bot-key-0123456789")
    };
    let undecided = json!({"email": "chat@person.example", "slot": "exact"});
    let undecided = Seen::of(chat(LEADS).header("Prefer", "wait=20").json(&undecided)).await;
    contract.assert_answer(LEADS, "post", &undecided);
    let chosen = json!({"dateTime": undecided.body["time1"]});
    let path = filled(TIME, undecided.body["leadId"].as_str().unwrap());
    asked.push((
        TIME,
        "post",
        200,
        gateway.request(Method::POST, &path).json(&chosen),
    ));
    asked.push((LEADS, "post", 200, chat(LEADS).json(&lead(18))));
    let free = filled(SLOTS, "").replace("landing", "chat");
    let free = gateway
        .request(Method::GET, &free)
        .bearer_auth("bot-key-0123456789");
    asked.push((SLOTS, "get", 200, free));

    // A service without iClosed, with room for one lead and little patience.
    let unwell = Settings::new("http://127.0.0.1:1", (100, 2))
        .store("max_waiting = 1")
        .account(&format!("webhook_token = \"{WEBHOOK_TOKEN}\""))
        .more_tables(&platforms("http://127.0.0.1:1"))
        .server(&format!(
            "operator_key = \"{OPERATOR_KEY}\"\n\
             throttle = {{ per_address = {{ requests = 4, window_seconds = 3600 }}, \
             per_key = {{ requests = 1, window_seconds = 3600 }} }}"
        ));
    let unwell = Gateway::start(&unwell).await;
    let from = |method: Method, path: &str, last: u8| {
        unwell
            .request(method, &filled(path, booked))
            .header("X-Forwarded-For", format!("192.0.2.{last}"))
    };
    let time = json!({"dateTime": "2031-12-01T10:00:00Z"});
    // The first finds no room, the second no allowance either.
    let of_google = || {
        let path = LEADS.replace("{source}", "google");
        let lead = json!({"lead_id": "g-1", "google_key": "key-of-google", "user_column_data": []});
        from(Method::POST, &path, 2).json(&lead)
    };
    let first = Seen::of(from(Method::POST, LEADS, 0).json(&lead(0))).await;
    gateway_is_full(&unwell).await;
    asked.extend([
        (
            LEADS,
            "post",
            503,
            from(Method::POST, LEADS, 1).json(&lead(1)),
        ),
        (SLOTS, "get", 503, from(Method::GET, SLOTS, 1)),
        (TIME, "post", 404, from(Method::POST, TIME, 1).json(&time)),
        (TIME, "post", 404, from(Method::POST, TIME, 1).json(&time)),
        (
            LEADS,
            "post",
            429,
            from(Method::POST, LEADS, 1).json(&lead(2)),
        ),
        (
            LEADS,
            "get",
            429,
            from(Method::GET, &LEADS.replace("{source}", "meta"), 1),
        ),
        (LEADS, "post", 503, of_google()),
        (LEADS, "post", 503, of_google()),
        (SLOTS, "get", 429, from(Method::GET, SLOTS, 1)),
        (LEAD, "get", 429, from(Method::GET, LEAD, 1)),
        (EVENTS, "get", 429, from(Method::GET, EVENTS, 1)),
        (TIME, "post", 429, from(Method::POST, TIME, 1).json(&time)),
        (
            BACKFILLS,
            "post",
            503,
            from(Method::POST, BACKFILLS, 3)
                .bearer_auth(OPERATOR_KEY)
                .json(&gap("meta")),
        ),
        (
            IMPORTS,
            "post",
            429,
            from(Method::POST, IMPORTS, 1).json(&page("landing")),
        ),
        (
            BACKFILLS,
            "post",
            429,
            from(Method::POST, BACKFILLS, 1).json(&gap("meta")),
        ),
        (RECEIVERS, "get", 429, from(Method::GET, RECEIVERS, 1)),
        (RESUME, "post", 429, from(Method::POST, RESUME, 1)),
        (REPLAYS, "post", 429, from(Method::POST, REPLAYS, 1)),
        (RECORDS, "get", 429, from(Method::GET, RECORDS, 1)),
        (RECORD, "get", 429, from(Method::GET, RECORD, 1)),
        ("/readyz", "get", 503, from(Method::GET, "/readyz", 1)),
        (
            LEAD,
            "get",
            200,
            unwell.request(Method::GET, first.body["statusUrl"].as_str().unwrap()),
        ),
    ]);

    for ((path, known), (_, guessed)) in hook_paths(WEBHOOK_TOKEN)
        .into_iter()
        .zip(hook_paths("hook-token-9876543210"))
    {
        asked.push((path, "post", 429, from(Method::POST, &guessed, 1)));
        // The one allowance of the account goes with the first.
        Seen::of(from(Method::POST, &known, 4).body("[]")).await;
        asked.push((path, "post", 503, from(Method::POST, &known, 4).body("[]")));
    }

    let nobodys = Gateway::start(&Settings::new("http://127.0.0.1:1", (100, 2))).await;
    let unkeyed = nobodys.request(Method::GET, RECORDS);
    asked.push((RECORDS, "get", 404, unkeyed));
    let unkeyed = nobodys.request(Method::GET, RECEIVERS);
    asked.push((RECEIVERS, "get", 404, unkeyed));

    for (path, method, status, request) in asked {
        let seen = Seen::of(request).await;
        assert_eq!(seen.http, status, "{method} {path}: {seen:?}");
        contract.assert_answer(path, method, &seen);
        met.insert((path.to_owned(), method.to_owned(), status.to_string()));
    }
    let unmet: BTreeSet<_> = NOT_BY_A_CALLER
        .into_iter()
        .map(|(path, method, status)| (path.to_owned(), method.to_owned(), status.to_string()))
        .collect();
    let of_operator = |(path, _, status): &(String, String, String)| {
        path.starts_with("/v1/admin/") && ["408", "500", "503"].contains(&status.as_str())
    };
    let declared: BTreeSet<_> = contract
        .operations()
        .filter(|(path, _, _)| !super::operator::ROUTES.contains(path))
        .flat_map(|(path, method, operation)| {
            let statuses = operation["responses"].as_object().unwrap().keys();
            statuses.map(move |status| (path.to_owned(), method.to_owned(), status.clone()))
        })
        .collect();
    let missing: BTreeSet<_> = (&declared - &met)
        .into_iter()
        .filter(|answer| !of_operator(answer))
        .collect();
    assert_eq!(missing, unmet, "declared, and neither provoked nor excused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_tells_of_a_lead_that_moved_on_as_declared() {
    let contract = Contract::read();
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let mut lead = lead(0);
    lead["slot"] = json!("exact");
    let post = async |path: &str, body: &Value| {
        let request = gateway.request(Method::POST, path).json(body);
        let request = request.header("Idempotency-Key", "k-1");
        Seen::of(request.header("Prefer", "wait=20")).await
    };
    let path = filled(LEADS, "");
    for _ in 0..2 {
        let asked = post(&path, &lead).await;
        assert_eq!((asked.http, asked.word()), (202, "needs_time"), "{asked:?}");
        contract.assert_answer(LEADS, "post", &asked);
    }
    let asked = post(&path, &lead).await;
    let time = json!({"dateTime": asked.body["alternatives"][0]["dateTime"]});
    let id = asked.body["leadId"].as_str().unwrap();
    assert_eq!(post(&filled(TIME, id), &time).await.word(), "booked");
    let again = post(&path, &lead).await;
    assert_eq!((again.http, again.word()), (201, "booked"), "{again:?}");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    contract.assert_answer(LEADS, "post", &again);
}

/// Waits until the one lead that may wait does.
async fn gateway_is_full(gateway: &Gateway) {
    crate::support::wait_for(
        "the queue to be full",
        std::time::Duration::from_secs(20),
        async || {
            let seen = Seen::of(gateway.request(Method::GET, "/readyz")).await;
            (seen.http == 503).then_some(())
        },
    )
    .await;
}
