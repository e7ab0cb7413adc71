//! How long the caller will wait (RFC 7240), and how long a lead will.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;
use jiff::Timestamp;

use crate::queue::Limit;

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The longest wait that is honoured.
pub const LONGEST_WAIT: Duration = Duration::from_secs(25);

/// iClosed's usual time to answer a booking: what a window costs on top of itself.
const USUAL_LATENCY: Duration = Duration::from_millis(250);

/// The wait for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// From the beginning of the request.
    pub longest: Duration,
    /// What to say in `Preference-Applied`, when the caller had a preference.
    pub applied: Option<String>,
}

/// The caller's preference, or `usual`.
pub fn wait(request: &HttpRequest, usual: Duration) -> Wait {
    let values = request
        .headers()
        .get_all(PREFER)
        .filter_map(|value| value.to_str().ok());
    read(values, usual)
}

/// `respond-async` counts wherever it stands: whoever names a wait as well still wants the receipt at once.
fn read<'a>(values: impl Iterator<Item = &'a str>, usual: Duration) -> Wait {
    let mut named = None;
    for preference in values.flat_map(|value| value.split(',')) {
        let preference = preference.split(';').next().unwrap_or_default().trim();
        if preference.eq_ignore_ascii_case("respond-async") {
            return Wait {
                longest: Duration::ZERO,
                applied: Some("respond-async".to_owned()),
            };
        }
        // The first of a preference named twice counts (RFC 7240, section 2).
        named = named.or_else(|| seconds(preference));
    }
    let longest = named.map_or(usual, Duration::from_secs).min(LONGEST_WAIT);
    Wait {
        longest,
        applied: named.map(|_| format!("wait={}", longest.as_secs())),
    }
}

fn seconds(preference: &str) -> Option<u64> {
    let (name, value) = preference.split_once('=')?;
    let is_wait = name.trim().eq_ignore_ascii_case("wait");
    let seconds = value.trim().trim_matches('"').parse();
    seconds.ok().filter(|_| is_wait)
}

/// When a lead with so many before it is likely to be worked on: one limit's worth each window.
pub fn estimated_start(now: Timestamp, ahead: u64, limit: Limit) -> Timestamp {
    let windows = u32::try_from(ahead / u64::from(limit.requests.max(1))).unwrap_or(u32::MAX);
    let wait = (limit.window + USUAL_LATENCY).saturating_mul(windows);
    now.checked_add(wait).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wait_that_can_be_read_counts_unless_none_is_wanted() {
        let usual = Duration::from_secs(4);
        for (values, seconds, applied) in [
            (vec![], 4, None),
            (vec!["wait=7"], 7, Some("wait=7")),
            (vec!["handling=lenient, wait = \"9\""], 9, Some("wait=9")),
            (vec!["wait=900"], 25, Some("wait=25")),
            (vec!["Respond-Async, wait=7"], 0, Some("respond-async")),
            (vec!["wait=7, respond-async"], 0, Some("respond-async")),
            (vec!["wait=7", "respond-async"], 0, Some("respond-async")),
            (vec!["wait=soon, wait=7"], 7, Some("wait=7")),
            (vec!["wait=3", "wait=8"], 3, Some("wait=3")),
            (vec!["wait=soon"], 4, None),
            (vec!["wait=-1"], 4, None),
        ] {
            let read = read(values.iter().copied(), usual);
            assert_eq!(
                (read.longest.as_secs(), read.applied.as_deref()),
                (seconds, applied),
                "{values:?}"
            );
        }
    }

    #[test]
    fn a_lead_starts_in_the_window_its_place_falls_into() {
        let now: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        let limit = Limit {
            requests: 20,
            window: Duration::from_secs(10),
        };
        for (ahead, millis) in [(0, 0), (19, 0), (20, 10_250), (45, 20_500)] {
            let start = estimated_start(now, ahead, limit);
            assert_eq!(
                start.as_millisecond() - now.as_millisecond(),
                millis,
                "{ahead}"
            );
        }
        assert!(estimated_start(now, u64::MAX, limit) >= now);
    }
}
