//! A pretend iClosed: the public API v1 with its documented shapes, rules, limits and traps,
//! holding real state, and able to fail on command. For demonstrations and for judging a client
//! from outside.
//!
//! It shares no code with the gateway, so that a wrong field name cannot agree with itself. It
//! keeps everything in memory and logs nothing.
//!
//! Control routes, neither limited nor keyed: `GET /_sandbox/report`, `POST /_sandbox/faults`,
//! `DELETE /_sandbox/faults`, `POST /_sandbox/events`, `POST /_sandbox/reset`.

mod answer;
mod calls;
mod chance;
mod contacts;
mod control;
mod events;
mod faults;
mod fields;
mod limits;
mod listing;
mod report;
mod server;
mod slots;
mod state;
#[cfg(test)]
mod tests;
mod validate;

use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use jiff::Timestamp;
use tokio::task::JoinHandle;

pub use answer::ValidationShape;
pub use control::{Control, EventChange, UnknownEvent};
pub use faults::{Fault, FaultKind};
pub use limits::WindowKind;
pub use report::{DoubleBooking, EndpointReport, Report, ReportedCall, ReportedContact};

/// How a sandbox behaves.
#[derive(Clone)]
pub struct Options {
    /// Address and port; port 0 takes a free one.
    pub listen: String,
    /// Requests that one account may send to one endpoint in one window.
    pub limit: u32,
    /// Length of the window.
    pub window: Duration,
    /// How the window moves.
    pub window_kind: WindowKind,
    /// The good keys; none means any that begins with `iclosed_`. Each key is an account with its
    /// own budgets; events and calls are common to all.
    pub api_keys: Vec<String>,
    /// The events at the start and after a reset.
    pub events: Vec<EventOptions>,
    /// Latency of a request, drawn evenly.
    pub latency: RangeInclusive<Duration>,
    /// Which of the documented shapes a fault of a field takes.
    pub validation_shape: ValidationShape,
    /// Seed of latencies and of faults by chance.
    pub seed: u64,
}

impl Default for Options {
    /// Plan Startup of www.iclosed.io/api, 20 requests in 10 s, one event, 20 to 80 ms of latency.
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:0".to_owned(),
            limit: 20,
            window: Duration::from_secs(10),
            window_kind: WindowKind::Sliding,
            api_keys: Vec::new(),
            events: vec![EventOptions::default()],
            latency: Duration::from_millis(20)..=Duration::from_millis(80),
            validation_shape: ValidationShape::Zod,
            seed: 1,
        }
    }
}

/// A kind of call that can be booked.
#[derive(Clone)]
pub struct EventOptions {
    /// Its link, `user/event`.
    pub link_prefix: String,
    /// Its name.
    pub name: String,
    /// Its hosts by name; as many as there are seats at each instant.
    pub hosts: Vec<String>,
    /// Length of a call, and the step from slot to slot.
    pub slot_minutes: u32,
    /// Calendar days on offer; today is the first.
    pub days: u32,
    /// Hour of the first slot in `event_zone`, 0 to 23.
    pub open_hour: u8,
    /// Hour by which the last slot ends, 1 to 24.
    pub close_hour: u8,
    /// IANA zone of the hours and of the hosts.
    pub event_zone: String,
    /// Whether it can be booked.
    pub activated: bool,
    /// Identifier of a question and the answer to it that disqualifies.
    pub disqualify_answer: Option<(String, String)>,
    /// Instants to offer instead of the hours, one seat each.
    pub slots: Option<Vec<Timestamp>>,
}

impl Default for EventOptions {
    /// `acme/strategy-call`: three hosts, half hours from 8 to 20 UTC on 14 days.
    fn default() -> Self {
        Self {
            link_prefix: "acme/strategy-call".to_owned(),
            name: "Strategy call".to_owned(),
            hosts: ["Ida Moe", "Noor Haddad", "Tomás Vega"]
                .map(str::to_owned)
                .to_vec(),
            slot_minutes: 30,
            days: 14,
            open_hour: 8,
            close_hour: 20,
            event_zone: "UTC".to_owned(),
            activated: true,
            disqualify_answer: None,
            slots: None,
        }
    }
}

/// A running sandbox.
pub struct Sandbox {
    address: SocketAddr,
    control: Control,
    handle: ServerHandle,
    running: JoinHandle<io::Result<()>>,
}

impl Sandbox {
    /// Starts one inside the current tokio runtime. It minds no signals.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listen = options.listen.clone();
        let control = Control::new(options);
        let (server, address) = server::bind(&listen, control.clone())?;
        Ok(Self {
            address,
            control,
            handle: server.handle(),
            running: tokio::spawn(server),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The hand that sets faults and reads the report.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Stops at once, requests in work included.
    pub async fn stop(self) {
        self.handle.stop(false).await;
        let _ = self.running.await;
    }
}
