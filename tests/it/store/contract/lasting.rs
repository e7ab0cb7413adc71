//! What a restart keeps, and what a sweep throws away.

use std::time::Duration;

use jiff::Timestamp;
use leadgate::lead::{Lane, Status, Step};
use leadgate::queue::{
    Accepted, Acquired, Budget, Choice, ClaimError, Hold, Intended, Limit, Receipt,
};

use super::*;

pub async fn the_hash_key_stays(bench: &mut dyn Bench) {
    let key = *bench.store().hash_key();
    assert_ne!(key, [0; 32]);
    bench.reopen().await;
    assert_eq!(*bench.store().hash_key(), key);
}

pub async fn a_restart_loses_no_lead_and_no_place(bench: &mut dyn Bench) {
    let store = bench.store();
    let first = lead();
    let (booked, delayed, held, new) = (first.id, lead(), lead(), lead_in(ACCOUNT, Lane::Bulk));
    keep(store, acceptance(first)).await;
    end(store, booked, Status::Booked, None).await;
    let delayed = keep(store, acceptance(delayed)).await;
    let claim = take(store).await.unwrap();
    store
        .settle(claim, later(Step::Book, HOUR), Hold::Keep)
        .await
        .unwrap();
    let held = keep(store, acceptance(held)).await;
    let late = take(store).await.unwrap();
    assert_eq!(late.lead.id, held);
    let new = keep(store, acceptance(new)).await;

    bench.reopen().await;
    let store = bench.store();
    assert_eq!(stored(store, booked).await.lead.status, Status::Booked);
    assert_eq!(waiting(store).await, 3);
    bench.advance(LEASE);
    assert_eq!(take(store).await.unwrap().lead.id, held);
    assert_eq!(
        store
            .settle(late, leadgate::queue::Next::Done, Hold::Keep)
            .await,
        Err(ClaimError::Lost)
    );
    assert_eq!(take(store).await.unwrap().lead.id, new);
    assert!(take(store).await.is_none());
    bench.advance(HOUR - LEASE);
    let rest = [take(store).await, take(store).await, take(store).await];
    assert!(
        rest.into_iter()
            .flatten()
            .any(|claim| claim.lead.id == delayed)
    );
}

pub async fn a_restart_forgets_no_person_and_no_key(bench: &mut dyn Bench) {
    let ann = [4; 16];
    let first = keep(bench.store(), of_person(&[ann])).await;
    let keyed = keep(bench.store(), with_key(1, Some(1))).await;
    let receipt = Receipt {
        http_status: 202,
        status: Status::Queued,
        position: None,
        estimated_start_at: None,
    };
    bench
        .store()
        .remember([1; 16], receipt.clone())
        .await
        .unwrap();
    bench.reopen().await;
    let store = bench.store();
    assert_eq!(
        store.accept(of_person(&[ann])).await.unwrap(),
        Accepted::Duplicate { of: first }
    );
    let again = store.accept(with_key(1, Some(1))).await.unwrap();
    assert_eq!(
        again,
        Accepted::Replayed {
            lead: keyed,
            receipt: Some(receipt)
        }
    );
    assert_eq!(
        store.accept(with_key(1, Some(2))).await.unwrap(),
        Accepted::KeyReused
    );
}

pub async fn a_restart_frees_no_instant(bench: &mut dyn Bench) {
    let instant = Timestamp::from_second(1_800_000_000).unwrap();
    let store = bench.store();
    let candidates = [instant];
    let choice = |store: &Arc<dyn Store>| Choice {
        candidates: &candidates,
        seen_at: store.now(),
    };
    let id = keep(store, acceptance(lead())).await;
    let mut claim = take(store).await.unwrap();
    let Intended::At(intent) = store.intend(&mut claim, choice(store)).await.unwrap() else {
        panic!("it is free")
    };
    store
        .settle(claim, later(Step::Reconcile, Duration::ZERO), Hold::Keep)
        .await
        .unwrap();
    bench.reopen().await;
    let store = bench.store();
    assert_eq!(stored(store, id).await.lead.progress.intent, Some(intent));
    keep(store, acceptance(lead())).await;
    let mut claim = take(store).await.unwrap();
    assert_eq!(
        store.intend(&mut claim, choice(store)).await.unwrap(),
        Intended::AllHeld
    );
}

pub async fn a_restart_closes_no_permit(bench: &mut dyn Bench) {
    let limit = Limit {
        requests: 2,
        window: Duration::from_secs(10),
    };
    let budget = |endpoint| Budget {
        account: ACCOUNT,
        endpoint,
    };
    let hold = Duration::from_secs(40);
    let Acquired::Permit(permit) = bench
        .store()
        .acquire(budget("a"), limit, hold)
        .await
        .unwrap()
    else {
        panic!("nothing is open")
    };
    bench
        .store()
        .acquire(budget("a"), limit, hold)
        .await
        .unwrap();
    bench
        .store()
        .answered(budget("a"), permit, limit.window)
        .await
        .unwrap();
    bench
        .store()
        .close(budget("b"), HOUR, Some(1))
        .await
        .unwrap();
    bench.reopen().await;
    let store = bench.store();
    bench.advance(limit.window - SLACK);
    assert!(matches!(
        store.acquire(budget("a"), limit, hold).await.unwrap(),
        Acquired::NotBefore(_)
    ));
    bench.advance(SLACK * 2);
    assert!(
        matches!(
            store.acquire(budget("a"), limit, hold).await.unwrap(),
            Acquired::Permit(_)
        ),
        "one closed"
    );
    assert!(matches!(
        store.acquire(budget("a"), limit, hold).await.unwrap(),
        Acquired::NotBefore(_)
    ));
    assert!(
        matches!(
            store.acquire(budget("b"), limit, hold).await.unwrap(),
            Acquired::NotBefore(_)
        ),
        "paused"
    );
    bench.advance(HOUR);
    for _ in 0..2 {
        let lower_limit_forgotten = store.acquire(budget("b"), limit, hold).await.unwrap();
        assert!(matches!(lower_limit_forgotten, Acquired::Permit(_)));
    }
}

pub async fn a_probe_succeeds(bench: &mut dyn Bench) {
    let (one, two) = tokio::join!(bench.store().probe(), bench.store().probe());
    assert_eq!((one, two), (Ok(()), Ok(())));
}

pub async fn a_sweep_deletes_only_what_is_past(bench: &mut dyn Bench) {
    let store = bench.store();
    let old = keep(store, with_key(1, Some(1))).await;
    end(store, old, Status::Booked, None).await;
    let waiting_long = keep(store, acceptance(lead())).await;
    bench.advance(HOUR);
    let young = keep(
        store,
        Acceptance {
            first: None,
            ..acceptance(lead())
        },
    )
    .await;
    assert_eq!(sweep(store, HOUR + SLACK).await, 0);
    assert_eq!(sweep(store, HOUR - SLACK).await, 1);
    assert!(store.get(old).await.unwrap().is_none());
    assert!(store.get(young).await.unwrap().is_some());
    assert!(
        store.get(waiting_long).await.unwrap().is_some(),
        "what waits is never too old"
    );
    let again = store.accept(with_key(1, Some(1))).await.unwrap();
    assert_eq!(
        again,
        Accepted::Replayed {
            lead: old,
            receipt: None
        },
        "the key outlives the lead"
    );
    bench.advance(DAY);
    assert_eq!(sweep(store, HOUR).await, 1);
    keep(store, with_key(1, Some(2))).await;
}

pub async fn a_swept_lead_leaves_its_person_claimed(bench: &mut dyn Bench) {
    let ann = [4; 16];
    let store = bench.store();
    let booked = keep(store, of_person(&[ann])).await;
    end(store, booked, Status::Booked, None).await;
    bench.advance(HOUR / 2);
    assert_eq!(sweep(store, HOUR / 4).await, 1);
    assert_eq!(
        store.accept(of_person(&[ann])).await.unwrap(),
        Accepted::Duplicate { of: booked }
    );
}

pub async fn a_sweep_spares_what_came_anew_under_an_old_name(bench: &mut dyn Bench) {
    let (ann, bob) = ([4; 16], [5; 16]);
    let of_ann = || Acceptance {
        idempotency: with_key(1, None).idempotency,
        ..of_person(&[ann])
    };
    let store = bench.store();
    keep(store, acceptance(lead())).await;
    let claim = take(store).await.unwrap();
    let known_late = store.identify(claim, vec![bob], HOUR, later(Step::Book, HOUR));
    assert_eq!(known_late.await, Ok(None));
    keep(store, of_ann()).await;
    bench.advance(DAY);
    let (ann_anew, bob_anew) = (
        keep(store, of_ann()).await,
        keep(store, of_person(&[bob])).await,
    );
    sweep(store, 400 * DAY).await;
    let again = store.accept(of_ann()).await.unwrap();
    assert!(matches!(again, Accepted::Replayed { lead, .. } if lead == ann_anew));
    for (person, of) in [(ann, ann_anew), (bob, bob_anew)] {
        let again = store.accept(of_person(&[person])).await.unwrap();
        assert_eq!(again, Accepted::Duplicate { of });
    }
}
