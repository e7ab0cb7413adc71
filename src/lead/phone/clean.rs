//! The written form of a phone number: labels, separators, extensions and other scripts' digits taken away.
//!
//! Decides what is a number at all, because libphonenumber also finds numbers inside sentences.

/// A number's bare digits, and how its country is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// After a plus: the country code leads.
    International(String),
    /// Begins with `00`, which most of the world dials for the plus, and which is kept here.
    ZeroZero(String),
    /// As dialled inside its own country.
    Local(String),
}

/// More digits than any number has, international prefix and all; longer texts are not looked at.
const MAX_DIGITS: usize = 24;
const MAX_TEXT_BYTES: usize = 256;
const LABELS: [&str; 5] = ["p:", "tel:", "phone:", "whatsapp:", "callto:"];
const EXTENSION_WORDS: [&str; 6] = ["extension", "extn", "ext", "xtn", "x", "#"];
/// Digits of an extension (RFC 3966 sets no bound; libphonenumber takes seven after a bare `x`).
const MAX_EXTENSION_DIGITS: usize = 7;

/// The zeros of the scripts whose digits people type; each is followed by its one to nine (Unicode, category Nd).
const ZEROS: [char; 19] = [
    '0', '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}',
    '\u{be6}', '\u{c66}', '\u{ce6}', '\u{d66}', '\u{e50}', '\u{ed0}', '\u{f20}', '\u{1040}',
    '\u{17e0}', '\u{ff10}',
];

/// The number in a text that holds nothing else.
pub(super) fn read(text: &str) -> Option<Written> {
    if text.len() > MAX_TEXT_BYTES {
        return None;
    }
    let plain: String = text.chars().filter_map(plain).collect();
    let mut number = plain.trim();
    while let Some(label) = LABELS.iter().find(|label| starts_with_word(number, label)) {
        number = number[label.len()..].trim_start();
    }
    number = without_extension(number.trim_start_matches('\''));
    if let Some(whole) = number.strip_suffix(".0")
        && whole.bytes().all(|b| b.is_ascii_digit() || b == b'+')
    {
        number = whole;
    }
    let inside = number.trim_start_matches(['(', '[', ' ']);
    let (plus, rest) = match inside.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, inside),
    };
    if rest
        .bytes()
        .any(|b| !b.is_ascii_digit() && !b" -./()[]~".contains(&b))
    {
        return None;
    }
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        0..3 => None,
        n if n > MAX_DIGITS => None,
        _ if plus => Some(Written::International(digits)),
        _ if digits.starts_with("00") => Some(Written::ZeroZero(digits)),
        _ => Some(Written::Local(digits)),
    }
}

/// The ASCII sign a character stands for; none for what shows nothing.
fn plain(c: char) -> Option<char> {
    if c.is_ascii_graphic() {
        return Some(c);
    }
    let digit = ZEROS.iter().find_map(|zero| {
        u32::from(c)
            .checked_sub(u32::from(*zero))
            .filter(|value| *value < 10)
    });
    if let Some(value) = digit {
        return char::from_digit(value, 10);
    }
    match c {
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => None,
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}' | '\u{b7}' | '\u{2022}' | '\u{2027}' => {
            Some('-')
        }
        '\u{2018}' | '\u{2019}' => Some('\''),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        c if c.is_whitespace() => Some(' '),
        c => Some(c),
    }
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// The number before an extension such as `ext. 5`, `x5`, `;ext=5`. A text with any other tail is left as it is.
fn without_extension(number: &str) -> &str {
    let Some(start) =
        number.find(|c: char| c.is_ascii_alphabetic() || matches!(c, ';' | ',' | '#'))
    else {
        return number;
    };
    let tail = number[start..].trim_start_matches([';', ',', ' ']);
    let Some(word) = EXTENSION_WORDS
        .iter()
        .find(|word| starts_with_word(tail, word))
    else {
        return number;
    };
    let digits = tail[word.len()..]
        .trim_start_matches(['.', ':', '=', ' ', '-'])
        .trim_end();
    let is_extension = (1..=MAX_EXTENSION_DIGITS).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit());
    if is_extension {
        number[..start].trim_end()
    } else {
        number
    }
}
