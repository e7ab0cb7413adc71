//! A body as it was posted, read into leadgate's fields, and what it says to the door itself.
//!
//! Owns how bodies are written: JSON, and the posts of HTML forms. Does not judge a value.

pub mod placing;

use serde_json::{Map, Value};

use super::Refused;
use super::bot::{self, Turn};
use super::draft::escape;
use super::fault::Fault;
use crate::settings::{Form, Reply, Source, SourceKind};
use crate::sources::{multipart, sent};
use placing::{Placed, Reading, push};

/// Where a page's own script puts a captcha's token, in either spelling.
const CAPTCHA_TOKEN: [&str; 2] = ["captchaToken", "captcha_token"];

/// Every name under which some widget puts a token; hCaptcha fills in a second one beside its own (docs.hcaptcha.com).
const TOKEN_FIELDS: [&str; 5] = [
    "cf-turnstile-response",
    "h-captcha-response",
    "g-recaptcha-response",
    CAPTCHA_TOKEN[0],
    CAPTCHA_TOKEN[1],
];

/// What a form says to the door beside the token and the honeypot. `_charset_` is filled in by browsers (the HTML
/// standard, section 4.10.21.5).
const REDIRECT: [&str; 2] = ["_redirect", "_next"];
const ELAPSED: [&str; 2] = ["_elapsedMs", "_elapsed_ms"];
const LOADED_AT: [&str; 2] = ["_loadedAt", "_loaded_at"];
const CHARSET: &str = "_charset_";

/// How a body is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object.
    Json,
    /// `application/x-www-form-urlencoded`.
    Urlencoded,
    /// `multipart/form-data`, with its whole content type, which names the boundary.
    Multipart(String),
}

/// What a form said to the door.
#[derive(Default)]
pub struct Asides {
    /// The field that nobody sees was filled in.
    pub trap_filled: bool,
    /// From the page's appearance to the post, by the page's own clock, in milliseconds.
    pub elapsed_ms: Option<i64>,
    /// When the page appeared, by the visitor's clock, in milliseconds since 1970.
    pub loaded_at_ms: Option<i64>,
    /// The captcha's token: good for one delivery, and kept nowhere.
    pub captcha_token: Option<String>,
    /// Where the visitor wants to go next.
    pub redirect: Option<String>,
}

/// A body that was read.
pub struct Posted {
    /// By leadgate's names where they are known.
    pub fields: Map<String, Value>,
    /// Second values of fields that hold one, by the sender's names.
    pub repeats: Map<String, Value>,
    /// What was said to the door; in none of the fields.
    pub asides: Asides,
    /// What is wrong with the body's parts.
    pub faults: Vec<Fault>,
    /// The turn of a conversation it is, when it came from a bot's platform.
    pub turn: Option<Turn>,
    /// As received, without a captcha's token.
    pub raw: String,
    /// What the parts of a multipart body hold: a browser makes up another boundary for every post.
    pub parts: Option<String>,
}

impl Posted {
    /// What tells this body from another.
    pub fn essence(&self) -> &str {
        self.parts.as_deref().unwrap_or(&self.raw)
    }
}

/// Reads a body as its source's kind writes it.
///
/// # Errors
/// Unreadable, or no object.
pub fn read(format: &Format, body: &[u8], source: &Source) -> Result<Posted, Refused> {
    let form = match &source.kind {
        SourceKind::Form(form) => Some(form),
        SourceKind::Chatbot { .. } | SourceKind::Platform(_) => None,
    };
    // A script that names no type sends its JSON under a form's; a form's own `{` comes encoded.
    let is_json = body.trim_ascii_start().first() == Some(&b'{');
    match format {
        Format::Urlencoded if !is_json => Ok(of_pairs(
            sent::form_pairs(body),
            body,
            source,
            form,
            Vec::new(),
        )),
        Format::Multipart(content_type) => {
            let parts = multipart::parts(content_type, body)
                .map_err(|unreadable| Refused::Unreadable(unreadable.0))?;
            let faults = files(&parts);
            let pairs: Vec<_> = parts
                .into_iter()
                .filter(|part| !part.is_file)
                .map(|part| (part.name, part.value))
                .collect();
            let parts = encoded(pairs.iter().filter(|(name, _)| !is_token(name)));
            Ok(Posted {
                parts: Some(parts),
                ..of_pairs(pairs, body, source, form, faults)
            })
        }
        Format::Json | Format::Urlencoded => of_json(body, source, form),
    }
}

/// Reads the columns of one row of a table, under the names their heads have, as a form's fields are read.
pub fn of_row(columns: Vec<(String, String)>, source: &Source) -> Posted {
    let raw: Map<String, Value> = columns
        .iter()
        .map(|(name, value)| (name.clone(), Value::String(value.clone())))
        .collect();
    let raw = Value::Object(raw).to_string();
    of_pairs(columns, raw.as_bytes(), source, None, Vec::new())
}

/// The fault of every file. A browser sends an empty one for a field in which none was chosen.
fn files(parts: &[multipart::Part]) -> Vec<Fault> {
    parts
        .iter()
        .filter(|part| part.is_file && !part.value.is_empty())
        .map(|part| {
            Fault::new(
                format!("/{}", escape(&part.name)),
                "file_not_taken",
                "files are not taken; leave this field empty",
            )
        })
        .collect()
}

fn of_json(body: &[u8], source: &Source, form: Option<&Form>) -> Result<Posted, Refused> {
    let mut sent = super::read_object(body)?;
    let mut raw = String::from_utf8_lossy(body).into_owned();
    let mut asides = Asides::default();
    if let Some(form) = form {
        if sent.keys().any(|name| is_token(name)) {
            let mut kept = sent.clone();
            kept.retain(|name, _| !is_token(name));
            raw = Value::Object(kept).to_string();
        }
        asides = Asides::take(&mut sent, form);
    }
    let turn = Turn::at(source, &sent);
    let Placed { fields, repeats } = named(sent, source);
    Ok(Posted {
        turn,
        fields,
        repeats,
        asides,
        faults: Vec::new(),
        raw,
        parts: None,
    })
}

/// The body with its fields under leadgate's names.
fn named(body: Map<String, Value>, source: &Source) -> Placed {
    if matches!(&source.kind, SourceKind::Chatbot { reply, .. } if *reply != Reply::Neutral) {
        return bot::fields(source, body);
    }
    if source.fields.is_empty() {
        return Placed {
            fields: body,
            repeats: Map::new(),
        };
    }
    let (mut placed, rest) = Placed::by_map(body, &source.fields);
    for (name, value) in rest {
        placed.beside(&name, value);
    }
    placed
}

fn of_pairs(
    mut pairs: Vec<(String, String)>,
    body: &[u8],
    source: &Source,
    form: Option<&Form>,
    faults: Vec<Fault>,
) -> Posted {
    let mut asides = Asides::default();
    let mut raw = String::from_utf8_lossy(body).into_owned();
    if let Some(form) = form {
        let mut said = Map::new();
        for (name, value) in &pairs {
            push(&mut said, name, Value::String(value.clone()));
        }
        asides = Asides::take(&mut said, form);
        if pairs.iter().any(|(name, _)| is_token(name)) {
            pairs.retain(|(name, _)| !is_token(name));
            raw = encoded(&pairs);
        }
        pairs.retain(|(name, _)| said.contains_key(name));
    }
    let mut reading = Reading::default();
    for (name, value) in pairs {
        reading.take(&name, value, &source.fields);
    }
    let Placed { fields, repeats } = reading.done();
    Posted {
        fields,
        repeats,
        asides,
        faults,
        turn: None,
        raw,
        parts: None,
    }
}

fn is_token(name: &str) -> bool {
    TOKEN_FIELDS.contains(&name)
}

/// Pairs as a form without files is written.
fn encoded<'a>(pairs: impl IntoIterator<Item = &'a (String, String)>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

impl Asides {
    /// Takes what is said to the door out of the body.
    fn take(sent: &mut Map<String, Value>, form: &Form) -> Self {
        let mut first_of = |names: &[&str]| -> Option<Value> {
            let found: Vec<Value> = names
                .iter()
                .filter_map(|name| sent.shift_remove(*name))
                .collect();
            found.into_iter().find(is_filled)
        };
        let captcha = form.captcha.as_ref();
        let widget = captcha.map(|captcha| captcha.provider.token_field());
        let own = first_of(widget.as_slice());
        let captcha_token = own.or(first_of(&CAPTCHA_TOKEN)).or(first_of(&TOKEN_FIELDS));
        let asides = Self {
            captcha_token: captcha_token.as_ref().map(first_text),
            redirect: first_of(&REDIRECT).as_ref().map(first_text),
            elapsed_ms: first_of(&ELAPSED).and_then(|value| milliseconds(&value)),
            loaded_at_ms: first_of(&LOADED_AT).and_then(|value| milliseconds(&value)),
            trap_filled: form
                .honeypot
                .as_deref()
                .is_some_and(|trap| first_of(&[trap]).is_some()),
        };
        first_of(&[CHARSET]);
        asides
    }
}

/// Whether somebody put something there.
fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(values) => values.iter().any(is_filled),
        Value::Bool(true) | Value::Number(_) | Value::Object(_) => true,
    }
}

fn first_text(value: &Value) -> String {
    let texts = sent::texts_of(value);
    texts.into_iter().next().unwrap_or_default()
}

fn milliseconds(value: &Value) -> Option<i64> {
    let number: f64 = first_text(value).trim().parse().ok()?;
    number.is_finite().then_some(number as i64)
}

#[cfg(test)]
mod tests;
