//! `leadgate replay`: has a running gateway retry every parked lead that passes a filter, at a rate.

use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::operator::{Reach, only_url};
use super::progress::Screen;
use super::voice::{Voice, done_but};
use super::when::instant;

/// So long a gateway may be away in the middle.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which leads, and how fast.
#[derive(clap::Args)]
#[command(mut_arg("url", only_url))]
pub struct Flags {
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    filter: Filter,
    /// So many leads a minute. Without it, the gateway's usual rate.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=6000), value_name = "PER_MINUTE")]
    rate: Option<u32>,
    /// Only say how many would be retried.
    #[arg(long)]
    dry_run: bool,
}

#[derive(clap::Args)]
#[group(required = true, multiple = true)]
struct Filter {
    /// Leads that stand so: parked or needs_time.
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Leads with this reason: no_slots, event_unavailable, ...
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// Leads of this source.
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Leads of this account.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Leads received since this day (UTC) or instant.
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    from: Option<Timestamp>,
    /// Leads received before this day (UTC) or instant.
    #[arg(long = "to", value_name = "WHEN", value_parser = instant)]
    until: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    matched: u64,
    retried: u64,
    refused: Vec<Refused>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refused {
    lead_id: String,
    code: String,
}

/// Walks through the leads. Exits 3 when some were refused.
pub async fn run(flags: &Flags, voice: Voice) -> ExitCode {
    let operator = match flags.reach.open() {
        Ok(operator) => operator,
        Err(why) => return voice.fail(why),
    };
    let mut screen = Screen::new();
    let (mut matched, mut retried, mut refused) = (0, 0, Vec::new());
    let mut cursor = None::<String>;
    loop {
        let Filter {
            status,
            reason,
            source,
            account,
            from,
            until,
        } = &flags.filter;
        let body = json!({
            "status": status, "reason": reason, "source": source, "account": account, "from": from, "to": until,
            "ratePerMinute": flags.rate, "dryRun": flags.dry_run, "cursor": cursor,
        });
        // A lead that was retried is parked no more: asking twice for a page retries none twice.
        let page = operator.post_patiently::<Page>("replays", &body, PATIENCE, |_, _| {});
        let page = match page.await {
            Ok(page) => page,
            Err(failure) => {
                screen.finish();
                return failure.fail(voice);
            }
        };
        matched += page.matched;
        retried += page.retried;
        refused.extend(page.refused);
        if !voice.json {
            screen.show(|| format!("{matched} matched, {retried} retried"));
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    screen.finish();
    let left = matched > retried;
    let rows = refused
        .iter()
        .map(|lead| json!({"leadId": lead.lead_id, "code": lead.code}));
    let document = json!({
        "dryRun": flags.dry_run, "matched": matched, "retried": retried, "refused": Vec::from_iter(rows),
    });
    voice.tell(&document, || {
        let would = if flags.dry_run { "would be " } else { "" };
        let told = refused
            .iter()
            .map(|lead| format!("{}  {}\n", lead.lead_id, lead.code));
        format!(
            "{}{matched} leads matched, {retried} {would}retried",
            String::from_iter(told)
        )
    });
    done_but(left)
}
