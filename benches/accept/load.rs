//! The load: invented leads over plain keep-alive connections, as fast as they are answered or at a fixed rate.
//!
//! Speaks just enough HTTP/1.1 to cost little beside the servers it measures, which run on the same cores.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Connections open at once.
pub const CONNECTIONS: u64 = 64;

/// Where the load goes.
#[derive(Clone, Copy)]
pub struct Target {
    /// Host and port.
    pub address: SocketAddr,
    /// The path leads are posted to.
    pub path: &'static str,
}

/// How one round went.
#[derive(Default)]
pub struct Round {
    /// One for each answer, in no order.
    pub latencies: Vec<Duration>,
    /// From the first request on.
    pub length: Duration,
}

impl Round {
    /// Answers per second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.length.as_secs_f64()
    }
}

/// When a connection posts its next lead.
#[derive(Clone, Copy)]
enum Pace {
    /// When the last is answered.
    AtOnce,
    /// At fixed times, answered or not: so many apart, the first after `offset`.
    Every { gap: Duration, offset: Duration },
}

/// Every connection posts again as soon as it is answered.
pub async fn closed_loop(target: Target, length: Duration) -> io::Result<Round> {
    run(target, length, |_| Pace::AtOnce).await
}

/// `rate` leads a second, however long the answers take.
pub async fn open_loop(target: Target, length: Duration, rate: f64) -> io::Result<Round> {
    let gap = Duration::from_secs_f64(CONNECTIONS as f64 / rate);
    run(target, length, |index| Pace::Every {
        gap,
        offset: gap.mul_f64(index as f64 / CONNECTIONS as f64),
    })
    .await
}

async fn run(target: Target, length: Duration, pace: impl Fn(u64) -> Pace) -> io::Result<Round> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(target).await?);
    }
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for (index, connection) in (0..).zip(connections) {
        tasks.spawn(post_until(connection, pace(index), start, start + length));
    }
    let mut round = Round {
        latencies: Vec::new(),
        length,
    };
    while let Some(task) = tasks.join_next().await {
        round.latencies.extend(task??);
    }
    Ok(round)
}

async fn post_until(
    mut connection: Connection,
    pace: Pace,
    start: Instant,
    end: Instant,
) -> io::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    let mut due = match pace {
        Pace::AtOnce => start,
        Pace::Every { offset, .. } => start + offset,
    };
    loop {
        let lead = invent()?;
        let from = match pace {
            Pace::AtOnce => Instant::now(),
            // A lead that had to wait for the answer to the one before counts from when it was due. One that found
            // the connection free counts from when it left: the timer's lateness is not the server's.
            Pace::Every { .. } if Instant::now() >= due => due,
            Pace::Every { .. } => {
                tokio::time::sleep_until(due).await;
                Instant::now()
            }
        };
        if from >= end {
            return Ok(latencies);
        }
        let status = connection.post(&lead).await?;
        if status != 202 {
            return Err(io::Error::other(format!(
                "a lead was answered with {status}"
            )));
        }
        if Instant::now() <= end || matches!(pace, Pace::Every { .. }) {
            latencies.push(from.elapsed());
        }
        if let Pace::Every { gap, .. } = pace {
            due += gap;
        }
    }
}

/// A lead nobody has posted before, with the fields a landing page sends.
fn invent() -> io::Result<String> {
    /// No factor of the numbers there are, so that each comes once before any comes again.
    const APART: u64 = 7_654_321;
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let who = getrandom::u64().map_err(io::Error::other)?;
    let number = NEXT.fetch_add(APART, Ordering::Relaxed) % 10_000_000;
    Ok(format!(
        r#"{{"name":"Kim Ek","email":"kim.{who:016x}@lead.example","phoneNumber":"+47 9{number:07}","timeZone":"Europe/Oslo","company":"Acme AS","answers":{{"goal":"More booked calls from the same visitors","budget":"5k to 10k"}},"landingUrl":"https://acme.example/call?utm_source=meta&utm_medium=paid&utm_campaign=spring&fbclid=IwAR{who:016x}","consent":{{"marketing":true}}}}"#
    ))
}

struct Connection {
    stream: TcpStream,
    head: String,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(target: Target) -> io::Result<Self> {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nPrefer: respond-async\r\n\
             Origin: https://acme.example\r\nReferer: https://acme.example/call\r\nAccept-Language: nb-NO,nb;q=0.9\r\n\
             User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)\r\nContent-Length: ",
            target.path, target.address
        );
        Ok(Self {
            stream,
            head,
            answer: Vec::with_capacity(4096),
        })
    }

    /// Posts a body and returns the answer's status once all of the answer is here.
    async fn post(&mut self, body: &str) -> io::Result<u16> {
        let request = format!("{}{}\r\n\r\n{body}", self.head, body.len());
        self.stream.write_all(request.as_bytes()).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some((status, length)) = measured(&self.answer)
                && self.answer.len() >= length
            {
                return Ok(status);
            }
        }
    }
}

/// Status and whole length of an answer whose head is complete.
fn measured(answer: &[u8]) -> Option<(u16, usize)> {
    let text = std::str::from_utf8(answer).ok()?;
    let status = text.get(9..12)?.parse().ok()?;
    let (mut end, mut length) = (0, 0);
    loop {
        let line = &text[end..end + text[end..].find('\n')?];
        end += line.len() + 1;
        match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok()?;
            }
            None if line == "\r" => return Some((status, end + length)),
            _ => {}
        }
    }
}
