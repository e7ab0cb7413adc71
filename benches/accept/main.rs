//! What taking a lead costs, against the least a server can do that keeps what it is told.
//!
//! Gateway and floor run in this process and are measured in turns, so that what else the machine does meets both.
//! `cargo bench --bench accept` prints a table; with `-- --strict` it also fails when a bound is broken.

mod floor;
mod gateway;
mod load;

use std::fs::File;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use mimalloc::MiMalloc;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use floor::Floor;
use gateway::{Fresh, Gateway};
use load::{CONNECTIONS, Round, Target};

/// As the program has it; gateway and floor share it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const WARM_UP: Duration = Duration::from_secs(3);
const ROUNDS: usize = 6;
const ROUND: Duration = Duration::from_secs(3);
const LATENCY_ROUNDS: usize = 4;
const LATENCY_ROUND: Duration = Duration::from_secs(4);
/// Time for a store to copy its log and flush it before the other one is measured.
const REST: Duration = Duration::from_secs(3);

/// The bounds of `--strict`.
const LEAST_RATE_SHARE: f64 = 0.6;
const MOST_P99_TIMES: f64 = 2.0;
const MOST_READY_MILLIS: f64 = 200.0;
const MOST_IDLE_MEBIBYTES: f64 = 40.0;

fn main() -> ExitCode {
    let strict = std::env::args().any(|argument| argument == "--strict");
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) if strict => ExitCode::FAILURE,
        Ok(false) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is closed.
            writeln!(std::io::stderr(), "accept: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

/// Returns whether every bound was kept.
fn measure() -> Outcome<bool> {
    // As the program does: every accepted lead is a line of the log.
    let log = Arc::new(File::options().write(true).open("/dev/null")?);
    let lines = leadgate::telemetry::json_lines(log, EnvFilter::new("info"));
    tracing_subscriber::registry().with(lines).init();
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();

    let servers = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let clients = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let folder = tempfile::tempdir()?;
    let (gateway_folder, floor_folder) =
        (folder.path().join("gateway"), folder.path().join("floor"));
    std::fs::create_dir(&floor_folder)?;
    // First of all: later the disk is still busy with what the load wrote.
    let fresh = gateway::fresh(folder.path())?;

    let inside = servers.enter();
    let gateway = servers.block_on(Gateway::start(&gateway_folder))?;
    clients.block_on(load::closed_loop(gateway.target, WARM_UP))?;
    let record_bytes = gateway::record_bytes(&gateway_folder)?;
    let floor = Floor::start(&floor_folder, record_bytes)?;
    clients.block_on(load::closed_loop(floor.target, WARM_UP))?;
    drop(inside);

    let both = (gateway.target, floor.target);
    let rates = clients.block_on(in_turns(ROUNDS, both, async |target| {
        load::closed_loop(target, ROUND).await
    }))?;
    let half = median(rates.iter().map(|(gateway, _)| gateway.rate())) / 2.0;
    let latencies = clients.block_on(in_turns(LATENCY_ROUNDS, both, async |target| {
        load::open_loop(target, LATENCY_ROUND, half).await
    }))?;
    servers.block_on(async { tokio::join!(gateway.stop(), floor.stop()) });
    report(&rates, half, &latencies, record_bytes, &fresh)
}

type Pair = (Round, Round);

/// Measures gateway and floor by turns.
async fn in_turns(
    rounds: usize,
    (gateway, floor): (Target, Target),
    post: impl AsyncFn(Target) -> std::io::Result<Round>,
) -> Outcome<Vec<Pair>> {
    let mut pairs = Vec::new();
    for _ in 0..rounds {
        tokio::time::sleep(REST).await;
        let one = post(gateway).await?;
        tokio::time::sleep(REST).await;
        pairs.push((one, post(floor).await?));
    }
    Ok(pairs)
}

fn report(
    rates: &[Pair],
    half: f64,
    latencies: &[Pair],
    record_bytes: usize,
    fresh: &Fresh,
) -> Outcome<bool> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{CONNECTIONS} connections, records of {record_bytes} bytes; answers per second"
    )?;
    writeln!(
        out,
        "{:>10}{:>12}{:>12}{:>10}",
        "round", "gateway", "floor", "share"
    )?;
    let by_round = || rates.iter().map(|(one, other)| (one.rate(), other.rate()));
    for (round, (gateway, floor)) in (1..).zip(by_round()) {
        let share = gateway / floor;
        writeln!(out, "{round:>10}{gateway:>12.0}{floor:>12.0}{share:>10.2}")?;
    }
    let (gateway, floor, share) = medians(by_round());
    writeln!(
        out,
        "{:>10}{gateway:>12.0}{floor:>12.0}{share:>10.2}   at least {LEAST_RATE_SHARE}",
        "median"
    )?;

    writeln!(
        out,
        "\n{half:.0} leads per second, half of what the gateway takes; milliseconds, medians of rounds"
    )?;
    writeln!(
        out,
        "{:>10}{:>12}{:>12}{:>10}",
        "", "gateway", "floor", "times"
    )?;
    // By the round: all together, one stall of a shared disk for a fifth of a second would be the answer.
    let by_round = |part| {
        let of = move |(one, other): &Pair| (quantile(one, part), quantile(other, part));
        latencies.iter().map(of)
    };
    for (round, (gateway, floor)) in (1..).zip(by_round(0.99)) {
        let (name, times) = (format!("p99 of {round}"), gateway / floor);
        writeln!(out, "{name:>10}{gateway:>12.2}{floor:>12.2}{times:>10.2}")?;
    }
    let mut p99_times = f64::NAN;
    for (name, part) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        let (gateway, floor, times) = medians(by_round(part));
        write!(out, "{name:>10}{gateway:>12.2}{floor:>12.2}{times:>10.2}")?;
        if name == "p99" {
            p99_times = times;
            write!(out, "   at most {MOST_P99_TIMES}")?;
        }
        writeln!(out)?;
    }
    let Fresh {
        ready_after,
        idle_kilobytes,
    } = fresh;
    let (ready, idle) = (
        ready_after.as_secs_f64() * 1e3,
        *idle_kilobytes as f64 / 1024.0,
    );
    writeln!(
        out,
        "\nthe program: ready after {ready:.0} ms, at most {MOST_READY_MILLIS}; {idle:.1} MiB when idle, at most {MOST_IDLE_MEBIBYTES}"
    )?;
    let is_fast = share >= LEAST_RATE_SHARE && p99_times <= MOST_P99_TIMES;
    Ok(is_fast && ready <= MOST_READY_MILLIS && idle <= MOST_IDLE_MEBIBYTES)
}

/// In milliseconds.
fn quantile(round: &Round, part: f64) -> f64 {
    let mut sorted = round.latencies.clone();
    sorted.sort_unstable();
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((last as f64 * part).round() as usize)
        .map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
}

/// Of gateway, floor, and how many times the floor the gateway is in a round.
fn medians(rounds: impl Iterator<Item = (f64, f64)> + Clone) -> (f64, f64, f64) {
    (
        median(rounds.clone().map(|(gateway, _)| gateway)),
        median(rounds.clone().map(|(_, floor)| floor)),
        median(rounds.map(|(gateway, floor)| gateway / floor)),
    )
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<_> = values.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
    match (sorted.get(low), sorted.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}
