//! The kinds of source, and the settings that only one kind has.
//!
//! Forms and chatbots post leadgate's own body and are read here; platforms name their settings themselves
//! ([`sources::KINDS`]).

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;

use super::fault::Problem;
use super::form::{self, Form};
use super::reply::Reply;
use super::secret;
use super::section::{Section, one_of};
use crate::lead::Lane;
use crate::sources::{self, Own, Shape};

/// Who delivers a source's leads, and how it proves itself.
#[derive(Clone, Debug)]
pub enum SourceKind {
    /// A page in a browser. It can keep no secret; it is known by the origin the browser names.
    Form(Form),
    /// A program of the operator's, which holds a key.
    Chatbot {
        /// At least one, each of 16 characters or more.
        api_keys: Vec<SecretString>,
        /// The shape of the answers.
        reply: Reply,
    },
    /// Somebody else's service, which posts bodies of its own.
    Platform(Platform),
}

/// A platform and what the operator set for it.
#[derive(Clone)]
pub struct Platform {
    /// How it delivers.
    pub kind: &'static dyn sources::Kind,
    /// The settings that only this kind has, and the field names.
    pub own: Own,
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform")
            .field("kind", &self.kind.name())
            .field("own", &self.own)
            .finish()
    }
}

const CHATBOT_KEYS: [&str; 3] = ["api_keys", "reply", "channel"];

/// Every kind's name and the settings no other kind has.
fn kinds() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut kinds = vec![
        ("form", form::KEYS.to_vec()),
        ("chatbot", CHATBOT_KEYS.to_vec()),
    ];
    kinds.extend(sources::KINDS.iter().map(|kind| {
        let keys = kind.settings().iter().map(|setting| setting.key);
        (kind.name(), keys.collect())
    }));
    kinds
}

impl SourceKind {
    /// The kind as written in the settings.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Form(_) => "form",
            Self::Chatbot { .. } => "chatbot",
            Self::Platform(platform) => platform.kind.name(),
        }
    }

    /// `None` when the kind is missing or unknown. The settings of every kind are then known, since nobody can tell
    /// which are not.
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let names: Vec<_> = kinds().into_iter().map(|(name, _)| (name, name)).collect();
        let name = section.required("kind", |text| {
            one_of(text, &names).map_err(|problem| {
                let known: Vec<_> = names.iter().map(|(name, _)| *name).collect();
                Problem {
                    text: format!("unknown kind: known kinds are {}", known.join(", ")),
                    ..problem
                }
            })
        });
        let Some(name) = name else {
            section.know(kinds().into_iter().flat_map(|(_, keys)| keys));
            return None;
        };
        match name {
            "form" => Some(Self::Form(Form::read(section))),
            "chatbot" => Some(chatbot(section)),
            name => sources::kind(name).map(|kind| Self::Platform(platform(section, kind))),
        }
    }

    /// The lane, and the seconds an answer is held back, where the settings do not say: behind a chatbot somebody
    /// waits for its next sentence.
    pub(super) fn pace(&self) -> (Lane, u64) {
        match self {
            Self::Form(_) => (Lane::Normal, 0),
            Self::Chatbot { reply, .. } => (Lane::Interactive, reply.usual_wait_seconds()),
            Self::Platform(_) => (Lane::Normal, 0),
        }
    }

    /// The shape of the answers.
    pub fn reply(&self) -> Reply {
        match self {
            Self::Chatbot { reply, .. } => *reply,
            Self::Form { .. } | Self::Platform(_) => Reply::Neutral,
        }
    }

    /// Tells a platform the operator's names for its fields.
    pub(super) fn with_fields(self, fields: &BTreeMap<String, String>) -> Self {
        match self {
            Self::Platform(mut platform) => {
                platform.own.fields.clone_from(fields);
                Self::Platform(platform)
            }
            other => other,
        }
    }

    /// A hint for a key that another kind has.
    pub(super) fn where_it_belongs(key: &str) -> Option<String> {
        let owners: Vec<_> = kinds()
            .into_iter()
            .filter(|(_, keys)| keys.contains(&key))
            .map(|(name, _)| name)
            .collect();
        (!owners.is_empty()).then(|| format!("only sources of kind {} have it", owners.join(", ")))
    }
}

/// Reads what the kind says it has.
fn platform(section: &Section<'_>, kind: &'static dyn sources::Kind) -> Platform {
    let mut own = Own::default();
    for setting in kind.settings() {
        let key = setting.key;
        if setting.required && !section.has(key) {
            section.fault(
                key,
                format!("is missing: kind {} needs it", kind.name()).as_str(),
            );
            continue;
        }
        match setting.shape {
            Shape::Secret => {
                if let Some(secret) = section.parsed(key, secret::any) {
                    own.set_secret(key, secret);
                }
            }
            Shape::Text => {
                if let Some(text) = section.parsed(key, |text| Ok(text.trim().to_owned())) {
                    own.set(key, text);
                }
            }
            Shape::Url => {
                if let Some(url) = section.parsed(key, form::web_address) {
                    own.set(key, url);
                }
            }
            Shape::Secrets if section.has(key) => {
                let texts = section.section(key).texts();
                own.set_table(key, texts.into_iter().map(|(k, v)| (k, v.into())).collect());
            }
            Shape::Table(keys) if section.has(key) => {
                let table = section.section(key);
                let mut read = BTreeMap::new();
                for inner in keys {
                    if let Some(text) = table.parsed(inner, |text| Ok(text.to_owned())) {
                        read.insert((*inner).to_owned(), SecretString::from(text));
                    }
                }
                table.close(|_| None);
                own.set_table(key, read);
            }
            Shape::Secrets | Shape::Table(_) => {}
        }
    }
    let faults = kind.faults(&own);
    for (key, fault) in &faults {
        section.fault(key, fault.as_str());
    }
    if faults.is_empty() && !kind.is_signed(&own) && !section.has("token") {
        section.fault(
            "token",
            Problem::from("is missing: nothing else would show who posts here")
                .hint(secret::HOW_TO_MAKE),
        );
    }
    Platform { kind, own }
}

fn chatbot(section: &Section<'_>) -> SourceKind {
    let api_keys = section.list("api_keys", secret::strong);
    if !section.has("api_keys") || api_keys.as_ref().is_some_and(Vec::is_empty) {
        section.fault(
            "api_keys",
            Problem::from("must hold at least one key").hint(secret::HOW_TO_MAKE),
        );
    }
    SourceKind::Chatbot {
        api_keys: api_keys.unwrap_or_default(),
        reply: Reply::read(section),
    }
}
