//! The settings file of a gateway under test. Short times, so that what must lapse lapses within the experiment.

use std::time::Duration;

use super::Scale;

/// The event that is booked.
pub(super) const EVENT: &str = "acme/strategy-call";

/// The source that leads are posted to.
pub(super) const SOURCE: &str = "landing";

/// How long a gateway waits for iClosed.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// Longer than a lease can last with [`REQUEST_TIMEOUT`]: a permit is used within 10 s, the request is given its
/// time, and 5 s remain to write the result.
pub(super) const PAST_THE_LEASE: Duration = Duration::from_secs(20);

/// What the names of the lab's accounts begin with.
const ACCOUNT: &str = "lab-";

/// How many letters and digits tell one run from another.
const RUN_LETTERS: usize = 8;

/// Whether a run of the lab made this account.
pub fn is_own(account: &str) -> bool {
    let run = account.strip_prefix(ACCOUNT);
    run.is_some_and(|run| {
        run.len() == RUN_LETTERS && run.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Where the gateways keep their leads.
pub(super) enum Store<'a> {
    /// A folder beside the settings.
    Embedded,
    /// A Redis they share.
    Redis(&'a str),
}

/// The file's text. The account has a name of its own in each run, so that what another run left in the same Redis
/// is neither booked nor counted here. Nothing is thrown away: a sweep goes over every account there is.
pub(super) fn text(port: u16, iclosed: &str, store: &Store<'_>, scale: Scale, run: &str) -> String {
    let store = quoted(match store {
        Store::Embedded => "embedded:./data",
        Store::Redis(url) => url,
    });
    let Scale {
        limit,
        window_seconds,
        ..
    } = scale;
    let timeout = REQUEST_TIMEOUT.as_secs();
    format!(
        r#"[server]
listen = "127.0.0.1:{port}"
throttle = {{ per_address = {{ requests = 1000000, window_seconds = 1 }} }}

[store]
url = {store}
retention_days = 3650

[booking]
look_after_seconds = [1, 2, 4]

[accounts.{ACCOUNT}{run}]
api_key = "iclosed_lab"
base_url = "{iclosed}"
limit = {{ requests = {limit}, window_seconds = {window_seconds} }}
request_timeout_seconds = {timeout}

[sources.{SOURCE}]
kind = "form"
account = "{ACCOUNT}{run}"
link_prefix = "{EVENT}"
allowed_origins = ["http://127.0.0.1"]
"#
    )
}

/// A TOML string whose `${` is meant as it stands. What JSON escapes, TOML reads alike.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text.replace("${", "$${")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_account_of_a_run_is_the_labs_own() {
        for (account, own) in [
            ("lab-0123abcd", true),
            ("lab-0123abc", false),
            ("lab-0123abcde", false),
            ("lab-standard", false),
            ("0123abcd", false),
            ("main", false),
            ("", false),
        ] {
            assert_eq!(is_own(account), own, "{account}");
        }
    }

    #[test]
    fn a_password_reaches_the_settings_as_it_is_written() {
        for (url, shown) in [
            ("redis://h:6379/1", r#""redis://h:6379/1""#),
            ("redis://:a\"b${c}@h", r#""redis://:a\"b$${c}@h""#),
        ] {
            let text = text(1, "http://i", &Store::Redis(url), Scale::QUICK, "x");
            assert!(
                text.contains(&format!("[store]\nurl = {shown}\n")),
                "{text}"
            );
        }
    }
}
