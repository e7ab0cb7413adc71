//! The Redis that is measured: a `redis-server` of the bench's own, and what it says of itself.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Client, Connection, Value};

use super::Outcome;

const START: Duration = Duration::from_secs(20);

/// A server with an append-only file in a folder. Killed when dropped.
pub struct RedisServer {
    process: Child,
    /// Where it is, as in the settings.
    pub url: String,
    connection: Connection,
}

impl RedisServer {
    /// Starts one on a free port; `flush` is its `appendfsync`. `REDIS_SERVER` names another program than
    /// `redis-server`. The file is never rewritten, so that no fork falls into one round and not into the next.
    pub fn start(folder: &Path, flush: &str) -> Outcome<Self> {
        let program = std::env::var_os("REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        std::fs::create_dir_all(folder)?;
        let mut process = Command::new(program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
            .arg(folder)
            .args(["--appendonly", "yes", "--appendfsync", flush, "--save", ""])
            .args(["--auto-aof-rewrite-percentage", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("redis-server (make redis installs it): {error}"))?;
        let url = format!("redis://127.0.0.1:{port}/0");
        let client = Client::open(url.as_str())?;
        let started = Instant::now();
        let connection = loop {
            match client.get_connection() {
                Ok(connection) => break connection,
                Err(_) if started.elapsed() < START => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) => {
                    process.kill()?;
                    process.wait()?;
                    return Err(error.into());
                }
            }
        };
        Ok(Self {
            process,
            url,
            connection,
        })
    }

    /// One number or word of `INFO`; `None` when this server does not tell it.
    fn said(&mut self, name: &str) -> Outcome<Option<String>> {
        let info: String = redis::cmd("INFO").arg("all").query(&mut self.connection)?;
        let said = info.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            (found == name).then(|| value.to_owned())
        });
        Ok(said)
    }

    /// What this server calls itself.
    pub fn version(&mut self) -> Outcome<String> {
        if let Some(version) = self.said("valkey_version")? {
            return Ok(format!("Valkey {version}"));
        }
        let version = self.said("redis_version")?;
        Ok(format!("Redis {}", version.unwrap_or_default()))
    }

    /// It can be asked when what it answered is flushed.
    pub fn confirms(&mut self) -> Outcome<bool> {
        let known: Vec<Value> = redis::cmd("COMMAND")
            .arg("INFO")
            .arg("WAITAOF")
            .query(&mut self.connection)?;
        Ok(known.iter().any(|command| *command != Value::Nil))
    }

    /// Microseconds of processor time its main thread has used.
    pub fn processor_us(&mut self) -> Outcome<f64> {
        let mut total = 0.0;
        for kind in ["user", "sys"] {
            let seconds = self.said(&format!("used_cpu_{kind}_main_thread"))?;
            total += seconds.unwrap_or_default().parse::<f64>()? * 1e6;
        }
        Ok(total)
    }

    /// Bytes its data and their administration take.
    pub fn memory(&mut self) -> Outcome<u64> {
        let memory = self.said("used_memory")?;
        Ok(memory.unwrap_or_default().parse()?)
    }

    /// The mean length of some values of a hash.
    pub fn mean_length(&mut self, hash: &str) -> Outcome<usize> {
        let some: Vec<Vec<u8>> = redis::cmd("HRANDFIELD")
            .arg(hash)
            .arg(1000)
            .arg("WITHVALUES")
            .query(&mut self.connection)?;
        let values: Vec<usize> = some.iter().skip(1).step_by(2).map(Vec::len).collect();
        let sum: usize = values.iter().sum();
        sum.checked_div(values.len())
            .ok_or_else(|| format!("{hash} is empty").into())
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
