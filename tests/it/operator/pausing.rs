//! Pauses of accounts and sources.

use super::*;
use crate::support::leads::lead;
use crate::support::redis_server::RedisServer;
use crate::support::{assert_promises, sandbox, wait_for};

/// What is listed of one account or source.
async fn listed(gateway: &Gateway, kind: &str, key: &str, name: &str) -> Value {
    let all = done(look(gateway, kind)).await;
    let found = all[kind]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one[key] == name);
    found.unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_account_sends_nothing_and_a_resumed_one_books_everything() {
    let sandbox = sandbox(100, 2, 3).await;
    let mut gateway = operated(&sandbox).await;
    let paused = done(act(&gateway, "accounts/main/pause")).await;
    assert_eq!(paused["paused"]["by"], "kim");
    let mut ids = Vec::new();
    for number in 0..5 {
        let answer = Answer::of(gateway.post(&lead(number), 1).await).await;
        assert_eq!((answer.http, answer.status()), (202, "queued"));
        assert!(answer.body["position"].is_number());
        assert_eq!(
            answer.body.get("estimatedStartAt"),
            None,
            "nobody knows when"
        );
        ids.push(answer.id().to_owned());
    }
    // It rests across a restart, while the other account works.
    assert!(gateway.terminate().await.success());
    gateway.restart();
    gateway.ready().await;
    let other = post(&gateway, "elsewhere", &lead(100)).await;
    gateway.until(&other, &["booked"], SOON).await;
    let main = listed(&gateway, "accounts", "account", "main").await;
    assert_eq!(
        main["waiting"],
        json!({"interactive": 0, "normal": 5, "bulk": 0})
    );
    assert_eq!(main["paused"], paused["paused"]);
    let open = |account: &Value| -> u64 {
        let budgets = account["budgets"].as_array().unwrap();
        budgets
            .iter()
            .map(|budget| budget["open"].as_u64().unwrap())
            .sum()
    };
    assert_eq!(open(&main), 0);
    let busy = listed(&gateway, "accounts", "account", "other").await;
    assert!(open(&busy) > 0, "{busy}");
    assert_eq!(sandbox.control().report().calls.len(), 1);
    let resumed = done(act(&gateway, "accounts/main/resume")).await;
    assert_eq!(resumed["paused"], Value::Null);
    let ends = gateway.all_ended(&ids, SOON).await;
    assert_eq!(ends, [("booked".to_owned(), 5)].into());
    assert_promises(&sandbox.control().report(), 6, 100);
    let unknown = Seen::of(act(&gateway, "accounts/nobody/pause")).await;
    unknown.assert_problem("no such account", 404, "unknown_account");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leads_of_a_paused_source_are_kept_and_those_of_others_are_booked() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = operated(&sandbox).await;
    done(act(&gateway, "sources/second/pause")).await;
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(post(&gateway, "second", &lead(number)).await);
    }
    booked(&gateway, &lead(100)).await;
    assert_eq!(sandbox.control().report().calls.len(), 1);
    // It may be looked at, and put off, at this very moment.
    let waiting = gateway.until(&ids[0], &["queued"], SOON).await;
    assert_eq!(waiting.body.get("estimatedStartAt"), None);
    let second = listed(&gateway, "sources", "source", "second").await;
    assert_eq!(
        (&second["kind"], &second["account"]),
        (&json!("form"), &json!("main"))
    );
    assert_eq!(second["paused"]["by"], "kim");
    done(act(&gateway, "sources/second/resume")).await;
    let ends = gateway.all_ended(&ids, SOON).await;
    assert_eq!(ends, [("booked".to_owned(), 10)].into());
    let unknown = Seen::of(act(&gateway, "sources/nobody/pause")).await;
    unknown.assert_problem("no such source", 404, "unknown_source");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_seen_by_every_replica() {
    let sandbox = sandbox(100, 2, 3).await;
    let redis = RedisServer::start(&[]).await;
    let settings = settings(&sandbox).store_url(&redis.url());
    let (one, other) = tokio::join!(Gateway::start(&settings), Gateway::start(&settings));
    done(act(&one, "accounts/main/pause")).await;
    wait_for("the other to know", Duration::from_secs(3), async || {
        let main = listed(&other, "accounts", "account", "main").await;
        (main["paused"]["by"] == "kim").then_some(())
    })
    .await;
    let id = post(&other, "landing", &lead(1)).await;
    let elsewhere = post(&other, "elsewhere", &lead(2)).await;
    other.until(&elsewhere, &["booked"], SOON).await;
    assert_eq!(one.lead(&id).await.status(), "queued");
    done(act(&other, "accounts/main/resume")).await;
    one.until(&id, &["booked"], SOON).await;
}
