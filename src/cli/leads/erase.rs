//! `leadgate leads erase`: forgets a person, after a second thought.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::lead_id;
use super::record::{instant, text};
use crate::cli::operator::Reach;
use crate::cli::voice::{Voice, done_but};
use crate::lead::LeadId;

/// What must be typed.
const WORD: &str = "erase";
/// A longer line is not the word.
const LONGEST_LINE: u64 = 64;

/// Whom to forget.
#[derive(clap::Args)]
pub struct Flags {
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    person: Person,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Person {
    /// Whoever this lead is.
    #[arg(long, value_name = "LEAD", value_parser = lead_id)]
    lead: Option<LeadId>,
    /// Whoever has this address.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Whoever has this number.
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
}

impl Person {
    fn body(&self) -> Value {
        match (&self.lead, &self.email, &self.phone) {
            (Some(lead), _, _) => json!({ "leadId": lead }),
            (_, Some(email), _) => json!({ "email": email }),
            (_, _, phone) => json!({ "phoneNumber": phone }),
        }
    }
}

/// Forgets the person and shows the receipt.
pub async fn run(flags: &Flags, voice: Voice) -> ExitCode {
    let operator = match flags.reach.open() {
        Ok(operator) => operator,
        Err(why) => return voice.fail(why),
    };
    if !flags.yes {
        if !std::io::stdin().is_terminal() {
            return voice.fail("there is no terminal to ask at: --yes erases without asking");
        }
        if !is_meant() {
            return voice.fail("nothing was erased");
        }
    }
    let receipt: Value = match operator.post("erasures", &flags.person.body()).await {
        Ok(receipt) => receipt,
        Err(failure) => return failure.fail(voice),
    };
    voice.tell(&receipt, || page(&receipt));
    done_but(!ids(&receipt["busy"]).is_empty())
}

/// Asks at the terminal.
fn is_meant() -> bool {
    let mut terminal = std::io::stderr();
    let question = format!(
        "Every lead of this person loses its contents for good; calls in iClosed stay. Type {WORD}: "
    );
    // Nobody who cannot read the question answers it.
    terminal
        .write_all(question.as_bytes())
        .and_then(|()| terminal.flush())
        .ok();
    let mut answer = String::new();
    let read = std::io::stdin()
        .lock()
        .take(LONGEST_LINE)
        .read_line(&mut answer);
    read.is_ok() && answer.trim() == WORD
}

fn ids(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn page(receipt: &Value) -> String {
    let (erased, busy) = (ids(&receipt["leads"]), ids(&receipt["busy"]));
    let mut lines = vec![format!(
        "{}: {} leads erased at {}",
        text(&receipt["erasureId"]),
        erased.len(),
        instant(&receipt["at"])
    )];
    lines.extend(erased.iter().map(|id| format!("  {id}")));
    let until = instant(&receipt["duplicatesSuppressedUntil"]);
    if !until.is_empty() {
        lines.push(format!(
            "A new lead of theirs counts as a repeat until {until}."
        ));
    }
    if !busy.is_empty() {
        lines.push(format!(
            "{} leads are in a worker's hands: run this again in a moment.",
            busy.len()
        ));
        lines.extend(busy.iter().map(|id| format!("  {id}")));
    }
    if receipt.get("filesCleanAt").is_some_and(Value::is_null) && busy.is_empty() {
        lines.push("The store's files may still hold them: run this again.".to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_says_what_was_left() {
        let receipt = json!({
            "erasureId": "er_1", "at": "2031-12-01T09:00:00.5Z", "leads": ["ld_1"], "busy": ["ld_2"],
            "duplicatesSuppressedUntil": null,
        });
        let expected = "\
er_1: 1 leads erased at 2031-12-01T09:00:00Z
  ld_1
1 leads are in a worker's hands: run this again in a moment.
  ld_2";
        assert_eq!(page(&receipt), expected);
    }
}
