//! The door of platforms: signature first, then the allowance, then the content. Whatever is acknowledged is on
//! disk; what cannot be kept now is answered 5xx, so that the platform sends it again.

use std::collections::BTreeMap;

use actix_web::http::header;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde::Serialize;

use super::problem::{Code, Problem};
use super::request::RequestSpan;
use super::{Gateway, door, source_named};
use crate::clock::Clock;
use crate::intake::platform::{self, Around, Withdrawn};
use crate::intake::throttle::counted;
use crate::lead::LeadId;
use crate::settings::{Platform, Source, SourceKind};
use crate::sources::{Denied, Item, Reply, Sent};
use crate::telemetry;

/// A platform chooses the size of its deliveries itself: Meta puts up to 1000 notices into one
/// (developers.facebook.com).
const LEAST_BODY_BYTES: usize = 1024 * 1024;

const POST_ONLY: &str = "POST, OPTIONS";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    leads: Vec<ReceiptLead>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptLead {
    lead_id: LeadId,
    status_url: String,
}

/// Takes a delivery.
///
/// # Errors
/// 400, 401, 408, 413, 429 or 503.
pub async fn take(
    gateway: &Data<Gateway>,
    source: &Source,
    of: &Platform,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    door::want_token(source, request).map_err(|problem| guess(gateway, request, problem))?;
    let most = gateway.settings.server.max_body_bytes.max(LEAST_BODY_BYTES);
    let body = door::read_body(request, payload, most).await?;
    let arrived = Arrived::new(request, &body);
    let sent = arrived.sent();
    of.kind
        .verify(&sent, &of.own)
        .map_err(|denied| guess(gateway, request, refusal(denied, Code::SignatureWrong)))?;
    let caller = gateway
        .hasher
        .digest("caller", &[source.name.as_bytes(), b"platform"]);
    // Not 429: some platforms drop a lead for good at any 4xx (Google Ads lead forms, developers.google.com).
    gateway.throttles.per_key.knock(&caller).map_err(|_| {
        Problem::new(
            Code::SourceBusy,
            "this source has used up its allowance for now",
        )
    })?;
    let items = of
        .kind
        .read(&sent, &of.own)
        .map_err(|unreadable| Problem::new(Code::UnreadableBody, unreadable.0))?;
    let trace = request
        .extensions()
        .get::<RequestSpan>()
        .and_then(|span| telemetry::traceparent(&span.0));
    let around = Around {
        store: &*gateway.store,
        hasher: &gateway.hasher,
        max_waiting: gateway.settings.store.max_waiting,
        source,
        trace: trace.as_deref(),
    };
    let whole = (items.len() == 1).then_some(&*body);
    let shown = |raw| of.own.without_secrets(raw, source.token.as_ref());
    let mut leads = Vec::new();
    for item in items {
        let kept = match item {
            Item::Lead(entry) => {
                let raw = shown(platform::raw_of(whole, &entry));
                Some(platform::take(around, *entry, raw).await?)
            }
            Item::Fetch(fetch) => {
                let raw = shown(platform::raw_of(whole, &fetch));
                Some(platform::take_notice(around, fetch, raw).await?)
            }
            Item::Withdraw { id } => withdrawn(around, &id).await?,
        };
        leads.extend(kept);
    }
    let public = gateway.settings.server.public_url.as_deref();
    let prefix = public.unwrap_or_default();
    let leads = leads.into_iter().map(|lead_id| ReceiptLead {
        status_url: format!("{prefix}/v1/leads/{lead_id}"),
        lead_id,
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Receipt {
            leads: leads.collect(),
        }))
}

/// `GET /v1/sources/{source}/leads`: a platform's subscription handshake.
pub async fn handshake(
    gateway: Data<Gateway>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let source = source_named(&gateway, &request)?;
    match shaken(source, &request) {
        None => Err(Problem::method(POST_ONLY)),
        Some(Err(denied)) => {
            let problem = refusal(denied, Code::HandshakeWrong);
            Err(guess(&gateway, &request, problem))
        }
        Some(Ok(reply)) => Ok(HttpResponse::Ok()
            .content_type(reply.content_type)
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(reply.body)),
    }
}

/// The methods of a source's address, for `Allow`: GET is there where its platform asks for a handshake.
pub(super) fn methods(gateway: &Gateway, request: &HttpRequest) -> &'static str {
    let source = source_named(gateway, request).ok();
    match source.and_then(|source| shaken(source, request)) {
        Some(_) => "GET, HEAD, POST, OPTIONS",
        None => POST_ONLY,
    }
}

/// What the source's platform is answered in its handshake. `None`: there is none.
fn shaken(source: &Source, request: &HttpRequest) -> Option<Result<Reply, Denied>> {
    let SourceKind::Platform(of) = &source.kind else {
        return None;
    };
    let arrived = Arrived::new(request, &Bytes::new());
    of.kind.shake(&arrived.sent(), &of.own)
}

/// A withdrawn lead that a worker holds at this moment cannot be changed: the platform is asked to come again.
async fn withdrawn(around: Around<'_>, id: &str) -> Result<Option<LeadId>, Problem> {
    match platform::withdraw(around, id).await? {
        Withdrawn::Done(lead) => Ok(Some(lead)),
        Withdrawn::Unknown => Ok(None),
        Withdrawn::Busy => Err(Problem::new(
            Code::SourceBusy,
            "the lead is being worked on; send this again",
        )),
    }
}

/// Guessing at tokens and signatures uses up the guesser's allowance.
fn guess(gateway: &Gateway, request: &HttpRequest, problem: Problem) -> Problem {
    let address = counted(door::client_address(gateway, request));
    match gateway.throttles.per_address.knock(&address) {
        Ok(_) => problem,
        Err(allowance) => Problem::throttled(allowance),
    }
}

/// `wrong` is the code of a proof that does not fit.
fn refusal(denied: Denied, wrong: Code) -> Problem {
    let code = match denied {
        Denied::Missing | Denied::Stale => Code::Unauthorized,
        Denied::Wrong => wrong,
    };
    Problem::new(code, denied.to_string())
}

/// A request as the adapters read it.
struct Arrived {
    method: String,
    url: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: Bytes,
    now: jiff::Timestamp,
}

impl Arrived {
    fn new(request: &HttpRequest, body: &Bytes) -> Self {
        let connection = request.connection_info();
        let mut headers = BTreeMap::new();
        for (name, value) in request.headers() {
            if let Ok(text) = value.to_str() {
                headers
                    .entry(name.as_str().to_owned())
                    .or_insert_with(|| text.to_owned());
            }
        }
        Self {
            method: request.method().to_string(),
            // A caller may write what it likes here: the address only goes into what a signature must match.
            url: format!(
                "{}://{}{}",
                connection.scheme(),
                connection.host(),
                request.uri()
            ),
            query: request.query_string().to_owned(),
            headers,
            body: body.clone(),
            now: Clock::system().now(),
        }
    }

    fn sent(&self) -> Sent<'_> {
        Sent {
            method: &self.method,
            url: &self.url,
            query: &self.query,
            headers: &self.headers,
            body: &self.body,
            now: self.now,
        }
    }
}
