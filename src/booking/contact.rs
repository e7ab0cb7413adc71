//! The lead as iClosed's contact: qualified before a booking, or handed over when there can be none.

use std::time::Duration;

use crate::iclosed::{
    CallError, Client, ContactStatus, Endpoint, InviteeAnswers, ListedContact, NewContact,
};
use crate::lead::{Lead, ReasonCode};
use crate::queue::{Claim, ClaimError};

use super::Worker;
use super::book::secondary_answers;
use super::outcome::{HandOverEnd, Outcome};
use super::pace::Permit;

impl Worker {
    /// Makes the contact, saves the answers, and learns whether the lead qualifies and for whom. Of a source that only
    /// wants its marks at iClosed the contact is enough, and no reason not to book.
    pub(super) async fn qualify(
        &self,
        claim: &mut Claim,
        permit: Permit,
    ) -> Result<Outcome, ClaimError> {
        let contact_only = self.rules_of(&claim.lead).contact_only;
        let contact_id = match self.contact(claim, permit, None).await? {
            Ok(id) => id,
            Err(CallError::Refused(_) | CallError::NotFound { .. }) if contact_only => {
                return Ok(Outcome::OnToBooking);
            }
            Err(error) => return Ok(self.contact_trouble(&error)),
        };
        if contact_only {
            return Ok(Outcome::OnToBooking);
        }
        let answers = InviteeAnswers {
            link_prefix: claim.lead.link_prefix.clone(),
            contact_id,
            email: claim.lead.contact.email.clone(),
            phone_number: claim.lead.contact.phone_number.clone(),
            first_name: claim.lead.contact.first_name.clone(),
            last_name: claim.lead.contact.last_name.clone(),
            secondary_questions_answer: secondary_answers(&claim.lead),
        };
        let permit = self.pace.permit(Endpoint::InviteeAnswers, claim.lead.lane);
        let save = async |client: &Client| client.invitee_answers(&answers).await;
        Ok(match self.ask_in_hand(claim, permit, save).await? {
            Ok(qualification) if qualification.disqualified == Some(true) => {
                Outcome::Disqualified("iClosed's qualification rules ended this lead".to_owned())
            }
            Ok(qualification) => {
                claim.lead.progress.conditional_users = qualification.conditional_users;
                Outcome::OnToBooking
            }
            Err(error) => self.contact_trouble(&error),
        })
    }

    /// Brings the contact to iClosed so that a setter can call.
    pub(super) async fn hand_over(
        &self,
        claim: &mut Claim,
        permit: Permit,
    ) -> Result<Outcome, ClaimError> {
        let status = Some(ContactStatus::Potential);
        let handed = self.contact(claim, permit, status).await?;
        Ok(Outcome::HandOver(match handed {
            Ok(_) => HandOverEnd::Done,
            Err(error) => self.hand_over_trouble(&error),
        }))
    }

    /// The contact's id at iClosed: remembered, else searched, and made when missing. Whether creating twice makes two
    /// is not documented, so a repeat always searches again. `permit` is for the search.
    async fn contact(
        &self,
        claim: &mut Claim,
        permit: Permit,
        status: Option<ContactStatus>,
    ) -> Result<Result<i64, CallError>, ClaimError> {
        let lead = &claim.lead;
        if let Some(known) = lead.progress.contact_id {
            return Ok(Ok(known));
        }
        let text = lead
            .contact
            .email
            .clone()
            .or_else(|| lead.contact.phone_number.clone())
            .unwrap_or_default();
        let known = self
            .pace
            .send(permit, async |client| client.search_contacts(&text).await)
            .await;
        let known = match known {
            Ok(contacts) => contacts
                .iter()
                .find(|contact| is_same(contact, lead))
                .map(|contact| contact.id),
            Err(error) => return Ok(Err(error)),
        };
        let contact = match known {
            Some(id) => Ok(id),
            None => {
                let contact = new_contact(lead, status);
                let permit = self.pace.permit(Endpoint::CreateContact, lead.lane);
                let create = async |client: &Client| client.create_contact(&contact).await;
                self.ask_in_hand(claim, permit, create).await?
            }
        };
        if let Ok(id) = contact {
            claim.lead.progress.contact_id = Some(id);
        }
        Ok(contact)
    }

    fn contact_trouble(&self, error: &CallError) -> Outcome {
        match error {
            CallError::Limited { retry_after, .. } => Outcome::Later {
                why: error.to_string(),
                delay: self.pause(*retry_after),
            },
            CallError::NotSent { why } | CallError::Unknown { why } => Outcome::Failed(why.clone()),
            CallError::KeyRefused { why } => Outcome::Park(ReasonCode::KeyRefused, why.clone()),
            CallError::NotFound { .. } => {
                Outcome::Park(ReasonCode::EventUnavailable, error.to_string())
            }
            CallError::Refused(_) => Outcome::Park(ReasonCode::RefusedByIclosed, error.to_string()),
        }
    }

    fn hand_over_trouble(&self, error: &CallError) -> HandOverEnd {
        match error {
            CallError::Limited { retry_after, .. } => HandOverEnd::Later(self.pause(*retry_after)),
            CallError::NotSent { .. }
            | CallError::Unknown { .. }
            | CallError::KeyRefused { .. } => HandOverEnd::Failed(error.to_string()),
            CallError::NotFound { .. } | CallError::Refused(_) => {
                HandOverEnd::Refused(error.to_string())
            }
        }
    }

    fn pause(&self, retry_after: Option<Duration>) -> Duration {
        let pause = retry_after.unwrap_or(self.pace.limit().window);
        pause.max(Duration::from_secs(1))
    }
}

fn new_contact(lead: &Lead, status: Option<ContactStatus>) -> NewContact {
    NewContact {
        first_name: lead.contact.first_name.clone(),
        last_name: lead.contact.last_name.clone(),
        email: lead.contact.email.clone(),
        phone_number: lead.contact.phone_number.clone(),
        status,
        link_prefix: Some(lead.link_prefix.clone()),
        utm: Some(lead.tracking.vendor_utm()).filter(|utm| !utm.is_empty()),
        country: lead
            .contact
            .country
            .clone()
            .filter(|country| country.len() == 2),
        time_zone: lead.contact.time_zone.clone(),
        ip_address: lead.sender.address.clone(),
        referrer_url: lead.tracking.referrer_url.clone(),
    }
}

fn is_same(contact: &ListedContact, lead: &Lead) -> bool {
    let same_email = match (&contact.email, &lead.contact.email) {
        (Some(theirs), Some(ours)) => Some(theirs.eq_ignore_ascii_case(ours)),
        _ => None,
    };
    let digits = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    same_email.unwrap_or_else(
        || match (&contact.phone_number, &lead.contact.phone_number) {
            (Some(theirs), Some(ours)) => digits(theirs) == digits(ours),
            _ => false,
        },
    )
}
