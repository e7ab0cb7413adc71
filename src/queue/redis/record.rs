//! One lead as Redis keeps it: the record as JSON, and beside it what a script knew and the record's writer did not.

use super::script::{Answer, unexpected};
use crate::clock::from_millis;
use crate::lead::status::frees_person;
use crate::lead::{Intent, Lead, LeadId, Status, Step};
use crate::queue::record::decode;
pub use crate::queue::record::{note_intent, readable, shown};
use crate::queue::{Seen, StoreError, Stored, Waits};

pub fn encode(lead: &Lead) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(lead)
        .map_err(|e| StoreError::Unavailable(format!("a record cannot be written: {e}")))
}

/// The record at `body` and, from `beside` on, what `beside_the_record` in `account.lua` lists.
pub fn lead(answer: &Answer, body: usize, beside: usize) -> Result<Lead, StoreError> {
    let mut lead = decode(answer.bytes(body)?)?;
    let attempt = u32::try_from(answer.number(beside)?).map_err(|_| unexpected())?;
    if attempt > 0 {
        let intent = Intent {
            attempt,
            instant: from_millis(answer.number(beside + 1)?),
            sent_at: from_millis(answer.number(beside + 2)?),
        };
        note_intent(&mut lead, &intent);
    }
    if !answer.bytes(beside + 3)?.is_empty() {
        lead.status = Status::Duplicate;
        lead.duplicate_of = Some(LeadId::from_bytes(answer.array(beside + 3)?));
    }
    Ok(lead)
}

/// What `get.lua` answers.
pub fn stored(answer: &Answer) -> Result<Stored, StoreError> {
    let mut lead = lead(answer, 0, 6)?;
    let step = match answer.word(2)? {
        "" => None,
        word => Some(step(word)?),
    };
    let (due_ms, leased, is_held) = (
        answer.number(3)?.div_euclid(1000),
        answer.number(4)? == 1,
        answer.number(5)? == 1,
    );
    let seen = Seen::of(&lead);
    lead.status = shown(lead.status, step.filter(|_| is_held));
    Ok(Stored {
        lead,
        version: answer.unsigned(1)?,
        waits: step.map(|step| Waits {
            step,
            due_at: from_millis(due_ms),
            leased,
        }),
        seen,
    })
}

fn step(word: &str) -> Result<Step, StoreError> {
    let found = Step::ALL.into_iter().find(|step| step.as_str() == word);
    found.ok_or_else(unexpected)
}

/// Whether a lead that stands like this claims nobody.
pub fn frees(lead: &Lead) -> bool {
    frees_person(lead.status, lead.reason.as_ref().map(|reason| reason.code))
}
