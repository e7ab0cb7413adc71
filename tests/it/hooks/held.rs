//! A nudge that meets a worker, and a question that meets a full budget.

use std::sync::Arc;
use std::time::Duration;

use leadgate::booking::lookup::{Asker, Event, Lookup, LookupError};
use leadgate::booking::nudge::{Nudged, nudge};
use leadgate::booking::pace::Pace;
use leadgate::clock::Clock;
use leadgate::iclosed::{self, Client, Endpoint, Hook, HookKind};
use leadgate::lead::{Lane, Lead, LeadId, Status, Step};
use leadgate::queue::embedded::{Embedded, Options};
use leadgate::queue::{Acceptance, Claim, Hold, Limit, Next, Store};
use secrecy::SecretString;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

const LEASE: Duration = Duration::from_secs(60);
/// Enough for a nudge to come to its end if it does not wait.
const MOMENT: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(20);

struct Kept {
    _folder: TempDir,
    clock: Clock,
    store: Arc<dyn Store>,
}

fn kept() -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual("2026-09-01T08:00:00Z".parse().unwrap());
    let options = Options {
        folder: folder.path().to_owned(),
        max_megabytes: None,
        clock: clock.clone(),
    };
    let store = Arc::new(Embedded::open(options).unwrap());
    Kept {
        _folder: folder,
        clock,
        store,
    }
}

impl Kept {
    /// A lead that waits to be booked.
    async fn lead(&self) -> LeadId {
        let lead: Lead = serde_json::from_value(json!({
            "id": LeadId::random().unwrap(), "account": "main", "source": "web", "linkPrefix": "ann/intro",
            "lane": "normal", "receivedAt": "2026-09-01T08:00:00Z", "status": "queued", "contact": {},
            "slot": "nearest",
        }))
        .unwrap();
        let id = lead.id;
        let acceptance = Acceptance {
            lead: lead.into(),
            first: Some(Step::Book),
            idempotency: None,
            person: Vec::new(),
            person_window: LEASE,
            max_waiting: 10,
        };
        self.store.accept(acceptance).await.unwrap();
        id
    }

    async fn take(&self, step: Step) -> Claim {
        self.store
            .claim("main", step, LEASE)
            .await
            .unwrap()
            .unwrap()
    }

    async fn book(&self, mut claim: Claim) {
        claim.lead.status = Status::Booked;
        claim.lead.booking = serde_json::from_value(json!({
            "eventCallId": 7, "startTime": "2026-12-01T15:00:00Z", "timeZone": "Europe/Oslo",
        }))
        .unwrap();
        self.settle(claim).await;
    }

    async fn settle(&self, claim: Claim) {
        self.store
            .settle(claim, Next::Done, Hold::Keep)
            .await
            .unwrap();
    }

    async fn told(&self, id: LeadId, patience: Duration) -> Nudged {
        let hook = Hook {
            kind: HookKind::Cancelled,
            call_id: Some(7),
            email: None,
            phone: None,
        };
        nudge(&*self.store, id, &hook, Instant::now() + patience)
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nudge_for_a_lead_in_a_workers_hands_is_taken_up_after_the_worker() {
    let kept = kept();
    let id = kept.lead().await;
    let claim = kept.take(Step::Book).await;
    let mut told = std::pin::pin!(kept.told(id, LONG));
    assert!(
        timeout(MOMENT, &mut told).await.is_err(),
        "the worker may be about to book"
    );
    kept.book(claim).await;
    assert_eq!(told.await, Nudged::Due);
    let claim = kept.take(Step::Confirm).await;
    assert_eq!((claim.lead.id, claim.lead.status), (id, Status::Booked));

    // Its question may have been answered before what this one is about.
    let mut told = std::pin::pin!(kept.told(id, LONG));
    assert!(timeout(MOMENT, &mut told).await.is_err());
    let mut claim = claim;
    claim.lead.progress.confirmation.asked_at = Some(kept.store.now());
    kept.settle(claim).await;
    assert_eq!(told.await, Nudged::Due);
    let due = kept
        .store
        .next_due("main", Step::Confirm)
        .await
        .unwrap()
        .unwrap();
    assert!(due > Duration::from_secs(25), "{due:?}");
    assert_eq!(
        kept.told(id, LONG).await,
        Nudged::Nothing,
        "one waits already"
    );
    kept.clock.advance(Duration::from_secs(30));
    assert_eq!(kept.take(Step::Confirm).await.lead.id, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nudge_that_waited_long_enough_is_handed_back() {
    let kept = kept();
    let id = kept.lead().await;
    let claim = kept.take(Step::Book).await;
    assert_eq!(kept.told(id, MOMENT).await, Nudged::Busy);
    kept.book(claim).await;
    assert_eq!(kept.told(id, MOMENT).await, Nudged::Due);
}

/// Permits for four requests at once, to a server that is not there.
fn four_permits() -> (TempDir, Pace, Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(
        Embedded::open(Options {
            folder: folder.path().to_owned(),
            max_megabytes: None,
            clock: Clock::system(),
        })
        .unwrap(),
    );
    let client = Client::new(iclosed::Options {
        base_url: "http://127.0.0.1:1".to_owned(),
        api_key: SecretString::from("iclosed_test"),
        timeout: LONG,
        refusal_rules: Vec::new(),
    })
    .unwrap();
    let limit = Limit {
        requests: 4,
        window: Duration::from_secs(1),
    };
    let pace = Pace::new("main", client, limit, LONG, Arc::clone(&store));
    (folder, pace, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_leave_half_of_the_budget_to_lost_answers() {
    let (_folder, pace, _) = four_permits();
    let calls = Endpoint::ListCalls;
    let first = pace.spare_permit(calls).await.unwrap();
    let second = pace.spare_permit(calls).await.unwrap();
    assert!(timeout(MOMENT, pace.spare_permit(calls)).await.is_err());
    let mut others = Vec::new();
    for _ in 0..2 {
        let permit = timeout(MOMENT, pace.permit(calls, Lane::Normal)).await;
        others.push(permit.unwrap().unwrap());
    }
    drop((first, second));
    assert!(
        timeout(MOMENT, pace.spare_permit(calls)).await.is_err(),
        "half is taken"
    );
    others.clear();
    let spare = timeout(LONG, pace.spare_permit(calls)).await;
    assert!(spare.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_who_asks_for_free_times_keeps_no_lead_waiting() {
    let (_folder, pace, store) = four_permits();
    let pace = Arc::new(pace);
    let lookup = Lookup::new(Arc::clone(&pace), store, MOMENT);
    let event = Event {
        link_prefix: "ann/intro".to_owned(),
        conditional_users: None,
    };
    let day = "2026-09-01T08:00:00Z".parse().unwrap();
    let look = |asker| {
        timeout(
            MOMENT,
            lookup.offer(&event, day, day, None, asker, |_| true),
        )
    };
    let mut taken = Vec::new();
    for _ in 0..2 {
        let permit = pace.permit(Endpoint::EventDates, Lane::Bulk).await;
        taken.push(permit.unwrap());
    }
    let (visitor, lead) = tokio::join!(look(Asker::Visitor), look(Asker::Lead(Lane::Bulk)));
    assert!(visitor.is_err(), "half is taken");
    let nobody_there = lead.unwrap();
    assert!(
        matches!(nobody_there, Err(LookupError::Later(_))),
        "{nobody_there:?}"
    );
}
