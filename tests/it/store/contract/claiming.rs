//! Claims: who gets which lead, for how long, and where it goes then.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use leadgate::lead::{Lane, LeadId, Status, Step};
use leadgate::queue::{Acceptance, Accepted, ClaimError, Hold, Next};
use tokio::time::timeout;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

pub async fn many_workers_never_hold_the_same_lead(bench: &mut dyn Bench) {
    let mut kept = HashSet::new();
    for _ in 0..60 {
        kept.insert(keep(bench.store(), acceptance(lead())).await);
    }
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let store = Arc::clone(bench.store());
        workers.spawn(async move {
            let mut mine = Vec::new();
            while let Some(claim) = take(&store).await {
                mine.push(claim.lead.id);
            }
            mine
        });
    }
    let taken: Vec<LeadId> = workers.join_all().await.concat();
    assert_eq!(taken.len(), 60);
    assert_eq!(taken.into_iter().collect::<HashSet<_>>(), kept);
}

pub async fn the_longest_due_goes_first(bench: &mut dyn Bench) {
    let store = bench.store();
    let mut order = Vec::new();
    for _ in 0..5 {
        order.push(keep(store, acceptance(lead())).await);
        bench.advance(SECOND);
    }
    // The first goes back, due before the last two would have been but after the others.
    let claim = take(store).await.unwrap();
    store
        .settle(claim, later(Step::Book, Duration::ZERO), Hold::Keep)
        .await
        .unwrap();
    order.rotate_left(1);
    for id in order {
        assert_eq!(take(store).await.unwrap().lead.id, id);
    }
}

pub async fn urgent_lanes_go_first_and_none_is_starved(bench: &mut dyn Bench) {
    let store = bench.store();
    for lane in [Lane::Bulk, Lane::Normal, Lane::Interactive] {
        for _ in 0..20 {
            keep(store, acceptance(lead_in(ACCOUNT, lane))).await;
        }
    }
    let mut taken = Vec::new();
    for _ in 0..20 {
        taken.push(take(store).await.unwrap().lead.lane);
    }
    assert_eq!(taken[0], Lane::Interactive);
    let of = |lane| taken.iter().filter(|l| **l == lane).count();
    assert_eq!(
        (of(Lane::Interactive), of(Lane::Normal), of(Lane::Bulk)),
        (16, 3, 1)
    );
}

pub async fn a_claim_takes_only_its_account_and_step(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, acceptance(lead_in("other", Lane::Normal))).await;
    assert!(take(store).await.is_none());
    assert!(
        store
            .claim("other", Step::Qualify, LEASE)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        store
            .claim("other", Step::Book, LEASE)
            .await
            .unwrap()
            .unwrap()
            .lead
            .id,
        id
    );
}

pub async fn a_lead_is_booking_exactly_while_held_for_it(bench: &mut dyn Bench) {
    let store = bench.store();
    let qualify = Acceptance {
        first: Some(Step::Qualify),
        ..acceptance(lead())
    };
    let id = keep(store, qualify).await;
    let before = Instant::now();
    let claim = store
        .claim(ACCOUNT, Step::Qualify, LEASE)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (claim.lead.status, claim.step),
        (Status::Queued, Step::Qualify)
    );
    assert!(claim.good_until >= before + LEASE && claim.good_until <= Instant::now() + LEASE);
    assert_eq!(stored(store, id).await.lead.status, Status::Queued);
    store
        .settle(claim, later(Step::Book, Duration::ZERO), Hold::Keep)
        .await
        .unwrap();
    let claim = take(store).await.unwrap();
    assert_eq!(claim.lead.status, Status::Booking);
    let held = stored(store, id).await;
    assert_eq!(
        (held.lead.status, held.waits.unwrap().leased),
        (Status::Booking, true)
    );
    // The worker leaves the status alone: the lead waits again.
    store
        .settle(claim, later(Step::Book, LEASE), Hold::Keep)
        .await
        .unwrap();
    assert_eq!(stored(store, id).await.lead.status, Status::Queued);
}

pub async fn a_lapsed_lease_returns_and_the_late_worker_is_refused(bench: &mut dyn Bench) {
    let store = bench.store();
    keep(store, acceptance(lead())).await;
    let late = take(store).await.unwrap();
    bench.advance(LEASE - SLACK);
    assert!(take(store).await.is_none());
    bench.advance(SLACK);
    let next = take(store).await.unwrap();
    assert_eq!(next.lead.id, late.lead.id);
    assert!(next.fence > late.fence);
    assert_eq!(
        store.settle(late, Next::Done, Hold::Keep).await,
        Err(ClaimError::Lost)
    );
    store.settle(next, Next::Done, Hold::Keep).await.unwrap();
    assert_eq!(waiting(store).await, 0);
}

pub async fn a_lapsed_lease_still_settles_while_nobody_took_the_lead(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, acceptance(lead())).await;
    let mut claim = take(store).await.unwrap();
    bench.advance(LEASE + SLACK);
    claim.lead.status = Status::Booked;
    store.settle(claim, Next::Done, Hold::Keep).await.unwrap();
    assert_eq!(stored(store, id).await.lead.status, Status::Booked);
    assert!(take(store).await.is_none());
}

pub async fn renewing_prolongs_and_comes_too_late_after_the_lapse(bench: &mut dyn Bench) {
    let store = bench.store();
    keep(store, acceptance(lead())).await;
    let mut claim = take(store).await.unwrap();
    for _ in 0..3 {
        bench.advance(LEASE - SLACK);
        let before = Instant::now();
        store.renew(&mut claim, LEASE).await.unwrap();
        assert!(claim.good_until >= before + LEASE);
        assert!(take(store).await.is_none());
    }
    bench.advance(LEASE);
    assert_eq!(store.renew(&mut claim, LEASE).await, Err(ClaimError::Lost));
    assert!(take(store).await.is_some());
    assert_eq!(store.renew(&mut claim, LEASE).await, Err(ClaimError::Lost));
}

pub async fn a_claim_ends_once(bench: &mut dyn Bench) {
    let store = bench.store();
    keep(store, acceptance(lead())).await;
    let claim = take(store).await.unwrap();
    let mut again = copy(&claim);
    store
        .settle(claim, later(Step::Book, Duration::ZERO), Hold::Keep)
        .await
        .unwrap();
    assert_eq!(store.renew(&mut again, LEASE).await, Err(ClaimError::Lost));
    assert_eq!(
        store.settle(again, Next::Done, Hold::Keep).await,
        Err(ClaimError::Lost)
    );
    assert_eq!(waiting(store).await, 1);
}

pub async fn what_is_put_off_comes_back_when_it_is_due(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, acceptance(lead())).await;
    let claim = take(store).await.unwrap();
    store
        .settle(claim, later(Step::Reconcile, HOUR), Hold::Keep)
        .await
        .unwrap();
    let reconcile = || store.claim(ACCOUNT, Step::Reconcile, LEASE);
    bench.advance(HOUR - SLACK);
    assert!(reconcile().await.unwrap().is_none());
    bench.advance(SLACK);
    assert_eq!(reconcile().await.unwrap().unwrap().lead.id, id);
}

pub async fn the_next_due_time_is_known(bench: &mut dyn Bench) {
    let store = bench.store();
    let next = || async { store.next_due(ACCOUNT, Step::Book).await.unwrap() };
    let about = |told: Option<Duration>, expected: Duration| {
        let told = told.unwrap();
        assert!(
            told <= expected && told + SLACK > expected,
            "{told:?} instead of {expected:?}"
        );
    };
    assert_eq!(next().await, None);
    keep(store, acceptance(lead_in(ACCOUNT, Lane::Bulk))).await;
    assert_eq!(next().await, Some(Duration::ZERO));
    assert_eq!(store.next_due("other", Step::Book).await.unwrap(), None);
    let claim = take(store).await.unwrap();
    about(next().await, LEASE);
    store
        .settle(claim, later(Step::Book, HOUR), Hold::Keep)
        .await
        .unwrap();
    about(next().await, HOUR);
    assert_eq!(store.next_due(ACCOUNT, Step::Qualify).await.unwrap(), None);
}

pub async fn a_settled_lead_is_as_the_worker_left_it(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, acceptance(lead())).await;
    let before = stored(store, id).await.version;
    let mut claim = take(store).await.unwrap();
    claim.lead.status = Status::Parked;
    claim.lead.progress.failures = 7;
    claim.lead.note(store.now(), "book", "no_slots", None);
    let left = claim.lead.clone();
    store.settle(claim, Next::Done, Hold::Keep).await.unwrap();
    let found = stored(store, id).await;
    assert!(found.lead == left, "the record changed");
    assert!(found.version > before && found.waits.is_none());
}

pub async fn backlog_and_position_follow_the_leads(bench: &mut dyn Bench) {
    let store = bench.store();
    let mut ids = Vec::new();
    for n in 0..4 {
        let acceptance = acceptance(lead());
        ids.push(acceptance.lead.id);
        assert_eq!(
            store.accept(acceptance).await.unwrap(),
            Accepted::Kept { ahead: n }
        );
        bench.advance(SECOND);
    }
    keep(store, acceptance(lead_in("other", Lane::Bulk))).await;
    let mut backlog = store.backlog().await.unwrap();
    backlog.sort_by(|a, b| a.account.cmp(&b.account));
    let counted: Vec<_> = backlog
        .iter()
        .map(|part| (part.account.as_str(), part.lane, part.waiting))
        .collect();
    assert_eq!(
        counted,
        [(ACCOUNT, Lane::Normal, 4), ("other", Lane::Bulk, 1)]
    );
    assert_eq!(store.ahead(ids[3]).await.unwrap(), Some(3));
    let claim = take(store).await.unwrap();
    assert_eq!(store.ahead(ids[0]).await.unwrap(), Some(0));
    assert_eq!(
        store.ahead(ids[3]).await.unwrap(),
        Some(2),
        "the first is being worked on"
    );
    assert_eq!(waiting(store).await, 5, "and still waits for its end");
    store.settle(claim, Next::Done, Hold::Keep).await.unwrap();
    assert_eq!(store.ahead(ids[0]).await.unwrap(), None);
    assert_eq!(waiting(store).await, 4);
    let claim = take(store).await.unwrap();
    store
        .settle(claim, later(Step::Book, HOUR), Hold::Keep)
        .await
        .unwrap();
    assert_eq!(store.ahead(ids[1]).await.unwrap(), Some(2));
    assert_eq!(store.ahead(ids[2]).await.unwrap(), Some(0));
    assert_eq!(waiting(store).await, 4);
    take(store).await.unwrap();
    assert_eq!(
        store.ahead(ids[1]).await.unwrap(),
        Some(1),
        "one of the two is held"
    );
}

pub async fn urgent_leads_go_before_and_delayed_ones_do_not(bench: &mut dyn Bench) {
    let store = bench.store();
    keep(store, acceptance(lead())).await;
    let claim = take(store).await.unwrap();
    store
        .settle(claim, later(Step::Book, HOUR), Hold::Keep)
        .await
        .unwrap();
    let bulk = acceptance(lead_in(ACCOUNT, Lane::Bulk));
    let id = bulk.lead.id;
    assert_eq!(
        store.accept(bulk).await.unwrap(),
        Accepted::Kept { ahead: 0 },
        "nobody else is due"
    );
    bench.advance(SECOND);
    keep(store, acceptance(lead_in(ACCOUNT, Lane::Interactive))).await;
    keep(
        store,
        Acceptance {
            first: Some(Step::Qualify),
            ..acceptance(lead())
        },
    )
    .await;
    assert_eq!(store.ahead(id).await.unwrap(), Some(2));
}

pub async fn those_who_wait_are_woken(bench: &mut dyn Bench) {
    let store = bench.store();
    let soon = Duration::from_secs(10);
    let mut work = store.changes().watch_work(Step::Book);
    let id = keep(store, acceptance(lead())).await;
    timeout(soon, work.changed())
        .await
        .expect("acceptance wakes the dispatcher")
        .unwrap();
    let claim = take(store).await.unwrap();
    let watch = store.changes().watch_lead(id);
    let settled = watch.changed();
    work.mark_unchanged();
    store
        .settle(claim, later(Step::Book, Duration::ZERO), Hold::Keep)
        .await
        .unwrap();
    timeout(soon, settled)
        .await
        .expect("settling wakes the caller");
    timeout(soon, work.changed())
        .await
        .expect("settling wakes the dispatcher")
        .unwrap();
    let amended = watch.changed();
    assert!(super::amended(store, stored(store, id).await, Next::Done).await);
    timeout(soon, amended)
        .await
        .expect("amending wakes the caller");
}

pub async fn the_backlog_tells_how_long_the_longest_due_has_been_due(bench: &mut dyn Bench) {
    let store = bench.store();
    let overdue = async || {
        let backlog = store.backlog().await.unwrap();
        let mine = backlog.into_iter().find(|part| part.account == ACCOUNT);
        mine.unwrap().overdue
    };
    let about = |found: Duration, wanted: Duration| {
        assert!((wanted..wanted + SLACK).contains(&found), "{found:?}");
    };
    keep(store, acceptance(lead())).await;
    bench.advance(10 * SECOND);
    keep(store, acceptance(lead())).await;
    bench.advance(20 * SECOND);
    about(overdue().await, 30 * SECOND);
    let first = take(store).await.unwrap();
    let due_at = first.due_at;
    about(overdue().await, 20 * SECOND);
    let second = take(store).await.unwrap();
    let apart = second.due_at.duration_since(due_at).unsigned_abs();
    about(apart, 10 * SECOND);
    assert!(overdue().await.is_zero(), "both are in workers' hands");
    store
        .settle(first, later(Step::Book, HOUR), Hold::Keep)
        .await
        .unwrap();
    assert!(overdue().await.is_zero(), "neither is due");
    bench.advance(LEASE + 5 * SECOND);
    let lapsed = overdue().await;
    assert!(!lapsed.is_zero() && lapsed < 10 * SECOND, "{lapsed:?}");
    drop(second);
}
