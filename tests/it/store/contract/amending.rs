//! Changes to leads that nobody works on.

use std::time::Duration;

use leadgate::lead::{Lane, Status, Step};
use leadgate::queue::{Choice, ClaimError, Hold, Intended, Next};

use super::*;

pub async fn an_amended_lead_goes_where_it_is_sent(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, acceptance(lead())).await;
    let mut waiting_lead = stored(store, id).await;
    waiting_lead.lead.status = Status::Cancelled;
    assert!(amended(store, waiting_lead, Next::Done).await);
    let cancelled = stored(store, id).await;
    assert_eq!(
        (cancelled.lead.status, cancelled.waits),
        (Status::Cancelled, None)
    );
    assert_eq!(waiting(store).await, 0);
    assert!(take(store).await.is_none());
    let mut retried = cancelled;
    retried.lead.status = Status::Queued;
    assert!(amended(store, retried, later(Step::Book, HOUR)).await);
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
    assert!(amended(store, one, later(Step::Book, Duration::ZERO)).await);
    assert!(!amended(store, two.clone(), Next::Done).await);
    let claim = take(store).await.unwrap();
    store
        .settle(claim, later(Step::Book, Duration::ZERO), Hold::Keep)
        .await
        .unwrap();
    assert!(!amended(store, two, Next::Done).await);
    assert_eq!(stored(store, id).await.lead.status, Status::Queued);
    assert_eq!(waiting(store).await, 1);
}

pub async fn a_lead_in_a_workers_hands_is_not_changed(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, acceptance(lead())).await;
    let claim = take(store).await.unwrap();
    assert!(!amended(store, stored(store, id).await, Next::Done).await);
    bench.advance(LEASE + SLACK);
    assert!(
        amended(store, stored(store, id).await, Next::Done).await,
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
    assert!(!amended(store, found, Next::Done).await);
    assert!(store.get(id).await.unwrap().is_none());
}

pub async fn an_amended_lead_takes_its_place_in_another_lane(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, acceptance(lead_in(ACCOUNT, Lane::Bulk))).await;
    let mut found = stored(store, id).await;
    found.lead.lane = Lane::Interactive;
    assert!(amended(store, found, later(Step::Book, Duration::ZERO)).await);
    let backlog = store.backlog().await.unwrap();
    let counted: Vec<_> = backlog
        .iter()
        .map(|part| (part.account.as_str(), part.lane, part.waiting))
        .collect();
    assert_eq!(counted, [(ACCOUNT, Lane::Interactive, 1)]);
    assert_eq!(take(store).await.unwrap().lead.lane, Lane::Interactive);
}

pub async fn a_change_ends_the_hold_as_it_is_told(bench: &mut dyn Bench) {
    let store = bench.store();
    let instant = "2031-12-01T10:00:00Z".parse().unwrap();
    let choice = |seen_at| Choice {
        candidates: std::slice::from_ref(&instant),
        seen_at,
    };
    for (hold, free_at_once, free_when_seen_later) in [
        (Hold::Keep, false, false),
        (Hold::Spent, false, true),
        (Hold::Free, true, true),
    ] {
        // Every round has an event, and so an instant, of its own.
        let of_round = || {
            let mut lead = lead();
            lead.link_prefix = format!("ann/{hold:?}");
            acceptance(lead)
        };
        let id = keep(store, of_round()).await;
        let mut claim = take(store).await.unwrap();
        let seen_at = store.now();
        let asked = store.intend(&mut claim, choice(seen_at)).await.unwrap();
        assert!(matches!(asked, Intended::At(_)));
        store.settle(claim, Next::Done, Hold::Keep).await.unwrap();
        let found = stored(store, id).await;
        assert_eq!(
            store.amend(found, Next::Done, hold).await.unwrap(),
            Amended::Done
        );
        keep(store, of_round()).await;
        let mut other = take(store).await.unwrap();
        let asked = store.intend(&mut other, choice(seen_at)).await.unwrap();
        assert_eq!(asked != Intended::AllHeld, free_at_once, "{hold:?}");
        if !free_at_once {
            bench.advance(SLACK);
            let asked = store.intend(&mut other, choice(store.now())).await.unwrap();
            assert_eq!(asked != Intended::AllHeld, free_when_seen_later, "{hold:?}");
        }
        store.settle(other, Next::Done, Hold::Free).await.unwrap();
    }
}
