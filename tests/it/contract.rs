//! `openapi.yaml`, held to the running service: what it says is so, and what is so it says.

mod answers;
pub mod document;
mod lengths;
mod operator;

use std::collections::BTreeSet;
use std::path::Path;

use leadgate::api::problem::Code;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Gateway, Seen, Settings, sandbox};
use document::Contract;

const LEADS: &str = "/v1/sources/{source}/leads";
const SLOTS: &str = "/v1/sources/{source}/slots";
const LEAD: &str = "/v1/leads/{leadId}";
const EVENTS: &str = "/v1/leads/{leadId}/events";
const TIME: &str = "/v1/leads/{leadId}/time";
const RECORDS: &str = "/v1/admin/leads";
const RECORD: &str = "/v1/admin/leads/{leadId}";
const IMPORTS: &str = "/v1/admin/imports";
const RECEIVERS: &str = "/v1/admin/receivers";
const RESUME: &str = "/v1/admin/receivers/{receiver}/resume";
const REPLAYS: &str = "/v1/admin/receivers/{receiver}/replays";
const BACKFILLS: &str = "/v1/admin/backfills";
const HOOKS: &str = "/v1/accounts/{account}/webhooks";
const HOOKS_WITH_TOKEN: &str = "/v1/accounts/{account}/webhooks/{token}";
const WEBHOOK_TOKEN: &str = "hook-token-0123456789";
const WEBHOOK_SECRET: &str = "secret-of-the-dashboard";
const OPERATOR_KEY: &str = "operator-key-0123456789";

/// The words of an `enum` among the schemas.
fn words<'a>(contract: &'a Contract, pointer: &str) -> BTreeSet<&'a str> {
    let list = contract.at(pointer).as_array().unwrap();
    list.iter().map(|word| word.as_str().unwrap()).collect()
}

/// A path of the document with its names filled in.
fn filled(path: &str, lead: &str) -> String {
    path.replace("{source}", "landing")
        .replace("{receiver}", "crm")
        .replace("{leadId}", lead)
        .replace("{account}", "main")
        .replace("{token}", WEBHOOK_TOKEN)
}

/// A lead that waits for its time to be chosen.
async fn waiting_for_time(gateway: &Gateway, number: usize) -> String {
    let lead = json!({
        "email": format!("lead{number}@person.example"), "slot": "exact", "dateTime": "2031-12-02T16:00:00+01:00",
        "timeZone": "Europe/Oslo",
    });
    let seen = Seen::of(
        gateway
            .request(Method::POST, &filled(LEADS, ""))
            .header("Prefer", "wait=20")
            .json(&lead),
    )
    .await;
    assert_eq!(seen.word(), "needs_time", "{seen:?}");
    seen.body["leadId"].as_str().unwrap().to_owned()
}

#[test]
fn every_schema_and_every_example_holds() {
    let contract = Contract::read();
    for name in contract
        .at("/components/schemas")
        .as_object()
        .unwrap()
        .keys()
    {
        let schema = json!({"$ref": format!("#/components/schemas/{name}")});
        contract.faults(&schema, &Value::Null);
    }
    let mut examples = 0;
    for (path, method, operation) in contract.operations() {
        let place = format!("{method} {path}");
        let shared = contract.paths()[path]["parameters"].as_array();
        let own = operation["parameters"].as_array();
        for parameter in shared.into_iter().chain(own).flatten() {
            let parameter = contract.resolve(parameter);
            contract.assert_valid(&place, &parameter["schema"], &parameter["example"]);
            examples += 1;
        }
        let bodies = operation["responses"]
            .as_object()
            .unwrap()
            .values()
            .map(|response| contract.resolve(response));
        let request = operation
            .get("requestBody")
            .map(|body| contract.resolve(body));
        for body in bodies.chain(request) {
            for (name, header) in body["headers"].as_object().into_iter().flatten() {
                let header = contract.resolve(header);
                contract.assert_valid(
                    &format!("{place} {name}"),
                    &header["schema"],
                    &header["example"],
                );
                examples += 1;
            }
            for content in body["content"]
                .as_object()
                .into_iter()
                .flat_map(|content| content.values())
            {
                for example in content["examples"].as_object().unwrap().values() {
                    contract.assert_valid(
                        &place,
                        &content["schema"],
                        &contract.resolve(example)["value"],
                    );
                    examples += 1;
                }
            }
        }
    }
    assert!(examples > 100, "only {examples} examples were found");
}

#[test]
fn every_route_is_in_the_document_and_no_other() {
    let mut routes = BTreeSet::new();
    let mut texts = Vec::new();
    sources(
        concat!(env!("CARGO_MANIFEST_DIR"), "/src/api").as_ref(),
        &mut texts,
    );
    for text in texts {
        for opening in [" at(", "plain("] {
            let after = text.split(opening).skip(1).map(str::trim_start);
            routes.extend(after.filter_map(|after| {
                let path = after.strip_prefix('"')?.split_once('"')?.0;
                path.starts_with('/').then(|| path.to_owned())
            }));
        }
    }
    assert!(
        routes.remove("/"),
        "the demo's page is no part of the contract"
    );
    let contract = Contract::read();
    let documented: BTreeSet<String> = contract.paths().keys().cloned().collect();
    assert_eq!(routes, documented);
}

/// The text of every file in a folder and those below.
fn sources(folder: &Path, texts: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, texts);
        } else {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

/// The usual settings, with an operator, a bot that wants flat answers, and a form whose visitors go on to a page.
fn operated(base_url: &str) -> Settings {
    let chat = "[sources.chat]\nkind = \"chatbot\"\nlink_prefix = \"acme/strategy-call\"\n\
                api_keys = [\"bot-key-0123456789\"]\nreply = \"flat\"\n";
    let page = "[sources.page]\nkind = \"form\"\nlink_prefix = \"acme/strategy-call\"\n\
                allowed_origins = [\"https://acme.example\"]\nredirect_urls = [\"https://acme.example/thanks\"]\n";
    Settings::new(base_url, (100, 2))
        .server(&format!("operator_key = \"{OPERATOR_KEY}\""))
        .account(&format!(
            "webhook_token = \"{WEBHOOK_TOKEN}\"\nwebhook_secret = \"{WEBHOOK_SECRET}\""
        ))
        .tables(&format!("{chat}{page}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_and_method_reaches_a_handler_and_no_other_method_does() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&operated(&sandbox.url())).await;
    let contract = Contract::read();
    let nobody = "ld_00000000000000000000000000";
    for (path, item) in contract.paths() {
        for method in ["get", "post", "put", "patch", "delete", "options"] {
            let verb: Method = method.to_ascii_uppercase().parse().unwrap();
            let request = gateway.request(verb, &filled(path, nobody));
            let request = match path.ends_with("/webhooks") {
                true => request.query(&[("token", WEBHOOK_TOKEN)]),
                false => request,
            };
            let seen = Seen::of(request.bearer_auth(OPERATOR_KEY)).await;
            let place = format!("{method} {path}");
            if item.get(method).is_some() {
                contract.assert_answer(path, method, &seen);
                assert_ne!(seen.word(), "not_found", "{place}");
            } else {
                seen.assert_problem(&place, 405, "method_not_allowed");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_a_request_is_accepted() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let contract = Contract::read();
    for (path, wanted) in [(LEADS, 3), (TIME, 2)] {
        let examples = contract.request_examples(path, "post");
        assert_eq!(examples.len(), wanted, "{path}");
        for (number, example) in examples.into_iter().enumerate() {
            let lead = if path == TIME {
                waiting_for_time(&gateway, number).await
            } else {
                String::new()
            };
            let request = gateway
                .request(Method::POST, &filled(path, &lead))
                .json(example);
            let seen = Seen::of(request.header("Prefer", "wait=20")).await;
            assert!(matches!(seen.http, 201 | 202), "{example}: {seen:?}");
            contract.assert_answer(path, "post", &seen);
        }
    }
}

#[test]
fn the_codes_of_problems_are_those_of_the_service() {
    let contract = Contract::read();
    let service: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(
        words(&contract, "/components/schemas/ProblemCode/enum"),
        service
    );
    // An answer may only hold the codes of its own status.
    for (path, method, operation) in contract.operations() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let narrowed = &contract.resolve(response)["content"]["application/problem+json"]["schema"]
                ["allOf"][1];
            let code = &narrowed["properties"]["code"];
            let named = code["enum"]
                .as_array()
                .into_iter()
                .flatten()
                .chain(code.get("const"));
            for name in named {
                let known = Code::ALL.iter().find(|code| name == code.as_str()).unwrap();
                assert_eq!(
                    known.status().to_string(),
                    *status,
                    "{method} {path}: {name}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_codes_of_fields_are_those_of_the_service() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let contract = Contract::read();
    let lead = waiting_for_time(&gateway, 0).await;
    let late = "2031-12-01T10:00:00Z";
    let mut told = BTreeSet::new();
    for (path, body) in [
        (LEADS, json!({"name": "Kim Ek"})),
        (
            LEADS,
            json!({
                "email": "kim", "phoneNumber": "x", "firstName": 5, "company": "x".repeat(201), "timeZone": "Oslo",
                "dateTime": "soon", "wishes": ["2020-01-01T10:00:00Z", "2031-12-01T10:00:00"], "slot": "any",
                "linkPrefix": "acme/other", "answers": {" ": "x"}, "additionalGuests": [{"name": "Ida Moe"}],
            }),
        ),
        (
            LEADS,
            json!({"phoneNumber": "90000001", "wishes": vec![late; 11]}),
        ),
        (TIME, json!({})),
    ] {
        let seen = Seen::of(
            gateway
                .request(Method::POST, &filled(path, &lead))
                .json(&body),
        )
        .await;
        assert_eq!(seen.http, 422, "{seen:?}");
        contract.assert_answer(path, "post", &seen);
        told.extend(seen.faults().into_iter().map(|(_, code)| code.to_owned()));
    }
    let part = "Content-Disposition: form-data; name=\"cv\"; filename=\"me.pdf\"\r\n\r\n%PDF";
    let file = gateway.request(Method::POST, &filled(LEADS, ""));
    let file = file.header("Content-Type", "multipart/form-data; boundary=XX");
    let seen = Seen::of(file.body(format!("--XX\r\n{part}\r\n--XX--\r\n"))).await;
    contract.assert_answer(LEADS, "post", &seen);
    told.extend(seen.faults().into_iter().map(|(_, code)| code.to_owned()));
    let documented = words(
        &contract,
        "/components/schemas/FieldFault/properties/code/enum",
    );
    assert_eq!(documented, told.iter().map(String::as_str).collect());
}
