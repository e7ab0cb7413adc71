//! The operator's commands against a running gateway: what they print, how they end, and what the gateway ends up with.

mod import;
mod leads;
mod operating;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::{Gateway, Settings, program};

/// The operator's key of these gateways.
pub const KEY: &str = "operator-key-0123456789";

/// The program in a folder, with nothing of this machine's settings.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = program();
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("USER", "kim");
    command
}

/// What a command said and how it ended.
pub struct Said {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// Of a process that ended.
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self {
            code: output.status.code().expect("it ended by itself"),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// Asserts how it ended.
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }

    /// Standard output as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {}", self.out))
    }

    /// Standard output as a JSON document a line.
    pub fn lines(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect()
    }
}

/// Runs a command in the gateway's folder to its end.
pub fn said(gateway: &Gateway, arguments: &[&str]) -> Said {
    Said::of(
        command(gateway.folder(), arguments)
            .output()
            .expect("the program runs"),
    )
}

/// Settings of a gateway that takes orders.
pub fn operated(base_url: &str) -> Settings {
    Settings::new(base_url, (100, 2)).server(&format!("operator_key = \"{KEY}\""))
}
