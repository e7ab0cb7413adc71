//! What Redis's own files still hold after a scrub.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use leadgate::booking::operator::erased;
use leadgate::queue::redis::Options;
use leadgate::queue::{Hold, Next, Store};

use super::{RedisServer, open, options};
use crate::store::contract::{acceptance, keep, lead, stored};
use crate::support::wait_for;

const SECRET: &str = "anns-own-words";
/// Redis deletes the files it replaced beside its other work.
const SOON: Duration = Duration::from_secs(20);

/// Whether any file in the folder or below holds the secret.
fn is_in_a_file(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    let mut paths = entries.map(|entry| entry.unwrap().path());
    paths.any(|path| match path.is_dir() {
        true => is_in_a_file(&path),
        false => std::fs::read(&path).is_ok_and(|bytes| {
            let mut parts = bytes.windows(SECRET.len());
            parts.any(|part| part == SECRET.as_bytes())
        }),
    })
}

async fn erased_and_scrubbed(server: &RedisServer, options: Options) {
    let store: Arc<dyn Store> = open(&options).await;
    let mut of_ann = lead();
    of_ann.contact.email = Some(format!("{SECRET}@person.example"));
    of_ann.raw = SECRET.to_owned();
    let id = keep(&store, acceptance(of_ann)).await;
    server.say(&["SAVE"]);
    let mut found = stored(&store, id).await;
    found.lead = erased(&found.lead, "kim", store.now());
    store.amend(found, Next::Done, Hold::Keep).await.unwrap();
    assert!(is_in_a_file(server.folder()));
    store.scrub().await.unwrap();
    wait_for("the old files to be gone", SOON, async || {
        (!is_in_a_file(server.folder())).then_some(())
    })
    .await;
    assert_eq!(stored(&store, id).await.lead.id, id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_an_erased_lead_is_in_the_append_only_file_or_the_snapshot() {
    let server = RedisServer::start(&["--save", "3600 1", "--rdbcompression", "no"]).await;
    erased_and_scrubbed(&server, options(server.url())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_an_erased_lead_is_in_the_snapshot_alone() {
    let settings = [
        "--appendonly",
        "no",
        "--save",
        "3600 1",
        "--rdbcompression",
        "no",
    ];
    let server = RedisServer::start(&settings).await;
    erased_and_scrubbed(&server, options(server.url())).await;
}
