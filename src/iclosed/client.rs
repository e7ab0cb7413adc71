//! The HTTP client: one method for each endpoint, one request for each call.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use tracing::Instrument;

use super::answer::{self, Availability, CreatedCall, EventDetail, ListedContact, Qualification};
use super::calls::{self, ListedCall};
use super::endpoint::Endpoint;
use super::error::{CallError, header_wait, judge, lost};
use super::read;
use super::refusal::RefusalKind;
use super::wire::{CallCancel, CallQuery, EventDates, InviteeAnswers, NewCall, NewContact};
use crate::telemetry::{self, Exchange};

/// The most of an answer that is read; the vendor documents no bound.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// The longest a connection may take to come up.
const LONGEST_CONNECT: Duration = Duration::from_secs(5);

/// How long a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(30);

/// What every key begins with (www.iclosed.io/api).
const KEY_PREFIX: &str = "iclosed_";

/// How to reach one account.
pub struct Options {
    /// `https://public.api.iclosed.io`. Plain `http` only to this very machine.
    pub base_url: String,
    /// Begins with `iclosed_`; blanks around it are dropped.
    pub api_key: SecretString,
    /// For one whole request, from connecting to the answer's last byte.
    pub timeout: Duration,
    /// Texts that tell what a refusal is about, looked for before those known here, whatever the case.
    pub refusal_rules: Vec<(String, RefusalKind)>,
}

/// Why there is no client.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// Not an address of a server.
    #[error("the base URL must be https://host[/path], without user, query or fragment")]
    BaseUrl,
    /// The key would travel for everybody to read.
    #[error(
        "the base URL must be https beyond a private network, for the key travels with every request"
    )]
    Unencrypted,
    /// Not a key.
    #[error("the API key must begin with iclosed_ and hold visible ASCII only")]
    Key,
    /// TLS could not be set up.
    #[error("no HTTP client: {0}")]
    Http(String),
}

/// iClosed's API as one account sees it. Clones share their connections.
///
/// Every method sends one request and fails with a [`CallError`], which tells what to do next.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: Arc<str>,
    host: Arc<str>,
    refusal_rules: Arc<[(String, RefusalKind)]>,
}

impl Client {
    /// A client; nothing is sent yet. The process must have a default TLS provider.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn new(options: Options) -> Result<Self, BuildError> {
        let base_url = base_url(&options.base_url)?;
        let url = Url::parse(&base_url).map_err(|_| BuildError::BaseUrl)?;
        let host = url.host_str().unwrap_or_default();
        let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization(&options.api_key)?)]);
        let http = reqwest::Client::builder()
            .user_agent(concat!("leadgate/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(options.timeout.min(LONGEST_CONNECT))
            .timeout(options.timeout)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true)
            .gzip(true)
            .build()
            .map_err(|error| BuildError::Http(error.without_url().to_string()))?;
        Ok(Self {
            http,
            host: host.into(),
            base_url: base_url.into(),
            refusal_rules: options.refusal_rules.into(),
        })
    }

    /// The open slots of an event, asked for in UTC.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn event_dates(&self, asked: &EventDates) -> Result<Availability, CallError> {
        answer::availability(&self.write(Endpoint::EventDates, &asked.body()).await?)
    }

    /// Books a call. Not idempotent: after [`CallError::Unknown`] look the call up before asking again.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn create_call(&self, call: &NewCall) -> Result<CreatedCall, CallError> {
        answer::created_call(&self.write(Endpoint::CreateCall, call).await?)
    }

    /// Calls a call off. Whether that may be repeated is not documented: look at the call first.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn cancel_call(&self, cancel: &CallCancel) -> Result<(), CallError> {
        answer::call_cancelled(&self.write(Endpoint::CancelCall, cancel).await?)
    }

    /// The newest 100 calls that the query fits, past and cancelled ones too.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn find_calls(&self, query: &CallQuery) -> Result<Vec<ListedCall>, CallError> {
        calls::calls(&self.get(Endpoint::ListCalls, &query.pairs()).await?)
    }

    /// The first 100 contacts with `text` in their name, address or phone. A broad match: compare afterwards.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn search_contacts(&self, text: &str) -> Result<Vec<ListedContact>, CallError> {
        let query = [("search", text), ("limit", "100"), ("page", "0")];
        answer::contacts(&self.get(Endpoint::SearchContacts, &query).await?)
    }

    /// Makes a contact and returns its id. Whether a repeat makes a second one is not documented: search first.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn create_contact(&self, contact: &NewContact) -> Result<i64, CallError> {
        answer::contact_id(&self.write(Endpoint::CreateContact, contact).await?)
    }

    /// Saves a contact's answers and returns what the event's rules make of them.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn invitee_answers(
        &self,
        answers: &InviteeAnswers,
    ) -> Result<Qualification, CallError> {
        answer::qualification(
            &self
                .write(Endpoint::InviteeAnswers, &answers.body())
                .await?,
        )
    }

    /// One event's status and questions.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn event_detail(&self, link_prefix: &str) -> Result<EventDetail, CallError> {
        let query = [("linkPrefix", link_prefix)];
        answer::event_detail(&self.get(Endpoint::EventDetail, &query).await?)
    }

    /// Asks for nothing of interest, to learn whether the key is good.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn contact_stage(&self) -> Result<(), CallError> {
        self.get(Endpoint::ContactStage, &()).await.map(drop)
    }

    async fn get(&self, endpoint: Endpoint, query: &impl Serialize) -> Result<Value, CallError> {
        self.send(endpoint, self.request(endpoint).query(query))
            .await
    }

    async fn write(&self, endpoint: Endpoint, body: &impl Serialize) -> Result<Value, CallError> {
        self.send(endpoint, self.request(endpoint).json(body)).await
    }

    fn request(&self, endpoint: Endpoint) -> RequestBuilder {
        self.http.request(
            endpoint.method(),
            format!("{}{}", self.base_url, endpoint.path()),
        )
    }

    async fn send(&self, endpoint: Endpoint, request: RequestBuilder) -> Result<Value, CallError> {
        let exchange = Exchange::begin(endpoint.verb(), &self.host, endpoint.path());
        let came = async {
            let mut response = request.send().await?;
            let body = whole(&mut response).await;
            Ok((response.status(), header_wait(response.headers()), body))
        };
        let (status, wait, body) = match came.instrument(exchange.span()).await {
            Ok(came) => came,
            Err(error) => {
                exchange.lost(telemetry::why_lost(&error));
                return Err(lost(error));
            }
        };
        exchange.answered(status.as_u16());
        if !status.is_success() {
            // The status alone says enough when the rest did not come.
            let body = body.unwrap_or_default();
            return Err(judge(
                endpoint,
                status.as_u16(),
                wait,
                &body,
                &self.refusal_rules,
            ));
        }
        read::json(&body?).ok_or_else(|| CallError::unknown("the answer is not JSON"))
    }
}

async fn whole(response: &mut Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    // Whatever fails from here on, the request has left.
    while let Some(chunk) = response.chunk().await.map_err(|error| match lost(error) {
        CallError::NotSent { why } => CallError::Unknown { why },
        other => other,
    })? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(CallError::unknown("the answer is larger than 4 MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The base without slashes at its end.
fn base_url(text: &str) -> Result<String, BuildError> {
    let url = Url::parse(text.trim()).map_err(|_| BuildError::BaseUrl)?;
    let host = url.host_str().ok_or(BuildError::BaseUrl)?;
    let is_plain_address = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    match url.scheme() {
        "https" | "http" if !is_plain_address => Err(BuildError::BaseUrl),
        "http" if !is_near(host) => Err(BuildError::Unencrypted),
        "https" | "http" => Ok(url.as_str().trim_end_matches('/').to_owned()),
        _ => Err(BuildError::BaseUrl),
    }
}

/// This machine, or a name without a dot, which only a private network resolves (compose's own, say).
fn is_near(host: &str) -> bool {
    is_loopback(host) || !host.contains(['.', ':'])
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn authorization(key: &SecretString) -> Result<HeaderValue, BuildError> {
    let key = key.expose_secret().trim();
    let is_key = key.len() > KEY_PREFIX.len()
        && key.starts_with(KEY_PREFIX)
        && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_key {
        return Err(BuildError::Key);
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| BuildError::Key)?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("base_url", &self.base_url)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_unencrypted() {
        for (text, expected) in [
            (
                "https://public.api.iclosed.io",
                Ok("https://public.api.iclosed.io"),
            ),
            (
                " https://public.api.iclosed.io// ",
                Ok("https://public.api.iclosed.io"),
            ),
            (
                "https://proxy.example/iclosed/",
                Ok("https://proxy.example/iclosed"),
            ),
            ("http://127.0.0.1:9", Ok("http://127.0.0.1:9")),
            ("http://127.8.8.8:9/", Ok("http://127.8.8.8:9")),
            ("http://[::1]:9", Ok("http://[::1]:9")),
            ("http://localhost:9", Ok("http://localhost:9")),
            ("http://sandbox:9090", Ok("http://sandbox:9090")),
            ("http://public.api.iclosed.io", Err(BuildError::Unencrypted)),
            ("http://localhost.example", Err(BuildError::Unencrypted)),
            ("http://10.0.0.1", Err(BuildError::Unencrypted)),
            ("http://0.0.0.0", Err(BuildError::Unencrypted)),
            ("https://kim:pw@iclosed.example", Err(BuildError::BaseUrl)),
            ("https://iclosed.example/?a=b", Err(BuildError::BaseUrl)),
            ("https://iclosed.example/#a", Err(BuildError::BaseUrl)),
            ("ftp://127.0.0.1", Err(BuildError::BaseUrl)),
            ("public.api.iclosed.io", Err(BuildError::BaseUrl)),
            ("", Err(BuildError::BaseUrl)),
        ] {
            assert_eq!(base_url(text), expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn a_key_has_the_prefix_the_wire_asks_for() {
        for (key, expected) in [
            ("iclosed_abc", true),
            ("  iclosed_abc\n", true),
            ("iclosed_", false),
            ("iclosed-abc", false),
            ("Bearer iclosed_abc", false),
            ("iclosed_a c", false),
            ("iclosed_a\u{e6}", false),
            ("", false),
        ] {
            let value = authorization(&SecretString::from(key));
            assert_eq!(value.is_ok(), expected, "{key}");
            if let Ok(value) = value {
                assert!(value.is_sensitive());
                assert_eq!(value, "Bearer iclosed_abc");
            }
        }
    }
}
