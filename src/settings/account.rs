//! `[accounts.*]`: the iClosed accounts leads are booked in, and how much of each one's limit is ours.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::fault::Problem;
use super::secret;
use super::section::Section;

/// One iClosed account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Begins with `iclosed_`.
    pub api_key: SecretString,
    /// Where the API is, without a slash at the end.
    pub base_url: String,
    /// What the vendor allows, for each method and path.
    pub limit: Limit,
    /// The part of the limit that is ours, above 0 and at most 1.
    pub share: f64,
    /// How long one request may take, 1 to 120 s.
    pub request_timeout: Duration,
    /// Part of the address iClosed's webhooks are sent to, at least 16 characters that a path can hold as they are.
    /// `None`: there is no such address.
    pub webhook_token: Option<SecretString>,
    /// Under which webhooks must be signed.
    pub webhook_secret: Option<SecretString>,
}

/// So many requests in any window of that length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// 1 to 100 000.
    pub requests: u32,
    /// 1 to 3600 s.
    pub window: Duration,
}

/// iClosed's plans and their limits for each endpoint, by www.iclosed.io/api.
const PLANS: [(&str, Limit); 2] = [
    ("startup", per_10_seconds(20)),
    ("business", per_10_seconds(100)),
];

const fn per_10_seconds(requests: u32) -> Limit {
    Limit {
        requests,
        window: Duration::from_secs(10),
    }
}

const BASE_URL: &str = "https://public.api.iclosed.io";

impl Account {
    /// How many requests may be open at once: the whole part of `limit × share`, at least 1.
    pub fn budget(&self) -> u32 {
        whole_part(self.limit.requests, self.share).max(1)
    }

    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let api_key = section.required("api_key", api_key);
        let base_url = section.parsed("base_url", base_url);
        if base_url.as_deref().is_some_and(is_plain_and_remote) {
            section.warn(
                "base_url",
                "the API key travels there unencrypted: fit for a private network only",
            );
        }
        let plan = section.word("plan", &PLANS, PLANS[0].1);
        let own = section.section("limit");
        for key in ["requests", "window_seconds"] {
            if section.has("limit") && !own.has(key) {
                own.fault(key, "is missing");
            }
        }
        let limit = Limit {
            requests: own.number("requests", 1..=100_000, plan.requests),
            window: Duration::from_secs(own.number(
                "window_seconds",
                1..=3600,
                plan.window.as_secs(),
            )),
        };
        own.close(|_| None);
        if section.has("limit") && section.has("plan") {
            section.fault("limit", "plan and limit exclude each other");
        }
        let share = section.decimal("share", share).unwrap_or(1.0);
        if whole_part(limit.requests, share) == 0 {
            section.fault("share", "leaves less than one request in a window");
        }
        let request_timeout = section.number("request_timeout_seconds", 1..=120, 20);
        let webhook_token = section.parsed("webhook_token", webhook_token);
        let webhook_secret = section.parsed("webhook_secret", secret::any);
        if webhook_secret.is_some() && !section.has("webhook_token") {
            section.warn("webhook_secret", "is of no use without webhook_token");
        }
        section.close(|_| None);
        Some(Self {
            api_key: api_key?,
            base_url: base_url.unwrap_or_else(|| BASE_URL.to_owned()),
            limit,
            share,
            request_timeout: Duration::from_secs(request_timeout),
            webhook_token,
            webhook_secret,
        })
    }

    /// Whether both are one account at the vendor, as far as can be told.
    pub(super) fn is_same_as(&self, other: &Account) -> bool {
        self.base_url == other.base_url
            && self.api_key.expose_secret() == other.api_key.expose_secret()
    }
}

fn whole_part(requests: u32, share: f64) -> u32 {
    // 100 × 0.29 is a hair under 29 in binary; the nudge is far below one request.
    (f64::from(requests) * share + 1e-6).floor() as u32
}

fn share(share: f64) -> Result<f64, Problem> {
    match share > 0.0 && share <= 1.0 {
        true => Ok(share),
        false => Err(Problem::from("must be above 0 and at most 1")),
    }
}

fn api_key(text: &str) -> Result<SecretString, Problem> {
    let key = text.trim();
    let rest = key.strip_prefix("iclosed_").unwrap_or_default();
    // It goes into a header.
    if rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(
            Problem::from("must be an iClosed API key, which begins with iclosed_")
                .hint("iClosed makes one under Settings > Developer > API Keys"),
        );
    }
    Ok(SecretString::from(key))
}

/// It stands in an address as it is.
fn webhook_token(text: &str) -> Result<SecretString, Problem> {
    let token = secret::strong(text)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    match token.expose_secret().bytes().all(is_plain) {
        true => Ok(token),
        false => {
            Err(Problem::from("may hold letters, digits, -, _ and . only")
                .hint(secret::HOW_TO_MAKE))
        }
    }
}

fn base_url(text: &str) -> Result<String, Problem> {
    let text = text.trim().trim_end_matches('/');
    let wrong = || Problem::from("must be a web address such as https://public.api.iclosed.io");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_bare = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    match url.scheme() {
        "https" | "http" if !is_bare => Err(wrong()),
        "https" => Ok(text.to_owned()),
        "http" if url.host_str().is_some_and(is_near) => Ok(text.to_owned()),
        "http" => Err(Problem::from(
            "must be https: the API key would travel in the open",
        )),
        _ => Err(wrong()),
    }
}

/// This machine, or a name without a dot: that is a neighbour's in a container network, not a host of the internet.
fn is_near(host: &str) -> bool {
    is_loopback(host) || !host.contains(['.', ':'])
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_plain_and_remote(base_url: &str) -> bool {
    Url::parse(base_url)
        .is_ok_and(|url| url.scheme() == "http" && !url.host_str().is_some_and(is_loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_the_whole_part_of_our_share_and_never_nothing() {
        for (requests, share, budget) in [
            (20, 1.0, 20),
            (20, 0.8, 16),
            (100, 0.29, 29),
            (10, 0.7, 7),
            (20, 0.99, 19),
            (3, 0.5, 1),
            (1, 0.5, 1),
        ] {
            let account = Account {
                api_key: SecretString::from("iclosed_x"),
                base_url: BASE_URL.into(),
                limit: per_10_seconds(requests),
                share,
                request_timeout: Duration::from_secs(20),
                webhook_token: None,
                webhook_secret: None,
            };
            assert_eq!(account.budget(), budget, "{requests} × {share}");
        }
    }

    #[test]
    fn a_share_is_above_zero_and_at_most_one() {
        assert!(share(1.0).is_ok() && share(0.01).is_ok());
        for bad in [0.0, -0.5, 1.01, f64::NAN, f64::INFINITY] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_api_key_has_iclosed_s_prefix() {
        assert_eq!(
            api_key(" iclosed_abc\n").unwrap().expose_secret(),
            "iclosed_abc"
        );
        for bad in [
            "",
            "iclosed_",
            "iclosed-abc",
            "abc",
            "iclosed_a b",
            "Bearer iclosed_a",
        ] {
            assert!(api_key(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_webhook_token_is_long_and_stands_in_an_address_as_it_is() {
        assert!(webhook_token(" hook-token_0123.4567\n").is_ok());
        for bad in [
            "",
            "hook-token-0123",
            "hook-token/0123456",
            "hook token 0123456",
            "høok-token-0123456",
        ] {
            assert!(webhook_token(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_travels_in_the_open_only_nearby() {
        for (text, expected) in [
            (
                "https://public.api.iclosed.io/",
                "https://public.api.iclosed.io",
            ),
            (
                "https://proxy.example/iclosed/",
                "https://proxy.example/iclosed",
            ),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://[::1]:9000", "http://[::1]:9000"),
            ("http://localhost:9000/", "http://localhost:9000"),
            ("http://sandbox:9000", "http://sandbox:9000"),
        ] {
            assert_eq!(base_url(text), Ok(expected.into()));
        }
        for bad in [
            "",
            "public.api.iclosed.io",
            "http://public.api.iclosed.io",
            "http://10.0.0.1",
            "http://[2001:db8::1]",
            "ftp://localhost",
            "https://a.example?x=1",
            "https://u:p@a.example",
        ] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
        assert!(is_plain_and_remote("http://sandbox:9000"));
        assert!(!is_plain_and_remote("http://localhost:9000"));
        assert!(!is_plain_and_remote("https://public.api.iclosed.io"));
    }
}
