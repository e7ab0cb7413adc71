//! What an event offers: pages of free instants, shared by everybody who asks within a few seconds.
//!
//! Slots are asked for in UTC, so one page serves every zone and no clock change can move an instant.

mod single_flight;

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use tracing::Instrument;

use crate::iclosed::{CallError, Endpoint, EventDates, RefusalKind};
use crate::lead::Lane;
use crate::queue::{Store, StoreError};

use super::pace::{Pace, Permit};
use single_flight::SingleFlight;

/// The longest a lookup may take before its caller is told to come back; iClosed's clients give reads 8 to 10 s.
const LONGEST_LOOKUP: Duration = Duration::from_secs(9);

/// How long an event that is gone is not asked about again.
const GONE_KEPT: Duration = Duration::from_secs(30);

/// The most pages one question reads.
const MOST_PAGES: usize = 4;

/// One answer of `POST /v1/events/eventDates`.
#[derive(Debug, PartialEq)]
pub struct Page {
    /// The first day asked for, in UTC.
    pub from: Date,
    /// Sorted, without repeats.
    pub slots: Vec<Timestamp>,
    /// When it was asked for, by the store's clock.
    pub seen_at: Timestamp,
}

/// What an event offers, as far as the pages read tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Sorted, without repeats.
    pub slots: Vec<Timestamp>,
    /// When the oldest of the pages was asked for.
    pub seen_at: Timestamp,
    /// Before this instant, what is not listed is not offered; after it, nobody asked.
    pub covered: Timestamp,
}

/// Why there is no offer. A variant is a reaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// iClosed could not be asked, or its answer could not be used: come back.
    #[error("the slots could not be looked up: {0}")]
    Later(String),
    /// The account's key is refused.
    #[error("iClosed refuses the key: {0}")]
    KeyRefused(String),
    /// iClosed does not know the event, or it is deactivated.
    #[error("iClosed does not offer the event: {0}")]
    EventGone(String),
}

/// Which event, for whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// iClosed's `username/event-name`.
    pub link_prefix: String,
    /// Only these hosts, as the vendor's comma-joined ids.
    pub conditional_users: Option<String>,
}

/// On whose behalf slots are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A lead that waits to be booked, or somebody who has shown a key.
    Lead(Lane),
    /// Anybody: asks only while half of the budget is free, so that no crowd of them keeps a lead waiting.
    Visitor,
}

/// The lookups of one account.
pub struct Lookup {
    pace: Arc<Pace>,
    store: Arc<dyn Store>,
    pages: SingleFlight<(Event, Date), Arc<Page>, LookupError>,
    /// What visitors wait for. A lead must not wait with them, so they have a queue of their own.
    visits: SingleFlight<(Event, Date), Arc<Page>, LookupError>,
    /// With when it was asked for, by the store's clock.
    gone: SingleFlight<Event, (LookupError, Timestamp), LookupError>,
}

impl Offer {
    /// Both offers together.
    pub fn and(mut self, other: Offer) -> Offer {
        self.slots.extend(other.slots);
        self.slots.sort();
        self.slots.dedup();
        self.seen_at = self.seen_at.min(other.seen_at);
        self
    }
}

impl Lookup {
    /// Lookups through `pace`, remembered for `kept`.
    pub fn new(pace: Arc<Pace>, store: Arc<dyn Store>, kept: Duration) -> Self {
        Self {
            pace,
            store,
            pages: SingleFlight::new(kept),
            visits: SingleFlight::new(Duration::ZERO),
            gone: SingleFlight::new(GONE_KEPT),
        }
    }

    /// The event's free instants between `from` and `until`, by pages seen after `fresh_after`. Stops reading when
    /// `enough` says so of what was read, when the pages end, or at a small number of pages.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub async fn offer(
        &self,
        event: &Event,
        from: Timestamp,
        until: Timestamp,
        fresh_after: Option<Timestamp>,
        asker: Asker,
        enough: impl Fn(&Offer) -> bool,
    ) -> Result<Offer, LookupError> {
        let span = tracing::info_span!("slots.lookup", account = self.pace.account());
        self.read(event, from, until, fresh_after, asker, enough)
            .instrument(span)
            .await
    }

    async fn read(
        &self,
        event: &Event,
        from: Timestamp,
        until: Timestamp,
        fresh_after: Option<Timestamp>,
        asker: Asker,
        enough: impl Fn(&Offer) -> bool,
    ) -> Result<Offer, LookupError> {
        let mut offer = Offer {
            slots: Vec::new(),
            seen_at: Timestamp::MAX,
            covered: from,
        };
        let mut day = utc_day(from);
        for _ in 0..MOST_PAGES {
            let page = self.page(event, day, fresh_after, asker).await?;
            offer.seen_at = offer.seen_at.min(page.seen_at);
            offer
                .slots
                .extend(page.slots.iter().filter(|at| (from..=until).contains(*at)));
            offer.slots.sort();
            offer.slots.dedup();
            let Some(next) = next_day(&page) else {
                offer.covered = until;
                break;
            };
            offer.covered = start_of(next);
            if offer.covered > until || enough(&offer) {
                break;
            }
            day = next;
        }
        Ok(offer)
    }

    async fn page(
        &self,
        event: &Event,
        day: Date,
        fresh_after: Option<Timestamp>,
        asker: Asker,
    ) -> Result<Arc<Page>, LookupError> {
        let gone = self.gone.get(event);
        if let Some((gone, asked_at)) = &gone
            && fresh_after.is_none_or(|after| *asked_at > after)
        {
            return Err(gone.clone());
        }
        let asked_at = self.store.now();
        let key = (event.clone(), day);
        if let (Some(after), Some(page)) = (fresh_after, self.pages.get(&key))
            && page.seen_at <= after
        {
            self.pages.forget(&key);
        }
        let found = match asker {
            Asker::Lead(lane) => {
                let permit = self.pace.permit(Endpoint::EventDates, lane);
                self.ask_once(key, permit).await
            }
            Asker::Visitor => self.visited(key).await,
        };
        match &found {
            Err(error @ LookupError::EventGone(_)) => {
                self.gone.put(event.clone(), (error.clone(), asked_at));
            }
            // It is back, and not only for who was sure of it.
            Ok(_) if gone.is_some() => self.gone.forget(event),
            _ => {}
        }
        found
    }

    /// The page for a visitor: one that is there, or one that all who want it wait for together.
    async fn visited(&self, key: (Event, Date)) -> Result<Arc<Page>, LookupError> {
        if let Some(page) = self.pages.get(&key) {
            return Ok(page);
        }
        self.visits
            .get_or_ask(key.clone(), async {
                let asked = async {
                    let permit = self.pace.spare_permit(Endpoint::EventDates).await;
                    // In hand, so that a lead that wants the page meanwhile waits for the answer alone.
                    self.ask_once(key.clone(), std::future::ready(permit)).await
                };
                match tokio::time::timeout(LONGEST_LOOKUP, asked).await {
                    Ok(page) => page,
                    Err(_) => Err(LookupError::Later("leads go first".to_owned())),
                }
            })
            .await
    }

    /// The page as it is remembered, or asked for by the first of those who want it.
    async fn ask_once(
        &self,
        key: (Event, Date),
        permit: impl Future<Output = Result<Permit, StoreError>>,
    ) -> Result<Arc<Page>, LookupError> {
        let (event, day) = key.clone();
        self.pages
            .get_or_ask(key, async {
                tokio::time::timeout(LONGEST_LOOKUP, self.ask(&event, day, permit))
                    .await
                    .unwrap_or_else(|_| Err(LookupError::Later("iClosed took too long".to_owned())))
            })
            .await
    }

    async fn ask(
        &self,
        event: &Event,
        day: Date,
        permit: impl Future<Output = Result<Permit, StoreError>>,
    ) -> Result<Arc<Page>, LookupError> {
        let request = EventDates {
            link_prefix: event.link_prefix.clone(),
            current_date: day,
            conditional_users: event.conditional_users.clone(),
        };
        let permit = permit
            .await
            .map_err(|error| LookupError::Later(error.to_string()))?;
        let seen_at = self.store.now();
        let answer = self
            .pace
            .send(permit, async |client| client.event_dates(&request).await)
            .await;
        match answer {
            Ok(availability) => {
                let mut slots = availability.slots;
                slots.sort();
                slots.dedup();
                Ok(Arc::new(Page {
                    from: day,
                    slots,
                    seen_at,
                }))
            }
            Err(error) => Err(reaction(&error)),
        }
    }
}

/// What a failed lookup means for those who asked.
fn reaction(error: &CallError) -> LookupError {
    match error {
        CallError::KeyRefused { why } => LookupError::KeyRefused(why.clone()),
        CallError::NotFound { .. } => LookupError::EventGone("not found".to_owned()),
        CallError::Refused(refusal) if refusal.kind == RefusalKind::EventGone => {
            LookupError::EventGone(error.to_string())
        }
        CallError::Refused(_)
        | CallError::Limited { .. }
        | CallError::NotSent { .. }
        | CallError::Unknown { .. } => LookupError::Later(error.to_string()),
    }
}

/// The day to ask for after this page: the one after its last slot. `None` when it had none, or did not move on.
fn next_day(page: &Page) -> Option<Date> {
    let last = utc_day(*page.slots.last()?);
    (last >= page.from).then(|| last.tomorrow().ok()).flatten()
}

fn utc_day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn start_of(day: Date) -> Timestamp {
    TimeZone::UTC
        .to_timestamp(day.at(0, 0, 0, 0))
        .unwrap_or(Timestamp::MAX)
}

/// The instant so many days later, or the last there is.
pub fn days_later(at: Timestamp, days: u32) -> Timestamp {
    at.checked_add((i64::from(days) * 24).hours())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paging_goes_on_the_day_after_the_last_slot_and_ends_where_nothing_is_offered() {
        let day: Date = "2026-12-01".parse().unwrap();
        let page = |slots: &[&str]| Page {
            from: day,
            slots: slots.iter().map(|at| at.parse().unwrap()).collect(),
            seen_at: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(
            next_day(&page(&["2026-12-01T09:00Z", "2026-12-03T23:30Z"])),
            Some("2026-12-04".parse().unwrap())
        );
        assert_eq!(next_day(&page(&[])), None);
        assert_eq!(next_day(&page(&["2026-11-30T09:00Z"])), None);
    }
}
