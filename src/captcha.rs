//! Asking a captcha's provider whether a person solved it.
//!
//! One request with a short limit, and what its answer means. What becomes of the lead is not decided here.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::{Client, Response, Url, header};
use secrecy::ExposeSecret;
use serde_json::Value;
use tracing::Instrument;

use crate::settings::{Captcha, CaptchaProvider};
use crate::telemetry::{Exchange, why_lost};

/// For the whole question. Somebody looks at a spinner meanwhile.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The most of an answer that is read; a usual one has a few hundred bytes.
const LARGEST_ANSWER: usize = 16 * 1024;

/// Longer than any provider's token: Turnstile's have 2048 characters at most (developers.cloudflare.com), the others'
/// a few thousand.
const LONGEST_TOKEN: usize = 8192;

/// What the provider says, each word with its reason for an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A person solved it.
    Passed,
    /// Nobody did, or long ago, or for another page.
    Failed(&'static str),
    /// The provider could not be asked, or not with this secret.
    Unknown(&'static str),
}

/// Asks the provider about a token. Neither token nor secret is in any verdict.
pub async fn verify(
    http: &Client,
    captcha: &Captcha,
    token: Option<&str>,
    address: IpAddr,
) -> Verdict {
    verify_within(TIMEOUT, http, captcha, token, address).await
}

async fn verify_within(
    timeout: Duration,
    http: &Client,
    captcha: &Captcha,
    token: Option<&str>,
    address: IpAddr,
) -> Verdict {
    let Some(token) = token else {
        return Verdict::Failed("no token came with the form");
    };
    // What no provider made is not worth a question, and must not make one stumble.
    if token.len() > LONGEST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Verdict::Failed("what came is no token");
    }
    let question = form_urlencoded::Serializer::new(String::new())
        .append_pair("secret", captcha.secret.expose_secret())
        .append_pair("response", token)
        .append_pair("remoteip", &address.to_string())
        .finish();
    let asked = http
        .post(&captcha.verify_url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .timeout(timeout)
        .body(question)
        .send();
    let url = Url::parse(&captcha.verify_url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    let exchange = Exchange::begin("POST", host, "");
    let answer = match asked.instrument(exchange.span()).await {
        Ok(response) => {
            exchange.answered(response.status().as_u16());
            read(response).await
        }
        Err(error) => {
            exchange.lost(why_lost(&error));
            Err(error)
        }
    };
    match answer {
        Ok(Some(answer)) => judge(captcha, &answer),
        Ok(None) => Verdict::Unknown("the provider's answer cannot be read"),
        Err(error) if error.is_timeout() => Verdict::Unknown("the provider did not answer in time"),
        Err(error) if error.is_connect() => Verdict::Unknown("no connection to the provider"),
        Err(_) => Verdict::Unknown("the connection to the provider broke"),
    }
}

/// The answer, when it is JSON and of a bearable size. Its status tells nothing that it does not say itself.
async fn read(mut response: Response) -> reqwest::Result<Option<Value>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(serde_json::from_slice(&body).ok())
}

/// What an answer means. Success with a low score or for another action is none
/// (developers.google.com/recaptcha/docs/v3).
fn judge(captcha: &Captcha, answer: &Value) -> Verdict {
    match answer["success"].as_bool() {
        None => Verdict::Unknown("the provider's answer cannot be read"),
        Some(false) if is_our_trouble(answer) => {
            Verdict::Unknown("the provider refuses the secret, or is in trouble itself")
        }
        Some(false) => Verdict::Failed("the provider says it was not solved"),
        Some(true) => {
            let score = answer["score"].as_f64();
            let is_scored = captcha.provider == CaptchaProvider::ReCaptcha;
            if is_scored && score.is_some_and(|score| score < captcha.min_score) {
                return Verdict::Failed("the score is too low");
            }
            match captcha.action.as_deref() {
                Some(wanted) if answer["action"].as_str() != Some(wanted) => {
                    Verdict::Failed("it was solved for another action")
                }
                _ => Verdict::Passed,
            }
        }
    }
}

/// Whether the refusal has nothing to do with the token. `bad-request` and `sitekey-secret-mismatch` are not among
/// these: whoever chooses the token can bring them about.
fn is_our_trouble(answer: &Value) -> bool {
    let codes = answer["error-codes"].as_array().into_iter().flatten();
    codes.filter_map(Value::as_str).any(|code| {
        matches!(
            code,
            "missing-input-secret" | "invalid-input-secret" | "internal-error"
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::settings::WhenDown;

    fn captcha(provider: CaptchaProvider, action: Option<&str>) -> Captcha {
        Captcha {
            provider,
            secret: "secret-not-to-be-shown".into(),
            verify_url: "http://127.0.0.1:1/".to_owned(),
            min_score: 0.5,
            action: action.map(str::to_owned),
            when_down: WhenDown::Accept,
        }
    }

    #[test]
    fn an_answer_passes_only_with_its_score_and_its_action() {
        use CaptchaProvider::{HCaptcha, ReCaptcha, Turnstile};
        let passed = |provider, action, answer: Value| {
            let verdict = judge(&captcha(provider, action), &answer);
            match verdict {
                Verdict::Passed => Some(true),
                Verdict::Failed(_) => Some(false),
                Verdict::Unknown(_) => None,
            }
        };
        for (provider, action, answer, wanted) in [
            (Turnstile, None, json!({"success": true}), Some(true)),
            (
                Turnstile,
                Some("lead"),
                json!({"success": true, "action": "lead"}),
                Some(true),
            ),
            (
                Turnstile,
                Some("lead"),
                json!({"success": true, "action": "login"}),
                Some(false),
            ),
            (
                Turnstile,
                Some("lead"),
                json!({"success": true}),
                Some(false),
            ),
            (ReCaptcha, None, json!({"success": true}), Some(true)),
            (
                ReCaptcha,
                None,
                json!({"success": true, "score": 0.5}),
                Some(true),
            ),
            (
                ReCaptcha,
                None,
                json!({"success": true, "score": 0.4}),
                Some(false),
            ),
            (
                ReCaptcha,
                Some("lead"),
                json!({"success": true, "score": 0.9, "action": "x"}),
                Some(false),
            ),
            // hCaptcha's score rises with the risk, and only some customers get it (docs.hcaptcha.com).
            (
                HCaptcha,
                None,
                json!({"success": true, "score": 0.1}),
                Some(true),
            ),
            (HCaptcha, None, json!({"success": false}), Some(false)),
            (
                HCaptcha,
                None,
                json!({"success": false, "error-codes": ["sitekey-secret-mismatch"]}),
                Some(false),
            ),
            (
                Turnstile,
                None,
                json!({"success": false, "error-codes": ["timeout-or-duplicate"]}),
                Some(false),
            ),
            (
                Turnstile,
                None,
                json!({"success": false, "error-codes": ["bad-request"]}),
                Some(false),
            ),
            (
                Turnstile,
                None,
                json!({"success": false, "error-codes": ["internal-error"]}),
                None,
            ),
            (
                ReCaptcha,
                None,
                json!({"success": false, "error-codes": ["invalid-input-secret"]}),
                None,
            ),
            (Turnstile, None, json!({"success": "true"}), None),
            (Turnstile, None, json!([true]), None),
            (Turnstile, None, Value::Null, None),
        ] {
            let what = format!("{provider:?} {action:?} {answer}");
            assert_eq!(passed(provider, action, answer), wanted, "{what}");
        }
    }

    #[tokio::test]
    async fn what_is_no_token_is_asked_of_nobody() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().build().unwrap();
        let captcha = captcha(CaptchaProvider::Turnstile, None);
        let asked = async |token: Option<&str>| {
            verify(&http, &captcha, token, IpAddr::from([192, 0, 2, 1])).await
        };
        let long = "x".repeat(LONGEST_TOKEN + 1);
        for token in [
            None,
            Some("two words"),
            Some("zeile\nzwei"),
            Some("ä"),
            Some(&long),
        ] {
            assert!(
                matches!(asked(token).await, Verdict::Failed(_)),
                "{token:?}"
            );
        }
        // Nobody listens there.
        let verdict = asked(Some("a-token")).await;
        assert_eq!(verdict, Verdict::Unknown("no connection to the provider"));
    }
}
