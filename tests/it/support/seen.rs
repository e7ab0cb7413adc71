//! An answer as its caller sees it: status line, headers and body.

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::leads::read;

/// Everything a caller can see of an answer.
#[derive(Debug)]
pub struct Seen {
    /// The HTTP status.
    pub http: u16,
    /// As sent.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null when it is none.
    pub body: Value,
}

impl Seen {
    /// Sends a request and reads the whole answer.
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the gateway answers");
        let http = response.status().as_u16();
        let headers = response.headers().clone();
        let text = read(response).await;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self {
            http,
            headers,
            text,
            body,
        }
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A header that is a whole number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.parse().ok()
    }

    /// The body's `status`, or its `code` when it is a problem document.
    pub fn word(&self) -> &str {
        self.body["code"]
            .as_str()
            .or(self.body["status"].as_str())
            .unwrap_or_default()
    }

    /// Every field fault, as pointer and code.
    pub fn faults(&self) -> Vec<(&str, &str)> {
        let faults = self.body["errors"].as_array().into_iter().flatten();
        faults
            .filter_map(|fault| Some((fault["pointer"].as_str()?, fault["code"].as_str()?)))
            .collect()
    }

    /// Asserts that this is a problem document of this status and code which agrees with its own headers.
    pub fn assert_problem(&self, what: &str, http: u16, code: &str) {
        assert_eq!((self.http, self.word()), (http, code), "{what}: {self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{what}"
        );
        assert_eq!(self.body["status"], http, "{what}");
        assert_eq!(
            self.body["type"],
            format!("urn:leadgate:problem:{code}"),
            "{what}"
        );
        assert_eq!(
            self.body["requestId"].as_str(),
            self.header("x-request-id"),
            "{what}"
        );
        assert!(
            self.header("x-request-id").is_some_and(|id| !id.is_empty()),
            "{what}"
        );
        assert_eq!(
            self.body["retryable"],
            code == "lead_busy" || matches!(http, 408 | 429 | 500 | 503),
            "{what}"
        );
        assert_eq!(
            self.number("retry-after").is_some(),
            matches!(http, 429 | 503),
            "{what}: {self:?}"
        );
        assert_eq!(
            self.header("www-authenticate").is_some(),
            http == 401,
            "{what}"
        );
        assert_eq!(self.header("allow").is_some(), http == 405, "{what}");
        assert_eq!(
            self.body.get("errors").is_some(),
            code == "validation_failed",
            "{what}: {self:?}"
        );
    }
}
