//! The limit over HTTP.

use futures_util::future::join_all;

use super::*;
use crate::sandbox::WindowKind;

#[tokio::test]
async fn of_a_burst_exactly_the_limit_is_admitted_under_either_window() {
    for kind in [WindowKind::Sliding, WindowKind::Fixed] {
        let stage = stage(|options| {
            options.limit = 20;
            options.window_kind = kind;
        })
        .await;
        let replies = join_all((0..30).map(|_| stage.get("/v1/events?limit=1"))).await;
        let admitted = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(admitted, 20, "{kind:?}");
        for reply in replies.iter().filter(|reply| reply.status != 200) {
            assert_eq!(reply.status, 429);
            assert_eq!(reply.body["code"], "RATE_LIMIT_EXCEEDED");
            assert_eq!(
                reply.body["limit"],
                json!({ "points": 20, "windowSec": 10 })
            );
            let wait = reply.body["retryAfter"].as_u64().unwrap();
            assert!((1..=10).contains(&wait));
            assert_eq!(reply.retry_after, Some(wait.to_string()));
        }
        let report = stage.sandbox.control().report();
        let seen = &report.endpoints["GET /v1/events"];
        assert_eq!((seen.requests, seen.admitted, seen.limited), (30, 20, 10));
        assert_eq!(seen.most_in_any_window, 30);
    }
}

#[tokio::test]
async fn verbs_paths_and_keys_have_budgets_of_their_own_and_a_refusal_spends() {
    let stage = stage(|options| options.limit = 1).await;
    assert_eq!(stage.post(BOOK, &json!({})).await.status, 400);
    assert_eq!(stage.post(BOOK, &json!({})).await.status, 429);
    assert_eq!(stage.get(BOOK).await.status, 201);
    assert_eq!(stage.get("/v1/contacts").await.status, 200);
    let url = format!("{}{BOOK}", stage.sandbox.url());
    let other = stage.http.get(&url).bearer_auth("iclosed_other");
    assert_eq!(stage.try_send(other).await.unwrap().status, 201);
    let report = stage.sandbox.control().report();
    let listing = &report.endpoints["GET /v1/eventCalls"];
    assert_eq!((listing.admitted, listing.most_in_any_window), (2, 1));
}

#[tokio::test]
async fn the_budget_is_whole_again_after_the_stated_wait() {
    let stage = stage(|options| {
        options.limit = 1;
        options.window = Duration::from_millis(300);
    })
    .await;
    let started = std::time::Instant::now();
    assert_eq!(stage.get("/v1/users").await.status, 200);
    while stage.get("/v1/users").await.status == 429 {
        assert!(started.elapsed() < Duration::from_secs(10));
    }
    assert!(started.elapsed() >= Duration::from_millis(300));
}
