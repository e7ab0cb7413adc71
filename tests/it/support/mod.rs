//! The whole gateway as its users meet it, and what tests say to it.

pub mod gateway;
pub mod leads;
pub mod platform;
pub mod redis_server;
pub mod seen;
pub mod senders;

use std::process::Command;
use std::time::{Duration, Instant};

pub use gateway::{Gateway, Settings};
pub use leads::Answer;
pub use platform::Platform;
pub use seen::Seen;
pub use senders::Senders;

use leadgate::sandbox::{EventChange, EventOptions, Options, Report, Sandbox};

/// The event of nearly every test.
pub const EVENT: &str = "acme/strategy-call";

/// The program, with nothing of this machine's settings in its environment.
pub fn program() -> Command {
    leadgate::lab::bare(env!("CARGO_BIN_EXE_leadgate"))
}

/// Turns the event on or off at iClosed.
pub fn activate(sandbox: &Sandbox, activated: bool) {
    let change = EventChange {
        link_prefix: EVENT.to_owned(),
        activated: Some(activated),
        hosts: None,
        slots: None,
    };
    sandbox.control().change_event(change).unwrap();
}

/// A sandbox with room for `hosts` people at every half hour.
pub async fn sandbox(limit: u32, window_seconds: u64, hosts: usize) -> Sandbox {
    let event = EventOptions {
        link_prefix: EVENT.to_owned(),
        hosts: (0..hosts).map(|host| format!("Host {host}")).collect(),
        ..EventOptions::default()
    };
    let options = Options {
        listen: "127.0.0.1:0".to_owned(),
        limit,
        window: Duration::from_secs(window_seconds),
        events: vec![event],
        latency: Duration::from_millis(5)..=Duration::from_millis(20),
        ..Options::default()
    };
    Sandbox::start(options).await.expect("the sandbox starts")
}

/// Asserts that iClosed saw so many calls, nobody with two, and no endpoint over its limit.
pub fn assert_promises(report: &Report, calls: usize, limit: u32) {
    assert_eq!(report.calls.len(), calls);
    assert!(report.double_booked.is_empty(), "somebody has two calls");
    for (endpoint, seen) in &report.endpoints {
        assert_eq!(seen.limited, 0, "{endpoint}");
        let most = seen.most_in_any_window;
        assert!(most <= limit as usize, "{endpoint}: {most}");
    }
}

/// Looks until `ready` gives something.
///
/// # Panics
/// When that takes longer than `longest`.
pub async fn wait_for<T>(
    what: &str,
    longest: Duration,
    mut ready: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + longest;
    loop {
        if let Some(value) = ready().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {longest:?} for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
