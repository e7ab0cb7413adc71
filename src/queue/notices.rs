//! What receivers outside are to be told of leads: decided here, kept by the store in the write that changes the lead.
//!
//! A notice holds ids and stable words. What is told of the lead is read from its record when the message is sent, so
//! that personal data is in no queue. Owns when something is worth telling and to whom; knows no HTTP.

use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{ClaimError, StoreError};
use crate::lead::{EventType, Lead, LeadId, MessageId, Status};

/// A receiver that failed for this long and then takes a message gets at once all that was put off meanwhile. Sooner,
/// what was put off is due within minutes by itself.
pub const HASTEN_AFTER: Duration = Duration::from_secs(300);
/// So many at each message it takes, until none is left.
pub const HASTEN_MOST: u32 = 500;
/// Due one after the other by this much.
pub const HASTEN_APART: Duration = Duration::from_millis(20);

/// What one receiver wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The receiver's name in the settings.
    pub receiver: String,
    /// Of these types.
    pub events: Vec<EventType>,
    /// Of leads of these sources; `None`: of all.
    pub sources: Option<Vec<String>>,
}

impl Subscription {
    /// Whether it wants events of this type of leads of this source.
    pub fn wants(&self, event: EventType, source: &str) -> bool {
        let of_source =
            |sources: &Vec<String>| sources.iter().any(|wanted| wanted.as_str() == source);
        self.events.contains(&event) && self.sources.as_ref().is_none_or(of_source)
    }
}

/// What decides about events, as it was when a lead was read from the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// As recorded.
    pub status: Status,
    /// When its call begins.
    pub start_time: Option<Timestamp>,
}

impl Seen {
    /// How this record stands.
    pub fn of(lead: &Lead) -> Self {
        Self {
            status: lead.status,
            start_time: lead.booking.as_ref().map(|booking| booking.start_time),
        }
    }
}

/// One message to be sent to one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The same in every try.
    pub id: MessageId,
    /// The receiver's name in the settings.
    pub receiver: String,
    /// What happened.
    pub event: EventType,
    /// To which lead.
    pub lead: LeadId,
    /// The lead's account.
    pub account: String,
    /// The lead's source.
    pub source: String,
    /// Where the lead stood then: what is told when its record is gone.
    pub status: Status,
}

impl Notice {
    /// A new message about this lead.
    ///
    /// # Errors
    /// When the system has no randomness for its id.
    pub fn new(
        receiver: &str,
        event: EventType,
        lead: &Lead,
        status: Status,
    ) -> Result<Self, StoreError> {
        let id = MessageId::random()
            .map_err(|_| StoreError::Unavailable("the system gives no randomness".to_owned()))?;
        Ok(Self {
            id,
            receiver: receiver.to_owned(),
            event,
            lead: lead.id,
            account: lead.account.clone(),
            source: lead.source.clone(),
            status,
        })
    }
}

/// A notice in a sender's hands. Only the holder of the newest fence may settle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeClaim {
    /// What to tell.
    pub notice: Notice,
    /// When it happened, by the store's clock.
    pub at: Timestamp,
    /// Tries that count and failed.
    pub tries: u32,
    /// Raised by every claim of the notice.
    pub fence: u64,
}

/// What became of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The receiver has it: the notice is deleted.
    Done,
    /// It comes back.
    PutOff {
        /// From now.
        delay: Duration,
        /// The try counts.
        counts: bool,
        /// Nothing at all is sent to the receiver for so long.
        pause: Option<Duration>,
        /// A stable word for the operator.
        failure: String,
    },
    /// The receiver wants nothing any more: it is closed until [`Outbox::reopen_receiver`]. The notice is kept.
    Ended {
        /// A stable word for the operator.
        failure: String,
    },
}

/// How a receiver stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiverState {
    /// It wanted nothing any more, since then.
    pub closed_at: Option<Timestamp>,
    /// It wants to be left alone until then.
    pub paused_until: Option<Timestamp>,
    /// It took nothing since then.
    pub failing_since: Option<Timestamp>,
    /// The last failure: when, and its word.
    pub last_failure: Option<(Timestamp, String)>,
    /// Messages that wait, those under way included.
    pub waiting: u64,
    /// When the oldest of them was written.
    pub oldest: Option<Timestamp>,
}

/// The outbound half of a store. A notice is written in the same step as the change of the lead it tells of.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Who is told what from now on, in this process. Once, before any work; a second time changes nothing.
    fn subscribe(&self, subscriptions: Vec<Subscription>);

    /// Writes notices beside any change of a lead, all due now: a replay. Those of one account in one step.
    async fn tell(&self, notices: Vec<Notice>) -> Result<(), StoreError>;

    /// Takes the receiver's longest due notice, unless it is closed or paused.
    async fn claim_notice(
        &self,
        receiver: &str,
        lease: Duration,
    ) -> Result<Option<NoticeClaim>, StoreError>;

    /// Ends a claim. One that is done brings forward what was put off while the receiver failed, see [`HASTEN_AFTER`].
    async fn settle_notice(&self, claim: NoticeClaim, delivery: Delivery)
    -> Result<(), ClaimError>;

    /// How long until the receiver's next notice is due; zero when one is, `None` when none waits or it is closed.
    async fn next_notice(&self, receiver: &str) -> Result<Option<Duration>, StoreError>;

    /// Makes one waiting notice of the receiver due now, or was there none under this id?
    async fn hasten_notice(&self, receiver: &str, id: MessageId) -> Result<bool, StoreError>;

    /// How the receiver stands.
    async fn receiver(&self, receiver: &str) -> Result<ReceiverState, StoreError>;

    /// Opens a receiver that was closed, and ends its pause.
    async fn reopen_receiver(&self, receiver: &str) -> Result<(), StoreError>;
}

/// What happened between two states of a lead; `before` is `None` for one just accepted.
pub fn events(before: Option<Seen>, after: Seen) -> Vec<EventType> {
    let mut events = Vec::new();
    if before.is_none() {
        events.push(EventType::Received);
    }
    let is_new = before.is_none_or(|before| before.status != after.status);
    let is_moved = before.is_some_and(|before| before.start_time != after.start_time);
    events.extend(match after.status {
        Status::Booked if is_new => Some(EventType::Booked),
        Status::Booked if is_moved => Some(EventType::Rescheduled),
        Status::Booked => None,
        other => event_of(other).filter(|_| is_new),
    });
    events
}

/// The event that tells of a lead that stands like this.
pub fn event_of(status: Status) -> Option<EventType> {
    match status {
        Status::Booked => Some(EventType::Booked),
        Status::NeedsTime => Some(EventType::NeedsTime),
        Status::Duplicate => Some(EventType::Duplicate),
        Status::Cancelled => Some(EventType::Cancelled),
        Status::Erased => Some(EventType::Erased),
        Status::Parked => Some(EventType::Parked),
        Status::Queued | Status::Booking | Status::Reconciling | Status::Disqualified => None,
    }
}

/// What a write has to tell: one list or the other, because only the write itself knows whether the lead's person is
/// claimed already.
#[derive(Default)]
pub struct Announced {
    /// When the lead is written as it was handed in.
    pub kept: Vec<Notice>,
    /// When it is written as a duplicate.
    pub repeated: Vec<Notice>,
}

/// Who is told what, in this process.
#[derive(Default)]
pub struct Subscriptions(OnceLock<Vec<Subscription>>);

impl Subscriptions {
    /// The first call decides.
    pub fn set(&self, subscriptions: Vec<Subscription>) {
        self.0.get_or_init(|| subscriptions);
    }

    /// What to tell of a lead that goes from `before` to how it stands.
    pub fn notices(&self, before: Option<Seen>, lead: &Lead) -> Result<Vec<Notice>, StoreError> {
        self.between(before, Seen::of(lead), lead)
    }

    /// The same for a lead that may turn out to be a duplicate in the write.
    pub fn either(&self, before: Option<Seen>, lead: &Lead) -> Result<Announced, StoreError> {
        if self.is_empty() {
            return Ok(Announced::default());
        }
        let repeated = Seen {
            status: Status::Duplicate,
            ..Seen::of(lead)
        };
        Ok(Announced {
            kept: self.notices(before, lead)?,
            repeated: self.between(before, repeated, lead)?,
        })
    }

    fn is_empty(&self) -> bool {
        self.0.get().is_none_or(Vec::is_empty)
    }

    fn between(
        &self,
        before: Option<Seen>,
        after: Seen,
        lead: &Lead,
    ) -> Result<Vec<Notice>, StoreError> {
        let subscriptions = self.0.get().map_or(&[][..], Vec::as_slice);
        let mut notices = Vec::new();
        if subscriptions.is_empty() {
            return Ok(notices);
        }
        for event in events(before, after) {
            for one in subscriptions {
                if one.wants(event, &lead.source) {
                    notices.push(Notice::new(&one.receiver, event, lead, after.status)?);
                }
            }
        }
        Ok(notices)
    }
}

/// The status of this word.
pub(super) fn status(word: &str) -> Result<Status, StoreError> {
    serde_json::from_value(serde_json::Value::String(word.to_owned()))
        .map_err(|_| StoreError::Unreadable("a status of that name is not known".to_owned()))
}

/// The event of this word.
pub(super) fn event(word: &str) -> Result<EventType, StoreError> {
    EventType::of_word(word)
        .ok_or_else(|| StoreError::Unreadable("an event of that name is not known".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(status: Status, start_time: Option<i64>) -> Seen {
        Seen {
            status,
            start_time: start_time.map(|second| Timestamp::from_second(second).unwrap()),
        }
    }

    #[test]
    fn a_change_tells_what_is_new() {
        use EventType as E;
        use Status as S;
        for (before, after, told) in [
            (None, (S::Queued, None), &[E::Received][..]),
            (None, (S::Parked, None), &[E::Received, E::Parked]),
            (None, (S::Duplicate, None), &[E::Received, E::Duplicate]),
            (Some((S::Queued, None)), (S::Queued, None), &[]),
            (Some((S::Queued, None)), (S::Reconciling, None), &[]),
            (Some((S::Queued, None)), (S::Booked, Some(1)), &[E::Booked]),
            (Some((S::Booked, Some(1))), (S::Booked, Some(1)), &[]),
            (
                Some((S::Booked, Some(1))),
                (S::Booked, Some(2)),
                &[E::Rescheduled],
            ),
            (
                Some((S::Booked, Some(1))),
                (S::Cancelled, Some(1)),
                &[E::Cancelled],
            ),
            (
                Some((S::Cancelled, Some(1))),
                (S::Booked, Some(2)),
                &[E::Booked],
            ),
            (
                Some((S::Queued, None)),
                (S::NeedsTime, None),
                &[E::NeedsTime],
            ),
            (Some((S::NeedsTime, None)), (S::NeedsTime, None), &[]),
            (Some((S::Queued, None)), (S::Parked, None), &[E::Parked]),
            (Some((S::Parked, None)), (S::Parked, None), &[]),
            (Some((S::Parked, None)), (S::Queued, None), &[]),
            (Some((S::Queued, None)), (S::Disqualified, None), &[]),
            (
                Some((S::Queued, None)),
                (S::Duplicate, None),
                &[E::Duplicate],
            ),
            (Some((S::Booked, Some(1))), (S::Erased, None), &[E::Erased]),
        ] {
            let before = before.map(|(status, start)| seen(status, start));
            let after = seen(after.0, after.1);
            assert_eq!(events(before, after), told, "{before:?} {after:?}");
        }
    }

    #[test]
    fn a_receiver_is_told_what_it_asked_for() {
        let landing_only = Subscription {
            receiver: "crm".to_owned(),
            events: vec![EventType::Booked],
            sources: Some(vec!["landing".to_owned()]),
        };
        let everything = Subscription {
            events: EventType::ALL.to_vec(),
            sources: None,
            ..landing_only.clone()
        };
        for (subscription, event, source, wanted) in [
            (&landing_only, EventType::Booked, "landing", true),
            (&landing_only, EventType::Booked, "bot", false),
            (&landing_only, EventType::Parked, "landing", false),
            (&everything, EventType::Erased, "bot", true),
        ] {
            assert_eq!(
                subscription.wants(event, source),
                wanted,
                "{event:?} {source}"
            );
        }
    }
}
