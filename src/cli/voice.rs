//! How a command speaks: text for people, or JSON for programs, and how it ends.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Value, json};

/// The exit code of work that was done in part: some of it was refused, or busy.
const IN_PART: u8 = 3;

/// How this run speaks.
#[derive(Clone, Copy, Debug)]
pub struct Voice {
    /// One JSON document, or one a line, instead of text.
    pub json: bool,
}

/// Why a command failed, and what a program may want to know of it beside the sentence.
#[derive(Debug)]
pub struct Why {
    /// For a person.
    pub sentence: String,
    /// Members beside `error`.
    pub more: Value,
}

impl<T: Display> From<T> for Why {
    fn from(sentence: T) -> Self {
        Self {
            sentence: sentence.to_string(),
            more: json!({}),
        }
    }
}

impl Voice {
    /// Prints for the person at the terminal; says nothing in JSON.
    pub fn say(self, text: &str) {
        if !self.json {
            // A closed standard output is no reason to stop working.
            writeln!(io::stdout(), "{text}").ok();
        }
    }

    /// Prints the document, or what a person reads instead.
    pub fn tell(self, document: &impl Serialize, text: impl FnOnce() -> String) {
        if self.json {
            line(document).ok();
        } else {
            self.say(text().trim_end_matches('\n'));
        }
    }

    /// A word to the person at the terminal that is no part of the answer; says nothing in JSON.
    pub fn note(self, text: &str) {
        if !self.json {
            writeln!(io::stderr(), "{text}").ok();
        }
    }

    /// Says why on standard error and fails.
    pub fn fail(self, why: impl Into<Why>) -> ExitCode {
        self.complain(why);
        ExitCode::FAILURE
    }

    /// Says on standard error what went wrong with a part of the work.
    pub fn complain(self, why: impl Into<Why>) {
        let why = why.into();
        let text = match self.json {
            true => document(&why).to_string(),
            false => format!("leadgate: {}", why.sentence),
        };
        // Nobody is left to tell when standard error is closed.
        writeln!(io::stderr(), "{text}").ok();
    }
}

/// The error as a program reads it.
pub fn document(why: &Why) -> Value {
    let mut document = json!({ "error": why.sentence });
    if let (Value::Object(document), Value::Object(more)) = (&mut document, &why.more) {
        document.extend(more.clone());
    }
    document
}

/// Writes one line of JSON to standard output.
///
/// # Errors
/// When nobody reads it.
pub fn line(document: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(document)?;
    line.push(b'\n');
    io::stdout().write_all(&line)
}

/// How work ends of which some was done and some was not.
pub fn ended(done: bool, left: bool) -> ExitCode {
    match (done, left) {
        (_, false) => ExitCode::SUCCESS,
        (true, true) => ExitCode::from(IN_PART),
        (false, true) => ExitCode::FAILURE,
    }
}

/// How work ends that was done, but for what was refused or busy.
pub fn done_but(left: bool) -> ExitCode {
    ended(true, left)
}

/// Text of a lead as a terminal may show it: nothing in it moves the cursor or turns the line around.
pub fn shown(text: &str) -> String {
    let is_harmful = |letter: char| {
        letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|letter| match is_harmful(letter) {
            true => '\u{fffd}',
            false => letter,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leads_text_moves_nothing_on_the_terminal() {
        for (text, expected) in [
            ("Åse Øye", "Åse Øye"),
            ("a\u{1b}[2Jb", "a\u{fffd}[2Jb"),
            ("a\nb\r", "a\u{fffd}b\u{fffd}"),
            ("\u{202e}moc", "\u{fffd}moc"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn an_error_is_one_object_with_what_is_known_beside() {
        let why = Why {
            sentence: "no".to_owned(),
            more: json!({"code": "unknown_lead"}),
        };
        assert_eq!(
            document(&why),
            json!({"error": "no", "code": "unknown_lead"})
        );
        assert_eq!(document(&Why::from("no")), json!({"error": "no"}));
    }
}
