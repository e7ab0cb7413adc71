//! `leadgate sandbox`: the pretend iClosed alone.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use super::told_to_stop;
use super::voice::Voice;
use crate::sandbox::{Options, Sandbox};

/// How the sandbox behaves.
#[derive(clap::Args)]
pub struct Flags {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9090", value_name = "ADDRESS")]
    listen: String,
    /// Requests each endpoint takes per window.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    limit: u32,
    /// The window.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600), value_name = "S")]
    window_seconds: u64,
    /// The least time an answer takes.
    #[arg(long, default_value_t = 20, value_name = "MS")]
    latency_min_ms: u64,
    /// The most time an answer takes.
    #[arg(long, default_value_t = 80, value_name = "MS")]
    latency_max_ms: u64,
}

/// Runs until told to stop.
pub async fn run(flags: Flags, voice: Voice) -> ExitCode {
    let least = Duration::from_millis(flags.latency_min_ms);
    let options = Options {
        listen: flags.listen,
        limit: flags.limit,
        window: Duration::from_secs(flags.window_seconds),
        latency: least..=Duration::from_millis(flags.latency_max_ms).max(least),
        ..Options::default()
    };
    let sandbox = match Sandbox::start(options).await {
        Ok(sandbox) => sandbox,
        Err(error) => return voice.fail(format!("the sandbox cannot start: {error}")),
    };
    let url = sandbox.url();
    let report = format!("{url}/_sandbox/report");
    voice.tell(&json!({"url": url, "report": report}), || {
        format!("sandbox of iClosed at {url}; what it holds: {report}")
    });
    told_to_stop().await;
    sandbox.stop().await;
    ExitCode::SUCCESS
}
