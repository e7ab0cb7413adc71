//! Asking for a slot, and naming what came back.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::iclosed::{
    CallError, CreatedCall, Endpoint, NewCall, Refusal, RefusalKind, SecondaryAnswer,
};
use crate::lead::{Booking, Lead, ReasonCode, Status, Step};
use crate::queue::{Claim, ClaimError};

use super::Worker;
use super::find::{booking_rules, not_looked_up};
use super::outcome::Outcome;
use super::pace::Permit;

/// What is left of a permit's time when the intent is written must let the request leave.
const TO_INTEND: Duration = Duration::from_secs(2);

/// The zone of a lead of whom no zone is known.
const NO_ZONE: &str = "UTC";

impl Worker {
    /// One claimed lead: find a time, write the intent down, ask for it.
    pub(super) async fn book(
        &self,
        claim: &mut Claim,
        permit: Permit,
    ) -> Result<Outcome, ClaimError> {
        if claim.lead.progress.intent.is_some() {
            return Ok(Outcome::Unknown(
                "the worker that sent the request did not live to see the answer".to_owned(),
            ));
        }
        let rules = booking_rules(&claim.lead, self.rules_of(&claim.lead), self.store.now());
        if claim
            .lead
            .progress
            .missed
            .is_some_and(|at| !rules.allow(at))
        {
            // It can be asked for no more, and nothing is learned from whether it is offered.
            match self.look_once_more(claim).await? {
                Some(outcome) => return Ok(outcome),
                None => claim.lead.progress.missed = None,
            }
            self.renew(claim).await?;
        }
        let offer = self.look_up(&claim.lead, &rules);
        let offer = match tokio::time::timeout(self.pace.longest(), offer).await {
            Ok(Ok(offer)) => offer,
            Ok(Err(error)) => return Ok(not_looked_up(error)),
            Err(_) => return Ok(Outcome::Failed("the slots took too long".to_owned())),
        };
        // Where the lookup took long, the permit and the lease would not last for the request.
        let permit = match permit.lasts(TO_INTEND) {
            true => permit,
            false => {
                drop(permit);
                let permit = self.pace.permit(Endpoint::CreateCall, claim.lead.lane);
                match self.permit_in_hand(claim, permit).await? {
                    Some(permit) => permit,
                    None => return Ok(self.later()),
                }
            }
        };
        let intent = match self.intend(claim, &offer, &rules).await? {
            Ok(intent) => intent,
            Err(outcome) => return Ok(outcome),
        };
        // A process that was stopped and woke up late must send nothing in the name of a lead it no longer holds.
        if Instant::now() >= claim.good_until {
            return Err(ClaimError::Lost);
        }
        let call = new_call(&claim.lead, intent.instant);
        let answer = self
            .pace
            .send(permit, async |client| client.create_call(&call).await)
            .await;
        Ok(match answer {
            Ok(created) => Outcome::Booked {
                booking: booking(&claim.lead, intent.instant, created),
                found: false,
            },
            Err(error) => self.refused(&claim.lead, &error),
        })
    }

    /// What a booking request that was not answered with a call means.
    fn refused(&self, lead: &Lead, error: &CallError) -> Outcome {
        match error {
            CallError::Limited { retry_after, .. } => Outcome::Later {
                why: error.to_string(),
                delay: retry_after.unwrap_or(self.pace.limit().window),
            },
            CallError::NotSent { why } => Outcome::Failed(why.clone()),
            CallError::Unknown { why } => Outcome::Unknown(why.clone()),
            CallError::KeyRefused { why } => Outcome::Park(ReasonCode::KeyRefused, why.clone()),
            CallError::NotFound { .. } => {
                Outcome::Park(ReasonCode::EventUnavailable, error.to_string())
            }
            CallError::Refused(refusal) => refusal_outcome(lead, refusal),
        }
    }
}

/// A refusal can mean that an earlier request for this instant, whose answer was lost, booked the call after all; then
/// and where the vendor says so itself, the call is looked up before anything else is tried.
fn refusal_outcome(lead: &Lead, refusal: &Refusal) -> Outcome {
    let why = refusal.to_string();
    let asked = lead.progress.intent.as_ref().map(|intent| intent.instant);
    match refusal.kind {
        RefusalKind::Duplicate => Outcome::Unknown(why),
        RefusalKind::Slot if asked.is_some() && asked == lead.progress.missed => {
            Outcome::RefusedAgain(why)
        }
        RefusalKind::Slot => Outcome::SlotRefused(why),
        RefusalKind::Fields => Outcome::Park(ReasonCode::RefusedByIclosed, why),
        RefusalKind::Disqualified => Outcome::Disqualified(why),
        RefusalKind::EventGone => Outcome::Park(ReasonCode::EventUnavailable, why),
    }
}

fn new_call(lead: &Lead, instant: Timestamp) -> NewCall {
    NewCall {
        date_time: instant,
        time_zone: lead
            .contact
            .time_zone
            .clone()
            .unwrap_or_else(|| NO_ZONE.to_owned()),
        link_prefix: lead.link_prefix.clone(),
        contact_id: lead.progress.contact_id,
        email: lead.contact.email.clone(),
        phone_number: lead.contact.phone_number.clone(),
        first_name: lead.contact.first_name.clone(),
        last_name: lead.contact.last_name.clone(),
        secondary_questions_answer: secondary_answers(lead),
        conditional_users: lead.progress.conditional_users.clone(),
        additional_guests: lead
            .additional_guests
            .iter()
            .map(|guest| crate::iclosed::Guest {
                email: guest.email.clone(),
                name: guest.name.clone(),
            })
            .collect(),
    }
}

/// The lead's answers in the vendor's shape.
pub(super) fn secondary_answers(lead: &Lead) -> Vec<SecondaryAnswer> {
    lead.answers
        .iter()
        .map(|answer| SecondaryAnswer {
            question: answer.question.clone(),
            answer: answer.values.clone(),
        })
        .collect()
}

fn booking(lead: &Lead, instant: Timestamp, created: CreatedCall) -> Booking {
    Booking {
        event_call_id: created.id,
        start_time: created.start_time.unwrap_or(instant),
        end_time: created.end_time,
        time_zone: lead
            .contact
            .time_zone
            .clone()
            .or(created.time_zone)
            .unwrap_or_else(|| NO_ZONE.to_owned()),
        closer_name: created.closer_name,
        confirmation_link: created.confirmation_link,
        redirect_url: created.redirect_url,
    }
}

/// Puts a lead that was asked for a time back into the queue with the time it chose. `false`: it was not asked.
pub fn choose_time(
    lead: &mut Lead,
    wishes: Vec<Timestamp>,
    zone: Option<String>,
    now: Timestamp,
) -> bool {
    if lead.status != Status::NeedsTime {
        return false;
    }
    lead.status = Status::Queued;
    lead.reason = None;
    lead.alternatives.clear();
    lead.wishes = wishes;
    // What was asked for before gives way to what the person says now.
    lead.progress.refused.clear();
    lead.progress.missed = None;
    lead.progress.held_rounds = 0;
    lead.progress.confirmation.displaced = None;
    lead.progress.fresh_after = Some(now);
    if zone.is_some() {
        lead.contact.time_zone = zone;
        lead.contact.time_zone_from = Some(crate::lead::zone::Origin::Lead);
    }
    lead.note(now, Step::Book.as_str(), "time_chosen", None);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_looked_into_when_the_call_may_exist_all_the_same() {
        let refusal = |kind| Refusal {
            status: 400,
            kind,
            code: None,
            message: None,
            fields: vec!["email".to_owned()],
        };
        let mut fresh = serde_json::from_value::<Lead>(serde_json::json!({
            "id": "ld_00000000000000000000000000", "account": "main", "source": "landing", "linkPrefix": "acme/call",
            "lane": "normal", "receivedAt": "2026-12-01T08:00:00Z", "status": "booking", "contact": {}, "slot": "earliest",
        }))
        .unwrap();
        let (asked, other) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        fresh.progress.intent = Some(crate::lead::Intent {
            attempt: 2,
            instant: asked,
            sent_at: Timestamp::UNIX_EPOCH,
        });
        for (kind, missed, expected) in [
            (RefusalKind::Slot, None, "slot refused"),
            (RefusalKind::Slot, Some(other), "slot refused"),
            (RefusalKind::Slot, Some(asked), "refused again"),
            (RefusalKind::Duplicate, None, "unknown"),
            (RefusalKind::Duplicate, Some(asked), "unknown"),
            (RefusalKind::Fields, None, "park refused_by_iclosed"),
            (
                RefusalKind::EventGone,
                Some(asked),
                "park event_unavailable",
            ),
        ] {
            fresh.progress.missed = missed;
            let named = match refusal_outcome(&fresh, &refusal(kind)) {
                Outcome::SlotRefused(_) => "slot refused".to_owned(),
                Outcome::RefusedAgain(_) => "refused again".to_owned(),
                Outcome::Unknown(_) => "unknown".to_owned(),
                Outcome::Park(code, why) => {
                    assert!(why.contains("email"), "{why}");
                    format!("park {}", code.as_str())
                }
                other => panic!("{kind:?}: {other:?}"),
            };
            assert_eq!(named, expected, "{kind:?} {missed:?}");
        }
        fresh.progress.missed = None;
        assert!(matches!(
            refusal_outcome(&fresh, &refusal(RefusalKind::Disqualified)),
            Outcome::Disqualified(_)
        ));
    }

    #[test]
    fn the_time_a_person_chooses_goes_before_all_that_was_asked_for() {
        let (old, new) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        let mut lead = serde_json::from_value::<Lead>(serde_json::json!({
            "id": "ld_00000000000000000000000000", "account": "main", "source": "landing", "linkPrefix": "acme/call",
            "lane": "normal", "receivedAt": old, "status": "needs_time", "contact": {}, "slot": "earliest",
            "wishes": [old], "progress": {"missed": old, "refused": [new], "heldRounds": 8},
        }))
        .unwrap();
        assert!(choose_time(&mut lead, vec![new], None, old));
        assert_eq!(lead.wishes, [new]);
        let progress = &lead.progress;
        assert_eq!((progress.missed, progress.held_rounds), (None, 0));
        assert!(progress.refused.is_empty());
        assert!(!choose_time(&mut lead, vec![old], None, old));
    }
}
