//! The operator's settings: one TOML file, parts of it from the environment, checked whole before anything starts.
//!
//! Owns names, defaults, bounds, cross-checks and secrets; every fault is reported at once. Does not know how a
//! setting is used, and reads the environment only through the function it is handed.

mod account;
mod booking;
mod document;
mod environment;
mod fault;
mod form;
mod kind;
mod receiver;
mod reply;
mod secret;
mod section;
mod server;
mod source;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::DeTable;

pub use account::{Account, Limit};
pub use booking::BookingSettings;
pub use fault::{Fault, Faults};
pub use form::{Captcha, CaptchaProvider, Form, WhenDown};
pub use kind::{Platform, SourceKind};
pub use receiver::{Receiver, SigningKey};
pub use reply::{Channel, Reply};
pub use server::{Server, Throttle, Tls};
pub use source::{Duplicates, PreferredHours, Source};
pub use store::{StoreSettings, StoreUrl};

use document::Document;
use fault::Problem;
use section::Section;

/// Everything an operator may choose. Never prints a secret.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The HTTP server.
    pub server: Server,
    /// Where leads are kept.
    pub store: StoreSettings,
    /// How leads are booked.
    pub booking: BookingSettings,
    /// iClosed accounts by name.
    pub accounts: BTreeMap<String, Account>,
    /// Sources of leads by name; each one's account is among the accounts.
    pub sources: BTreeMap<String, Source>,
    /// Programs that are told of leads, by name; the sources each one names are among the sources.
    pub receivers: BTreeMap<String, Receiver>,
    /// What may be meant and probably is not; to be logged at the start.
    pub warnings: Vec<Fault>,
}

/// Reads the settings file at `path`; `env` looks up a variable.
///
/// # Errors
/// Every fault of the file, or one saying why it could not be read.
pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Settings, Faults> {
    let file = path.display().to_string();
    let unreadable = |problem: String, hint: Option<&str>| {
        Faults::from(Fault {
            file: file.clone(),
            line: None,
            key: String::new(),
            problem,
            hint: hint.map(str::to_owned),
        })
    };
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => unreadable(
            "there is no such file".to_owned(),
            Some(
                "copy leadgate.example.toml there and fill it in, name another with --config or LEADGATE_CONFIG, \
                 or run `leadgate demo`, which needs none",
            ),
        ),
        _ => unreadable(format!("cannot be read: {error}"), None),
    })?;
    let text = String::from_utf8(bytes)
        .map_err(|_| unreadable("is not text in UTF-8".to_owned(), None))?;
    parse(&text, &file, env)
}

/// Reads settings from the text of a file called `file_name`; `env` looks up a variable.
///
/// # Errors
/// Every fault of the text. When it is not TOML, only what the TOML parser has to say.
pub fn parse(
    text: &str,
    file_name: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Settings, Faults> {
    let document = Document::new(file_name, text, env);
    let (table, errors) = DeTable::parse_recoverable(text);
    if let Some(faults) = Faults::of(document.unreadable(&errors)) {
        return Err(faults);
    }
    let settings = read(&Section::top(&document, table.get_ref()));
    let (faults, warnings) = document.finish();
    match Faults::of(faults) {
        Some(faults) => Err(faults),
        None => Ok(Settings {
            warnings,
            ..settings
        }),
    }
}

/// A table with a name of the operator's choice, and what it says unless it is faulty.
type Named<'a, T> = (String, Section<'a>, Option<T>);

/// The settings without the accounts and sources that have faults: those are kept in the document.
fn read(root: &Section<'_>) -> Settings {
    let server = Server::read(&root.section("server"));
    let store = StoreSettings::read(&root.section("store"));
    let booking = BookingSettings::read(&root.section("booking"));
    let accounts = accounts(&root.section("accounts"));
    let sources = sources(&root.section("sources"), &accounts);
    let receivers = receivers(&root.section("receivers"), &sources);
    if sources.is_empty() {
        root.warn("sources", "there is no source: no lead can come in");
    }
    root.close(|_| None);
    weigh_accounts(&accounts, &sources);
    weigh_sources(&sources, &store);
    Settings {
        server,
        store,
        booking,
        accounts: by_name(accounts),
        sources: by_name(sources),
        receivers: by_name(receivers),
        warnings: Vec::new(),
    }
}

/// The accounts of the file, and `main` also when only the environment tells of it.
fn accounts<'a>(section: &Section<'a>) -> Vec<Named<'a, Account>> {
    let mut named = section.named();
    if !section.has("main") && !named.iter().any(|(name, _)| name == "main") {
        let main = section.section("main");
        if main.has("api_key") {
            named.push(("main".to_owned(), main));
        } else if main.has("base_url") {
            main.warn("base_url", "has no effect: there is no account main");
        }
    }
    let read = named.into_iter().map(|(name, section)| {
        let account = Account::read(&section);
        (name, section, account)
    });
    read.collect()
}

fn sources<'a>(section: &Section<'a>, accounts: &[Named<'_, Account>]) -> Vec<Named<'a, Source>> {
    let accounts: Vec<&str> = accounts.iter().map(|(name, ..)| name.as_str()).collect();
    let read = section.named().into_iter().map(|(name, section)| {
        let source = Source::read(&name, &section, &accounts);
        (name, section, source)
    });
    read.collect()
}

fn receivers<'a>(section: &Section<'a>, sources: &[Named<'_, Source>]) -> Vec<Named<'a, Receiver>> {
    let sources: Vec<&str> = sources.iter().map(|(name, ..)| name.as_str()).collect();
    let read = section.named().into_iter().map(|(name, section)| {
        let receiver = Receiver::read(&section, &sources);
        (name, section, receiver)
    });
    read.collect()
}

/// Warns of accounts nobody uses, and of a budget counted twice.
fn weigh_accounts(accounts: &[Named<'_, Account>], sources: &[Named<'_, Source>]) {
    let sources: Vec<&Source> = sources.iter().filter_map(|(.., s)| s.as_ref()).collect();
    for (index, (name, section, account)) in accounts.iter().enumerate() {
        if !sources.is_empty() && !sources.iter().any(|source| source.account == *name) {
            section.warn("", "no source uses this account");
        }
        let is_twin = |(_, _, other): &&Named<'_, Account>| match (account, other) {
            (Some(account), Some(other)) => account.is_same_as(other),
            _ => false,
        };
        if let Some((twin, ..)) = accounts.iter().take(index).find(is_twin) {
            // iClosed counts both against one limit, by www.iclosed.io/api.
            section.warn(
                "api_key",
                Problem::from(format!("is also the key of the account {twin}"))
                    .hint("use one account: iClosed's limit is shared, and would be counted twice"),
            );
        }
    }
}

/// Warns of repetitions that are to be recognised longer than leads are kept.
fn weigh_sources(sources: &[Named<'_, Source>], store: &StoreSettings) {
    for (_, section, source) in sources {
        let window_days = source.as_ref().map_or(0, |s| s.duplicates.window_days);
        if window_days > store.retention_days {
            section.warn(
                "duplicates",
                "window_days is longer than [store] retention_days: leads are forgotten before it ends",
            );
        }
    }
}

fn by_name<T>(named: Vec<Named<'_, T>>) -> BTreeMap<String, T> {
    let good = named.into_iter();
    good.filter_map(|(name, _, value)| Some((name, value?)))
        .collect()
}
