//! The scripts: each is one step of the store, run by Redis whole or not at all.
//!
//! A script's first line tells Redis when not to start it. Those that take in new work are refused at the memory
//! ceiling; those that finish or undo work under way, and the sweep, run there too (`allow-oom`). None starts on a
//! read-only server unless it only reads (redis.io/docs/latest/develop/programmability/lua-api, "Script flags").

use std::sync::LazyLock;

use redis::{Cmd, Value};

use crate::queue::StoreError;

/// One script and the digest Redis knows it by.
pub struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    fn new(text: &'static str) -> Self {
        let hash = redis::Script::new(text).get_hash().to_owned();
        Self { text, hash }
    }

    /// By its digest: what is sent first.
    pub fn by_hash(&self) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.hash);
        command
    }

    /// In full: for a server that does not know the digest, and knows it afterwards.
    pub fn in_full(&self) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(self.text);
        command
    }
}

macro_rules! script {
    ($(#[$doc:meta])* $name:ident, $flags:literal, $($file:literal),+) => {
        $(#[$doc])*
        pub static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!("#!lua ", $flags, "\n", $(include_str!($file)),+))
        });
    };
}

// Taking in.
script!(
    ACCEPT,
    "",
    "time.lua",
    "account.lua",
    "before.lua",
    "announce.lua",
    "accept.lua"
);
script!(CLAIM, "", "time.lua", "account.lua", "claim.lua");
script!(TELL, "", "time.lua", "announce.lua", "tell.lua");
script!(CLAIM_NOTICE, "", "time.lua", "claim_notice.lua");
script!(
    ACQUIRE,
    "",
    "time.lua",
    "life.lua",
    "pause.lua",
    "acquire.lua"
);
script!(PROBE, "", "time.lua", "probe.lua");
// Finishing.
script!(
    REMEMBER,
    "flags=allow-oom",
    "time.lua",
    "account.lua",
    "remember.lua"
);
script!(
    RENEW,
    "flags=allow-oom",
    "time.lua",
    "account.lua",
    "renew.lua"
);
script!(
    INTEND,
    "flags=allow-oom",
    "time.lua",
    "account.lua",
    "holds.lua",
    "intend.lua"
);
script!(
    REWRITE,
    "flags=allow-oom",
    "time.lua",
    "account.lua",
    "holds.lua",
    "announce.lua",
    "rewrite.lua"
);
script!(
    SWEEP,
    "flags=allow-oom",
    "time.lua",
    "account.lua",
    "forget.lua",
    "sweep.lua"
);
script!(
    LAPSE,
    "flags=allow-oom",
    "time.lua",
    "account.lua",
    "forget.lua",
    "lapse.lua"
);
script!(
    SETTLE_NOTICE,
    "flags=allow-oom",
    "time.lua",
    "settle_notice.lua"
);
script!(HASTEN, "flags=allow-oom", "time.lua", "hasten.lua");
script!(HASTEN_ONE, "flags=allow-oom", "time.lua", "hasten_one.lua");
script!(RECEIVER, "flags=allow-oom", "time.lua", "receiver.lua");
script!(
    SWEEP_NOTICES,
    "flags=allow-oom",
    "time.lua",
    "sweep_notices.lua"
);
script!(ANSWERED, "flags=allow-oom", "time.lua", "answered.lua");
script!(GIVE_BACK, "flags=allow-oom", "time.lua", "give_back.lua");
script!(
    CLOSE,
    "flags=allow-oom",
    "time.lua",
    "pause.lua",
    "close.lua"
);
script!(FOUND, "flags=allow-oom", "time.lua", "found.lua");
script!(TURN, "flags=allow-oom", "time.lua", "turn.lua");
script!(MARK, "flags=allow-oom", "time.lua", "life.lua", "mark.lua");
// Reading.
script!(
    USAGE,
    "flags=no-writes",
    "time.lua",
    "pause.lua",
    "usage.lua"
);
script!(
    CLAIMED,
    "flags=no-writes",
    "time.lua",
    "account.lua",
    "claimed.lua"
);
script!(
    GET,
    "flags=no-writes",
    "time.lua",
    "account.lua",
    "stands.lua",
    "get.lua"
);
script!(
    LIST,
    "flags=no-writes",
    "time.lua",
    "account.lua",
    "stands.lua",
    "list.lua"
);
script!(
    REPEATED,
    "flags=no-writes",
    "time.lua",
    "account.lua",
    "repeated.lua"
);
script!(
    BY_PERSON,
    "flags=no-writes",
    "time.lua",
    "account.lua",
    "by_person.lua"
);
script!(
    AHEAD,
    "flags=no-writes",
    "time.lua",
    "account.lua",
    "before.lua",
    "ahead.lua"
);
script!(
    BACKLOG,
    "flags=no-writes",
    "time.lua",
    "account.lua",
    "backlog.lua"
);
script!(
    NOTICES_STAND,
    "flags=no-writes",
    "time.lua",
    "notices_stand.lua"
);
script!(
    RECEIVER_STANDS,
    "flags=no-writes",
    "time.lua",
    "receiver_stands.lua"
);
script!(
    NEXT_DUE,
    "flags=no-writes",
    "time.lua",
    "account.lua",
    "next_due.lua"
);

/// What a script answered, after the time.
pub struct Answer(Vec<Value>);

impl Answer {
    /// Splits off the server's time, in microseconds since 1970.
    pub fn read(value: Value) -> Result<(i64, Self), StoreError> {
        let Value::Array(mut values) = value else {
            return Err(unexpected());
        };
        if values.is_empty() {
            return Err(unexpected());
        }
        let Value::Int(now) = values.remove(0) else {
            return Err(unexpected());
        };
        Ok((now, Self(values)))
    }

    /// Nothing but the time.
    pub fn is_empty(&self) -> bool {
        matches!(self.0.first(), None | Some(Value::Nil))
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The answers inside this one.
    pub fn parts(self) -> Result<Vec<Answer>, StoreError> {
        let parts = self.0.into_iter().map(|part| match part {
            Value::Array(values) => Ok(Answer(values)),
            _ => Err(unexpected()),
        });
        parts.collect()
    }

    /// The answer inside this one, if it has so many values.
    pub fn part(mut self, at: usize) -> Result<Option<Answer>, StoreError> {
        match (at < self.0.len()).then(|| self.0.swap_remove(at)) {
            None => Ok(None),
            Some(Value::Array(values)) => Ok(Some(Answer(values))),
            Some(_) => Err(unexpected()),
        }
    }

    pub fn number(&self, at: usize) -> Result<i64, StoreError> {
        match self.0.get(at) {
            Some(Value::Int(number)) => Ok(*number),
            _ => Err(unexpected()),
        }
    }

    pub fn unsigned(&self, at: usize) -> Result<u64, StoreError> {
        u64::try_from(self.number(at)?).map_err(|_| unexpected())
    }

    pub fn bytes(&self, at: usize) -> Result<&[u8], StoreError> {
        match self.0.get(at) {
            Some(Value::BulkString(bytes)) => Ok(bytes),
            _ => Err(unexpected()),
        }
    }

    /// So many bytes, such as a digest.
    pub fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], StoreError> {
        self.bytes(at)?.try_into().map_err(|_| unexpected())
    }

    pub fn word(&self, at: usize) -> Result<&str, StoreError> {
        std::str::from_utf8(self.bytes(at)?).map_err(|_| unexpected())
    }
}

/// Something in Redis is not what this program writes.
pub fn unexpected() -> StoreError {
    StoreError::Unreadable("Redis holds something else than was written".to_owned())
}
