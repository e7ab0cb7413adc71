//! One gateway process, ended with its owner.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;

use super::{LabError, bare, io_error};

/// A gateway that starts is waited for so long.
const START: Duration = Duration::from_secs(30);

/// How often it is asked whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// Lines of the log shown when something goes wrong.
const LOG_LINES: usize = 8;

/// A running gateway with a folder of its own.
pub(super) struct Replica {
    number: usize,
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    child: Child,
}

impl Replica {
    /// Starts `program serve` on a free port with the settings made for it.
    pub(super) fn start(
        number: usize,
        program: &Path,
        folder: PathBuf,
        settings: impl FnOnce(u16) -> String,
    ) -> Result<Self, LabError> {
        let port = free_port().map_err(io_error("there is no free port"))?;
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(folder.join("leadgate.toml"), settings(port)))
            .map_err(io_error("the settings cannot be written"))?;
        let child = spawn(program, &folder)?;
        Ok(Self {
            number,
            program: program.to_owned(),
            folder,
            port,
            child,
        })
    }

    /// Where it takes leads.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until it takes leads.
    pub(super) async fn ready(&mut self, client: &Client) -> Result<(), LabError> {
        let began = Instant::now();
        let url = format!("{}/readyz", self.url());
        while began.elapsed() < START {
            self.lives()?;
            let answer = client.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        Err(LabError::NotReady {
            replica: self.number,
            seconds: START.as_secs(),
            log: self.end_of_log(),
        })
    }

    /// Fails when the process ended although nobody killed it.
    pub(super) fn lives(&mut self) -> Result<(), LabError> {
        let ended = self
            .child
            .try_wait()
            .map_err(io_error("a gateway cannot be asked"))?;
        ended.map_or(Ok(()), |status| {
            Err(LabError::Ended {
                replica: self.number,
                status,
                log: self.end_of_log(),
            })
        })
    }

    /// Ends it as a power cut would.
    pub(super) fn kill(&mut self) -> Result<(), LabError> {
        self.child
            .kill()
            .and_then(|()| self.child.wait())
            .map_err(io_error("a gateway cannot be killed"))?;
        Ok(())
    }

    /// Starts it again with the same settings.
    pub(super) fn restart(&mut self) -> Result<(), LabError> {
        self.child = spawn(&self.program, &self.folder)?;
        Ok(())
    }

    /// Stops its every thread, until [`Replica::wake`].
    pub(super) fn pause(&self) -> Result<(), LabError> {
        self.signal("STOP")
    }

    /// Lets it go on, unaware of the time that passed.
    pub(super) fn wake(&self) -> Result<(), LabError> {
        self.signal("CONT")
    }

    fn signal(&self, name: &str) -> Result<(), LabError> {
        // Every shell has a `kill` of its own; not every system has the program.
        let told = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name])
            .arg(self.child.id().to_string())
            .stdin(Stdio::null())
            .status();
        told.and_then(|told| match told.success() {
            true => Ok(()),
            false => Err(std::io::Error::other(told.to_string())),
        })
        .map_err(io_error("a gateway cannot be sent a signal"))
    }

    fn end_of_log(&self) -> String {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // An error means that it is gone already. The kernel kills the paused, too.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(program: &Path, folder: &Path) -> Result<Child, LabError> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .map_err(io_error("the log cannot be written"))?;
    bare(program)
        .arg("serve")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(io_error("a gateway cannot be started"))
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
