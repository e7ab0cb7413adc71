//! `leadgate serve`: the gateway.

use std::process::ExitCode;

use super::{Config, fail, told_to_stop};
use crate::app::{self, Running};

/// Runs until told to stop.
pub async fn run(config: &Config) -> ExitCode {
    let settings = match config.load() {
        Ok(settings) => settings,
        Err(faults) => return fail(&format!("the settings have faults\n{faults}")),
    };
    for warning in &settings.warnings {
        tracing::warn!(%warning, "settings");
    }
    let running = match app::start(settings, None).await {
        Ok(running) => running,
        Err(error) => return fail(&error.to_string()),
    };
    tracing::info!(address = %running.address(), "leadgate takes leads");
    until_stopped(running).await
}

/// Serves until a signal comes, or until the server ends uninvited, which is a failure.
pub async fn until_stopped(mut running: Running) -> ExitCode {
    let uninvited = tokio::select! {
        () = told_to_stop() => None,
        ended = running.ended() => Some(ended),
    };
    if let Some(ended) = uninvited {
        tracing::error!(?ended, "the server ended uninvited");
        return ExitCode::FAILURE;
    }
    tokio::select! {
        _ = running.stop() => ExitCode::SUCCESS,
        () = told_to_stop() => fail("told twice to stop: work in hand comes back at the next start"),
    }
}
