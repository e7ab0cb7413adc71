//! Leads whose person becomes known only after acceptance.

use std::sync::Arc;
use std::time::Duration;

use leadgate::lead::{LeadId, Reason, ReasonCode, Status, Step};
use leadgate::queue::{Acceptance, Accepted, Claim, ClaimError, Next, Store};

use super::*;

const ANN: Digest = [1; 16];
const ANNS_PHONE: Digest = [2; 16];
const BOB: Digest = [3; 16];

fn to_book() -> Next {
    later(Step::Book, Duration::ZERO)
}

/// A lead of nobody yet, in the hands of the worker that fetches it.
async fn fetched(store: &Arc<dyn Store>) -> Claim {
    let acceptance = Acceptance {
        first: Some(Step::Fetch),
        ..acceptance(lead())
    };
    keep(store, acceptance).await;
    let claim = store.claim(ACCOUNT, Step::Fetch, LEASE).await.unwrap();
    claim.unwrap()
}

async fn identify(store: &Arc<dyn Store>, claim: Claim, person: &[Digest]) -> Option<LeadId> {
    let person = person.to_vec();
    let identified = store.identify(claim, person, HOUR, to_book()).await;
    identified.unwrap()
}

/// Which lead the next one of this person repeats.
async fn repeats(store: &Arc<dyn Store>, person: Digest) -> Option<LeadId> {
    match store.accept(of_person(&[person])).await.unwrap() {
        Accepted::Duplicate { of } => Some(of),
        _ => None,
    }
}

pub async fn a_person_known_late_is_claimed_and_the_lead_goes_on(bench: &mut dyn Bench) {
    let store = bench.store();
    let mut claim = fetched(store).await;
    bench.advance(SLACK);
    claim.lead.contact.name = Some("Ann Early".to_owned());
    let id = claim.lead.id;
    assert_eq!(identify(store, claim, &[ANN, ANNS_PHONE]).await, None);
    for person in [ANN, ANNS_PHONE] {
        assert_eq!(repeats(store, person).await, Some(id));
    }
    let found = stored(store, id).await;
    assert_eq!(found.lead.status, Status::Queued);
    assert_eq!(found.lead.contact.name.as_deref(), Some("Ann Early"));
    assert_eq!(found.waits.map(|waits| waits.step), Some(Step::Book));
    assert_eq!(waiting(store).await, 1);

    // The window begins when the person became known, and the lead frees it like any other.
    bench.advance(HOUR - SLACK);
    assert_eq!(repeats(store, ANN).await, Some(id));
    end(store, id, Status::Cancelled, None).await;
    assert_eq!(repeats(store, ANN).await, None);
}

pub async fn a_person_known_late_and_claimed_already_makes_a_duplicate(bench: &mut dyn Bench) {
    let store = bench.store();
    let first = keep(store, of_person(&[ANN])).await;
    let claim = fetched(store).await;
    let id = claim.lead.id;
    let late = copy(&claim);
    assert_eq!(identify(store, claim, &[BOB, ANN]).await, Some(first));
    let found = stored(store, id).await;
    assert_eq!(
        (found.lead.status, found.lead.duplicate_of, found.waits),
        (Status::Duplicate, Some(first), None)
    );
    assert_eq!(waiting(store).await, 1);
    assert_eq!(
        store.settle(late, Next::Done, Hold::Keep).await,
        Err(ClaimError::Lost)
    );
    assert_eq!(repeats(store, BOB).await, None, "a duplicate claims nobody");
    assert_eq!(repeats(store, ANN).await, Some(first));
}

pub async fn many_leads_of_one_person_known_late_make_one_lead(bench: &mut dyn Bench) {
    let store = bench.store();
    let mut claims = Vec::new();
    for _ in 0..20 {
        claims.push(fetched(store).await);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for claim in claims {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            let id = claim.lead.id;
            (id, identify(&store, claim, &[ANN, ANNS_PHONE]).await)
        });
    }
    let all = tasks.join_all().await;
    let new: Vec<LeadId> = all
        .iter()
        .filter(|(_, repeats)| repeats.is_none())
        .map(|(id, _)| *id)
        .collect();
    assert_eq!(new.len(), 1);
    for (id, repeats) in all.iter().filter(|(id, _)| *id != new[0]) {
        assert_eq!(*repeats, Some(new[0]), "{id}");
    }
    assert_eq!(waiting(store).await, 1);
}

pub async fn a_person_known_late_is_not_claimed_without_hope(bench: &mut dyn Bench) {
    let store = bench.store();
    let mut claim = fetched(store).await;
    claim.lead.status = Status::Parked;
    claim.lead.reason = Some(Reason {
        code: ReasonCode::SuspectedSpam,
        detail: String::new(),
    });
    let identified = store.identify(claim, vec![ANN], HOUR, Next::Done).await;
    assert_eq!(identified, Ok(None));
    assert_eq!(waiting(store).await, 0);
    assert_eq!(repeats(store, ANN).await, None);
}

pub async fn a_person_known_anew_takes_the_place_of_the_old_one(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, of_person(&[ANN, ANNS_PHONE])).await;
    let claim = take(store).await.unwrap();
    assert_eq!(identify(store, claim, &[ANN, BOB]).await, None);
    assert_eq!(repeats(store, ANN).await, Some(id));
    assert_eq!(repeats(store, BOB).await, Some(id));
    assert_eq!(repeats(store, ANNS_PHONE).await, None);
}

pub async fn a_lost_claim_identifies_nobody(bench: &mut dyn Bench) {
    let store = bench.store();
    let claim = fetched(store).await;
    let id = claim.lead.id;
    bench.advance(LEASE + SLACK);
    let newer = store.claim(ACCOUNT, Step::Fetch, LEASE).await.unwrap();
    let identified = store.identify(claim, vec![ANN], HOUR, to_book()).await;
    assert_eq!(identified, Err(ClaimError::Lost));
    assert_eq!(
        stored(store, id).await.waits.map(|waits| waits.step),
        Some(Step::Fetch)
    );
    assert_eq!(repeats(store, ANN).await, None);
    assert_eq!(identify(store, newer.unwrap(), &[BOB]).await, None);
}
