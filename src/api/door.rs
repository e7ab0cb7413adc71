//! Who may speak for a source: origin, key, token, allowance, and a body that is not too long.

mod address;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::web::Payload;
use actix_web::{HttpRequest, web};
use futures_util::{FutureExt, StreamExt};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::Gateway;
use super::problem::{Code, Problem};
use crate::intake::posted::Format;
use crate::intake::throttle::{Allowance, counted};
use crate::lead::{Sender, tracking};
use crate::settings::{Source, SourceKind};

pub(super) use address::client_address;

const TOKEN: header::HeaderName = header::HeaderName::from_static("x-leadgate-token");

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// A header is kept up to this length.
const LONGEST_HEADER: usize = 512;

/// A caller that may speak for a source.
pub struct Admitted {
    /// Showed a key of the source.
    pub keyed: bool,
    /// Where it comes from, as far as that is believed.
    pub address: IpAddr,
    /// What is left of its allowance.
    pub allowance: Allowance,
}

/// Lets a caller in: signature first, then its allowance. What is refused here has cost nothing and kept nothing.
///
/// # Errors
/// 401, 403 or 429.
pub fn admit(
    gateway: &Gateway,
    source: &Source,
    request: &HttpRequest,
) -> Result<Admitted, Problem> {
    let address = client_address(gateway, request);
    let by_address = || gateway.throttles.per_address.knock(&counted(address));
    let proven = prove(source, request);
    let key = match proven {
        Ok(key) => key,
        // Guessing keys uses up the guesser's allowance.
        Err(problem) => return Err(by_address().map_or_else(Problem::throttled, |_| problem)),
    };
    let verdict = match &key {
        Some(key) => by_key(gateway, source, key),
        None => by_address(),
    };
    let allowance = verdict.map_err(Problem::throttled)?;
    Ok(Admitted {
        keyed: key.is_some(),
        address,
        allowance,
    })
}

/// Counts a request of whoever holds this key of the source.
fn by_key(gateway: &Gateway, source: &Source, key: &str) -> Result<Allowance, Allowance> {
    let caller = gateway
        .hasher
        .digest("caller", &[source.name.as_bytes(), key.as_bytes()]);
    gateway.throttles.per_key.knock(&caller)
}

/// Lets somebody follow a lead: a chatbot by the allowance of its key, everybody else by their address's.
///
/// # Errors
/// 429.
pub fn admit_follower(gateway: &Gateway, request: &HttpRequest) -> Result<(), Problem> {
    let Some(shown) = bearer(request) else {
        return gateway.knock(request);
    };
    let mut sources = gateway.settings.sources.values();
    match sources.find(|source| is_keyed(source, request)) {
        Some(source) => by_key(gateway, source, &shown)
            .map(drop)
            .map_err(Problem::throttled),
        None => gateway.knock(request),
    }
}

/// Lets the operator in: the key first, then its allowance. An address that showed too many wrong keys is not let in
/// with any for a while.
///
/// # Errors
/// 404 as for any path that is not there when no `operator_key` is set; 401 or 429.
pub fn admit_operator(gateway: &Gateway, request: &HttpRequest) -> Result<(), Problem> {
    let Some(wanted) = &gateway.settings.server.operator_key else {
        return Err(super::no_such_path());
    };
    let address = counted(client_address(gateway, request));
    let guesses = &gateway.throttles.guesses;
    let shown = bearer(request);
    if shown.is_some() {
        let may_try = guesses.may_try(&address, Instant::now());
        may_try.map_err(Problem::throttled)?;
    }
    let is_right = |shown: &String| same(shown, wanted);
    let Some(shown) = shown.as_ref().filter(|shown| is_right(shown)) else {
        if shown.is_some() {
            guesses.wrong(address, Instant::now());
        }
        gateway.knock(request)?;
        return Err(Problem::new(
            Code::Unauthorized,
            "the operator's key is asked for as Authorization: Bearer",
        ));
    };
    let caller = gateway.hasher.digest("operator", &[shown.as_bytes()]);
    let allowance = gateway.throttles.per_key.knock(&caller);
    allowance.map(drop).map_err(Problem::throttled)
}

/// The key the caller showed; `None` where the kind asks for none.
fn prove(source: &Source, request: &HttpRequest) -> Result<Option<String>, Problem> {
    want_token(source, request)?;
    match &source.kind {
        SourceKind::Form(form) => {
            if let Some(origin) = request.headers().get(header::ORIGIN) {
                let named = origin.to_str().unwrap_or_default();
                if !origin_allowed(named, &form.allowed_origins) {
                    return Err(Problem::new(
                        Code::OriginNotAllowed,
                        "add the page's origin to allowed_origins",
                    ));
                }
            }
            Ok(None)
        }
        SourceKind::Chatbot { api_keys, .. } => match bearer(request) {
            Some(shown) if is_one_of(&shown, api_keys) => Ok(Some(shown)),
            Some(_) => Err(Problem::new(
                Code::Unauthorized,
                "this key is not one of the source's",
            )),
            None => Err(Problem::new(
                Code::Unauthorized,
                "this source asks for Authorization: Bearer",
            )),
        },
        // A platform proves itself by the bytes of its body, once they are read.
        SourceKind::Platform(_) => Ok(None),
    }
}

/// The token in the address or the header, where the source asks for one.
///
/// # Errors
/// 401.
pub fn want_token(source: &Source, request: &HttpRequest) -> Result<(), Problem> {
    match &source.token {
        Some(wanted) if !same(&token(request).unwrap_or_default(), wanted) => Err(Problem::new(
            Code::Unauthorized,
            "this source asks for its token",
        )),
        _ => Ok(()),
    }
}

/// Whether the caller shows one of the source's keys, of which only chatbots have any. Costs no allowance.
pub fn is_keyed(source: &Source, request: &HttpRequest) -> bool {
    matches!(&source.kind, SourceKind::Chatbot { api_keys, .. }
        if bearer(request).is_some_and(|shown| is_one_of(&shown, api_keys)))
}

/// Whether a browser's `Origin` is on the list; `*` lists everybody.
pub fn origin_allowed(origin: &str, allowed: &[String]) -> bool {
    allowed
        .iter()
        .any(|one| one == "*" || one.eq_ignore_ascii_case(origin))
}

/// Reads a body, and stops at the limit.
///
/// # Errors
/// 400, 408 or 413.
pub async fn read_body(
    request: &HttpRequest,
    mut payload: Payload,
    most: usize,
) -> Result<web::Bytes, Problem> {
    let too_large = || {
        Problem::new(
            Code::BodyTooLarge,
            format!("at most {most} bytes are taken"),
        )
    };
    let told = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|told| told > most as u64) {
        return Err(too_large());
    }
    let reading = async {
        let mut body = web::BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk =
                chunk.map_err(|_| Problem::new(Code::UnreadableBody, "the body ended early"))?;
            if body.len() + chunk.len() > most {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    let mut reading = std::pin::pin!(reading);
    // Nearly every body is here already, and then nothing needs to be timed.
    if let Some(read) = reading.as_mut().now_or_never() {
        return read;
    }
    tokio::time::timeout(BODY_TIMEOUT, reading)
        .await
        .unwrap_or_else(|_| {
            Err(Problem::new(
                Code::RequestTimeout,
                "the body took too long to arrive",
            ))
        })
}

/// Whether the content type is JSON.
///
/// # Errors
/// 415.
pub fn want_json(request: &HttpRequest) -> Result<(), Problem> {
    match is_json(&media_type(request)) {
        true => Ok(()),
        false => Err(Problem::new(
            Code::UnsupportedMediaType,
            "application/json is wanted",
        )),
    }
}

/// How the body is written, when this source takes it. Forms come as a browser posts them, and scripts' beacons
/// carry their JSON as plain text.
///
/// # Errors
/// 415.
pub fn format(source: &Source, request: &HttpRequest) -> Result<Format, Problem> {
    if !matches!(source.kind, SourceKind::Form(_)) {
        return want_json(request).map(|()| Format::Json);
    }
    match media_type(request).as_str() {
        "application/x-www-form-urlencoded" => Ok(Format::Urlencoded),
        // The boundary, which has 70 characters at most (RFC 2046, section 5.1.1).
        "multipart/form-data" => Ok(Format::Multipart(
            header_text(request, &header::CONTENT_TYPE).unwrap_or_default(),
        )),
        "text/plain" => Ok(Format::Json),
        named if is_json(named) => Ok(Format::Json),
        _ => Err(Problem::new(
            Code::UnsupportedMediaType,
            "application/json, a form's own type, or JSON as text/plain is wanted",
        )),
    }
}

/// The media type in lower case, without its parameters; empty when none is named.
pub(super) fn media_type(request: &HttpRequest) -> String {
    let named = header_text(request, &header::CONTENT_TYPE).unwrap_or_default();
    let essence = named.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn is_json(media_type: &str) -> bool {
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

/// What the headers say of the sender. A chatbot's are of the machine it runs on, and tell nothing of the visitor.
pub fn sender(source: &Source, address: IpAddr, request: &HttpRequest) -> Sender {
    if matches!(source.kind, SourceKind::Chatbot { .. }) {
        return Sender::default();
    }
    let agent = header_text(request, &header::USER_AGENT);
    Sender {
        address: Some(address.to_string()),
        device: agent.as_deref().and_then(tracking::device),
        user_agent: agent,
        locale: header_text(request, &header::ACCEPT_LANGUAGE)
            .as_deref()
            .and_then(tracking::locale),
    }
}

/// A header's text, when it is text, cut to a length worth keeping.
pub fn header_text(request: &HttpRequest, name: &header::HeaderName) -> Option<String> {
    let text = request.headers().get(name)?.to_str().ok()?;
    // What a header can be told as is ASCII.
    Some(text.get(..LONGEST_HEADER).unwrap_or(text).to_owned())
}

fn bearer(request: &HttpRequest) -> Option<String> {
    let text = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, key) = text.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| key.trim().to_owned())
}

fn token(request: &HttpRequest) -> Option<String> {
    if let Some(value) = request.headers().get(TOKEN) {
        return value.to_str().ok().map(str::to_owned);
    }
    let query = web::Query::<Vec<(String, String)>>::from_query(request.query_string()).ok()?;
    query
        .into_inner()
        .into_iter()
        .find(|(name, _)| name == "token")
        .map(|(_, value)| value)
}

fn is_one_of(shown: &str, keys: &[SecretString]) -> bool {
    // Every key is looked at, whichever matches: the time taken tells nothing.
    keys.iter()
        .fold(false, |found, key| found | same(shown, key))
}

fn same(shown: &str, wanted: &SecretString) -> bool {
    shown
        .as_bytes()
        .ct_eq(wanted.expose_secret().as_bytes())
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_compared_whole() {
        let list = vec!["https://acme.example".to_owned()];
        for (origin, allowed) in [
            ("https://acme.example", true),
            ("HTTPS://ACME.example", true),
            ("http://acme.example", false),
            ("https://acme.example.evil.example", false),
            ("null", false),
        ] {
            assert_eq!(origin_allowed(origin, &list), allowed, "{origin}");
        }
        assert!(origin_allowed("null", &["*".to_owned()]));
    }
}
