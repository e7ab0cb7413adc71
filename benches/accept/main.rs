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

    let rates = clients.block_on(throughput(gateway.target, floor.target))?;
    let half = median(rates.iter().map(|(gateway, _)| gateway.rate())) / 2.0;
    let latencies = clients.block_on(latency(gateway.target, floor.target, half))?;
    servers.block_on(async { tokio::join!(gateway.stop(), floor.stop()) });
    report(&rates, half, &latencies, record_bytes, &fresh)
}

type Pair = (Round, Round);

async fn throughput(gateway: Target, floor: Target) -> Outcome<Vec<Pair>> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        tokio::time::sleep(REST).await;
        let one = load::closed_loop(gateway, ROUND).await?;
        tokio::time::sleep(REST).await;
        rounds.push((one, load::closed_loop(floor, ROUND).await?));
    }
    Ok(rounds)
}

async fn latency(gateway: Target, floor: Target, rate: f64) -> Outcome<Vec<Pair>> {
    let mut rounds = Vec::new();
    for _ in 0..LATENCY_ROUNDS {
        tokio::time::sleep(REST).await;
        let one = load::open_loop(gateway, LATENCY_ROUND, rate).await?;
        tokio::time::sleep(REST).await;
        let other = load::open_loop(floor, LATENCY_ROUND, rate).await?;
        rounds.push((one, other));
    }
    Ok(rounds)
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
    for (index, (gateway, floor)) in rates.iter().enumerate() {
        let share = gateway.rate() / floor.rate();
        writeln!(
            out,
            "{:>10}{:>12.0}{:>12.0}{share:>10.2}",
            index + 1,
            gateway.rate(),
            floor.rate()
        )?;
    }
    let (gateway, floor) = (
        median(rates.iter().map(|pair| pair.0.rate())),
        median(rates.iter().map(|pair| pair.1.rate())),
    );
    let share = median(
        rates
            .iter()
            .map(|(gateway, floor)| gateway.rate() / floor.rate()),
    );
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
    let mut times = 0.0;
    for (name, part) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        let mut rounds = Vec::new();
        for (gateway, floor) in latencies {
            let (gateway, floor) = (quantile(gateway, part), quantile(floor, part));
            rounds.push((gateway, floor, gateway / floor));
            if name == "p99" {
                let more = gateway / floor;
                writeln!(out, "{:>10}{gateway:>12.2}{floor:>12.2}{more:>10.2}", "")?;
            }
        }
        let gateway = median(rounds.iter().map(|round| round.0));
        let floor = median(rounds.iter().map(|round| round.1));
        let more = median(rounds.iter().map(|round| round.2));
        write!(out, "{name:>10}{gateway:>12.2}{floor:>12.2}{more:>10.2}")?;
        if name == "p99" {
            times = more;
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
    let is_fast = share >= LEAST_RATE_SHARE && times <= MOST_P99_TIMES;
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

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<_> = values.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
    match (sorted.get(low), sorted.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}
