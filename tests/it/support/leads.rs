//! Leads to post, and answers to read.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{Gateway, wait_for};

/// A lead nobody else posts.
pub fn lead(number: usize) -> Value {
    json!({
        "email": format!("lead{number}@person.example"),
        "name": format!("Lead Number{number}"),
        "timeZone": "Europe/Oslo",
    })
}

/// An answer about a lead.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub http: u16,
    /// The body.
    pub body: Value,
}

impl Answer {
    /// Reads a response.
    pub async fn of(response: Response) -> Self {
        let http = response.status().as_u16();
        let text = read(response).await;
        Self {
            http,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
        }
    }

    /// The lead's id.
    pub fn id(&self) -> &str {
        self.body["leadId"]
            .as_str()
            .unwrap_or_else(|| panic!("no lead id in {self:?}"))
    }

    /// The lead's status, or the problem's code.
    pub fn status(&self) -> &str {
        self.body["status"]
            .as_str()
            .or(self.body["code"].as_str())
            .unwrap_or_default()
    }
}

/// The whole body as text.
#[expect(clippy::disallowed_methods, reason = "a test may read an answer whole")]
pub async fn read(response: Response) -> String {
    response.text().await.expect("the body arrives")
}

impl Gateway {
    /// How a lead stands.
    pub async fn lead(&self, id: &str) -> Answer {
        let response = self
            .request(Method::GET, &format!("/v1/leads/{id}"))
            .send()
            .await;
        Answer::of(response.expect("the gateway answers")).await
    }

    /// Waits until a lead has one of these statuses.
    pub async fn until(&self, id: &str, wanted: &[&str], longest: Duration) -> Answer {
        wait_for(
            &format!("{id} to be one of {wanted:?}"),
            longest,
            async || {
                let answer = self.lead(id).await;
                wanted.contains(&answer.status()).then_some(answer)
            },
        )
        .await
    }

    /// Waits until every lead has ended, and counts the statuses.
    pub async fn all_ended(
        &self,
        ids: &[String],
        longest: Duration,
    ) -> std::collections::BTreeMap<String, usize> {
        const ENDS: [&str; 5] = [
            "booked",
            "parked",
            "duplicate",
            "disqualified",
            "needs_time",
        ];
        let mut ends = std::collections::BTreeMap::new();
        let deadline = std::time::Instant::now() + longest;
        for id in ids {
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            let answer = self.until(id, &ENDS, left).await;
            *ends.entry(answer.status().to_owned()).or_default() += 1;
        }
        ends
    }
}
