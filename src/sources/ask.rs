//! Asking a platform's API: one request with a token, bounded in time and size. What the answer means is the platform's.

use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, Response, Url};
use serde_json::Value;
use tracing::Instrument;

use super::FetchError;
use crate::telemetry::{Exchange, why_lost};

/// For one whole request, from connecting to the answer's last byte.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The most of an answer that is read: a lead is a few thousand bytes.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// What a platform answered.
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// As received.
    pub headers: HeaderMap,
    /// Null when it is not JSON.
    pub body: Value,
}

/// The address of something below `base`, each part encoded as one segment of the path.
///
/// # Errors
/// The base is no address.
pub fn below(base: &str, parts: &[&str]) -> Result<Url, FetchError> {
    let wrong = || FetchError::Forbidden {
        why: "the API's address in the settings is no address".to_owned(),
    };
    let mut url = Url::parse(base).map_err(|_| wrong())?;
    url.path_segments_mut()
        .map_err(|()| wrong())?
        .pop_if_empty()
        .extend(parts);
    Ok(url)
}

/// Asks once, with `Authorization: Bearer`. No error names the address or the token.
///
/// # Errors
/// No whole answer came, or a body that is too large. Every status is an answer.
pub async fn get(
    http: &Client,
    url: Url,
    token: &str,
    headers: &[(&str, &str)],
) -> Result<Answered, FetchError> {
    get_within(TIMEOUT, http, url, token, headers).await
}

async fn get_within(
    timeout: Duration,
    http: &Client,
    url: Url,
    token: &str,
    headers: &[(&str, &str)],
) -> Result<Answered, FetchError> {
    let to = ("GET", host_of(&url));
    let mut request = http.get(url).bearer_auth(token).timeout(timeout);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answered(to, request).await
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// Asks once with a body of JSON, for APIs whose searches are posted; else as [`get`].
///
/// # Errors
/// As for [`get`].
pub async fn post(
    http: &Client,
    url: Url,
    token: &str,
    body: &Value,
) -> Result<Answered, FetchError> {
    let to = ("POST", host_of(&url));
    let request = http.post(url).bearer_auth(token).timeout(TIMEOUT);
    answered(to, request.json(body)).await
}

/// `host` is the API's, from the settings. Paths hold ids, so none is told.
///
/// Boxed, so that the compiler looks into the client once and not for every platform.
fn answered(
    (method, host): (&'static str, String),
    request: RequestBuilder,
) -> BoxFuture<'static, Result<Answered, FetchError>> {
    Box::pin(async move {
        let exchange = Exchange::begin(method, &host, "");
        let came = async {
            let mut response = request.send().await?;
            let body = whole(&mut response).await;
            Ok((response, body))
        };
        let (response, body) = match came.instrument(exchange.span()).await {
            Ok(came) => came,
            Err(error) => {
                exchange.lost(why_lost(&error));
                return Err(lost(&error));
            }
        };
        exchange.answered(response.status().as_u16());
        let body = body?;
        Ok(Answered {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        })
    })
}

async fn whole(response: &mut Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(FetchError::Forbidden {
                why: "the platform's answer is larger than 1 MiB".to_owned(),
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn lost(error: &reqwest::Error) -> FetchError {
    if error.is_builder() {
        return FetchError::Forbidden {
            why: "the token or the API's address in the settings cannot be sent".to_owned(),
        };
    }
    let why = match (error.is_timeout(), error.is_connect()) {
        (true, _) => "the platform did not answer in time",
        (_, true) => "no connection to the platform",
        _ => "the connection to the platform broke",
    };
    FetchError::Later {
        why: why.to_owned(),
        delay: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_server::{Act, answer, http, server};
    use super::*;

    const TOKEN: &str = "token-not-to-be-shown";

    async fn asked(act: Act) -> Result<Answered, FetchError> {
        let server = server(vec![act]);
        let url = below(&server.base_url, &["lead"]).unwrap();
        let timeout = Duration::from_millis(300);
        let result = get_within(timeout, &http(), url, TOKEN, &[("X-Version", "7")]).await;
        let requests = server.requests().await;
        assert!(requests[0].contains(&format!("authorization: Bearer {TOKEN}\r\n")));
        assert!(requests[0].to_lowercase().contains("x-version: 7\r\n"));
        result
    }

    #[tokio::test]
    async fn every_status_is_an_answer_and_a_body_that_is_not_json_is_null() {
        let answered = asked(answer("404 Not Found\r\nx-note: a", "gone")).await;
        let answered = answered.ok().unwrap();
        assert_eq!(answered.status, 404);
        assert_eq!(answered.headers["x-note"], "a");
        assert_eq!(answered.body, Value::Null);
        let answered = asked(answer("200 OK", r#"{"id":9007199254740993}"#)).await;
        let answered = answered.ok().unwrap();
        assert_eq!(answered.body["id"].to_string(), "9007199254740993");
    }

    #[tokio::test]
    async fn what_does_not_answer_is_asked_later_and_too_much_is_for_a_person() {
        let large = "x".repeat(LARGEST_ANSWER + 1);
        for (act, why) in [
            (
                Act::Stall(Vec::new()),
                "the platform did not answer in time",
            ),
            (
                Act::Stall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_vec()),
                "the platform did not answer in time",
            ),
            (Act::Say(Vec::new()), "the connection to the platform broke"),
            (
                answer("200 OK", &large),
                "the platform's answer is larger than 1 MiB",
            ),
        ] {
            let error = asked(act).await.err().unwrap();
            assert_eq!(error.to_string(), why);
            let is_large = why.ends_with("MiB");
            assert_eq!(matches!(error, FetchError::Forbidden { .. }), is_large);
        }
    }

    #[tokio::test]
    async fn nobody_there_is_later_and_a_token_that_is_none_is_for_a_person() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let nobody = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let url = below(&nobody, &["lead"]).unwrap();
        let error = get(&http(), url.clone(), TOKEN, &[]).await.err().unwrap();
        assert_eq!(error.to_string(), "no connection to the platform");
        let error = get(&http(), url, "two\nlines", &[]).await.err().unwrap();
        assert!(matches!(error, FetchError::Forbidden { .. }));
        assert!(!error.to_string().contains("lines"));
    }

    #[test]
    fn every_part_stays_one_segment() {
        for (base, parts, wanted) in [
            (
                "https://a.example",
                &["v1", "7"][..],
                "https://a.example/v1/7",
            ),
            ("https://a.example/x/", &["7"], "https://a.example/x/7"),
            (
                "https://a.example",
                &["7/me?fields=#"],
                "https://a.example/7%2Fme%3Ffields=%23",
            ),
        ] {
            assert_eq!(below(base, parts).unwrap().as_str(), wanted);
        }
        assert!(below("a.example", &["7"]).is_err());
        assert!(below("mailto:a@lead.example", &["7"]).is_err());
    }
}
