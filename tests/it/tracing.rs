//! One trace from the page a lead was typed into to the call at iClosed, whichever process did which part.

use std::collections::BTreeSet;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::json;

use crate::support::leads::lead;
use crate::support::redis_server::RedisServer;
use crate::support::{Answer, Gateway, Settings, sandbox, wait_for};

pub mod collector;

use collector::{Collector, Span};

const BROWSER: &str = "5b8aa5a2d2c872e8321cf37308d69df2";
const SOON: Duration = Duration::from_secs(30);

/// A replica that tells the collector who it is, and tells it soon.
fn traced(settings: Settings, collector: &Collector, name: &str) -> Settings {
    let who = format!("service.instance.id={name}");
    settings
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())
        .variable("OTEL_RESOURCE_ATTRIBUTES", &who)
        .variable("OTEL_BSP_SCHEDULE_DELAY", "50")
}

async fn span(collector: &Collector, trace: &str, name: &str) -> Span {
    wait_for(&format!("the span {name}"), SOON, async || {
        let spans = collector.trace(trace);
        spans.into_iter().find(|span| span.name == name)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_browser_over_a_killed_replica_to_the_booking_by_another() {
    let collector = Collector::start();
    let redis = RedisServer::start(&[]).await;
    // One booking in ten seconds: the second lead must wait, and its first replica does not live to book it.
    let sandbox = sandbox(1, 10, 3).await;
    let of = |name: &str| {
        let settings = Settings::new(&sandbox.url(), (1, 10)).store_url(&redis.url());
        traced(settings, &collector, name)
    };
    let mut first = Gateway::start(&of("first")).await;
    let other = Answer::of(first.post(&lead(1), 20).await).await;
    assert_eq!(other.status(), "booked");

    let person = json!({
        "email": "canary.kestrel@person.example", "name": "Canary Kestrelsen", "phoneNumber": "+4791234567",
        "timeZone": "Europe/Oslo", "message": "please call the canary",
    });
    let post = first
        .client()
        .post(first.url("/v1/sources/landing/leads?secret=canary"))
        .header("traceparent", format!("00-{BROWSER}-00f067aa0ba902b7-01"))
        .json(&person);
    let taken = Answer::of(post.send().await.unwrap()).await;
    assert_eq!(taken.status(), "queued");
    const POST: &str = "POST /v1/sources/{source}/leads";
    let posted = span(&collector, BROWSER, POST).await;
    first.kill();
    assert_eq!(sandbox.control().report().calls.len(), 1, "not booked yet");

    let second = Gateway::start(&of("second")).await;
    second.until(taken.id(), &["booked"], SOON).await;
    let booked = span(&collector, BROWSER, "book").await;
    let call = span(&collector, BROWSER, "POST /v1/eventCalls").await;
    let slots = span(&collector, BROWSER, "slots.lookup").await;
    let asked = span(&collector, BROWSER, "POST /v1/events/eventDates").await;
    let queued = span(&collector, BROWSER, "queue.wait").await;
    let permitted = span(&collector, BROWSER, "permit.wait").await;

    assert_eq!(posted.process, "first");
    assert_eq!(posted.kind, SpanKind::Server);
    for late in [&booked, &call, &slots, &asked, &queued, &permitted] {
        assert_eq!(late.process, "second", "{}", late.name);
    }
    assert_eq!(
        posted
            .parent
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>(),
        "00f067aa0ba902b7"
    );
    for child in [&booked, &queued, &permitted] {
        assert_eq!(child.parent, posted.id, "{}", child.name);
    }
    for child in [&call, &slots] {
        assert_eq!(child.parent, booked.id, "{}", child.name);
    }
    // The wait began with the acceptance, at another replica, and ended with the work.
    assert!(queued.from >= posted.from && queued.from <= posted.until);
    assert!(queued.until - queued.from > 1_000_000_000, "{queued:?}");
    assert!(permitted.from >= queued.from && permitted.until <= queued.until);
    assert!(permitted.until > permitted.from);
    for (name, value) in [
        ("http.request.method", "POST"),
        ("url.template", "/v1/eventCalls"),
        ("server.address", "127.0.0.1"),
    ] {
        assert_eq!(call.attribute(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(call.kind, SpanKind::Client);
    let status = call.attribute("http.response.status_code").unwrap();
    assert!(status.starts_with('2'), "{status}");
    assert_eq!(
        posted.attribute("http.route").as_deref(),
        Some("/v1/sources/{source}/leads")
    );

    for secret in [
        "canary",
        "kestrel",
        "person.example",
        "91234567",
        "iclosed_test",
    ] {
        assert!(!collector.holds(secret), "a span holds {secret}");
    }
    assert!(
        collector.holds(taken.id()),
        "the search finds what is there"
    );
    let names: BTreeSet<String> = collector
        .trace(BROWSER)
        .iter()
        .flat_map(|span| span.names().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert!(
        !names.contains("url.full") && !names.contains("url.query"),
        "{names:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_the_browser_does_not_sample_is_not_sent() {
    let collector = Collector::start();
    let sandbox = sandbox(100, 2, 3).await;
    let settings = Settings::new(&sandbox.url(), (100, 2));
    let gateway = Gateway::start(&traced(settings, &collector, "only")).await;
    let post = |number: usize, parent: String| {
        let post = gateway
            .client()
            .post(gateway.url("/v1/sources/landing/leads"));
        let post = post.header("traceparent", parent).json(&lead(number));
        post.header("Prefer", "wait=20").send()
    };
    const QUIET: &str = "11111111111111111111111111111111";
    post(1, format!("00-{QUIET}-00f067aa0ba902b7-00"))
        .await
        .unwrap();
    post(2, format!("00-{BROWSER}-00f067aa0ba902b7-01"))
        .await
        .unwrap();
    span(&collector, BROWSER, "book").await;
    assert!(collector.trace(QUIET).is_empty());
}
