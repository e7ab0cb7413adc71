//! The commands: what each needs, and how the process ends.

mod backfill;
mod check;
mod completions;
mod demo;
mod export;
mod health;
mod import;
mod lab;
mod leads;
mod operator;
mod progress;
mod replay;
mod sandbox;
mod send;
mod serve;
mod sources;
mod voice;
mod when;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::settings::{self, Settings};
use crate::telemetry::Telemetry;
use voice::Voice;

const ENDS: &str = "\
Exit codes: 0 done; 1 failed; 2 wrong usage; 3 done in part, the rest was refused or busy.
With --json: one JSON document on standard output, or one a line for lists, exports and progress; an error is
{\"error\": ...} on standard error.
Without a settings file: LEADGATE_URL and LEADGATE_OPERATOR_KEY say where a running gateway is and who may give it orders.";

/// A lead-intake gateway for iClosed.
#[derive(Parser)]
#[command(name = "leadgate", version, about, arg_required_else_help = true, after_help = ENDS)]
struct Arguments {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
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
    /// See leads of a running gateway, and act on them.
    #[command(subcommand)]
    Leads(leads::Command),
    /// Have a running gateway retry many parked leads, at a rate.
    Replay(replay::Flags),
    /// Have a running gateway take the leads of a CSV file. May be stopped and run again.
    Import(import::Flags),
    /// Have a running gateway take the leads a form holds at its platform, after an outage.
    Backfill(backfill::Flags),
    /// Try the promises: kill gateways, lose answers, and count what became of every lead. Exits 0 or 1.
    Lab(lab::Flags),
    /// Ask a running gateway whether it is ready. Exits 0 or 1.
    Health(health::Flags),
    /// Print a shell's completions.
    Completions(completions::Flags),
}

#[derive(clap::Args, Clone)]
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
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misused(&error),
    };
    let voice = Voice {
        json: arguments.json,
    };
    // Speaks no TLS and waits for nothing.
    if let Command::Completions(flags) = &arguments.command {
        return completions::run(flags, voice);
    }
    // A second install is refused and changes nothing; there is no first here.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let telemetry = match Telemetry::start(logged(&arguments.command)) {
        Ok(telemetry) => telemetry,
        Err(problem) => return voice.fail(format!("telemetry cannot start: {problem}")),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return voice.fail(format!("the runtime cannot start: {error}")),
    };
    let code = runtime.block_on(obey(arguments.command, voice));
    telemetry.flush();
    // Threads that still wait on somebody else must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    code
}

async fn obey(command: Command, voice: Voice) -> ExitCode {
    match command {
        Command::Serve(config) => serve::run(&config, voice).await,
        Command::Demo => demo::run(voice).await,
        Command::Sandbox(flags) => sandbox::run(flags, voice).await,
        Command::Check(config) => check::run(&config, voice).await,
        Command::Sources(flags) => sources::run(&flags, voice),
        Command::Send(flags) => send::run(flags, voice).await,
        Command::Leads(command) => leads::run(command, voice).await,
        Command::Replay(flags) => replay::run(&flags, voice).await,
        Command::Import(flags) => import::run(&flags, voice).await,
        Command::Backfill(flags) => backfill::run(flags, voice).await,
        Command::Lab(flags) => lab::run(flags, voice).await,
        Command::Health(flags) => health::run(&flags, voice).await,
        Command::Completions(flags) => completions::run(&flags, voice),
    }
}

/// What is logged without `RUST_LOG`: a server says what it does, a command only what went wrong.
fn logged(command: &Command) -> &'static str {
    match command {
        Command::Serve(_) | Command::Sandbox(_) => "info,actix_server=warn,actix_http=off",
        _ => "warn",
    }
}

/// The command line is wrong, or asks for help. Exits 2 or 0.
fn misused(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
        Voice { json: true }.complain(error.to_string().trim_end());
    } else {
        // Nobody is left to tell when the terminal is closed.
        error.print().ok();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    const GUIDE: &str = include_str!("../../docs/cli.md");

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_heading_and_an_example_in_the_guide() {
        fn visit(command: &clap::Command, name: &str) {
            for below in command.get_subcommands() {
                let name = format!("{name} {}", below.get_name());
                if below.has_subcommands() {
                    visit(below, &name);
                    continue;
                }
                let heading = format!("\n## `{name}`\n");
                let at = GUIDE
                    .find(&heading)
                    .unwrap_or_else(|| panic!("{heading} is missing"));
                let section = &GUIDE[at + heading.len()..];
                let section = section.split("\n## ").next().unwrap();
                assert!(section.contains(&format!("    {name}")), "{name}");
                for flag in below.get_arguments().filter_map(clap::Arg::get_long) {
                    let is_common = matches!(flag, "json" | "config" | "url" | "as");
                    assert!(
                        is_common || section.contains(&format!("`--{flag}")),
                        "{name} --{flag}"
                    );
                }
            }
        }
        let command = Arguments::command();
        visit(&command, command.get_name());
    }
}
