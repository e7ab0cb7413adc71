//! Whether a step costs the same however many leads wait. One server holds a million waiting leads, another of the same
//! kind none; both are asked in turns, so that what else the machine does meets both.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::iter;
use leadgate::lead::{Lead, LeadId, Step};
use leadgate::queue::redis::{Options, Redis};
use leadgate::queue::{Acceptance, Digest, Idempotency, Store};
use serde_json::json;

use super::Outcome;
use super::server::RedisServer;

/// Waiting leads of the full store.
pub const MANY: usize = 1_000_000;
const ROUNDS: usize = 14;
/// Steps of each kind in one round. All rounds together stay below 2^20 leads, where Redis doubles its tables.
const STEPS: usize = 3000;
/// In so many turns, each so short that what else the machine does hardly ever meets one side only.
const TURNS: usize = 10;
/// Where Redis begins to move every entry into tables of twice the size, and how far into that is looked.
const DOUBLING: usize = 1 << 20;
const DOUBLING_STEPS: usize = 20_000;
/// Steps under way at once.
const AT_ONCE: usize = 64;
const ACCOUNT: &str = "main";
const LEASE: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// A lead's record, as a landing page's becomes one.
const RECORD_BYTES: usize = 1600;

/// What one step cost.
#[derive(Clone, Copy)]
pub struct Cost {
    /// Of the server's main thread.
    pub processor_us: f64,
    /// From asking to the answer, with [`AT_ONCE`] under way; the median.
    pub wall_us: f64,
}

/// What was found.
pub struct Growth {
    /// What the server calls itself.
    pub server: String,
    /// How much more memory each 100,000 leads took.
    pub bytes_per_100_000: f64,
    /// Empty and full, by round.
    pub accepts: Vec<(Cost, Cost)>,
    /// The same.
    pub claims: Vec<(Cost, Cost)>,
    /// An accept while the tables double.
    pub doubling: Cost,
}

/// Takes some minutes and 3 GB of memory.
pub async fn measure(folder: &Path) -> Outcome<Growth> {
    let mut many = RedisServer::start(&folder.join("many"), "always")?;
    let mut none = RedisServer::start(&folder.join("none"), "always")?;
    let full = open(&many, "full".to_owned()).await?;
    let bytes_per_100_000 = fill(&mut many, &full, MANY).await?;
    let (mut accepts, mut claims) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let empty = open(&none, format!("empty{round}")).await?;
        // Both sides begin with scripts that are known and connections that have been used.
        accept_many(&empty, AT_ONCE).await?;
        let mut sides = [(&mut none, &empty), (&mut many, &full)];
        accepts.push(in_turns(Kind::Accept, &mut sides).await?);
        claims.push(in_turns(Kind::Claim, &mut sides).await?);
    }
    accept_many(&full, DOUBLING - MANY - ROUNDS * STEPS).await?;
    let mut doubling = Spent::default();
    doubling
        .on(Kind::Accept, DOUBLING_STEPS, &mut many, &full)
        .await?;
    let doubling = doubling.cost()?;
    Ok(Growth {
        server: many.version()?,
        bytes_per_100_000,
        accepts,
        claims,
        doubling,
    })
}

/// The memory that each 100,000 waiting leads take, in bytes, seen at the first 100,000.
pub async fn memory(folder: &Path) -> Outcome<f64> {
    let mut server = RedisServer::start(folder, "always")?;
    let store = open(&server, "full".to_owned()).await?;
    fill(&mut server, &store, 100_000).await
}

/// Returns how many bytes each 100,000 took.
async fn fill(server: &mut RedisServer, store: &Arc<Redis>, leads: usize) -> Outcome<f64> {
    let before = server.memory()?;
    accept_many(store, leads).await?;
    let taken = server.memory()?.saturating_sub(before);
    Ok(taken as f64 * 100_000.0 / leads as f64)
}

async fn open(server: &RedisServer, prefix: String) -> Outcome<Arc<Redis>> {
    let options = Options {
        url: server.url.clone(),
        prefix,
        allow_eviction: false,
        allow_no_persistence: false,
        offset: None,
    };
    Ok(Arc::new(Redis::open(options).await?))
}

#[derive(Clone, Copy)]
enum Kind {
    Accept,
    Claim,
}

/// What the steps of one round cost on either side.
async fn in_turns(
    kind: Kind,
    sides: &mut [(&mut RedisServer, &Arc<Redis>); 2],
) -> Outcome<(Cost, Cost)> {
    let mut spent = [Spent::default(), Spent::default()];
    for turn in 0..TURNS {
        // Neither side is always the first.
        for side in [turn % 2, (turn + 1) % 2] {
            let (server, store) = &mut sides[side];
            spent[side].on(kind, STEPS / TURNS, server, store).await?;
        }
    }
    let [empty, full] = spent;
    Ok((empty.cost()?, full.cost()?))
}

/// What steps of one kind have cost so far.
#[derive(Default)]
struct Spent {
    processor_us: f64,
    walls: Vec<Duration>,
}

impl Spent {
    async fn on(
        &mut self,
        kind: Kind,
        steps: usize,
        server: &mut RedisServer,
        store: &Arc<Redis>,
    ) -> Outcome<()> {
        let before = server.processor_us()?;
        self.walls.extend(match kind {
            Kind::Accept => accept_many(store, steps).await?,
            Kind::Claim => claim_many(store, steps).await?,
        });
        self.processor_us += server.processor_us()? - before;
        Ok(())
    }

    fn cost(mut self) -> Outcome<Cost> {
        self.walls.sort_unstable();
        let middle = self.walls.get(self.walls.len() / 2);
        Ok(Cost {
            processor_us: self.processor_us / self.walls.len() as f64,
            wall_us: middle.ok_or("nothing was measured")?.as_secs_f64() * 1e6,
        })
    }
}

async fn accept_many(store: &Arc<Redis>, leads: usize) -> Outcome<Vec<Duration>> {
    each(leads, || {
        let store = Arc::clone(store);
        async move {
            store.accept(invent()?).await?;
            Ok(())
        }
    })
    .await
}

async fn claim_many(store: &Arc<Redis>, leads: usize) -> Outcome<Vec<Duration>> {
    each(leads, || {
        let store = Arc::clone(store);
        async move {
            let claim = store.claim(ACCOUNT, Step::Book, LEASE).await?;
            claim.map(drop).ok_or_else(|| "nothing waits".into())
        }
    })
    .await
}

/// How long each took.
async fn each<F: Future<Output = Outcome<()>>>(
    steps: usize,
    step: impl Fn() -> F,
) -> Outcome<Vec<Duration>> {
    let timed = || {
        let step = step();
        async {
            let asked = Instant::now();
            step.await.map(|()| asked.elapsed())
        }
    };
    let mut under_way = iter(0..steps).map(|_| timed()).buffer_unordered(AT_ONCE);
    let mut walls = Vec::with_capacity(steps);
    while let Some(wall) = under_way.next().await {
        walls.push(wall?);
    }
    Ok(walls)
}

/// A lead of somebody new, with a key.
fn invent() -> Outcome<Acceptance> {
    let mut digests: [Digest; 4] = [[0; 16]; 4];
    for digest in &mut digests {
        getrandom::fill(digest)?;
    }
    let [key, body, email, phone] = digests;
    let lead: Lead = serde_json::from_value(json!({
        "id": LeadId::random()?,
        "account": ACCOUNT,
        "source": "landing",
        "linkPrefix": "acme/strategy-call",
        "lane": "normal",
        "receivedAt": "2026-09-01T08:00:00Z",
        "status": "queued",
        "contact": { "email": "kim@lead.example", "name": "x".repeat(RECORD_BYTES - 400) },
        "slot": "nearest",
    }))?;
    Ok(Acceptance {
        lead: Arc::new(lead),
        first: Some(Step::Book),
        idempotency: Some(Idempotency {
            key,
            body: Some(body),
            kept: DAY,
        }),
        person: vec![email, phone],
        person_window: 30 * DAY,
        max_waiting: u64::MAX >> 12,
    })
}
