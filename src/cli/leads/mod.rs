//! `leadgate leads`: the leads of a running gateway, for whoever operates it.

mod acts;
mod erase;
mod list;
mod record;
mod show;

use std::process::ExitCode;

use super::export;
use super::voice::Voice;
use crate::lead::LeadId;

/// What to do with leads.
#[derive(clap::Subcommand)]
pub enum Command {
    /// List leads, the newest first.
    List(list::Flags),
    /// Show one lead: where it stands, why, and what to do next.
    Show(show::Flags),
    /// Have parked leads tried again.
    Retry(acts::Flags),
    /// Let leads go on that were held as spam.
    Release(acts::Flags),
    /// Call off leads, and their calls in iClosed.
    Cancel(acts::CancelFlags),
    /// Forget a person: every lead of theirs.
    Erase(erase::Flags),
    /// Write leads out, a JSON record a line.
    Export(export::Flags),
}

/// Obeys.
pub async fn run(command: Command, voice: Voice) -> ExitCode {
    match command {
        Command::List(flags) => list::run(&flags, voice).await,
        Command::Show(flags) => show::run(&flags, voice).await,
        Command::Retry(flags) => acts::retry(&flags, voice).await,
        Command::Release(flags) => acts::release(&flags, voice).await,
        Command::Cancel(flags) => acts::cancel(&flags, voice).await,
        Command::Erase(flags) => erase::run(&flags, voice).await,
        Command::Export(flags) => export::run(&flags, voice).await,
    }
}

/// A lead's id as it is typed.
fn lead_id(text: &str) -> Result<LeadId, String> {
    text.parse().map_err(|error| format!("{error}"))
}
