//! Reading a request's fields, each by a documented rule. Every fault of a request is found, not
//! only the first, and a name that is not documented is a fault too. What the values mean is the
//! routes' affair.
//!
//! Patterns and lengths are those of the vendor's reference (developer.iclosed.io).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::answer::Refusal;

/// The value, or what is wrong with it.
pub(super) type Checked<T> = Result<T, String>;

/// The fields of one body or query, and the faults found so far.
pub(super) struct Fields {
    object: Map<String, Value>,
    faults: Vec<(Option<String>, String)>,
}

impl Fields {
    /// A JSON body, which may hold `known` names only.
    pub(super) fn of_body(body: &[u8], known: &[&str]) -> Result<Self, Refusal> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(Self::new(object, known)),
            Ok(other) => {
                let message = format!("Expected object, received {}", kind_of(&other));
                Err(Refusal::Invalid(vec![(None, message)]))
            }
            Err(_) => {
                let message = "Request body is not valid JSON".to_owned();
                Err(Refusal::Invalid(vec![(None, message)]))
            }
        }
    }

    /// A query string, which may hold `known` names only. Every value is text.
    pub(super) fn of_query(query: &str, known: &[&str]) -> Result<Self, Refusal> {
        let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(query);
        let Ok(pairs) = pairs else {
            let message = "Query string cannot be read".to_owned();
            return Err(Refusal::Invalid(vec![(None, message)]));
        };
        let object = pairs.into_inner().into_iter();
        let object = object.map(|(name, value)| (name, value.into())).collect();
        Ok(Self::new(object, known))
    }

    fn new(object: Map<String, Value>, known: &[&str]) -> Self {
        let unknown = object.keys().filter(|name| !known.contains(&name.as_str()));
        let unknown: Vec<_> = unknown.map(|name| format!("'{name}'")).collect();
        let mut faults = Vec::new();
        if !unknown.is_empty() {
            let message = format!("Unrecognized key(s) in object: {}", unknown.join(", "));
            faults.push((None, message));
        }
        Self { object, faults }
    }

    /// A field that may be left out. `null` is a value and fits no rule.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        rule: impl Fn(&Value) -> Checked<T>,
    ) -> Option<T> {
        match rule(self.object.get(name)?) {
            Ok(value) => Some(value),
            Err(message) => {
                self.fault(name, message);
                None
            }
        }
    }

    /// A field that must be there. `None` is returned with a fault, so [`Fields::finish`] refuses.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        rule: impl Fn(&Value) -> Checked<T>,
    ) -> Option<T> {
        if !self.object.contains_key(name) {
            self.fault(name, "Required".to_owned());
        }
        self.optional(name, rule)
    }

    /// At least one of `names` must be there.
    pub(super) fn one_of(&mut self, names: &[&str]) {
        if !names.iter().any(|name| self.object.contains_key(*name)) {
            let message = format!("One of {} is required", names.join(", "));
            for name in names {
                self.fault(name, message.clone());
            }
        }
    }

    /// Both of `names` must be there, or none.
    pub(super) fn together(&mut self, names: [&str; 2]) {
        let [one, other] = names.map(|name| self.object.contains_key(name));
        if one != other {
            let message = format!("{} and {} must be given together", names[0], names[1]);
            self.faults.push((None, message));
        }
    }

    fn fault(&mut self, name: &str, message: String) {
        self.faults.push((Some(name.to_owned()), message));
    }

    /// Refuses when any fault was found.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        self.finish_with(Some(()))
    }

    /// The required values, or the refusal for want of them or for any other fault.
    pub(super) fn finish_with<T>(self, required: Option<T>) -> Result<T, Refusal> {
        let is_clean = self.faults.is_empty();
        let required = required.filter(|_| is_clean);
        required.ok_or(Refusal::Invalid(self.faults))
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn expected(kind: &str, value: &Value) -> String {
    format!("Expected {kind}, received {}", kind_of(value))
}

pub(super) fn text(value: &Value) -> Checked<String> {
    let text = value.as_str().ok_or_else(|| expected("string", value))?;
    Ok(text.to_owned())
}

/// Text of `most` UTF-16 units at most, as JavaScript counts length.
pub(super) fn text_of(most: usize) -> impl Fn(&Value) -> Checked<String> {
    move |value| {
        let text = text(value)?;
        if text.encode_utf16().count() > most {
            return Err(format!("String must contain at most {most} character(s)"));
        }
        Ok(text)
    }
}

pub(super) fn filled(value: &Value) -> Checked<String> {
    let text = text(value)?;
    if text.is_empty() {
        return Err("String must contain at least 1 character(s)".to_owned());
    }
    Ok(text)
}

/// A first or last name: 25 UTF-16 units at most.
pub(super) fn name(value: &Value) -> Checked<String> {
    text_of(25)(value)
}

pub(super) fn email(value: &Value) -> Checked<String> {
    let text = text_of(255)(value)?;
    if is_email(&text) {
        Ok(text)
    } else {
        Err("Invalid email format".to_owned())
    }
}

pub(super) fn phone(value: &Value) -> Checked<String> {
    let text = text_of(20)(value)?;
    let digits = text.strip_prefix('+').unwrap_or(&text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("Must be E.164 format".to_owned());
    }
    Ok(text)
}

/// A JSON integer; a numeric string is refused.
pub(super) fn integer(value: &Value) -> Checked<i64> {
    value.as_i64().ok_or_else(|| expected("number", value))
}

pub(super) fn boolean(value: &Value) -> Checked<bool> {
    value.as_bool().ok_or_else(|| expected("boolean", value))
}

/// An IANA zone, with its name as given.
pub(super) fn zone(value: &Value) -> Checked<(String, TimeZone)> {
    let name = filled(value)?;
    let zone = TimeZone::get(&name).map_err(|_| "Invalid time zone".to_owned())?;
    Ok((name, zone))
}

pub(super) fn instant(value: &Value) -> Checked<Timestamp> {
    let text = filled(value)?;
    utc_instant(&text).ok_or_else(|| "Invalid datetime".to_owned())
}

/// One of `words`.
pub(super) fn word(words: &[&str]) -> impl Fn(&Value) -> Checked<String> {
    move |value| {
        let text = text(value)?;
        if words.contains(&text.as_str()) {
            return Ok(text);
        }
        Err(format!(
            "Invalid enum value. Expected {}",
            words.join(" | ")
        ))
    }
}

/// Comma-separated words, each one of `words`.
pub(super) fn words(words: &[&str]) -> impl Fn(&Value) -> Checked<Vec<String>> {
    move |value| {
        let given: Vec<String> = text(value)?.split(',').map(str::to_owned).collect();
        if given.iter().all(|one| words.contains(&one.as_str())) {
            return Ok(given);
        }
        Err(format!(
            "Invalid enum value. Expected {}",
            words.join(" | ")
        ))
    }
}

/// An integer in a query.
pub(super) fn number(value: &Value) -> Checked<i64> {
    let message = || "Expected number, received nan".to_owned();
    text(value)?.parse().map_err(|_| message())
}

/// Page size of a query: 1 to 100.
pub(super) fn limit(value: &Value) -> Checked<usize> {
    match number(value)? {
        asked @ 1..=100 => Ok(asked as usize),
        _ => Err("Number must be between 1 and 100".to_owned()),
    }
}

/// Zero-based page of a query.
pub(super) fn page(value: &Value) -> Checked<usize> {
    let asked = number(value)?;
    usize::try_from(asked).map_err(|_| "Number must be greater than or equal to 0".to_owned())
}

/// Comma-separated integers.
pub(super) fn ids(value: &Value) -> Checked<Vec<i64>> {
    let given = text(value)?;
    let ids: Result<_, _> = given.split(',').map(|id| id.trim().parse()).collect();
    ids.map_err(|_| "Expected comma-separated ids".to_owned())
}

/// `YYYY-MM-DD`.
pub(super) fn day(value: &Value) -> Checked<Date> {
    let given = text(value)?;
    let is_long = given.len() == "2026-12-01".len();
    let day = given.parse().ok().filter(|_| is_long);
    day.ok_or_else(|| "Invalid date".to_owned())
}

/// An inclusive lower bound: an instant, or a day of UTC from its start.
pub(super) fn bound_from(value: &Value) -> Checked<Timestamp> {
    instant(value).or_else(|_| start_of(day(value)?))
}

/// An inclusive upper bound: an instant, or a day of UTC to its end.
pub(super) fn bound_to(value: &Value) -> Checked<Timestamp> {
    instant(value).or_else(|_| {
        let next = day(value)?.tomorrow().map_err(|error| error.to_string())?;
        Ok(start_of(next)? - jiff::SignedDuration::from_nanos(1))
    })
}

fn start_of(day: Date) -> Checked<Timestamp> {
    let start = day
        .to_zoned(TimeZone::UTC)
        .map_err(|error| error.to_string())?;
    Ok(start.timestamp())
}

/// Answers to questions of the event: which question, and what was answered.
pub(super) fn answers(value: &Value) -> Checked<Vec<(String, Vec<String>)>> {
    each(value, |item| {
        let item = object_of(item, &["customFieldId", "identifier", "answer"])?;
        let question = match (item.get("customFieldId"), item.get("identifier")) {
            (Some(id), None) => integer(id)?.to_string(),
            (None, Some(identifier)) => filled(identifier)?,
            _ => return Err("Either customFieldId or identifier is required".to_owned()),
        };
        let given = item.get("answer").ok_or("answer: Required")?;
        Ok((question, each(given, text)?))
    })
}

/// Further guests of a call, as their addresses.
pub(super) fn guests(value: &Value) -> Checked<Vec<String>> {
    each(value, |item| {
        let item = object_of(item, &["email", "name"])?;
        item.get("name").map(text).transpose()?;
        email(item.get("email").ok_or("email: Required")?)
    })
}

/// An array, each item by `rule`.
pub(super) fn each<T>(value: &Value, rule: impl Fn(&Value) -> Checked<T>) -> Checked<Vec<T>> {
    let items = value.as_array().ok_or_else(|| expected("array", value))?;
    items.iter().map(rule).collect()
}

/// An object that holds `known` names only.
pub(super) fn object_of<'a>(value: &'a Value, known: &[&str]) -> Checked<&'a Map<String, Value>> {
    let object = value.as_object().ok_or_else(|| expected("object", value))?;
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(format!("Unrecognized key(s) in object: '{unknown}'")),
        None => Ok(object),
    }
}

/// The published pattern of `dateTime`: a day that exists, `T`, hour and minute, optionally seconds
/// with a fraction, and a `Z`. A numeric offset does not fit.
fn utc_instant(text: &str) -> Option<Timestamp> {
    let (day, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut day_parts = day.split('-').zip([4, 2, 2]);
    let mut day_part = || {
        day_parts
            .next()
            .and_then(|(part, width)| digits(part, width))
    };
    let (year, month, of_month) = (day_part()?, day_part()?, day_part()?);
    let (time, fraction) = match time.split_once('.') {
        Some((time, fraction)) => (time, Some(fraction)),
        None => (time, None),
    };
    let parts: Option<Vec<i16>> = time.split(':').map(|part| digits(part, 2)).collect();
    let (hour, minute, second) = match (parts?.as_slice(), fraction) {
        (&[hour, minute], None) => (hour, minute, 0),
        (&[hour, minute, second], _) => (hour, minute, second),
        _ => return None,
    };
    let nanoseconds = match fraction {
        Some(fraction) if fraction.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{fraction:0<9}").get(..9)?.parse().ok()?
        }
        Some(_) => return None,
        None => 0,
    };
    if day.len() != 10 || fraction == Some("") {
        return None;
    }
    let [month, of_month, hour, minute, second] =
        [month, of_month, hour, minute, second].map(|part| part as i8);
    let civil = DateTime::new(year, month, of_month, hour, minute, second, nanoseconds).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn digits(part: &str, width: usize) -> Option<i16> {
    let fits = part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit());
    part.parse().ok().filter(|_| fits)
}

/// The published pattern of an address, whose look-aheads are the rules about dots.
fn is_email(text: &str) -> bool {
    let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte);
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let Some((labels, last)) = domain.rsplit_once('.') else {
        return false;
    };
    !text.starts_with('.')
        && !text.contains("..")
        && local
            .bytes()
            .all(|byte| is_local(byte) || b"'.".contains(&byte))
        && local.bytes().last().is_some_and(is_local)
        && labels.split('.').all(is_label)
        && last.len() >= 2
        && last.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_label(label: &str) -> bool {
    label.starts_with(|first: char| first.is_ascii_alphanumeric())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests;
