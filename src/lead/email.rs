//! Email addresses: reading one, telling two that reach the same inbox, and what the text alone says of it.
//!
//! Owns the syntax rules and the lists under `data/`. Asks no name server: whether a mailbox exists is not known here.

mod kind;
mod public_suffix;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;

use public_suffix::is_public_suffix;

pub use kind::{Kind, kind, typo_hint};

/// iClosed's limit in UTF-16 units. An accepted address is ASCII, so bytes count the same.
pub const MAX_EMAIL_UNITS: usize = 255;

/// The longest label the domain name system carries, in bytes (RFC 1035, 2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// An address iClosed will take. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email {
    typed: String,
    at: usize,
}

/// Why a text is not an address that can be sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.detail())]
pub enum EmailFault {
    /// Not `local@domain`.
    NotAnAddress,
    /// More than [`MAX_EMAIL_UNITS`].
    TooLong,
    /// Control, zero-width or direction characters in the middle.
    InvisibleCharacters,
    /// The domain cannot belong to anyone: a bare suffix, one word, or a numeric address.
    NoRegistrableDomain,
    /// Letters outside ASCII before the `@`. A real address, and one iClosed's pattern refuses.
    LocalPartNotAscii,
    /// Characters outside iClosed's published pattern. Possibly a real address.
    OutsideVendorPattern,
}

impl EmailFault {
    /// A sentence for a person; repeats nothing of what was typed.
    pub fn detail(self) -> &'static str {
        match self {
            EmailFault::NotAnAddress => "This is not an email address.",
            EmailFault::TooLong => "An email address has at most 255 characters.",
            EmailFault::InvisibleCharacters => "The email address has invisible characters in it.",
            EmailFault::NoRegistrableDomain => {
                "What follows the @ is not a domain that can receive mail."
            }
            EmailFault::LocalPartNotAscii => {
                "iClosed cannot take an address with letters outside ASCII before the @."
            }
            EmailFault::OutsideVendorPattern => {
                "iClosed cannot take this address: it allows letters, digits, _ ' + - and single dots before the @, and \
                 a domain that ends in letters."
            }
        }
    }
}

impl Email {
    /// Reads an address as people and forms write it.
    ///
    /// Space and invisible characters around it, `mailto:`, angle brackets and a sentence's last mark are dropped;
    /// full-width letters become plain ones; a domain outside ASCII becomes punycode. Nothing else changes: the case
    /// stays as typed. A top-level domain nobody has heard of yet is accepted, because new ones appear.
    ///
    /// # Errors
    /// The first [`EmailFault`] found.
    pub fn parse(text: &str) -> Result<Self, EmailFault> {
        let bare = unwrap(text);
        if bare.encode_utf16().take(MAX_EMAIL_UNITS + 1).count() > MAX_EMAIL_UNITS {
            return Err(EmailFault::TooLong);
        }
        let bare: String = bare.chars().map(half_width).collect();
        if bare.chars().any(is_invisible) {
            return Err(EmailFault::InvisibleCharacters);
        }
        if bare.chars().any(char::is_whitespace) {
            return Err(EmailFault::NotAnAddress);
        }
        let (local, domain) = bare.split_once('@').ok_or(EmailFault::NotAnAddress)?;
        if local.is_empty() || domain.is_empty() || domain.contains('@') {
            return Err(EmailFault::NotAnAddress);
        }
        let domain = ascii_domain(domain)?;
        if !local.is_ascii() {
            return Err(EmailFault::LocalPartNotAscii);
        }
        if !vendor_takes(local, &domain) {
            return Err(EmailFault::OutsideVendorPattern);
        }
        let typed = format!("{local}@{domain}");
        if typed.len() > MAX_EMAIL_UNITS {
            return Err(EmailFault::TooLong);
        }
        Ok(Self {
            at: local.len(),
            typed,
        })
    }

    /// The address to send on: as typed, trimmed, its domain in ASCII.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// What stands before the `@`, as typed.
    pub fn local(&self) -> &str {
        &self.typed[..self.at]
    }

    /// What follows the `@`, in lower case.
    pub fn domain(&self) -> String {
        self.typed[self.at + 1..].to_ascii_lowercase()
    }

    /// The form in which two spellings of one inbox are equal. Only for comparing: never send it anywhere.
    ///
    /// Lower case throughout. Tags and dots go only where the provider itself says it ignores them, so that two
    /// people are never taken for one.
    pub fn fold(&self) -> String {
        let domain = self.domain();
        let mut local = self.local().to_ascii_lowercase();
        let ignored = ignored_at(&domain);
        if ignored.tag
            && let Some(plus) = local.find('+').filter(|plus| *plus > 0)
        {
            local.truncate(plus);
        }
        let counts = |c: char| !ignored.marks.contains(&c);
        if local.contains(counts) {
            local.retain(counts);
        }
        let domain = if domain == "googlemail.com" {
            "gmail.com"
        } else {
            &domain
        };
        format!("{local}@{domain}")
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(hidden)")
    }
}

/// What a provider overlooks in the local part when it delivers.
#[derive(Debug, PartialEq, Eq)]
struct Ignored {
    tag: bool,
    marks: &'static [char],
}

/// The providers' own word on which spellings reach the same inbox.
///
/// - Gmail: dots and plus tags, and googlemail.com is gmail.com (support.google.com/mail/answer/7436150).
/// - Outlook.com, Hotmail, Live, MSN: plus tags; dots count (support.microsoft.com, "Add or remove an email alias").
/// - iCloud: plus tags (support.apple.com). Fastmail: plus tags (www.fastmail.help, "Plus addressing").
/// - Proton: plus tags (proton.me/support/addresses-and-aliases), and dots, hyphens and underscores, as its own client
///   folds them (github.com/ProtonMail/WebClients).
/// - Yahoo's disposable addresses hang on a hyphen that is also part of ordinary names: nothing is folded.
fn ignored_at(domain: &str) -> Ignored {
    match domain {
        "gmail.com" | "googlemail.com" => Ignored {
            tag: true,
            marks: &['.'],
        },
        "proton.me" | "protonmail.com" | "protonmail.ch" | "pm.me" => Ignored {
            tag: true,
            marks: &['.', '-', '_'],
        },
        "icloud.com" | "me.com" | "mac.com" | "fastmail.com" | "fastmail.fm" => Ignored {
            tag: true,
            marks: &[],
        },
        _ => Ignored {
            tag: is_microsoft(domain),
            marks: &[],
        },
    }
}

/// Microsoft's public mail lives at these names under many countries' suffixes; the list of free mail holds them all.
fn is_microsoft(domain: &str) -> bool {
    let name = domain.split('.').next().unwrap_or_default();
    matches!(name, "outlook" | "hotmail" | "live" | "msn") && kind::is_free(domain)
}

/// The address without what forms, mail programs and sentences put around it.
fn unwrap(text: &str) -> &str {
    let around = |c: char| c.is_whitespace() || is_invisible(c);
    let mut bare = text.trim_matches(around);
    if let Some(inside) = bare.strip_prefix('<') {
        bare = inside
            .strip_suffix('>')
            .unwrap_or(inside)
            .trim_matches(around);
    }
    if let Some(scheme) = bare.get(..7)
        && scheme.eq_ignore_ascii_case("mailto:")
    {
        bare = bare[7..].split('?').next().unwrap_or_default();
    }
    bare.trim_end_matches(['.', ',', ';']).trim_matches(around)
}

/// Full-width forms of Asian keyboards are the ASCII characters at a fixed distance (Unicode, block U+FF00).
fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// Characters that show nothing and so make two addresses look alike.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
        || (c.is_control() && !c.is_whitespace())
}

/// The lines of a list under `data/`.
fn lines(text: &'static str) -> HashSet<&'static str> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// The domain in ASCII, if it can belong to somebody.
fn ascii_domain(domain: &str) -> Result<String, EmailFault> {
    let coded = domain
        .to_ascii_lowercase()
        .split('.')
        .any(|label| label.starts_with("xn--"));
    let ascii = if domain.is_ascii() && !coded {
        domain.to_owned()
    } else {
        idna::domain_to_ascii(domain).map_err(|_| EmailFault::NotAnAddress)?
    };
    let lower = ascii.to_ascii_lowercase();
    if lower.starts_with('[')
        || lower
            .rsplit('.')
            .next()
            .is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(EmailFault::NoRegistrableDomain);
    }
    if lower
        .split('.')
        .any(|label| label.is_empty() || label.len() > MAX_LABEL_BYTES)
    {
        return Err(EmailFault::NotAnAddress);
    }
    if is_public_suffix(&lower) {
        return Err(EmailFault::NoRegistrableDomain);
    }
    Ok(ascii)
}

/// iClosed's pattern, written out because it looks ahead:
/// `^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$`
/// (www.iclosed.io/api).
fn vendor_takes(local: &str, domain: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"_'+-.".contains(&b);
    let local_fits = local.bytes().all(inner)
        && !local.starts_with('.')
        && !local.ends_with(['.', '\''])
        && !local.is_empty()
        && !local.contains("..");
    let Some((names, top)) = domain.rsplit_once('.') else {
        return false;
    };
    let name_fits = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    local_fits
        && top.len() >= 2
        && top.bytes().all(|b| b.is_ascii_alphabetic())
        && names.split('.').all(name_fits)
}
