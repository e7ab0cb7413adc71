//! Making another system's words fit for logs and records: short, on one line, without addresses, numbers and keys.

/// The longest text kept, in characters.
const LONGEST: usize = 200;

/// So many digits in a row, however grouped, may be somebody's phone.
const PHONE_DIGITS: usize = 7;

/// The text with everything masked that looks like an e-mail address, a phone number or an API key, then cut to 200
/// characters. Dates and long ids go with the phones: better a fact lost than a person told of.
pub(super) fn masked(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words = words.filter(|word| !word.is_empty());
    let words: Vec<&str> = words.map(spoken).collect();
    without_phones(&words.join(" "))
        .chars()
        .take(LONGEST)
        .collect()
}

/// What stands for a word, or the word itself.
fn spoken(word: &str) -> &str {
    if is_address(word) {
        "<email>"
    } else if word.to_ascii_lowercase().contains("iclosed_") {
        "<key>"
    } else {
        word
    }
}

fn is_address(word: &str) -> bool {
    word.contains(['@', '\u{ff20}']) || word.contains("%40")
}

fn without_phones(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(char::is_numeric) {
        let (before, run) = rest.split_at(start);
        let end = run
            .find(|c: char| !c.is_numeric() && !is_grouping(c))
            .unwrap_or(run.len());
        let (run, after) = run.split_at(end);
        if run.chars().filter(|c| c.is_numeric()).count() >= PHONE_DIGITS {
            kept.push_str(before.trim_end_matches(['+', '(']));
            kept.push_str("<number>");
            kept.extend(run.chars().rev().take_while(|c| c.is_whitespace()));
        } else {
            kept.push_str(before);
            kept.push_str(run);
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}

fn is_grouping(c: char) -> bool {
    c.is_whitespace() || "+-.()/\u{2010}\u{2011}\u{2013}".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_phones_are_masked_and_other_words_stay() {
        for (text, expected) in [
            ("Invalid API key", "Invalid API key"),
            ("kim@lead.example is taken", "<email> is taken"),
            ("taken:\"kim@lead.example\",", "<email>"),
            ("at ?e=kim%40lead.example", "at <email>"),
            ("call +47 900 00 000 now", "call <number> now"),
            ("(+4790000000)", "<number>"),
            ("limit 20 in 10 s", "limit 20 in 10 s"),
            ("12 34-56", "12 34-56"),
            ("Invalid key: iclosed_abc", "Invalid key: <key>"),
            ("line\r\none\0two", "line one two"),
            ("\u{0664}\u{0667}90000000", "<number>"),
            ("", ""),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_is_cut_to_200_characters_whatever_their_width() {
        assert_eq!(masked(&"\u{e6}".repeat(1_000)).chars().count(), 200);
    }
}
