//! `leadgate check`: every fault an operator can meet before the first lead does.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;
use tempfile::TempDir;

use super::Config;
use super::voice::Voice;
use crate::app::{self, StartError};
use crate::clock::Clock;
use crate::iclosed::{CallError, Endpoint};
use crate::lead::Lane;
use crate::queue::Store;
use crate::queue::embedded::{Embedded, Options};
use crate::settings::{Fault, Settings};
use crate::tls;

/// iClosed's word for an event that takes bookings.
const ACTIVATED: &str = "ACTIVATED";

/// Checks everything and says what it found, a line each.
pub async fn run(config: &Config, voice: Voice) -> ExitCode {
    let mut report = Report {
        voice,
        good: true,
        findings: Vec::new(),
    };
    let settings = match config.load() {
        Ok(settings) => settings,
        Err(faults) => {
            for fault in faults.iter() {
                report.settings("fault", fault);
            }
            return report.code();
        }
    };
    report.good(&format!(
        "settings: {} sources, {} accounts",
        settings.sources.len(),
        settings.accounts.len()
    ));
    for warning in &settings.warnings {
        report.settings("warn", warning);
    }
    match settings.server.tls.as_ref().map(tls::open) {
        None => {}
        Some(Ok(_)) => report.good("tls: certificate and key belong together"),
        Some(Err(error)) => report.bad(&format!("tls: {error}")),
    }
    check_store(&settings, &mut report).await;
    // What is asked of iClosed here has budgets that a gateway does not use. A store of this check's own keeps it
    // inside them, and nothing it meets (a refused key, say) pauses a gateway that runs.
    let (_folder, own) = match scratch() {
        Ok(own) => own,
        Err(why) => {
            report.bad(&format!("accounts cannot be checked: {why}"));
            return report.code();
        }
    };
    for name in settings.accounts.keys() {
        check_account(&settings, name, &own, &mut report).await;
    }
    report.code()
}

async fn check_store(settings: &Settings, report: &mut Report) {
    let store = match app::open_store(settings).await {
        Ok(store) => store,
        Err(StartError::StoreInUse(_)) => {
            return report.good("store: in the hands of a running leadgate");
        }
        Err(error) => return report.bad(&error.to_string()),
    };
    let waiting = match store.probe().await {
        Ok(()) => store.backlog().await,
        Err(error) => Err(error),
    };
    match waiting {
        Ok(lanes) => {
            let waiting: u64 = lanes.iter().map(|lane| lane.waiting).sum();
            report.good(&format!(
                "store: written and read; leads that wait: {waiting}"
            ));
        }
        Err(error) => report.bad(&format!("store: {error}")),
    }
    for (account, waiting) in app::strangers(settings, &store).await {
        report.bad(&format!(
            "store: {waiting} leads wait for the account {account}, which is not in the settings"
        ));
    }
}

/// A store that goes with its folder.
fn scratch() -> Result<(TempDir, Arc<dyn Store>), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let options = Options {
        folder: folder.path().join("check"),
        max_megabytes: None,
        clock: Clock::system(),
    };
    let store = Embedded::open(options).map_err(|error| error.to_string())?;
    Ok((folder, Arc::new(store)))
}

async fn check_account(
    settings: &Settings,
    name: &str,
    store: &Arc<dyn Store>,
    report: &mut Report,
) {
    let Some(account) = settings.accounts.get(name) else {
        return;
    };
    if account.webhook_token.is_some() {
        let base = settings.server.outer_url();
        let token = "<its webhook_token in the settings>";
        report.good(&format!(
            "account {name}: webhooks come to {base}/v1/accounts/{name}/webhooks/{token}"
        ));
    }
    let pace = match app::open_account(name, account, store) {
        Ok(pace) => pace,
        Err(StartError::Account { account, problem }) => {
            return report.bad(&format!("account {account}: {problem}"));
        }
        Err(other) => return report.bad(&other.to_string()),
    };
    let probe = pace
        .call(Endpoint::ContactStage, Lane::Interactive, async |client| {
            client.contact_stage().await
        })
        .await;
    match probe {
        Ok(()) => report.good(&format!("account {name}: the key is good")),
        Err(CallError::KeyRefused { why }) => {
            return report.bad(&format!("account {name}: iClosed refuses the key ({why}); make one under Settings > Developer > API Keys"));
        }
        Err(error) => return report.bad(&format!("account {name}: {error}")),
    }
    let sources = settings
        .sources
        .values()
        .filter(|source| source.account == name);
    let events: BTreeSet<&str> = sources
        .flat_map(|source| std::iter::once(&source.link_prefix).chain(&source.allowed_events))
        .map(String::as_str)
        .collect();
    for event in events {
        let detail = pace
            .call(Endpoint::EventDetail, Lane::Interactive, async |client| {
                client.event_detail(event).await
            })
            .await;
        match detail {
            Ok(detail)
                if detail
                    .status
                    .as_deref()
                    .is_none_or(|status| status == ACTIVATED) =>
            {
                let required: Vec<_> = detail
                    .questions
                    .iter()
                    .filter(|question| question.required)
                    .map(|question| question.statement.as_str())
                    .collect();
                let asks = if required.is_empty() {
                    String::new()
                } else {
                    format!("; asks for {}", required.join(", "))
                };
                report.good(&format!(
                    "event {event}: {}{asks}",
                    detail.name.as_deref().unwrap_or("active")
                ));
            }
            Ok(detail) => {
                report.bad(&format!(
                    "event {event}: is {} in iClosed",
                    detail.status.as_deref().unwrap_or("not active")
                ));
            }
            Err(CallError::NotFound { .. }) => {
                report.bad(&format!("event {event}: iClosed has no such event"))
            }
            Err(error) => report.bad(&format!("event {event}: {error}")),
        }
    }
}

/// Told as it is found to a person, at the end to a program.
#[derive(Serialize)]
struct Report {
    #[serde(skip)]
    voice: Voice,
    good: bool,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Finding {
    level: &'static str,
    text: String,
    /// Of the settings: where.
    #[serde(flatten)]
    place: Option<Place>,
}

#[derive(Serialize)]
struct Place {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "String::is_empty")]
    key: String,
}

impl Report {
    fn good(&mut self, what: &str) {
        self.found("ok", what);
    }

    fn bad(&mut self, what: &str) {
        self.found("fault", what);
    }

    /// What is wrong with the settings, or may be.
    fn settings(&mut self, level: &'static str, fault: &Fault) {
        self.found(level, &fault.to_string());
        if let Some(finding) = self.findings.last_mut() {
            finding.place = Some(Place {
                file: fault.file.clone(),
                line: fault.line,
                key: fault.key.clone(),
            });
        }
    }

    fn found(&mut self, level: &'static str, what: &str) {
        self.good &= level != "fault";
        let shown = if level == "fault" { "FAULT" } else { level };
        self.voice.say(&format!("{shown:<5} {what}"));
        self.findings.push(Finding {
            level,
            text: what.to_owned(),
            place: None,
        });
    }

    fn code(&self) -> ExitCode {
        if self.voice.json {
            self.voice.tell(self, String::new);
        }
        if self.good {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
