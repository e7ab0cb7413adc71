//! What every act of the operator has in common: who acts, a change of one lead, and the line in the log.

use actix_web::HttpRequest;
use actix_web::web::{Bytes, Payload};
use serde::de::DeserializeOwned;

use crate::api::Gateway;
use crate::api::door;
use crate::api::problem::{Code, Problem};
use crate::api::status::known;
use crate::booking::operator::Refusal;
use crate::lead::{Lead, LeadId};
use crate::queue::{Amended, Hold, Next, Stored};

/// Who acts when nobody says.
const NOBODY_NAMED: &str = "operator";
const LONGEST_NAME: usize = 64;
/// A lead that changes under the operator's hand is looked at anew so often.
const TRIES: usize = 3;

/// Who acts: `X-Operator`, 1 to 64 visible ASCII characters.
///
/// # Errors
/// 400.
pub fn operator(request: &HttpRequest) -> Result<String, Problem> {
    let Some(value) = request.headers().get("x-operator") else {
        return Ok(NOBODY_NAMED.to_owned());
    };
    let named = value.as_bytes();
    if named.is_empty() || named.len() > LONGEST_NAME || !named.iter().all(u8::is_ascii_graphic) {
        return Err(Problem::new(
            Code::BadHeader,
            "X-Operator is a name of 1 to 64 visible ASCII characters",
        ));
    }
    Ok(String::from_utf8_lossy(named).into_owned())
}

/// The JSON body.
///
/// # Errors
/// 400 with what is `wanted`, 408, 413 or 415.
pub async fn body<T: DeserializeOwned>(
    gateway: &Gateway,
    request: &HttpRequest,
    payload: Payload,
    wanted: &str,
) -> Result<T, Problem> {
    door::want_json(request)?;
    let body = bytes(gateway, request, payload).await?;
    serde_json::from_slice(&body).map_err(|_| Problem::new(Code::UnreadableBody, wanted))
}

/// The body as it came.
///
/// # Errors
/// 400, 408 or 413.
pub async fn bytes(
    gateway: &Gateway,
    request: &HttpRequest,
    payload: Payload,
) -> Result<Bytes, Problem> {
    door::read_body(request, payload, gateway.settings.server.max_body_bytes).await
}

/// Why a lead was not changed.
#[derive(Debug)]
pub enum NotChanged {
    /// The act does not fit it.
    Refused(Refusal),
    /// Another lead holds its person.
    PersonTaken(LeadId),
    /// A worker holds it, or it changes too fast.
    Busy,
}

impl NotChanged {
    /// The word of its problem; `act` is the one for a lead that the act does not fit.
    pub fn code(&self, act: Code) -> Code {
        match self {
            NotChanged::Refused(Refusal::Busy) | NotChanged::Busy => Code::LeadBusy,
            NotChanged::Refused(_) => act,
            NotChanged::PersonTaken(_) => Code::PersonTaken,
        }
    }

    /// What the operator is told; see [`NotChanged::code`].
    pub fn problem(&self, act: Code) -> Problem {
        let detail = match self {
            NotChanged::Refused(Refusal::Status(status)) => {
                format!("the lead is {}", status.as_str())
            }
            NotChanged::Refused(Refusal::Reason(code)) => {
                format!("its reason is {}: {}", code.as_str(), code.next_step())
            }
            NotChanged::PersonTaken(_) => "one person has one call: see duplicateOf".to_owned(),
            NotChanged::Refused(Refusal::Busy) | NotChanged::Busy => {
                "a worker holds the lead, or looks for its call: try again in a moment".to_owned()
            }
        };
        let mut problem = Problem::new(self.code(act), detail);
        if let NotChanged::PersonTaken(other) = self {
            problem.duplicate_of = Some(*other);
        }
        problem
    }
}

/// Changes a lead that nobody works on; `None` from `change` leaves it as it is. The lead as it was judged, and
/// whether it was changed.
///
/// # Errors
/// The problem of a store or a lead that is not there; inside, why the lead was not changed.
pub async fn change<T>(
    gateway: &Gateway,
    id: LeadId,
    change: impl Fn(&mut Lead, &Stored) -> Result<(T, Option<(Next, Hold)>), Refusal>,
) -> Result<Result<T, NotChanged>, Problem> {
    for _ in 0..TRIES {
        let stored = known(gateway, id).await?;
        if stored.is_held(gateway.store.now()) {
            return Ok(Err(NotChanged::Busy));
        }
        let mut lead = stored.lead.clone();
        let (told, going) = match change(&mut lead, &stored) {
            Ok(changed) => changed,
            Err(refusal) => return Ok(Err(NotChanged::Refused(refusal))),
        };
        let Some((next, hold)) = going else {
            return Ok(Ok(told));
        };
        match gateway
            .store
            .amend(Stored { lead, ..stored }, next, hold)
            .await?
        {
            Amended::Done => return Ok(Ok(told)),
            Amended::PersonTaken(other) => return Ok(Err(NotChanged::PersonTaken(other))),
            Amended::Changed => {}
        }
    }
    Ok(Err(NotChanged::Busy))
}

/// One act on one lead, for whoever reads the log.
pub fn tell(by: &str, act: &'static str, id: LeadId, code: Option<Code>) {
    let refused = code.map(Code::as_str);
    tracing::info!(operator = by, act, lead.id = %id, refused, "the operator acted on a lead");
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn an_operator_is_a_short_visible_name_or_nobody_in_particular() {
        let long = "x".repeat(65);
        for (name, expected) in [
            (None, Some("operator")),
            (Some("kim@acme"), Some("kim@acme")),
            (Some(&long[..64]), Some(&long[..64])),
            (Some(&long[..]), None),
            (Some(""), None),
            (Some("kim ek"), None),
            (Some("k\tim"), None),
        ] {
            let mut request = TestRequest::default();
            if let Some(name) = name {
                request = request.insert_header(("x-operator", name));
            }
            let found = operator(&request.to_http_request()).ok();
            assert_eq!(found.as_deref(), expected, "{name:?}");
        }
    }
}
