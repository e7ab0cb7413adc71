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

    /// A text without the secrets set here, which some platforms send inside their bodies: a record that is
    /// shown to people is no place for them.
    pub fn without_secrets(&self, text: String) -> String {
        self.secrets
            .values()
            .map(ExposeSecret::expose_secret)
            .filter(|secret| secret.len() >= LEAST_SECRET_BYTES && text.contains(*secret))
            .fold(text.clone(), |text, secret| text.replace(secret, "***"))
    }

    /// Whether the table was given.
    pub fn has_table(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }
}
