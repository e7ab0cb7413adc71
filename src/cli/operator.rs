//! The commands' one way to a running gateway: where it is, who asks, and what its answers mean.
//!
//! Settings name the address and the key; `LEADGATE_URL` and `LEADGATE_OPERATOR_KEY` do without settings, so that a
//! command can be run from another machine. The key goes into a header and is shown nowhere.

use std::fmt;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Config;
use super::voice::{Voice, Why, shown};

/// One answer may be a hundred requests to a platform's side, or a look at every lead there is.
const PATIENCE: Duration = Duration::from_secs(120);
/// An answer of the gateway is smaller.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
const LONGEST_NAME: usize = 64;
const KEY_VARIABLE: &str = "LEADGATE_OPERATOR_KEY";
/// Between tries, when the gateway does not say how long to wait.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

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

/// Why the gateway did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// No answer, or none that can be read.
    Lost(String),
    /// The gateway said no.
    Refused(Refusal),
}

/// The gateway's own words.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// How long to wait, where it said so.
    pub pause: Option<Duration>,
    problem: Problem,
}

/// As much of a problem document (RFC 9457) as a person is told.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Problem {
    title: String,
    detail: String,
    code: String,
    errors: Vec<Fault>,
}

#[derive(Debug, Deserialize)]
struct Fault {
    pointer: String,
    detail: String,
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

/// How long to wait before the same may be asked again; `None` when asking again cannot help.
fn pause(failure: &Failure, attempt: u32) -> Option<Duration> {
    let usual = FIRST_PAUSE
        .saturating_mul(1 << attempt.min(10))
        .min(LONGEST_PAUSE);
    match failure {
        Failure::Lost(_) => Some(usual),
        Failure::Refused(refusal) => matches!(refusal.status, 408 | 429 | 500 | 502..=504)
            .then(|| refusal.pause.unwrap_or(usual)),
    }
}

impl Refusal {
    /// The stable word of the problem; empty when the answer was no problem document.
    pub fn code(&self) -> &str {
        &self.problem.code
    }

    /// What a person is told.
    fn sentence(&self) -> String {
        let Problem {
            title,
            detail,
            code,
            errors,
        } = &self.problem;
        if title.is_empty() {
            return format!("the gateway answers {}", self.status);
        }
        let mut text = format!("{title} ({code}): {detail}");
        for fault in errors {
            text.push_str(&format!("; {}: {}", fault.pointer, fault.detail));
        }
        shown(&text)
    }
}

impl Failure {
    /// As a program reads it, beside what the command says.
    fn document(&self) -> Value {
        match self {
            Failure::Lost(_) => json!({}),
            Failure::Refused(refusal) => {
                json!({"status": refusal.status, "code": refusal.problem.code})
            }
        }
    }

    /// What stands beside a lead that was refused: a stable word.
    pub fn code(&self) -> &str {
        match self {
            Failure::Lost(_) => "no_answer",
            Failure::Refused(refusal) => refusal.code(),
        }
    }

    /// Says why on standard error and fails.
    pub fn fail(&self, voice: Voice) -> std::process::ExitCode {
        voice.fail(self.why())
    }

    /// Why a command fails by it.
    pub fn why(&self) -> Why {
        Why {
            sentence: self.to_string(),
            more: self.document(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Lost(why) => f.write_str(why),
            Failure::Refused(refusal) => f.write_str(&refusal.sentence()),
        }
    }
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

    fn refusal(status: u16, pause: Option<u64>, body: &str) -> Failure {
        Failure::Refused(Refusal {
            status,
            pause: pause.map(Duration::from_secs),
            problem: serde_json::from_str(body).unwrap_or_default(),
        })
    }

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

    #[test]
    fn a_refusal_is_told_as_a_sentence() {
        let problem = r#"{"title": "Some fields are at fault", "detail": "1 field is at fault",
            "code": "validation_failed", "errors": [{"pointer": "/email", "code": "x", "detail": "is no address"}]}"#;
        for (status, body, expected) in [
            (
                422,
                problem,
                "Some fields are at fault (validation_failed): 1 field is at fault; /email: is no address",
            ),
            (502, "<html>", "the gateway answers 502"),
        ] {
            assert_eq!(refusal(status, None, body).to_string(), expected);
        }
    }

    #[test]
    fn what_may_pass_is_waited_for_and_nothing_else() {
        let lost = Failure::Lost("gone".to_owned());
        let millis = Duration::from_millis;
        for (failure, attempt, expected) in [
            (&lost, 0, Some(millis(250))),
            (&lost, 3, Some(millis(2000))),
            (&lost, 4_000_000_000, Some(millis(30_000))),
            (&refusal(503, Some(5), ""), 9, Some(millis(5000))),
            (&refusal(429, None, ""), 1, Some(millis(500))),
            (&refusal(401, Some(5), ""), 0, None),
            (&refusal(422, None, ""), 0, None),
        ] {
            assert_eq!(pause(failure, attempt), expected, "{failure}");
        }
    }
}
