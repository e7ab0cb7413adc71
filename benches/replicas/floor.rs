//! The floor: the least a server can do and still keep what it is told in Redis. It reads the body as JSON, and one
//! script makes the writes that keeping a lead takes: as many, of the same sizes, into structures of the same kinds on
//! the same server. It decides nothing.
//!
//! It promises what the gateway promises, so it answers when the lead is flushed. With `appendfsync always` that is
//! when Redis answers. With `everysec` it is when `WAITAOF` says so, which one connection asks for everybody who
//! waits at that moment: the cheapest way there is. Redis before 7.2 has no `WAITAOF`; there neither side waits.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer};
use leadgate::clock::Clock;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult, Script};
use tokio::sync::{mpsc, oneshot};

use super::Outcome;
use super::load::Target;

const PATH: &str = "/leads";
/// Longer than any flush.
const PATIENCE: Duration = Duration::from_secs(5);
const CLAIM: [u8; 40] = [7; 40];
const LAPSE: [u8; 44] = [7; 44];

struct Shared {
    clock: Clock,
    redis: MultiplexedConnection,
    script: Script,
    keys: [String; 7],
    record_bytes: usize,
    place: Vec<u8>,
    /// The way to the task that waits for the flush, where one must wait.
    flushes: Option<mpsc::UnboundedSender<oneshot::Sender<bool>>>,
}

/// The running floor.
pub struct Floor {
    /// Where it takes leads.
    pub target: Target,
    server: ServerHandle,
}

impl Floor {
    /// Starts it on a free port. `confirms`: an answer of Redis does not mean that it is flushed.
    pub async fn start(
        url: &str,
        record_bytes: usize,
        place_bytes: usize,
        confirms: bool,
    ) -> Outcome<Self> {
        let client = Client::open(url)?;
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
        let connect = || client.get_multiplexed_async_connection_with_config(&config);
        let flushes = if confirms {
            let (flushes, waiting) = mpsc::unbounded_channel();
            tokio::spawn(flush(connect().await?, waiting));
            Some(flushes)
        } else {
            None
        };
        let names = [
            "leads", "places", "accepted", "persons", "spans", "queue", "counts",
        ];
        let shared = Data::new(Shared {
            clock: Clock::system(),
            redis: connect().await?,
            script: Script::new(include_str!("floor.lua")),
            keys: names.map(|name| format!("floor:{{main}}:{name}")),
            record_bytes,
            place: vec![7; place_bytes],
            flushes,
        });
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let target = Target {
            address: listener.local_addr()?,
            path: PATH,
        };
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::clone(&shared))
                .route(PATH, web::post().to(take))
        })
        .workers(std::thread::available_parallelism()?.get())
        .backlog(4096)
        .disable_signals()
        .listen(listener)?
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self {
            target,
            server: handle,
        })
    }

    pub async fn stop(self) {
        self.server.stop(false).await;
    }
}

async fn take(shared: Data<Shared>, body: Bytes) -> HttpResponse {
    let Ok(lead) = serde_json::from_slice::<serde_json::Value>(&body) else {
        return HttpResponse::BadRequest().finish();
    };
    let mut record = body.to_vec();
    record.resize(shared.record_bytes, b' ');
    if !keep(&shared, &record).await.unwrap_or(false) {
        return HttpResponse::ServiceUnavailable().finish();
    }
    drop(lead);
    HttpResponse::Accepted().json(serde_json::json!({ "status": "queued" }))
}

async fn keep(shared: &Shared, record: &[u8]) -> Outcome<bool> {
    let mut names = [[0_u8; 16]; 3];
    for name in &mut names {
        getrandom::fill(name)?;
    }
    let now_us = shared.clock.now().as_microsecond();
    let mut call = shared.script.prepare_invoke();
    for key in &shared.keys {
        call.key(key);
    }
    call.arg(&names[0]).arg(record).arg(&shared.place);
    call.arg(&names[1]).arg(&names[2]).arg(&CLAIM).arg(&LAPSE);
    call.arg(now_us.to_string());
    let kept: i64 = call.invoke_async(&mut shared.redis.clone()).await?;
    let Some(flushes) = &shared.flushes else {
        return Ok(kept == 1);
    };
    let (tell, told) = oneshot::channel();
    flushes.send(tell)?;
    Ok(told.await?)
}

/// Answers everybody who waits, again and again.
async fn flush(
    redis: MultiplexedConnection,
    mut waiting: mpsc::UnboundedReceiver<oneshot::Sender<bool>>,
) {
    while let Some(first) = waiting.recv().await {
        let mut group = vec![first];
        while let Ok(more) = waiting.try_recv() {
            group.push(more);
        }
        let flushed = wait_for_flush(redis.clone())
            .await
            .is_ok_and(|local| local > 0);
        for tell in group {
            // Nobody listens when the round is over.
            let _ = tell.send(flushed);
        }
    }
}

/// `WAITAOF` waits for what its own connection wrote, so it writes something.
async fn wait_for_flush(mut redis: MultiplexedConnection) -> RedisResult<i64> {
    let mut both = redis::pipe();
    both.cmd("SET").arg("floor:{main}:mark").arg("").ignore();
    both.cmd("WAITAOF").arg(1).arg(0).arg(0);
    let ((local, _replicas),): ((i64, i64),) = both.query_async(&mut redis).await?;
    Ok(local)
}
