//! Getting what was deleted out of Redis's files: they are written anew from what it holds in memory.
//!
//! The append-only file still has every write since it was last written anew, and a snapshot all that was there when
//! it was made (redis.io/docs/latest/operate/oss_and_stack/management/persistence). Replicas' files are their own:
//! each is written anew by whoever looks after the replica, or when it next does so by itself.

use std::collections::HashMap;
use std::time::Duration;

use redis::Value;

use super::durability::{fields, setting};
use super::link::{Link, store_error};
use crate::queue::StoreError;

/// How often Redis is asked whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A file that takes longer goes on by itself; whoever asked is told that it is not known to be clean.
const LONGEST: Duration = Duration::from_secs(120);

/// One way in which Redis keeps what it holds.
struct File {
    /// Writes it anew, beside Redis's other work.
    rewrite: &'static str,
    argument: Option<&'static str>,
    /// What `INFO persistence` says while that goes on, or is still to come.
    under_way: &'static [&'static str],
    /// What it says of the last time.
    ended: &'static str,
}

const APPEND_ONLY: File = File {
    rewrite: "BGREWRITEAOF",
    argument: None,
    under_way: &["aof_rewrite_in_progress", "aof_rewrite_scheduled"],
    ended: "aof_last_bgrewrite_status",
};
const SNAPSHOT: File = File {
    rewrite: "BGSAVE",
    argument: Some("SCHEDULE"),
    under_way: &["rdb_bgsave_in_progress", "aof_rewrite_in_progress"],
    ended: "rdb_last_bgsave_status",
};

/// Returns when every file of every server was begun after this call and is whole.
pub async fn scrub(link: &Link) -> Result<(), StoreError> {
    let append_only = said(link)
        .await?
        .iter()
        .any(|said| said.get("aof_enabled").is_some_and(|on| on == "1"));
    // A server may keep both.
    let files = [
        append_only.then_some(APPEND_ONLY),
        snapshots(link).await.then_some(SNAPSHOT),
    ];
    for file in files.into_iter().flatten() {
        tokio::time::timeout(LONGEST, anew(link, &file))
            .await
            .unwrap_or_else(|_| Err(unfinished()))?;
    }
    Ok(())
}

async fn anew(link: &Link, file: &File) -> Result<(), StoreError> {
    // One that is under way began before now and does not count.
    until_idle(link, file).await?;
    let mut command = redis::cmd(file.rewrite);
    command.arg(file.argument);
    link.ask_all(&command).await.map_err(|e| store_error(&e))?;
    let said = until_idle(link, file).await?;
    let is_whole = |said: &HashMap<String, String>| said.get(file.ended).is_some_and(|s| s == "ok");
    if said.iter().all(is_whole) {
        Ok(())
    } else {
        Err(unfinished())
    }
}

fn unfinished() -> StoreError {
    StoreError::Unavailable("Redis did not write its files anew".to_owned())
}

async fn until_idle(link: &Link, file: &File) -> Result<Vec<HashMap<String, String>>, StoreError> {
    loop {
        let said = said(link).await?;
        let is_idle = |said: &HashMap<String, String>| {
            let busy = |name: &&str| said.get(*name).is_some_and(|value| value != "0");
            !file.under_way.iter().any(busy)
        };
        if said.iter().all(is_idle) {
            return Ok(said);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn said(link: &Link) -> Result<Vec<HashMap<String, String>>, StoreError> {
    let mut command = redis::cmd("INFO");
    command.arg("persistence");
    let answers = link.ask_all(&command).await.map_err(|e| store_error(&e))?;
    Ok(answers.iter().map(fields).collect())
}

/// Whether snapshots are taken; hosted servers may not say, and then they are.
async fn snapshots(link: &Link) -> bool {
    let mut command = redis::cmd("CONFIG");
    command.arg("GET").arg("save");
    let answers: Vec<Value> = link.ask_all(&command).await.unwrap_or_default();
    answers.is_empty() || answers.iter().any(|answer| !setting(answer).is_empty())
}
