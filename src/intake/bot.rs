//! What chatbot platforms post, turned into the neutral body: names their authors use, variables nobody filled in,
//! and Dialogflow CX's webhook request.
//!
//! Judges no value: what is wrong with an address or a time the draft says.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::draft::camel_case;
use super::person::Hasher;
use super::posted::placing::Placed;
use crate::lead::zone;
use crate::queue::Digest;
use crate::settings::{Reply, Source};
use crate::sources::entry::TEXT_FIELDS;
use crate::sources::spelling;

/// What begins the names of the values leadgate itself puts into a conversation.
pub const OURS: &str = "leadgate_";

/// One turn of a Dialogflow CX conversation (`WebhookRequest`, docs.cloud.google.com).
#[derive(Clone)]
pub struct Turn {
    /// The conversation's name.
    pub session: String,
    /// What the flow's author wants of the webhook.
    pub tag: String,
    /// BCP 47.
    pub language: Option<String>,
    /// What the conversation has gathered, without leadgate's own values.
    pub parameters: Map<String, Value>,
    /// The lead of an earlier turn.
    pub lead: Option<String>,
}

impl Turn {
    /// `None`: the body is none of Dialogflow's requests.
    pub fn read(body: &Map<String, Value>) -> Option<Self> {
        let info = body.get("sessionInfo")?.as_object()?;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let given = info.get("parameters").and_then(Value::as_object);
        let (ours, parameters): (Map<_, _>, Map<_, _>) = given
            .cloned()
            .unwrap_or_default()
            .into_iter()
            .partition(|(name, _)| name.starts_with(OURS));
        let tag = body.get("fulfillmentInfo").and_then(|info| info.get("tag"));
        Some(Self {
            session: text(info.get("session")).unwrap_or_default(),
            tag: text(tag).unwrap_or_default(),
            language: text(body.get("languageCode")),
            parameters,
            lead: text(ours.get(&format!("{OURS}lead_id"))),
        })
    }

    /// The turn of a body posted to this source.
    pub fn at(source: &Source, body: &Map<String, Value>) -> Option<Self> {
        (source.kind.reply() == Reply::DialogflowCx)
            .then(|| Self::read(body))
            .flatten()
    }

    /// Names the lead of this turn. Dialogflow may call again in one turn, so the same values in the same place of
    /// the same conversation are one lead; a person who corrects a value makes another.
    pub fn key(&self, hasher: &Hasher, source: &str) -> Digest {
        let sorted: BTreeMap<_, _> = self.parameters.iter().collect();
        let values = json!(sorted).to_string();
        let parts = [source, &self.session, &self.tag, &values].map(str::as_bytes);
        hasher.digest("turn", &parts)
    }

    /// The parameters that hold fields of the lead: their name in the conversation, and leadgate's.
    pub fn names(&self, source: &Source) -> Vec<(String, String)> {
        let ours = |name: &String| source.fields.get(name).cloned().or_else(|| known(name));
        let names = self.parameters.keys();
        names
            .filter_map(|name| Some((name.clone(), ours(name)?)))
            .collect()
    }

    /// The body this turn stands for.
    pub fn into_body(self) -> Map<String, Value> {
        let mut body = self.parameters;
        let about =
            json!({"session": self.session, "tag": self.tag, "languageCode": self.language});
        body.entry("metadata").or_insert(about);
        body
    }
}

/// A bot's body with its fields under leadgate's names; `neutral` bots name them so themselves. The operator's map goes
/// before leadgate's own names, and those before a guess.
pub fn fields(source: &Source, body: Map<String, Value>) -> Placed {
    let body = match Turn::at(source, &body) {
        Some(turn) => turn.into_body(),
        None => body,
    };
    let mut body = lifted(body);
    body.retain(|key, value| {
        let is_field = source.fields.contains_key(key) || known(key).is_some();
        !(is_field && is_unset(value))
    });
    for (key, ours) in &source.fields {
        if TEXT_FIELDS.contains(&ours.as_str())
            && let Some(value) = body.get_mut(key)
        {
            *value = plain(value.take());
        }
    }
    let (mut placed, rest) = Placed::by_map(body, &source.fields);
    let (own, guessed): (Map<_, _>, Map<_, _>) = rest
        .into_iter()
        .partition(|(key, _)| TEXT_FIELDS.contains(&&*camel_case(key)));
    for (key, value) in own {
        placed.beside(&camel_case(&key), plain(value));
    }
    for (key, value) in guessed {
        match spelling::field(&key).filter(|ours| !placed.fields.contains_key(ours)) {
            Some(ours) if TEXT_FIELDS.contains(&ours.as_str()) => {
                let value = plain(value);
                // ManyChat tells a zone as `UTC+02`; nobody there could mend that.
                let fits = ours != "timeZone" || value.as_str().and_then(zone::canonical).is_some();
                placed.beside(if fits { &ours } else { &key }, value);
            }
            _ => placed.beside(&key, value),
        }
    }
    placed
}

/// Leadgate's name for a field of the author's that holds one text.
fn known(key: &str) -> Option<String> {
    let neutral = Some(camel_case(key).into_owned());
    let neutral = neutral.filter(|name| TEXT_FIELDS.contains(&name.as_str()));
    neutral.or_else(|| spelling::field(key))
}

/// ManyChat's full contact data holds the author's own fields one level down.
fn lifted(mut body: Map<String, Value>) -> Map<String, Value> {
    let Some(Value::Object(custom)) = body.get("custom_fields").cloned() else {
        return body;
    };
    let (known, unknown): (Map<_, _>, Map<_, _>) = custom
        .into_iter()
        .partition(|(name, _)| spelling::field(name).is_some());
    body.remove("custom_fields");
    if !unknown.is_empty() {
        body.insert("custom_fields".to_owned(), Value::Object(unknown));
    }
    for (name, value) in known {
        if body.get(&name).is_none_or(is_unset) {
            body.insert(name, value);
        }
    }
    body
}

/// A variable that nobody filled in. Voiceflow sends 0, `undefined` or the placeholder itself, and others a null or
/// nothing.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => {
            let text = text.trim();
            let is_placeholder =
                text.starts_with('{') && text.ends_with('}') && !text.contains(':');
            text.is_empty() || matches!(text, "undefined" | "null" | "None" | "0") || is_placeholder
        }
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// One text for what Dialogflow tells in parts: a person's name, a day, a day with its time; its whole numbers come
/// as `12.0`.
fn plain(value: Value) -> Value {
    match &value {
        Value::Number(number) => {
            let text = number.to_string();
            Value::String(text.strip_suffix(".0").unwrap_or(&text).to_owned())
        }
        Value::Object(parts) => {
            let text = day_and_time(parts).or_else(|| {
                let told = parts.get("name").or_else(|| parts.get("original"))?;
                told.as_str().map(str::to_owned)
            });
            text.map_or(value, Value::String)
        }
        _ => value,
    }
}

fn day_and_time(parts: &Map<String, Value>) -> Option<String> {
    let part = |name: &str| {
        let number = parts.get(name).and_then(Value::as_f64)?;
        (number.fract() == 0.0 && (0.0..=9999.0).contains(&number)).then_some(number)
    };
    let day = format!(
        "{:04}-{:02}-{:02}",
        part("year")?,
        part("month")?,
        part("day")?
    );
    Some(match part("hours") {
        Some(hours) => format!(
            "{day}T{hours:02}:{:02}:{:02}",
            part("minutes").unwrap_or(0.0),
            part("seconds").unwrap_or(0.0)
        ),
        None => day,
    })
}

/// The values of a turn that say which free times are wanted.
pub fn query(turn: &Turn) -> impl Iterator<Item = (String, String)> + '_ {
    let known = [
        "timeZone",
        "from",
        "days",
        "part",
        "limit",
        "perDay",
        "linkPrefix",
    ];
    turn.parameters.iter().filter_map(move |(name, value)| {
        let name = camel_case(name).into_owned();
        let text = match plain(value.clone()) {
            Value::String(text) => text,
            _ => return None,
        };
        (known.contains(&name.as_str()) && !text.is_empty()).then_some((name, text))
    })
}

#[cfg(test)]
mod tests;
