//! Under which names anybody can register one, by the Public Suffix List (publicsuffix.org).

use std::collections::HashSet;
use std::sync::LazyLock;

use super::lines;

static LISTED: LazyLock<HashSet<&str>> =
    LazyLock::new(|| lines(include_str!("../data/public_suffixes.txt")));

/// Whether nobody's mailbox can be at `host` itself, given in ASCII and lower case: a single label, or a name under which
/// a registry hands out others.
///
/// The list's private part is left out: who hands out names below their own, such as a university, has mailboxes too.
pub(super) fn is_public_suffix(host: &str) -> bool {
    let Some((_, parent)) = host.split_once('.') else {
        return true;
    };
    let is_listed = |mark: &str, name: &str| LISTED.contains(format!("{mark}{name}").as_str());
    LISTED.contains(host) || is_listed("*.", parent) && !is_listed("!", host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_reached_at_a_name_that_registries_register_under() {
        for (host, expected) in [
            ("com", true),
            ("localhost", true),
            ("lead.example", false),
            ("co.uk", true),
            ("lead.co.uk", false),
            ("mail.lead.co.uk", false),
            // Any name under `ck` is one, `www.ck` excepted.
            ("ck", true),
            ("lead.ck", true),
            ("mail.lead.ck", false),
            ("www.ck", false),
            ("kobe.jp", false),
            ("lead.kobe.jp", true),
            ("city.kobe.jp", false),
            // Written in ASCII on the list as well: 公司.cn.
            ("xn--55qx5d.cn", true),
            ("lead.xn--55qx5d.cn", false),
            // Private: they hand out names, and have mailboxes.
            ("github.io", false),
            ("lead.github.io", false),
        ] {
            assert_eq!(is_public_suffix(host), expected, "{host}");
        }
    }

    #[test]
    fn the_list_is_sorted_and_in_the_form_it_is_asked_in() {
        let listed = include_str!("../data/public_suffixes.txt");
        let listed: Vec<_> = listed.lines().filter(|l| !l.starts_with('#')).collect();
        assert!(listed.is_sorted());
        for line in listed {
            let name = line.trim_start_matches("*.").trim_start_matches('!');
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
            assert!(name.bytes().all(fits), "{line}");
        }
    }
}
