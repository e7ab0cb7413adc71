//! Every fixture, damaged in every way a sender may damage it, by chance: nothing may panic.

use std::time::Duration;

use leadgate::sources::{Fetch, Item, Kind, Own, Sent};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::case::{self, Case};
use super::judge::{judge, judge_entry};
use crate::support::Platform;

/// Of all fixtures together.
const MUTATIONS: u32 = 6000;
/// Each is two or three requests.
const MUTATED_ANSWERS: u32 = 400;

/// What else a delivery may call itself.
const CONTENT_TYPES: [&str; 6] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=------------------------fixture",
    "multipart/form-data",
    "text/plain;charset=UTF-8",
    "",
];

/// So many cases; `MUTATIONS_TIMES` multiplies them.
fn runner(cases: u32) -> TestRunner {
    let times = std::env::var("MUTATIONS_TIMES").ok();
    let times: u32 = times.map_or(1, |text| text.parse().expect("MUTATIONS_TIMES is a number"));
    TestRunner::new(ProptestConfig {
        cases: cases * times,
        max_shrink_iters: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })
}

/// Damage to bytes or, where they are JSON, to one leaf of them.
#[derive(Clone, Debug)]
enum Damage {
    Cut(prop::sample::Index),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Swap(prop::sample::Index, Value),
    Nothing,
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        1 => place().prop_map(Damage::Cut),
        1 => (place(), 1..=255_u8).prop_map(|(place, bits)| Damage::Flip(place, bits)),
        1 => (place(), prop::collection::vec(any::<u8>(), 1..8))
            .prop_map(|(place, bytes)| Damage::Insert(place, bytes)),
        4 => (place(), leaf()).prop_map(|(place, leaf)| Damage::Swap(place, leaf)),
        1 => Just(Damage::Nothing),
    ]
}

/// What may stand where another type was expected.
fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(serde_json::from_str("123456789012345678901234567890").unwrap()),
        Just(serde_json::from_str("-1.5e400").unwrap()),
        ".{0,12}".prop_map(Value::from),
        "[%{}\\[\\]=&;:,/\\\\\"<>@+ü\u{202e}\u{0}-]{0,24}".prop_map(Value::from),
        Just(json!("x".repeat(20_000))),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[null, {"value": []}], 7])),
        Just(json!({"value": {"localized": 1}, "": [""]})),
    ]
}

impl Damage {
    fn done_to(&self, bytes: &[u8]) -> Vec<u8> {
        let mut damaged = bytes.to_vec();
        match self {
            Damage::Cut(place) => damaged.truncate(place.index(bytes.len() + 1)),
            Damage::Flip(place, bits) if !bytes.is_empty() => {
                damaged[place.index(bytes.len())] ^= bits;
            }
            Damage::Insert(place, more) => {
                let at = place.index(bytes.len() + 1);
                damaged.splice(at..at, more.iter().copied());
            }
            Damage::Swap(place, leaf) => {
                if let Ok(mut value) = serde_json::from_slice::<Value>(bytes) {
                    let nodes = nodes(&value);
                    let node = &nodes[place.index(nodes.len())];
                    *value.pointer_mut(node).unwrap() = leaf.clone();
                    damaged = value.to_string().into_bytes();
                }
            }
            Damage::Flip(..) | Damage::Nothing => {}
        }
        damaged
    }
}

/// The JSON pointers of a value and of everything inside it.
fn nodes(value: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.replace('~', "~0").replace('/', "~1"), value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, value)| (index.to_string(), value))
            .collect(),
        _ => Vec::new(),
    };
    for (name, value) in inner {
        found.extend(
            nodes(value)
                .into_iter()
                .map(|below| format!("/{name}{below}")),
        );
    }
    found
}

#[test]
fn no_adapter_panics_at_a_damaged_delivery() {
    let cases = case::all();
    let strategy = (
        prop::sample::select((0..cases.len()).collect::<Vec<_>>()),
        prop::sample::select(CONTENT_TYPES.to_vec()),
        any::<bool>(),
        prop::collection::vec(damage(), 1..4),
    );
    let run = runner(MUTATIONS).run(&strategy, |(index, other, usual, damages)| {
        let case = &cases[index];
        let content_type = if usual { case.content_type() } else { other };
        let body = damages
            .iter()
            .fold(case.body().to_vec(), |body, damage| damage.done_to(&body));
        let head = format!("{}\n{content_type}\n", case.kind.name());
        judge(&[head.as_bytes(), &body].concat());
        Ok(())
    });
    run.unwrap();
}

#[test]
fn no_reader_panics_at_a_damaged_answer_of_its_platform() {
    let cases: Vec<(Case, Fetch)> = case::all()
        .into_iter()
        .filter(|case| !case.routes().is_empty())
        .filter_map(|case| fetch_of(&case).map(|fetch| (case, fetch)))
        .collect();
    assert!(
        cases.len() >= 10,
        "only {} fixtures are fetched",
        cases.len()
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let platform = runtime.block_on(async { Platform::start() });
    let http = crate::support::gateway::client();
    let strategy = (
        prop::sample::select((0..cases.len()).collect::<Vec<_>>()),
        any::<prop::sample::Index>(),
        prop::collection::vec(damage(), 1..4),
    );
    let run = runner(MUTATED_ANSWERS).run(&strategy, |(index, which, damages)| {
        let (case, fetch) = &cases[index];
        let mut routes = case.routes();
        let which = which.index(routes.len());
        let body = routes[which].body.to_string().into_bytes();
        let body = damages
            .iter()
            .fold(body, |body, damage| damage.done_to(&body));
        // What is no JSON any more is a text: the answer's reader takes either.
        routes[which].body =
            serde_json::from_slice(&body).unwrap_or_else(|_| String::from_utf8_lossy(&body).into());
        platform.answer_only(routes);
        let own = case.own(platform.url());
        let fetched = runtime.block_on(async {
            let fetching = case.kind.fetcher().unwrap().fetch(&http, fetch, &own);
            tokio::time::timeout(Duration::from_secs(10), fetching).await
        });
        if let Ok(entry) = fetched.expect("the platform answers at once") {
            judge_entry(entry);
        }
        Ok(())
    });
    run.unwrap();
}

/// The first lead that a fixture's notice names.
fn fetch_of(case: &Case) -> Option<Fetch> {
    let headers = [("content-type".to_owned(), case.content_type().to_owned())].into();
    let sent = Sent {
        method: "POST",
        url: "",
        query: "",
        headers: &headers,
        body: case.body(),
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    let kind: &dyn Kind = case.kind;
    let items = kind.read(&sent, &Own::default()).unwrap();
    items.into_iter().find_map(|item| match item {
        Item::Fetch(fetch) => Some(fetch),
        Item::Lead(_) | Item::Withdraw { .. } => None,
    })
}
