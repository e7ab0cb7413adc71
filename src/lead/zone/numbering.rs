//! From the leading digits of a phone number to the zone of the place they stand for.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Zones by country code and area code. The North American plan's codes get their country code 1 here.
static PREFIXES: LazyLock<HashMap<String, &str>> = LazyLock::new(|| {
    let nanp = rows(include_str!("../data/nanp_area_zones.txt"))
        .map(|(zone, code)| (format!("1{code}"), zone));
    let others =
        rows(include_str!("../data/phone_zones.txt")).map(|(zone, code)| (code.to_owned(), zone));
    nanp.chain(others).collect()
});

/// Digits of the longest prefix in the tables.
static LONGEST: LazyLock<usize> =
    LazyLock::new(|| PREFIXES.keys().map(String::len).max().unwrap_or(0));

fn rows(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| {
            let mut words = line.split_whitespace();
            let zone = words.next().unwrap_or_default();
            words.map(move |code| (zone, code))
        })
}

/// The zone of an E.164 number whose digits name a place; the longest known prefix decides.
pub(super) fn zone(e164: &str) -> Option<&'static str> {
    let digits = e164.strip_prefix('+').unwrap_or(e164);
    (1..=*LONGEST)
        .rev()
        .find_map(|length| PREFIXES.get(digits.get(..length)?).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_is_in_the_database_and_no_code_stands_twice() {
        let tables = [
            include_str!("../data/nanp_area_zones.txt"),
            include_str!("../data/phone_zones.txt"),
        ];
        let mut written = 0;
        for (zone, code) in tables.into_iter().flat_map(rows) {
            assert_eq!(super::super::canonical(zone).as_deref(), Some(zone));
            assert!(code.bytes().all(|b| b.is_ascii_digit()), "{code}");
            written += 1;
        }
        assert_eq!(PREFIXES.len(), written);
        assert_eq!(
            PREFIXES
                .keys()
                .filter(|code| code.starts_with('1'))
                .filter(|code| code.len() != 4)
                .count(),
            0
        );
    }

    #[test]
    fn the_longest_prefix_decides() {
        assert_eq!(zone("+61889001234"), Some("Australia/Darwin"));
        assert_eq!(zone("+61881001234"), Some("Australia/Adelaide"));
        assert_eq!(zone("+5511961234567"), None);
        assert_eq!(zone("+1"), None);
        assert_eq!(zone(""), None);
    }
}
