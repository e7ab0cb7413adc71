//! `leadgate send`: posts a sample to a running gateway, signed as its platform would sign it, to try a set-up.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::json;

use super::voice::Voice;
use super::{Config, sources};
use crate::clock::Clock;
use crate::settings::{Source, SourceKind};
use crate::sources::Sample;

const PATIENCE: Duration = Duration::from_secs(30);

/// So much of an answer is shown.
const SHOWN_BYTES: usize = 16 * 1024;

/// What to send where.
#[derive(clap::Args)]
pub struct Flags {
    #[command(flatten)]
    config: Config,
    /// The source to try.
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The body, in the platform's shape.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where the gateway is, when not where the settings say.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// The body's media type. By default JSON, or a form where the file begins like one.
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
}

/// Sends the sample and shows the answer. Exits 0 when it was taken.
pub async fn run(flags: Flags, voice: Voice) -> ExitCode {
    let settings = match flags.config.load() {
        Ok(settings) => settings,
        Err(faults) => return voice.fail(faults),
    };
    let Some(source) = settings.sources.get(&flags.source.to_ascii_lowercase()) else {
        return voice.fail("the settings have no such source");
    };
    let body = match std::fs::read(&flags.file) {
        Ok(body) => body,
        Err(error) => return voice.fail(format!("{}: {error}", flags.file.display())),
    };
    let url = match &flags.to {
        Some(base) => format!(
            "{}/v1/sources/{}/leads",
            base.trim_end_matches('/'),
            source.name
        ),
        None => sources::address(&settings, source),
    };
    let content_type = flags
        .content_type
        .unwrap_or_else(|| media_type(&body).to_owned());
    match post(source, &url, &content_type, body).await {
        Ok((status, text)) => {
            let answer = serde_json::from_str(&text).unwrap_or_else(|_| json!(text));
            voice.tell(&json!({"status": status, "answer": answer}), || {
                format!("{status}\n{text}")
            });
            if (200..300).contains(&status) {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(why) => voice.fail(format!("{url}: {why}")),
    }
}

async fn post(
    source: &Source,
    url: &str,
    content_type: &str,
    body: Vec<u8>,
) -> Result<(u16, String), String> {
    let http = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| error.to_string())?;
    let mut request = http.post(url).header("content-type", content_type);
    if let Some(token) = &source.token {
        request = request.header("x-leadgate-token", token.expose_secret());
    }
    let body = match &source.kind {
        SourceKind::Platform(of) => {
            let sample = Sample {
                url,
                content_type,
                body: &body,
                at: Clock::system().now(),
            };
            let signed = of.kind.sign(sample, &of.own);
            for (name, value) in signed.headers {
                request = request.header(&*name, value);
            }
            signed.body
        }
        SourceKind::Chatbot { api_keys, .. } => {
            if let Some(key) = api_keys.first() {
                request = request.bearer_auth(key.expose_secret());
            }
            body
        }
        SourceKind::Form(form) => {
            if let Some(origin) = form.allowed_origins.iter().find(|origin| *origin != "*") {
                request = request.header("origin", origin);
            }
            body
        }
    };
    let mut answer = request
        .body(body)
        .send()
        .await
        .map_err(|error| error.without_url().to_string())?;
    let status = answer.status().as_u16();
    let mut text = Vec::new();
    while let Some(part) = answer
        .chunk()
        .await
        .map_err(|error| error.without_url().to_string())?
    {
        text.extend_from_slice(&part);
        if text.len() > SHOWN_BYTES {
            text.truncate(SHOWN_BYTES);
            break;
        }
    }
    Ok((status, String::from_utf8_lossy(&text).into_owned()))
}

/// What a body looks like: JSON, else the form a browser sends.
fn media_type(body: &[u8]) -> &'static str {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[') => "application/json",
        _ => "application/x-www-form-urlencoded",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_begins_like_json_is_json() {
        for (body, wanted) in [
            (&b" {\"a\":1}"[..], "application/json"),
            (b"[]", "application/json"),
            (b"email=a%40b", "application/x-www-form-urlencoded"),
            (b"", "application/x-www-form-urlencoded"),
        ] {
            assert_eq!(media_type(body), wanted);
        }
    }
}
