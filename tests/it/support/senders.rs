//! Senders that take care: again, with the same key, at the next gateway, until there is an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use reqwest::Client;
use serde_json::Value;

use super::gateway::client;
use super::leads::{Answer, lead};
use super::{Gateway, wait_for};

/// A sender gives an answer up after so long and asks elsewhere.
const PATIENCE: Duration = Duration::from_secs(2);

/// The pause before the next try.
const PAUSE: Duration = Duration::from_millis(20);

/// Longer than any trouble a test makes.
const TROUBLE: Duration = Duration::from_secs(60);

/// Everybody who sends leads to these gateways; nobody knows which of them live. Clones share the count.
#[derive(Clone)]
pub struct Senders {
    client: Client,
    urls: Arc<[String]>,
    acknowledged: Arc<AtomicUsize>,
}

impl Senders {
    /// To these, also after they were killed and started again.
    pub fn to<'a>(gateways: impl IntoIterator<Item = &'a Gateway>) -> Self {
        let path = "/v1/sources/landing/leads";
        Self {
            client: client(),
            urls: gateways
                .into_iter()
                .map(|gateway| gateway.url(path))
                .collect(),
            acknowledged: Arc::default(),
        }
    }

    /// Delivers one lead, first to the `first`-th gateway.
    pub async fn deliver(&self, first: usize, key: &str, lead: &Value) -> Answer {
        for url in self.urls.iter().cycle().skip(first % self.urls.len()) {
            let request = self.client.post(url).timeout(PATIENCE).json(lead);
            if let Ok(response) = request.header("Idempotency-Key", key).send().await {
                let answer = Answer::of(response).await;
                let again = matches!(answer.http, 408 | 429 | 500..);
                // The process may die between the head and the body: then nobody was told the id.
                if !again && !answer.body.is_null() {
                    self.acknowledged.fetch_add(1, Ordering::SeqCst);
                    return answer;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        unreachable!("the gateways are asked in turn for ever")
    }

    /// Delivers as many leads as there are `numbers`, so many at once; each number first to another gateway. The ids,
    /// in no order.
    pub async fn deliver_all(
        &self,
        numbers: impl IntoIterator<Item = usize>,
        at_once: usize,
    ) -> Vec<String> {
        stream::iter(numbers)
            .map(async |number| {
                let key = format!("lead-{number}");
                let answer = self.deliver(number, &key, &lead(number)).await;
                // 201: the call was booked before the repeat that was answered.
                assert!(matches!(answer.http, 201 | 202), "{answer:?}");
                answer.id().to_owned()
            })
            .buffer_unordered(at_once)
            .collect()
            .await
    }

    /// Waits until so many deliveries were answered.
    pub async fn acknowledged(&self, enough: usize) {
        let what = format!("{enough} leads to be taken");
        wait_for(&what, TROUBLE, async || {
            (self.acknowledged.load(Ordering::SeqCst) >= enough).then_some(())
        })
        .await;
    }
}
