//! One receiver's loop: wait for a due message, build it, post it, and tell the store what came of it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Response, header};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::address::{self, PublicOnly};
use super::message;
use super::schedule::{self, Tried};
use crate::clock::Clock;
use crate::lead::Lead;
use crate::queue::notices::NoticeClaim;
use crate::queue::{ClaimError, Store, StoreError, due};
use crate::retry;
use crate::settings::Receiver;
use crate::telemetry::events;

/// Messages under way to one receiver at the same time.
const AT_ONCE: usize = 4;
/// Beyond the receiver's own time limit: to read the lead and to settle.
const LEASE_MARGIN: Duration = Duration::from_secs(15);
/// For the connection, inside the receiver's time limit.
const CONNECT: Duration = Duration::from_secs(10);
/// The most of an answer's body that is read, so that the connection can be used again. It says nothing to us.
const LARGEST_ANSWER: usize = 64 * 1024;
/// The pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// How long what is under way may still take when the program stops. A receiver that hangs must not hold the stop up,
/// and what is cut short is sent again under the same id.
const STOP_GRACE: Duration = Duration::from_secs(3);
/// Who is calling.
const USER_AGENT: &str = concat!("leadgate/", env!("CARGO_PKG_VERSION"));

/// Sends to one receiver.
pub struct Sender {
    name: String,
    receiver: Receiver,
    keys: Vec<Vec<u8>>,
    client: Client,
    store: Arc<dyn Store>,
    clock: Clock,
}

impl Sender {
    /// With a client of its own: what it is told to ask is what it asks, no proxy and no redirect between.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(
        name: &str,
        receiver: &Receiver,
        store: Arc<dyn Store>,
        clock: Clock,
    ) -> Result<Self, reqwest::Error> {
        let mut client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .timeout(receiver.timeout)
            .user_agent(USER_AGENT);
        if !receiver.allow_private {
            client = client.dns_resolver(Arc::new(PublicOnly));
        }
        let keys = receiver.secrets.iter().map(|key| key.bytes()).collect();
        Ok(Self {
            name: name.to_owned(),
            receiver: receiver.clone(),
            keys,
            client: client.build()?,
            store,
            clock,
        })
    }

    /// Sends until `stop`, and ends what is under way soon after it.
    pub async fn run(self: Arc<Self>, stop: CancellationToken, work: TaskTracker) {
        let sending = Arc::clone(&self).send(&stop, &work);
        stop.run_until_cancelled(sending).await;
    }

    async fn send(self: Arc<Self>, stop: &CancellationToken, work: &TaskTracker) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        // The semaphore is never closed.
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            match self.next().await {
                Ok(Some(claim)) => {
                    let (this, stop) = (Arc::clone(&self), stop.clone());
                    work.spawn(async move {
                        let too_late = async {
                            stop.cancelled().await;
                            tokio::time::sleep(STOP_GRACE).await;
                        };
                        tokio::select! {
                            () = this.deliver(claim) => {}
                            () = too_late => {}
                        }
                        drop(place);
                    });
                }
                Ok(None) => {}
                Err(error) => {
                    events::store_failed("hand out messages", None, &error);
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    async fn next(&self) -> Result<Option<NoticeClaim>, StoreError> {
        due::wait_for_notice(&*self.store, &self.name).await?;
        let lease = self.receiver.timeout + LEASE_MARGIN;
        self.store.claim_notice(&self.name, lease).await
    }

    async fn deliver(&self, claim: NoticeClaim) {
        let lead = match self.store.get(claim.notice.lead).await {
            Ok(stored) => stored.map(|stored| stored.lead),
            // The receiver learns at least which lead it is.
            Err(StoreError::Unreadable(_)) => None,
            Err(error) => {
                let doing = "read a lead to tell of: it is told when its lease lapses";
                events::store_failed(doing, Some(claim.notice.lead), &error);
                return;
            }
        };
        let tried = self.post(&claim, lead.as_ref()).await;
        let delivery = schedule::judge(tried, claim.tries, retry::chance());
        let http = match tried {
            Tried::Answered { status, .. } => Some(status),
            Tried::Unanswered(_) => None,
        };
        events::told(&claim, &delivery, http);
        let id = claim.notice.lead;
        match self.store.settle_notice(claim, delivery).await {
            // Lost: somebody else sends it again, and its receiver knows it by its id.
            Ok(()) | Err(ClaimError::Lost) => {}
            Err(ClaimError::Store(error)) => {
                let doing = "settle a message: it is sent again when its lease lapses";
                events::store_failed(doing, Some(id), &error);
            }
        }
    }

    async fn post(&self, claim: &NoticeClaim, lead: Option<&Lead>) -> Tried {
        if !self.receiver.allow_private && address::names_private(&self.receiver.url) {
            return Tried::Unanswered("address_refused");
        }
        let now = self.clock.now();
        let (id, seconds) = (claim.notice.id.to_string(), now.as_second());
        let body = message::body(claim, lead);
        let Some(signatures) = message::signatures(&self.keys, &id, seconds, &body) else {
            return Tried::Unanswered("key_unusable");
        };
        let sent = self
            .client
            .post(self.receiver.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signatures)
            .body(body)
            .send()
            .await;
        match sent {
            Ok(response) => {
                let retry_after = response.headers().get(header::RETRY_AFTER);
                let retry_after = retry_after
                    .and_then(|value| value.to_str().ok())
                    .and_then(|value| schedule::retry_after(value, now));
                let status = response.status().as_u16();
                drain(response).await;
                Tried::Answered {
                    status,
                    retry_after,
                }
            }
            Err(error) => Tried::Unanswered(why(&error)),
        }
    }
}

/// Reads a bearable body to its end. How that goes changes nothing: the status has been said.
async fn drain(mut response: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > LARGEST_ANSWER {
            return;
        }
    }
}

/// Why there was no answer, as a stable word.
fn why(error: &reqwest::Error) -> &'static str {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(one) = cause {
        if one.is::<address::Refused>() {
            return "address_refused";
        }
        cause = one.source();
    }
    match error {
        error if error.is_timeout() => "timeout",
        error if error.is_connect() => "no_connection",
        _ => "connection_broke",
    }
}
