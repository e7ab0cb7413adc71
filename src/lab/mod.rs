//! A failure lab: the real program against the pretend iClosed, while processes die, sleep and lose answers.
//!
//! [`plan`] draws from a seed what will happen and when. [`replica`] runs the gateways, [`sender`] posts and watches
//! the leads, [`driver`] makes the trouble, and [`verdict`] holds the count against the promises. Knows the gateway
//! only from outside, by its settings file and its HTTP: what it believes of itself is no evidence.

mod bare;
mod board;
mod driver;
mod plan;
mod replica;
mod sender;
mod settings;
mod verdict;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::sandbox::{self, EventOptions, Sandbox};

use board::Board;
use driver::Driver;
use replica::Replica;
use sender::Senders;
use settings::{EVENT, Store};

pub use bare::bare;
pub use board::Progress;
pub use settings::is_own;
pub use verdict::{Endpoint, Recovery, Verdict};

/// How often progress is shown.
const TICK: Duration = Duration::from_millis(250);

/// What is left to leads after the last trouble, beside the time their number needs: several lost answers in a row,
/// each with its lookups, and a lease that must lapse.
const REST: Duration = Duration::from_secs(120);

/// How large an experiment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// How many people; some of them post several times.
    pub leads: u32,
    /// How many gateways share the store.
    pub replicas: u32,
    /// How often one of them is killed.
    pub kills: u32,
    /// Requests iClosed takes for each endpoint ...
    pub limit: u32,
    /// ... in so many seconds.
    pub window_seconds: u64,
}

impl Scale {
    /// About three minutes.
    pub const FULL: Self = Self {
        leads: 1200,
        replicas: 1,
        kills: 25,
        limit: 50,
        window_seconds: 5,
    };

    /// About a minute.
    pub const QUICK: Self = Self {
        leads: 450,
        replicas: 1,
        kills: 10,
        limit: 40,
        window_seconds: 4,
    };
}

/// One experiment.
#[derive(Clone)]
pub struct Options {
    /// Its size.
    pub scale: Scale,
    /// The shared store; none means the embedded one, which belongs to one gateway.
    pub redis: Option<String>,
    /// The same seed makes the same plan.
    pub seed: u64,
    /// Tells this run from every other in the same Redis: eight hexadecimal digits.
    pub run: String,
    /// The program under test.
    pub program: PathBuf,
}

/// Why an experiment says nothing about the promises.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The sandbox or a file could not be had.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The system's word.
        source: io::Error,
    },
    /// No client could be made.
    #[error("there is no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// A gateway ended although nobody killed it.
    #[error("gateway {replica} ended by itself with {status}; the end of its log:\n{log}")]
    Ended {
        /// From 1.
        replica: usize,
        /// How it ended.
        status: std::process::ExitStatus,
        /// Its last lines.
        log: String,
    },
    /// A gateway did not become ready.
    #[error(
        "gateway {replica} was not ready {} s after its start; the end of its log:\n{log}",
        seconds
    )]
    NotReady {
        /// From 1.
        replica: usize,
        /// How long it was waited for.
        seconds: u64,
        /// Its last lines.
        log: String,
    },
}

/// Runs an experiment in `folder`, which receives settings, logs and the embedded store. Dropping the future ends
/// every process it started.
///
/// # Errors
/// When the experiment itself fails; a broken promise is a verdict and no error.
pub async fn run(
    options: &Options,
    folder: &Path,
    mut show: impl FnMut(&Progress),
) -> Result<Verdict, LabError> {
    let began = Instant::now();
    let scale = options.scale;
    let plan = plan::draw(scale, options.seed);
    let sandbox = Sandbox::start(sandbox_options(scale, options.seed))
        .await
        .map_err(io_error("the pretend iClosed cannot start"))?;
    let store = match &options.redis {
        Some(url) => Store::Redis(url),
        None => Store::Embedded,
    };
    let client = sender::client()?;
    let mut replicas = Vec::new();
    for number in 1..=scale.replicas as usize {
        let text = |port| settings::text(port, &sandbox.url(), &store, scale, &options.run);
        let folder = folder.join(format!("gateway-{number}"));
        replicas.push(Replica::start(number, &options.program, folder, text)?);
    }
    for replica in &mut replicas {
        replica.ready(&client).await?;
    }
    let urls = replicas.iter().map(Replica::url).collect();
    let board = Board::new(urls, plan.posts.len());
    let senders = Senders {
        client: &client,
        board: &board,
        run: &options.run,
    };
    let mut driver = Driver {
        client: &client,
        board: &board,
        replicas: &mut replicas,
        control: sandbox.control(),
        scale,
    };
    let start = tokio::time::Instant::now();
    let all_ended = async {
        tokio::join!(senders.post(&plan.posts, start), senders.watch());
    };
    let ticking = async {
        loop {
            show(&board.progress(start.elapsed()));
            tokio::time::sleep(TICK).await;
        }
    };
    let ended = tokio::select! {
        failed = driver.drive(&plan.moves, start) => failed,
        () = all_ended => Ok(()),
        () = tokio::time::sleep(deadline(&plan, scale)) => Ok(()),
        () = ticking => Ok(()),
    };
    show(&board.progress(start.elapsed()));
    ended?;
    let report = sandbox.control().report();
    let verdict = verdict::of(&board, &report, scale, began.elapsed());
    sandbox.stop().await;
    Ok(verdict)
}

/// How long leads may take to end: the time of the plan, that of their number at the limit's pace, and some rest.
fn deadline(plan: &plan::Plan, scale: Scale) -> Duration {
    plan.length + plan::least(scale.leads, scale) + REST
}

fn sandbox_options(scale: Scale, seed: u64) -> sandbox::Options {
    let event = EventOptions {
        link_prefix: EVENT.to_owned(),
        // A day of half hours for each host: nobody shall fail to be booked for want of a seat.
        hosts: (0..scale.leads / 100 + 8)
            .map(|host| format!("Host {host}"))
            .collect(),
        ..EventOptions::default()
    };
    sandbox::Options {
        limit: scale.limit,
        window: Duration::from_secs(scale.window_seconds),
        events: vec![event],
        seed,
        ..sandbox::Options::default()
    }
}

fn io_error(what: &'static str) -> impl FnOnce(io::Error) -> LabError {
    move |source| LabError::Io { what, source }
}
