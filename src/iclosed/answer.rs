//! Reading 2xx answers of every endpoint but the list of calls. One odd item never spoils its list, but an answer
//! without the part that carries the meaning is an unknown one, never an empty one.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde_json::Value;

use super::error::CallError;
use super::read;

/// The open slots of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Availability {
    /// Without any order; instants may repeat.
    pub slots: Vec<Timestamp>,
    /// How many items could not be read.
    pub skipped: usize,
    /// The hosts whose calendars were looked at.
    pub applied_host_ids: Vec<i64>,
}

/// A booked call. `Debug` shows its id and time only.
#[derive(Clone, PartialEq, Eq)]
pub struct CreatedCall {
    /// The vendor's id of the call.
    pub id: i64,
    /// When it starts.
    pub start_time: Option<Timestamp>,
    /// When it ends.
    pub end_time: Option<Timestamp>,
    /// The invitee's IANA zone.
    pub time_zone: Option<String>,
    /// The host's name.
    pub closer_name: Option<String>,
    /// What to show the invitee; `http` or `https`.
    pub confirmation_link: Option<String>,
    /// Where to send the invitee; `http` or `https`.
    pub redirect_url: Option<String>,
}

/// One contact of a search. `Debug` shows its id and status only.
#[derive(Clone, PartialEq, Eq)]
pub struct ListedContact {
    /// The vendor's id of the contact.
    pub id: i64,
    /// As the vendor keeps it.
    pub email: Option<String>,
    /// As it was typed somewhere: compare digits.
    pub phone_number: Option<String>,
    /// An open set of words, more than can be written.
    pub status: Option<String>,
}

/// What the event's rules make of an invitee's answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Qualification {
    /// `None`: the vendor does not say.
    pub disqualified: Option<bool>,
    /// The hosts to book with: comma-joined ids.
    pub conditional_users: Option<String>,
}

/// What an event is and asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventDetail {
    /// The vendor's id of the event.
    pub id: Option<i64>,
    /// For people.
    pub name: Option<String>,
    /// `ACTIVATED`, `DEACTIVATED`.
    pub status: Option<String>,
    /// The form's questions, without deleted ones.
    pub questions: Vec<Question>,
}

/// One question of an event's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The vendor's id of the question.
    pub id: i64,
    /// The question as people read it.
    pub statement: String,
    /// Whether the form insists on an answer.
    pub required: bool,
}

/// Where a booked call was seen or may be, the documented place first.
const CALL_PLACES: [&str; 5] = [
    "/data/eventCall/data",
    "/data/eventCall",
    "/data",
    "/eventCall",
    "",
];

/// Where a list of slot objects may keep the time.
const TIME_NAMES: [&str; 5] = ["time", "startTime", "start", "dateTime", "slot"];

/// A slot's times stand under their day in UTC, the zone that is always asked for.
pub(super) fn availability(body: &Value) -> Result<Availability, CallError> {
    let Some(days) = body["data"]["availabilities"].as_object() else {
        return Err(CallError::unknown("the slots are not a map of days"));
    };
    let mut read = Availability {
        applied_host_ids: ids(&body["data"]["appliedHostIds"]),
        ..Availability::default()
    };
    for (day, times) in days {
        let day = day.get(..10).and_then(|day| day.parse().ok());
        match times {
            Value::Array(times) => {
                for time in times {
                    match slot(day, time) {
                        Some(at) => read.slots.push(at),
                        None => read.skipped += 1,
                    }
                }
            }
            Value::Null => {}
            _ => read.skipped += 1,
        }
    }
    Ok(read)
}

fn slot(day: Option<Date>, time: &Value) -> Option<Timestamp> {
    let time = match time {
        Value::Object(fields) => TIME_NAMES
            .iter()
            .find_map(|name| fields.get(*name)?.as_str())?,
        other => other.as_str()?,
    };
    read::utc_instant(time).or_else(|| {
        let at = day?.to_datetime(time_of_day(time)?);
        TimeZone::UTC.to_timestamp(at).ok()
    })
}

/// `09:00`, also `9:00` and `09:00:00`.
fn time_of_day(text: &str) -> Option<Time> {
    let part = |part: &str| {
        let fits = matches!(part.len(), 1 | 2) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i8>().ok().filter(|_| fits)
    };
    let parts: Option<Vec<i8>> = text.trim().split(':').map(part).collect();
    match *parts?.as_slice() {
        [hour, minute] => Time::new(hour, minute, 0, 0).ok(),
        [hour, minute, second] => Time::new(hour, minute, second, 0).ok(),
        _ => None,
    }
}

/// A call counts as booked only with an id and without a status of failure inside.
pub(super) fn created_call(body: &Value) -> Result<CreatedCall, CallError> {
    confirmed(&body["data"]["eventCall"])?;
    confirmed(&body["data"])?;
    confirmed(body)?;
    let places: Vec<&Value> = CALL_PLACES
        .iter()
        .filter_map(|place| body.pointer(place))
        .collect();
    let Some(id) = places.iter().find_map(|place| read::id(&place["id"])) else {
        return Err(CallError::unknown("the answer names no call"));
    };
    let text = |name: &str| places.iter().find_map(|place| read::text(&place[name]));
    let link = |name: &str| places.iter().find_map(|place| read::link(&place[name]));
    let instant = |name: &str| places.iter().find_map(|place| read::instant(&place[name]));
    Ok(CreatedCall {
        id,
        start_time: instant("startTime"),
        end_time: instant("endTime"),
        time_zone: text("timeZone"),
        closer_name: text("closerName"),
        confirmation_link: link("confirmationLink"),
        redirect_url: link("redirectUrl"),
    })
}

/// A call counts as called off only without a status of failure inside.
pub(super) fn call_cancelled(body: &Value) -> Result<(), CallError> {
    confirmed(&body["data"]["eventCall"])?;
    confirmed(&body["data"])?;
    confirmed(body)
}

/// Some answers carry a status of their own inside, whose failure values are not documented.
fn confirmed(envelope: &Value) -> Result<(), CallError> {
    match read::id(&envelope["status"]) {
        Some(status @ 400..) => Err(CallError::unknown(&format!(
            "the answer holds the status {status}"
        ))),
        _ => Ok(()),
    }
}

/// The id of a new contact.
pub(super) fn contact_id(body: &Value) -> Result<i64, CallError> {
    confirmed(body)?;
    let places = [&body["data"]["contact"]["id"], &body["data"]["id"]];
    let id = places.into_iter().find_map(read::id);
    id.ok_or_else(|| CallError::unknown("the answer names no contact"))
}

/// The contacts of a search; items without an id are left out.
pub(super) fn contacts(body: &Value) -> Result<Vec<ListedContact>, CallError> {
    let Some(items) = body["data"]["contacts"].as_array() else {
        return Err(CallError::unknown("the contacts are not a list"));
    };
    let contact = |item: &Value| {
        Some(ListedContact {
            id: read::id(&item["id"])?,
            email: read::text(&item["email"]),
            phone_number: read::text(&item["phoneNumber"]),
            status: read::text(&item["status"]),
        })
    };
    Ok(items.iter().filter_map(contact).collect())
}

/// What saving answers told; an envelope that does not say is a success that does not say.
pub(super) fn qualification(body: &Value) -> Result<Qualification, CallError> {
    confirmed(body)?;
    let data = &body["data"];
    let hosts = match &data["conditionalUsers"] {
        Value::String(hosts) => hosts.trim().to_owned(),
        hosts => ids(hosts)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(","),
    };
    Ok(Qualification {
        disqualified: data["isDisqualified"].as_bool(),
        conditional_users: (!hosts.is_empty()).then_some(hosts),
    })
}

/// One event's settings.
pub(super) fn event_detail(body: &Value) -> Result<EventDetail, CallError> {
    let data = &body["data"];
    if !data.is_object() {
        return Err(CallError::unknown("the answer names no event"));
    }
    let question = |item: &Value| {
        Some(Question {
            id: read::id(&item["id"])?,
            statement: read::text(&item["statement"]).unwrap_or_default(),
            required: item["required"].as_bool().unwrap_or_default(),
        })
    };
    let questions = data["inviteeQuestions"].as_array().into_iter().flatten();
    Ok(EventDetail {
        id: read::id(&data["id"]),
        name: read::text(&data["name"]),
        status: read::text(&data["status"]),
        questions: questions
            .filter(|item| read::is_blank(&item["deletedAt"]))
            .filter_map(question)
            .collect(),
    })
}

fn ids(value: &Value) -> Vec<i64> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(read::id)
        .collect()
}

impl fmt::Debug for CreatedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedCall")
            .field("id", &self.id)
            .field("start_time", &self.start_time)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ListedContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListedContact")
            .field("id", &self.id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
