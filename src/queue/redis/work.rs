//! The life of a claim, and the operator's change of a lead that nobody has claimed.

use std::time::{Duration, Instant};

use super::Redis;
use super::accounts::Account;
use super::notices;
use super::record::{self, frees};
use super::script::{CLAIM, INTEND, NEXT_DUE, RENEW, REWRITE};
use super::time::micros;
use crate::clock::from_millis;
use crate::lead::{Intent, Lane, Lead, LeadId, Status, Step};
use crate::queue::notices::Announced;
use crate::queue::{
    Amended, Choice, Claim, ClaimError, Digest, Hold, Intended, Next, Seen, StoreError, Stored,
};

/// A hold whose claim was never settled lapses after this. Far longer than any lookup of a lost answer takes.
const HOLD_KEPT: Duration = Duration::from_secs(24 * 3600);
/// A spent hold is kept for this: longer than any list of slots is used.
const SPENT_KEPT: Duration = Duration::from_secs(600);
/// Turns after which [`Lane::order`] begins anew.
const TURNS: u64 = 20;

/// The end of a lease that begins now, or later: Redis counts from when the step is taken.
fn good_until(lease: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(lease).unwrap_or(now)
}

/// [`Lane::order`] of every turn, as one text of ranks.
fn orders() -> String {
    let lanes = (0..TURNS).flat_map(Lane::order);
    lanes.map(|lane| lane.rank().to_string()).collect()
}

pub async fn claim(
    redis: &Redis,
    account: &str,
    step: Step,
    lease: Duration,
) -> Result<Option<Claim>, StoreError> {
    let good_until = good_until(lease);
    let account = redis.server.accounts.account(account);
    let orders = orders();
    let answer = redis
        .server
        .of_leads(&CLAIM, &account, |command| {
            command.arg(step.as_str()).arg(micros(lease)).arg(&orders);
        })
        .await?;
    if answer.is_empty() {
        return Ok(None);
    }
    let mut lead = record::lead(&answer, 0, 3)?;
    redis.server.accounts.saw(*lead.id.as_bytes(), &account);
    let seen = Seen::of(&lead);
    lead.status = record::shown(lead.status, Some(step));
    Ok(Some(Claim {
        lead,
        step,
        fence: answer.unsigned(1)?,
        due_at: from_millis(answer.number(2)? / 1000),
        good_until,
        seen,
    }))
}

pub async fn next_due(
    redis: &Redis,
    account: &str,
    step: Step,
) -> Result<Option<Duration>, StoreError> {
    let account = redis.server.accounts.account(account);
    let answer = redis
        .server
        .of_leads(&NEXT_DUE, &account, |command| {
            command.arg(step.as_str());
        })
        .await?;
    if answer.is_empty() {
        return Ok(None);
    }
    Ok(Some(Duration::from_micros(answer.unsigned(0)?)))
}

pub async fn renew(redis: &Redis, claim: &mut Claim, lease: Duration) -> Result<(), ClaimError> {
    let good_until = good_until(lease);
    let account = redis.server.accounts.account(&claim.lead.account);
    let answer = redis
        .server
        .of_leads(&RENEW, &account, |command| {
            command.arg(claim.lead.id.as_bytes()).arg(claim.fence);
            command.arg(micros(lease));
        })
        .await?;
    if answer.number(0)? == 0 {
        return Err(ClaimError::Lost);
    }
    claim.good_until = good_until;
    Ok(())
}

pub async fn intend(
    redis: &Redis,
    claim: &mut Claim,
    choice: Choice<'_>,
) -> Result<Intended, ClaimError> {
    let lead = &claim.lead;
    let account = redis.server.accounts.account(&lead.account);
    let body = record::encode(lead)?;
    let before = redis.before(&account).await?;
    let attempt = lead.progress.attempts.saturating_add(1);
    let answer = redis
        .server
        .of_leads(&INTEND, &account, |command| {
            command.arg(lead.id.as_bytes()).arg(claim.fence).arg(&body);
            command.arg(&lead.link_prefix);
            command.arg(choice.seen_at.as_microsecond()).arg(attempt);
            command.arg(micros(HOLD_KEPT)).arg(micros(SPENT_KEPT));
            for candidate in choice.candidates {
                command.arg(candidate.as_millisecond());
            }
        })
        .await?;
    match answer.word(0)? {
        "lost" => Err(ClaimError::Lost),
        "held" => Ok(Intended::AllHeld),
        _ => {
            redis.confirm(&account, before).await?;
            let intent = Intent {
                attempt,
                instant: from_millis(answer.number(1)?),
                sent_at: from_millis(answer.number(2)?),
            };
            record::note_intent(&mut claim.lead, &intent);
            Ok(Intended::At(intent))
        }
    }
}

pub async fn settle(redis: &Redis, claim: Claim, next: Next, hold: Hold) -> Result<(), ClaimError> {
    let account = redis.server.accounts.account(&claim.lead.account);
    let was = Was::claimed(&claim);
    match rewrite(redis, &account, &claim.lead, was, next, hold, None).await? {
        Rewritten::Done { .. } => Ok(()),
        Rewritten::Changed | Rewritten::PersonTaken(_) => Err(ClaimError::Lost),
    }
}

pub async fn identify(
    redis: &Redis,
    claim: Claim,
    person: Vec<Digest>,
    window: Duration,
    next: Next,
) -> Result<Option<LeadId>, ClaimError> {
    let account = redis.server.accounts.account(&claim.lead.account);
    let was = Was::claimed(&claim);
    let person = Some((person.concat(), window));
    match rewrite(redis, &account, &claim.lead, was, next, Hold::Keep, person).await? {
        Rewritten::Done { repeats } => Ok(repeats),
        Rewritten::Changed | Rewritten::PersonTaken(_) => Err(ClaimError::Lost),
    }
}

pub async fn amend(
    redis: &Redis,
    stored: Stored,
    next: Next,
    hold: Hold,
) -> Result<Amended, StoreError> {
    let account = redis.server.accounts.account(&stored.lead.account);
    let was = Was {
        by: "version",
        number: stored.version,
        seen: stored.seen,
    };
    let before = redis.before(&account).await?;
    match rewrite(redis, &account, &stored.lead, was, next, hold, None).await? {
        Rewritten::Changed => Ok(Amended::Changed),
        Rewritten::PersonTaken(other) => Ok(Amended::PersonTaken(other)),
        Rewritten::Done { .. } => {
            redis.confirm(&account, before).await?;
            Ok(Amended::Done)
        }
    }
}

/// What must be as it was for a lead to be written back, and how the lead stood then.
struct Was {
    /// `fence` or `version`.
    by: &'static str,
    number: u64,
    seen: Seen,
}

impl Was {
    fn claimed(claim: &Claim) -> Self {
        Self {
            by: "fence",
            number: claim.fence,
            seen: claim.seen,
        }
    }
}

/// What `rewrite.lua` answers.
enum Rewritten {
    Changed,
    Done {
        /// The lead that claims the person already.
        repeats: Option<LeadId>,
    },
    PersonTaken(LeadId),
}

/// `person`: the digests that take the place of the lead's own, one after the other, and how long they are claimed.
async fn rewrite(
    redis: &Redis,
    account: &Account,
    lead: &Lead,
    was: Was,
    next: Next,
    hold: Hold,
    person: Option<(Vec<u8>, Duration)>,
) -> Result<Rewritten, StoreError> {
    let body = record::encode(lead)?;
    let Was { by, number, seen } = was;
    let (step, delay) = match next {
        Next::Done => ("", Duration::ZERO),
        Next::After { step, delay } => (step.as_str(), delay),
    };
    let hold = match hold {
        Hold::Keep => "keep",
        Hold::Spent => "spent",
        Hold::Free => "free",
    };
    // Only a lead whose person became known may turn out to be a duplicate.
    let announced = match &person {
        Some(_) => redis.subscriptions.either(Some(seen), lead)?,
        None => Announced {
            kept: redis.subscriptions.notices(Some(seen), lead)?,
            repeated: Vec::new(),
        },
    };
    let told = notices::receivers(&announced);
    let keys = account.with_notice_keys(account.keys.iter().map(String::as_str), &told);
    let answer = redis
        .server
        .run(&REWRITE, &keys, |command| {
            command.arg(lead.id.as_bytes()).arg(by).arg(number);
            command.arg(&body).arg(step).arg(micros(delay));
            command.arg(lead.lane.rank()).arg(hold);
            command.arg(micros(SPENT_KEPT)).arg(frees(lead));
            command.arg(lead.status == Status::Erased);
            match &person {
                Some((digests, window)) => command.arg(digests).arg(micros(*window)),
                None => command.arg("").arg(""),
            };
            let call = lead.booking.as_ref();
            command.arg(call.map_or(String::new(), |call| call.event_call_id.to_string()));
            notices::write(command, &announced);
        })
        .await?;
    let repeats = match answer.number(0)? {
        0 => return Ok(Rewritten::Changed),
        1 if answer.bytes(1)?.is_empty() => None,
        1 => Some(LeadId::from_bytes(answer.array(1)?)),
        _ => return Ok(Rewritten::PersonTaken(LeadId::from_bytes(answer.array(1)?))),
    };
    redis.changes.lead(lead.id);
    if let Next::After { step, .. } = next {
        redis.changes.work_at(step);
    }
    if !told.is_empty() {
        redis.changes.messages();
    }
    Ok(Rewritten::Done { repeats })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_told_the_lanes_of_every_turn() {
        let orders = orders();
        assert_eq!(orders.len(), 60);
        for turn in 0..100 {
            let first = usize::try_from(turn * 3 % 60).unwrap();
            let told: Vec<String> = Lane::order(turn)
                .map(|lane| lane.rank().to_string())
                .to_vec();
            assert_eq!(orders[first..first + 3], told.concat());
        }
    }
}
