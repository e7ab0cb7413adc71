//! What an answer that tells of a lead carries.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};

use super::door::Admitted;
use super::prefer::Wait;
use super::problem::rate_limit;
use super::reply::Voice;
use super::state::LeadState;

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The answer that tells a caller where its lead stands, in the shape of the bot's platform when there is one.
pub(super) fn answer(state: &LeadState, voice: Option<&Voice>) -> HttpResponse {
    if let Some(voice) = voice {
        return voice.lead(state);
    }
    let status = StatusCode::from_u16(state.http_status()).unwrap_or(StatusCode::ACCEPTED);
    HttpResponse::build(status)
        .insert_header((header::LOCATION, state.status_url()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(state)
}

/// Tells the caller which wait was honoured.
pub(super) fn applied(answer: &mut HttpResponse, wait: &Wait) {
    let Some(applied) = &wait.applied else { return };
    if let Ok(value) = header::HeaderValue::from_str(applied) {
        answer.headers_mut().insert(PREFERENCE_APPLIED, value);
    }
}

/// Tells a caller what is left of its allowance.
pub(super) fn tell_allowance(answer: &mut HttpResponse, admitted: &Admitted) {
    for (name, value) in rate_limit(admitted.allowance) {
        if let Ok(value) = header::HeaderValue::from_str(&value) {
            answer.headers_mut().insert(name, value);
        }
    }
}
