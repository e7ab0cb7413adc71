//! Leads over HTTP: take one, tell how it stands, let it choose another time.

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{Bytes, Data, Path, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use futures_util::stream;
use serde_json::Value;
use tokio::time::Instant;

use super::door;
use super::prefer::{self, Wait};
use super::problem::{Code, Problem, rate_limit};
use super::request::RequestSpan;
use super::state::{LeadState, first_of};
use super::{Gateway, source_named};
use crate::booking::book::choose_time;
use crate::intake::draft::Draft;
use crate::intake::enrich::read_instant;
use crate::intake::fault::Fault;
use crate::intake::{self, Delivery, Taken};
use crate::lead::{LeadId, Status, Step, zone};
use crate::queue::{Next, Stored};
use crate::telemetry;

/// How often a waiting reader of events is told its place anew, and kept from being taken for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
const PLACE_REFRESH: Duration = Duration::from_secs(2);

/// `POST /v1/sources/{source}/leads`
pub async fn take(
    gateway: Data<Gateway>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let started = Instant::now();
    let source = source_named(&gateway, &request)?;
    let taken = async {
        let admitted = door::admit(&gateway, source, &request)?;
        door::want_json(&request)?;
        let key = idempotency_key(&request)?;
        let body =
            door::read_body(&request, payload, gateway.settings.server.max_body_bytes).await?;
        let delivery = Delivery {
            source,
            body: &body,
            idempotency_key: key.as_deref(),
            sender: door::sender(&gateway, &request),
            referer: request
                .headers()
                .get(header::REFERER)
                .and_then(|value| value.to_str().ok()),
            trace: request
                .extensions()
                .get::<RequestSpan>()
                .and_then(|span| telemetry::traceparent(&span.0)),
        };
        let max_waiting = gateway.settings.store.max_waiting;
        let taken = intake::take(&*gateway.store, &gateway.hasher, max_waiting, delivery).await?;
        Ok::<_, Problem>((admitted, taken))
    };
    let (admitted, taken) = taken.await.inspect_err(|problem| {
        telemetry::events::refused(&source.name, problem.code.as_str(), problem.code.status());
    })?;
    let wait = prefer::wait(&request, source.wait);
    let mut answer = match taken {
        Taken::New { lead, ahead, key } => {
            let state = if wait.longest.is_zero() {
                LeadState::accepted(&gateway, &lead, ahead)
            } else {
                settled(&gateway, lead.id, started + wait.longest, admitted.keyed).await?
            };
            remembered(&gateway, key, state).await
        }
        Taken::Duplicate { lead, key, .. } => {
            let state = current(&gateway, lead, admitted.keyed).await?;
            remembered(&gateway, key, state).await
        }
        Taken::Replayed { lead, receipt } => {
            let state = match receipt {
                Some(receipt) => {
                    let stored = known(&gateway, lead).await?;
                    let first = first_of(&gateway, &stored.lead, admitted.keyed).await?;
                    LeadState::replayed(&gateway, &stored.lead, &receipt, first)
                }
                // The first of these requests is still waiting for its answer: wait with it.
                None => settled(&gateway, lead, started + wait.longest, admitted.keyed).await?,
            };
            let mut answer = answer(state);
            answer.headers_mut().insert(
                header::HeaderName::from_static("idempotency-replayed"),
                header::HeaderValue::from_static("true"),
            );
            answer
        }
    };
    applied(&mut answer, &wait);
    for (name, value) in rate_limit(admitted.allowance) {
        if let Ok(value) = header::HeaderValue::from_str(&value) {
            answer.headers_mut().insert(name, value);
        }
    }
    Ok(answer)
}

/// `GET /v1/leads/{leadId}`
pub async fn status(
    gateway: Data<Gateway>,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let started = Instant::now();
    let id = lead_id(&id)?;
    let wait = prefer::wait(&request, Duration::ZERO);
    let held = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let mut state;
    let watch = gateway.store.changes().watch_lead(id);
    loop {
        let changed = watch.changed();
        let stored = known(&gateway, id).await?;
        let first = first_of(&gateway, &stored.lead, false).await?;
        state = LeadState::of(&gateway, &stored, first).await?;
        let news = match held {
            Some(held) => !is_held(held, &state),
            None => stored.lead.status.is_final() || stored.lead.status == Status::NeedsTime,
        };
        let left = (started + wait.longest).saturating_duration_since(Instant::now());
        if news || left.is_zero() {
            break;
        }
        // Out of time: the state just read is the answer.
        tokio::time::timeout(left.min(PLACE_REFRESH), changed)
            .await
            .ok();
    }
    let etag = state.etag();
    let mut answer = if held.is_some_and(|held| is_held(held, &state)) {
        HttpResponse::NotModified().finish()
    } else {
        HttpResponse::Ok().json(&state)
    };
    let headers = answer.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    if let Ok(value) = header::HeaderValue::from_str(&etag.to_string()) {
        headers.insert(header::ETAG, value);
    }
    applied(&mut answer, &wait);
    Ok(answer)
}

/// `GET /v1/leads/{leadId}/events`
pub async fn events(gateway: Data<Gateway>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = lead_id(&id)?;
    known(&gateway, id).await?;
    let watch = gateway.store.changes().watch_lead(id);
    let follow = Follow {
        gateway,
        id,
        last: String::new(),
        told: Instant::now(),
        ended: false,
    };
    let stream = stream::unfold((follow, watch), |(mut follow, watch)| async move {
        let piece = follow.next(&watch).await?;
        Some((Ok::<_, Problem>(piece), (follow, watch)))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // A buffering proxy in front would hold events back.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(stream))
}

/// `POST /v1/leads/{leadId}/time`
pub async fn time(
    gateway: Data<Gateway>,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let started = Instant::now();
    let id = lead_id(&id)?;
    gateway.knock(&request)?;
    door::want_json(&request)?;
    let body = door::read_body(&request, payload, gateway.settings.server.max_body_bytes).await?;
    let mut stored = known(&gateway, id).await?;
    let now = gateway.store.now();
    let (wishes, zone) = read_choice(&body, now)?;
    let not_waiting = || {
        Problem::new(
            Code::NotWaitingForTime,
            "only a lead in needs_time can choose a time",
        )
    };
    if !choose_time(&mut stored.lead, wishes, zone, now) {
        return Err(not_waiting());
    }
    let usual = gateway
        .settings
        .sources
        .get(&stored.lead.source)
        .map_or(Duration::ZERO, |source| source.wait);
    let next = Next::After {
        step: Step::Book,
        delay: Duration::ZERO,
    };
    if !gateway.store.amend(stored, next).await? {
        return Err(not_waiting());
    }
    let wait = prefer::wait(&request, usual);
    let mut answer = answer(settled(&gateway, id, started + wait.longest, false).await?);
    applied(&mut answer, &wait);
    Ok(answer)
}

fn read_choice(
    body: &[u8],
    now: jiff::Timestamp,
) -> Result<(Vec<jiff::Timestamp>, Option<String>), Problem> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Problem::new(
            Code::UnreadableBody,
            format!(
                "the body is not JSON: line {}, column {}",
                error.line(),
                error.column()
            ),
        )
    })?;
    let Value::Object(body) = value else {
        return Err(Problem::invalid(vec![Fault::new(
            "",
            "wrong_type",
            "a JSON object is wanted",
        )]));
    };
    let (draft, faults) = Draft::read(body);
    // A choice names times, not a person.
    let mut faults: Vec<Fault> = faults
        .into_iter()
        .filter(|fault| fault.code != "one_of_required")
        .collect();
    let named = draft.time_zone.as_deref().and_then(|name| {
        let canonical = zone::canonical(name);
        if canonical.is_none() {
            faults.push(Fault::new(
                "/timeZone",
                "unknown_time_zone",
                "an IANA name such as Europe/Oslo is wanted",
            ));
        }
        canonical
    });
    let first = draft
        .date_time
        .iter()
        .map(|text| ("/dateTime".to_owned(), text));
    let more = draft
        .wishes
        .iter()
        .enumerate()
        .map(|(index, text)| (format!("/wishes/{index}"), text));
    let mut wishes = Vec::new();
    for (pointer, text) in first.chain(more) {
        match read_instant(&pointer, text, named.as_deref(), now) {
            Ok(at) => wishes.push(at),
            Err(fault) => faults.push(fault),
        }
    }
    if wishes.is_empty() && faults.is_empty() {
        faults.push(Fault::new(
            "/dateTime",
            "required",
            "a time is to be chosen",
        ));
    }
    if faults.is_empty() {
        Ok((wishes, named))
    } else {
        Err(Problem::invalid(faults))
    }
}

/// One reader of a lead's events.
struct Follow {
    gateway: Data<Gateway>,
    id: LeadId,
    last: String,
    told: Instant,
    ended: bool,
}

impl Follow {
    /// The next piece of the stream, or its end.
    async fn next(&mut self, watch: &crate::queue::changes::LeadWatch) -> Option<Bytes> {
        while !self.ended {
            let changed = watch.changed();
            // When the store fails the stream ends, and the reader comes back by itself.
            let stored = self.gateway.store.get(self.id).await.ok()??;
            let state = LeadState::of(&self.gateway, &stored, None).await.ok()?;
            self.ended = stored.lead.status.is_final() || self.gateway.stopping.is_cancelled();
            let etag = state.etag().tag().to_owned();
            if etag != self.last {
                let data = serde_json::to_string(&state).ok()?;
                let piece = format!("event: status\nid: {etag}\ndata: {data}\n\n");
                self.last = etag;
                self.told = Instant::now();
                return Some(Bytes::from(piece));
            }
            if self.told.elapsed() >= HEARTBEAT {
                self.told = Instant::now();
                return Some(Bytes::from_static(b": still here\n\n"));
            }
            // Any of the three is a reason to look again.
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(PLACE_REFRESH) => {}
                () = self.gateway.stopping.cancelled() => {}
            }
        }
        None
    }
}

fn is_held(held: &str, state: &LeadState) -> bool {
    let etag = state.etag();
    held.trim() == "*"
        || held
            .split(',')
            .any(|one| one.trim().trim_start_matches("W/") == etag.to_string())
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get("idempotency-key") else {
        return Ok(None);
    };
    let bad = || {
        Problem::new(
            Code::BadHeader,
            "an Idempotency-Key is 1 to 255 visible ASCII characters",
        )
    };
    let text = value.to_str().map_err(|_| bad())?.trim();
    let bare = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    if bare.is_empty() || bare.len() > 255 || !bare.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(bad());
    }
    Ok(Some(bare.to_owned()))
}

fn lead_id(text: &str) -> Result<LeadId, Problem> {
    text.parse()
        .map_err(|_| Problem::new(Code::UnknownLead, "no lead has this id"))
}

async fn known(gateway: &Gateway, id: LeadId) -> Result<Stored, Problem> {
    gateway
        .store
        .get(id)
        .await?
        .ok_or_else(|| Problem::new(Code::UnknownLead, "no lead has this id"))
}

async fn current(gateway: &Gateway, id: LeadId, keyed: bool) -> Result<LeadState, Problem> {
    let stored = known(gateway, id).await?;
    let first = first_of(gateway, &stored.lead, keyed).await?;
    LeadState::of(gateway, &stored, first).await
}

/// How the lead stands when it has settled, or when the time is up, or when the server stops.
async fn settled(
    gateway: &Gateway,
    id: LeadId,
    deadline: Instant,
    keyed: bool,
) -> Result<LeadState, Problem> {
    let watch = gateway.store.changes().watch_lead(id);
    loop {
        let changed = watch.changed();
        let stored = known(gateway, id).await?;
        let status = stored.lead.status;
        let over = Instant::now() >= deadline || gateway.stopping.is_cancelled();
        if status.is_final() || status == Status::NeedsTime || over {
            let first = first_of(gateway, &stored.lead, keyed).await?;
            return LeadState::of(gateway, &stored, first).await;
        }
        // Any of the three is a reason to look again.
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep_until(deadline) => {}
            () = gateway.stopping.cancelled() => {}
        }
    }
}

async fn remembered(
    gateway: &Gateway,
    key: Option<crate::queue::Digest>,
    state: LeadState,
) -> HttpResponse {
    if let Some(key) = key
        && let Err(error) = gateway.store.remember(key, state.receipt()).await
    {
        // The lead is kept; a repeat is then answered with how it stands.
        tracing::warn!(%error, "could not remember what the caller was told");
    }
    answer(state)
}

fn answer(state: LeadState) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(state.http_status())
        .unwrap_or(actix_web::http::StatusCode::ACCEPTED);
    HttpResponse::build(status)
        .insert_header((header::LOCATION, state.status_url()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(&state)
}

fn applied(answer: &mut HttpResponse, wait: &Wait) {
    let Some(applied) = &wait.applied else { return };
    if let Ok(value) = header::HeaderValue::from_str(applied) {
        answer
            .headers_mut()
            .insert(header::HeaderName::from_static("preference-applied"), value);
    }
}
