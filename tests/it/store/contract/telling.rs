//! What receivers are to be told: written with the lead, handed out one by one, and kept until it is told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use leadgate::lead::{Booking, EventType, MessageId, Status, Step};
use leadgate::queue::notices::{
    Delivery, HASTEN_AFTER, HASTEN_MOST, Notice, NoticeClaim, Subscription,
};
use leadgate::queue::{ClaimError, Next, Store};

use super::*;

const CRM: &str = "crm";
const ADS: &str = "ads";
const FAILED: &str = "http_500";

/// `crm` wants everything, `ads` what was booked of leads of `web`, `other` nothing of these leads.
fn subscribe(store: &Arc<dyn Store>) {
    let one = |receiver: &str, events: &[EventType], sources: Option<&str>| Subscription {
        receiver: receiver.to_owned(),
        events: events.to_vec(),
        sources: sources.map(|source| vec![source.to_owned()]),
    };
    store.subscribe(vec![
        one(CRM, &EventType::ALL, None),
        one(ADS, &[EventType::Booked], Some("web")),
        one("other", &EventType::ALL, Some("elsewhere")),
    ]);
}

async fn next(store: &Arc<dyn Store>, receiver: &str) -> Option<NoticeClaim> {
    store.claim_notice(receiver, LEASE).await.unwrap()
}

async fn deliver(store: &Arc<dyn Store>, claim: NoticeClaim) {
    store.settle_notice(claim, Delivery::Done).await.unwrap();
}

fn put_off(delay: Duration, pause: Option<Duration>) -> Delivery {
    Delivery::PutOff {
        delay,
        counts: true,
        pause,
        failure: FAILED.to_owned(),
    }
}

/// Takes and ends everything that is due.
async fn drain(store: &Arc<dyn Store>, receiver: &str) -> Vec<NoticeClaim> {
    let mut all = Vec::new();
    while let Some(claim) = next(store, receiver).await {
        deliver(store, claim.clone()).await;
        all.push(claim);
    }
    all
}

async fn told(store: &Arc<dyn Store>, receiver: &str) -> Vec<EventType> {
    let claims = drain(store, receiver).await;
    claims.iter().map(|claim| claim.notice.event).collect()
}

async fn waits(store: &Arc<dyn Store>, receiver: &str) -> u64 {
    store.receiver(receiver).await.unwrap().waiting
}

fn booked(lead: &mut Lead, at: &str) {
    lead.status = Status::Booked;
    lead.booking = Some(Booking {
        event_call_id: 7,
        start_time: at.parse().unwrap(),
        end_time: None,
        time_zone: "UTC".to_owned(),
        closer_name: None,
        confirmation_link: None,
        redirect_url: None,
    });
}

pub async fn an_accepted_lead_is_told_to_those_who_asked(bench: &mut dyn Bench) {
    let store = bench.store();
    subscribe(store);
    let wake = store.changes().watch_messages();
    let id = keep(store, acceptance(lead())).await;
    assert!(wake.has_changed().unwrap(), "senders are woken");
    let claim = next(store, CRM).await.unwrap();
    let Notice {
        event,
        lead: of,
        account,
        source,
        status,
        ..
    } = &claim.notice;
    assert_eq!(
        (*event, *of, *status),
        (EventType::Received, id, Status::Queued)
    );
    assert_eq!((account.as_str(), source.as_str()), (ACCOUNT, "web"));
    let age = store.now().duration_since(claim.at).as_secs_f64().abs();
    assert!(age < SLACK.as_secs_f64() && claim.tries == 0, "{age}");
    assert!(next(store, ADS).await.is_none() && next(store, "other").await.is_none());
}

pub async fn nothing_is_kept_where_nobody_asked(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, acceptance(lead())).await;
    end(store, id, Status::Booked, None).await;
    for receiver in [CRM, ADS] {
        assert_eq!(waits(store, receiver).await, 0);
        assert_eq!(store.next_notice(receiver).await.unwrap(), None);
    }
}

pub async fn a_duplicate_is_told_as_one(bench: &mut dyn Bench) {
    let store = bench.store();
    subscribe(store);
    keep(store, of_person(&[[1; 16]])).await;
    assert_eq!(told(store, CRM).await, [EventType::Received]);
    let again = store.accept(of_person(&[[1; 16]])).await.unwrap();
    assert!(matches!(again, Accepted::Duplicate { .. }));
    let events: BTreeSet<EventType> = told(store, CRM).await.into_iter().collect();
    assert_eq!(events, [EventType::Received, EventType::Duplicate].into());
}

pub async fn a_person_known_late_is_told_as_it_ends(bench: &mut dyn Bench) {
    let store = bench.store();
    subscribe(store);
    for expected in [&[][..], &[EventType::Duplicate]] {
        keep(store, acceptance(lead())).await;
        assert_eq!(told(store, CRM).await, [EventType::Received]);
        let claim = take(store).await.unwrap();
        let next = later(Step::Book, DAY);
        let person = vec![[1; 16]];
        store.identify(claim, person, HOUR, next).await.unwrap();
        assert_eq!(told(store, CRM).await, expected);
    }
}

pub async fn what_became_of_a_lead_is_told_once(bench: &mut dyn Bench) {
    let store = bench.store();
    subscribe(store);
    let id = keep(store, acceptance(lead())).await;
    // Put off and taken again: nothing that anybody wants to know.
    let claim = take(store).await.unwrap();
    let next = later(Step::Book, Duration::ZERO);
    store.settle(claim, next, Hold::Keep).await.unwrap();
    let mut claim = take(store).await.unwrap();
    booked(&mut claim.lead, "2031-12-01T10:00:00Z");
    store.settle(claim, Next::Done, Hold::Keep).await.unwrap();
    assert_eq!(
        told(store, CRM).await,
        [EventType::Received, EventType::Booked]
    );
    assert_eq!(told(store, ADS).await, [EventType::Booked]);

    let unchanged = stored(store, id).await;
    assert!(amended(store, unchanged, Next::Done).await);
    let mut moved = stored(store, id).await;
    booked(&mut moved.lead, "2031-12-02T10:00:00Z");
    assert!(amended(store, moved, Next::Done).await);
    let mut cancelled = stored(store, id).await;
    cancelled.lead.status = Status::Cancelled;
    let stale = cancelled.clone();
    assert!(amended(store, cancelled, Next::Done).await);
    assert!(
        !amended(store, stale, Next::Done).await,
        "and tells nothing"
    );
    assert_eq!(
        told(store, CRM).await,
        [EventType::Rescheduled, EventType::Cancelled]
    );
}

pub async fn a_repeated_delivery_tells_nothing(bench: &mut dyn Bench) {
    let store = bench.store();
    subscribe(store);
    keep(store, with_key(1, Some(1))).await;
    assert_eq!(told(store, CRM).await.len(), 1);
    let again = store.accept(with_key(1, Some(1))).await.unwrap();
    assert!(matches!(again, Accepted::Replayed { .. }));
    assert_eq!(waits(store, CRM).await, 0);
}

pub async fn a_message_is_in_one_senders_hands(bench: &mut dyn Bench) {
    let store = bench.store();
    subscribe(store);
    keep(store, acceptance(lead())).await;
    let first = next(store, CRM).await.unwrap();
    assert!(next(store, CRM).await.is_none());
    let wait = store.next_notice(CRM).await.unwrap().unwrap();
    assert!(wait <= LEASE && wait > LEASE - SLACK, "{wait:?}");
    bench.advance(LEASE + SLACK);
    let second = next(store, CRM).await.unwrap();
    assert_eq!(second.notice.id, first.notice.id, "the same in each try");
    let late = store.settle_notice(first.clone(), Delivery::Done).await;
    assert_eq!(late, Err(ClaimError::Lost));
    let late = store
        .settle_notice(first, put_off(Duration::ZERO, None))
        .await;
    assert_eq!(late, Err(ClaimError::Lost));
    deliver(store, second.clone()).await;
    let twice = store.settle_notice(second, Delivery::Done).await;
    assert_eq!(twice, Err(ClaimError::Lost));
    assert_eq!(waits(store, CRM).await, 0);
    assert_eq!(store.next_notice(CRM).await.unwrap(), None);
}

pub async fn a_message_put_off_comes_back_when_it_is_due(bench: &mut dyn Bench) {
    let store = bench.store();
    subscribe(store);
    keep(store, acceptance(lead())).await;
    for tries in 0..3 {
        let claim = next(store, CRM).await.unwrap();
        assert_eq!(claim.tries, tries);
        let later = put_off(HOUR, None);
        store.settle_notice(claim, later).await.unwrap();
        assert!(next(store, CRM).await.is_none());
        let wait = store.next_notice(CRM).await.unwrap().unwrap();
        assert!(wait <= HOUR && wait > HOUR - SLACK, "{wait:?}");
        bench.advance(HOUR);
    }
    let state = store.receiver(CRM).await.unwrap();
    let (at, failure) = state.last_failure.unwrap();
    let since = state.failing_since.unwrap();
    assert_eq!(failure, FAILED);
    assert!(at.duration_since(since).as_secs_f64() >= (HOUR * 2 - SLACK).as_secs_f64());
    let uncounted = Delivery::PutOff {
        delay: Duration::ZERO,
        counts: false,
        pause: None,
        failure: FAILED.to_owned(),
    };
    let claim = next(store, CRM).await.unwrap();
    store.settle_notice(claim, uncounted).await.unwrap();
    assert_eq!(next(store, CRM).await.unwrap().tries, 3);
}

pub async fn a_paused_receiver_is_left_alone_and_no_other(bench: &mut dyn Bench) {
    let store = bench.store();
    subscribe(store);
    for account in ["main", "other"] {
        keep(store, acceptance(lead_in(account, Lane::Normal))).await;
    }
    end_booked(store).await;
    let claim = next(store, CRM).await.unwrap();
    let pause = put_off(Duration::from_secs(5), Some(HOUR));
    store.settle_notice(claim, pause).await.unwrap();
    bench.advance(Duration::from_secs(60));
    assert!(next(store, CRM).await.is_none());
    let wait = store.next_notice(CRM).await.unwrap().unwrap();
    assert!(wait > HOUR / 2, "{wait:?}");
    let state = store.receiver(CRM).await.unwrap();
    assert!(state.paused_until.is_some() && state.closed_at.is_none());
    assert_eq!(told(store, ADS).await, [EventType::Booked]);
    bench.advance(HOUR);
    assert_eq!(told(store, CRM).await.len(), 3);
}

/// Books the lead of [`ACCOUNT`] that waits.
async fn end_booked(store: &Arc<dyn Store>) {
    let mut claim = take(store).await.unwrap();
    booked(&mut claim.lead, "2031-12-01T10:00:00Z");
    store.settle(claim, Next::Done, Hold::Keep).await.unwrap();
}

pub async fn a_closed_receiver_keeps_its_messages_until_it_is_opened(bench: &mut dyn Bench) {
    let store = bench.store();
    subscribe(store);
    keep(store, acceptance(lead())).await;
    let claim = next(store, CRM).await.unwrap();
    let ended = Delivery::Ended {
        failure: "http_410".to_owned(),
    };
    store.settle_notice(claim, ended).await.unwrap();
    end_booked(store).await;
    bench.reopen().await;
    let store = bench.store();
    subscribe(store);
    keep(store, acceptance(lead_in("other", Lane::Normal))).await;
    bench.advance(DAY);
    assert!(next(store, CRM).await.is_none());
    assert_eq!(store.next_notice(CRM).await.unwrap(), None);
    let state = store.receiver(CRM).await.unwrap();
    assert!(state.closed_at.is_some());
    assert_eq!(state.waiting, 3);
    assert_eq!(
        told(store, ADS).await,
        [EventType::Booked],
        "another is open"
    );
    store.reopen_receiver(CRM).await.unwrap();
    assert_eq!(store.receiver(CRM).await.unwrap().closed_at, None);
    let all: BTreeSet<EventType> = told(store, CRM).await.into_iter().collect();
    assert_eq!(all, [EventType::Received, EventType::Booked].into());
    assert_eq!(waits(store, CRM).await, 0);
}

pub async fn a_receiver_that_comes_back_after_long_gets_everything_at_once(bench: &mut dyn Bench) {
    let store = bench.store();
    subscribe(store);
    let many = HASTEN_MOST + 20;
    let notices = (0..many).map(|_| notice(CRM));
    store.tell(notices.collect()).await.unwrap();
    let other = Notice {
        account: "other".to_owned(),
        ..notice(CRM)
    };
    store.tell(vec![other]).await.unwrap();
    while let Some(claim) = next(store, CRM).await {
        let later = put_off(DAY, None);
        store.settle_notice(claim, later).await.unwrap();
    }
    bench.advance(HASTEN_AFTER);
    keep(store, acceptance(lead())).await;
    let (mut told, mut seen, mut seconds) = (0, BTreeSet::new(), 0);
    // They come one after the other and not in one burst.
    while waits(store, CRM).await > 0 {
        while let Some(claim) = next(store, CRM).await {
            seen.insert(claim.notice.id);
            deliver(store, claim).await;
            told += 1;
        }
        bench.advance(Duration::from_secs(1));
        seconds += 1;
        assert!(seconds < 60, "{told} of {many}");
    }
    assert_eq!(told, many as usize + 2);
    assert_eq!(seen.len(), told);
    assert_eq!(store.receiver(CRM).await.unwrap().failing_since, None);
}

pub async fn a_short_failure_brings_nothing_forward(bench: &mut dyn Bench) {
    let store = bench.store();
    subscribe(store);
    store.tell(vec![notice(CRM), notice(CRM)]).await.unwrap();
    let claim = next(store, CRM).await.unwrap();
    let later = put_off(DAY, None);
    store.settle_notice(claim, later).await.unwrap();
    bench.advance(HASTEN_AFTER / 2);
    assert_eq!(told(store, CRM).await.len(), 1);
    let state = store.receiver(CRM).await.unwrap();
    assert_eq!((state.waiting, state.failing_since), (1, None));
    let wait = store.next_notice(CRM).await.unwrap().unwrap();
    assert!(wait > DAY / 2, "{wait:?}");
}

/// A message about nobody.
fn notice(receiver: &str) -> Notice {
    Notice::new(receiver, EventType::Booked, &lead(), Status::Booked).unwrap()
}

pub async fn a_replay_tells_again(bench: &mut dyn Bench) {
    let store = bench.store();
    let again = notice("replayed");
    store.tell(vec![again.clone(), notice(CRM)]).await.unwrap();
    let claims = drain(store, "replayed").await;
    assert_eq!(claims.len(), 1);
    assert_eq!(claims[0].notice, again);
}

pub async fn a_waiting_message_can_be_hastened(bench: &mut dyn Bench) {
    let store = bench.store();
    subscribe(store);
    store.tell(vec![notice(CRM)]).await.unwrap();
    let claim = next(store, CRM).await.unwrap();
    let id = claim.notice.id;
    assert!(store.hasten_notice(CRM, id).await.unwrap());
    assert!(next(store, CRM).await.is_none(), "it is under way");
    let later = put_off(DAY, None);
    store.settle_notice(claim, later).await.unwrap();
    assert!(!store.hasten_notice(ADS, id).await.unwrap(), "not its own");
    let nobodys = MessageId::from_bytes([9; 16]);
    assert!(!store.hasten_notice(CRM, nobodys).await.unwrap());
    assert!(next(store, CRM).await.is_none());
    assert!(store.hasten_notice(CRM, id).await.unwrap());
    assert_eq!(next(store, CRM).await.unwrap().notice.id, id);
}

pub async fn what_waits_is_counted_for_each_receiver(bench: &mut dyn Bench) {
    let store = bench.store();
    subscribe(store);
    assert_eq!(store.receiver(CRM).await.unwrap(), Default::default());
    keep(store, acceptance(lead())).await;
    bench.advance(HOUR);
    keep(store, acceptance(lead_in("other", Lane::Normal))).await;
    end_booked(store).await;
    let crm = store.receiver(CRM).await.unwrap();
    let ads = store.receiver(ADS).await.unwrap();
    assert_eq!((crm.waiting, ads.waiting), (3, 1));
    let age = |oldest: Option<jiff::Timestamp>| {
        let age = store.now().duration_since(oldest.unwrap());
        Duration::try_from(age).unwrap_or_default()
    };
    assert!(age(crm.oldest) >= HOUR - SLACK && age(crm.oldest) < HOUR + SLACK);
    assert!(age(ads.oldest) < SLACK);
}

pub async fn what_is_to_be_told_survives_a_restart(bench: &mut dyn Bench) {
    subscribe(bench.store());
    let id = keep(bench.store(), acceptance(lead())).await;
    let held = next(bench.store(), CRM).await.unwrap();
    bench.reopen().await;
    bench.advance(LEASE + SLACK);
    let claims = drain(bench.store(), CRM).await;
    assert_eq!(claims.len(), 1);
    assert_eq!(
        (claims[0].notice.lead, claims[0].notice.id),
        (id, held.notice.id)
    );
}

pub async fn a_message_waits_no_longer_than_leads_are_kept(bench: &mut dyn Bench) {
    let store = bench.store();
    subscribe(store);
    keep(store, acceptance(lead())).await;
    bench.advance(DAY);
    store.tell(vec![notice(CRM), notice("left")]).await.unwrap();
    sweep(store, DAY - SLACK).await;
    assert_eq!(
        (waits(store, CRM).await, waits(store, "left").await),
        (1, 1)
    );
    bench.advance(DAY);
    sweep(store, DAY - SLACK).await;
    assert_eq!(
        (waits(store, CRM).await, waits(store, "left").await),
        (0, 0)
    );
    assert!(next(store, CRM).await.is_none());
}
