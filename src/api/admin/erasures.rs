//! Forgetting a person: every lead of theirs, and then the bytes in the store's files.
//!
//! Leads are compared by what they hold, not by their digests: so a lead is found whatever event it was for, and
//! whether or not its source recognises people by that address or number.

use std::collections::BTreeSet;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::act;
use super::leads::told;
use super::search::{folded, numbers};
use crate::api::Gateway;
use crate::api::problem::{Code, Problem};
use crate::api::status::{known, lead_id};
use crate::booking::operator;
use crate::lead::{Lead, LeadId, Status, Step};
use crate::queue::{Amended, Filter, Hold, Next, Stored};

const PAGE: usize = 200;
/// A lead that changes under the operator's hand is looked at anew so often.
const TRIES: usize = 3;
const WANTED: &str = "wanted: one of leadId, email and phoneNumber, as text";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    lead_id: Option<String>,
    email: Option<String>,
    phone_number: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    erasure_id: String,
    at: Timestamp,
    leads: Vec<LeadId>,
    busy: Vec<LeadId>,
    duplicates_suppressed_until: Option<Timestamp>,
    files_clean_at: Option<Timestamp>,
}

/// Who is to be forgotten.
#[derive(Default)]
struct Person {
    lead: Option<LeadId>,
    email: Option<String>,
    numbers: BTreeSet<String>,
}

impl Person {
    /// Whoever this lead is.
    fn of(lead: &Lead) -> Self {
        Self {
            lead: Some(lead.id),
            email: lead.contact.email.as_deref().and_then(folded),
            numbers: lead.contact.phone_number.clone().into_iter().collect(),
        }
    }

    fn is(&self, lead: &Lead) -> bool {
        let same_email = || {
            let email = lead.contact.email.as_deref().and_then(folded);
            email.is_some() && email == self.email
        };
        let same_number = || {
            let number = lead.contact.phone_number.as_ref();
            number.is_some_and(|number| self.numbers.contains(number))
        };
        lead.status != Status::Erased
            && (self.lead == Some(lead.id) || same_email() || same_number())
    }
}

/// `POST /v1/admin/erasures`
pub async fn erase(
    gateway: Data<Gateway>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let by = act::operator(&request)?;
    let asked: Asked = act::body(&gateway, &request, payload, WANTED).await?;
    let person = person(&gateway, asked).await?;
    let erasure_id = getrandom::u64()
        .map(|bits| format!("er_{bits:016x}"))
        .map_err(|_| Problem::new(Code::Internal, "the system gives no randomness"))?;
    let mut receipt = Receipt {
        erasure_id,
        at: gateway.store.now(),
        leads: Vec::new(),
        busy: Vec::new(),
        duplicates_suppressed_until: None,
        files_clean_at: None,
    };
    for id in leads_of(&gateway, &person).await? {
        match forget(&gateway, id, &by).await? {
            Forgotten::Erased(until) => {
                receipt.leads.push(id);
                receipt.duplicates_suppressed_until =
                    receipt.duplicates_suppressed_until.max(until);
                act::tell(&by, "erase", id, None);
            }
            Forgotten::Busy => {
                receipt.busy.push(id);
                act::tell(&by, "erase", id, Some(Code::LeadBusy));
            }
            Forgotten::Gone => {}
        }
    }
    // Asked again, with nothing left to erase, the files are cleaned again: the last time it may have failed.
    if !receipt.leads.is_empty() || receipt.busy.is_empty() {
        match gateway.store.scrub().await {
            Ok(()) => receipt.files_clean_at = Some(gateway.store.now()),
            Err(error) => {
                tracing::error!(%error, "erased leads may still be in the store's files: ask for the erasure again");
            }
        }
    }
    tracing::info!(
        operator = by,
        act = "erase",
        erasure.id = receipt.erasure_id,
        leads = receipt.leads.len(),
        busy = receipt.busy.len(),
        clean = receipt.files_clean_at.is_some(),
        "the operator erased a person"
    );
    Ok(told(&receipt))
}

async fn person(gateway: &Gateway, asked: Asked) -> Result<Person, Problem> {
    let unreadable = |detail: &str| Problem::new(Code::UnreadableBody, detail);
    match (asked.lead_id, asked.email, asked.phone_number) {
        (Some(id), None, None) => {
            let stored = known(gateway, lead_id(&id)?).await?;
            Ok(Person::of(&stored.lead))
        }
        (None, Some(email), None) => {
            let email = folded(&email).ok_or_else(|| unreadable("email is no address"))?;
            Ok(Person {
                email: Some(email),
                ..Person::default()
            })
        }
        (None, None, Some(text)) => {
            let numbers = numbers(&gateway.settings, &text);
            if numbers.is_empty() {
                return Err(unreadable("phoneNumber is no number"));
            }
            Ok(Person {
                numbers,
                ..Person::default()
            })
        }
        _ => Err(unreadable(WANTED)),
    }
}

/// Every lead of the person, found by looking at all there are.
async fn leads_of(gateway: &Gateway, person: &Person) -> Result<Vec<LeadId>, Problem> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = gateway.store.list(&Filter::default(), after, PAGE).await?;
        let theirs = page.leads.iter().filter(|stored| person.is(&stored.lead));
        found.extend(theirs.map(|stored| stored.lead.id));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

/// What became of one lead.
enum Forgotten {
    /// Erased; until then it claims its person.
    Erased(Option<Timestamp>),
    /// Nothing was done.
    Busy,
    /// Deleted or erased meanwhile.
    Gone,
}

async fn forget(gateway: &Gateway, id: LeadId, by: &str) -> Result<Forgotten, Problem> {
    for _ in 0..TRIES {
        let Some(stored) = gateway.store.get(id).await? else {
            return Ok(Forgotten::Gone);
        };
        if stored.lead.status == Status::Erased {
            return Ok(Forgotten::Gone);
        }
        // A call that is to be called off must not be forgotten before it is.
        let is_cancelling = stored.waits.is_some_and(|waits| waits.step == Step::Cancel);
        let now = gateway.store.now();
        if is_cancelling || stored.is_held(now) {
            return Ok(Forgotten::Busy);
        }
        let until = gateway.store.claimed_until(id).await?;
        let erased = Stored {
            lead: operator::erased(&stored.lead, by, now),
            ..stored
        };
        let amended = gateway.store.amend(erased, Next::Done, Hold::Keep).await?;
        if amended == Amended::Done {
            return Ok(Forgotten::Erased(until));
        }
    }
    Ok(Forgotten::Busy)
}
