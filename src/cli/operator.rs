//! The commands' one way to a running gateway: where it is, who asks, and what its answers mean.
//!
//! Settings name the address and the key; `LEADGATE_URL` and `LEADGATE_OPERATOR_KEY` do without settings, so that a
//! command can be run from another machine. The key goes into a header and is shown nowhere.

mod failure;

use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Config;
use super::voice::Why;
use failure::pause;

pub use failure::{Failure, Refusal};

/// One answer may be a hundred requests to a platform's side, or a look at every lead there is.
const PATIENCE: Duration = Duration::from_secs(120);
/// An answer of the gateway is smaller.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
const LONGEST_NAME: usize = 64;
const KEY_VARIABLE: &str = "LEADGATE_OPERATOR_KEY";

/// Where the gateway is and who asks.
#[derive(clap::Args, Clone)]
pub struct Reach {
    #[command(flatten)]
    config: Config,
    /// Where the gateway is, when not where the settings say.
    #[arg(long, visible_alias = "to", value_name = "URL", env = "LEADGATE_URL")]
    url: Option<String>,
    /// Who acts, for the gateway's log. Without it, the user of this machine.
    #[arg(long = "as", value_name = "NAME", value_parser = named)]
    name: Option<String>,
}

/// Where `--to` is an instant, it is no address.
pub fn only_url(url: clap::Arg) -> clap::Arg {
    url.alias(None)
}

/// A way to the gateway's operator's routes.
pub struct Operator {
    http: reqwest::Client,
    base: String,
    key: SecretString,
    name: Option<String>,
}

impl Reach {
    /// Finds address and key.
    ///
    /// # Errors
    /// When settings are needed and cannot be read, or name no key.
    pub fn open(&self) -> Result<Operator, Why> {
        let key = std::env::var(KEY_VARIABLE).ok();
        let key = key.filter(|key| !key.is_empty()).map(SecretString::from);
        let (base, key) = match (self.url.clone(), key) {
            (Some(base), Some(key)) => (base, key),
            (base, key) => {
                let settings = self.config.load()?;
                let base = base.unwrap_or_else(|| settings.server.near_url());
                let key = key.or(settings.server.operator_key).ok_or(
                    "[server] operator_key is not set: the gateway takes no orders without it",
                )?;
                (base, key)
            }
        };
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none());
        let user = std::env::var("USER").ok();
        Ok(Operator {
            http: http.build()?,
            base: base.trim_end_matches('/').to_owned(),
            key,
            name: self
                .name
                .clone()
                .or(user.and_then(|user| named(&user).ok())),
        })
    }
}

impl Operator {
    /// Asks for what is under a path of `/v1/admin`.
    ///
    /// # Errors
    /// No answer, or no.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, Failure> {
        read(self.request(Method::GET, path).query(query)).await
    }

    /// Posts JSON to a path of `/v1/admin`.
    ///
    /// # Errors
    /// No answer, or no.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Failure> {
        let request = self
            .request(Method::POST, path)
            .header("content-type", "application/json");
        read(request.body(body.to_string())).await
    }

    /// Posts again and again until the gateway takes it, for `longest` at most: while it is away, busy or full.
    ///
    /// # Errors
    /// The last failure, when the time is over; any other at once.
    pub async fn post_patiently<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
        longest: Duration,
        mut waiting: impl FnMut(&Failure, Duration),
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        for attempt in 0.. {
            let failure = match self.post(path, body).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let Some(pause) = pause(&failure, attempt) else {
                return Err(failure);
            };
            let left = longest.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(failure);
            }
            waiting(&failure, pause);
            tokio::time::sleep(pause.min(left)).await;
        }
        Err(Failure::Lost("it was asked too often".to_owned()))
    }

    /// An answer to be read as it comes.
    ///
    /// # Errors
    /// No answer, or no.
    pub async fn stream(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<reqwest::Response, Failure> {
        let answer = self.request(Method::GET, path).query(query);
        let answer = answer.send().await.map_err(lost)?;
        match answer.status().as_u16() {
            200 => Ok(answer),
            _ => Err(refused(answer).await?),
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/v1/admin/{path}", self.base);
        let request = self.http.request(method, url);
        let request = request.bearer_auth(self.key.expose_secret());
        match &self.name {
            Some(name) => request.header("x-operator", name),
            None => request,
        }
    }
}

async fn read<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, Failure> {
    let answer = request.send().await.map_err(lost)?;
    if !answer.status().is_success() {
        return Err(refused(answer).await?);
    }
    let text = whole(answer).await?;
    serde_json::from_slice(&text)
        .map_err(|_| Failure::Lost("the gateway's answer cannot be read".to_owned()))
}

async fn refused(answer: reqwest::Response) -> Result<Failure, Failure> {
    let status = answer.status().as_u16();
    let pause = answer.headers().get("retry-after").and_then(seconds);
    let problem = serde_json::from_slice(&whole(answer).await?).unwrap_or_default();
    Ok(Failure::Refused(Refusal {
        status,
        pause,
        problem,
    }))
}

fn seconds(value: &HeaderValue) -> Option<Duration> {
    let seconds = value.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

async fn whole(mut answer: reqwest::Response) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(lost)? {
        text.extend_from_slice(&part);
        if text.len() > LARGEST_ANSWER {
            return Err(Failure::Lost("the gateway's answer is too long".to_owned()));
        }
    }
    Ok(text)
}

/// The deepest cause says most, and the address may hold what is nobody's business.
pub fn lost(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Failure::Lost(format!("the gateway does not answer: {cause}"))
}

/// A name that fits into the header `X-Operator`: 1 to 64 visible ASCII characters.
fn named(text: &str) -> Result<String, String> {
    let fits = !text.is_empty()
        && text.len() <= LONGEST_NAME
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.to_owned())
        .ok_or_else(|| "1 to 64 visible ASCII characters without spaces are wanted".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_into_a_header() {
        let long = "x".repeat(65);
        for (name, fits) in [
            ("kim", true),
            ("kim@acme", true),
            (&long[..64], true),
            (&long[..], false),
            ("", false),
            ("kim ek", false),
            ("åse", false),
        ] {
            assert_eq!(named(name).is_ok(), fits, "{name}");
        }
    }
}
