//! What the operator set for one source of a kind: the settings that only its kind has.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

/// Shorter texts may stand in a body for something else.
const LEAST_SECRET_BYTES: usize = 4;

/// One setting of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// As in the settings file.
    pub key: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Without it the source cannot work.
    pub required: bool,
}

/// What a setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A text that is never shown.
    Secret,
    /// A text.
    Text,
    /// An `http://` or `https://` address.
    Url,
    /// A table of secrets by names that the operator chooses, such as tokens by page.
    Secrets,
    /// A table of texts with these keys.
    Table(&'static [&'static str]),
}

impl Setting {
    /// A setting the source cannot work without.
    pub const fn required(key: &'static str, shape: Shape) -> Self {
        Setting {
            key,
            shape,
            required: true,
        }
    }

    /// A setting that may be left out.
    pub const fn optional(key: &'static str, shape: Shape) -> Self {
        Setting {
            key,
            shape,
            required: false,
        }
    }
}

/// The values of a source's own settings. `Debug` shows their names only.
#[derive(Clone, Default)]
pub struct Own {
    /// The form's own field names, to leadgate's; the operator's word goes before every guess.
    pub fields: BTreeMap<String, String>,
    texts: BTreeMap<&'static str, SecretString>,
    secrets: BTreeMap<&'static str, SecretString>,
    tables: BTreeMap<&'static str, BTreeMap<String, SecretString>>,
}

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Own")
            .field("texts", &self.texts.keys())
            .field("secrets", &self.secrets.keys())
            .field("tables", &self.tables.keys())
            .finish_non_exhaustive()
    }
}

impl Own {
    /// Sets a secret.
    pub fn set_secret(&mut self, key: &'static str, value: impl Into<SecretString>) {
        self.secrets.insert(key, value.into());
    }

    /// Sets a text.
    pub fn set(&mut self, key: &'static str, value: impl Into<SecretString>) {
        self.texts.insert(key, value.into());
    }

    /// Sets a table.
    pub fn set_table(&mut self, key: &'static str, table: BTreeMap<String, SecretString>) {
        self.tables.insert(key, table);
    }

    /// A text or a secret. Whoever asks for a secret does not let it out of the comparison.
    pub fn text(&self, key: &str) -> Option<&str> {
        let texts = self.texts.get(key).or_else(|| self.secrets.get(key));
        texts.map(ExposeSecret::expose_secret)
    }

    /// One entry of a table.
    pub fn entry(&self, table: &str, key: &str) -> Option<&str> {
        self.tables
            .get(table)?
            .get(key)
            .map(ExposeSecret::expose_secret)
    }

    /// Every entry of a table, by the names' order.
    pub fn entries(&self, table: &str) -> impl Iterator<Item = &str> {
        let table = self.tables.get(table).into_iter();
        table
            .flat_map(BTreeMap::values)
            .map(ExposeSecret::expose_secret)
    }

    /// A text without the secrets set here and without the source's `token`, which some platforms send inside their
    /// bodies: a record that is shown to people is no place for them.
    pub fn without_secrets(&self, text: String, token: Option<&SecretString>) -> String {
        self.secrets
            .values()
            .chain(token)
            .map(ExposeSecret::expose_secret)
            .filter(|secret| secret.len() >= LEAST_SECRET_BYTES)
            .flat_map(spellings)
            .fold(text, |text, spelling| match text.contains(&spelling) {
                true => text.replace(&spelling, "***"),
                false => text,
            })
    }

    /// Whether the table was given.
    pub fn has_table(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }
}

/// How a text may stand in a body: plainly, in JSON, and in an address or a form.
fn spellings(text: &str) -> [String; 3] {
    let json = serde_json::Value::from(text).to_string();
    let inside = json
        .strip_prefix('"')
        .and_then(|json| json.strip_suffix('"'));
    [
        text.to_owned(),
        inside.unwrap_or(text).to_owned(),
        form_urlencoded::byte_serialize(text.as_bytes()).collect(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_left_however_a_body_spells_it() {
        let mut own = Own::default();
        own.set_secret("secret", "of \"two\" words");
        own.set_secret("short", "abc");
        let token = SecretString::from("a/token=");
        for (text, left) in [
            (r#"{"key":"of \"two\" words"}"#, r#"{"key":"***"}"#),
            ("key=of+%22two%22+words&x=abc", "key=***&x=abc"),
            (
                "https://gate.example/?token=a%2Ftoken%3D",
                "https://gate.example/?token=***",
            ),
            ("token: a/token=", "token: ***"),
        ] {
            assert_eq!(own.without_secrets(text.to_owned(), Some(&token)), left);
        }
    }
}
