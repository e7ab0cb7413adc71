//! Cross-origin answers (the Fetch standard): a page sees what its source allows, errors included.
//!
//! Written here because the allow-list is the source's, which is in the path: the libraries decide per application.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use super::Gateway;
use super::door::origin_allowed;
use crate::settings::{Settings, SourceKind};

const EXPOSED: &str = "Location, Retry-After, RateLimit, RateLimit-Policy, Preference-Applied, \
    Idempotency-Replayed, ETag, X-Request-Id";
const METHODS: &str = "GET, POST, OPTIONS";
const HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, Traceparent, X-Leadgate-Token";
/// Chrome keeps a preflight's answer no longer than this.
const MAX_AGE_SECONDS: &str = "7200";

/// Answers preflights, which cost no allowance, and marks the other answers for the page that asked.
pub async fn around(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let preflight = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let cross = request
        .app_data::<web::Data<Gateway>>()
        .and_then(|gateway| {
            listed(
                &gateway.settings,
                request.match_info().get("source"),
                origin.as_ref(),
            )
        });
    if preflight {
        let mut answer = HttpResponse::new(StatusCode::NO_CONTENT);
        mark(answer.headers_mut(), cross.as_ref());
        if cross.is_some() {
            let headers = answer.headers_mut();
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static(METHODS),
            );
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                HeaderValue::from_static(HEADERS),
            );
            headers.insert(
                header::ACCESS_CONTROL_MAX_AGE,
                HeaderValue::from_static(MAX_AGE_SECONDS),
            );
        }
        return Ok(request.into_response(answer).map_into_right_body());
    }
    let mut response = next.call(request).await?.map_into_left_body();
    mark(response.headers_mut(), cross.as_ref());
    Ok(response)
}

/// The origin to name in the answer: one that the path's source allows or, on a lead's own path, that any form does.
fn listed(
    settings: &Settings,
    source: Option<&str>,
    origin: Option<&HeaderValue>,
) -> Option<HeaderValue> {
    let named = origin?.to_str().ok()?;
    let allows = |kind: &SourceKind| matches!(kind, SourceKind::Form(form) if origin_allowed(named, &form.allowed_origins));
    let allowed = match source {
        Some(source) => settings
            .sources
            .get(&source.to_ascii_lowercase())
            .is_some_and(|source| allows(&source.kind)),
        None => settings.sources.values().any(|source| allows(&source.kind)),
    };
    origin.filter(|_| allowed).cloned()
}

fn mark(headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        // A beacon carries credentials, which a bare `*` would refuse.
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(EXPOSED),
        );
    }
}
