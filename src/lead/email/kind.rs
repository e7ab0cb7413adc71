//! What an address alone says: who is behind it, and whether its domain looks mistyped.
//!
//! Hints for the operator. Nothing here refuses a lead.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::{Email, lines};

/// What kind of inbox an address seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody's address at an organisation's own domain.
    Person,
    /// A mailbox anybody can have.
    Free,
    /// A task and not a person: `info@`, `sales@`.
    Role,
    /// A mailbox made to be thrown away.
    Disposable,
}

static FREE: LazyLock<HashSet<&str>> =
    LazyLock::new(|| lines(include_str!("../data/free_email_domains.txt")));
static DISPOSABLE: LazyLock<HashSet<&str>> =
    LazyLock::new(|| lines(include_str!("../data/disposable_email_domains.txt")));
static ROLES: LazyLock<HashSet<&str>> =
    LazyLock::new(|| lines(include_str!("../data/role_accounts.txt")));

/// The domains people mean when they mistype, the likelier first. Names of four letters or fewer are missing on
/// purpose: too many real domains are one letter away from them.
const OFTEN_MEANT: [&str; 28] = [
    "gmail.com",
    "yahoo.com",
    "hotmail.com",
    "outlook.com",
    "icloud.com",
    "googlemail.com",
    "protonmail.com",
    "hotmail.co.uk",
    "yahoo.co.uk",
    "yahoo.com.br",
    "yahoo.co.in",
    "yahoo.fr",
    "hotmail.fr",
    "hotmail.it",
    "hotmail.de",
    "hotmail.es",
    "comcast.net",
    "sbcglobal.net",
    "bellsouth.net",
    "verizon.net",
    "rocketmail.com",
    "btinternet.com",
    "rediffmail.com",
    "bigpond.com",
    "wanadoo.fr",
    "laposte.net",
    "freenet.de",
    "t-online.de",
];

/// From this length on, in bytes, two slips still leave no doubt which domain was meant; below it, one.
const LONG_DOMAIN_BYTES: usize = 11;

/// The kind of an address. A throw-away mailbox outweighs a role, a role outweighs free mail.
pub fn kind(email: &Email) -> Kind {
    let domain = email.domain();
    if is_disposable(&domain) {
        Kind::Disposable
    } else if is_role(email.local()) {
        Kind::Role
    } else if is_free(&domain) {
        Kind::Free
    } else {
        Kind::Person
    }
}

/// The address that was likely meant, when the domain is a slip away from one that many people have.
///
/// Never for a domain that is itself known, however near it is to another: `ymail.com` is not `gmail.com`.
pub fn typo_hint(email: &Email) -> Option<String> {
    let domain = email.domain();
    if is_free(&domain) || is_disposable(&domain) {
        return None;
    }
    let letters = letters(&domain);
    let slips = |meant: &&str| {
        let allowed = if meant.len() < LONG_DOMAIN_BYTES {
            1
        } else {
            2
        };
        let near = may_be_near(&domain, &letters, meant, allowed);
        near.then(|| strsim::osa_distance(&domain, meant))
            .filter(|slips| *slips <= allowed)
    };
    let (_, meant) = OFTEN_MEANT
        .iter()
        .filter_map(|meant| Some((slips(meant)?, meant)))
        .min_by_key(|(n, _)| *n)?;
    Some(format!("{}@{meant}", email.local()))
}

/// Whether `allowed` slips could turn one into the other, judged by their letters alone: every slip changes the
/// count of at most two letters. Spares nearly every domain the real comparison. `letters` are the domain's.
fn may_be_near(domain: &str, letters: &[u8; 256], meant: &str, allowed: usize) -> bool {
    if domain.len().abs_diff(meant.len()) > allowed {
        return false;
    }
    let mut left = *letters;
    let shared = meant.bytes().filter(|byte| {
        let left = &mut left[usize::from(*byte)];
        let is_there = *left > 0;
        *left = left.saturating_sub(1);
        is_there
    });
    domain.len() + meant.len() - 2 * shared.count() <= 2 * allowed
}

/// How often each byte is in the text.
fn letters(text: &str) -> [u8; 256] {
    let mut counts = [0_u8; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] = counts[usize::from(byte)].saturating_add(1);
    }
    counts
}

/// Whether anybody can have a mailbox at this domain, given in lower case.
pub(super) fn is_free(domain: &str) -> bool {
    FREE.contains(domain)
}

fn is_disposable(domain: &str) -> bool {
    let mut rest = Some(domain);
    while let Some(host) = rest {
        if DISPOSABLE.contains(host) {
            return true;
        }
        rest = host.split_once('.').map(|(_, parent)| parent);
    }
    false
}

fn is_role(local: &str) -> bool {
    let bare = local
        .split('+')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    ROLES.contains(bare.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Email {
        Email::parse(text).unwrap()
    }

    #[test]
    fn a_throw_away_box_outweighs_a_role_and_a_role_outweighs_free_mail() {
        for (text, expected) in [
            ("kim@acme.example", Kind::Person),
            ("kim@Gmail.com", Kind::Free),
            ("kim@hotmail.co.uk", Kind::Free),
            ("info@acme.example", Kind::Role),
            ("Info+web@acme.example", Kind::Role),
            ("sales@gmail.com", Kind::Role),
            ("informatik@acme.example", Kind::Person),
            ("kim@mailinator.com", Kind::Disposable),
            ("info@mailinator.com", Kind::Disposable),
            ("kim@eu.mailinator.com", Kind::Disposable),
            ("kim@mailinator.acme.example", Kind::Person),
        ] {
            assert_eq!(kind(&email(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_slip_in_a_well_known_domain_is_noticed() {
        for (text, meant) in [
            ("Kim@gmial.com", "Kim@gmail.com"),
            ("kim@gamil.com", "kim@gmail.com"),
            ("kim@gmai.com", "kim@gmail.com"),
            ("kim@gmaill.com", "kim@gmail.com"),
            ("kim@gmail.con", "kim@gmail.com"),
            ("kim@gmail.co", "kim@gmail.com"),
            ("kim@gmail.cm", "kim@gmail.com"),
            ("kim@yaho.com", "kim@yahoo.com"),
            ("kim@yahooo.com", "kim@yahoo.com"),
            ("kim@hotmial.com", "kim@hotmail.com"),
            ("kim@hotmial.con", "kim@hotmail.com"),
            ("kim@hotmail.co", "kim@hotmail.com"),
            ("kim@outlok.com", "kim@outlook.com"),
            ("kim@iclod.com", "kim@icloud.com"),
            ("kim@hotmai.co.uk", "kim@hotmail.co.uk"),
        ] {
            assert_eq!(typo_hint(&email(text)).as_deref(), Some(meant), "{text}");
        }
    }

    #[test]
    fn a_known_domain_is_never_called_a_slip() {
        for text in [
            "kim@gmail.com",
            "kim@mail.com",
            "kim@ymail.com",
            "kim@email.com",
            "kim@gmx.com",
            "kim@gmx.de",
            "kim@hotmail.co.uk",
            "kim@yahoo.co.jp",
            "kim@yahoo.ca",
            "kim@outlook.de",
            "kim@t-online.hu",
            "kim@mailinator.com",
            "kim@acme.example",
            "kim@life.com",
            "kim@orange.be",
        ] {
            assert_eq!(typo_hint(&email(text)), None, "{text}");
        }
    }

    #[test]
    fn the_lists_are_clean_and_do_not_contradict_each_other() {
        assert!(DISPOSABLE.len() > 5_000 && FREE.len() > 500 && ROLES.len() > 200);
        for list in [&*FREE, &*DISPOSABLE, &*ROLES] {
            assert!(
                list.iter().all(|word| !word.contains(char::is_whitespace)
                    && *word == word.to_ascii_lowercase())
            );
        }
        assert_eq!(
            FREE.iter()
                .filter(|domain| is_disposable(domain))
                .collect::<Vec<_>>(),
            Vec::<&&str>::new()
        );
        assert!(OFTEN_MEANT.iter().all(|domain| is_free(domain)));
    }
}
