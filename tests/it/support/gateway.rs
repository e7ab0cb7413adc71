//! The real binary with a folder of its own.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use reqwest::{Client, Method, Response};
use serde_json::Value;
use tempfile::TempDir;

use super::{program, wait_for};

const START: Duration = Duration::from_secs(20);

/// The store that one gateway has to itself.
pub const EMBEDDED: &str = "embedded:./data";

/// What a test's settings file says beside the usual.
pub struct Settings {
    /// Where iClosed is.
    pub base_url: String,
    /// The account's limit.
    pub limit: (u32, u64),
    /// More lines for the server.
    pub server: String,
    /// Where the leads are kept.
    pub store_url: String,
    /// More lines for the store.
    pub store: String,
    /// More lines for the account.
    pub account: String,
    /// More lines for the source `landing`.
    pub source: String,
    /// Whole tables.
    pub tables: String,
    /// More of the environment, which holds nothing else that leadgate reads.
    pub variables: Vec<(String, String)>,
}

impl Settings {
    /// One form source for the sandbox at `base_url`, paced by `limit` requests in so many seconds.
    pub fn new(base_url: &str, limit: (u32, u64)) -> Self {
        Self {
            base_url: base_url.to_owned(),
            limit,
            server: String::new(),
            store_url: EMBEDDED.to_owned(),
            store: String::new(),
            account: String::new(),
            source: String::new(),
            tables: String::new(),
            variables: Vec::new(),
        }
    }

    /// With these lines in `[server]`.
    pub fn server(mut self, lines: &str) -> Self {
        self.server = lines.to_owned();
        self
    }

    /// With the leads at this URL.
    pub fn store_url(mut self, url: &str) -> Self {
        self.store_url = url.to_owned();
        self
    }

    /// With these lines in `[store]`.
    pub fn store(mut self, lines: &str) -> Self {
        self.store = lines.to_owned();
        self
    }

    /// With these lines in `[sources.landing]`.
    pub fn source(mut self, lines: &str) -> Self {
        self.source = lines.to_owned();
        self
    }

    /// With these lines in `[accounts.main]`.
    pub fn account(mut self, lines: &str) -> Self {
        self.account = lines.to_owned();
        self
    }

    /// With these tables.
    pub fn tables(mut self, tables: &str) -> Self {
        self.tables = tables.to_owned();
        self
    }

    /// With these tables, too.
    pub fn more_tables(mut self, tables: &str) -> Self {
        self.tables.push_str(tables);
        self
    }

    /// With this variable in the environment.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn text(&self, port: u16) -> String {
        let Self {
            base_url,
            limit: (requests, window),
            server,
            store_url,
            store,
            account,
            source,
            tables,
            variables: _,
        } = self;
        format!(
            r#"
[server]
listen = "127.0.0.1:{port}"
trusted_proxies = ["127.0.0.1"]
{server}

[store]
url = "{store_url}"
{store}

[accounts.main]
api_key = "iclosed_test"
base_url = "{base_url}"
limit = {{ requests = {requests}, window_seconds = {window} }}
{account}

[sources.landing]
kind = "form"
link_prefix = "acme/strategy-call"
allowed_origins = ["https://acme.example"]
{source}

[sources.bot]
kind = "chatbot"
link_prefix = "acme/strategy-call"
api_keys = ["bot-key-0123456789"]
{tables}
"#
        )
    }
}

/// A gateway process, ended with the test.
pub struct Gateway {
    child: Child,
    folder: TempDir,
    port: u16,
    client: Client,
    variables: Vec<(String, String)>,
}

impl Gateway {
    /// Starts the binary and waits until it is ready.
    pub async fn start(settings: &Settings) -> Self {
        loop {
            let mut gateway = Self::spawned(settings);
            if gateway.answers().await {
                return gateway;
            }
            // A port that was free a moment ago may be somebody else's by now.
            assert!(
                gateway.log().contains("cannot listen"),
                "the gateway ended: {}",
                gateway.log()
            );
        }
    }

    fn spawned(settings: &Settings) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        std::fs::write(folder.path().join("leadgate.toml"), settings.text(port))
            .expect("settings are written");
        let variables = settings.variables.clone();
        Self {
            child: spawn(folder.path(), &variables),
            folder,
            port,
            client: client(),
            variables,
        }
    }

    /// Ends the process as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("the process is waited for");
    }

    /// Starts the same binary on the same folder again.
    pub fn restart(&mut self) {
        self.child = spawn(self.folder.path(), &self.variables);
    }

    /// Waits until leads are taken.
    pub async fn ready(&mut self) {
        assert!(self.answers().await, "the gateway ended: {}", self.log());
    }

    /// Waits until leads are taken, or the process has ended.
    async fn answers(&mut self) -> bool {
        let url = self.url("/readyz");
        let client = self.client.clone();
        let child = &mut self.child;
        wait_for("the gateway to be ready", START, async || {
            if child
                .try_wait()
                .expect("the process can be asked")
                .is_some()
            {
                return Some(false);
            }
            let answer = client.get(&url).send().await.ok()?;
            answer.status().is_success().then_some(true)
        })
        .await
    }

    /// Tells the process to stop, and how it ended.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal("-TERM");
        let child = &mut self.child;
        wait_for("the gateway to stop", Duration::from_secs(40), async || {
            child.try_wait().expect("can be asked")
        })
        .await
    }

    /// Stops its every thread, until [`Gateway::wake`].
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on, unaware of the time that passed.
    pub fn wake(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let id = self.process_id().to_string();
        let told = Command::new("kill").args([name, &id]).status();
        assert!(told.expect("kill runs").success());
    }

    /// The process, while it lives.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// The folder with the settings, the store in `data`, and the log.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the process logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).expect("the log is read")
    }

    /// The whole address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The client all requests go by.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Posts a lead to `landing`, and waits for the booking up to `wait` seconds.
    pub async fn post(&self, lead: &Value, wait: u64) -> Response {
        self.try_post(lead, wait)
            .await
            .expect("the gateway answers")
    }

    /// Like [`Gateway::post`], for a gateway that may be dying.
    pub async fn try_post(&self, lead: &Value, wait: u64) -> reqwest::Result<Response> {
        let request = self
            .client
            .post(self.url("/v1/sources/landing/leads"))
            .json(lead);
        request
            .header("Prefer", format!("wait={wait}"))
            .send()
            .await
    }

    /// A request to any path.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A client that keeps to loopback and follows nothing.
pub fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(60))
        .build()
        .expect("a client can be built")
}

fn spawn(folder: &Path, variables: &[(String, String)]) -> Child {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .expect("a log file");
    program()
        .arg("serve")
        .current_dir(folder)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the binary starts")
}

/// A port nobody uses at this moment.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}
