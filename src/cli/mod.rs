//! The commands: what each needs, and how the process ends.

mod backfill;
mod check;
mod demo;
mod health;
mod lab;
mod sandbox;
mod send;
mod serve;
mod sources;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::settings::{self, Settings};
use crate::telemetry::Telemetry;

/// A lead-intake gateway for iClosed.
#[derive(Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway.
    Serve(Config),
    /// Try it: the gateway, a pretend iClosed and an embedded store, with nothing to set up.
    Demo,
    /// Run the pretend iClosed alone.
    Sandbox(sandbox::Flags),
    /// Check the settings, and whether store, keys and events are good. Exits 0 or 1.
    Check(Config),
    /// List every source with the address to paste into its platform and what to set there.
    Sources(sources::Flags),
    /// Post a sample to a source, signed as its platform would. Exits 0 when it was taken.
    Send(send::Flags),
    /// Have a running gateway take the leads a form holds at its platform, after an outage.
    Backfill(backfill::Flags),
    /// Try the promises: kill gateways, lose answers, and count what became of every lead. Exits 0 or 1.
    Lab(lab::Flags),
    /// Ask a running gateway whether it is ready. Exits 0 or 1.
    Health(health::Flags),
}

#[derive(clap::Args)]
struct Config {
    /// The settings file.
    #[arg(
        long,
        env = "LEADGATE_CONFIG",
        default_value = "leadgate.toml",
        value_name = "FILE"
    )]
    config: PathBuf,
}

impl Config {
    fn load(&self) -> Result<Settings, settings::Faults> {
        settings::load(&self.config, &|name| std::env::var(name).ok())
    }
}

/// Runs the command named on the command line.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    if let Command::Health(flags) = &arguments.command {
        return health::run(flags);
    }
    // A second install is refused and changes nothing; there is no first here.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let quiet = matches!(
        arguments.command,
        Command::Check(_)
            | Command::Demo
            | Command::Lab(_)
            | Command::Sources(_)
            | Command::Send(_)
            | Command::Backfill(_)
    );
    let telemetry = match Telemetry::start(if quiet {
        "warn"
    } else {
        "info,actix_server=warn,actix_http=off"
    }) {
        Ok(telemetry) => telemetry,
        Err(problem) => return fail(&format!("telemetry cannot start: {problem}")),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the runtime cannot start: {error}")),
    };
    let code = runtime.block_on(async {
        match arguments.command {
            Command::Serve(config) => serve::run(&config).await,
            Command::Demo => demo::run().await,
            Command::Sandbox(flags) => sandbox::run(flags).await,
            Command::Check(config) => check::run(&config).await,
            Command::Sources(flags) => sources::run(&flags),
            Command::Send(flags) => send::run(flags).await,
            Command::Backfill(flags) => backfill::run(flags).await,
            Command::Lab(flags) => lab::run(flags).await,
            Command::Health(flags) => health::run(&flags),
        }
    });
    telemetry.flush();
    // Threads that still wait on somebody else must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    code
}

/// Resolves at the first SIGINT or SIGTERM.
async fn told_to_stop() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        // Without handlers a signal ends the process at once, which the store survives.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Says why on standard error and fails.
fn fail(why: &str) -> ExitCode {
    // Nobody is left to tell when standard error is closed.
    writeln!(std::io::stderr(), "leadgate: {why}").ok();
    ExitCode::FAILURE
}

/// Prints for the person at the terminal.
fn say(text: &str) {
    // A closed standard output is no reason to stop working.
    writeln!(std::io::stdout(), "{text}").ok();
}
