//! When a message is tried again, and what a try means for its receiver: pure arithmetic.

use std::time::Duration;

use jiff::Timestamp;

use crate::queue::notices::Delivery;

/// The waits that Standard Webhooks recommends after the first failures; together more than three days.
const WAITS_SECONDS: [u64; 9] = [
    5,
    5 * 60,
    30 * 60,
    2 * 3600,
    5 * 3600,
    10 * 3600,
    14 * 3600,
    20 * 3600,
    24 * 3600,
];

/// A receiver that asks for a pause and does not say for how long.
const USUAL_PAUSE: Duration = Duration::from_secs(60);
/// Nobody puts a receiver's whole queue off for longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// What came of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The receiver answered with this status, and perhaps said when to come back.
    Answered {
        /// The HTTP status.
        status: u16,
        /// From `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// There was no answer; a stable word says why.
    Unanswered(&'static str),
}

/// The wait after the `failures`-th failure (from 1), up to a tenth longer by `chance`, from 0 to 1. After the last
/// wait of the schedule it repeats, once a day, until the store throws the message away.
pub fn wait(failures: u32, chance: f64) -> Duration {
    let at = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    let [.., last] = WAITS_SECONDS;
    let seconds = WAITS_SECONDS.get(at).copied().unwrap_or(last);
    Duration::from_secs(seconds).mul_f64(1.0 + chance.clamp(0.0, 1.0) / 10.0)
}

/// What becomes of a message after this try, when `failures` tries before it failed.
///
/// A receiver that says when to come back is left alone until then, and the try does not count.
pub fn judge(tried: Tried, failures: u32, chance: f64) -> Delivery {
    let scheduled = wait(failures.saturating_add(1), chance);
    match tried {
        Tried::Answered {
            status: 200..=299, ..
        } => Delivery::Done,
        Tried::Answered { status: 410, .. } => Delivery::Ended {
            failure: word(tried),
        },
        Tried::Answered {
            status: 429 | 503,
            retry_after,
        } => {
            let pause = retry_after
                .unwrap_or(USUAL_PAUSE)
                .clamp(Duration::from_secs(1), LONGEST_PAUSE);
            Delivery::PutOff {
                delay: match retry_after {
                    Some(_) => pause,
                    None => scheduled.max(pause),
                },
                counts: retry_after.is_none(),
                pause: Some(pause),
                failure: word(tried),
            }
        }
        _ => Delivery::PutOff {
            delay: scheduled,
            counts: true,
            pause: None,
            failure: word(tried),
        },
    }
}

fn word(tried: Tried) -> String {
    match tried {
        Tried::Answered { status, .. } => format!("http_{status}"),
        Tried::Unanswered(word) => word.to_owned(),
    }
}

/// `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(date.duration_since(now).try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_follow_the_schedule_and_then_repeat_once_a_day() {
        for (failures, seconds) in [
            (1, 5),
            (2, 300),
            (3, 1800),
            (4, 7200),
            (5, 18_000),
            (6, 36_000),
            (7, 50_400),
            (8, 72_000),
            (9, 86_400),
            (10, 86_400),
            (u32::MAX, 86_400),
        ] {
            assert_eq!(wait(failures, 0.0).as_secs(), seconds, "{failures}");
            let longest = wait(failures, 1.0).as_secs_f64();
            assert!((longest - seconds as f64 * 1.1).abs() < 1e-6, "{failures}");
        }
        let whole: u64 = WAITS_SECONDS.iter().sum();
        assert_eq!(whole / 3600, 75);
    }

    #[test]
    fn each_answer_has_its_meaning() {
        let answered = |status, seconds: Option<u64>| Tried::Answered {
            status,
            retry_after: seconds.map(Duration::from_secs),
        };
        let put_off = |delay, counts, pause: Option<u64>, failure: &str| Delivery::PutOff {
            delay: Duration::from_secs(delay),
            counts,
            pause: pause.map(Duration::from_secs),
            failure: failure.to_owned(),
        };
        let ended = Delivery::Ended {
            failure: "http_410".to_owned(),
        };
        for (tried, failures, becomes) in [
            (answered(200, None), 0, Delivery::Done),
            (answered(204, None), 7, Delivery::Done),
            (answered(299, Some(9)), 0, Delivery::Done),
            (answered(410, Some(9)), 0, ended),
            (answered(301, None), 0, put_off(5, true, None, "http_301")),
            (answered(400, None), 1, put_off(300, true, None, "http_400")),
            (
                answered(500, Some(9)),
                0,
                put_off(5, true, None, "http_500"),
            ),
            (
                answered(429, Some(7)),
                3,
                put_off(7, false, Some(7), "http_429"),
            ),
            (
                answered(503, Some(0)),
                0,
                put_off(1, false, Some(1), "http_503"),
            ),
            (
                answered(503, Some(90_000)),
                0,
                put_off(3600, false, Some(3600), "http_503"),
            ),
            (
                answered(429, None),
                0,
                put_off(60, true, Some(60), "http_429"),
            ),
            (
                answered(503, None),
                2,
                put_off(1800, true, Some(60), "http_503"),
            ),
            (
                Tried::Unanswered("timeout"),
                0,
                put_off(5, true, None, "timeout"),
            ),
        ] {
            assert_eq!(judge(tried, failures, 0.0), becomes, "{tried:?}");
        }
    }

    #[test]
    fn a_receiver_says_when_to_come_back_in_seconds_or_by_a_date() {
        let now = "1994-11-06T08:49:00Z".parse().unwrap();
        for (value, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            let read = retry_after(value, now).map(|wait| wait.as_secs());
            assert_eq!(read, seconds, "{value}");
        }
    }
}
