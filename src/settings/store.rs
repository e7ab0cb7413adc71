//! `[store]`: where leads are kept, and for how long.

use std::fmt;
use std::path::PathBuf;

use super::fault::Problem;
use super::section::Section;

/// The store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// Which store.
    pub url: StoreUrl,
    /// How long a finished lead is kept, 1 to 3650.
    pub retention_days: u32,
    /// The most leads that may wait; more are refused at the door. 1 to 100 000 000.
    pub max_waiting: u64,
    /// The largest the embedded database file may grow, 16 to 1 048 576.
    pub max_megabytes: Option<u32>,
    /// Start on a Redis that throws data away when its memory is full.
    pub allow_eviction: bool,
    /// Start on a Redis that keeps nothing on disk.
    pub allow_no_persistence: bool,
}

/// Which store, and where.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// One folder, no other program.
    Embedded {
        /// As written: relative to the folder leadgate runs in, or absolute.
        folder: PathBuf,
    },
    /// A Redis all replicas share.
    Redis {
        /// `redis://`, `rediss://`, `redis+cluster://` or `rediss+cluster://`, as written. May hold a password.
        url: String,
    },
}

impl StoreUrl {
    /// The word for the kind of store.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Embedded { .. } => "embedded",
            Self::Redis { .. } => "redis",
        }
    }
}

/// The address without user, password and options.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded { folder } => write!(f, "embedded:{}", folder.display()),
            Self::Redis { url } => f.write_str(&without_secrets(url)),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl StoreSettings {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let settings = Self {
            url: section
                .parsed("url", store_url)
                .unwrap_or_else(|| StoreUrl::Embedded {
                    folder: PathBuf::from("./data"),
                }),
            retention_days: section.number("retention_days", 1..=3650, 30),
            max_waiting: section.number("max_waiting", 1..=100_000_000, 1_000_000),
            max_megabytes: section.optional_number("max_megabytes", 16..=1_048_576),
            allow_eviction: section.flag("allow_eviction", false),
            allow_no_persistence: section.flag("allow_no_persistence", false),
        };
        if settings.max_megabytes.is_some() && matches!(settings.url, StoreUrl::Redis { .. }) {
            section.warn(
                "max_megabytes",
                Problem::from("has no effect on Redis").hint("set maxmemory there"),
            );
        }
        section.close(|_| None);
        settings
    }
}

fn store_url(text: &str) -> Result<StoreUrl, Problem> {
    let text = text.trim();
    let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
    match scheme.to_ascii_lowercase().as_str() {
        "embedded" => match rest {
            "" => Err(Problem::from("names no folder").hint("write embedded:./data")),
            rest if rest.starts_with("//") => Err(Problem::from(
                "must be embedded: and a folder, without slashes between",
            )
            .hint("write embedded:./data or embedded:/var/lib/leadgate")),
            folder => Ok(StoreUrl::Embedded {
                folder: PathBuf::from(folder),
            }),
        },
        known @ ("redis" | "rediss" | "redis+cluster" | "rediss+cluster") => {
            if !names_hosts(rest, known.ends_with("+cluster")) {
                return Err(Problem::from("must name a host")
                    .hint("write redis://host:6379/0, and %40 for an @ in a password"));
            }
            Ok(StoreUrl::Redis {
                url: text.to_owned(),
            })
        }
        _ => Err(Problem::from(
            "must begin with embedded:, redis://, rediss://, redis+cluster:// or rediss+cluster://",
        )),
    }
}

/// Whether what follows `scheme:` is `//`, perhaps `user:password@`, and `host[:port]`, for a cluster a list of them.
fn names_hosts(rest: &str, several: bool) -> bool {
    let Some(rest) = rest.strip_prefix("//") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let hosts = authority
        .rsplit_once('@')
        .map_or(authority, |(_, hosts)| hosts);
    let count = hosts.split(',').count();
    (several || count == 1) && hosts.split(',').all(is_host_and_port)
}

fn is_host_and_port(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, after)) => match after.strip_prefix(':') {
            Some(port) => (host, port),
            None if after.is_empty() => (host, "6379"),
            None => return false,
        },
        None => text.split_once(':').unwrap_or((text, "6379")),
    };
    let port_is_known = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    !host.is_empty() && !host.contains(char::is_whitespace) && port_is_known
}

fn without_secrets(url: &str) -> String {
    // Options may hold a password too.
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, hosts))) => format!("{scheme}://***@{hosts}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_folder_or_a_redis() {
        for (text, shown) in [
            ("embedded:./data", "embedded:./data"),
            ("embedded:/var/lib/leadgate", "embedded:/var/lib/leadgate"),
            ("redis://host:6379/0", "redis://host:6379/0"),
            ("redis://host", "redis://host"),
            ("rediss://me:p%40ss@host:6380", "rediss://***@host:6380"),
            ("redis://:p@ss@host", "redis://***@host"),
            ("redis://host/0?password=p", "redis://host/0"),
            ("redis://[::1]:6379/0", "redis://[::1]:6379/0"),
            (
                "redis+cluster://:p@a:26379,b:26379",
                "redis+cluster://***@a:26379,b:26379",
            ),
        ] {
            assert_eq!(store_url(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn other_stores_are_refused() {
        for bad in [
            "",
            "./data",
            "embedded",
            "embedded:",
            "embedded://data",
            "redis:host",
            "redis://",
            "redis:///0",
            "redis://a,b",
            "redis://:p?q@host",
            "redis://host:x",
            "redis+cluster://a,,b",
            "redis+sentinel://a:26379/mymaster/0",
            "sqlite:./data",
            "postgres://host",
        ] {
            assert!(store_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_store_never_prints_its_password() {
        let url = store_url("redis://me:hunter2@host:6379/0").unwrap();
        assert_eq!(
            format!("{url:?} {url}"),
            "redis://***@host:6379/0 redis://***@host:6379/0"
        );
    }
}
