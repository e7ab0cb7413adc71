//! `leadgate serve`: the gateway.

use std::process::ExitCode;

use super::voice::Voice;
use super::{Config, told_to_stop};
use crate::app::{self, Running};

/// Runs until told to stop.
pub async fn run(config: &Config, voice: Voice) -> ExitCode {
    let settings = match config.load() {
        Ok(settings) => settings,
        Err(faults) => return voice.fail(format!("the settings have faults\n{faults}")),
    };
    for warning in &settings.warnings {
        tracing::warn!(%warning, "settings");
    }
    let running = match app::start(settings, None).await {
        Ok(running) => running,
        Err(error) => return voice.fail(error.to_string()),
    };
    tracing::info!(address = %running.address(), "leadgate takes leads");
    until_stopped(running, voice).await
}

/// Serves until a signal comes, or until the server ends uninvited, which is a failure.
pub async fn until_stopped(mut running: Running, voice: Voice) -> ExitCode {
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
        () = told_to_stop() => voice.fail("told twice to stop: work in hand comes back at the next start"),
    }
}
