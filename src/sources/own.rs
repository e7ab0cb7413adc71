//! What the operator set for one source of a kind: the settings that only its kind has.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

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
    tables: BTreeMap<&'static str, BTreeMap<String, SecretString>>,
}

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Own")
            .field("texts", &self.texts.keys())
            .field("tables", &self.tables.keys())
            .finish_non_exhaustive()
    }
}

impl Own {
    /// Sets a text or a secret.
    pub fn set(&mut self, key: &'static str, value: impl Into<SecretString>) {
        self.texts.insert(key, value.into());
    }

    /// Sets a table.
    pub fn set_table(&mut self, key: &'static str, table: BTreeMap<String, SecretString>) {
        self.tables.insert(key, table);
    }

    /// A text or a secret. Whoever asks for a secret does not let it out of the comparison.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(ExposeSecret::expose_secret)
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

    /// Whether the table was given.
    pub fn has_table(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }
}
