//! The process: its exit code, and nothing else.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A lead is made on one thread and freed on another, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    leadgate::cli::run()
}
