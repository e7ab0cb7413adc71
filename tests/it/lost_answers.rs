//! A lost answer is looked up, never answered with a blind repeat.

use std::time::Duration;

use futures_util::future::join_all;
use leadgate::sandbox::{Fault, FaultKind};

use crate::support::gateway::EMBEDDED;
use crate::support::leads::lead;
use crate::support::{Answer, Gateway, Settings, sandbox};

const BOOKINGS: &str = "POST /v1/eventCalls";

#[tokio::test(flavor = "multi_thread")]
async fn a_third_of_the_answers_lost_books_nobody_twice_and_loses_nobody() {
    lost_answers_book_nobody_twice_and_lose_nobody(EMBEDDED).await;
}

/// Spoils a third of the answers to a gateway with this store.
pub async fn lost_answers_book_nobody_twice_and_lose_nobody(store_url: &str) {
    let sandbox = sandbox(100, 2, 3).await;
    for kind in [
        FaultKind::DropAfter,
        FaultKind::HangAfter { seconds: 30.0 },
        FaultKind::Truncated,
        FaultKind::StatusAfter { code: 502 },
        FaultKind::WrongJson,
    ] {
        // Rules are drawn one after the other: together they spoil about a third.
        sandbox.control().add_fault(Fault {
            endpoint: Some(BOOKINGS.to_owned()),
            kind,
            times: None,
            probability: 0.08,
        });
    }
    let settings = Settings::new(&sandbox.url(), (100, 2))
        .store_url(store_url)
        .account("request_timeout_seconds = 3");
    let gateway = Gateway::start(&settings).await;
    let leads: Vec<_> = (0..150).map(lead).collect();
    let posts = join_all(
        leads
            .iter()
            .map(|lead| async { Answer::of(gateway.post(lead, 0).await).await }),
    )
    .await;
    let ids: Vec<String> = posts.iter().map(|answer| answer.id().to_owned()).collect();
    let ends = gateway.all_ended(&ids, Duration::from_secs(180)).await;

    let report = sandbox.control().report();
    assert!(report.double_booked.is_empty());
    for (endpoint, seen) in &report.endpoints {
        assert_eq!(seen.limited, 0, "{endpoint}");
        let most = seen.most_in_any_window;
        assert!(most <= 100, "{endpoint}: {most}");
    }
    let ended = |status: &str| ends.get(status).copied().unwrap_or(0);
    let (booked, parked) = (ended("booked"), ended("parked"));
    assert_eq!(booked + parked, 150, "{ends:?}");
    assert!(booked * 100 >= 150 * 97, "{ends:?}");
    assert!(report.calls.len() >= booked);
    let mut reasons = 0;
    for id in &ids {
        let answer = gateway.lead(id).await;
        reasons += usize::from(answer.body["reason"]["code"].is_string());
    }
    assert_eq!(reasons, parked, "who is parked is told why");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_took_place_is_made_again_only_after_the_last_look() {
    let sandbox = sandbox(100, 2, 3).await;
    sandbox.control().add_fault(Fault {
        endpoint: Some(BOOKINGS.to_owned()),
        kind: FaultKind::DropBefore,
        times: Some(1),
        probability: 1.0,
    });
    let settings =
        Settings::new(&sandbox.url(), (100, 2)).tables("[booking]\nlook_after_seconds = [1, 2]");
    let gateway = Gateway::start(&settings).await;
    let answer = Answer::of(gateway.post(&lead(1), 20).await).await;
    assert_eq!((answer.http, answer.status()), (201, "booked"));
    let report = sandbox.control().report();
    assert_eq!(report.calls.len(), 1);
    assert_eq!(report.endpoints[BOOKINGS].requests, 2);
    // Two looks, the last of them asking in three ways.
    assert_eq!(report.endpoints["GET /v1/eventCalls"].requests, 4);
}
