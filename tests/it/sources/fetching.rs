//! Leads of which only ids came: a platform that throttles, refuses or is silent, and a gateway that dies.

use std::time::Duration;

use serde_json::{Value, json};

use super::{PAGE_TOKEN, delivered, meta_lead, meta_notice, outcomes, record, settings};
use crate::support::platform::Route;
use crate::support::{Gateway, Platform, sandbox, wait_for};

const ID: &str = "2000300040005000";
const LONGEST: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);

fn path() -> String {
    format!("/v26.0/{ID}")
}

fn told(platform: &Platform) {
    let lead = meta_lead(ID, "kim@lead.example");
    platform.answer([Route::new(&path(), 200, lead)]);
}

fn refused(code: u32) -> Route {
    let error = json!({"message": "for developers", "type": "OAuthException", "code": code, "fbtrace_id": "A1"});
    Route::new(&path(), 400, json!({"error": error}))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_fetch_waits_as_long_as_it_is_told_and_then_goes_on() {
    let sandbox = sandbox(100, 2, 3).await;
    let platform = Platform::start();
    let gateway = Gateway::start(&settings(&sandbox, &platform)).await;
    let usage =
        r#"{"7":[{"type":"leadgen","call_count":100,"estimated_time_to_regain_access":1}]}"#;
    platform.answer([refused(80005).header("X-Business-Use-Case-Usage", usage)]);
    let lead = delivered(&gateway, "meta", &meta_notice(ID)).await;
    let waiting = wait_for("the first try", LONGEST, async || {
        let record = record(&gateway, &lead).await;
        (outcomes(&record, "fetch") == ["later"]).then_some(record)
    })
    .await;
    assert_eq!(waiting["status"], "queued");
    assert_eq!(waiting["waits"]["step"], "fetch");
    told(&platform);

    gateway.until(&lead, &["booked"], MINUTE + LONGEST).await;
    let asked = platform.asked(&path());
    assert_eq!(asked.len(), 2);
    let pause = asked[1] - asked[0];
    assert!(pause >= MINUTE, "{pause:?}");
    let record = record(&gateway, &lead).await;
    assert_eq!(outcomes(&record, "fetch"), ["later", "fetched"]);
    assert_eq!(record["contact"]["email"], "kim@lead.example");
    assert_eq!(sandbox.control().report().calls.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_token_and_a_lead_that_is_gone_park_with_what_to_do() {
    let sandbox = sandbox(100, 2, 3).await;
    let platform = Platform::start();
    let gateway = Gateway::start(&settings(&sandbox, &platform)).await;
    platform.answer([refused(190)]);
    let gone = json!({"error": {"message": "x", "code": 100, "error_subcode": 33}});
    platform.answer([Route::new("/v26.0/7", 400, gone)]);
    for (id, reason, word) in [
        (ID, "fetch_refused", "190"),
        ("7", "fetch_not_found", "100/33"),
    ] {
        let lead = delivered(&gateway, "meta", &meta_notice(id)).await;
        gateway.until(&lead, &["parked"], LONGEST).await;
        let record = record(&gateway, &lead).await;
        assert_eq!(record["reason"]["code"], reason);
        assert_eq!(record["platformId"], id);
        assert_eq!(record["waits"], Value::Null);
        let detail = record["reason"]["detail"].as_str().unwrap();
        assert!(detail.contains(word), "{detail}");
        assert!(!record.to_string().contains(PAGE_TOKEN));
    }
    assert!(sandbox.control().report().calls.is_empty());
    assert!(!gateway.log().contains(PAGE_TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_notice_and_fetch_loses_nothing() {
    let sandbox = sandbox(100, 2, 3).await;
    let platform = Platform::start();
    let mut gateway = Gateway::start(&settings(&sandbox, &platform)).await;
    // Killed in the middle of a fetch, and killed with a fetch to be tried again.
    for (id, route) in [
        ("11", Route::silent("/v26.0/11")),
        ("12", Route::new("/v26.0/12", 500, Value::Null)),
    ] {
        platform.answer([route]);
        let lead = delivered(&gateway, "meta", &meta_notice(id)).await;
        let path = format!("/v26.0/{id}");
        wait_for("the platform to be asked", LONGEST, async || {
            (!platform.asked(&path).is_empty()).then_some(())
        })
        .await;
        gateway.kill();
        let email = format!("lead{id}@lead.example");
        platform.answer([Route::new(&path, 200, meta_lead(id, &email))]);
        gateway.restart();
        gateway.ready().await;
        assert_eq!(delivered(&gateway, "meta", &meta_notice(id)).await, lead);
        gateway.until(&lead, &["booked"], LONGEST).await;
        assert_eq!(record(&gateway, &lead).await["contact"]["email"], email);
    }
    crate::support::assert_promises(&sandbox.control().report(), 2, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_of_a_source_that_left_the_settings_ends_where_a_person_sees_it() {
    let sandbox = sandbox(100, 2, 3).await;
    let platform = Platform::start();
    let mut gateway = Gateway::start(&settings(&sandbox, &platform)).await;
    platform.answer([Route::new(&path(), 503, Value::Null)]);
    let lead = delivered(&gateway, "meta", &meta_notice(ID)).await;
    wait_for("the first try", LONGEST, async || {
        let record = record(&gateway, &lead).await;
        (outcomes(&record, "fetch") == ["later"]).then_some(())
    })
    .await;
    gateway.kill();
    let file = gateway.folder().join("leadgate.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    // No platform is left that is asked for its leads.
    let (kept, _) = text.split_once("[sources.meta]").unwrap();
    std::fs::write(&file, kept).unwrap();
    gateway.restart();
    gateway.ready().await;
    let parked = gateway.until(&lead, &["parked"], LONGEST).await;
    assert_eq!(parked.body["reason"]["code"], "fetch_refused");
}
