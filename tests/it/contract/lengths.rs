//! The lengths in the schemas are those the doors keep to.

use reqwest::Method;
use serde_json::{Value, json};

use super::{LEADS, TIME, filled, waiting_for_time};
use crate::contract::document::Contract;
use crate::support::{Gateway, Seen, Settings, sandbox};

/// Longer than any length in the document, and shorter than a body may be.
const LONG: usize = 20_000;

/// Whether posting this body brings a fault of length or number at the pointer.
async fn is_too_much(gateway: &Gateway, path: &str, pointer: &str, body: &Value) -> bool {
    let seen = Seen::of(
        gateway
            .request(Method::POST, path)
            .header("Prefer", "respond-async")
            .json(body),
    )
    .await;
    // The address has a length of its own kind: the vendor's.
    let long = |code: &str| {
        matches!(code, "too_long" | "too_many") || (pointer == "/email" && code == "invalid_email")
    };
    seen.faults()
        .into_iter()
        .any(|fault| fault.0 == pointer && long(fault.1))
}

/// An address, or any other text, of so many characters.
fn text(name: &str, length: usize) -> Value {
    if name != "email" {
        return json!("x".repeat(length));
    }
    let (local, end) = ("kim@", ".example");
    // Labels of a domain have 63 characters at most.
    let mut domain = String::new();
    while domain.len() < length - local.len() - end.len() {
        domain.push(if domain.len() % 60 == 59 { '.' } else { 'd' });
    }
    json!(format!("{local}{domain}{end}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_length_in_the_document_is_kept_to_and_there_is_no_other() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let contract = Contract::read();
    let lead = waiting_for_time(&gateway, 0).await;
    let mut checked = 0;
    for (path, schema) in [(LEADS, "LeadRequest"), (TIME, "TimeRequest")] {
        let path = filled(path, &lead);
        for (name, property) in contract
            .at(&format!("/components/schemas/{schema}/properties"))
            .as_object()
            .unwrap()
        {
            let property = contract.resolve(property);
            let pointer = format!("/{name}");
            let of_kind = |length: usize| match property["type"].as_str() {
                Some("string") => Some(text(name, length)),
                Some("array") => Some(json!(vec!["2031-12-01T10:00:00Z"; length])),
                Some("object") => Some(
                    (0..length)
                        .map(|key| (format!("question-{key}"), json!("x")))
                        .collect(),
                ),
                _ => None,
            };
            let bound = ["maxLength", "maxItems", "maxProperties"]
                .iter()
                .find_map(|key| property[key].as_u64());
            // A body at fault elsewhere keeps nothing, so the same person can be posted again and again.
            let mut body = json!({"slot": "never", "email": "kim@person.example"});
            match bound {
                Some(most) => {
                    let most = usize::try_from(most).unwrap();
                    body[name] = of_kind(most).unwrap();
                    assert!(
                        !is_too_much(&gateway, &path, &pointer, &body).await,
                        "{schema} {name} of {most}"
                    );
                    body[name] = of_kind(most + 1).unwrap();
                    assert!(
                        is_too_much(&gateway, &path, &pointer, &body).await,
                        "{schema} {name} of {}",
                        most + 1
                    );
                    checked += 1;
                }
                None => {
                    let Some(long) = of_kind(if property["type"] == "string" {
                        LONG
                    } else {
                        1000
                    }) else {
                        continue;
                    };
                    body[name] = long;
                    assert!(
                        !is_too_much(&gateway, &path, &pointer, &body).await,
                        "{schema} {name} has a hidden bound"
                    );
                }
            }
        }
    }
    assert!(checked >= 20, "only {checked} lengths were found");

    let answers = contract.at("/components/schemas/LeadRequest/properties/answers");
    let question =
        usize::try_from(answers["propertyNames"]["maxLength"].as_u64().unwrap()).unwrap();
    let value = contract
        .at("/components/schemas/AnswerValue/anyOf/0/maxLength")
        .as_u64()
        .unwrap();
    let value = usize::try_from(value).unwrap();
    for (question, value, fits) in [
        (question, value, true),
        (question + 1, 1, false),
        (1, value + 1, false),
    ] {
        let body = json!({"slot": "never", "answers": {"q".repeat(question): "x".repeat(value)}});
        let seen = Seen::of(
            gateway
                .request(Method::POST, &filled(LEADS, ""))
                .json(&body),
        )
        .await;
        let faulty = seen
            .faults()
            .into_iter()
            .any(|(pointer, _)| pointer.starts_with("/answers/"));
        assert_eq!(!faulty, fits, "{question} {value}: {seen:?}");
    }
}
