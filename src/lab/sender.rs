//! Senders that take care, and the eye on every lead they were told is kept.
//!
//! A careful sender repeats a delivery with the same idempotency key until it is answered, at another replica each
//! time. It does not know which replicas live.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::board::{Acknowledged, Board, Standing, count};
use super::plan::Post;
use super::settings::SOURCE;

/// A sender gives up on an answer and asks again after so long.
const PATIENCE: Duration = Duration::from_secs(4);

/// The pause before a delivery is repeated.
const PAUSE: Duration = Duration::from_millis(100);

/// The longest a sender keeps to what `Retry-After` says.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The pause between two looks at all open leads.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Questions asked at once.
const AT_ONCE: usize = 16;

/// No answer about a lead is longer.
const MOST_BYTES: usize = 64 * 1024;

/// A client that keeps to this machine and follows nothing.
pub(super) fn client() -> reqwest::Result<Client> {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
}

/// Everybody who sends leads.
pub(super) struct Senders<'a> {
    pub client: &'a Client,
    pub board: &'a Board,
    pub run: &'a str,
}

impl Senders<'_> {
    /// Posts every lead at its time and repeats it until it is answered.
    pub(super) async fn post(&self, posts: &[Post], start: Instant) {
        let deliveries = posts.iter().enumerate();
        join_all(deliveries.map(|(number, post)| self.deliver(number, post, start))).await;
    }

    /// Looks at every acknowledged lead until all are delivered and have ended and no more trouble comes; then once
    /// more at every one: also what has ended must still be known.
    pub(super) async fn watch(&self) {
        loop {
            let over = self.board.delivered.get() == self.board.planned && self.board.calm.get();
            let open = self.board.those(|standing| *standing == Standing::Open);
            if over && open.is_empty() {
                return self.look_at(self.board.those(|_| true)).await;
            }
            self.look_at(open).await;
            sleep(LOOK_EVERY).await;
        }
    }

    async fn look_at(&self, leads: Vec<(usize, String)>) {
        stream::iter(leads)
            .map(async |(place, id)| (place, self.look(place, &id).await))
            .buffer_unordered(AT_ONCE)
            .for_each(async |(place, seen)| {
                if let (Some(seen), Some(lead)) =
                    (seen, self.board.leads.borrow_mut().get_mut(place))
                {
                    lead.standing = seen;
                }
            })
            .await;
    }

    async fn deliver(&self, number: usize, post: &Post, start: Instant) {
        sleep_until(start + post.at).await;
        count(&self.board.sent);
        let lead = lead(post);
        let replicas = self.board.urls.len().max(1);
        for url in self.board.urls.iter().cycle().skip(number % replicas) {
            let request = self
                .client
                .post(format!("{url}/v1/sources/{SOURCE}/leads"))
                .header("Idempotency-Key", format!("{}-{number}", self.run))
                .json(&lead);
            match reaction(request.send().await).await {
                Reaction::Kept(id) => {
                    self.board.leads.borrow_mut().push(Acknowledged {
                        id,
                        standing: Standing::Open,
                    });
                    break;
                }
                Reaction::Refused(status) => {
                    *self.board.refused.borrow_mut().entry(status).or_default() += 1;
                    break;
                }
                Reaction::Again(pause) => sleep(pause).await,
            }
        }
        count(&self.board.delivered);
    }

    /// How a lead stands, if anybody can say.
    async fn look(&self, turn: usize, id: &str) -> Option<Standing> {
        let url = self.board.awake(turn)?;
        let request = self.client.get(format!("{url}/v1/leads/{id}"));
        let answer = request.send().await.ok()?;
        match answer.status() {
            StatusCode::NOT_FOUND => Some(Standing::Unknown),
            status if status.is_success() => body(answer).await.as_ref().map(standing),
            _ => None,
        }
    }
}

/// What a sender makes of an answer.
enum Reaction {
    Kept(String),
    Refused(u16),
    Again(Duration),
}

async fn reaction(answer: reqwest::Result<Response>) -> Reaction {
    let Ok(answer) = answer else {
        return Reaction::Again(PAUSE);
    };
    let status = answer.status();
    if !status.is_success() {
        let told = answer.headers().get(RETRY_AFTER);
        let told = told.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        return match may_repeat(status) {
            true => Reaction::Again(told.map_or(PAUSE, Duration::from_secs).min(LONGEST_PAUSE)),
            false => Reaction::Refused(status.as_u16()),
        };
    }
    let body = body(answer).await;
    let id = body.as_ref().and_then(|body| body["leadId"].as_str());
    // The process may die between the head and the body: then nobody was told the id.
    id.map_or(Reaction::Again(PAUSE), |id| Reaction::Kept(id.to_owned()))
}

fn may_repeat(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS
    ) || status.is_server_error()
}

/// A lead's standing by the body that tells it. Whoever may choose another time has been reached, too.
fn standing(body: &Value) -> Standing {
    let status = body["status"].as_str().unwrap_or_default();
    match status {
        "" | "queued" | "booking" | "reconciling" => Standing::Open,
        status => Standing::Ended {
            status: status.to_owned(),
            reason: body["reason"]["code"].as_str().map(str::to_owned),
            call: body["booking"]["eventCallId"].as_str().map(str::to_owned),
        },
    }
}

/// The JSON of an answer, if it came whole and is not too long.
async fn body(mut answer: Response) -> Option<Value> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST_BYTES {
            return None;
        }
    }
    serde_json::from_slice(&bytes).ok()
}

/// What a person sends. Every third has a number too, and is then one person by either.
fn lead(post: &Post) -> Value {
    let person = post.person;
    let email = format!("lead{person}@person.example");
    let mut lead = json!({
        "email": if post.capitals { email.to_uppercase() } else { email },
        "name": format!("Lead Number{person}"),
        "timeZone": "Europe/Oslo",
    });
    if person.is_multiple_of(3) {
        lead["phoneNumber"] = format!("+47{}", 90_000_000 + person).into();
    }
    lead
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_on_its_way_is_open_and_any_other_has_ended() {
        for (body, open) in [
            (json!({"status": "queued"}), true),
            (json!({"status": "booking"}), true),
            (json!({"status": "reconciling"}), true),
            (json!({}), true),
            (
                json!({"status": "booked", "booking": {"eventCallId": "7"}}),
                false,
            ),
            (
                json!({"status": "parked", "reason": {"code": "no_slots"}}),
                false,
            ),
            (json!({"status": "duplicate"}), false),
            (json!({"status": "needs_time"}), false),
        ] {
            assert_eq!(standing(&body) == Standing::Open, open, "{body}");
        }
        let booked = standing(&json!({"status": "booked", "booking": {"eventCallId": "7"}}));
        let Standing::Ended { call, .. } = booked else {
            panic!("{booked:?}");
        };
        assert_eq!(call.as_deref(), Some("7"));
    }

    #[test]
    fn a_careful_sender_repeats_what_may_pass_and_nothing_else() {
        for (status, again) in [
            (408, true),
            (409, true),
            (429, true),
            (500, true),
            (503, true),
            (400, false),
            (401, false),
            (404, false),
            (422, false),
        ] {
            assert_eq!(
                may_repeat(StatusCode::from_u16(status).unwrap()),
                again,
                "{status}"
            );
        }
    }
}
