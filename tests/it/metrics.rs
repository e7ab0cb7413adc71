//! What `/metrics` tells, and that dashboard, alerts, runbook and documentation speak of nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use leadgate::sandbox::{Fault, FaultKind};
use leadgate::telemetry::metrics::catalogue::ALL;
use leadgate::telemetry::metrics::{self, Kind};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::leads::{lead, read as body};
use crate::support::redis_server::RedisServer;
use crate::support::{Answer, Gateway, Settings, sandbox, wait_for};

mod exposition;

use exposition::Family;

const SOON: Duration = Duration::from_secs(30);

type Families = BTreeMap<String, Family>;

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

async fn scraped(gateway: &Gateway) -> (String, Families) {
    let answer = gateway.request(Method::GET, "/metrics").send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 200);
    let kind = answer.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let text = body(answer).await;
    let families = exposition::read(&text);
    (text, families)
}

/// The sum of the series of `name` that have these labels.
fn sum(families: &Families, name: &str, labels: &[(&str, &str)]) -> f64 {
    let family = families
        .iter()
        .find(|(family, _)| name.starts_with(family.as_str()))
        .map(|(_, family)| family);
    let samples = family.unwrap_or_else(|| panic!("no {name}")).samples.iter();
    let mine = samples.filter(|sample| {
        let has = |(label, value): &(&str, &str)| {
            sample.labels.get(*label).map(String::as_str) == Some(*value)
        };
        sample.name == name && labels.iter().all(has)
    });
    mine.map(|sample| sample.value).sum()
}

/// A gateway that booked one lead, recognised its repetition, refused another, and met callers who write what they
/// like wherever they can.
async fn busy(base_url: &str) -> Gateway {
    let gateway = Gateway::start(&Settings::new(base_url, (100, 2))).await;
    let booked = Answer::of(gateway.post(&lead(1), 20).await).await;
    assert_eq!(booked.status(), "booked");
    let again = Answer::of(gateway.post(&lead(1), 20).await).await;
    assert_eq!(again.status(), "duplicate");
    let refused = Answer::of(gateway.post(&json!({"email": "canary"}), 0).await).await;
    assert_eq!(refused.http, 422);
    gateway.lead(booked.id()).await;
    for path in [
        "/canary?canary=1",
        "/v1/sources/canary/leads",
        "/v1/leads/canary",
        "/v1/sources/landing/slots?canary=1",
    ] {
        let verb = Method::from_bytes(b"CANARY").unwrap();
        for method in [Method::GET, Method::POST, verb] {
            let request = gateway.request(method, path).header("User-Agent", "canary");
            request.send().await.unwrap();
        }
    }
    gateway
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_counted_from_its_acceptance_to_the_vendors_answer() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = busy(&sandbox.url()).await;
    let (_, found) = scraped(&gateway).await;
    let landing = ("source", "landing");
    let booking = ("endpoint", "POST /v1/eventCalls");
    let template = ("url_template", "/v1/eventCalls");
    for (name, labels, expected) in [
        ("leadgate_leads_accepted_total", &[landing][..], 2.0),
        ("leadgate_leads_duplicate_total", &[landing], 1.0),
        (
            "leadgate_leads_refused_total",
            &[landing, ("code", "validation_failed")],
            1.0,
        ),
        ("leadgate_leads_parked_total", &[], 0.0),
        (
            "leadgate_bookings_total",
            &[landing, ("account", "main"), ("how", "answered")],
            1.0,
        ),
        ("leadgate_booking_duration_seconds_count", &[], 1.0),
        (
            "leadgate_queue_wait_duration_seconds_count",
            &[("step", "book")],
            1.0,
        ),
        ("leadgate_queue_waiting", &[], 0.0),
        (
            "leadgate_iclosed_requests_total",
            &[booking, ("outcome", "ok")],
            1.0,
        ),
        (
            "leadgate_iclosed_requests_total",
            &[("outcome", "limited")],
            0.0,
        ),
        ("leadgate_permits_waiting", &[booking], 0.0),
        (
            "http_client_request_duration_seconds_count",
            &[template, ("http_request_method", "POST")],
            1.0,
        ),
        (
            "http_server_request_duration_seconds_count",
            &[
                ("http_route", "/v1/sources/{source}/leads"),
                ("http_response_status_code", "201"),
            ],
            1.0,
        ),
        (
            "leadgate_store_operation_duration_seconds_count",
            &[("store", "embedded"), ("operation", "accept")],
            2.0,
        ),
        ("leadgate_store_failures_total", &[], 0.0),
        ("leadgate_budget_requests", &[("account", "main")], 100.0),
        ("leadgate_ready", &[], 1.0),
        (
            "leadgate_build_info",
            &[("version", env!("CARGO_PKG_VERSION"))],
            1.0,
        ),
    ] {
        assert_eq!(sum(&found, name, labels), expected, "{name} {labels:?}");
    }
    assert!(sum(&found, "process_start_time_seconds", &[]) > 1.7e9);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_caller_and_no_person_writes_into_a_label() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = busy(&sandbox.url()).await;
    let (text, found) = scraped(&gateway).await;
    let plain = text.to_ascii_lowercase();
    for word in [
        "canary",
        "person.example",
        "lead1",
        "number1",
        "\"ld_",
        "iclosed_test",
    ] {
        assert!(!plain.contains(word), "{word}");
    }
    let catalogue: BTreeMap<String, &[&str]> = ALL
        .iter()
        .map(|metric| (exposed(metric.facts()), metric.labels()))
        .collect();
    for (name, family) in &found {
        let labels = catalogue
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not listed"));
        let may: BTreeSet<String> = labels.iter().map(|label| label.replace('.', "_")).collect();
        for sample in &family.samples {
            let beyond = sample
                .labels
                .keys()
                .find(|label| *label != "le" && !may.contains(*label));
            assert_eq!(beyond, None, "{name}");
        }
        assert!(family.samples.len() < 1000, "{name}");
    }
    let methods = found["http_server_request_duration_seconds"].samples.iter();
    let methods: BTreeSet<_> = methods
        .map(|sample| sample.labels["http_request_method"].as_str())
        .collect();
    assert_eq!(methods, BTreeSet::from(["GET", "POST", "_OTHER"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_is_told_and_the_scrape_still_answers() {
    let sandbox = sandbox(100, 2, 3).await;
    let mut redis = RedisServer::start(&[]).await;
    let settings = Settings::new(&sandbox.url(), (100, 2)).store_url(&redis.url());
    let gateway = Gateway::start(&settings).await;
    let ready = async |wanted: f64| {
        wait_for("the figure to follow", SOON, async || {
            let (_, found) = scraped(&gateway).await;
            (sum(&found, "leadgate_ready", &[]) == wanted).then_some(found)
        })
        .await
    };
    ready(1.0).await;
    redis.kill();
    let found = ready(0.0).await;
    let labels = [("store", "redis"), ("error_type", "unavailable")];
    assert!(sum(&found, "leadgate_store_failures_total", &labels) > 0.0);
    let refused = Answer::of(gateway.post(&lead(1), 0).await).await;
    assert_eq!(refused.http, 503);
    let (_, found) = scraped(&gateway).await;
    let labels = [("source", "landing"), ("code", "store_unavailable")];
    assert_eq!(sum(&found, "leadgate_leads_refused_total", &labels), 1.0);
    redis.restart().await;
    ready(1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_at_iclosed_is_counted_by_what_it_is() {
    let sandbox = sandbox(100, 2, 3).await;
    for (kind, times) in [
        (FaultKind::DropAfter, 1),
        (FaultKind::StatusBefore { code: 429 }, 1),
    ] {
        sandbox.control().add_fault(Fault {
            endpoint: Some("POST /v1/eventCalls".to_owned()),
            kind,
            times: Some(times),
            probability: 1.0,
        });
    }
    let settings =
        Settings::new(&sandbox.url(), (100, 2)).tables("[booking]\nlook_after_seconds = [1, 2, 4]");
    let gateway = Gateway::start(&settings).await;
    for number in [1, 2] {
        let answer = Answer::of(gateway.post(&lead(number), 0).await).await;
        gateway.until(answer.id(), &["booked"], SOON).await;
    }
    let (_, found) = scraped(&gateway).await;
    for (name, labels) in [
        ("leadgate_iclosed_requests_total", ("outcome", "limited")),
        ("leadgate_iclosed_requests_total", ("outcome", "unknown")),
        ("leadgate_bookings_total", ("how", "found")),
        ("leadgate_bookings_total", ("how", "answered")),
        ("leadgate_reconciliations_total", ("outcome", "found")),
        (
            "http_client_request_duration_seconds_count",
            ("http_response_status_code", "429"),
        ),
    ] {
        assert_eq!(sum(&found, name, &[labels]), 1.0, "{name} {labels:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_scrapes_at_once_ask_the_store_once() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&Settings::new(&sandbox.url(), (100, 2))).await;
    let asked = |found: &Families| {
        let labels = [("operation", "backlog")];
        sum(
            found,
            "leadgate_store_operation_duration_seconds_count",
            &labels,
        )
    };
    let began = std::time::Instant::now();
    let (_, before) = scraped(&gateway).await;
    futures_util::future::join_all((0..50).map(|_| scraped(&gateway))).await;
    let (_, after) = scraped(&gateway).await;
    // Once for each second that these scrapes took.
    let most = 1.0 + began.elapsed().as_secs_f64();
    assert!(asked(&after) - asked(&before) < most);
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_and_alerts_speak_only_of_what_is_told() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = busy(&sandbox.url()).await;
    let (_, mut told) = scraped(&gateway).await;
    // No receiver is in these settings; what one would be told as, is.
    metrics::receiver_known("crm");
    let own = exposition::read(&metrics::text().unwrap());
    told.extend(
        own.into_iter()
            .filter(|(name, _)| name.starts_with("leadgate_outbound_")),
    );

    let dashboard: Value = serde_json::from_str(&file("ops/grafana/leadgate.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let mut expressions: Vec<String> = targets
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect();
    assert!(expressions.len() > 20);
    let alerts = alerts();
    expressions.extend(
        alerts
            .iter()
            .map(|alert| alert["expr"].as_str().unwrap().to_owned()),
    );
    for expression in &expressions {
        assert_speaks_of(expression, &told);
    }
}

#[test]
fn every_alert_has_a_part_in_the_runbook_and_every_part_an_alert() {
    let runbook = file("docs/runbook.md");
    let headings: BTreeSet<&str> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("### Leadgate"))
        .collect();
    let mut named = BTreeSet::new();
    for alert in &alerts() {
        let name = alert["alert"].as_str().unwrap();
        let url = alert["annotations"]["runbook_url"].as_str().unwrap();
        assert_eq!(
            url,
            format!("docs/runbook.md#{}", name.to_ascii_lowercase())
        );
        assert!(
            !alert["annotations"]["summary"].as_str().unwrap().is_empty(),
            "{name}"
        );
        named.insert(name.strip_prefix("Leadgate").unwrap().to_owned());
    }
    assert_eq!(headings, named.iter().map(String::as_str).collect());
}

#[test]
fn the_table_in_the_documentation_is_the_one_in_the_code() {
    let rows: Vec<String> = ALL
        .iter()
        .map(|metric| {
            let facts = metric.facts();
            let kind = match facts.kind {
                Kind::Counter => "counter",
                Kind::UpDownCounter | Kind::Gauge => "gauge",
                Kind::Histogram(_) => "histogram",
            };
            let labels = metric.labels().iter();
            let labels: Vec<String> = labels
                .map(|label| format!("`{}`", label.replace('.', "_")))
                .collect();
            let (name, labels) = (exposed(facts), labels.join(", "));
            format!("| `{name}` | {kind} | {labels} | {} |", facts.about)
        })
        .collect();
    let written = file("docs/metrics.md");
    let table = written.lines().filter(|line| line.starts_with("| `"));
    assert_eq!(table.collect::<Vec<_>>(), rows);
}

/// The name Prometheus sees.
fn exposed(facts: &metrics::Facts) -> String {
    let unit = match facts.unit {
        "s" => "_seconds",
        _ => "",
    };
    let total = match facts.kind {
        Kind::Counter => "_total",
        Kind::UpDownCounter | Kind::Gauge | Kind::Histogram(_) => "",
    };
    format!("{}{unit}{total}", facts.name.replace('.', "_"))
}

fn alerts() -> Vec<Value> {
    let rules: Value = serde_saphyr::from_str(&file("ops/prometheus/alerts.yaml")).unwrap();
    let alerts = rules["groups"][0]["rules"].as_array().unwrap().clone();
    assert!(alerts.len() >= 9);
    alerts
}

/// Asserts that every word of a query is PromQL's own, a metric that is told, or a label of the metrics it names.
fn assert_speaks_of(expression: &str, told: &Families) {
    const LANGUAGE: [&str; 16] = [
        "sum",
        "max",
        "count",
        "by",
        "on",
        "group_left",
        "rate",
        "increase",
        "histogram_quantile",
        "time",
        "le",
        "instance",
        "job",
        "and",
        "or",
        "unless",
    ];
    // What stands in quotes is a value, what stands in brackets a span of time.
    let unquoted: String = expression
        .split('"')
        .step_by(2)
        .collect::<Vec<_>>()
        .join(" ");
    let bare: String = unquoted
        .split('[')
        .enumerate()
        .map(|(at, part)| {
            if at == 0 {
                part
            } else {
                part.split_once(']').unwrap().1
            }
        })
        .collect();
    let words: Vec<&str> = bare
        .split(|letter: char| letter != '_' && !letter.is_ascii_alphanumeric())
        .filter(|word| word.starts_with(|first: char| first == '_' || first.is_ascii_alphabetic()))
        .filter(|word| !LANGUAGE.contains(word))
        .collect();
    let is_of = |word: &str, family: &str| {
        let suffix = word.strip_prefix(family);
        suffix.is_some_and(|suffix| ["", "_bucket", "_count", "_sum"].contains(&suffix))
    };
    let named: Vec<&Family> = told
        .iter()
        .filter(|(family, _)| words.iter().any(|word| is_of(word, family)))
        .map(|(_, family)| family)
        .collect();
    assert!(!named.is_empty(), "{expression} names no metric");
    for word in words {
        let is_metric = told.keys().any(|family| is_of(word, family));
        let is_label = named
            .iter()
            .flat_map(|family| &family.samples)
            .any(|sample| sample.labels.contains_key(word));
        assert!(is_metric || is_label, "{word} in {expression}");
    }
}
