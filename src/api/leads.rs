//! Taking a lead over HTTP.

use actix_web::http::header::{self, HeaderName};
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use tokio::time::Instant;

use super::answer::{answer, applied, tell_allowance};
use super::door::{self, Admitted};
use super::prefer;
use super::problem::{Code, Problem};
use super::reply::Voice;
use super::request::RequestSpan;
use super::state::{First, LeadState, first_of};
use super::status::{current, known, settled};
use super::{Gateway, forms, platform, slots, source_named, time};
use crate::intake::{self, Delivery, Taken, posted};
use crate::lead::Status;
use crate::queue::Digest;
use crate::settings::{Source, SourceKind};
use crate::telemetry;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// `POST /v1/sources/{source}/leads`
pub async fn take(
    gateway: Data<Gateway>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let source = source_named(&gateway, &request)?;
    if let SourceKind::Platform(of) = &source.kind {
        let taken = Box::pin(platform::take(&gateway, source, of, &request, payload)).await;
        return taken.inspect_err(|problem| refused(source, problem));
    }
    let voice = Voice::of(&gateway, source, &request);
    let mut names = Vec::new();
    let heard = Heard {
        voice: voice.as_ref(),
        names: &mut names,
    };
    let answered = answered(&gateway, source, &request, payload, heard).await;
    match &voice {
        Some(voice) => answered.or_else(|problem| voice.problem(problem, &names)),
        None => answered,
    }
}

/// What a chatbot's platform needs beside the answer itself.
struct Heard<'a> {
    voice: Option<&'a Voice>,
    /// The bot's names of fields, with leadgate's.
    names: &'a mut Vec<(String, String)>,
}

async fn answered(
    gateway: &Gateway,
    source: &Source,
    request: &HttpRequest,
    payload: Payload,
    heard: Heard<'_>,
) -> Result<HttpResponse, Problem> {
    let started = Instant::now();
    let voice = heard.voice;
    let page = forms::wants_page(source, request);
    let taken = async {
        let admitted = door::admit(gateway, source, request)?;
        let format = door::format(source, request)?;
        let key = idempotency_key(request)?;
        let body =
            door::read_body(request, payload, gateway.settings.server.max_body_bytes).await?;
        let posted = posted::read(&format, &body, source)?;
        if let Some(turn) = &posted.turn {
            *heard.names = turn.names(source);
            match turn.tag.as_str() {
                "slots" => {
                    let answer = slots::of_turn(gateway, source, request, turn, voice);
                    let answer = Box::pin(answer).await?;
                    return Ok(Came::Answered(admitted, answer));
                }
                "time" => {
                    let answer = time::of_turn(gateway, request, turn.clone(), source, voice);
                    let answer = Box::pin(answer).await?;
                    return Ok(Came::Answered(admitted, answer));
                }
                _ => {}
            }
        }
        let delivery = Delivery {
            source,
            posted,
            idempotency_key: key.as_deref(),
            sender: door::sender(source, admitted.address, request),
            referer: request
                .headers()
                .get(header::REFERER)
                .and_then(|value| value.to_str().ok()),
            trace: request
                .extensions()
                .get::<RequestSpan>()
                .and_then(|span| telemetry::traceparent(&span.0)),
        };
        let mut prepared = intake::prepare(&*gateway.store, &gateway.hasher, delivery)?;
        forms::check_captcha(gateway, source, admitted.address, &mut prepared).await?;
        let next = page.map(|form| forms::next_page(form, &prepared.asides));
        let max_waiting = gateway.settings.store.max_waiting;
        let taken = intake::keep(&*gateway.store, max_waiting, prepared).await?;
        if let Some(page) = next {
            return Ok(Came::Answered(admitted, page));
        }
        Ok::<_, Problem>(Came::Lead(admitted, taken))
    };
    let came = taken
        .await
        .inspect_err(|problem| refused(source, problem))?;
    let (admitted, taken) = match came {
        Came::Answered(admitted, mut answer) => {
            tell_allowance(&mut answer, &admitted);
            return Ok(answer);
        }
        Came::Lead(admitted, taken) => (admitted, taken),
    };
    let wait = prefer::wait(request, source.wait);
    let mut answer = match taken {
        Taken::New { lead, ahead, key } => {
            let state = if wait.longest.is_zero() {
                LeadState::accepted(gateway, &lead, ahead)
            } else {
                match settled(gateway, lead.id, started + wait.longest, admitted.keyed).await {
                    // The lead is kept, and a 503 would say that it is not.
                    Err(problem) if problem.code.is_of_store() => {
                        LeadState::accepted(gateway, &lead, ahead)
                    }
                    state => state?,
                }
            };
            remembered(gateway, key, state, voice).await
        }
        Taken::Duplicate { lead, of, key } => {
            let state = match current(gateway, lead.id, admitted.keyed).await {
                Err(problem) if problem.code.is_of_store() => {
                    let first = admitted.keyed.then_some(First {
                        id: of,
                        status: None,
                    });
                    LeadState::in_hand(gateway, &lead, Status::Duplicate, first)
                }
                state => state?,
            };
            remembered(gateway, key, state, voice).await
        }
        Taken::Replayed { lead, receipt } => {
            let state = match receipt {
                Some(receipt) => {
                    let stored = known(gateway, lead).await?;
                    let first = first_of(gateway, &stored.lead, admitted.keyed).await?;
                    match LeadState::replayed(gateway, &stored.lead, &receipt, first) {
                        Some(state) => state,
                        None => current(gateway, lead, admitted.keyed).await?,
                    }
                }
                // The first of these requests is still waiting for its answer: wait with it.
                None => settled(gateway, lead, started + wait.longest, admitted.keyed).await?,
            };
            let mut answer = answer(&state, voice);
            answer.headers_mut().insert(
                IDEMPOTENCY_REPLAYED,
                header::HeaderValue::from_static("true"),
            );
            answer
        }
    };
    applied(&mut answer, &wait);
    tell_allowance(&mut answer, &admitted);
    Ok(answer)
}

/// What came to the door: a lead, or what is answered without telling of one: a form's post by a browser, and a turn
/// of a conversation that asks for something else.
enum Came {
    Lead(Admitted, Taken),
    Answered(Admitted, HttpResponse),
}

fn refused(source: &Source, problem: &Problem) {
    let code = problem.code;
    telemetry::events::refused(
        &source.name,
        code.as_str(),
        code.status(),
        code.is_of_store(),
    );
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get(IDEMPOTENCY_KEY) else {
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

async fn remembered(
    gateway: &Gateway,
    key: Option<Digest>,
    state: LeadState,
    voice: Option<&Voice>,
) -> HttpResponse {
    if let Some(key) = key
        && let Err(error) = gateway.store.remember(key, state.receipt()).await
    {
        // The lead is kept; a repeat is then answered with how it stands.
        telemetry::events::store_failed("remember what a caller was told", None, &error);
    }
    answer(&state, voice)
}
