//! The hand behind the scenery: faults, events, reset and report; and the state that handlers
//! share. It also judges each request as it arrives: its key, its limit, its fault.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Request};
use super::chance::Chance;
use super::faults::{Fault, FaultKind, Plan};
use super::limits::{Limiter, whole_seconds};
use super::report::{self, Report, Traffic};
use super::state::State;
use super::{Options, calls, contacts, events, fields, listing};

/// A change of an event; what is absent stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventChange {
    /// Which event.
    pub link_prefix: String,
    /// Whether it can be booked.
    #[serde(default)]
    pub activated: Option<bool>,
    /// Its new hosts by name; as many as it has seats at each instant.
    #[serde(default)]
    pub hosts: Option<Vec<String>>,
    /// The instants to offer instead of its hours, one seat each.
    #[serde(default)]
    pub slots: Option<Vec<Timestamp>>,
}

/// A change named an event that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox has no event of that link")]
pub struct UnknownEvent;

/// A handle to a running sandbox. Clones share it.
#[derive(Clone)]
pub struct Control {
    options: Arc<Options>,
    scene: Arc<Mutex<Scene>>,
}

struct Scene {
    state: State,
    plan: Plan,
    chance: Chance,
    /// By account, which is the key, and endpoint. Requests without a good key are under the empty
    /// account.
    traffic: BTreeMap<(String, &'static str), Traffic>,
}

impl Scene {
    fn new(options: &Options) -> Self {
        Self {
            state: State::new(&options.events),
            plan: Plan::default(),
            chance: Chance::new(options.seed),
            traffic: BTreeMap::new(),
        }
    }
}

/// What becomes of a request that arrived.
pub(super) enum Verdict {
    /// It is answered at once.
    Refused(Answer),
    /// It is served after `wait`, unless a fault spoils that.
    Served {
        wait: Duration,
        fault: Option<FaultKind>,
    },
}

impl Control {
    pub(super) fn new(options: Options) -> Self {
        let scene = Mutex::new(Scene::new(&options));
        Self {
            options: Arc::new(options),
            scene: Arc::new(scene),
        }
    }

    fn scene(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything seen so far.
    pub fn report(&self) -> Report {
        let scene = self.scene();
        let traffic = scene.traffic.iter();
        let traffic = traffic.map(|((_, endpoint), seen)| (*endpoint, seen));
        let endpoints = report::of_endpoints(traffic, self.options.window);
        report::of(&scene.state, endpoints)
    }

    /// Adds a rule after those in force.
    pub fn add_fault(&self, fault: Fault) {
        self.scene().plan.add(fault);
    }

    /// Ends every rule.
    pub fn clear_faults(&self) {
        self.scene().plan = Plan::default();
    }

    /// Changes an event.
    ///
    /// # Errors
    ///
    /// No event has that link.
    pub fn change_event(&self, change: EventChange) -> Result<(), UnknownEvent> {
        if self.scene().state.change(change) {
            Ok(())
        } else {
            Err(UnknownEvent)
        }
    }

    /// Notes what came of a call, as its host does in the dashboard. `false`: there is no such call.
    pub fn note_outcome(&self, call_id: i64, outcome: &str) -> bool {
        let mut scene = self.scene();
        let call = scene.state.calls.iter_mut().find(|call| call.id == call_id);
        call.map(|call| call.outcome = Some(outcome.to_owned()))
            .is_some()
    }

    /// Back to the start: no calls, no contacts, no faults, no traffic, budgets whole.
    pub fn reset(&self) {
        *self.scene() = Scene::new(&self.options);
    }

    /// Judges a request by its head. The budget is spent here, so the order of arrival decides, not
    /// that of work.
    pub(super) fn arrive(&self, authorization: Option<&str>, endpoint: &'static str) -> Verdict {
        let account = self.account(authorization);
        let mut scene = self.scene();
        let (now, wall) = (Instant::now(), wall_clock());
        let Scene {
            plan,
            chance,
            traffic,
            ..
        } = &mut *scene;
        let name = account.as_ref().map_or("", |account| account);
        let seen = traffic
            .entry((name.to_owned(), endpoint))
            .or_insert_with(|| {
                let options = &self.options;
                let limiter = Limiter::new(options.limit, options.window, options.window_kind);
                Traffic::new(limiter, wall)
            });
        seen.requests += 1;
        seen.last_at = wall;
        if let Err(message) = account {
            return Verdict::Refused(Answer::plain(401, message, None));
        }
        seen.arrivals.push(now);
        if let Err(wait) = seen.limiter.check(now) {
            seen.limited += 1;
            let window_seconds = whole_seconds(self.options.window);
            let (wait, points) = (whole_seconds(wait), self.options.limit);
            return Verdict::Refused(Answer::limited(wait, points, window_seconds));
        }
        let fault = plan.strike(endpoint, chance);
        if let Some(FaultKind::Limited {
            retry_after_seconds,
            points,
            window_seconds,
        }) = fault
        {
            seen.limited += 1;
            let answer = Answer::limited(retry_after_seconds, points, window_seconds);
            return Verdict::Refused(answer);
        }
        seen.limiter.spend(now);
        let wait = match fault {
            Some(FaultKind::Latency { min_ms, max_ms }) => {
                chance.duration(&(Duration::from_millis(min_ms)..=Duration::from_millis(max_ms)))
            }
            _ => chance.duration(&self.options.latency),
        };
        Verdict::Served { wait, fault }
    }

    /// The account of a key, or the message of the 401. The wire was seen to call a key of another
    /// prefix missing.
    fn account<'a>(&self, authorization: Option<&'a str>) -> Result<&'a str, &'static str> {
        let key = authorization.and_then(|value| value.strip_prefix("Bearer "));
        let key = key.filter(|key| key.starts_with("iclosed_"));
        let key = key.ok_or("API key is required")?;
        let good = &self.options.api_keys;
        if good.is_empty() || good.iter().any(|one| one == key) {
            Ok(key)
        } else {
            Err("Invalid API key")
        }
    }

    /// Does what a request asks.
    pub(super) fn act(&self, request: &Request) -> Answer {
        let state = &mut self.scene().state;
        let now = wall_clock();
        let outcome = match request.endpoint {
            "POST /v1/events/eventDates" => events::dates(state, request, now),
            "POST /v1/eventCalls" => calls::book(state, request, now),
            "GET /v1/eventCalls" => listing::list(state, request, now),
            "PUT /v1/eventCalls/cancel" => calls::cancel(state, request, now),
            "PUT /v1/eventCalls/reschedule" => calls::reschedule(state, request, now),
            "POST /v1/contacts" => contacts::create(state, request, now),
            "GET /v1/contacts" => contacts::list(state, request),
            "PUT /v1/contacts" => contacts::update(state, request, now),
            "GET /v1/contacts/detail" => contacts::detail(state, request),
            "POST /v1/fields/inviteeAnswers" => fields::invitee_answers(state, request),
            "GET /v1/fields/objects" => fields::objects(state, request),
            "GET /v1/fields/contact-stage" => fields::contact_stage(request),
            "GET /v1/events" => events::list(state, request),
            "GET /v1/events/detail" => events::detail(state, request),
            "GET /v1/users" => events::users(state, request),
            _ => return Answer::plain(404, "Not found", None),
        };
        let shape = self.options.validation_shape;
        outcome.unwrap_or_else(|refusal| refusal.into_answer(request.endpoint, shape))
    }

    /// Lets somebody else have the slot this request wants.
    pub(super) fn take_slot_first(&self, request: &Request) {
        calls::take_slot_first(&mut self.scene().state, request);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "another system's clock: it must not follow the gateway's when a test moves that"
)]
fn wall_clock() -> Timestamp {
    Timestamp::now()
}
