//! Leads that come together are kept in one call of the script, and each still ends by itself.

use std::sync::Arc;

use leadgate::lead::Lane;
use leadgate::queue::{Accepted, Digest, Store, StoreError};
use tokio::task::JoinSet;

use super::{open, options};
use crate::store::contract::{ACCOUNT, acceptance, lead_in, of_person, waiting};
use crate::support::redis_server::RedisServer;

const LEADS: usize = 512;

/// Calls of scripts since the last look.
fn calls(server: &RedisServer) -> usize {
    let told: String = redis::from_redis_value(server.say(&["INFO", "commandstats"])).unwrap();
    server.say(&["CONFIG", "RESETSTAT"]);
    let of = |line: &str| {
        line.strip_prefix("cmdstat_evalsha:calls=")?
            .split(',')
            .next()?
            .parse()
            .ok()
    };
    told.lines().find_map(of).unwrap_or(0)
}

async fn keep_at_once(
    store: &Arc<dyn Store>,
    lane: impl Fn(usize) -> Lane,
) -> Vec<Result<Accepted, StoreError>> {
    let mut tasks = JoinSet::new();
    for n in 0..LEADS {
        let (store, lane) = (Arc::clone(store), lane(n));
        tasks.spawn(async move { store.accept(acceptance(lead_in(ACCOUNT, lane))).await });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_that_come_while_a_call_is_under_way_share_the_next_one() {
    let server = RedisServer::start(&[]).await;
    let store = open(&options(server.url())).await;
    keep_at_once(&store, |_| Lane::Normal).await;
    calls(&server);
    for result in keep_at_once(&store, |_| Lane::Normal).await {
        assert!(matches!(result, Ok(Accepted::Kept { .. })), "{result:?}");
    }
    let made = calls(&server);
    assert!((LEADS / 64..LEADS / 4).contains(&made), "{made} calls");
    // Their keys differ, so each lane has calls of its own.
    for result in keep_at_once(&store, |n| [Lane::Normal, Lane::Bulk][n % 2]).await {
        assert!(matches!(result, Ok(Accepted::Kept { .. })), "{result:?}");
    }
    assert_eq!(waiting(&store).await, 3 * LEADS as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_whose_step_fails_in_redis_takes_no_other_along() {
    let server = RedisServer::start(&[]).await;
    let options = options(server.url());
    let store = open(&options).await;
    // Whose person is known cannot be kept now.
    let persons = format!("{}:{{{ACCOUNT}}}:persons", options.prefix);
    server.say(&["SET", &persons, "something else"]);
    let mut tasks = JoinSet::new();
    for n in 0..LEADS {
        let (store, known) = (Arc::clone(&store), n % 4 == 0);
        let person: &[Digest] = if known { &[[7; 16]] } else { &[] };
        let acceptance = of_person(person);
        tasks.spawn(async move { (known, store.accept(acceptance).await) });
    }
    for (known, result) in tasks.join_all().await {
        match result {
            Ok(Accepted::Kept { .. }) => assert!(!known),
            Err(StoreError::Unavailable(why)) if why.contains("WRONGTYPE") => assert!(known),
            other => panic!("{other:?}"),
        }
    }
    assert!(calls(&server) < LEADS / 4);
    assert_eq!(waiting(&store).await, (LEADS - LEADS / 4) as u64);
    server.say(&["DEL", &persons]);
    let again = store.accept(of_person(&[[7; 16]])).await;
    assert!(matches!(again, Ok(Accepted::Kept { .. })), "{again:?}");
}
