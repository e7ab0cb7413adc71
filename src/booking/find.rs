//! Finding a time for a lead: what is offered, what of it will do, and what it means that nothing does.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::iclosed::Endpoint;
use crate::lead::{Intent, Lane, Lead, ReasonCode, SlotPolicy};
use crate::queue::{Choice, Claim, ClaimError, Intended};

use super::lookup::{Asker, Event, LookupError, Offer, days_later};
use super::outcome::Outcome;
use super::reconcile::open_request;
use super::slots::{self, Pick, Rules};
use super::{SourceRules, Worker, looks};

impl Worker {
    /// Writes down which of the offered instants is asked for, or says what it means that there is none.
    pub(super) async fn intend(
        &self,
        claim: &mut Claim,
        offer: &Offer,
        rules: &Rules,
    ) -> Result<Result<Intent, Outcome>, ClaimError> {
        let mut gone = claim.lead.progress.refused.clone();
        loop {
            let wanted = wanted(&claim.lead, rules);
            let pick = slots::choose(&wanted.wishes, &gone, &offer.slots, &wanted.rules);
            let candidates = match pick {
                Pick::Try(candidates) => candidates,
                Pick::Ask(others) => return Ok(Err(self.without_a_time(claim, others).await?)),
                Pick::Nothing => return Ok(Err(self.without_a_time(claim, Vec::new()).await?)),
            };
            let choice = Choice {
                candidates: &candidates,
                seen_at: offer.seen_at,
            };
            if let Intended::At(intent) = self.store.intend(claim, choice).await? {
                claim.lead.progress.held_rounds = 0;
                return Ok(Ok(intent));
            }
            let progress = &mut claim.lead.progress;
            if progress.held_rounds < looks::MOST_HELD_ROUNDS {
                progress.held_rounds += 1;
                progress.fresh_after = Some(self.store.now());
                return Ok(Err(Outcome::Later {
                    why: "other leads are asking for the same times".to_owned(),
                    delay: looks::held_pause(progress.held_rounds),
                }));
            }
            // Whoever holds them that long has them, or nobody knows: the lead takes its chances elsewhere.
            gone.extend(candidates);
        }
    }

    /// What it means that no time will do; `others` are free. While an earlier request may have made the call after
    /// all, no other time is booked silently: it is looked for once more, and then the lead is asked.
    async fn without_a_time(
        &self,
        claim: &mut Claim,
        others: Vec<Timestamp>,
    ) -> Result<Outcome, ClaimError> {
        let is_in_doubt = claim.lead.progress.missed.is_some();
        if is_in_doubt && let Some(outcome) = self.look_once_more(claim).await? {
            return Ok(outcome);
        }
        Ok(match (others.is_empty(), is_in_doubt) {
            (false, _) => Outcome::AskForTime(others),
            (true, false) => Outcome::NothingFree,
            (true, true) => Outcome::Park(
                ReasonCode::OutcomeUnknown,
                "an answer was lost, no call was found, and no other time is free".to_owned(),
            ),
        })
    }

    /// Looks in every way for the call of a request that was looked for in vain before. `None`: there is none still.
    pub(super) async fn look_once_more(
        &self,
        claim: &mut Claim,
    ) -> Result<Option<Outcome>, ClaimError> {
        let Some(missed) = open_request(&claim.lead) else {
            return Ok(None);
        };
        let permit = self.pace.permit(Endpoint::ListCalls, Lane::Interactive);
        let Some(permit) = self.permit_in_hand(claim, permit).await? else {
            return Ok(Some(self.later()));
        };
        Ok(match self.find_call(claim, permit, &missed, true).await? {
            Ok(Some(booking)) => Some(Outcome::Booked {
                booking,
                found: true,
            }),
            Ok(None) => None,
            Err(error) => Some(Outcome::Failed(error.to_string())),
        })
    }

    pub(super) fn later(&self) -> Outcome {
        Outcome::Later {
            why: "too many requests for the endpoint's limit".to_owned(),
            delay: self.pace.limit().window,
        }
    }

    /// What the event offers, read as far as this lead's wishes need it.
    pub(super) async fn look_up(&self, lead: &Lead, rules: &Rules) -> Result<Offer, LookupError> {
        let event = event_of(lead);
        let Wanted { wishes, rules } = wanted(lead, rules);
        let in_range: Vec<Timestamp> = wishes
            .iter()
            .copied()
            .filter(|wish| rules.allow(*wish))
            .collect();
        let fresh_after = lead.progress.fresh_after;
        let (from, until) = (rules.not_before, rules.not_after);
        let asker = Asker::Lead(lead.lane);
        let reads_all = reads_all(lead.progress.held_rounds, rules.policy);
        let enough = |offer: &Offer| {
            !reads_all
                && in_range.iter().all(|wish| *wish < offer.covered)
                && slots::is_enough(&wishes, &lead.progress.refused, &offer.slots, &rules)
        };
        let mut offer = self
            .lookup
            .offer(&event, from, until, fresh_after, asker, enough)
            .await?;
        let beyond: Vec<Timestamp> = in_range
            .iter()
            .copied()
            .filter(|wish| *wish >= offer.covered)
            .collect();
        for wish in beyond {
            offer = offer.and(
                self.lookup
                    .offer(&event, wish, wish, fresh_after, asker, |_| true)
                    .await?,
            );
        }
        Ok(offer)
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

/// What a lead is to be given.
struct Wanted {
    wishes: Vec<Timestamp>,
    rules: Rules,
}

/// The lead's wishes, within its rules. While a lost request is in doubt only its instant will do: at any other the
/// lead could have two calls.
fn wanted(lead: &Lead, rules: &Rules) -> Wanted {
    match lead.progress.missed {
        None => Wanted {
            wishes: lead.wishes.clone(),
            rules: rules.clone(),
        },
        Some(missed) => Wanted {
            wishes: vec![missed],
            rules: Rules {
                policy: SlotPolicy::Exact,
                ..rules.clone()
            },
        },
    }
}

/// Whether every page is read for a lead that met only times in other leads' hands so often: which ones they hold only
/// the store knows, and another time will do at once, or, where only the wished one will, from then on.
fn reads_all(held_rounds: u32, policy: SlotPolicy) -> bool {
    match policy {
        SlotPolicy::Nearest | SlotPolicy::Earliest => held_rounds > 0,
        SlotPolicy::Exact => held_rounds >= looks::MOST_HELD_ROUNDS,
    }
}

pub(super) fn not_looked_up(error: LookupError) -> Outcome {
    match error {
        LookupError::Later(why) => Outcome::Failed(why),
        LookupError::KeyRefused(why) => Outcome::Park(ReasonCode::KeyRefused, why),
        LookupError::EventGone(why) => Outcome::Park(ReasonCode::EventUnavailable, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: &str) -> Timestamp {
        format!("2026-12-{day}T09:00:00Z").parse().unwrap()
    }

    #[test]
    fn while_a_lost_request_is_in_doubt_no_other_time_will_do() {
        let rules = Rules {
            policy: SlotPolicy::Earliest,
            not_before: at("01"),
            not_after: at("15"),
            preferred: None,
            zone: TimeZone::UTC,
        };
        let mut lead: Lead = serde_json::from_value(serde_json::json!({
            "id": "ld_00000000000000000000000000", "account": "main", "source": "web", "linkPrefix": "ann/intro",
            "lane": "normal", "receivedAt": "2026-12-01T08:00:00Z", "status": "booking", "slot": "earliest",
            "contact": {}, "wishes": [at("02"), at("03")],
        }))
        .unwrap();
        for (missed, wishes, policy) in [
            (None, vec![at("02"), at("03")], SlotPolicy::Earliest),
            (Some(at("03")), vec![at("03")], SlotPolicy::Exact),
            (Some(at("05")), vec![at("05")], SlotPolicy::Exact),
        ] {
            lead.progress.missed = missed;
            let wanted = wanted(&lead, &rules);
            assert_eq!((wanted.wishes, wanted.rules.policy), (wishes, policy));
        }
    }

    #[test]
    fn a_lead_whose_times_are_held_looks_further_as_soon_as_another_time_may_do() {
        use SlotPolicy::{Earliest, Exact, Nearest};
        for (rounds, policy, expected) in [
            (0, Earliest, false),
            (0, Exact, false),
            (1, Earliest, true),
            (1, Nearest, true),
            (1, Exact, false),
            (looks::MOST_HELD_ROUNDS, Exact, true),
        ] {
            assert_eq!(reads_all(rounds, policy), expected, "{rounds} {policy:?}");
        }
    }
}
