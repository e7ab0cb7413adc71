//! What an operator types into the search field: a lead's id, a platform's id, an address or a number.
//!
//! Addresses and numbers are looked for as they are kept, as keyed digests, so a person is found only under the
//! events of today's settings, and only where the source counts it as a way to recognise somebody.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use crate::api::Gateway;
use crate::api::problem::Problem;
use crate::intake::person::Hasher;
use crate::lead::LeadId;
use crate::lead::email::Email;
use crate::lead::phone::Phone;
use crate::queue::{Digest, Stored};
use crate::settings::Settings;

/// What the text names.
pub enum Sought {
    /// These, the newest first.
    Leads(Vec<Stored>),
    /// Whoever has one of these digests; nobody when there is none.
    Person(Vec<Digest>),
}

/// Reads the text as an id first.
pub async fn seek(gateway: &Gateway, text: &str) -> Result<Sought, Problem> {
    let ids = match text.parse() {
        Ok(id) => BTreeSet::from([id]),
        Err(_) => of_platforms(gateway, text).await?,
    };
    let found = ids.into_iter().map(|id| gateway.store.get(id));
    let found = try_join_all(found).await?;
    let mut leads: Vec<Stored> = found.into_iter().flatten().collect();
    if leads.is_empty() {
        return Ok(Sought::Person(person(
            &gateway.settings,
            &gateway.hasher,
            text,
        )));
    }
    leads.sort_by_key(|stored| std::cmp::Reverse(stored.lead.received_at));
    Ok(Sought::Leads(leads))
}

/// The leads that came under this id of their platform, whichever it is.
async fn of_platforms(gateway: &Gateway, id: &str) -> Result<BTreeSet<LeadId>, Problem> {
    let names = gateway.settings.sources.keys();
    let looks = names.map(|source| {
        let parts = [source.as_bytes(), id.as_bytes()];
        gateway
            .store
            .repeated(gateway.hasher.digest("platform", &parts))
    });
    Ok(try_join_all(looks).await?.into_iter().flatten().collect())
}

/// The address as persons are told apart by it, if it is one.
pub(super) fn folded(text: &str) -> Option<String> {
    Email::parse(text).ok().map(|email| email.fold())
}

/// The numbers that the text can mean, in E.164.
pub(super) fn numbers(settings: &Settings, text: &str) -> BTreeSet<String> {
    let sources = settings.sources.values();
    let regions: BTreeSet<_> = sources
        .map(|source| source.default_region.as_deref())
        .chain([None])
        .collect();
    let numbers = regions
        .into_iter()
        .filter_map(|region| Phone::parse(text, None, region).ok());
    numbers.map(|phone| phone.e164).collect()
}

/// The digests of whoever writes an address or a number like this, for every event that is booked.
fn person(settings: &Settings, hasher: &Hasher, text: &str) -> Vec<Digest> {
    let sources = || settings.sources.values();
    let email = folded(text);
    let phones = numbers(settings, text);
    let events: BTreeSet<(&str, &str)> = sources()
        .flat_map(|source| {
            let events = source.allowed_events.iter().chain([&source.link_prefix]);
            events.map(|event| (source.account.as_str(), event.as_str()))
        })
        .collect();
    let mut digests = BTreeSet::new();
    for (account, event) in events {
        digests.extend(hasher.person(account, event, email.as_deref(), None));
        for phone in &phones {
            digests.extend(hasher.person(account, event, None, Some(phone)));
        }
    }
    digests.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = r#"
[accounts.main]
api_key = "iclosed_main"
[accounts.other]
api_key = "iclosed_other"
[sources.one]
kind = "form"
link_prefix = "acme/call"
allowed_events = ["acme/long-call"]
allowed_origins = ["*"]
default_region = "NO"
[sources.two]
kind = "form"
account = "other"
link_prefix = "acme/call"
allowed_origins = ["*"]
default_region = "SE"
[sources.three]
kind = "form"
link_prefix = "acme/call"
allowed_origins = ["*"]
"#;

    #[test]
    fn a_person_is_looked_for_under_every_event_and_in_every_spelling() {
        let settings = crate::settings::parse(SETTINGS, "leadgate.toml", &|_| None).unwrap();
        let hasher = Hasher::new(&[1; 32]);
        let of = |email: Option<&str>, phones: &[&str]| {
            let mut digests = BTreeSet::new();
            for (account, event) in [
                ("main", "acme/call"),
                ("main", "acme/long-call"),
                ("other", "acme/call"),
            ] {
                digests.extend(hasher.person(account, event, email, None));
                for phone in phones {
                    digests.extend(hasher.person(account, event, None, Some(phone)));
                }
            }
            digests.into_iter().collect::<Vec<_>>()
        };
        for (text, expected) in [
            ("kim@lead.example", of(Some("kim@lead.example"), &[])),
            ("KIM@Lead.Example", of(Some("kim@lead.example"), &[])),
            ("+47 900 00 001", of(None, &["+4790000001"])),
            ("22 00 00 01", of(None, &["+4722000001", "+4622000001"])),
            ("nobody", of(None, &[])),
        ] {
            let found = person(&settings, &hasher, text);
            assert!(found == expected, "{text}");
        }
    }
}
