//! The answers to the operator's acts, provoked and judged.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::document::Contract;
use super::{OPERATOR_KEY, filled, operated};
use crate::support::leads::lead;
use crate::support::{Gateway, Seen, Settings, sandbox};

/// The acts' addresses.
pub const ROUTES: [&str; 12] = [
    RETRY,
    RELEASE,
    CANCEL,
    "/v1/admin/replays",
    "/v1/admin/erasures",
    "/v1/admin/export",
    "/v1/admin/accounts",
    "/v1/admin/accounts/{account}/pause",
    "/v1/admin/accounts/{account}/resume",
    "/v1/admin/sources",
    "/v1/admin/sources/{source}/pause",
    "/v1/admin/sources/{source}/resume",
];
const RETRY: &str = "/v1/admin/leads/{leadId}/retry";
const RELEASE: &str = "/v1/admin/leads/{leadId}/release";
const CANCEL: &str = "/v1/admin/leads/{leadId}/cancel";
const NOBODY: &str = "ld_00000000000000000000000000";

/// A body that the route takes, and one that it does not.
fn bodies(path: &str, lead: &str) -> Option<(Value, Value)> {
    match path {
        CANCEL => Some((json!({"reason": "ill"}), json!({"why": 1}))),
        "/v1/admin/replays" => Some((json!({"source": "landing"}), json!({}))),
        "/v1/admin/erasures" => Some((json!({"leadId": lead}), json!({}))),
        _ => None,
    }
}

/// Posts a lead that ends at once as a suspect; its id.
async fn suspect(gateway: &Gateway, number: usize) -> String {
    let mut suspect = lead(number);
    suspect["_gotcha"] = json!("x");
    let seen = Seen::of(
        gateway
            .request(Method::POST, &filled(super::LEADS, ""))
            .json(&suspect),
    )
    .await;
    seen.body["leadId"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_to_an_act_is_declared_and_every_declared_one_can_be_had() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&operated(&sandbox.url())).await;
    let unkeyed = Gateway::start(&Settings::new("http://127.0.0.1:1", (100, 2))).await;
    let throttled = Gateway::start(&Settings::new("http://127.0.0.1:1", (100, 2)).server(&format!(
        "operator_key = \"{OPERATOR_KEY}\"\nthrottle = {{ per_key = {{ requests = 1, window_seconds = 3600 }} }}"
    )))
    .await;
    let contract = Contract::read();
    let mut met = BTreeSet::new();
    let mut meet = async |path: &str, method: &str, request, status: u16| {
        let seen = Seen::of(request).await;
        assert_eq!(seen.http, status, "{method} {path}: {seen:?}");
        contract.assert_answer(path, method, &seen);
        met.insert((path.to_owned(), method.to_owned(), status.to_string()));
    };
    Seen::of(
        throttled
            .request(Method::GET, "/v1/admin/sources")
            .bearer_auth(OPERATOR_KEY),
    )
    .await;
    let booked = Seen::of(
        gateway
            .request(Method::POST, &filled(super::LEADS, ""))
            .header("Prefer", "wait=20")
            .json(&lead(0)),
    )
    .await;
    let booked = booked.body["leadId"].as_str().unwrap();
    for (number, path) in ROUTES.into_iter().enumerate() {
        let method = contract.paths()[path].as_object().unwrap().keys();
        let method = method
            .into_iter()
            .find(|name| *name != "parameters")
            .unwrap();
        let verb: Method = method.to_ascii_uppercase().parse().unwrap();
        let to = |gateway: &Gateway, lead: &str| gateway.request(verb.clone(), &filled(path, lead));
        let ask = |lead: &str| {
            let request = to(&gateway, lead).bearer_auth(OPERATOR_KEY);
            match bodies(path, lead) {
                Some((good, _)) => request.json(&good),
                None => request,
            }
        };
        let of = suspect(&gateway, number + 1).await;
        // A retry is for parked leads that are no suspects: one that is booked is refused, as is that of a suspect.
        match path {
            RETRY => {
                let parked = parked(&gateway, &sandbox).await;
                meet(path, method, ask(&parked), 200).await;
            }
            _ => meet(path, method, ask(&of), 200).await,
        }
        if path == CANCEL {
            meet(path, method, ask(booked), 202).await;
        }
        let declared = contract.paths()[path][method]["responses"]
            .as_object()
            .unwrap();
        if declared.contains_key("409") {
            let repeated = gateway.request(Method::POST, &filled(super::LEADS, ""));
            let duplicate = Seen::of(repeated.json(&lead(0))).await;
            let duplicate = duplicate.body["leadId"].as_str().unwrap().to_owned();
            let refused = if path == RELEASE { booked } else { &duplicate };
            meet(path, method, ask(refused), 409).await;
        }
        if declared.contains_key("400") {
            meet(
                path,
                method,
                ask(&of).header("X-Operator", "two words"),
                400,
            )
            .await;
        }
        if let Some((_, bad)) = bodies(path, &of) {
            let request = || to(&gateway, &of).bearer_auth(OPERATOR_KEY);
            meet(path, method, request().json(&bad), 400).await;
            let long = format!("{{\"reason\": \"{}\"}}", "x".repeat(70_000));
            let long = request()
                .header("Content-Type", "application/json")
                .body(long);
            meet(path, method, long, 413).await;
            if declared.contains_key("415") {
                meet(path, method, request().body("x"), 415).await;
            }
        }
        meet(path, method, to(&gateway, &of), 401).await;
        meet(path, method, to(&unkeyed, NOBODY), 404).await;
        if path.contains("{leadId}") {
            meet(path, method, ask(NOBODY), 404).await;
        }
        meet(
            path,
            method,
            to(&throttled, NOBODY).bearer_auth(OPERATOR_KEY),
            429,
        )
        .await;
    }
    // Only a broken store, a body of which the rest never comes, or a fault of leadgate's own brings these.
    let excused = ["408", "500", "503"];
    let unmet = contract.operations().flat_map(|(path, method, operation)| {
        let statuses = operation["responses"].as_object().unwrap().keys();
        let mine = statuses
            .filter(move |status| ROUTES.contains(&path) && !excused.contains(&status.as_str()));
        mine.map(move |status| (path.to_owned(), method.to_owned(), status.clone()))
    });
    let unmet: Vec<_> = unmet.filter(|one| !met.contains(one)).collect();
    assert!(unmet.is_empty(), "declared, and not provoked: {unmet:?}");
}

/// A lead that is parked because its event is off; the event is on again afterwards.
async fn parked(gateway: &Gateway, sandbox: &leadgate::sandbox::Sandbox) -> String {
    // Slots that were looked up before may be booked still; iClosed then refuses the booking.
    crate::support::activate(sandbox, false);
    let request = gateway.request(Method::POST, &filled(super::LEADS, ""));
    let seen = Seen::of(request.header("Prefer", "wait=20").json(&lead(999))).await;
    assert_eq!(seen.word(), "parked", "{seen:?}");
    crate::support::activate(sandbox, true);
    seen.body["leadId"].as_str().unwrap().to_owned()
}
