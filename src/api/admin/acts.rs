//! The operator's acts on one lead: retry, release, cancel.

use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::act::{self, NotChanged};
use super::record::Record;
use crate::api::Gateway;
use crate::api::problem::{Code, Problem};
use crate::api::status::{known, lead_id};
use crate::booking::operator::{self, Cancelling};
use crate::intake::first_step;
use crate::lead::{Lead, LeadId, Step};

const LONGEST_REASON_CHARS: usize = 500;

/// `POST /v1/admin/leads/{leadId}/retry`
pub async fn retry(
    gateway: Data<Gateway>,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let by = act::operator(&request)?;
    let id = lead_id(&id)?;
    let now = gateway.store.now();
    let retried = act::change(&gateway, id, |lead, _| {
        let step = operator::retried(lead)?;
        Ok(((), Some(operator::retry(lead, step, &by, now))))
    });
    let retried = retried.await?;
    ended("retry", &by, id, retried, Code::NotRetryable)?;
    told(&gateway, id, StatusCode::OK).await
}

/// `POST /v1/admin/leads/{leadId}/release`
pub async fn release(
    gateway: Data<Gateway>,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let by = act::operator(&request)?;
    let id = lead_id(&id)?;
    let now = gateway.store.now();
    let released = act::change(&gateway, id, |lead, _| {
        let release = operator::released(lead)?;
        let first = beginning(&gateway, lead);
        let going = operator::release(lead, release, first, &by, now);
        Ok(((), Some(going)))
    });
    let released = released.await?;
    ended("release", &by, id, released, Code::NotReleasable)?;
    told(&gateway, id, StatusCode::OK).await
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    reason: Option<String>,
}

/// `POST /v1/admin/leads/{leadId}/cancel`: at once where no call exists, else by way of iClosed.
pub async fn cancel(
    gateway: Data<Gateway>,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let by = act::operator(&request)?;
    let id = lead_id(&id)?;
    let body = act::bytes(&gateway, &request, payload).await?;
    let reason = reason(&body)?;
    let now = gateway.store.now();
    let cancelled = act::change(&gateway, id, |lead, stored| {
        let cancelling = operator::cancelled(lead)?;
        let is_asked = stored.waits.is_some_and(|waits| waits.step == Step::Cancel);
        if is_asked || cancelling == Cancelling::Done {
            return Ok((cancelling, None));
        }
        let going = operator::cancel(lead, cancelling, reason.clone(), &by, now);
        Ok((cancelling, Some(going)))
    });
    let cancelled = cancelled.await?;
    let status = match ended("cancel", &by, id, cancelled, Code::NotCancellable)? {
        Cancelling::AtIclosed => StatusCode::ACCEPTED,
        Cancelling::End | Cancelling::Done => StatusCode::OK,
    };
    told(&gateway, id, status).await
}

/// What the invitee is to be told, if anything.
fn reason(body: &[u8]) -> Result<Option<String>, Problem> {
    if body.is_empty() {
        return Ok(None);
    }
    let wanted = "wanted: nothing, or a JSON object with reason, of at most 500 characters";
    let asked = serde_json::from_slice::<Asked>(body).ok();
    let asked = asked.filter(|asked| {
        let chars = asked.reason.as_ref().map_or(0, |text| text.chars().count());
        chars <= LONGEST_REASON_CHARS
    });
    let asked = asked.ok_or_else(|| Problem::new(Code::UnreadableBody, wanted))?;
    Ok(asked.reason.filter(|text| !text.trim().is_empty()))
}

/// The work that a new lead of its source begins with.
fn beginning(gateway: &Gateway, lead: &Lead) -> Step {
    let source = gateway.settings.sources.get(&lead.source);
    source.map_or(Step::Book, |source| first_step(source, lead))
}

/// Says in the log how an act ended.
fn ended<T>(
    act: &'static str,
    by: &str,
    id: LeadId,
    outcome: Result<T, NotChanged>,
    code: Code,
) -> Result<T, Problem> {
    let refused = outcome.as_ref().err().map(|why| why.code(code));
    act::tell(by, act, id, refused);
    outcome.map_err(|why| why.problem(code))
}

/// The record as it stands now.
async fn told(gateway: &Gateway, id: LeadId, status: StatusCode) -> Result<HttpResponse, Problem> {
    let stored = known(gateway, id).await?;
    Ok(HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Record::whole(&stored)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_short_text_or_none() {
        let longest = format!("{{\"reason\": \"{}\"}}", "å".repeat(500));
        let longer = format!("{{\"reason\": \"{}\"}}", "å".repeat(501));
        for (body, expected) in [
            ("", Some(None)),
            ("{}", Some(None)),
            (r#"{"reason": null}"#, Some(None)),
            (r#"{"reason": " "}"#, Some(None)),
            (r#"{"reason": "ill"}"#, Some(Some("ill"))),
            (&longest, Some(Some(&"å".repeat(500)[..]))),
            (&longer, None),
            (r#"{"why": "ill"}"#, None),
            ("ill", None),
        ] {
            let read = reason(body.as_bytes()).ok();
            let read = read.as_ref().map(|reason| reason.as_deref());
            assert_eq!(read, expected, "{body}");
        }
    }
}
