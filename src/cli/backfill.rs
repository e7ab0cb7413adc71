//! `leadgate backfill`: has a running gateway take the leads that a form holds at its platform, after an outage.

use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::operator::{Failure, Reach};
use super::voice::Voice;
use super::when::instant;

/// The longest wait that is sat out when the platform asks for one.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// What to fill.
#[derive(clap::Args)]
pub struct Flags {
    #[command(flatten)]
    reach: Reach,
    /// The source whose platform is asked.
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The platform's id of the form.
    #[arg(value_name = "FORM")]
    form: String,
    /// Leads made there since this day (UTC) or instant, such as 2026-11-20 or 2026-11-20T06:00:00Z.
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    since: Timestamp,
}

#[derive(Deserialize)]
struct Filled {
    leads: Vec<String>,
    next: Option<String>,
}

/// Walks through the pages. Exits 0 when the last was taken.
pub async fn run(flags: Flags, voice: Voice) -> ExitCode {
    let operator = match flags.reach.open() {
        Ok(operator) => operator,
        Err(why) => return voice.fail(why),
    };
    let (mut after, mut taken) = (None::<String>, 0);
    loop {
        let body = json!({
            "source": flags.source, "form": flags.form, "since": flags.since, "after": after,
        });
        match operator.post::<Filled>("backfills", &body).await {
            Ok(page) => {
                taken += page.leads.len();
                voice.say(&format!("{taken} leads"));
                after = page.next;
            }
            Err(failure) => match asked_to_wait(&failure) {
                Some(pause) if pause <= LONGEST_PAUSE => {
                    voice.say(&format!("the platform asks to wait {} s", pause.as_secs()));
                    tokio::time::sleep(pause).await;
                    continue;
                }
                Some(pause) => {
                    return voice.fail(format!(
                        "the platform asks to wait {} s: run this again then, what was taken is not taken twice",
                        pause.as_secs()
                    ));
                }
                None => return failure.fail(voice),
            },
        }
        if after.is_none() {
            if voice.json {
                voice.tell(&json!({ "leads": taken }), String::new);
            }
            return ExitCode::SUCCESS;
        }
    }
}

fn asked_to_wait(failure: &Failure) -> Option<Duration> {
    match failure {
        Failure::Refused(refusal) if matches!(refusal.status, 429 | 503) => refusal.pause,
        _ => None,
    }
}
