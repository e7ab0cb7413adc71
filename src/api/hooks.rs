//! Where iClosed's webhooks come in. A webhook is never believed: at most it makes a question about a call due, which
//! is on disk before it is acknowledged. Whatever cannot be taken now is answered 503, so that iClosed sends it again.
//!
//! How deliveries are signed is not documented (www.iclosed.io/api says that they are), so the address itself holds
//! a secret, and a signature is asked for only where a `webhook_secret` is set.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tokio::time::Instant;

use super::problem::{Code, Problem};
use super::{Gateway, door, no_such_path};
use crate::booking::nudge::{Nudged, nudge};
use crate::iclosed::{Hook, HookKind, hooks};
use crate::lead::LeadId;
use crate::lead::email::Email;
use crate::lead::phone::Phone;
use crate::queue::Digest;
use crate::settings::Account;
use crate::sources::signature;
use crate::telemetry::events;

/// iClosed chooses the size of its deliveries itself.
const MOST_BODY_BYTES: usize = 1024 * 1024;

/// How long one delivery waits for workers to let go of the leads it concerns. A booking seldom takes longer; iClosed
/// sends again what was not acknowledged, for up to a day.
const PATIENCE: Duration = Duration::from_secs(3);

/// The names under which senders of webhooks put an HMAC-SHA-256 of the body. Which one is iClosed's is not
/// documented.
const SIGNATURES: [&str; 5] = [
    "x-iclosed-signature",
    "x-iclosed-signature-256",
    "x-webhook-signature",
    "x-signature",
    "x-hub-signature-256",
];

#[derive(Serialize)]
struct Receipt {
    received: usize,
}

/// `POST /v1/accounts/{account}/webhooks/{token}`, and with the token as `?token=`.
///
/// # Errors
/// 400, 401, 404, 408, 413, 429 or 503.
pub async fn take(
    gateway: Data<Gateway>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let (name, account) = addressed(&gateway, &request)?;
    let caller = gateway.hasher.digest("webhook", &[name.as_bytes()]);
    gateway
        .throttles
        .per_key
        .knock(&caller)
        .map_err(|_| busy())?;
    let body = door::read_body(&request, payload, MOST_BODY_BYTES).await?;
    if let Some(secret) = &account.webhook_secret
        && !is_signed(&request, &body, secret)
    {
        gateway.knock(&request)?;
        return Err(Problem::new(
            Code::Unauthorized,
            "the body's signature under webhook_secret is missing or wrong",
        ));
    }
    let hooks = hooks(&body)
        .ok_or_else(|| Problem::new(Code::UnreadableBody, "an array or an object is wanted"))?;
    let received = hooks.len();
    let deadline = Instant::now() + PATIENCE;
    let mut known = HashSet::new();
    let mut is_busy = false;
    for hook in hooks {
        if !known.insert(hook.clone()) {
            continue;
        }
        let leads = match hook.kind {
            HookKind::Contact | HookKind::Unknown => Vec::new(),
            _ => concerned(&gateway, name, &hook).await?,
        };
        if leads.is_empty() {
            events::webhook(name, hook.kind.as_str(), None, Nudged::Nothing.as_str());
        }
        for lead in leads {
            let nudged = nudge(&*gateway.store, lead, &hook, deadline).await?;
            is_busy |= nudged == Nudged::Busy;
            events::webhook(name, hook.kind.as_str(), Some(lead), nudged.as_str());
        }
    }
    if is_busy {
        return Err(busy());
    }
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Receipt { received }))
}

fn busy() -> Problem {
    Problem::new(Code::SourceBusy, "this cannot be taken now; send it again")
}

/// The account in the path, when the token is its own. Guessing uses up the guesser's allowance.
fn addressed<'a>(
    gateway: &'a Gateway,
    request: &HttpRequest,
) -> Result<(&'a str, &'a Account), Problem> {
    let path = request.match_info();
    let name = path.get("account").unwrap_or_default().to_ascii_lowercase();
    let shown = match path.get("token") {
        Some(token) => token.to_owned(),
        None => token_in_query(request.query_string()).unwrap_or_default(),
    };
    let accounts = &gateway.settings.accounts;
    let found = accounts.get_key_value(&name).filter(|(_, account)| {
        let wanted = account.webhook_token.as_ref();
        wanted.is_some_and(|wanted| signature::same(&shown, wanted.expose_secret()))
    });
    match found {
        Some((name, account)) => Ok((name, account)),
        None => {
            gateway.knock(request)?;
            Err(no_such_path())
        }
    }
}

fn token_in_query(query: &str) -> Option<String> {
    let pairs = Query::<Vec<(String, String)>>::from_query(query).ok()?;
    let mut pairs = pairs.into_inner().into_iter();
    pairs
        .find(|(name, _)| name == "token")
        .map(|(_, value)| value)
}

/// Whether one of the headers is the body's HMAC-SHA-256 in hex.
fn is_signed(request: &HttpRequest, body: &[u8], secret: &SecretString) -> bool {
    let wanted = signature::hex(&signature::hmac_sha256(
        secret.expose_secret().as_bytes(),
        &[body],
    ));
    SIGNATURES.iter().any(|name| {
        let shown = request.headers().get(*name);
        let shown = shown.and_then(|value| value.to_str().ok());
        shown.is_some_and(|shown| signature::same(&bare_hex(shown), &wanted))
    })
}

fn bare_hex(shown: &str) -> String {
    let shown = shown.trim().to_ascii_lowercase();
    shown.strip_prefix("sha256=").unwrap_or(&shown).to_owned()
}

/// The leads a webhook is about: the one whose call it names; for a call nobody knows, those that claim its invitee.
async fn concerned(gateway: &Gateway, account: &str, hook: &Hook) -> Result<Vec<LeadId>, Problem> {
    if let Some(call) = hook.call_id
        && let Some(lead) = gateway.store.by_call(account, call).await?
    {
        return Ok(vec![lead]);
    }
    let person = person(gateway, account, hook);
    if person.is_empty() {
        return Ok(Vec::new());
    }
    Ok(gateway.store.by_person(account, &person).await?)
}

/// The invitee's digests for every event that the account's sources book.
fn person(gateway: &Gateway, account: &str, hook: &Hook) -> Vec<Digest> {
    let sources = || {
        let all = gateway.settings.sources.values();
        all.filter(|source| source.account == account)
    };
    let email = hook
        .email
        .as_deref()
        .and_then(|typed| Email::parse(typed).ok());
    let email = email.map(|email| email.fold());
    let regions: BTreeSet<_> = sources()
        .map(|source| source.default_region.as_deref())
        .chain([None])
        .collect();
    let typed = hook.phone.as_deref();
    let phones: BTreeSet<String> = regions
        .into_iter()
        .filter_map(|region| Phone::parse(typed?, None, region).ok())
        .map(|phone| phone.e164)
        .collect();
    let links: BTreeSet<&String> = sources()
        .flat_map(|source| source.allowed_events.iter().chain([&source.link_prefix]))
        .collect();
    let mut digests = Vec::new();
    for link in links {
        digests.extend(gateway.hasher.person(account, link, email.as_deref(), None));
        for phone in &phones {
            digests.extend(gateway.hasher.person(account, link, None, Some(phone)));
        }
    }
    digests
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_signature_is_taken_from_any_of_the_headers_in_use() {
        let secret = SecretString::from("a-secret-of-the-dashboard");
        let body = br#"[{"hookType":"Call booked"}]"#;
        let hex = signature::hex(&signature::hmac_sha256(
            secret.expose_secret().as_bytes(),
            &[body],
        ));
        let signed = |name: &'static str, value: String| {
            let request = TestRequest::post().insert_header((name, value));
            is_signed(&request.to_http_request(), body, &secret)
        };
        for name in SIGNATURES {
            assert!(signed(name, hex.clone()), "{name}");
            assert!(signed(name, format!("sha256={hex}")), "{name}");
            assert!(signed(name, hex.to_uppercase()), "{name}");
            assert!(!signed(name, hex[1..].to_owned()), "{name}");
            assert!(!signed(name, String::new()), "{name}");
        }
        assert!(!signed("x-other-signature", hex));
        assert!(!is_signed(
            &TestRequest::post().to_http_request(),
            body,
            &secret
        ));
    }

    #[test]
    fn a_token_is_read_from_the_query() {
        for (query, expected) in [
            ("token=abc", Some("abc")),
            ("a=b&token=a%2Fb&token=x", Some("a/b")),
            ("", None),
            ("tokens=abc", None),
        ] {
            assert_eq!(token_in_query(query).as_deref(), expected, "{query}");
        }
    }
}
