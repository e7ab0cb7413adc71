//! Which lead has a call, and which leads claim a person.

use leadgate::lead::{Booking, Status};
use leadgate::queue::{Hold, Next};

use super::*;

const CALL: i64 = 1_900_321;

fn booking(event_call_id: i64) -> Booking {
    serde_json::from_value(json!({
        "eventCallId": event_call_id,
        "startTime": "2026-12-01T15:00:00Z",
        "timeZone": "Europe/Oslo",
    }))
    .unwrap()
}

/// A lead that was booked, by the way every worker takes.
async fn booked(store: &Arc<dyn Store>, call: i64) -> LeadId {
    let id = keep(store, acceptance(lead())).await;
    let mut claim = take(store).await.unwrap();
    assert_eq!(claim.lead.id, id);
    claim.lead.status = Status::Booked;
    claim.lead.booking = Some(booking(call));
    store.settle(claim, Next::Done, Hold::Keep).await.unwrap();
    id
}

pub async fn a_call_is_found_from_the_settle_that_wrote_it(bench: &mut dyn Bench) {
    let store = bench.store();
    assert_eq!(store.by_call(ACCOUNT, CALL).await, Ok(None));
    let id = booked(store, CALL).await;
    booked(store, CALL + 1).await;
    assert_eq!(store.by_call(ACCOUNT, CALL).await, Ok(Some(id)));
    assert_eq!(store.by_call("other", CALL).await, Ok(None));
    assert_eq!(store.by_call(ACCOUNT, CALL + 2).await, Ok(None));
    bench.reopen().await;
    assert_eq!(bench.store().by_call(ACCOUNT, CALL).await, Ok(Some(id)));
}

pub async fn a_call_is_found_as_the_record_names_it(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = booked(store, CALL).await;
    let mut moved = stored(store, id).await;
    moved.lead.booking = Some(booking(CALL + 7));
    assert!(amended(store, moved, Next::Done).await);
    assert_eq!(store.by_call(ACCOUNT, CALL).await, Ok(None));
    assert_eq!(store.by_call(ACCOUNT, CALL + 7).await, Ok(Some(id)));
    let mut without = stored(store, id).await;
    without.lead.booking = None;
    assert!(amended(store, without, Next::Done).await);
    assert_eq!(store.by_call(ACCOUNT, CALL + 7).await, Ok(None));
}

pub async fn a_swept_lead_leaves_no_call(bench: &mut dyn Bench) {
    let store = bench.store();
    booked(store, CALL).await;
    bench.advance(DAY);
    assert_eq!(sweep(store, HOUR).await, 1);
    assert_eq!(store.by_call(ACCOUNT, CALL).await, Ok(None));
}

pub async fn whoever_claims_a_person_is_found_by_it(bench: &mut dyn Bench) {
    let store = bench.store();
    let (kim, bo) = ([1; 16], [2; 16]);
    let one = keep(store, of_person(&[kim, [3; 16]])).await;
    let other = keep(store, of_person(&[bo])).await;
    let of = async |person: &[Digest]| store.by_person(ACCOUNT, person).await.unwrap();
    assert_eq!(of(&[kim]).await, [one]);
    assert_eq!(of(&[[3; 16], kim, [9; 16]]).await, [one]);
    assert_eq!(of(&[bo, kim]).await, [other, one]);
    assert_eq!(of(&[[9; 16]]).await, []);
    assert_eq!(of(&[]).await, []);
    bench.advance(HOUR + SLACK);
    assert_eq!(of(&[kim, bo]).await, [], "the window has passed");
}
