//! The only door to iClosed: one budget per account and endpoint, kept in the store.
//!
//! A permit is open from before the first byte leaves until one window after the answer came. At most the budget's
//! number of permits are open at once, so no window of that length at the vendor can hold more requests than that,
//! whatever the latency and whether its window is fixed or slides. A token bucket would not do: burst plus refill is
//! nearly twice the limit in one window. The vendor counts per account, path and verb (www.iclosed.io/api).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tracing::{Instrument, Span};

use crate::iclosed::{CallError, Client, Endpoint};
use crate::lead::Lane;
use crate::queue::{Acquired, Budget, Limit, PermitId, Store, StoreError};
use crate::telemetry::events;
use crate::telemetry::metrics::{self, OpenPermit, PermitWait};

use super::turnstile::Turnstile;

/// How long a permit may be held before its request leaves.
const TO_START: Duration = Duration::from_secs(10);

/// The pause after a request that could not even be sent: the next in line would fail the same way.
const UNREACHABLE_PAUSE: Duration = Duration::from_secs(2);

/// The longest that a refused request waits to learn whether the key is refused.
const LONGEST_PROBE: Duration = Duration::from_secs(5);

/// The pause of the whole account after its key was refused.
const KEY_PAUSE: Duration = Duration::from_secs(60);

/// One account's iClosed client behind its budgets.
pub struct Pace {
    account: String,
    client: Client,
    limit: Limit,
    timeout: Duration,
    store: Arc<dyn Store>,
    gates: HashMap<Endpoint, Turnstile>,
}

/// The right to send one request to one endpoint, soon. Unused, it goes back when dropped.
pub struct Permit {
    endpoint: Endpoint,
    id: PermitId,
    start_by: Instant,
    /// From when to when it was waited for, by the store's clock.
    waited: (Timestamp, Timestamp),
    home: Option<(String, Arc<dyn Store>)>,
    open: Option<OpenPermit>,
}

impl Permit {
    /// The endpoint it is for: verb and path.
    pub fn endpoint(&self) -> &'static str {
        self.endpoint.key()
    }

    /// Whether its request may still leave after so much time.
    pub fn lasts(&self, span: Duration) -> bool {
        Instant::now() + span < self.start_by
    }

    /// From when to when it was waited for, by the store's clock.
    pub fn waited(&self) -> (Timestamp, Timestamp) {
        self.waited
    }
}

impl Pace {
    /// Paces `client` for `account`. `timeout` is the client's for one whole request.
    pub fn new(
        account: &str,
        client: Client,
        limit: Limit,
        timeout: Duration,
        store: Arc<dyn Store>,
    ) -> Self {
        let endpoints = Endpoint::ALL.into_iter().map(Endpoint::key);
        metrics::account_known(account, limit.requests, endpoints);
        let gates = Endpoint::ALL
            .into_iter()
            .map(|endpoint| (endpoint, Turnstile::default()))
            .collect();
        Self {
            account: account.to_owned(),
            client,
            limit,
            timeout,
            store,
            gates,
        }
    }

    /// The account's name in the settings.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The allowance of each endpoint.
    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// The longest a permitted request can take, from the permit on.
    pub fn longest(&self) -> Duration {
        TO_START + self.timeout
    }

    /// Waits for a permit, behind those who wait already. There is no bound but the caller's.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn permit(&self, endpoint: Endpoint, lane: Lane) -> Result<Permit, StoreError> {
        // A dispatcher waits on behalf of nobody yet: the lead it claims then is told of the wait.
        let span = match Span::current() {
            nobody if nobody.is_none() => nobody,
            _ => tracing::info_span!("permit.wait", endpoint = endpoint.key()),
        };
        let permit = self.permit_in_span(endpoint, lane);
        permit.instrument(span).await
    }

    async fn permit_in_span(&self, endpoint: Endpoint, lane: Lane) -> Result<Permit, StoreError> {
        let asked_at = self.store.now();
        let _wait = PermitWait::begin(&self.account, endpoint.key());
        let _head = match self.gates.get(&endpoint) {
            Some(gate) => Some(gate.pass(lane).await),
            None => None,
        };
        self.open(endpoint, self.limit, asked_at).await
    }

    /// Waits until less than half of the endpoint's permits are open, and takes one. It stands in nobody's way while
    /// it waits, and leaves the other half to those who do not wait for so long.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn spare_permit(&self, endpoint: Endpoint) -> Result<Permit, StoreError> {
        let half = Limit {
            requests: (self.limit.requests / 2).max(1),
            ..self.limit
        };
        self.open(endpoint, half, self.store.now()).await
    }

    async fn open(
        &self,
        endpoint: Endpoint,
        limit: Limit,
        asked_at: Timestamp,
    ) -> Result<Permit, StoreError> {
        let hold = TO_START + self.timeout + self.limit.window;
        loop {
            // Counted from before the store is asked: a process that was stopped while the answer was on its way must
            // not take a permit that has lapsed for a new one.
            let start_by = Instant::now() + TO_START;
            match self
                .store
                .acquire(self.budget(endpoint), limit, hold)
                .await?
            {
                Acquired::Permit(id) => {
                    return Ok(Permit {
                        endpoint,
                        id,
                        start_by,
                        waited: (asked_at, self.store.now()),
                        open: Some(OpenPermit::new(&self.account, endpoint.key())),
                        home: Some((self.account.clone(), Arc::clone(&self.store))),
                    });
                }
                Acquired::NotBefore(wait) => {
                    tokio::time::sleep(wait.max(Duration::from_millis(1))).await
                }
            }
        }
    }

    /// Sends one request under a permit and closes what the answer says must be closed.
    ///
    /// # Errors
    /// The client's; [`CallError::NotSent`] also when the permit was held too long to be used.
    pub async fn send<T>(
        &self,
        permit: Permit,
        request: impl AsyncFnOnce(&Client) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        if Instant::now() >= permit.start_by {
            return Err(CallError::NotSent {
                why: "the permit was held too long before the request".to_owned(),
            });
        }
        let endpoint = permit.endpoint;
        let result = self.exchange(permit, request).await;
        if let Err(CallError::Refused(refusal)) = &result
            && refusal.may_be_the_key()
            && self.is_key_refused().await
        {
            let why = refusal.to_string();
            return Err(CallError::KeyRefused { why });
        }
        self.heed(endpoint, result.as_ref().err()).await;
        result
    }

    async fn exchange<T>(
        &self,
        mut permit: Permit,
        request: impl AsyncFnOnce(&Client) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let endpoint = permit.endpoint;
        // From here on the permit counts, whatever becomes of this task.
        let home = permit.home.take();
        let result = request(&self.client).await;
        let outcome = result.as_ref().err().map_or("ok", CallError::word);
        metrics::asked_iclosed(&self.account, endpoint.key(), outcome);
        if let Err(CallError::NotSent { .. }) = &result {
            permit.home = home;
        } else {
            self.close_after_the_window(permit.open.take());
            self.note_answer(endpoint, permit.id).await;
        }
        result
    }

    /// Asks for nothing of interest, and pauses the account when that is refused too. Where it is not answered in time
    /// the key has the benefit of the doubt: one lead must not stop the account.
    async fn is_key_refused(&self) -> bool {
        let probe = async {
            let endpoint = Endpoint::ContactStage;
            let permit = self.permit(endpoint, Lane::Interactive).await.ok()?;
            let asked = self.exchange(permit, async |client| client.contact_stage().await);
            let error = asked.await.err();
            self.heed(endpoint, error.as_ref()).await;
            error
        };
        let answer = tokio::time::timeout(LONGEST_PROBE, probe).await;
        matches!(answer, Ok(Some(CallError::KeyRefused { .. })))
    }

    /// A permit, then the request.
    ///
    /// # Errors
    /// The client's; a store that cannot give a permit means the request was not sent.
    pub async fn call<T>(
        &self,
        endpoint: Endpoint,
        lane: Lane,
        request: impl AsyncFnOnce(&Client) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let permit = self
            .permit(endpoint, lane)
            .await
            .map_err(|error| CallError::NotSent {
                why: format!("no permit: {error}"),
            })?;
        self.send(permit, request).await
    }

    async fn note_answer(&self, endpoint: Endpoint, id: PermitId) {
        let budget = self.budget(endpoint);
        if let Err(error) = self.store.answered(budget, id, self.limit.window).await {
            // The permit then closes by its own longest time: slower, never too fast.
            events::store_failed("note an answer: its permit closes later", None, &error);
        }
    }

    /// At the vendor the request counts for one window more.
    fn close_after_the_window(&self, open: Option<OpenPermit>) {
        let window = self.limit.window;
        tokio::spawn(async move {
            tokio::time::sleep(window).await;
            drop(open);
        });
    }

    async fn heed(&self, endpoint: Endpoint, error: Option<&CallError>) {
        let closed = match error {
            Some(CallError::Limited {
                retry_after,
                lower_limit,
            }) => {
                let pause = retry_after.unwrap_or(self.limit.window);
                let lower = lower_limit.map(|said| in_our_window(said, self.limit.window));
                tracing::warn!(
                    account = self.account,
                    endpoint = endpoint.key(),
                    pause_seconds = pause.as_secs(),
                    lower,
                    "iClosed says too many requests: the endpoint is closed for all replicas"
                );
                self.store.close(self.budget(endpoint), pause, lower).await
            }
            Some(CallError::NotSent { .. }) => {
                self.store
                    .close(self.budget(endpoint), UNREACHABLE_PAUSE, None)
                    .await
            }
            Some(CallError::KeyRefused { .. }) => {
                tracing::error!(
                    account = self.account,
                    "iClosed refuses the account's key: the account pauses"
                );
                let mut closed = Ok(());
                for endpoint in Endpoint::ALL {
                    closed = closed.and(
                        self.store
                            .close(self.budget(endpoint), KEY_PAUSE, None)
                            .await,
                    );
                }
                closed
            }
            _ => Ok(()),
        };
        if let Err(error) = closed {
            events::store_failed("close an endpoint", None, &error);
        }
    }

    fn budget(&self, endpoint: Endpoint) -> Budget<'_> {
        Budget {
            account: &self.account,
            endpoint: endpoint.key(),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some((account, store)) = self.home.take() else {
            return;
        };
        let (endpoint, id) = (self.endpoint, self.id);
        // Without a runtime the program is ending; the permit then closes by its own longest time.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let budget = Budget { account: &account, endpoint: endpoint.key() };
                if let Err(error) = store.give_back(budget, id).await {
                    tracing::debug!(account, %error, "could not give a permit back; it closes later");
                }
            });
        }
    }
}

/// The vendor's limit of so many requests in so many seconds, as requests in our window. Of a window shorter than ours
/// only the number is believed: two sources name windows that differ by a factor of ten.
fn in_our_window((points, window_seconds): (u32, Option<u64>), window: Duration) -> u32 {
    let theirs = Duration::from_secs(window_seconds.unwrap_or(0));
    if theirs <= window {
        return points;
    }
    let scaled = u128::from(points) * window.as_millis() / theirs.as_millis();
    u32::try_from(scaled).unwrap_or(points).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_a_longer_window_is_cut_to_ours_and_never_to_none() {
        for (points, seconds, expected) in [
            (20, None, 20),
            (20, Some(0), 20),
            (20, Some(1), 20),
            (20, Some(10), 20),
            (20, Some(20), 10),
            (20, Some(60), 3),
            (5, Some(3_600), 1),
            (u32::MAX, Some(u64::MAX), 1),
        ] {
            let said = (points, seconds);
            let adopted = in_our_window(said, Duration::from_secs(10));
            assert_eq!(adopted, expected, "{said:?}");
        }
    }
}
