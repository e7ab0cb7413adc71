//! What is measured: the real gateway on the embedded store, in this process or, for its start and its idle memory,
//! as the program itself. Behind it stands a pretend vendor that takes a connection and never answers, under a limit
//! of one request an hour, so that hardly any work but taking leads is done.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use leadgate::app::{self, Running};
use leadgate::{lab, settings};

use super::Outcome;
use super::load::Target;

const PATH: &str = "/v1/sources/landing/leads";
const START: Duration = Duration::from_secs(20);
const SETTLING: Duration = Duration::from_secs(2);

/// The running gateway.
pub struct Gateway {
    /// Where it takes leads.
    pub target: Target,
    running: Running,
    _silent_vendor: TcpListener,
}

impl Gateway {
    /// Starts it on a free port with its store in `folder`.
    pub async fn start(folder: &Path) -> Outcome<Self> {
        let vendor = TcpListener::bind("127.0.0.1:0")?;
        let text = settings_text(0, vendor.local_addr()?, folder);
        let settings =
            settings::parse(&text, "bench", &|_| None).map_err(|faults| faults.to_string())?;
        let running = app::start(settings, None).await?;
        let target = Target {
            address: running.address(),
            path: PATH,
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

/// The mean length of the records kept in `folder`, beside a gateway that runs on it.
pub fn record_bytes(folder: &Path) -> Outcome<usize> {
    let db = rusqlite::Connection::open(folder.join("leadgate.db"))?;
    let mean: f64 = db.query_row("SELECT avg(length(body)) FROM leads", [], |row| row.get(0))?;
    Ok(mean.round() as usize)
}

/// How the program starts and rests.
pub struct Fresh {
    /// From its start to the first 200 of `/readyz`.
    pub ready_after: Duration,
    /// Resident, some seconds later, with nothing to do.
    pub idle_kilobytes: u64,
}

/// Starts the program on an empty folder and looks at it.
pub fn fresh(folder: &Path) -> Outcome<Fresh> {
    let vendor = TcpListener::bind("127.0.0.1:0")?;
    // Free a moment ago: the program itself tells nobody which port it was given.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let file = folder.join("leadgate.toml");
    std::fs::write(
        &file,
        settings_text(port, vendor.local_addr()?, &folder.join("data")),
    )?;
    let started = Instant::now();
    let child = lab::bare(env!("CARGO_BIN_EXE_leadgate"))
        .args(["serve", "--config"])
        .arg(&file)
        .stderr(Stdio::null())
        .spawn()?;
    let child = Ended(child);
    while !is_ready(port) {
        if started.elapsed() > START {
            return Err("the program did not become ready".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let ready_after = started.elapsed();
    std::thread::sleep(SETTLING);
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.0.id()))?;
    let resident = status.lines().find_map(|line| {
        line.strip_prefix("VmRSS:")?
            .trim()
            .strip_suffix(" kB")?
            .parse()
            .ok()
    });
    Ok(Fresh {
        ready_after,
        idle_kilobytes: resident.ok_or("the system does not tell the program's memory")?,
    })
}

/// A process that does not outlive the measurement.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_ready(port: u16) -> bool {
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    asked().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

fn settings_text(port: u16, vendor: SocketAddr, folder: &Path) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:{port}"
throttle = {{ per_address = {{ requests = 1000000, window_seconds = 1 }} }}
shutdown_seconds = 1

[store]
url = 'embedded:{}'

[accounts.main]
api_key = "iclosed_bench"
base_url = "http://{vendor}"
limit = {{ requests = 1, window_seconds = 3600 }}

[sources.landing]
kind = "form"
link_prefix = "acme/strategy-call"
allowed_origins = ["https://acme.example"]
"#,
        folder.display()
    )
}
