//! `leadgate leads show`: one lead for a person to read.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::lead_id;
use super::record::{impersonal, instant, masked, text};
use crate::cli::operator::Reach;
use crate::cli::voice::Voice;
use crate::lead::LeadId;

/// Which lead.
#[derive(clap::Args)]
pub struct Flags {
    #[command(flatten)]
    reach: Reach,
    /// The lead.
    #[arg(value_name = "LEAD", value_parser = lead_id)]
    lead: LeadId,
    /// With name, address and number as they are; in JSON the whole record.
    #[arg(long)]
    contacts: bool,
}

/// Shows it.
pub async fn run(flags: &Flags, voice: Voice) -> ExitCode {
    let operator = match flags.reach.open() {
        Ok(operator) => operator,
        Err(why) => return voice.fail(why),
    };
    let path = format!("leads/{}", flags.lead);
    let record: Value = match operator.get(&path, &[]).await {
        Ok(record) => record,
        Err(failure) => return failure.fail(voice),
    };
    if flags.contacts {
        voice.tell(&record, || page(&record, true));
    } else {
        let mut document = impersonal(&record);
        document["contact"] = masked_contact(&record["contact"]);
        voice.tell(&document, || page(&record, false));
    }
    ExitCode::SUCCESS
}

fn masked_contact(contact: &Value) -> Value {
    let of = |name: &str| contact[name].as_str().map(masked);
    json!({"email": of("email"), "phoneNumber": of("phoneNumber")})
}

fn page(record: &Value, contacts: bool) -> String {
    let mut page = format!("{}\n", text(&record["leadId"]));
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            // Writing into a string cannot fail.
            writeln!(page, "  {name:<12} {value}").ok();
        }
    };
    row("status", text(&record["status"]));
    row("reason", reason(&record["reason"]));
    row("next step", text(&record["reason"]["nextStep"]));
    row("duplicate of", text(&record["duplicateOf"]));
    row("received", instant(&record["receivedAt"]));
    row(
        "source",
        format!(
            "{} (account {}, books {})",
            text(&record["source"]),
            text(&record["account"]),
            text(&record["linkPrefix"])
        ),
    );
    let waits = &record["waits"];
    if waits.is_object() {
        row(
            "waits for",
            format!("{}, due {}", text(&waits["step"]), instant(&waits["dueAt"])),
        );
    }
    for (name, member) in [("email", "email"), ("phone", "phoneNumber")] {
        row(name, contact(&record["contact"][member], contacts));
    }
    if contacts {
        row("name", text(&record["contact"]["name"]));
        row("time zone", text(&record["contact"]["timeZone"]));
    }
    let booking = &record["booking"];
    if booking.is_object() {
        row("call", text(&booking["eventCallId"]));
        row("begins", instant(&booking["startTime"]));
        row("closer", text(&booking["closerName"]));
    }
    timeline(&mut page, &record["timeline"]);
    page
}

fn reason(reason: &Value) -> String {
    match (text(&reason["code"]), text(&reason["detail"])) {
        (code, detail) if detail.is_empty() => code,
        (code, detail) => format!("{code}: {detail}"),
    }
}

fn contact(value: &Value, as_it_is: bool) -> String {
    match value.as_str() {
        Some(_) if as_it_is => text(value),
        Some(held) => masked(held),
        None => String::new(),
    }
}

fn timeline(page: &mut String, timeline: &Value) {
    page.push_str("  timeline\n");
    for event in timeline.as_array().into_iter().flatten() {
        let [step, outcome, detail] = ["step", "outcome", "detail"].map(|name| text(&event[name]));
        let at = instant(&event["at"]);
        let line = format!("    {at:<20}  {step:<10}  {outcome:<20}  {detail}");
        writeln!(page, "{}", line.trim_end()).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parked_lead_is_shown_with_what_to_do_and_without_the_person() {
        let record = json!({
            "leadId": "ld_3V9F6Q0T2KX8M4C7RZB1HDN5WA", "status": "parked", "source": "landing", "account": "main",
            "reason": {"code": "no_slots", "detail": "no time", "nextStep": "Open times."}, "duplicateOf": null,
            "linkPrefix": "acme/call", "receivedAt": "2031-12-01T09:00:00.5Z", "waits": null, "booking": null,
            "contact": {"email": "kim@lead.example", "phoneNumber": "+4790000001", "name": "Kim Ek", "timeZone": null},
            "timeline": [{"at": "2031-12-01T09:00:00.5Z", "step": "accept", "outcome": "queued", "detail": null}],
        });
        let masked = "\
ld_3V9F6Q0T2KX8M4C7RZB1HDN5WA
  status       parked
  reason       no_slots: no time
  next step    Open times.
  received     2031-12-01T09:00:00Z
  source       landing (account main, books acme/call)
  email        k***@***.example
  phone        ***01
  timeline
    2031-12-01T09:00:00Z  accept      queued
";
        assert_eq!(page(&record, false), masked);
        let whole = masked
            .replace("k***@***.example", "kim@lead.example")
            .replace("***01\n", "+4790000001\n  name         Kim Ek\n");
        assert_eq!(page(&record, true), whole);
    }
}
