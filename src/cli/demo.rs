//! `leadgate demo`: everything on one machine, with nothing to set up and nothing left behind.

use std::net::TcpListener;
use std::process::ExitCode;

use serde_json::json;

use super::serve::until_stopped;
use super::voice::Voice;
use crate::app;
use crate::sandbox::{Options, Sandbox};
use crate::settings;

const PAGE: &str = include_str!("../demo/page.html");
const PORT: u16 = 8080;

/// Starts sandbox and gateway, tells how to try them, and runs until told to stop.
pub async fn run(voice: Voice) -> ExitCode {
    let sandbox = match Sandbox::start(Options {
        listen: "127.0.0.1:0".to_owned(),
        ..Options::default()
    })
    .await
    {
        Ok(sandbox) => sandbox,
        Err(error) => return voice.fail(format!("the sandbox cannot start: {error}")),
    };
    let folder = match tempfile::Builder::new().prefix("leadgate-demo-").tempdir() {
        Ok(folder) => folder,
        Err(error) => return voice.fail(format!("there is no temporary folder: {error}")),
    };
    let port = free_port();
    let Ok(bits) = getrandom::u64() else {
        return voice.fail("the system gives no randomness");
    };
    let key = format!("demo-{bits:016x}");
    let folder_text = folder.path().display().to_string();
    let text = settings_text(port, &sandbox.url(), &folder_text, &key);
    let settings = match settings::parse(&text, "demo", &|_| None) {
        Ok(settings) => settings,
        Err(faults) => return voice.fail(format!("the demo's own settings have faults\n{faults}")),
    };
    let running = match app::start(settings, Some(PAGE)).await {
        Ok(running) => running,
        Err(error) => return voice.fail(error.to_string()),
    };
    let url = format!("http://{}", running.address());
    let page = json!({"url": url, "sandbox": sandbox.url(), "operatorKey": key});
    voice.tell(&page, || welcome(&url, &sandbox.url(), &key));
    let code = until_stopped(running, voice).await;
    sandbox.stop().await;
    code
}

/// The usual port, or any when that is taken.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", PORT)).map_or(0, |_| PORT)
}

fn settings_text(port: u16, sandbox: &str, folder: &str, key: &str) -> String {
    // A literal TOML string takes a path as it is.
    format!(
        r#"
[server]
listen = "127.0.0.1:{port}"
operator_key = "{key}"
throttle = {{ per_address = {{ requests = 1000000, window_seconds = 1 }} }}

[store]
url = 'embedded:{folder}'

[accounts.main]
api_key = "iclosed_demo"
base_url = "{sandbox}"
plan = "startup"

[sources.landing]
kind = "form"
link_prefix = "acme/strategy-call"
allowed_origins = ["*"]
"#
    )
}

fn welcome(url: &str, sandbox: &str, key: &str) -> String {
    format!(
        r#"leadgate is running, with a pretend iClosed ({sandbox}) and a store that goes when it stops.

Open the page:   {url}/

Or paste this:

curl -i {url}/v1/sources/landing/leads \
  -H 'Content-Type: application/json' \
  -H 'Prefer: wait=10' \
  -d '{{"email": "kim.ek@lead.example", "name": "Kim Ek", "phoneNumber": "+47 900 00 000", "timeZone": "Europe/Oslo"}}'

See what became of it:   {url}/console   with the key   {key}
What the pretend iClosed holds:   {sandbox}/_sandbox/report
Stop with Ctrl-C."#
    )
}
