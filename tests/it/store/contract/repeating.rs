//! Repeated deliveries: the idempotency key, its receipt, and what a full queue does.

use std::sync::Arc;

use leadgate::lead::Status;
use leadgate::queue::{Acceptance, Accepted, Receipt, StoreError};

use super::*;

fn receipt(http_status: u16) -> Receipt {
    Receipt {
        http_status,
        status: Status::Queued,
        position: Some(3),
        estimated_start_at: None,
    }
}

pub async fn the_same_delivery_at_once_and_again_is_kept_once(bench: &mut dyn Bench) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = Arc::clone(bench.store());
        tasks.spawn(async move { store.accept(with_key(1, Some(1))).await.unwrap() });
    }
    let all = tasks.join_all().await;
    let store = bench.store();
    assert_eq!(
        all.iter()
            .filter(|accepted| matches!(accepted, Accepted::Kept { .. }))
            .count(),
        1
    );
    let id = take(store).await.unwrap().lead.id;
    let replayed = Accepted::Replayed {
        lead: id,
        receipt: None,
    };
    assert_eq!(
        all.iter().filter(|accepted| **accepted == replayed).count(),
        19
    );
    assert_eq!(store.accept(with_key(1, Some(1))).await.unwrap(), replayed);
    assert_eq!(waiting(store).await, 1);
}

pub async fn a_delivery_before_the_receipt_joins_and_the_first_receipt_stays(
    bench: &mut dyn Bench,
) {
    let store = bench.store();
    let lead = keep(store, with_key(1, Some(1))).await;
    let replayed = |receipt| Accepted::Replayed { lead, receipt };
    assert_eq!(
        store.accept(with_key(1, Some(1))).await.unwrap(),
        replayed(None)
    );
    store.remember([1; 16], receipt(202)).await.unwrap();
    store.remember([1; 16], receipt(201)).await.unwrap();
    assert_eq!(
        store.accept(with_key(1, Some(1))).await.unwrap(),
        replayed(Some(receipt(202)))
    );
    store.remember([7; 16], receipt(202)).await.unwrap();
    keep(store, with_key(7, None)).await;
}

pub async fn a_key_with_another_body_is_refused(bench: &mut dyn Bench) {
    let store = bench.store();
    keep(store, with_key(1, Some(1))).await;
    let other = with_key(1, Some(2));
    let id = other.lead.id;
    assert_eq!(store.accept(other).await.unwrap(), Accepted::KeyReused);
    assert!(store.get(id).await.unwrap().is_none());
    keep(store, with_key(2, Some(1))).await;
}

pub async fn without_a_body_the_key_alone_decides(bench: &mut dyn Bench) {
    let store = bench.store();
    let lead = keep(store, with_key(1, None)).await;
    for body in [None, Some(1), Some(2)] {
        let again = store.accept(with_key(1, body)).await.unwrap();
        assert_eq!(
            again,
            Accepted::Replayed {
                lead,
                receipt: None
            }
        );
    }
}

pub async fn a_key_is_known_for_its_time_and_then_forgotten(bench: &mut dyn Bench) {
    let store = bench.store();
    let lead = keep(store, with_key(1, Some(1))).await;
    store.remember([1; 16], receipt(202)).await.unwrap();
    bench.advance(DAY - SLACK);
    sweep(store, HOUR).await;
    let again = store.accept(with_key(1, Some(1))).await.unwrap();
    assert_eq!(
        again,
        Accepted::Replayed {
            lead,
            receipt: Some(receipt(202))
        }
    );
    bench.advance(SLACK);
    let anew = keep(store, with_key(1, Some(2))).await;
    let again = store.accept(with_key(1, Some(2))).await.unwrap();
    assert_eq!(
        again,
        Accepted::Replayed {
            lead: anew,
            receipt: None
        },
        "the old receipt went with the old key"
    );
}

pub async fn each_key_is_kept_as_long_as_it_says(bench: &mut dyn Bench) {
    let store = bench.store();
    let kept_for = |key, kept| {
        let mut acceptance = with_key(key, None);
        acceptance.idempotency.as_mut().unwrap().kept = kept;
        acceptance
    };
    keep(store, kept_for(1, HOUR)).await;
    let long = keep(store, kept_for(2, 400 * DAY)).await;
    bench.advance(399 * DAY);
    sweep(store, 400 * DAY).await;
    keep(store, kept_for(1, HOUR)).await;
    let again = store.accept(kept_for(2, HOUR)).await.unwrap();
    assert!(matches!(again, Accepted::Replayed { lead, .. } if lead == long));
}

pub async fn a_known_key_tells_its_lead(bench: &mut dyn Bench) {
    let store = bench.store();
    assert_eq!(store.repeated([1; 16]).await.unwrap(), None);
    let lead = keep(store, with_key(1, Some(1))).await;
    assert_eq!(store.repeated([1; 16]).await.unwrap(), Some(lead));
    assert_eq!(store.repeated([2; 16]).await.unwrap(), None);
    bench.advance(DAY - SLACK);
    assert_eq!(store.repeated([1; 16]).await.unwrap(), Some(lead));
    bench.advance(SLACK);
    assert_eq!(store.repeated([1; 16]).await.unwrap(), None);
}

pub async fn a_full_queue_refuses_and_still_answers_repeated_deliveries(bench: &mut dyn Bench) {
    let store = bench.store();
    let at_most_two = |acceptance| Acceptance {
        max_waiting: 2,
        ..acceptance
    };
    let first = keep(store, at_most_two(with_key(1, Some(1)))).await;
    keep(store, at_most_two(acceptance(lead()))).await;
    let third = at_most_two(with_key(3, Some(3)));
    let id = third.lead.id;
    assert!(matches!(
        store.accept(third).await,
        Err(StoreError::Full(_))
    ));
    assert!(store.get(id).await.unwrap().is_none());
    let again = store
        .accept(at_most_two(with_key(1, Some(1))))
        .await
        .unwrap();
    assert_eq!(
        again,
        Accepted::Replayed {
            lead: first,
            receipt: None
        }
    );
    end(store, first, Status::Booked, None).await;
    keep(store, at_most_two(with_key(3, Some(3)))).await;
}

pub async fn a_duplicate_answers_its_repeated_delivery(bench: &mut dyn Bench) {
    let store = bench.store();
    let person = vec![[5; 16]];
    keep(store, of_person(&person)).await;
    let second = Acceptance {
        person: person.clone(),
        ..with_key(1, Some(1))
    };
    let lead = second.lead.id;
    assert!(matches!(
        store.accept(second).await.unwrap(),
        Accepted::Duplicate { .. }
    ));
    let again = Acceptance {
        person,
        ..with_key(1, Some(1))
    };
    assert_eq!(
        store.accept(again).await.unwrap(),
        Accepted::Replayed {
            lead,
            receipt: None
        }
    );
}
