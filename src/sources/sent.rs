//! One delivery as it arrived, before anybody believed it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Unreadable;

/// A request of a platform. Bytes stay bytes until the signature is checked.
#[derive(Clone, Copy)]
pub struct Sent<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// The whole address as it was called, for platforms that sign it.
    pub url: &'a str,
    /// The query, undecoded and without its `?`.
    pub query: &'a str,
    /// By name in lower case; of repeated headers the first.
    pub headers: &'a BTreeMap<String, String>,
    /// As received.
    pub body: &'a [u8],
    /// By this machine's clock, for platforms that stamp their signatures.
    pub now: Timestamp,
}

impl Sent<'_> {
    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The media type in lower case, without its parameters; empty when none is named.
    pub fn media_type(&self) -> String {
        let named = self.header("content-type").unwrap_or_default();
        let essence = named.split(';').next().unwrap_or_default();
        essence.trim().to_ascii_lowercase()
    }

    /// The first value of a query key.
    pub fn query_value(&self, key: &str) -> Option<String> {
        form_pairs(self.query.as_bytes())
            .into_iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// The body as JSON. Numbers keep every digit (as text: [`text_of`]). Nesting is bounded by the parser (128).
    ///
    /// # Errors
    /// It is not JSON; the place is named, the text is not quoted.
    pub fn json(&self) -> Result<Value, Unreadable> {
        serde_json::from_slice(self.body).map_err(|error| {
            Unreadable(format!(
                "the body is not JSON: line {}, column {}",
                error.line(),
                error.column()
            ))
        })
    }

    /// The fields of a form body, `application/x-www-form-urlencoded` or `multipart/form-data`, every value in its
    /// order. Files are left out but for their names.
    ///
    /// # Errors
    /// Neither of the two, or broken.
    pub fn form(&self) -> Result<Vec<(String, String)>, Unreadable> {
        match self.media_type().as_str() {
            "application/x-www-form-urlencoded" => Ok(form_pairs(self.body)),
            "multipart/form-data" => {
                super::multipart::fields(self.header("content-type").unwrap_or_default(), self.body)
            }
            _ => Err(Unreadable("a form body is wanted".to_owned())),
        }
    }

    /// The body as one value, whether it came as JSON or as a form. A form is an object of its names in their order;
    /// of a repeated name the values are a list. JSON under a form's media type is read as JSON.
    ///
    /// # Errors
    /// As for [`Sent::json`] and [`Sent::form`].
    pub fn value(&self) -> Result<Value, Unreadable> {
        let begins_as_json = matches!(self.body.trim_ascii_start().first(), Some(b'{' | b'['));
        match self.media_type().as_str() {
            "multipart/form-data" => Ok(grouped(self.form()?)),
            "application/x-www-form-urlencoded" if !begins_as_json => Ok(grouped(self.form()?)),
            _ => self.json(),
        }
    }
}

fn grouped(pairs: Vec<(String, String)>) -> Value {
    let mut fields: Map<String, Value> = Map::new();
    for (name, value) in pairs {
        let value = Value::String(value);
        match fields.get_mut(&name) {
            None => {
                fields.insert(name, value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
        }
    }
    Value::Object(fields)
}

/// The pairs of a URL-encoded text (url.spec.whatwg.org): `+` is a space, `%XX` a byte, broken UTF-8 is replaced.
pub fn form_pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

/// A JSON scalar as text, every digit of a number kept. `None` for null, empty text, lists and objects.
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Every scalar of a value in order: itself, or those of a list; an object as its JSON text.
pub fn texts_of(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(texts_of).collect(),
        Value::Object(_) => vec![value.to_string()],
        scalar => text_of(scalar).into_iter().collect(),
    }
}

/// A platform's id as text. 0, null and empty text are no id.
pub fn id_of(value: Option<&Value>) -> Option<String> {
    value.and_then(text_of).filter(|id| id != "0")
}
