//! Progress on standard error: one line redrawn on a terminal, elsewhere a line now and then.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often a line is written where it cannot be redrawn.
pub const LINE_EVERY: Duration = Duration::from_secs(5);

/// The terminal, or whatever stands for it.
pub struct Screen {
    redraws: bool,
    written: Option<Instant>,
}

impl Screen {
    /// Looks whether somebody watches.
    pub fn new() -> Self {
        Self {
            redraws: std::io::stderr().is_terminal(),
            written: None,
        }
    }

    /// Shows how far the work is.
    pub fn show(&mut self, text: impl FnOnce() -> String) {
        if self.redraws {
            self.put(&format!("\r\x1b[2K{}", text()));
            self.written = Some(Instant::now());
        } else if self.written.is_none_or(|at| at.elapsed() >= LINE_EVERY) {
            self.line(&text());
            self.written = Some(Instant::now());
        }
    }

    /// Leaves the line that was drawn.
    pub fn finish(&mut self) {
        if self.redraws && self.written.take().is_some() {
            self.put("\n");
        }
    }

    /// Writes a line that stays.
    pub fn line(&self, text: &str) {
        self.put(&format!("{text}\n"));
    }

    fn put(&self, text: &str) {
        let mut screen = std::io::stderr();
        // Nobody watches a closed standard error.
        screen
            .write_all(text.as_bytes())
            .and_then(|()| screen.flush())
            .ok();
    }
}
