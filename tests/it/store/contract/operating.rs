//! What an operator asks of a store: switches, the use of budgets, forgetting, and clean files.

use std::time::Duration;

use leadgate::lead::{ReasonCode, Status, Step};
use leadgate::queue::{Acquired, Amended, Budget, Hold, Limit, Next, Usage};

use super::*;

const ANN: Digest = [1; 16];

async fn on(store: &Arc<dyn Store>) -> Vec<(String, String)> {
    let mut on = store.switches().await.unwrap();
    on.sort_by(|one, other| one.name.cmp(&other.name));
    on.into_iter()
        .map(|switch| (switch.name, switch.by))
        .collect()
}

pub async fn a_switch_stays_as_it_was_turned(bench: &mut dyn Bench) {
    let pair = |name: &str, by: &str| (name.to_owned(), by.to_owned());
    let store = bench.store();
    assert!(on(store).await.is_empty());
    let before = store.now();
    store.turn("account:main", Some("kim")).await.unwrap();
    store.turn("source:web", Some("ida moe")).await.unwrap();
    store.turn("account:main", Some("bo")).await.unwrap();
    let both = [pair("account:main", "kim"), pair("source:web", "ida moe")];
    assert_eq!(on(store).await, both);
    let at = store.switches().await.unwrap()[0].at;
    assert!(before.as_millisecond() <= at.as_millisecond() && at <= store.now());
    bench.reopen().await;
    let store = bench.store();
    assert_eq!(on(store).await, both);
    store.turn("account:main", None).await.unwrap();
    store.turn("account:none", None).await.unwrap();
    assert_eq!(on(store).await, both[1..]);
    assert!(
        store.backlog().await.unwrap().is_empty(),
        "a switch is no account"
    );
}

pub async fn a_budget_tells_how_far_it_is_used(bench: &mut dyn Bench) {
    let store = bench.store();
    let budget = Budget {
        account: ACCOUNT,
        endpoint: "POST /v1/eventCalls",
    };
    let other = Budget {
        endpoint: "GET /v1/eventCalls",
        ..budget
    };
    let limit = Limit {
        requests: 5,
        window: Duration::from_secs(10),
    };
    let unused = Usage {
        open: 0,
        lower: None,
        closed_until: None,
    };
    assert_eq!(store.usage(budget).await.unwrap(), unused);
    for _ in 0..2 {
        let acquired = store.acquire(budget, limit, LEASE).await.unwrap();
        assert!(matches!(acquired, Acquired::Permit(_)));
    }
    assert_eq!(store.usage(budget).await.unwrap().open, 2);
    store.close(budget, HOUR, Some(3)).await.unwrap();
    let used = store.usage(budget).await.unwrap();
    assert_eq!((used.open, used.lower), (2, Some(3)));
    let left = used.closed_until.unwrap().duration_since(store.now());
    assert!(left.unsigned_abs() > HOUR - SLACK, "{left}");
    assert_eq!(store.usage(other).await.unwrap(), unused);
    bench.advance(HOUR + SLACK);
    let used = store.usage(budget).await.unwrap();
    assert_eq!((used.open, used.closed_until), (0, None));
}

/// Erases a lead that nobody works on.
async fn erase(store: &Arc<dyn Store>, id: LeadId) -> Amended {
    let mut found = stored(store, id).await;
    found.lead.status = Status::Erased;
    store.amend(found, Next::Done, Hold::Keep).await.unwrap()
}

pub async fn an_erased_lead_keeps_its_person_claimed_to_the_end_of_the_window(
    bench: &mut dyn Bench,
) {
    let store = bench.store();
    let id = keep(store, of_person(&[ANN])).await;
    let until = store.claimed_until(id).await.unwrap().unwrap();
    assert!(until.duration_since(store.now()).unsigned_abs() > HOUR - SLACK);
    assert_eq!(erase(store, id).await, Amended::Done);
    assert_eq!(waiting(store).await, 0);
    let again = store.accept(of_person(&[ANN])).await.unwrap();
    assert_eq!(again, Accepted::Duplicate { of: id });
    // Its digests went with the rest: what is claimed no longer leads to it.
    assert_eq!(store.claimed_until(id).await.unwrap(), None);
    bench.advance(HOUR);
    keep(store, of_person(&[ANN])).await;
}

pub async fn an_erased_lead_claims_nobody_it_did_not_claim(bench: &mut dyn Bench) {
    let store = bench.store();
    let parked = keep(store, of_person(&[ANN])).await;
    end(store, parked, Status::Parked, Some(ReasonCode::NoSlots)).await;
    assert_eq!(store.claimed_until(parked).await.unwrap(), None);
    let living = keep(store, of_person(&[ANN])).await;
    assert_eq!(erase(store, parked).await, Amended::Done);
    end(store, living, Status::Cancelled, None).await;
    keep(store, of_person(&[ANN])).await;
}

pub async fn every_step_has_a_queue(bench: &mut dyn Bench) {
    let store = bench.store();
    for step in Step::ALL {
        let first = Some(step);
        let id = keep(
            store,
            Acceptance {
                first,
                ..acceptance(lead())
            },
        )
        .await;
        let claim = store.claim(ACCOUNT, step, LEASE).await.unwrap().unwrap();
        assert_eq!((claim.lead.id, claim.step), (id, step));
        store.settle(claim, Next::Done, Hold::Keep).await.unwrap();
    }
}

pub async fn a_scrub_changes_nothing_that_is_kept(bench: &mut dyn Bench) {
    let store = bench.store();
    let first = keep(store, of_person(&[ANN])).await;
    end(store, first, Status::Booked, None).await;
    let second = keep(store, acceptance(lead())).await;
    store.scrub().await.unwrap();
    assert_eq!(stored(store, first).await.lead.status, Status::Booked);
    let again = store.accept(of_person(&[ANN])).await.unwrap();
    assert_eq!(again, Accepted::Duplicate { of: first });
    bench.reopen().await;
    let store = bench.store();
    assert_eq!(take(store).await.unwrap().lead.id, second);
}
