//! Answers in the shape of the platform a chatbot runs on: what is said, and to whom errors are shown.
//!
//! Owns which facts an answer tells and under which names; one file each for a platform's shape and for the words.

mod dialogflow_cx;
mod flat;
mod manychat;
#[cfg(test)]
mod tests;
mod words;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use jiff::tz::TimeZone;
use serde_json::Value;

use super::Gateway;
use super::problem::{Code, Problem};
use super::state::{LeadState, Slot};
use crate::lead::LeadId;
use crate::settings::{Reply, Source};

/// Who is spoken to.
pub struct Voice {
    reply: Reply,
    /// What stands before the path in an address that the platform is to call.
    address: String,
}

/// What one answer tells, whatever its shape.
#[derive(Default)]
struct Told {
    /// For the visitor.
    text: String,
    /// For the bot's author: names in snake case, the weightiest first.
    facts: Vec<(String, Value)>,
    /// Names that must not keep a value from an earlier turn.
    forget: Vec<String>,
    /// Times to choose from.
    times: Vec<Slot>,
    /// Whose time is chosen.
    lead: Option<LeadId>,
}

impl Told {
    fn fact(&mut self, name: &str, value: impl Into<Value>) {
        self.facts.push((name.to_owned(), value.into()));
    }
}

impl Voice {
    /// The voice for the bots of this source; `None`: leadgate's own answers are wanted.
    pub fn of(gateway: &Gateway, source: &Source, request: &HttpRequest) -> Option<Self> {
        let reply = source.kind.reply();
        if reply == Reply::Neutral {
            return None;
        }
        let connection = request.connection_info();
        let address = match &gateway.settings.server.public_url {
            Some(public) => public.clone(),
            None => format!("{}://{}", connection.scheme(), connection.host()),
        };
        Some(Self { reply, address })
    }

    /// How many times are offered where nobody says: a chat shows few at once.
    pub fn usual_slots(&self, has_buttons: bool) -> usize {
        match self.reply {
            Reply::ManyChat(_) if has_buttons => manychat::MOST_BUTTONS,
            _ => 5,
        }
    }

    /// Where a lead stands.
    pub fn lead(&self, state: &LeadState) -> HttpResponse {
        self.answer(&of_lead(state), HttpResponse::Ok())
    }

    /// Which times are free; `lead` is whose time a button chooses.
    pub fn slots(&self, slots: Vec<Slot>, lead: Option<LeadId>) -> HttpResponse {
        self.answer(&of_slots(slots, lead), HttpResponse::Ok())
    }

    /// What went wrong: said to the visitor where that is of use and the platform would not show it otherwise. `names`
    /// are the bot's names of fields, with leadgate's.
    ///
    /// # Errors
    /// The problem itself, for whoever wrote the bot, and for platforms that handle it.
    pub fn problem(
        &self,
        problem: Problem,
        names: &[(String, String)],
    ) -> Result<HttpResponse, Problem> {
        if !is_said(self.reply, problem.code) {
            return Err(problem);
        }
        let mut answer = HttpResponse::Ok();
        for (name, value) in problem.headers() {
            answer.insert_header((name.clone(), value.as_str()));
        }
        Ok(self.answer(&of_problem(&problem, names), answer))
    }

    fn answer(&self, told: &Told, mut answer: HttpResponseBuilder) -> HttpResponse {
        let body = match self.reply {
            Reply::ManyChat(channel) => manychat::block(told, channel, &self.address),
            Reply::DialogflowCx => dialogflow_cx::response(told),
            Reply::Flat | Reply::Neutral => flat::object(told),
        };
        answer
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(body)
    }
}

/// Whether a problem is told with status 200. ManyChat shows nothing of any other answer; Dialogflow CX has events for
/// a webhook that is unwell and none for a value that is wrong; whoever takes flat answers reads the status. What only
/// the bot's author can mend is never said to a visitor.
fn is_said(reply: Reply, code: Code) -> bool {
    let is_the_visitors = matches!(code, Code::ValidationFailed | Code::NotWaitingForTime);
    match reply {
        Reply::ManyChat(_) => is_the_visitors || code.is_retryable(),
        Reply::DialogflowCx => is_the_visitors,
        Reply::Flat | Reply::Neutral => false,
    }
}

fn of_lead(state: &LeadState) -> Told {
    let mut told = Told {
        text: words::of_lead(state),
        lead: Some(state.lead_id),
        ..Told::default()
    };
    told.fact("lead_id", state.lead_id.to_string());
    told.fact("status", state.status.as_str());
    if let Some(booking) = &state.booking {
        told.fact("time", booking.start_time.to_string());
        told.fact("label", label(booking.start_time, &booking.time_zone));
        let link = booking
            .confirmation_link
            .as_ref()
            .or(booking.redirect_url.as_ref());
        if let Some(link) = link {
            told.fact("link", link.as_str());
        }
        told.fact("time_zone", booking.time_zone.as_str());
        if let Some(closer) = &booking.closer_name {
            told.fact("closer", closer.as_str());
        }
    }
    if let Some(position) = state.position {
        told.fact("position", position);
    }
    if let Some(at) = state.estimated_start_at {
        told.fact("estimated_start_at", at.to_string());
    }
    if let Some(reason) = &state.reason {
        told.fact("code", reason.code.as_str());
    }
    told.fact("status_url", state.status_url.as_str());
    if let Some(times) = &state.alternatives {
        told.times.clone_from(times);
    }
    told
}

fn of_slots(slots: Vec<Slot>, lead: Option<LeadId>) -> Told {
    Told {
        text: words::of_slots(slots.len()),
        facts: vec![("count".to_owned(), slots.len().into())],
        times: slots,
        lead,
        ..Told::default()
    }
}

fn of_problem(problem: &Problem, names: &[(String, String)]) -> Told {
    let mut told = Told {
        text: words::of_problem(problem),
        ..Told::default()
    };
    told.fact("status", "refused");
    told.fact("code", problem.code.as_str());
    let at_fault = problem.errors.iter();
    let fields: Vec<&str> = at_fault
        .filter_map(|fault| fault.pointer.trim_start_matches('/').split('/').next())
        .filter(|field| !field.is_empty())
        .collect();
    if let Some(first) = fields.first() {
        told.fact("field", *first);
    }
    let at_fault = |ours: &str| fields.contains(&ours);
    told.forget = names
        .iter()
        .filter(|(_, ours)| at_fault(ours))
        .map(|(theirs, _)| theirs.clone())
        .collect();
    told.fact("retryable", problem.code.is_retryable());
    told
}

/// An instant as a person of this zone reads it.
fn label(at: jiff::Timestamp, zone: &str) -> String {
    Slot::new(at, &TimeZone::get(zone).unwrap_or(TimeZone::UTC)).label
}
