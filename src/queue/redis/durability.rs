//! What this Redis loses when it or its machine dies, found out before the first lead is taken.
//!
//! | `appendonly` | `appendfsync` | version | lost of what was acknowledged |
//! |---|---|---|---|
//! | yes | `always` | any | nothing |
//! | yes | `everysec`, `no` | 7.2 and newer | nothing: acceptance waits for the flush ([`super::confirm`]) |
//! | yes | `everysec` | 7.0 | the last second, two while the disk is busy; when only Redis dies, next to nothing |
//! | yes | `no` | 7.0 | what the system had not written out, 30 seconds on Linux |
//! | no | | any | all since the last snapshot (`save`) |
//!
//! With `everysec` an acceptance that waits takes up to two seconds; `always` is the faster of the two safe settings.
//! A failover to a replica loses what the replica had not received, whatever the table says.

use std::collections::HashMap;

use redis::Value;

use super::OpenError;
use super::link::Link;

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
                "half a minute of acknowledged leads is lost when Redis's machine dies: set appendfsync to always"
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

/// What one server says of itself. An empty text: it does not say.
#[derive(Clone, Debug, Default)]
struct Facts {
    version: String,
    policy: String,
    append_only: String,
    flush: String,
    snapshots: String,
}

/// Asks every server; the least durable one counts.
pub async fn check(
    link: &Link,
    allow_eviction: bool,
    allow_no_persistence: bool,
) -> Result<Durability, OpenError> {
    let unreachable = |error: redis::RedisError| OpenError::Unreachable(error.to_string());
    let infos = link
        .ask_all(&redis::cmd("INFO"))
        .await
        .map_err(unreachable)?;
    let mut configs = Vec::new();
    for name in ["appendfsync", "save"] {
        let mut command = redis::cmd("CONFIG");
        command.arg("GET").arg(name);
        // Hosted servers may forbid it. What INFO says must do then.
        configs.push(link.ask_all(&command).await.unwrap_or_default());
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
        };
        worst = worst.max(judge(&facts, allow_eviction, allow_no_persistence)?);
    }
    Ok(worst)
}

fn judge(
    facts: &Facts,
    allow_eviction: bool,
    allow_no_persistence: bool,
) -> Result<Durability, OpenError> {
    let version = version(&facts.version);
    if version < OLDEST {
        return Err(OpenError::TooOld(facts.version.clone()));
    }
    if facts.policy != "noeviction" && !allow_eviction {
        return Err(OpenError::Evicts(facts.policy.clone()));
    }
    let found = match (facts.append_only.as_str(), facts.flush.as_str()) {
        ("1", "always") => Durability::Always,
        ("1", _) if version >= CONFIRMS => Durability::Confirmed,
        ("1", "everysec") => Durability::EverySecond,
        ("1", _) => Durability::Eventually,
        _ if !facts.snapshots.is_empty() => Durability::Snapshots,
        _ => Durability::Nothing,
    };
    if found == Durability::Nothing && !allow_no_persistence {
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

    fn facts(version: &str, policy: &str, append_only: &str, flush: &str, save: &str) -> Facts {
        Facts {
            version: version.to_owned(),
            policy: policy.to_owned(),
            append_only: append_only.to_owned(),
            flush: flush.to_owned(),
            snapshots: save.to_owned(),
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
            ("7.10.0", "1", "no", "", Confirmed),
            ("8.0.0", "1", "", "", Confirmed),
            ("8.0.0", "0", "everysec", "3600 1 300 100", Snapshots),
            ("8.0.0", "0", "everysec", "", Nothing),
        ] {
            let found = judge(
                &facts(version, "noeviction", append_only, flush, save),
                false,
                true,
            );
            assert_eq!(
                found.ok(),
                Some(expected),
                "{version} {append_only} {flush} {save}"
            );
        }
    }

    #[test]
    fn what_would_lose_leads_silently_is_refused_unless_allowed() {
        let old = facts("6.2.14", "noeviction", "1", "always", "");
        assert!(matches!(judge(&old, true, true), Err(OpenError::TooOld(_))));
        for policy in ["allkeys-lru", "volatile-ttl", ""] {
            let evicting = facts("7.2.0", policy, "1", "always", "");
            assert!(matches!(
                judge(&evicting, false, true),
                Err(OpenError::Evicts(_))
            ));
            assert!(judge(&evicting, true, false).is_ok());
        }
        let forgetting = facts("7.2.0", "noeviction", "0", "", "");
        assert!(matches!(
            judge(&forgetting, true, false),
            Err(OpenError::Forgets)
        ));
        assert!(judge(&forgetting, false, true).is_ok());
    }
}
