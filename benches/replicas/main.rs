//! What taking a lead costs on Redis, against the least a server can do that keeps what it is told there.
//!
//! Gateway and floor run in this process and are measured in turns on the same Redis, once with `appendfsync always`
//! and once with `everysec`. `cargo bench --bench replicas` prints the tables; `-- --growth` fills a store with a million
//! leads instead and compares it with an empty one. With `-- --strict` a broken bound fails.

mod floor;
mod gateway;
mod growth;
#[path = "../accept/load.rs"]
#[expect(dead_code, reason = "the other bench measures more")]
mod load;
mod server;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use mimalloc::MiMalloc;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use floor::Floor;
use gateway::{Gateway, PREFIX};
use growth::{Cost, Growth};
use load::{CONNECTIONS, Target};
use server::RedisServer;

/// As the program has it; gateway and floor share it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const WARM_UP: Duration = Duration::from_secs(2);
/// How many rounds, and how long each is.
const ROUNDS: (usize, Duration) = (6, Duration::from_secs(3));
/// The same where answers wait for a flush that comes once a second.
const SLOW_ROUNDS: (usize, Duration) = (3, Duration::from_secs(10));
const REST: Duration = Duration::from_millis(600);

/// The bounds of `--strict`.
const LEAST_RATE_SHARE: f64 = 0.6;
const MOST_GROWTH: f64 = 1.1;

fn main() -> ExitCode {
    let is_asked = |name: &str| std::env::args().any(|argument| argument == name);
    let measured = if is_asked("--growth") {
        measure_growth()
    } else {
        measure_rates()
    };
    match measured {
        Ok(false) if is_asked("--strict") => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is closed.
            writeln!(std::io::stderr(), "redis: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

/// Returns whether every bound was kept.
fn measure_rates() -> Outcome<bool> {
    // As the program does: every accepted lead is a line of the log.
    let log = Arc::new(File::options().write(true).open("/dev/null")?);
    let lines = leadgate::telemetry::json_lines(log, EnvFilter::new("info"));
    tracing_subscriber::registry().with(lines).init();
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let folder = tempfile::tempdir()?;
    let mut is_kept = true;
    for flush in ["always", "everysec"] {
        is_kept &= rates(&folder.path().join(flush), flush)?;
    }
    let servers = tokio::runtime::Runtime::new()?;
    let bytes = servers.block_on(growth::memory(&folder.path().join("memory")))?;
    print_memory(bytes)?;
    Ok(is_kept)
}

fn rates(folder: &Path, flush: &str) -> Outcome<bool> {
    let servers = tokio::runtime::Runtime::new()?;
    let clients = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut redis = RedisServer::start(folder, flush)?;
    let confirms = flush != "always" && redis.confirms()?;

    let inside = servers.enter();
    let gateway = servers.block_on(Gateway::start(&redis.url))?;
    clients.block_on(load::closed_loop(gateway.target, WARM_UP))?;
    let record_bytes = redis.mean_length(&format!("{PREFIX}:{{main}}:leads"))?;
    let place_bytes = redis.mean_length(&format!("{PREFIX}:{{main}}:places"))?;
    let floor = servers.block_on(Floor::start(
        &redis.url,
        record_bytes,
        place_bytes,
        confirms,
    ))?;
    clients.block_on(load::closed_loop(floor.target, WARM_UP))?;
    drop(inside);

    let (rounds, length) = if confirms { SLOW_ROUNDS } else { ROUNDS };
    let turns = turns(gateway.target, floor.target, rounds, length);
    let rates = clients.block_on(turns)?;
    servers.block_on(async { tokio::join!(gateway.stop(), floor.stop()) });

    let mut out = std::io::stdout().lock();
    let waits = match (flush, confirms) {
        ("always", _) => "",
        (_, true) => ", both wait for WAITAOF",
        (_, false) => ", Redis without WAITAOF: neither side is sure of the last second",
    };
    writeln!(
        out,
        "\n{}, appendfsync {flush}{waits}; {CONNECTIONS} connections, records of {record_bytes} bytes; answers per second",
        redis.version()?
    )?;
    heading(&mut out, ["gateway", "floor", "share"])?;
    for (round, (gateway, floor)) in (1..).zip(&rates) {
        let share = gateway / floor;
        writeln!(out, "{round:>10}{gateway:>12.0}{floor:>12.0}{share:>10.2}")?;
    }
    let (gateway, floor, share) = (
        median(rates.iter().map(|(gateway, _)| *gateway)),
        median(rates.iter().map(|(_, floor)| *floor)),
        median(rates.iter().map(|(gateway, floor)| gateway / floor)),
    );
    writeln!(
        out,
        "{:>10}{gateway:>12.0}{floor:>12.0}{share:>10.2}   at least {LEAST_RATE_SHARE}",
        "median"
    )?;
    Ok(share >= LEAST_RATE_SHARE)
}

/// Answers per second of gateway and floor, by round.
async fn turns(
    gateway: Target,
    floor: Target,
    rounds: usize,
    length: Duration,
) -> Outcome<Vec<(f64, f64)>> {
    let mut rates = Vec::new();
    for _ in 0..rounds {
        tokio::time::sleep(REST).await;
        let one = load::closed_loop(gateway, length).await?;
        tokio::time::sleep(REST).await;
        let other = load::closed_loop(floor, length).await?;
        rates.push((one.rate(), other.rate()));
    }
    Ok(rates)
}

/// Returns whether every bound was kept.
fn measure_growth() -> Outcome<bool> {
    let folder = tempfile::tempdir()?;
    let servers = tokio::runtime::Runtime::new()?;
    let Growth {
        server,
        bytes_per_100_000,
        accepts,
        claims,
        doubling,
    } = servers.block_on(growth::measure(folder.path()))?;
    {
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "\n{server}, appendfsync always; an empty queue and {} waiting leads, in turns; microseconds",
            growth::MANY
        )?;
    }
    let is_kept = [
        compare("accept", "processor", &accepts, |cost| cost.processor_us)?,
        compare("claim", "processor", &claims, |cost| cost.processor_us)?,
        compare("accept", "wall", &accepts, |cost| cost.wall_us)?,
        compare("claim", "wall", &claims, |cost| cost.wall_us)?,
    ];
    writeln!(
        std::io::stdout(),
        "\nan accept while Redis doubles its tables, at 2^20 leads: processor {:.1}, wall {:.0}",
        doubling.processor_us,
        doubling.wall_us
    )?;
    print_memory(bytes_per_100_000)?;
    Ok(is_kept.iter().all(|kept| *kept))
}

/// Returns whether the bound was kept.
fn compare(step: &str, what: &str, rounds: &[(Cost, Cost)], of: fn(&Cost) -> f64) -> Outcome<bool> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{step}, {what}")?;
    heading(&mut out, ["empty", "full", "times"])?;
    let pairs = || rounds.iter().map(|(empty, full)| (of(empty), of(full)));
    for (round, (empty, full)) in (1..).zip(pairs()) {
        let times = full / empty;
        writeln!(out, "{round:>10}{empty:>12.1}{full:>12.1}{times:>10.2}")?;
    }
    let times = median(pairs().map(|(empty, full)| full / empty));
    writeln!(
        out,
        "{:>10}{:>12.1}{:>12.1}{times:>10.2}   at most {MOST_GROWTH}",
        "median",
        median(pairs().map(|(empty, _)| empty)),
        median(pairs().map(|(_, full)| full)),
    )?;
    Ok(times <= MOST_GROWTH)
}

fn heading(out: &mut impl Write, [one, other, last]: [&str; 3]) -> Outcome<()> {
    writeln!(out, "{:>10}{one:>12}{other:>12}{last:>10}", "round")?;
    Ok(())
}

fn print_memory(bytes_per_100_000: f64) -> Outcome<()> {
    writeln!(
        std::io::stdout(),
        "\n100,000 waiting leads take {:.0} MB of Redis's memory",
        bytes_per_100_000 / 1e6
    )?;
    Ok(())
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
