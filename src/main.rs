//! The process: its exit code, and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    leadgate::cli::run()
}
