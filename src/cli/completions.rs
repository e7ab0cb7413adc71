//! `leadgate completions`: what a shell needs to complete commands and flags.

use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use super::Arguments;
use super::voice::Voice;

/// For which shell.
#[derive(clap::Args)]
pub struct Flags {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints the script.
pub fn run(flags: &Flags, voice: Voice) -> ExitCode {
    let mut command = Arguments::command();
    let name = command.get_name().to_owned();
    // Written at once, so that a reader who leaves early is a failure and no panic.
    let mut script = Vec::new();
    clap_complete::generate(flags.shell, &mut command, name, &mut script);
    match std::io::stdout().write_all(&script) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => voice.fail(format!("the script cannot be written: {error}")),
    }
}
