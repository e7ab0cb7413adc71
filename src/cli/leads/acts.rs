//! `leadgate leads retry`, `release` and `cancel`: one act on each of the leads named.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::lead_id;
use super::record::{impersonal, text};
use crate::cli::operator::{Failure, Reach};
use crate::cli::voice::{Voice, ended};
use crate::lead::LeadId;

/// Which leads.
#[derive(clap::Args)]
pub struct Flags {
    #[command(flatten)]
    reach: Reach,
    /// The leads.
    #[arg(value_name = "LEAD", required = true, value_parser = lead_id)]
    leads: Vec<LeadId>,
}

/// Which leads, and why.
#[derive(clap::Args)]
pub struct CancelFlags {
    #[command(flatten)]
    of: Flags,
    /// What iClosed may tell the person.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Tries again.
pub async fn retry(flags: &Flags, voice: Voice) -> ExitCode {
    act(flags, "retry", &json!({}), voice).await
}

/// Lets go on.
pub async fn release(flags: &Flags, voice: Voice) -> ExitCode {
    act(flags, "release", &json!({}), voice).await
}

/// Calls off.
pub async fn cancel(flags: &CancelFlags, voice: Voice) -> ExitCode {
    let body = match &flags.reason {
        Some(reason) => json!({ "reason": reason }),
        None => json!({}),
    };
    act(&flags.of, "cancel", &body, voice).await
}

async fn act(flags: &Flags, act: &str, body: &Value, voice: Voice) -> ExitCode {
    let operator = match flags.reach.open() {
        Ok(operator) => operator,
        Err(why) => return voice.fail(why),
    };
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for lead in &flags.leads {
        let path = format!("leads/{lead}/{act}");
        match operator.post::<Value>(&path, body).await {
            Ok(record) => {
                voice.say(&format!("{lead}  {}", text(&record["status"])));
                done.push(impersonal(&record));
            }
            // Nobody answers, or nobody may ask: the next lead would meet the same.
            Err(failure) if is_of_all(&failure) => return failure.fail(voice),
            Err(failure) => {
                voice.note(&format!("{lead}  {failure}"));
                let detail = failure.to_string();
                refused.push(json!({"leadId": lead, "code": failure.code(), "detail": detail}));
            }
        }
    }
    let code = ended(!done.is_empty(), !refused.is_empty());
    if voice.json {
        voice.tell(&json!({"done": done, "refused": refused}), String::new);
    }
    code
}

/// Whether a failure says nothing about the one lead.
fn is_of_all(failure: &Failure) -> bool {
    match failure {
        Failure::Lost(_) => true,
        Failure::Refused(refusal) => !matches!(refusal.status, 404 | 409 | 422),
    }
}
