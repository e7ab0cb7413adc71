//! Replays and exports.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::*;
use crate::support::leads::lead;
use crate::support::{assert_promises, sandbox, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_parked_leads_are_replayed_at_their_rate_and_a_new_lead_goes_first() {
    const LEADS: usize = 50;
    let sandbox = sandbox(100, 2, 3).await;
    activate(&sandbox, false);
    let gateway = operated(&sandbox).await;
    let mut ids = Vec::new();
    for number in 0..LEADS {
        ids.push(post(&gateway, "landing", &lead(number)).await);
    }
    let ends = gateway.all_ended(&ids, SOON).await;
    assert_eq!(ends, [("parked".to_owned(), LEADS)].into());
    activate(&sandbox, true);

    let mut asked = json!({"reason": "event_unavailable", "ratePerMinute": 300, "dryRun": true});
    let planned = done(act(&gateway, "replays").json(&asked)).await;
    let all = json!({"matched": LEADS, "retried": LEADS, "refused": [], "cursor": null});
    assert_eq!(planned, all);
    assert_eq!(gateway.lead(&ids[0]).await.status(), "parked");
    asked["dryRun"] = json!(false);
    assert_eq!(done(act(&gateway, "replays").json(&asked)).await, all);
    // Durable at once, a fifth of a second apart, behind everybody else.
    let records = join_all(ids.iter().map(|id| record(&gateway, id))).await;
    assert!(records.iter().all(|record| record["lane"] == "bulk"));
    // In a worker's hands already, a lead is due when its lease ends.
    let waiting = records.iter().filter(|record| record["status"] == "queued");
    let due = |record: &Value| record["waits"]["dueAt"].as_str()?.parse::<Timestamp>().ok();
    let due: Vec<Timestamp> = waiting.filter_map(due).collect();
    let (first, last) = (due.iter().min().unwrap(), due.iter().max().unwrap());
    let span = last.duration_since(*first).as_secs_f64();
    assert!((4.0..11.0).contains(&span), "{span}");

    // The first of them finds out that the event is back.
    wait_for("the first call", SOON, async || {
        (!sandbox.control().report().calls.is_empty()).then_some(())
    })
    .await;
    let newcomer = booked(&gateway, &lead(LEADS)).await;
    let before = sandbox.control().report().calls.len();
    assert!(before < LEADS, "{before}");
    ids.push(newcomer);
    let ends = gateway.all_ended(&ids, SOON).await;
    assert_eq!(ends, [("booked".to_owned(), LEADS + 1)].into());
    assert_promises(&sandbox.control().report(), LEADS + 1, 100);

    let nothing = json!({"matched": 0, "retried": 0, "refused": [], "cursor": null});
    assert_eq!(done(act(&gateway, "replays").json(&asked)).await, nothing);
    let everything = Seen::of(act(&gateway, "replays").json(&json!({}))).await;
    everything.assert_problem("no filter", 400, "unreadable_body");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_tells_whom_it_left_alone() {
    let sandbox = sandbox(100, 2, 3).await;
    activate(&sandbox, false);
    let gateway = operated(&sandbox).await;
    let parked = post(&gateway, "landing", &person("ann")).await;
    gateway.until(&parked, &["parked"], SOON).await;
    activate(&sandbox, true);
    // She came again meanwhile; her first lead must not be booked beside the second.
    done(act(&gateway, "accounts/main/pause")).await;
    post(&gateway, "landing", &person("ann")).await;
    let replayed = done(act(&gateway, "replays").json(&json!({"source": "landing"}))).await;
    assert_eq!(
        replayed,
        json!({
            "matched": 1, "retried": 0, "refused": [{"leadId": parked, "code": "person_taken"}], "cursor": null,
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_holds_every_lead_once_and_ends_with_its_cursor() {
    let sandbox = sandbox(100, 2, 3).await;
    let gateway = operated(&sandbox).await;
    done(act(&gateway, "accounts/main/pause")).await;
    let mut ids = Vec::new();
    for number in 0..250 {
        ids.insert(0, post(&gateway, "landing", &lead(number)).await);
    }
    let export = async |query: &str| {
        let seen = Seen::of(look(&gateway, &format!("export{query}"))).await;
        assert_eq!(seen.http, 200, "{seen:?}");
        assert_eq!(seen.header("content-type"), Some("application/x-ndjson"));
        assert_eq!(seen.header("cache-control"), Some("no-store"));
        let lines = seen.text.lines();
        let mut lines: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let cursor = lines.pop().unwrap();
        (lines, cursor)
    };
    let names = |lines: &[Value]| -> Vec<String> {
        let names = lines.iter().map(|line| line["leadId"].as_str().unwrap());
        names.map(str::to_owned).collect()
    };
    let (lines, cursor) = export("").await;
    assert_eq!(
        (names(&lines), cursor),
        (ids.clone(), json!({"cursor": null}))
    );
    assert!(lines.iter().all(|line| line.get("raw").is_none()));
    let whole = record(&gateway, &ids[0]).await;
    let (lines, cursor) = export("?raw=true&limit=101&status=queued").await;
    assert_eq!(names(&lines), ids[..101]);
    assert_eq!(lines[0], whole);
    let cursor = cursor["cursor"].as_str().unwrap().to_owned();
    let (rest, cursor) = export(&format!("?cursor={cursor}")).await;
    assert_eq!(
        (names(&rest), cursor),
        (ids[101..].to_vec(), json!({"cursor": null}))
    );
    let middle = whole["receivedAt"].as_str().unwrap();
    let (after, _) = export(&format!("?from={middle}")).await;
    let (before, _) = export(&format!("?to={middle}")).await;
    let both: BTreeSet<String> = names(&after).into_iter().chain(names(&before)).collect();
    assert_eq!((after.len() + before.len(), both.len()), (250, 250));
    assert!(names(&after).contains(&ids[0]));
    assert_eq!(export("?source=second").await.0, Vec::<Value>::new());
    for query in [
        "?limit=0",
        "?from=yesterday",
        "?raw=1",
        "?cursor=x",
        "?status=x",
    ] {
        let seen = Seen::of(look(&gateway, &format!("export{query}"))).await;
        seen.assert_problem(query, 400, "bad_query");
    }
}
