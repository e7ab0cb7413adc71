//! Act two, after the response: what happens to an accepted lead.
//!
//! A [`dispatcher`] takes a permit for the step's endpoint, claims the lead that deserves it most, and gives both to
//! the [`Worker`]: qualify, book, reconcile or hand over. What came of it is an [`outcome::Outcome`], and only
//! [`apply::apply`] turns one into the lead's new state. Knows neither which store nor which source it serves.

pub mod apply;
pub mod book;
mod cancel;
pub mod confirm;
mod contact;
pub mod dispatcher;
mod find;
mod looks;
pub mod lookup;
pub mod nudge;
pub mod operator;
pub mod outcome;
pub mod pace;
mod reconcile;
pub mod slots;
mod turnstile;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;

use crate::iclosed::{CallError, Client, Endpoint};
use crate::lead::{Lead, Step};
use crate::queue::{Claim, ClaimError, Store, StoreError, Switches};
use crate::retry;
use crate::telemetry;

use apply::Bounds;
use lookup::Lookup;
use outcome::Outcome;
use pace::{Pace, Permit};

/// What a source's settings say about booking its leads.
#[derive(Clone, Debug)]
pub struct SourceRules {
    /// Never book sooner than this from now.
    pub min_notice: Duration,
    /// Nor later than so many days from now.
    pub max_days_ahead: u32,
    /// Minutes of the day, from and to, in the lead's zone.
    pub preferred_hours: Option<(u16, u16)>,
    /// Before a booking only the contact is made: nobody asks whether the lead qualifies.
    pub contact_only: bool,
}

impl Default for SourceRules {
    fn default() -> Self {
        Self {
            min_notice: Duration::from_secs(3600),
            max_days_ahead: 14,
            preferred_hours: None,
            contact_only: false,
        }
    }
}

/// Does the work of one account.
pub struct Worker {
    /// Where the leads are.
    pub store: Arc<dyn Store>,
    /// The account's way to iClosed.
    pub pace: Arc<Pace>,
    /// The account's slots.
    pub lookup: Arc<Lookup>,
    /// What rests.
    pub switches: Arc<Switches>,
    /// By source name.
    pub sources: HashMap<String, SourceRules>,
    /// For leads whose source left the settings.
    pub fallback: SourceRules,
    /// How often and how long.
    pub bounds: Bounds,
}

/// The endpoint whose budget a step depends on: its permit is taken before a lead is claimed, so that every permit
/// goes to the lead that is first in line at that moment, and no lead is held while it waits.
pub fn principal_endpoint(step: Step) -> Option<Endpoint> {
    match step {
        Step::Fetch => None,
        Step::Qualify | Step::HandOver => Some(Endpoint::SearchContacts),
        Step::Book => Some(Endpoint::CreateCall),
        Step::Reconcile | Step::Confirm | Step::Cancel => Some(Endpoint::ListCalls),
    }
}

/// The budgets an account has at iClosed, by the names [`crate::queue::Budget`] knows them by.
pub fn budget_names() -> impl Iterator<Item = &'static str> {
    Endpoint::ALL.into_iter().map(Endpoint::key)
}

impl Worker {
    /// Works on one claimed lead and settles it.
    pub async fn work(&self, claim: Claim, permit: Permit) {
        telemetry::claimed(&claim, self.store.now());
        telemetry::permitted(&claim, permit.endpoint(), permit.waited());
        let span = tracing::info_span!(
            "lead.work", otel.name = claim.step.as_str(), lead.id = %claim.lead.id,
            lead.source = claim.lead.source, step = claim.step.as_str(), attempt = claim.lead.progress.attempts + 1
        );
        telemetry::join_trace(&span, claim.lead.trace.as_deref());
        self.work_in_span(claim, permit).instrument(span).await;
    }

    async fn work_in_span(&self, mut claim: Claim, permit: Permit) {
        let id = claim.lead.id;
        let done = match claim.step {
            // Has no endpoint at iClosed, so no dispatcher here claims it.
            Step::Fetch => return,
            Step::Qualify => self.qualify(&mut claim, permit).await,
            Step::Book => self.book(&mut claim, permit).await,
            Step::Reconcile => self.reconcile(&mut claim, permit).await,
            Step::HandOver => self.hand_over(&mut claim, permit).await,
            Step::Confirm => self.confirm(&mut claim, permit).await,
            Step::Cancel => self.cancel(&mut claim, permit).await,
        };
        match done {
            Ok(outcome) => self.settle(claim, outcome).await,
            // The lead is another worker's now, or will be when the lease lapses: the store heals it.
            Err(ClaimError::Lost) => {
                tracing::warn!(lead.id = %id, "the lease lapsed; the lead is left to its next worker")
            }
            Err(ClaimError::Store(error)) => {
                let doing = "work on a lead: it comes back when its lease lapses";
                telemetry::events::store_failed(doing, Some(id), &error);
            }
        }
    }

    async fn settle(&self, mut claim: Claim, outcome: Outcome) {
        let bounds = Bounds {
            chance: retry::chance(),
            ..self.bounds.clone()
        };
        let before = claim.lead.status;
        let (next, hold) = apply::apply(
            &mut claim.lead,
            claim.step,
            outcome,
            self.store.now(),
            &bounds,
        );
        telemetry::events::worked(&claim.lead, before, claim.step, next);
        let mut wait = Duration::from_millis(100);
        // What iClosed answered must not be lost to a short fault of the store: the lease allows some tries.
        loop {
            let settling = Claim {
                lead: claim.lead.clone(),
                ..claim
            };
            match self.store.settle(settling, next, hold).await {
                Ok(()) => return,
                Err(ClaimError::Store(error))
                    if std::time::Instant::now() + wait < claim.good_until =>
                {
                    let doing = "settle a lead: it is tried again";
                    telemetry::events::store_failed(doing, Some(claim.lead.id), &error);
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(Duration::from_secs(2));
                }
                Err(ClaimError::Store(error)) => {
                    let doing = "settle a lead: it comes back when its lease lapses";
                    telemetry::events::store_failed(doing, Some(claim.lead.id), &error);
                    return;
                }
                Err(ClaimError::Lost) => {
                    tracing::error!(lead.id = %claim.lead.id, "a lead could not be settled: it was taken over or is gone");
                    return;
                }
            }
        }
    }

    async fn renew(&self, claim: &mut Claim) -> Result<(), ClaimError> {
        self.store.renew(claim, self.lease()).await
    }

    /// One more permit in the name of a lead in hand. The wait for it ends before the lease does, and the lease then
    /// covers the request: nothing is sent for a lead that is another worker's by now. `None`: it did not come in time.
    async fn permit_in_hand(
        &self,
        claim: &mut Claim,
        permit: impl Future<Output = Result<Permit, StoreError>>,
    ) -> Result<Option<Permit>, ClaimError> {
        self.renew(claim).await?;
        let Ok(permit) = tokio::time::timeout(self.pace.longest(), permit).await else {
            return Ok(None);
        };
        let permit = permit?;
        self.renew(claim).await?;
        Ok(Some(permit))
    }

    /// One more request in the name of a lead in hand, see [`Worker::permit_in_hand`]. A permit that does not come in
    /// time asks for what a 429 asks for: to come back later.
    async fn ask_in_hand<T>(
        &self,
        claim: &mut Claim,
        permit: impl Future<Output = Result<Permit, StoreError>>,
        request: impl AsyncFnOnce(&Client) -> Result<T, CallError>,
    ) -> Result<Result<T, CallError>, ClaimError> {
        match self.permit_in_hand(claim, permit).await? {
            Some(permit) => Ok(self.pace.send(permit, request).await),
            None => Ok(Err(CallError::Limited {
                retry_after: Some(self.pace.limit().window),
                lower_limit: None,
            })),
        }
    }

    /// Longer than a step with its permit in hand can take: finding slots, one request, and room to settle.
    pub fn lease(&self) -> Duration {
        self.pace.longest() + Duration::from_secs(5)
    }

    fn rules_of(&self, lead: &Lead) -> &SourceRules {
        self.sources.get(&lead.source).unwrap_or(&self.fallback)
    }
}
