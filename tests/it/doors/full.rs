//! No room: said before acceptance, and never after.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{LEADS, post};
use crate::support::leads::lead;
use crate::support::{Gateway, Seen, Settings, sandbox, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_the_door_says_so_and_loses_nobody() {
    let sandbox = sandbox(1, 3, 3).await;
    let settings = Settings::new(&sandbox.url(), (1, 3)).store("max_waiting = 2");
    let gateway = Gateway::start(&settings).await;
    let mut taken = Vec::new();
    let refused = loop {
        let seen = Seen::of(post(&gateway, LEADS, &lead(taken.len()))).await;
        if seen.http != 202 {
            break seen;
        }
        taken.push(seen.body["leadId"].as_str().unwrap().to_owned());
        assert!(taken.len() < 10, "ten leads were taken where two may wait");
    };
    refused.assert_problem("the queue", 503, "queue_full");
    let ready = Seen::of(gateway.request(Method::GET, "/readyz")).await;
    assert_eq!((ready.http, ready.word()), (503, "not_ready"));
    assert!(ready.number("retry-after").is_some());
    let cause = ready.body["checks"]["queue"].as_str().unwrap();
    assert_eq!(cause, "2 leads wait and 2 may");
    assert_eq!(ready.body["checks"]["store"], "ok");

    let ends = gateway.all_ended(&taken, Duration::from_secs(60)).await;
    assert_eq!(ends, [("booked".to_owned(), taken.len())].into());
    let ready = Seen::of(gateway.request(Method::GET, "/readyz")).await;
    assert_eq!((ready.http, ready.word()), (200, "ready"));
    // Nothing of the refused one was kept, so it is nobody's duplicate.
    let again =
        Seen::of(post(&gateway, LEADS, &lead(taken.len())).header("Prefer", "wait=20")).await;
    assert_eq!((again.http, again.word()), (201, "booked"));
    assert_eq!(sandbox.control().report().calls.len(), taken.len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_new_leads_and_still_books_those_taken() {
    let sandbox = sandbox(100, 2, 3).await;
    // The smallest size there is.
    let settings = Settings::new(&sandbox.url(), (100, 2)).store("max_megabytes = 16");
    let gateway = Gateway::start(&settings).await;
    let large = "x".repeat(60_000);
    let mut taken = Vec::new();
    let refused = wait_for(
        "the store to be full",
        Duration::from_secs(60),
        async || {
            let mut body = lead(taken.len());
            body["metadata"] = json!(large);
            let seen = Seen::of(post(&gateway, LEADS, &body)).await;
            if seen.http == 202 {
                taken.push(seen.body["leadId"].as_str().unwrap().to_owned());
                return None;
            }
            Some(seen)
        },
    )
    .await;
    refused.assert_problem("the store", 503, "queue_full");
    let ready = Seen::of(gateway.request(Method::GET, "/readyz")).await;
    assert_eq!((ready.http, ready.word()), (503, "not_ready"));
    let cause = ready.body["checks"]["store"].as_str().unwrap();
    assert!(
        cause.contains("the database has reached its size"),
        "{cause}"
    );
    assert!(taken.len() > 50, "only {} leads fit", taken.len());
    let ends = gateway.all_ended(&taken, Duration::from_secs(60)).await;
    assert_eq!(ends, [("booked".to_owned(), taken.len())].into());
}
