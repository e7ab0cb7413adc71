//! Between acceptance and booking, for platforms that send only ids: fetch the lead, and let it go on.
//!
//! The notice is on disk before anything is fetched, so nothing is lost while the platform is away, and a crash
//! fetches again. Knows the platforms only by their [`Fetcher`](crate::sources::Fetcher), and no iClosed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::intake::person::Hasher;
use crate::intake::person_window;
use crate::intake::platform::{self, Around};
use crate::lead::{Lead, Reason, ReasonCode, Status, Step};
use crate::queue::{Claim, ClaimError, Hold, Next, Store, StoreError, Switches, due, switches};
use crate::retry;
use crate::settings::{Settings, SourceKind};
use crate::sources::{Entry, Fetch, FetchError};
use crate::telemetry::{self, events};

/// Fetches of one account at the same time: platforms throttle by their own rules and say so.
const AT_ONCE: usize = 8;

/// Longer than any fetch takes: two requests of at most 20 s, and room to settle.
const LEASE: Duration = Duration::from_secs(60);

/// The pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Fetches the leads of every account.
pub struct Fetching {
    /// Where the leads are.
    pub store: Arc<dyn Store>,
    /// What rests.
    pub switches: Arc<Switches>,
    /// Digests under the store's key.
    pub hasher: Hasher,
    /// Who delivers, and how it is asked.
    pub settings: Arc<Settings>,
    /// Follows no redirects: what it is told to ask is what it asks.
    pub http: reqwest::Client,
}

impl Fetching {
    /// Starts one loop per account: notices may wait of a source that is no longer in the settings, and they end where
    /// a person sees them. Work that is cut short comes back when its lease lapses.
    pub fn start(self: Arc<Self>, stop: &CancellationToken, work: &TaskTracker) {
        for account in self.settings.accounts.keys() {
            let account = account.clone();
            let (this, stop, work) = (Arc::clone(&self), stop.clone(), work.clone());
            tokio::spawn(async move {
                stop.run_until_cancelled(this.run(&account, &work)).await;
            });
        }
    }

    async fn run(self: Arc<Self>, account: &str, work: &TaskTracker) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        // The semaphore is never closed.
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            match self.next(account).await {
                Ok(Some(claim)) => {
                    let this = Arc::clone(&self);
                    work.spawn(async move {
                        this.work(claim).await;
                        drop(place);
                    });
                }
                Ok(None) => {}
                Err(error) => {
                    events::store_failed("hand out work", None, &error);
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    async fn next(&self, account: &str) -> Result<Option<Claim>, StoreError> {
        due::wait_for_due(&*self.store, account, Step::Fetch).await?;
        let claim = self.store.claim(account, Step::Fetch, LEASE).await?;
        let Some(claim) = claim else { return Ok(None) };
        match self.switches.source(&claim.lead.source) {
            Some(paused) => {
                switches::put_off(&*self.store, claim, &paused, retry::chance()).await?;
                Ok(None)
            }
            None => Ok(Some(claim)),
        }
    }

    async fn work(&self, claim: Claim) {
        telemetry::claimed(&claim, self.store.now());
        let span = tracing::info_span!(
            "lead.work", otel.name = claim.step.as_str(), lead.id = %claim.lead.id,
            lead.source = claim.lead.source, step = claim.step.as_str()
        );
        telemetry::join_trace(&span, claim.lead.trace.as_deref());
        self.work_in_span(claim).instrument(span).await;
    }

    async fn work_in_span(&self, claim: Claim) {
        let id = claim.lead.id;
        let settled = match self.fetched(&claim.lead).await {
            Ok(entry) => self.fill(claim, entry).await,
            Err(error) => self.put_off(claim, &error).await,
        };
        if let Err(error) = settled {
            tracing::warn!(lead.id = %id, %error, "a fetched lead could not be settled; it is fetched again when its lease lapses");
        }
    }

    async fn fetched(&self, lead: &Lead) -> Result<Entry, FetchError> {
        let refused = |why: &str| FetchError::Forbidden {
            why: why.to_owned(),
        };
        let source = self.settings.sources.get(&lead.source);
        let Some(SourceKind::Platform(of)) = source.map(|source| &source.kind) else {
            return Err(refused("the lead's source left the settings"));
        };
        let fetcher = of
            .kind
            .fetcher()
            .ok_or_else(|| refused("the lead's source is of another kind now"))?;
        let fetch: Fetch = lead
            .to_fetch
            .clone()
            .and_then(|notice| serde_json::from_value(notice).ok())
            .ok_or_else(|| refused("the notice cannot be read"))?;
        fetcher.fetch(&self.http, &fetch, &of.own).await
    }

    async fn fill(&self, mut claim: Claim, entry: Entry) -> Result<(), ClaimError> {
        let Some(source) = self.settings.sources.get(&claim.lead.source) else {
            return Err(ClaimError::Lost);
        };
        let around = Around {
            store: &*self.store,
            hasher: &self.hasher,
            max_waiting: u64::MAX,
            source,
            trace: None,
        };
        let before = claim.lead.status;
        let Ok(completed) = platform::complete(around, &mut claim.lead, entry) else {
            return Err(ClaimError::Lost);
        };
        let next = completed.next.map_or(Next::Done, |step| Next::After {
            step,
            delay: Duration::ZERO,
        });
        events::worked(&claim.lead, before, Step::Fetch, next);
        let window = person_window(source);
        let id = claim.lead.id;
        let first = self
            .store
            .identify(claim, completed.person, window, next)
            .await?;
        if let Some(first) = first {
            events::repeats(id, &source.name, first);
        }
        Ok(())
    }

    async fn put_off(&self, mut claim: Claim, error: &FetchError) -> Result<(), ClaimError> {
        let now = self.store.now();
        let before = claim.lead.status;
        let next = postpone(&mut claim.lead, error, now, retry::chance());
        events::worked(&claim.lead, before, Step::Fetch, next);
        self.store.settle(claim, next, Hold::Keep).await
    }
}

/// What a failed fetch makes of a lead: another try, or a named end that a person can mend.
fn postpone(lead: &mut Lead, error: &FetchError, now: jiff::Timestamp, chance: f64) -> Next {
    let step = Step::Fetch.as_str();
    let why = error.to_string();
    let code = match error {
        FetchError::Later { delay, .. } if lead.progress.failures < retry::MOST_FAILURES => {
            lead.progress.failures += 1;
            lead.note_once(now, step, "later", why);
            let delay = delay.unwrap_or_else(|| retry::backoff(lead.progress.failures, chance));
            return Next::After {
                step: Step::Fetch,
                delay,
            };
        }
        FetchError::Later { .. } => ReasonCode::AttemptsSpent,
        FetchError::Forbidden { .. } => ReasonCode::FetchRefused,
        FetchError::Gone { .. } => ReasonCode::FetchNotFound,
    };
    lead.status = Status::Parked;
    lead.reason = Some(Reason {
        code,
        detail: why.clone(),
    });
    lead.note(now, step, "parked", Some(why));
    Next::Done
}
