//! `leadgate health`: asks a running gateway whether it is ready, for a container that has no other program.

use std::process::ExitCode;
use std::time::Duration;

use reqwest::Url;
use serde_json::json;

use super::Config;
use super::operator::lost;
use super::voice::Voice;

/// The longest all of it may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where a gateway listens when nothing says otherwise.
const USUAL: &str = "127.0.0.1:8080";

/// Where to ask.
#[derive(clap::Args)]
pub struct Flags {
    #[command(flatten)]
    config: Config,
    /// What must answer 200. Without it, the gateway on this machine that runs with these settings.
    #[arg(value_name = "URL")]
    url: Option<String>,
}

/// Exits 0 when the gateway is ready.
pub async fn run(flags: &Flags, voice: Voice) -> ExitCode {
    let url = match &flags.url {
        Some(url) => url.clone(),
        None => own(&flags.config),
    };
    let Some(url) = address(&url) else {
        return voice.fail("the address must be http://host:port/path, or https");
    };
    match ask(url.clone(), flags.url.is_none()).await {
        Ok(200) => {
            if voice.json {
                voice.tell(&json!({"ready": true, "status": 200}), String::new);
            }
            ExitCode::SUCCESS
        }
        Ok(status) => voice.fail(format!("{url} answered {status}")),
        Err(error) => voice.fail(format!("{url}: {}", lost(error))),
    }
}

/// Where the gateway of this machine is. Its settings may be at fault, or not there: then there is none, or one that was
/// told where to listen by a variable.
fn own(config: &Config) -> String {
    let (listen, has_tls) = match config.load() {
        Ok(settings) => (settings.server.listen, settings.server.tls.is_some()),
        Err(_) => (std::env::var("LEADGATE_LISTEN").unwrap_or_default(), false),
    };
    near(&listen, has_tls)
}

/// How a program on this machine reaches who listens there: at an address that means every one, by loopback.
fn near(listen: &str, has_tls: bool) -> String {
    let listen = match listen.trim() {
        "" => USUAL,
        listen => listen,
    };
    let (host, port) = listen.rsplit_once(':').unwrap_or((listen, "8080"));
    let host = match host {
        "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        host => host,
    };
    let scheme = if has_tls { "https" } else { "http" };
    format!("{scheme}://{host}:{port}/readyz")
}

/// A whole web address; without a path it means `/readyz`.
fn address(url: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    if url.path() == "/" {
        url.set_path("/readyz");
    }
    is_web.then_some(url)
}

/// The status of the answer. A certificate is made out to the name that callers know, which is not how a gateway on this
/// machine is reached; nothing is sent to it that is anybody's business, so there it may be anyone's.
async fn ask(url: Url, any_certificate: bool) -> reqwest::Result<u16> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .tls_danger_accept_invalid_certs(any_certificate)
        .build()?;
    Ok(client.get(url).send().await?.status().as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_the_web_and_means_readiness_when_it_names_no_path() {
        for (url, expected) in [
            (
                "http://127.0.0.1:8080/readyz",
                Some("http://127.0.0.1:8080/readyz"),
            ),
            ("http://gateway:1", Some("http://gateway:1/readyz")),
            ("http://[::1]:8080/livez", Some("http://[::1]:8080/livez")),
            ("https://acme.example/", Some("https://acme.example/readyz")),
            ("ftp://acme.example/", None),
            ("127.0.0.1:8080", None),
            ("", None),
        ] {
            let found = address(url).map(String::from);
            assert_eq!(found.as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn a_gateway_is_asked_where_it_listens() {
        for (listen, has_tls, expected) in [
            ("", false, "http://127.0.0.1:8080/readyz"),
            ("127.0.0.1:8080", false, "http://127.0.0.1:8080/readyz"),
            ("0.0.0.0:9000", false, "http://127.0.0.1:9000/readyz"),
            ("0.0.0.0:8443", true, "https://127.0.0.1:8443/readyz"),
            ("[::]:80", false, "http://[::1]:80/readyz"),
            ("[2001:db8::7]:80", false, "http://[2001:db8::7]:80/readyz"),
            ("localhost:1", false, "http://localhost:1/readyz"),
        ] {
            assert_eq!(near(listen, has_tls), expected, "{listen}");
        }
    }
}
