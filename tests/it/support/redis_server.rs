//! Real Redis servers, each on a free port with a folder of its own, gone with the test.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use redis::{Client, Connection, Value};
use tempfile::TempDir;

use super::wait_for;

/// Starting a server, or forming a cluster.
const STARTING: Duration = Duration::from_secs(30);

/// One server with an append-only file. Killed when dropped.
pub struct RedisServer {
    port: u16,
    settings: Vec<String>,
    folder: TempDir,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts one that flushes before it answers; `settings` come after that, such as `["--maxmemory", "10mb"]`.
    pub async fn start(settings: &[&str]) -> Self {
        let mut server = Self {
            port: free_port(),
            settings: settings.iter().map(|one| (*one).to_owned()).collect(),
            folder: tempfile::tempdir().unwrap(),
            process: None,
        };
        server.restart().await;
        server
    }

    /// One for all tests that run at the same time and keep apart by their keys' prefix.
    pub async fn shared() -> Arc<Self> {
        static SHARED: tokio::sync::Mutex<Weak<RedisServer>> =
            tokio::sync::Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start(&[]).await);
        *shared = Arc::downgrade(&server);
        server
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// As a crash would: no goodbye, nothing flushed that is not.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts it again over the same folder and port, and waits until it has loaded what it had.
    pub async fn restart(&mut self) {
        self.kill();
        let process = program()
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--appendonly", "yes", "--appendfsync", "always"])
            .args(["--save", "", "--dir"])
            .arg(self.folder.path())
            .args(&self.settings)
            .spawn()
            .expect("redis-server is installed, or REDIS_SERVER names one");
        self.process = Some(process);
        wait_for("Redis to answer", STARTING, async || {
            let mut connection = self.try_connect()?;
            let answer: redis::RedisResult<String> = redis::cmd("PING").query(&mut connection);
            answer.ok()
        })
        .await;
    }

    /// One command, as an operator types it.
    pub fn say(&self, words: &[&str]) -> Value {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut self.try_connect().unwrap()).unwrap()
    }

    /// Where its files are.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The process, for signals.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    fn try_connect(&self) -> Option<Connection> {
        TcpStream::connect(self.address()).ok()?;
        Client::open(self.url()).ok()?.get_connection().ok()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Three servers that share the keys among them.
pub struct RedisCluster {
    pub nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts it and waits until every node knows that all is well.
    pub async fn start(settings: &[&str]) -> Self {
        let mut nodes = Vec::new();
        for _ in 0..3 {
            let clustered = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
            nodes.push(RedisServer::start(&[&clustered, settings].concat()).await);
        }
        for (node, slots) in
            nodes
                .iter()
                .zip([["0", "5460"], ["5461", "10922"], ["10923", "16383"]])
        {
            node.say(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]);
            let first = nodes[0].port.to_string();
            node.say(&["CLUSTER", "MEET", "127.0.0.1", &first]);
        }
        let is_whole = |node: &RedisServer| {
            let info = node.say(&["CLUSTER", "INFO"]);
            let text: String = redis::from_redis_value(info).unwrap();
            text.contains("cluster_state:ok") && text.contains("cluster_known_nodes:3")
        };
        wait_for("the cluster to form", STARTING, async || {
            nodes.iter().all(is_whole).then_some(())
        })
        .await;
        Self { nodes }
    }

    /// See [`RedisServer::shared`].
    pub async fn shared() -> Arc<Self> {
        static SHARED: tokio::sync::Mutex<Weak<RedisCluster>> =
            tokio::sync::Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(cluster) = shared.upgrade() {
            return cluster;
        }
        let cluster = Arc::new(Self::start(&[]).await);
        *shared = Arc::downgrade(&cluster);
        cluster
    }

    /// How many of the nodes hold anything.
    pub fn nodes_with_keys(&self) -> usize {
        let holds = |node: &&RedisServer| node.say(&["DBSIZE"]) != Value::Int(0);
        self.nodes.iter().filter(holds).count()
    }

    pub fn url(&self) -> String {
        let nodes: Vec<String> = self
            .nodes
            .iter()
            .map(|node| node.address().to_string())
            .collect();
        format!("redis+cluster://{}", nodes.join(","))
    }
}

fn program() -> Command {
    let program = std::env::var_os("REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// A port nobody uses, and none that was given out in this process before. A cluster node also takes the port 10,000
/// above its own.
fn free_port() -> u16 {
    static GIVEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let Some(bus) = port.checked_add(10_000) else {
            continue;
        };
        if !given.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, bus)).is_ok() {
            given.push(port);
            return port;
        }
    }
}
