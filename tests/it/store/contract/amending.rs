//! Changes to leads that nobody works on.

use std::time::Duration;

use leadgate::lead::{Lane, Status, Step};
use leadgate::queue::{Backlog, ClaimError, Hold, Next};

use super::*;

pub async fn an_amended_lead_goes_where_it_is_sent(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, acceptance(lead())).await;
    let mut waiting_lead = stored(store, id).await;
    waiting_lead.lead.status = Status::Cancelled;
    assert!(store.amend(waiting_lead, Next::Done).await.unwrap());
    let cancelled = stored(store, id).await;
    assert_eq!(
        (cancelled.lead.status, cancelled.waits),
        (Status::Cancelled, None)
    );
    assert_eq!(waiting(store).await, 0);
    assert!(take(store).await.is_none());
    let mut retried = cancelled;
    retried.lead.status = Status::Queued;
    assert!(store.amend(retried, later(Step::Book, HOUR)).await.unwrap());
    assert_eq!(waiting(store).await, 1);
    assert!(take(store).await.is_none());
    bench.advance(HOUR);
    assert_eq!(take(store).await.unwrap().lead.id, id);
}

pub async fn a_stale_change_is_refused(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, acceptance(lead())).await;
    let (one, mut two) = (stored(store, id).await, stored(store, id).await);
    two.lead.status = Status::Cancelled;
    assert!(
        store
            .amend(one, later(Step::Book, Duration::ZERO))
            .await
            .unwrap()
    );
    assert!(!store.amend(two.clone(), Next::Done).await.unwrap());
    let claim = take(store).await.unwrap();
    store
        .settle(claim, later(Step::Book, Duration::ZERO), Hold::Keep)
        .await
        .unwrap();
    assert!(!store.amend(two, Next::Done).await.unwrap());
    assert_eq!(stored(store, id).await.lead.status, Status::Queued);
    assert_eq!(waiting(store).await, 1);
}

pub async fn a_lead_in_a_workers_hands_is_not_changed(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, acceptance(lead())).await;
    let claim = take(store).await.unwrap();
    assert!(
        !store
            .amend(stored(store, id).await, Next::Done)
            .await
            .unwrap()
    );
    bench.advance(LEASE + SLACK);
    assert!(
        store
            .amend(stored(store, id).await, Next::Done)
            .await
            .unwrap(),
        "the worker has lost it"
    );
    assert_eq!(
        store.settle(claim, Next::Done, Hold::Keep).await,
        Err(ClaimError::Lost)
    );
}

pub async fn a_lead_that_is_gone_is_not_changed(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, acceptance(lead())).await;
    end(store, id, Status::Booked, None).await;
    let found = stored(store, id).await;
    bench.advance(HOUR);
    assert_eq!(sweep(store, HOUR - SLACK).await, 1);
    assert!(!store.amend(found, Next::Done).await.unwrap());
    assert!(store.get(id).await.unwrap().is_none());
}

pub async fn an_amended_lead_takes_its_place_in_another_lane(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, acceptance(lead_in(ACCOUNT, Lane::Bulk))).await;
    let mut found = stored(store, id).await;
    found.lead.lane = Lane::Interactive;
    assert!(
        store
            .amend(found, later(Step::Book, Duration::ZERO))
            .await
            .unwrap()
    );
    let expected = Backlog {
        account: ACCOUNT.to_owned(),
        lane: Lane::Interactive,
        waiting: 1,
    };
    assert_eq!(store.backlog().await.unwrap(), [expected]);
    assert_eq!(take(store).await.unwrap().lead.lane, Lane::Interactive);
}
