//! Outages of hours and days, on the store's clock: the sender runs here, beside a store whose time is moved by hand.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use leadgate::clock::Clock;
use leadgate::lead::{EventType, LeadId, Status};
use leadgate::outbound;
use leadgate::queue::embedded::{Embedded, Options};
use leadgate::queue::redis::{self, Redis};
use leadgate::queue::{Acceptance, Amended, Hold, Next, Store};
use leadgate::settings::{self, SigningKey};
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::receiver::{Answers, NEXT_SECRET, Receiver, SECRET, by_id};
use crate::support::redis_server::RedisServer;
use crate::support::wait_for;

const CRM: &str = "crm";
const HOUR: Duration = Duration::from_secs(3600);
/// Longer than the lease of a message under way, shorter than the second wait of the schedule.
const UNDER_WAY: Duration = Duration::from_secs(60);

/// A store, its time, and the sender beside it.
struct Outbound {
    store: Arc<dyn Store>,
    advance: Box<dyn Fn(Duration) + Send + Sync>,
    work: TaskTracker,
    stop: CancellationToken,
    _folder: Option<TempDir>,
}

impl Drop for Outbound {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Outbound {
    fn embedded(url: &str, allow_private: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual("2026-09-01T08:00:00Z".parse().unwrap());
        let options = Options {
            folder: folder.path().to_owned(),
            max_megabytes: None,
            clock: clock.clone(),
        };
        let store = Arc::new(Embedded::open(options).unwrap());
        let advance = move |by| clock.advance(by);
        Self::start(store, Box::new(advance), url, allow_private, Some(folder))
    }

    async fn redis(server: &RedisServer, url: &str) -> Self {
        let offset = Arc::new(AtomicI64::new(0));
        let options = redis::Options {
            url: server.url(),
            prefix: "outbound".to_owned(),
            allow_eviction: false,
            allow_no_persistence: false,
            offset: Some(Arc::clone(&offset)),
        };
        let store = Arc::new(Redis::open(options).await.unwrap());
        let advance = move |by: Duration| {
            offset.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
        };
        Self::start(store, Box::new(advance), url, true, None)
    }

    fn start(
        store: Arc<dyn Store>,
        advance: Box<dyn Fn(Duration) + Send + Sync>,
        url: &str,
        allow_private: bool,
        folder: Option<TempDir>,
    ) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let key = |text| SigningKey::parse(text).unwrap();
        let receiver = settings::Receiver {
            url: url.parse().unwrap(),
            secrets: vec![key(SECRET), key(NEXT_SECRET)],
            events: EventType::ALL.to_vec(),
            sources: None,
            allow_private,
            timeout: Duration::from_secs(30),
        };
        let receivers = BTreeMap::from([(CRM.to_owned(), receiver)]);
        store.subscribe(outbound::subscriptions(&receivers));
        let (stop, work) = (CancellationToken::new(), TaskTracker::new());
        outbound::start(&store, &receivers, &Clock::system(), &stop, &work).unwrap();
        Self {
            store,
            advance,
            work,
            stop,
            _folder: folder,
        }
    }

    async fn accept(&self) -> LeadId {
        let id = LeadId::random().unwrap();
        let lead = serde_json::from_value(json!({
            "id": id,
            "account": "main",
            "source": "web",
            "linkPrefix": "ann/intro",
            "lane": "normal",
            "receivedAt": self.store.now(),
            "status": "queued",
            "contact": { "email": "lead@example.com" },
            "slot": "nearest",
        }));
        let acceptance = Acceptance {
            lead: Arc::new(lead.unwrap()),
            first: None,
            idempotency: None,
            person: Vec::new(),
            person_window: HOUR,
            max_waiting: 1_000_000,
        };
        self.store.accept(acceptance).await.unwrap();
        id
    }

    /// Moves time on and wakes the sender.
    fn pass(&self, by: Duration) {
        (self.advance)(by);
        self.store.changes().messages();
    }

    async fn next(&self) -> Option<Duration> {
        self.store.next_notice(CRM).await.unwrap()
    }

    /// Waits until nothing is under way or due within the next minute; moves time on where that is all that helps.
    async fn quiet(&self) {
        let mut idle = 0;
        wait_for(
            "the sender to be quiet",
            Duration::from_secs(60),
            async || {
                let soon = self.next().await.filter(|next| *next < UNDER_WAY);
                let Some(soon) = soon else { return Some(()) };
                // Between a claim and the work on it there is nothing to be seen for an instant.
                idle = if soon.is_zero() || !self.work.is_empty() {
                    0
                } else {
                    idle + 1
                };
                if idle == 5 {
                    self.pass(soon);
                    idle = 0;
                }
                None
            },
        )
        .await;
    }
}

/// A receiver is down from before the first message until after the last wait of the schedule.
async fn nothing_is_lost(outbound: &Outbound, crm: &Receiver) {
    const LEADS: usize = 24;
    // At once, and after each of the schedule's waits.
    const TRIES: usize = 10;
    crm.answer(Answers::Status(502));
    let began = outbound.store.now();
    let mut ids = Vec::new();
    for _ in 0..LEADS {
        ids.push(outbound.accept().await.to_string());
    }
    outbound.quiet().await;
    let passed = || outbound.store.now().duration_since(began).as_hours();
    while by_id(&crm.tried()).values().any(|times| *times < TRIES) {
        outbound.pass(HOUR);
        outbound.quiet().await;
        assert!(passed() < 100, "hours for the whole schedule");
    }
    assert!(passed() >= 75, "{} hours", passed());
    let tried = crm.tried();
    assert!(crm.took().is_empty());
    assert!(tried.iter().all(|got| got.verified && got.verified_next));
    let tries = by_id(&tried);
    assert_eq!(tries.len(), LEADS);
    for (id, times) in &tries {
        assert_eq!(*times, TRIES, "{id}");
    }
    let state = outbound.store.receiver(CRM).await.unwrap();
    assert_eq!(state.waiting, LEADS as u64);

    crm.answer(Answers::Status(200));
    let next = outbound.next().await.unwrap();
    assert!(next < Duration::from_secs(27 * 3600), "{next:?}");
    outbound.pass(next);
    crm.until_tried(tried.len() + 1).await;
    // The first one taken brings the others along, one after the other.
    wait_for(
        "everything to be told",
        Duration::from_secs(30),
        async || {
            outbound.pass(Duration::from_millis(20));
            let waiting = outbound.store.receiver(CRM).await.unwrap().waiting;
            (waiting == 0).then_some(())
        },
    )
    .await;
    let took = crm.until_took(LEADS).await;
    let mut told: Vec<&str> = took
        .iter()
        .map(|got| got.body["data"]["leadId"].as_str().unwrap())
        .collect();
    told.sort_unstable();
    ids.sort_unstable();
    assert_eq!(told, ids);
    assert!(
        by_id(&took)
            .iter()
            .all(|(id, times)| *times == 1 && tries.contains_key(id))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_down_for_the_whole_schedule_gets_every_event_once_it_is_back() {
    let crm = Receiver::start();
    nothing_is_lost(&Outbound::embedded(crm.url(), true), &crm).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_down_for_the_whole_schedule_gets_every_event_of_a_shared_store() {
    let (server, crm) = (RedisServer::start(&[]).await, Receiver::start());
    nothing_is_lost(&Outbound::redis(&server, crm.url()).await, &crm).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_says_when_to_come_back_is_left_alone_until_then() {
    let crm = Receiver::start();
    let outbound = Outbound::embedded(crm.url(), true);
    crm.answer(Answers::Later(503, 600));
    outbound.accept().await;
    outbound.quiet().await;
    assert_eq!(crm.tried().len(), 1);
    for _ in 0..10 {
        outbound.accept().await;
    }
    let next = outbound.next().await.unwrap();
    assert_eq!(
        next,
        Duration::from_secs(600),
        "also for messages that were never tried"
    );
    outbound.pass(Duration::from_secs(599));
    assert!(
        outbound
            .store
            .claim_notice(CRM, HOUR)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(crm.tried().len(), 1);
    crm.answer(Answers::Status(200));
    outbound.pass(Duration::from_secs(1));
    crm.until_took(11).await;

    // A date in the far future is not obeyed for longer than an hour.
    crm.answer(Answers::Later(429, 90_000));
    outbound.accept().await;
    outbound.quiet().await;
    let next = outbound.next().await.unwrap();
    assert_eq!(next, HOUR);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_public_is_sent_nothing() {
    let crm = Receiver::start();
    let port = reqwest::Url::parse(crm.url()).unwrap().port().unwrap();
    for host in [
        "localhost".to_owned(),
        Ipv4Addr::LOCALHOST.to_string(),
        "[::ffff:127.0.0.1]".to_owned(),
        "2130706433".to_owned(),
    ] {
        let outbound = Outbound::embedded(&format!("http://{host}:{port}/"), false);
        outbound.accept().await;
        let failure = wait_for("the try to fail", Duration::from_secs(20), async || {
            outbound.store.receiver(CRM).await.unwrap().last_failure
        })
        .await;
        assert_eq!(failure.1, "address_refused", "{host}");
        let state = outbound.store.receiver(CRM).await.unwrap();
        assert_eq!(state.waiting, 1, "{host}");
    }
    assert!(crm.tried().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed_and_counts_as_a_failure() {
    let crm = Receiver::start();
    let outbound = Outbound::embedded(crm.url(), true);
    crm.answer(Answers::Status(307));
    outbound.accept().await;
    outbound.quiet().await;
    let (_, failure) = outbound
        .store
        .receiver(CRM)
        .await
        .unwrap()
        .last_failure
        .unwrap();
    assert_eq!(failure, "http_307");
    let tries = crm.tried().len();
    assert_eq!(tries, 2, "at once and after five seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_lead_that_was_erased_meanwhile_only_words_are_told() {
    let crm = Receiver::start();
    let outbound = Outbound::embedded(crm.url(), true);
    crm.answer(Answers::Status(500));
    let id = outbound.accept().await;
    outbound.quiet().await;
    let mut stored = outbound.store.get(id).await.unwrap().unwrap();
    stored.lead.status = Status::Erased;
    let amended = outbound.store.amend(stored, Next::Done, Hold::Keep).await;
    assert_eq!(amended, Ok(Amended::Done));
    // A message under way would come twice if its lease lapsed.
    outbound.quiet().await;
    crm.answer(Answers::Status(200));
    outbound.pass(HOUR);
    let took = crm.until_took(2).await;
    let mut events: Vec<&str> = took.iter().map(|got| got.event()).collect();
    events.sort_unstable();
    assert_eq!(events, ["lead.erased", "lead.received"]);
    for got in &took {
        let words = json!({
            "leadId": id, "source": "web", "account": "main", "status": "erased",
        });
        assert_eq!(got.body["data"], words, "{}", got.event());
    }
}
