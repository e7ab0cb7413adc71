//! The same delivery again and again, and all at once.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::{delivered, delivery, google_lead, ids, kept, settings};
use crate::support::{Gateway, Platform, Seen, sandbox};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_deliveries_of_one_lead_at_once_are_one_lead_and_one_call() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&settings(&sandbox, &Platform::start())).await;
    let body = google_lead("EAIaIQ-once", &[("EMAIL", "kim@lead.example")]);
    let posts = (0..50).map(|_| Seen::of(delivery(&gateway, "google", &body)));
    let seen = join_all(posts).await;
    let lead = ids(&seen[0]);
    assert_eq!(lead.len(), 1);
    for one in &seen {
        assert_eq!((one.http, &one.text), (200, &seen[0].text));
    }
    let booked = gateway
        .until(&lead[0], &["booked"], Duration::from_secs(30))
        .await;
    assert_eq!(booked.http, 200);
    let late = Seen::of(delivery(&gateway, "google", &body)).await;
    assert_eq!(late.text, seen[0].text);
    assert_eq!(kept(&gateway, "google").await, lead);
    crate::support::assert_promises(&sandbox.control().report(), 1, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_without_an_id_is_known_again_by_its_bytes() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = Gateway::start(&settings(&sandbox, &Platform::start())).await;
    let unreachable = json!({"Roof": "Flat"});
    let first = delivered(&gateway, "mapped", &unreachable).await;
    assert_eq!(delivered(&gateway, "mapped", &unreachable).await, first);
    let other = delivered(&gateway, "mapped", &json!({"Roof": "Steep"})).await;
    assert_ne!(other, first);
    let several = json!([{"Roof": "Flat"}, {"Roof": "Reed"}]);
    let leads = ids(&Seen::of(delivery(&gateway, "mapped", &several)).await);
    assert_eq!(leads.len(), 2);
    let again = ids(&Seen::of(delivery(&gateway, "mapped", &several)).await);
    assert_eq!(again, leads);
    assert_eq!(kept(&gateway, "mapped").await.len(), 4);
}
