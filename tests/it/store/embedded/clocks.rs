//! A clock that was set while nobody worked in the folder.

use std::sync::Arc;
use std::time::Duration;

use leadgate::lead::Step;
use leadgate::queue::embedded::Embedded;
use leadgate::queue::{Acquired, Budget, Hold, Limit, Store};

use super::{clock, options};
use crate::store::contract::{ACCOUNT, DAY, HOUR, LEASE, acceptance, keep, later, lead, take};

#[tokio::test]
async fn a_clock_set_back_before_the_start_lets_nothing_wait_longer_nor_shorter() {
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (clock(), clock());
    wrong.advance(DAY);
    let store: Arc<dyn Store> = Arc::new(Embedded::open(options(folder.path(), &wrong)).unwrap());
    let put_off = keep(&store, acceptance(lead())).await;
    let claim = take(&store).await.unwrap();
    store
        .settle(claim, later(Step::Book, HOUR), Hold::Keep)
        .await
        .unwrap();
    let new = keep(&store, acceptance(lead())).await;
    drop(store);
    let store: Arc<dyn Store> = Arc::new(Embedded::open(options(folder.path(), &right)).unwrap());
    assert_eq!(take(&store).await.unwrap().lead.id, new);
    right.advance(HOUR - Duration::from_millis(1));
    let next = store
        .claim(ACCOUNT, Step::Book, DAY)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(next.lead.id, new, "its lease lapsed");
    assert!(take(&store).await.is_none());
    right.advance(Duration::from_millis(1));
    assert_eq!(take(&store).await.unwrap().lead.id, put_off);
}

#[tokio::test]
async fn a_clock_set_back_before_the_start_closes_no_endpoint_for_longer_than_its_span() {
    let folder = tempfile::tempdir().unwrap();
    let budget = Budget {
        account: ACCOUNT,
        endpoint: "POST /v1/eventCalls",
    };
    let limit = Limit {
        requests: 1,
        window: Duration::from_secs(10),
    };
    let right = clock();
    let wrong = clock();
    wrong.advance(DAY);
    let store = Embedded::open(options(folder.path(), &wrong)).unwrap();
    store.acquire(budget, limit, LEASE).await.unwrap();
    store.close(budget, LEASE, None).await.unwrap();
    drop(store);
    let store = Embedded::open(options(folder.path(), &right)).unwrap();
    assert!(matches!(
        store.acquire(budget, limit, LEASE).await.unwrap(),
        Acquired::NotBefore(_)
    ));
    right.advance(LEASE + Duration::from_millis(1));
    assert!(matches!(
        store.acquire(budget, limit, LEASE).await.unwrap(),
        Acquired::Permit(_)
    ));
}
