//! `leadgate sources`: every configured source, the address to paste into its platform, and what to set there.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::Config;
use super::voice::Voice;
use crate::settings::{Settings, Source, SourceKind};

const NOT_PUBLIC: &str = "[server] public_url is not set: the addresses below are those of this machine, which no platform reaches";

/// What to list.
#[derive(clap::Args)]
pub struct Flags {
    #[command(flatten)]
    config: Config,
    /// Only this source.
    #[arg(value_name = "SOURCE")]
    source: Option<String>,
}

/// Lists the sources.
pub fn run(flags: &Flags, voice: Voice) -> ExitCode {
    let settings = match flags.config.load() {
        Ok(settings) => settings,
        Err(faults) => return voice.fail(faults),
    };
    let wanted = flags.source.as_deref().map(str::to_ascii_lowercase);
    let listed: Vec<_> = settings
        .sources
        .values()
        .filter(|source| wanted.as_ref().is_none_or(|name| *name == source.name))
        .collect();
    if listed.is_empty() {
        return voice.fail("the settings have no such source");
    }
    let warning = settings.server.public_url.is_none().then_some(NOT_PUBLIC);
    let document = json!({
        "warnings": Vec::from_iter(warning),
        "sources": Vec::from_iter(listed.iter().map(|source| record(&settings, source))),
    });
    voice.tell(&document, || {
        let warning = warning.map(|warning| format!("warn  {warning}\n"));
        let pages = listed.iter().map(|source| page(&settings, source));
        Vec::from_iter(warning.into_iter().chain(pages)).join("\n")
    });
    ExitCode::SUCCESS
}

/// Where a source takes its leads, without the token.
pub(super) fn address(settings: &Settings, source: &Source) -> String {
    format!(
        "{}/v1/sources/{}/leads",
        settings.server.outer_url(),
        source.name
    )
}

/// The address as it is pasted; the token itself is shown nowhere.
fn pasted(settings: &Settings, source: &Source) -> String {
    let mut url = address(settings, source);
    if source.token.is_some() {
        url.push_str("?token=<its token in the settings>");
    }
    url
}

fn record(settings: &Settings, source: &Source) -> Value {
    let url = pasted(settings, source);
    json!({
        "source": source.name,
        "kind": source.kind.name(),
        "account": source.account,
        "linkPrefix": source.link_prefix,
        "url": url,
        "steps": steps(source, &url),
    })
}

fn page(settings: &Settings, source: &Source) -> String {
    let url = pasted(settings, source);
    let mut text = format!(
        "{} ({}, account {}, books {})\n  {url}\n",
        source.name,
        source.kind.name(),
        source.account,
        source.link_prefix
    );
    for (index, step) in steps(source, &url).iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}. {step}", index + 1);
    }
    text
}

/// What to set at the platform.
fn steps(source: &Source, url: &str) -> Vec<String> {
    match &source.kind {
        SourceKind::Form(form) => form_steps(&form.allowed_origins),
        SourceKind::Chatbot { .. } => vec![
            "Post JSON to the address with the header Authorization: Bearer and one of api_keys."
                .to_owned(),
        ],
        SourceKind::Platform(of) => of
            .kind
            .guide()
            .iter()
            .map(|step| step.replace("{url}", url))
            .collect(),
    }
}

fn form_steps(allowed_origins: &[String]) -> Vec<String> {
    let pages = match allowed_origins {
        [] => "none yet: list them in allowed_origins".to_owned(),
        origins => origins.join(", "),
    };
    vec![
        "Post the form's fields to the address from the page.".to_owned(),
        format!("Pages that may do so: {pages}."),
    ]
}
