//! What this Redis loses when it or its machine dies, found out before the first lead is taken, and again while the
//! store is open: settings of Redis can be changed at any time, and one that was started anew reads its file again.
//!
//! | `appendonly` | `appendfsync` | version | lost of what was acknowledged |
//! |---|---|---|---|
//! | yes | `always` | any | nothing |
//! | yes | `everysec` | 7.2 and newer | nothing: acceptance waits for the flush ([`super::confirm`]) |
//! | yes | `everysec` | 7.0 | the last second, two while the disk is busy; when only Redis dies, next to nothing |
//! | yes | `no` | any | what the system had not written out, 30 seconds on Linux: waiting for a flush would be in vain |
//! | no | | any | all since the last snapshot (`save`) |
//!
//! With `no-appendfsync-on-rewrite yes` Redis flushes nothing while a child of it writes a file anew, whatever
//! `appendfsync` says: `always` then counts as `everysec` on 7.2 and newer, and either as `no` on 7.0.
//!
//! With `everysec` an acceptance that waits takes up to two seconds; `always` is the faster of the two safe settings.
//! A failover to a replica loses what the replica had not received, whatever the table says.
//!
//! Nobody waits for permits to be flushed. With anything but `always` an endpoint therefore pauses for one span after
//! Redis came back (`acquire.lua`), unless Redis forgot all there was.

use std::collections::HashMap;

use redis::{RedisError, Value};

use super::OpenError;
use super::link::Link;
use crate::queue::StoreError;

/// The oldest that has script flags.
const OLDEST: (u32, u32) = (7, 0);
/// The oldest that has `WAITAOF`.
const CONFIRMS: (u32, u32) = (7, 2);

/// How far an answer of Redis can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Flushed before Redis answers.
    Always,
    /// Flushed soon, and Redis can be asked when.
    Confirmed,
    /// Flushed each second.
    EverySecond,
    /// Flushed when the system likes.
    Eventually,
    /// Snapshots only.
    Snapshots,
    /// Memory only.
    Nothing,
}

impl Durability {
    /// For the log: what a crash loses.
    pub fn loses(self) -> &'static str {
        match self {
            Durability::Always | Durability::Confirmed => {
                "nothing acknowledged is lost when Redis or its machine dies"
            }
            Durability::EverySecond => {
                "up to two seconds of acknowledged leads are lost when Redis's machine dies: set appendfsync to \
                 always, or use Redis 7.2 or newer"
            }
            Durability::Eventually => {
                "half a minute of acknowledged leads is lost when Redis's machine dies: set appendfsync to always, and \
                 no-appendfsync-on-rewrite to no"
            }
            Durability::Snapshots => {
                "every lead acknowledged since the last snapshot is lost when Redis dies: set appendonly to yes"
            }
            Durability::Nothing => "every lead is lost when Redis dies: set appendonly to yes",
        }
    }

    /// Nothing acknowledged is lost.
    pub fn is_whole(self) -> bool {
        self <= Durability::Confirmed
    }
}

/// What may be opened although leads can get lost.
#[derive(Clone, Copy)]
pub struct Allowed {
    pub eviction: bool,
    pub no_persistence: bool,
}

/// What one server says of itself. An empty text: it does not say.
#[derive(Clone, Debug, Default)]
struct Facts {
    version: String,
    policy: String,
    append_only: String,
    flush: String,
    snapshots: String,
    /// `no-appendfsync-on-rewrite`.
    rests: String,
}

/// Asks every server; the least durable one counts.
pub async fn check(link: &Link, allowed: Allowed) -> Result<Durability, OpenError> {
    let unreachable = |error: RedisError| OpenError::Unreachable(error.to_string());
    let infos = link
        .ask_all(&redis::cmd("INFO"))
        .await
        .map_err(unreachable)?;
    let mut configs = Vec::new();
    for name in ["appendfsync", "save", "no-appendfsync-on-rewrite"] {
        let mut command = redis::cmd("CONFIG");
        command.arg("GET").arg(name);
        configs.push(match link.ask_all(&command).await {
            Ok(answers) => answers,
            // Hosted servers may forbid it. What INFO says must do then.
            Err(refused) if refused.code().is_some() => Vec::new(),
            Err(error) => return Err(unreachable(error)),
        });
    }
    let mut worst = Durability::Always;
    for (server, info) in infos.iter().enumerate() {
        let info = fields(info);
        let said = |name: &str| info.get(name).cloned().unwrap_or_default();
        let config = |at: usize| {
            let answers: Option<&Vec<Value>> = configs.get(at);
            answers
                .and_then(|answers| answers.get(server))
                .map(setting)
                .unwrap_or_default()
        };
        let facts = Facts {
            // Valkey calls itself Redis 7.2.4 there, for programs that ask.
            version: said("redis_version"),
            policy: said("maxmemory_policy"),
            append_only: said("aof_enabled"),
            flush: config(0),
            snapshots: config(1),
            rests: config(2),
        };
        worst = worst.max(judge(&facts, allowed)?);
    }
    Ok(worst)
}

/// Whether the store goes on taking leads when Redis, `opened` like that, is `found` like this. `None`: Redis cannot
/// say now.
pub fn verdict(
    opened: Durability,
    found: Result<Durability, OpenError>,
) -> Option<Result<(), StoreError>> {
    let worse = match found {
        Ok(found) if found <= opened => return Some(Ok(())),
        Ok(Durability::Confirmed) => {
            "Redis now answers before it has flushed: set appendfsync to always again, or \
                                      start leadgate anew"
                .to_owned()
        }
        Ok(found) => found.loses().to_owned(),
        Err(OpenError::Unreachable(_)) => return None,
        Err(error) => error.to_string(),
    };
    Some(Err(StoreError::Full(worse)))
}

fn judge(facts: &Facts, allowed: Allowed) -> Result<Durability, OpenError> {
    let version = version(&facts.version);
    if version < OLDEST {
        return Err(OpenError::TooOld(facts.version.clone()));
    }
    if facts.policy != "noeviction" && !allowed.eviction {
        return Err(OpenError::Evicts(facts.policy.clone()));
    }
    let is_steady = facts.rests != "yes";
    let found = match (facts.append_only.as_str(), facts.flush.as_str()) {
        ("1", "no") => Durability::Eventually,
        ("1", "always") if is_steady => Durability::Always,
        ("1", _) if version >= CONFIRMS => Durability::Confirmed,
        ("1", "everysec") if is_steady => Durability::EverySecond,
        ("1", _) => Durability::Eventually,
        _ if !facts.snapshots.is_empty() => Durability::Snapshots,
        _ => Durability::Nothing,
    };
    if found == Durability::Nothing && !allowed.no_persistence {
        return Err(OpenError::Forgets);
    }
    Ok(found)
}

/// The first two numbers; zero where there is none.
fn version(text: &str) -> (u32, u32) {
    let mut numbers = text.split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// The lines `name:value` of `INFO`.
pub(super) fn fields(info: &Value) -> HashMap<String, String> {
    text(info)
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}

/// The one value in an answer of `CONFIG GET`.
pub(super) fn setting(answer: &Value) -> String {
    match answer {
        Value::Map(pairs) => pairs.first().map(|(_, value)| text(value)),
        Value::Array(items) => items.get(1).map(text),
        _ => None,
    }
    .unwrap_or_default()
}

fn text(value: &Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Allowed = Allowed {
        eviction: false,
        no_persistence: false,
    };
    const ALL: Allowed = Allowed {
        eviction: true,
        no_persistence: true,
    };

    fn facts(version: &str, policy: &str, append_only: &str, flush: &str, save: &str) -> Facts {
        Facts {
            version: version.to_owned(),
            policy: policy.to_owned(),
            append_only: append_only.to_owned(),
            flush: flush.to_owned(),
            snapshots: save.to_owned(),
            rests: "no".to_owned(),
        }
    }

    #[test]
    fn a_server_is_judged_by_what_it_would_lose() {
        use Durability::*;
        for (version, append_only, flush, save, expected) in [
            ("7.0.15", "1", "always", "", Always),
            ("7.0.15", "1", "everysec", "3600 1", EverySecond),
            ("7.0.15", "1", "no", "", Eventually),
            ("7.0.15", "1", "", "", Eventually),
            ("7.2.4", "1", "always", "", Always),
            ("7.2.4", "1", "everysec", "", Confirmed),
            ("7.10.0", "1", "everysec", "", Confirmed),
            ("7.10.0", "1", "no", "", Eventually),
            ("8.0.0", "1", "", "", Confirmed),
            ("8.0.0", "0", "everysec", "3600 1 300 100", Snapshots),
            ("8.0.0", "0", "everysec", "", Nothing),
        ] {
            let found = judge(&facts(version, "noeviction", append_only, flush, save), ALL);
            assert_eq!(
                found.ok(),
                Some(expected),
                "{version} {append_only} {flush} {save}"
            );
        }
    }

    #[test]
    fn a_flush_that_rests_while_a_file_is_written_anew_is_not_trusted() {
        use Durability::*;
        for (version, flush, rests, expected) in [
            ("7.0.15", "always", "no", Always),
            ("7.0.15", "always", "", Always),
            ("7.0.15", "always", "yes", Eventually),
            ("7.0.15", "everysec", "yes", Eventually),
            ("7.0.15", "no", "yes", Eventually),
            ("7.2.4", "always", "yes", Confirmed),
            ("7.2.4", "everysec", "yes", Confirmed),
        ] {
            let facts = Facts {
                rests: rests.to_owned(),
                ..facts(version, "noeviction", "1", flush, "")
            };
            let found = judge(&facts, STRICT).ok();
            assert_eq!(found, Some(expected), "{version} {flush} {rests}");
        }
    }

    #[test]
    fn what_would_lose_leads_silently_is_refused_unless_allowed() {
        let old = facts("6.2.14", "noeviction", "1", "always", "");
        assert!(matches!(judge(&old, ALL), Err(OpenError::TooOld(_))));
        for policy in ["allkeys-lru", "volatile-ttl", ""] {
            let evicting = facts("7.2.0", policy, "1", "always", "");
            let strict = judge(&evicting, STRICT);
            assert!(matches!(strict, Err(OpenError::Evicts(_))));
            let allowed = Allowed {
                eviction: true,
                ..STRICT
            };
            assert!(judge(&evicting, allowed).is_ok());
        }
        let forgetting = facts("7.2.0", "noeviction", "0", "", "");
        let strict = judge(&forgetting, STRICT);
        assert!(matches!(strict, Err(OpenError::Forgets)));
        let allowed = Allowed {
            no_persistence: true,
            ..STRICT
        };
        assert!(judge(&forgetting, allowed).is_ok());
    }

    #[test]
    fn leads_are_taken_while_redis_keeps_as_much_as_when_it_was_opened() {
        use Durability::*;
        for (opened, found, expected) in [
            (Always, Ok(Always), Some(true)),
            (Always, Ok(Confirmed), Some(false)),
            (Always, Ok(EverySecond), Some(false)),
            (Confirmed, Ok(Always), Some(true)),
            (Confirmed, Ok(Snapshots), Some(false)),
            (Snapshots, Ok(Snapshots), Some(true)),
            (Snapshots, Ok(EverySecond), Some(true)),
            (Always, Err(OpenError::Forgets), Some(false)),
            (Nothing, Err(OpenError::Evicts(String::new())), Some(false)),
            (Always, Err(OpenError::Unreachable(String::new())), None),
        ] {
            let case = format!("{opened:?} {found:?}");
            let verdict = verdict(opened, found);
            assert_eq!(verdict.map(|one| one.is_ok()), expected, "{case}");
        }
    }
}
