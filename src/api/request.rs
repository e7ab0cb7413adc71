//! Around every request: its id, its span, and the one shape of every error.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use actix_web::body::{self, BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use tracing::Instrument;
use tracing::field::Empty;

use super::forms::WantsPage;
use super::page;
use super::problem::{Code, Problem};
use crate::telemetry;

/// Of every answer that says nothing else: kept by nobody, taken for nothing else, and no page.
const USUAL: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
];

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The name of one request, made here.
#[derive(Clone)]
pub struct RequestId(pub String);

/// The span of one request.
#[derive(Clone)]
pub struct RequestSpan(pub tracing::Span);

/// The pattern of the path a resource is at.
pub struct Pattern(pub &'static str);

/// Gives the request an id and a span that joins the caller's trace, and every error the shape of a problem
/// document, or of a page for whoever waits for one. The span holds the route and the method; path, query, address and
/// agent are the caller's own.
pub async fn around(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = new_id();
    let began = Instant::now();
    let method = telemetry::metrics::known_method(request.method().as_str());
    // Asked for only where a span is recorded.
    let route = || request.match_pattern().unwrap_or_default();
    let span = tracing::info_span!(
        "http.request",
        otel.name = format!("{method} {}", route()).trim_end(),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route(),
        request.id = id,
        http.response.status_code = Empty
    );
    let parent = request
        .headers()
        .get(TRACEPARENT)
        .and_then(|value| value.to_str().ok());
    telemetry::join_trace(&span, parent);
    request.extensions_mut().insert(RequestId(id.clone()));
    request.extensions_mut().insert(RequestSpan(span.clone()));
    // What GET would be answered, without the content (RFC 9110, section 9.3.2), which the HTTP layer leaves out.
    let is_head = request.method() == Method::HEAD;
    if is_head {
        request.head_mut().method = Method::GET;
    }
    // A handler's error arrives here as an answer that remembers it.
    let response = next.call(request).instrument(span.clone()).await?;
    let mut response = match problem_in(response.response().error()) {
        Some(problem) => {
            let (http, plain) = response.into_parts();
            let wants_page = http.extensions().contains::<WantsPage>();
            let mut answer = match wants_page {
                true => page::fault(&problem, &id),
                false => problem.answer(&id),
            };
            for (name, value) in plain.headers() {
                // What the routes added on the way out (CORS) stays; the document's own headers win.
                if !answer.headers().contains_key(name) {
                    answer.headers_mut().append(name.clone(), value.clone());
                }
            }
            ServiceResponse::new(http, answer)
        }
        None => response.map_into_boxed_body(),
    };
    // Nobody would read a stream, and the next answer would wait behind it.
    if is_head && response.response().body().size() == BodySize::Stream {
        response = response.map_body(|_, _| BoxBody::new(body::None::new()));
    }
    let status = response.status().as_u16();
    span.record("http.response.status_code", status);
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
    let route = response.request().app_data::<Pattern>();
    let route = route.map_or("", |pattern| pattern.0);
    telemetry::metrics::served(method, route, status, began.elapsed());
    complete(response.headers_mut());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    Ok(response)
}

fn complete(headers: &mut HeaderMap) {
    for (name, value) in USUAL {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

fn problem_in(error: Option<&Error>) -> Option<Problem> {
    error.map(|error| match error.as_error::<Problem>() {
        Some(problem) => problem.clone(),
        None => {
            let status = error.as_response_error().status_code();
            let code = if status.is_client_error() {
                Code::UnreadableBody
            } else {
                Code::Internal
            };
            tracing::debug!(%status, "an error of the server library");
            Problem::new(code, "the request cannot be read")
        }
    })
}

/// Told apart from all others, and not secret: the first is random, and each is so far from the one before that no two
/// replicas meet.
fn new_id() -> String {
    /// Odd, so that every number comes once.
    const APART: u64 = 0x9E37_79B9_7F4A_7C15;
    static NEXT: OnceLock<Option<AtomicU64>> = OnceLock::new();
    let next = NEXT.get_or_init(|| getrandom::u64().ok().map(AtomicU64::new));
    match next {
        Some(next) => format!("{:016x}", next.fetch_add(APART, Ordering::Relaxed)),
        None => "none".to_owned(),
    }
}
