//! The floor: the least a server can do and still keep what it is told. It reads the body as JSON and makes one
//! durable write of as many bytes as a stored lead has, under a random id by which it can be found again, to the same
//! kind of store with the same shared commits.

use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::Outcome;
use super::load::Target;

/// As in the embedded store: steps in one commit, and when its log is copied.
const GROUP: usize = 64;
const IDLE: Duration = Duration::from_millis(200);
const LOG_PAGES: i64 = 256 * 1024;
const PATH: &str = "/leads";

struct Write {
    id: [u8; 16],
    record: Vec<u8>,
    done: oneshot::Sender<bool>,
}

struct Shared {
    writes: Sender<Write>,
    record_bytes: usize,
}

/// The running floor.
pub struct Floor {
    /// Where it takes leads.
    pub target: Target,
    server: ServerHandle,
}

impl Floor {
    /// Starts it on a free port, with its database in `folder` and records of so many bytes.
    pub fn start(folder: &Path, record_bytes: usize) -> Outcome<Self> {
        let db = open(folder)?;
        let (writes, waiting) = channel();
        std::thread::Builder::new()
            .name("floor-writer".to_owned())
            .spawn(move || write(&db, &waiting))?;
        let shared = Data::new(Shared {
            writes,
            record_bytes,
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
    let (done, kept) = oneshot::channel();
    let mut id = [0; 16];
    if getrandom::fill(&mut id).is_err() {
        return HttpResponse::InternalServerError().finish();
    }
    if shared.writes.send(Write { id, record, done }).is_err() || !kept.await.unwrap_or(false) {
        return HttpResponse::ServiceUnavailable().finish();
    }
    drop(lead);
    HttpResponse::Accepted().json(serde_json::json!({ "status": "queued" }))
}

fn open(folder: &Path) -> Outcome<Connection> {
    let db = Connection::open(folder.join("floor.db"))?;
    // Pages and memory as the embedded store has them.
    db.pragma_update(None, "page_size", 1024)?;
    db.pragma_update(None, "cache_size", -8 * 1024)?;
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.execute_batch("CREATE TABLE leads (seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, body TEXT NOT NULL) STRICT")?;
    Ok(db)
}

fn write(db: &Connection, waiting: &Receiver<Write>) {
    loop {
        match waiting.recv_timeout(IDLE) {
            Ok(first) => {
                let group: Vec<_> = std::iter::once(first)
                    .chain(waiting.try_iter().take(GROUP - 1))
                    .collect();
                let kept = keep(db, &group).is_ok();
                for write in group {
                    // Nobody listens when the round is over.
                    let _ = write.done.send(kept);
                }
                if log_pages(db) > LOG_PAGES {
                    copy_log(db);
                }
            }
            Err(RecvTimeoutError::Timeout) => copy_log(db),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn keep(db: &Connection, group: &[Write]) -> rusqlite::Result<()> {
    db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for write in group {
        let text = String::from_utf8_lossy(&write.record);
        db.prepare_cached("INSERT INTO leads (id, body) VALUES (?1, ?2)")?
            .execute((write.id, text.as_ref()))?;
    }
    db.prepare_cached("COMMIT")?.execute([]).map(drop)
}

fn log_pages(db: &Connection) -> i64 {
    let pages = db.prepare_cached("PRAGMA wal_checkpoint(NOOP)");
    pages
        .and_then(|mut find| find.query_row([], |row| row.get(1)))
        .unwrap_or(0)
}

fn copy_log(db: &Connection) {
    // When it fails the log stays, and is copied the next time.
    let _ = db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
}
