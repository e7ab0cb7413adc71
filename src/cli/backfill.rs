//! `leadgate backfill`: has a running gateway take the leads that a form holds at its platform, after an outage.

use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::{Config, fail, say};

/// One page may be a hundred requests to the platform's side.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest wait that is sat out when the platform asks for one.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// An answer of the gateway is smaller.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// What to fill.
#[derive(clap::Args)]
pub struct Flags {
    #[command(flatten)]
    config: Config,
    /// The source whose platform is asked.
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The platform's id of the form.
    #[arg(value_name = "FORM")]
    form: String,
    /// Leads made there since this day (UTC) or instant, such as 2026-11-20 or 2026-11-20T06:00:00Z.
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    since: Timestamp,
    /// Where the gateway is, when not where the settings say.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
}

#[derive(Deserialize)]
struct Filled {
    leads: Vec<String>,
    next: Option<String>,
}

enum Turn {
    Page(Filled),
    Later(Duration),
}

/// Walks through the pages. Exits 0 when the last was taken.
pub async fn run(flags: Flags) -> ExitCode {
    let settings = match flags.config.load() {
        Ok(settings) => settings,
        Err(faults) => return fail(&faults.to_string()),
    };
    let Some(key) = &settings.server.operator_key else {
        return fail("[server] operator_key is not set: the gateway takes no orders without it");
    };
    let base = flags
        .to
        .clone()
        .unwrap_or_else(|| format!("http://{}", settings.server.listen));
    let http = match reqwest::Client::builder().timeout(PATIENCE).build() {
        Ok(http) => http,
        Err(error) => return fail(&error.to_string()),
    };
    let url = format!("{}/v1/admin/backfills", base.trim_end_matches('/'));
    let (mut after, mut taken) = (None::<String>, 0);
    loop {
        let body = json!({
            "source": flags.source, "form": flags.form, "since": flags.since, "after": after,
        });
        match turn(&http, &url, key, &body).await {
            Ok(Turn::Page(page)) => {
                taken += page.leads.len();
                say(&format!("{taken} leads"));
                after = page.next;
            }
            Ok(Turn::Later(pause)) if pause <= LONGEST_PAUSE => {
                say(&format!("the platform asks to wait {} s", pause.as_secs()));
                tokio::time::sleep(pause).await;
                continue;
            }
            Ok(Turn::Later(pause)) => {
                return fail(&format!(
                    "the platform asks to wait {} s: run this again then, what was taken is not taken twice",
                    pause.as_secs()
                ));
            }
            Err(why) => return fail(&format!("{url}: {why}")),
        }
        if after.is_none() {
            return ExitCode::SUCCESS;
        }
    }
}

async fn turn(
    http: &reqwest::Client,
    url: &str,
    key: &SecretString,
    body: &serde_json::Value,
) -> Result<Turn, String> {
    let lost = |error: reqwest::Error| error.without_url().to_string();
    let mut answer = http
        .post(url)
        .bearer_auth(key.expose_secret())
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .map_err(lost)?;
    let status = answer.status().as_u16();
    let pause = answer
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let mut text = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(lost)? {
        text.extend_from_slice(&part);
        if text.len() > LARGEST_ANSWER {
            return Err("the answer is too long".to_owned());
        }
    }
    match (status, pause) {
        (200, _) => serde_json::from_slice(&text)
            .map(Turn::Page)
            .map_err(|_| "the answer cannot be read".to_owned()),
        (429 | 503, Some(seconds)) => Ok(Turn::Later(Duration::from_secs(seconds))),
        _ => Err(format!("{status} {}", String::from_utf8_lossy(&text))),
    }
}

/// A day in UTC or an instant.
fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    text.parse::<Date>()
        .ok()
        .and_then(|day| day.to_zoned(TimeZone::UTC).ok())
        .map(|day| day.timestamp())
        .ok_or_else(|| "a day or an instant is wanted, such as 2026-11-20".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_utc() {
        for (text, wanted) in [
            ("2026-11-20", Some("2026-11-20T00:00:00Z")),
            ("2026-11-20T06:00:00Z", Some("2026-11-20T06:00:00Z")),
            ("2026-11-20T06:00:00+01:00", Some("2026-11-20T05:00:00Z")),
            ("yesterday", None),
            ("2026-13-01", None),
        ] {
            let read = instant(text).ok().map(|at| at.to_string());
            assert_eq!(read.as_deref(), wanted, "{text}");
        }
    }
}
