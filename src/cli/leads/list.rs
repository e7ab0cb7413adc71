//! `leadgate leads list`: a table for people, or a record a line.

use std::process::ExitCode;

use serde::Deserialize;
use serde_json::Value;

use super::record::{impersonal, instant, text};
use crate::cli::operator::{Failure, Operator, Reach};
use crate::cli::voice::{self, Voice};

/// The most leads of one answer.
const PAGE: usize = 100;

/// Which leads.
#[derive(clap::Args)]
pub struct Flags {
    #[command(flatten)]
    reach: Reach,
    /// Only leads that stand so: queued, booked, parked, ...
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Only leads of this source.
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Only leads of this account.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Only leads with this reason: no_slots, outcome_unknown, ...
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// Only the leads of an address, a number, a lead's id or a platform's id.
    #[arg(short, long, value_name = "TEXT")]
    q: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = limit, value_name = "N")]
    limit: usize,
    /// Every one.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// With names, addresses and numbers.
    #[arg(long)]
    contacts: bool,
}

#[derive(Deserialize)]
struct Page {
    leads: Vec<Value>,
    cursor: Option<String>,
}

fn limit(text: &str) -> Result<usize, String> {
    let read = text.parse().ok().filter(|limit| *limit > 0);
    read.ok_or_else(|| "a whole number from 1 is wanted".to_owned())
}

/// Lists them, the newest first.
pub async fn run(flags: &Flags, voice: Voice) -> ExitCode {
    let operator = match flags.reach.open() {
        Ok(operator) => operator,
        Err(why) => return voice.fail(why),
    };
    let mut left = if flags.all { usize::MAX } else { flags.limit };
    let mut cursor = None;
    let mut heading = Some(heading(flags.contacts));
    loop {
        let page = match page(&operator, flags, cursor.as_deref(), left.min(PAGE)).await {
            Ok(page) => page,
            Err(failure) => return failure.fail(voice),
        };
        if let Some(heading) = heading.take() {
            voice.say(&heading);
        }
        left = left.saturating_sub(page.leads.len());
        for lead in &page.leads {
            if !voice.json {
                voice.say(&row(lead, flags.contacts));
                continue;
            }
            let told = match flags.contacts {
                true => voice::line(lead),
                false => voice::line(&impersonal(lead)),
            };
            if told.is_err() {
                // Whoever reads has seen enough.
                return ExitCode::SUCCESS;
            }
        }
        cursor = page.cursor;
        match cursor {
            None => return ExitCode::SUCCESS,
            Some(_) if left == 0 => {
                voice.note("There may be more: --limit N or --all shows them.");
                return ExitCode::SUCCESS;
            }
            Some(_) => {}
        }
    }
}

async fn page(
    operator: &Operator,
    flags: &Flags,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page, Failure> {
    let named = [
        ("status", flags.status.as_deref()),
        ("source", flags.source.as_deref()),
        ("account", flags.account.as_deref()),
        ("reason", flags.reason.as_deref()),
        ("q", flags.q.as_deref()),
        ("cursor", cursor),
    ];
    let given = named
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?.to_owned())));
    let query: Vec<_> = given.chain([("limit", limit.to_string())]).collect();
    operator.get("leads", &query).await
}

fn heading(contacts: bool) -> String {
    let contact = if contacts { "CONTACT" } else { "" };
    columns(["LEAD", "RECEIVED", "STATUS", "REASON", "SOURCE", contact])
}

fn row(lead: &Value, contacts: bool) -> String {
    let contact = if contacts {
        contact(&lead["contact"])
    } else {
        String::new()
    };
    let received = instant(&lead["receivedAt"]);
    let cells = [
        text(&lead["leadId"]),
        received,
        text(&lead["status"]),
        text(&lead["reason"]["code"]),
        text(&lead["source"]),
        contact,
    ];
    columns(cells.each_ref().map(String::as_str))
}

/// The widths are those of the longest words there are, so that rows can be written as they come.
fn columns([lead, received, status, reason, source, contact]: [&str; 6]) -> String {
    let line =
        format!("{lead:<29}  {received:<20}  {status:<12}  {reason:<18}  {source:<16}  {contact}");
    line.trim_end().to_owned()
}

fn contact(contact: &Value) -> String {
    let parts = ["name", "email", "phoneNumber"].map(|name| text(&contact[name]));
    let told: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_shows_the_person_only_when_asked_for() {
        let lead = json!({
            "leadId": "ld_3V9F6Q0T2KX8M4C7RZB1HDN5WA", "receivedAt": "2031-12-01T09:00:00.5Z", "status": "parked",
            "reason": {"code": "no_slots"}, "source": "landing",
            "contact": {"name": "Kim\u{1b} Ek", "email": "kim@lead.example", "phoneNumber": null},
        });
        let bare = "ld_3V9F6Q0T2KX8M4C7RZB1HDN5WA  2031-12-01T09:00:00Z  parked        no_slots            landing";
        assert_eq!(row(&lead, false), bare);
        let whole = format!("{bare:<103}  Kim\u{fffd} Ek, kim@lead.example");
        assert_eq!(row(&lead, true), whole);
    }
}
