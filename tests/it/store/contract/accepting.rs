//! Acceptance: what is kept, and who is recognised.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use leadgate::lead::{Lane, LeadId, Reason, ReasonCode, Status, Step};
use leadgate::queue::{Acceptance, Accepted, Amended, Hold, Next, Store, StoreError};
use serde_json::{Value, json};

use super::*;

const ANN: Digest = [1; 16];
const ANNS_PHONE: Digest = [2; 16];
const BOB: Digest = [3; 16];

/// Which lead the next one of this person repeats.
async fn repeats(store: &Arc<dyn Store>, person: Digest) -> Option<LeadId> {
    match store.accept(of_person(&[person])).await.unwrap() {
        Accepted::Duplicate { of } => Some(of),
        _ => None,
    }
}

pub async fn a_lead_comes_back_as_it_was_kept(bench: &mut dyn Bench) {
    let mut lead = lead_in(ACCOUNT, Lane::Interactive);
    lead.contact.name = Some("Ærøskøbing \u{0} 山田 \"quoted\" \\".to_owned());
    lead.metadata = Some(json!({ "big": 9_007_199_254_740_993_u64, "z": 1, "a": [null, {}] }));
    lead.extra.insert(
        "price".to_owned(),
        serde_json::from_str::<Value>("1.10").unwrap(),
    );
    lead.raw = "{\"a\":\n1}".to_owned();
    let (store, id) = (bench.store(), lead.id);
    keep(store, acceptance(lead.clone())).await;
    let found = stored(store, id).await;
    assert!(found.lead == lead, "the record changed");
    let waits = found.waits.unwrap();
    assert_eq!((waits.step, waits.leased), (Step::Book, false));
    assert!(waits.due_at <= store.now());
    assert!(
        store
            .get(LeadId::from_bytes([9; 16]))
            .await
            .unwrap()
            .is_none()
    );
}

pub async fn a_lead_without_work_is_kept_and_ends(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(
        store,
        Acceptance {
            first: None,
            ..acceptance(lead())
        },
    )
    .await;
    assert!(stored(store, id).await.waits.is_none());
    assert_eq!(store.ahead(id).await.unwrap(), None);
    assert_eq!(waiting(store).await, 0);
    assert!(take(store).await.is_none());
}

pub async fn the_same_person_twice_at_once_is_one_lead_and_one_duplicate(bench: &mut dyn Bench) {
    let store = bench.store();
    let (one, two) = (of_person(&[ANN]), of_person(&[ANN]));
    let ids = (one.lead.id, two.lead.id);
    let both = tokio::join!(store.accept(one), store.accept(two));
    let expected = match both.0.as_ref().unwrap() {
        Accepted::Kept { .. } => (
            Accepted::Kept { ahead: 0 },
            Accepted::Duplicate { of: ids.0 },
        ),
        _ => (
            Accepted::Duplicate { of: ids.1 },
            Accepted::Kept { ahead: 0 },
        ),
    };
    assert_eq!((both.0.unwrap(), both.1.unwrap()), expected);
}

pub async fn fifty_at_once_of_one_person_make_one_lead(bench: &mut dyn Bench) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let store = Arc::clone(bench.store());
        tasks.spawn(async move {
            let acceptance = of_person(&[ANN, ANNS_PHONE]);
            (acceptance.lead.id, store.accept(acceptance).await.unwrap())
        });
    }
    let all = tasks.join_all().await;
    let kept: Vec<LeadId> = all
        .iter()
        .filter(|(_, accepted)| matches!(accepted, Accepted::Kept { .. }))
        .map(|(id, _)| *id)
        .collect();
    assert_eq!(kept.len(), 1);
    for (id, accepted) in all.iter().filter(|(id, _)| *id != kept[0]) {
        assert_eq!(*accepted, Accepted::Duplicate { of: kept[0] }, "{id}");
    }
    assert_eq!(waiting(bench.store()).await, 1);
}

pub async fn each_of_many_at_once_is_decided_by_itself(bench: &mut dyn Bench) {
    let store = bench.store();
    let anns = keep(store, of_person(&[ANN])).await;
    let delivered = keep(store, with_key(1, Some(1))).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..200_usize {
        let mut acceptance = match n % 8 {
            0 => of_person(&[ANN]),
            1 => with_key(1, Some(1)),
            2 => with_key(1, Some(2)),
            _ => acceptance(lead()),
        };
        match n % 8 {
            3 => Arc::make_mut(&mut acceptance.lead).id = anns,
            4 => acceptance.max_waiting = 1,
            5 => acceptance.first = None,
            6 => Arc::make_mut(&mut acceptance.lead).lane = Lane::Bulk,
            _ => {}
        }
        let store = Arc::clone(store);
        tasks.spawn(async move { (n % 8, store.accept(acceptance).await) });
    }
    for (kind, accepted) in tasks.join_all().await {
        let is_right = match (kind, &accepted) {
            (0, Ok(Accepted::Duplicate { of })) => *of == anns,
            (1, Ok(Accepted::Replayed { lead, .. })) => *lead == delivered,
            (2, Ok(Accepted::KeyReused)) => true,
            (3, Err(StoreError::Unavailable(_))) | (4, Err(StoreError::Full(_))) => true,
            (5, Ok(Accepted::Kept { ahead })) => *ahead == 0,
            (6, Ok(Accepted::Kept { ahead })) => *ahead < 2 + 50,
            (7, Ok(Accepted::Kept { ahead })) => *ahead < 2 + 25,
            _ => false,
        };
        assert!(is_right, "{kind}: {accepted:?}");
    }
    assert_eq!(waiting(store).await, 2 + 50);
    let mut taken = HashSet::new();
    while let Some(claim) = take(store).await {
        assert!(taken.insert(claim.lead.id), "a lead was handed out twice");
    }
    assert_eq!(taken.len(), 2 + 50);
}

pub async fn leads_that_come_together_are_taken_in_the_order_they_came(bench: &mut dyn Bench) {
    let store = bench.store();
    let mut order = vec![keep(store, acceptance(lead())).await];
    // A task that does more at once is interrupted, and what is left begins in another order (docs.rs/tokio, `task::coop`).
    let together = (0..100).map(|_| acceptance(lead())).map(|acceptance| {
        order.push(acceptance.lead.id);
        store.accept(acceptance)
    });
    for (before, accepted) in (1..).zip(futures_util::future::join_all(together).await) {
        assert_eq!(accepted, Ok(Accepted::Kept { ahead: before }));
    }
    let mut taken = Vec::new();
    while let Some(claim) = take(store).await {
        taken.push(claim.lead.id);
    }
    assert_eq!(taken, order);
}

pub async fn one_shared_digest_is_enough(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, of_person(&[ANN, ANNS_PHONE])).await;
    for person in [vec![ANN], vec![ANNS_PHONE], vec![BOB, ANNS_PHONE]] {
        assert_eq!(
            store.accept(of_person(&person)).await.unwrap(),
            Accepted::Duplicate { of: id }
        );
    }
    assert_eq!(repeats(store, BOB).await, None, "a duplicate claims nobody");
}

pub async fn other_people_and_nobody_are_no_duplicates(bench: &mut dyn Bench) {
    let store = bench.store();
    for person in [vec![ANN], vec![BOB], vec![], vec![]] {
        keep(store, of_person(&person)).await;
    }
    assert_eq!(waiting(store).await, 4);
}

pub async fn a_duplicate_is_kept_and_never_worked_on(bench: &mut dyn Bench) {
    let store = bench.store();
    let first = keep(store, of_person(&[ANN])).await;
    let second = of_person(&[ANN]);
    let id = second.lead.id;
    store.accept(second).await.unwrap();
    let found = stored(store, id).await;
    assert_eq!(
        (found.lead.status, found.lead.duplicate_of),
        (Status::Duplicate, Some(first))
    );
    assert!(found.waits.is_none());
    assert_eq!(take(store).await.unwrap().lead.id, first);
    assert!(take(store).await.is_none());
}

pub async fn a_person_is_free_when_the_window_has_passed(bench: &mut dyn Bench) {
    let store = bench.store();
    let first = keep(store, of_person(&[ANN])).await;
    bench.advance(HOUR - SLACK);
    assert_eq!(repeats(store, ANN).await, Some(first));
    bench.advance(SLACK);
    let second = keep(store, of_person(&[ANN])).await;
    assert_eq!(
        repeats(store, ANN).await,
        Some(second),
        "the next window is the second lead's"
    );
}

pub async fn a_person_is_freed_when_no_call_can_come_of_the_lead(bench: &mut dyn Bench) {
    let store = bench.store();
    for (status, reason) in [
        (Status::Cancelled, None),
        (Status::Disqualified, Some(ReasonCode::Disqualified)),
        (Status::Parked, Some(ReasonCode::NoSlots)),
    ] {
        let id = keep(store, of_person(&[ANN, ANNS_PHONE])).await;
        end(store, id, status, reason).await;
    }
    keep(store, of_person(&[ANN])).await;
    keep(store, of_person(&[ANNS_PHONE])).await;
}

pub async fn a_person_stays_claimed_while_a_call_may_exist(bench: &mut dyn Bench) {
    let store = bench.store();
    for (n, (status, reason)) in [
        (Status::Booked, None),
        (Status::NeedsTime, None),
        (Status::Erased, None),
        (Status::Parked, Some(ReasonCode::OutcomeUnknown)),
    ]
    .into_iter()
    .enumerate()
    {
        let person = [u8::try_from(n).unwrap() + 10; 16];
        let id = keep(store, of_person(&[person])).await;
        end(store, id, status, reason).await;
        assert_eq!(repeats(store, person).await, Some(id), "{status:?}");
    }
}

pub async fn a_lead_kept_without_hope_claims_nobody(bench: &mut dyn Bench) {
    let store = bench.store();
    let plain = of_person(&[ANN]);
    let mut lead = (*plain.lead).clone();
    lead.status = Status::Parked;
    lead.reason = Some(Reason {
        code: ReasonCode::SuspectedSpam,
        detail: String::new(),
    });
    let spam = Acceptance {
        lead: lead.into(),
        first: None,
        ..plain
    };
    keep(store, spam).await;
    keep(store, of_person(&[ANN])).await;
}

pub async fn only_the_lead_that_claims_a_person_can_free_it(bench: &mut dyn Bench) {
    let store = bench.store();
    let first = keep(store, of_person(&[ANN])).await;
    end(store, first, Status::Cancelled, None).await;
    let second = keep(store, of_person(&[ANN])).await;
    let again = stored(store, first).await;
    assert!(amended(store, again, Next::Done).await);
    assert_eq!(repeats(store, ANN).await, Some(second));
}

/// Puts an ended lead back into the queue.
async fn bring_back(store: &Arc<dyn Store>, id: LeadId) -> Amended {
    let mut ended = stored(store, id).await;
    ended.lead.status = Status::Queued;
    ended.lead.reason = None;
    ended.lead.duplicate_of = None;
    let next = later(Step::Book, Duration::ZERO);
    store.amend(ended, next, Hold::Keep).await.unwrap()
}

pub async fn a_lead_brought_back_claims_its_person_again(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, of_person(&[ANN])).await;
    end(store, id, Status::Parked, Some(ReasonCode::NoSlots)).await;
    assert_eq!(bring_back(store, id).await, Amended::Done);
    assert_eq!(repeats(store, ANN).await, Some(id));
    end(store, id, Status::Cancelled, None).await;

    // Parked, and its contact still to be handed over.
    let id = keep(store, of_person(&[ANN])).await;
    let mut claim = take(store).await.unwrap();
    claim.lead.status = Status::Parked;
    let next = later(Step::HandOver, HOUR);
    store.settle(claim, next, Hold::Keep).await.unwrap();
    assert_eq!(bring_back(store, id).await, Amended::Done);
    assert_eq!(repeats(store, ANN).await, Some(id));
}

pub async fn a_lead_is_not_brought_back_beside_another_of_its_person(bench: &mut dyn Bench) {
    let store = bench.store();
    let parked = keep(store, of_person(&[ANN, ANNS_PHONE])).await;
    end(store, parked, Status::Parked, Some(ReasonCode::NoSlots)).await;
    let second = keep(store, of_person(&[ANN])).await;
    let third = of_person(&[ANN]);
    let duplicate = third.lead.id;
    store.accept(third).await.unwrap();
    for id in [parked, duplicate] {
        let before = stored(store, id).await;
        assert_eq!(bring_back(store, id).await, Amended::PersonTaken(second));
        let after = stored(store, id).await;
        assert!(after.lead == before.lead && after.version == before.version);
        assert!(after.waits.is_none());
    }
    assert_eq!(waiting(store).await, 1);
    assert_eq!(repeats(store, ANNS_PHONE).await, None, "it was left free");

    end(store, second, Status::Cancelled, None).await;
    assert_eq!(bring_back(store, duplicate).await, Amended::Done);
    assert_eq!(repeats(store, ANN).await, Some(duplicate));
}

pub async fn a_lead_that_lives_is_changed_whoever_claims_its_person(bench: &mut dyn Bench) {
    let store = bench.store();
    let first = keep(store, of_person(&[ANN])).await;
    end(store, first, Status::Booked, None).await;
    bench.advance(HOUR);
    let second = keep(store, of_person(&[ANN])).await;
    assert!(amended(store, stored(store, first).await, Next::Done).await);
    assert_eq!(repeats(store, ANN).await, Some(second));
}
