//! Personal names: fitted to what iClosed takes, changed as little as possible.
//!
//! Owns the split of a whole name and the cut. Never touches case, and knows nothing of titles or nicknames.

use std::fmt;

/// iClosed's limit for a first and for a last name, in UTF-16 units (www.iclosed.io/api).
pub const MAX_NAME_UNITS: usize = 25;

/// Endings that stand behind a comma without being a first name.
const SUFFIXES: [&str; 14] = [
    "jr", "sr", "ii", "iii", "iv", "phd", "ph.d", "md", "m.d", "mba", "esq", "cpa", "dds", "rn",
];

/// A name in the parts iClosed asks for. `Debug` hides them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// At most [`MAX_NAME_UNITS`].
    pub first: Option<String>,
    /// At most [`MAX_NAME_UNITS`]. Present whenever `first` is.
    pub last: Option<String>,
    /// The whole name as typed, cleaned and never cut. Absent when none was typed.
    pub whole: Option<String>,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names")
            .field("first", &self.first.is_some())
            .field("last", &self.last.is_some())
            .field("whole", &self.whole.is_some())
            .finish()
    }
}

/// Fits the name fields of a lead to a first and a last name.
///
/// Separate fields win. A half that is missing is taken from the whole name; a whole name alone, in whichever field
/// it was typed, is split after its first word. `Moe, Kim` is read as written in directories. One word alone fills
/// both halves, since a booking wants both and iClosed's own pages repeat the first name. Names of scripts without
/// spaces are one word and stay whole.
pub fn fit(first: Option<&str>, last: Option<&str>, whole: Option<&str>) -> Names {
    let first = first.and_then(clean);
    let last = last.and_then(clean);
    let whole = whole.and_then(clean);
    let (fitted_first, fitted_last) = match (first.as_deref(), last.as_deref(), whole.as_deref()) {
        (Some(first), Some(last), _) => (first, last),
        (Some(first), None, Some(whole)) => (
            first,
            rest_after(whole, first).unwrap_or_else(|| split(whole).1),
        ),
        (None, Some(last), Some(whole)) => (
            rest_before(whole, last).unwrap_or_else(|| split(whole).0),
            last,
        ),
        (Some(only), None, None) | (None, Some(only), None) | (None, None, Some(only)) => {
            split(only)
        }
        (None, None, None) => return Names::default(),
    };
    Names {
        first: Some(cut(fitted_first)),
        last: Some(cut(fitted_last)),
        whole,
    }
}

/// The text without control and stray invisible characters, its white space single; nothing when nothing is left.
fn clean(text: &str) -> Option<String> {
    let shown: String = text
        .chars()
        .filter(|c| c.is_whitespace() || !is_stray(*c))
        .collect();
    let mut name = String::with_capacity(shown.len());
    for word in shown
        .split_whitespace()
        .map(|word| word.trim_matches(is_joiner))
        .filter(|word| !word.is_empty())
    {
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(word);
    }
    (!name.is_empty()).then_some(name)
}

fn split(whole: &str) -> (&str, &str) {
    if let Some((last, first)) = whole.split_once([',', '，', '、', '،']) {
        let (last, first) = (last.trim(), first.trim());
        if !last.is_empty()
            && !first.is_empty()
            && !first.contains([',', '，'])
            && !is_suffix(first)
        {
            return (first, last);
        }
    }
    match whole.split_once(' ') {
        Some((first, rest)) => (first, rest),
        None => (whole, whole),
    }
}

fn is_suffix(word: &str) -> bool {
    let bare = word.trim_end_matches('.').to_ascii_lowercase();
    SUFFIXES.contains(&bare.as_str())
}

fn rest_after<'a>(whole: &'a str, first: &str) -> Option<&'a str> {
    whole
        .strip_prefix(first)?
        .strip_prefix(' ')
        .filter(|rest| !rest.is_empty())
}

fn rest_before<'a>(whole: &'a str, last: &str) -> Option<&'a str> {
    whole
        .strip_suffix(last)?
        .strip_suffix(' ')
        .filter(|rest| !rest.is_empty())
}

/// The longest beginning of at most [`MAX_NAME_UNITS`] that ends between two characters as a reader counts them:
/// a letter goes with its accents, an emoji with its parts.
fn cut(name: &str) -> String {
    let name = name.trim_start_matches(is_joiner);
    let mut units = 0;
    let mut end = name.len();
    for (at, c) in name.char_indices() {
        units += c.len_utf16();
        if units > MAX_NAME_UNITS {
            end = at;
            break;
        }
    }
    let mut kept = name[..end].trim_end_matches(is_joiner);
    if name[kept.len()..].starts_with(is_extender) {
        let base = kept.trim_end_matches(is_extender);
        let without_base = base
            .char_indices()
            .next_back()
            .map_or("", |(at, _)| &base[..at]);
        if !without_base.is_empty() {
            kept = without_base.trim_end_matches(is_joiner);
        }
    }
    kept.trim_end().to_owned()
}

/// Shows nothing and joins nothing.
fn is_stray(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Zero-width joiner and non-joiner: part of Persian and Indic spelling between letters, nothing at an end.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Belongs to the character before it (Unicode, Grapheme_Extend and emoji modifiers, in the scripts names use).
fn is_extender(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}' | '\u{981}'..='\u{983}'
        | '\u{9bc}'..='\u{9cd}' | '\u{a3c}'..='\u{a4d}' | '\u{abc}'..='\u{acd}' | '\u{b3c}'..='\u{b4d}'
        | '\u{bbe}'..='\u{bcd}' | '\u{c3e}'..='\u{c4d}' | '\u{cbc}'..='\u{ccd}' | '\u{d3e}'..='\u{d4d}' | '\u{e31}'
        | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}' | '\u{102b}'..='\u{103e}' | '\u{17b6}'..='\u{17d3}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{200c}' | '\u{200d}' | '\u{20d0}'..='\u{20ff}'
        | '\u{3099}' | '\u{309a}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}' | '\u{1f3fb}'..='\u{1f3ff}'
        | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(first: Option<&str>, last: Option<&str>, whole: Option<&str>) -> (String, String) {
        let names = fit(first, last, whole);
        (
            names.first.unwrap_or_default(),
            names.last.unwrap_or_default(),
        )
    }

    #[test]
    fn separate_fields_win_and_a_missing_half_comes_from_the_whole() {
        for (first, last, whole, expected) in [
            (Some("Kim"), Some("Moe"), Some("Other Name"), ("Kim", "Moe")),
            (Some("Anna Maria"), Some("Moe"), None, ("Anna Maria", "Moe")),
            (
                Some("Anna Maria"),
                None,
                Some("Anna Maria Moe"),
                ("Anna Maria", "Moe"),
            ),
            (Some("Kim"), None, Some("Kimberly Moe"), ("Kim", "Moe")),
            (
                None,
                Some("van der Moe"),
                Some("Kim Lee van der Moe"),
                ("Kim Lee", "van der Moe"),
            ),
            (Some("Kim"), Some("  "), None, ("Kim", "Kim")),
            (None, Some("Moe"), None, ("Moe", "Moe")),
            (Some("Kim Moe"), None, None, ("Kim", "Moe")),
            (Some("Kim"), None, Some("Kim"), ("Kim", "Kim")),
        ] {
            let (f, l) = expected;
            assert_eq!(
                parts(first, last, whole),
                (f.to_owned(), l.to_owned()),
                "{first:?} {last:?} {whole:?}"
            );
        }
    }

    #[test]
    fn a_whole_name_splits_after_its_first_word_unless_written_with_a_comma() {
        for (whole, first, last) in [
            ("Kim Moe", "Kim", "Moe"),
            ("  Kim \t Lee\u{a0}\n Moe ", "Kim", "Lee Moe"),
            ("kim MOE", "kim", "MOE"),
            ("İpek Çelik", "İpek", "Çelik"),
            ("Moe, Kim", "Kim", "Moe"),
            ("van der Moe, Kim Lee", "Kim Lee", "van der Moe"),
            ("Kim Moe, Jr.", "Kim", "Moe, Jr."),
            ("Kim Moe, Ph.D.", "Kim", "Moe, Ph.D."),
            ("Kim,", "Kim,", "Kim,"),
            ("Cher", "Cher", "Cher"),
            ("山田太郎", "山田太郎", "山田太郎"),
            ("山田\u{3000}太郎", "山田", "太郎"),
            ("Kim\u{0}\u{7} \u{200b} Moe\u{feff}", "Kim", "Moe"),
            ("می\u{200c}نا رضایی", "می\u{200c}نا", "رضایی"),
        ] {
            assert_eq!(
                parts(None, None, Some(whole)),
                (first.to_owned(), last.to_owned()),
                "{whole}"
            );
        }
    }

    #[test]
    fn the_whole_name_is_kept_uncut_and_only_when_it_was_typed() {
        let long = "Wolfeschlegelsteinhausenbergerdorff Moe";
        let names = fit(None, None, Some(long));
        assert_eq!(names.whole.as_deref(), Some(long));
        assert_eq!(names.first.as_deref(), Some("Wolfeschlegelsteinhausenb"));
        assert_eq!(fit(Some("Kim"), Some("Moe"), None).whole, None);
        assert_eq!(
            fit(Some("\u{200b}"), None, Some(" \u{7} ")),
            Names::default()
        );
    }

    #[test]
    fn a_cut_never_splits_what_a_reader_sees_as_one_character() {
        for (name, expected) in [
            (format!("{}😀", "a".repeat(24)), "a".repeat(24)),
            (format!("{}e\u{301}x", "a".repeat(24)), "a".repeat(24)),
            (
                format!("{}e\u{301}x", "a".repeat(23)),
                format!("{}e\u{301}", "a".repeat(23)),
            ),
            (format!("{}👍🏽x", "a".repeat(22)), "a".repeat(22)),
            (format!("{} bcd", "a".repeat(24)), "a".repeat(24)),
            (format!("{}क\u{93f}", "a".repeat(24)), "a".repeat(24)),
            ("a".repeat(25), "a".repeat(25)),
        ] {
            assert_eq!(cut(&name), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_name_fits_and_fitting_again_changes_nothing(first in ".{0,40}", last in ".{0,40}") {
            let names = fit(Some(&first), Some(&last), None);
            for part in [&names.first, &names.last].into_iter().flatten() {
                prop_assert!(!part.is_empty() && part.encode_utf16().count() <= MAX_NAME_UNITS);
                prop_assert!(!part.chars().any(char::is_control));
            }
            prop_assert_eq!(names.first.is_some(), names.last.is_some());
            let again = fit(names.first.as_deref(), names.last.as_deref(), None);
            prop_assert_eq!((again.first, again.last), (names.first, names.last));
        }
    }
}
