//! Countries: what people write for one, its ISO code, and the zone most of its people keep.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The longest text looked up, in bytes; no country's name comes near it.
const MAX_NAME_BYTES: usize = 128;

/// ISO 3166-1 alpha-2 by every code and spelling known, in lower case.
static CODES: LazyLock<HashMap<String, &str>> = LazyLock::new(|| {
    let mut codes = HashMap::new();
    for (alpha_2, alpha_3, names) in rows() {
        for spelling in [alpha_2, alpha_3].into_iter().chain(names.split("; ")) {
            codes.insert(key(spelling), alpha_2);
        }
    }
    codes
});

static ZONES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let lines = include_str!("data/country_zones.txt").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .collect()
});

fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let lines = include_str!("data/countries.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let (alpha_2, rest) = line.split_once(' ')?;
        let (alpha_3, names) = rest.split_once(' ')?;
        Some((alpha_2, alpha_3, names))
    })
}

/// Lower case, without full stops, white space single: `U.S.A.` and `usa` are one spelling.
fn key(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !key.is_empty() {
            key.push(' ');
        }
        key.extend(
            word.chars()
                .filter(|c| *c != '.')
                .map(|c| if c == '’' { '\'' } else { c })
                .flat_map(char::to_lowercase),
        );
    }
    key
}

/// The ISO 3166-1 alpha-2 code of a country written as alpha-2, alpha-3 or one of its common names, in any case.
///
/// `XK` is answered for Kosovo, `GB` for `UK` and its parts, and `CG` for a bare `Congo`.
pub fn country_code(text: &str) -> Option<String> {
    if text.len() > MAX_NAME_BYTES {
        return None;
    }
    CODES.get(&key(text)).map(|code| (*code).to_owned())
}

/// The zone most people of a country keep, by its alpha-2 code in capitals.
pub(super) fn principal_zone(alpha_2: &str) -> Option<&'static str> {
    ZONES.get(alpha_2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_known_by_its_codes_and_its_common_names() {
        for (text, code) in [
            ("US", Some("US")),
            ("us", Some("US")),
            ("USA", Some("US")),
            ("U.S.A.", Some("US")),
            ("united  states ", Some("US")),
            ("The United States", Some("US")),
            ("UK", Some("GB")),
            ("England", Some("GB")),
            ("gbr", Some("GB")),
            ("Deutschland", Some("DE")),
            ("Czech Republic", Some("CZ")),
            ("Türkiye", Some("TR")),
            ("turkey", Some("TR")),
            ("ÖSTERREICH", Some("AT")),
            ("Côte d’Ivoire", Some("CI")),
            ("Ivory Coast", Some("CI")),
            ("south korea", Some("KR")),
            ("St. Lucia", Some("LC")),
            ("Bosnia and Herzegovina", Some("BA")),
            ("Kosovo", Some("XK")),
            ("Atlantis", None),
            ("ZZ", None),
            ("", None),
        ] {
            assert_eq!(country_code(text).as_deref(), code, "{text}");
        }
    }

    #[test]
    fn every_country_has_its_codes_and_a_zone_of_the_database() {
        assert_eq!(rows().count(), 250);
        for (alpha_2, alpha_3, names) in rows() {
            assert_eq!(country_code(alpha_2).as_deref(), Some(alpha_2));
            assert_eq!(country_code(alpha_3).as_deref(), Some(alpha_2));
            for name in names.split("; ") {
                assert_eq!(country_code(name).as_deref(), Some(alpha_2), "{name}");
            }
            let zone = principal_zone(alpha_2);
            if matches!(alpha_2, "BV" | "HM") {
                assert_eq!(zone, None);
            } else {
                assert_eq!(
                    zone.and_then(crate::lead::zone::canonical).as_deref(),
                    zone,
                    "{alpha_2}"
                );
                assert!(zone.is_some(), "{alpha_2}");
            }
        }
        assert_eq!(ZONES.len(), 248);
    }
}
