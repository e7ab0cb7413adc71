//! Asking for a slot, and naming what came back.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::iclosed::{CallError, CreatedCall, NewCall, Refusal, RefusalKind, SecondaryAnswer};
use crate::lead::{Booking, Lead, ReasonCode, Status, Step};
use crate::queue::{Choice, Claim, ClaimError, Intended};

use super::lookup::{Asker, Event, LookupError, Offer, days_later};
use super::outcome::Outcome;
use super::pace::Permit;
use super::slots::{self, Pick, Rules};
use super::{SourceRules, Worker};

/// The pause before a lead whose every candidate is in other leads' hands looks again.
const HELD_PAUSE: Duration = Duration::from_millis(500);

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
        let (candidates, seen_at) = match self.find(&claim.lead).await {
            Ok(found) => found,
            Err(outcome) => return Ok(outcome),
        };
        let choice = Choice {
            candidates: &candidates,
            seen_at,
        };
        let intent = match self.store.intend(claim, choice).await? {
            Intended::At(intent) => intent,
            Intended::AllHeld => {
                claim.lead.progress.fresh_after = Some(self.store.now());
                let why = "other leads are asking for the same times".to_owned();
                return Ok(Outcome::Later {
                    why,
                    delay: HELD_PAUSE,
                });
            }
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

    /// The instants to try for this lead, or what it means that there are none.
    async fn find(&self, lead: &Lead) -> Result<(Vec<Timestamp>, Timestamp), Outcome> {
        let source = self.rules_of(lead);
        let rules = booking_rules(lead, source, self.store.now());
        let wishes = ranked_wishes(lead);
        let offer = self
            .look_up(lead, &wishes, &rules)
            .await
            .map_err(|error| match error {
                LookupError::Later(why) => Outcome::Failed(why),
                LookupError::KeyRefused(why) => Outcome::Park(ReasonCode::KeyRefused, why),
                LookupError::EventGone(why) => Outcome::Park(ReasonCode::EventUnavailable, why),
            })?;
        match slots::choose(&wishes, &lead.progress.refused, &offer.slots, &rules) {
            Pick::Try(candidates) => Ok((candidates, offer.seen_at)),
            Pick::Ask(alternatives) => Err(Outcome::AskForTime(alternatives)),
            Pick::Nothing => Err(Outcome::NothingFree),
        }
    }

    /// What the event offers, read as far as this lead's wishes need it.
    async fn look_up(
        &self,
        lead: &Lead,
        wishes: &[Timestamp],
        rules: &Rules,
    ) -> Result<Offer, LookupError> {
        let event = event_of(lead);
        let in_range: Vec<Timestamp> = wishes
            .iter()
            .copied()
            .filter(|wish| (rules.not_before..=rules.not_after).contains(wish))
            .collect();
        let fresh_after = lead.progress.fresh_after;
        let (from, until) = (rules.not_before, rules.not_after);
        let covers = |offer: &Offer| in_range.iter().all(|wish| *wish < offer.covered);
        let likes = |offer: &Offer| {
            !in_range.is_empty() || offer.slots.iter().any(|at| slots::is_preferred(*at, rules))
        };
        let enough = |offer: &Offer| !offer.slots.is_empty() && covers(offer) && likes(offer);
        let mut offer = self
            .lookup
            .offer(
                &event,
                from,
                until,
                fresh_after,
                Asker::Lead(lead.lane),
                enough,
            )
            .await?;
        let beyond: Vec<Timestamp> = in_range
            .iter()
            .copied()
            .filter(|wish| *wish >= offer.covered)
            .collect();
        for wish in beyond {
            offer = offer.and(
                self.lookup
                    .offer(
                        &event,
                        wish,
                        wish,
                        fresh_after,
                        Asker::Lead(lead.lane),
                        |_| true,
                    )
                    .await?,
            );
        }
        Ok(offer)
    }

    /// What a booking request that was not answered with a call means.
    fn refused(&self, lead: &Lead, error: &CallError) -> Outcome {
        match error {
            CallError::Limited { retry_after, .. } => Outcome::Later {
                why: "iClosed says too many requests".to_owned(),
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

/// A refusal can mean that an earlier request of this lead, whose answer was lost, booked the call after all; then
/// and where the vendor says so itself, the call is looked up before anything else is tried.
fn refusal_outcome(lead: &Lead, refusal: &Refusal) -> Outcome {
    let why = refusal.to_string();
    match refusal.kind {
        RefusalKind::Duplicate => Outcome::Unknown(why),
        RefusalKind::Slot if lead.progress.missed.is_some() => Outcome::Unknown(why),
        RefusalKind::Slot => Outcome::SlotRefused(why),
        RefusalKind::Fields => Outcome::Park(ReasonCode::RefusedByIclosed, why),
        RefusalKind::Disqualified => Outcome::Disqualified(why),
        RefusalKind::EventGone => Outcome::Park(ReasonCode::EventUnavailable, why),
    }
}

/// The event a lead is for.
pub(super) fn event_of(lead: &Lead) -> Event {
    Event {
        link_prefix: lead.link_prefix.clone(),
        conditional_users: lead.progress.conditional_users.clone(),
    }
}

/// The bounds of a lead's choice at this moment.
pub(super) fn booking_rules(lead: &Lead, source: &SourceRules, now: Timestamp) -> Rules {
    let zone = lead
        .contact
        .time_zone
        .as_deref()
        .and_then(|name| TimeZone::get(name).ok());
    Rules {
        policy: lead.slot,
        not_before: now.checked_add(source.min_notice).unwrap_or(now),
        not_after: days_later(now, source.max_days_ahead),
        preferred: source.preferred_hours,
        zone: zone.unwrap_or(TimeZone::UTC),
    }
}

/// The lead's wishes, the instant of a lost request before all: if that call exists after all, the vendor is the
/// likelier to say so.
fn ranked_wishes(lead: &Lead) -> Vec<Timestamp> {
    let mut wishes: Vec<Timestamp> = lead.progress.missed.into_iter().collect();
    wishes.extend(
        lead.wishes
            .iter()
            .filter(|wish| Some(**wish) != lead.progress.missed),
    );
    wishes
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
    lead.progress.refused.clear();
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
        for (kind, missed, park) in [
            (RefusalKind::Slot, false, None),
            (
                RefusalKind::Fields,
                false,
                Some(ReasonCode::RefusedByIclosed),
            ),
            (
                RefusalKind::EventGone,
                true,
                Some(ReasonCode::EventUnavailable),
            ),
        ] {
            fresh.progress.missed = missed.then_some(Timestamp::UNIX_EPOCH);
            match (refusal_outcome(&fresh, &refusal(kind)), park) {
                (Outcome::SlotRefused(_), None) => {}
                (Outcome::Park(code, why), Some(wanted)) => {
                    assert_eq!(code, wanted);
                    assert!(why.contains("email"), "{why}");
                }
                (other, _) => panic!("{kind:?}: {other:?}"),
            }
        }
        for (kind, missed) in [
            (RefusalKind::Slot, true),
            (RefusalKind::Duplicate, false),
            (RefusalKind::Duplicate, true),
        ] {
            fresh.progress.missed = missed.then_some(Timestamp::UNIX_EPOCH);
            assert!(
                matches!(refusal_outcome(&fresh, &refusal(kind)), Outcome::Unknown(_)),
                "{kind:?}"
            );
        }
        fresh.progress.missed = None;
        assert!(matches!(
            refusal_outcome(&fresh, &refusal(RefusalKind::Disqualified)),
            Outcome::Disqualified(_)
        ));
    }
}
