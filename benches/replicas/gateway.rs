//! What is measured: the real gateway on Redis, in this process. Behind it stands a pretend vendor that takes a
//! connection and never answers, under a limit of one request an hour, so that hardly any work but taking leads is
//! done.

use std::net::{SocketAddr, TcpListener};

use leadgate::app::{self, Running};
use leadgate::settings;

use super::Outcome;
use super::load::Target;

/// Begins the keys of the gateway's store.
pub const PREFIX: &str = "lg";

/// The running gateway.
pub struct Gateway {
    /// Where it takes leads.
    pub target: Target,
    running: Running,
    _silent_vendor: TcpListener,
}

impl Gateway {
    /// Starts it on a free port with its store at `url`.
    pub async fn start(url: &str) -> Outcome<Self> {
        let vendor = TcpListener::bind("127.0.0.1:0")?;
        let text = settings_text(vendor.local_addr()?, url);
        let settings =
            settings::parse(&text, "bench", &|_| None).map_err(|faults| faults.to_string())?;
        let running = app::start(settings, None).await?;
        let target = Target {
            address: running.address(),
            path: "/v1/sources/landing/leads",
        };
        Ok(Self {
            target,
            running,
            _silent_vendor: vendor,
        })
    }

    pub async fn stop(self) {
        self.running.stop().await;
    }
}

fn settings_text(vendor: SocketAddr, url: &str) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
throttle = {{ per_address = {{ requests = 1000000, window_seconds = 1 }} }}
shutdown_seconds = 1

[store]
url = "{url}"

[accounts.main]
api_key = "iclosed_bench"
base_url = "http://{vendor}"
limit = {{ requests = 1, window_seconds = 3600 }}

[sources.landing]
kind = "form"
link_prefix = "acme/strategy-call"
allowed_origins = ["https://acme.example"]
"#
    )
}
