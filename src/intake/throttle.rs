//! How often somebody may knock, in bounded memory.
//!
//! This guards leadgate's own doors and nothing else: what leadgate sends to iClosed is paced by permits in the store.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::queue::Digest;
use crate::settings;

/// The most callers remembered at once. Beyond it those who have been quiet are forgotten, and if all are loud,
/// strangers share one allowance.
const MOST_CALLERS: usize = 100_000;

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// The allowance of every caller of one kind.
pub struct Throttle<K: Hash + Eq + Clone> {
    callers: Limiter<K>,
    strangers: Limiter<()>,
    requests: u32,
    window: Duration,
}

/// What a caller has left, for the `RateLimit` header (draft-ietf-httpapi-ratelimit-headers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Requests per window.
    pub quota: u32,
    /// Seconds.
    pub window_seconds: u64,
    /// Requests that may follow at once.
    pub remaining: u32,
    /// Seconds until one more may come; zero when one may now.
    pub retry_after_seconds: u64,
}

impl<K: Hash + Eq + Clone> Throttle<K> {
    /// `requests` at once, refilled evenly over `window_seconds`.
    pub fn new(allowance: settings::Throttle) -> Self {
        let requests = NonZeroU32::new(allowance.requests).unwrap_or(NonZeroU32::MIN);
        let window = Duration::from_secs(u64::from(allowance.window_seconds.max(1)));
        let refill = (window / requests.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(refill)
            .unwrap_or(Quota::per_second(requests))
            .allow_burst(requests);
        Self {
            callers: RateLimiter::dashmap(quota).with_middleware(),
            strangers: RateLimiter::dashmap(quota).with_middleware(),
            requests: requests.get(),
            window,
        }
    }

    /// Counts one request of this caller.
    ///
    /// # Errors
    /// The allowance, when there is nothing left of it.
    pub fn knock(&self, caller: &K) -> Result<Allowance, Allowance> {
        if self.callers.len() >= MOST_CALLERS {
            self.callers.retain_recent();
            if self.callers.len() >= MOST_CALLERS {
                return self.judge(self.strangers.check_key(&()));
            }
        }
        self.judge(self.callers.check_key(caller))
    }

    /// Forgets callers whose allowance is whole again.
    pub fn forget_quiet(&self) {
        self.callers.retain_recent();
        self.callers.shrink_to_fit();
    }

    fn judge(
        &self,
        verdict: Result<
            governor::middleware::StateSnapshot,
            governor::NotUntil<<DefaultClock as governor::clock::Clock>::Instant>,
        >,
    ) -> Result<Allowance, Allowance> {
        let allowance = |remaining, retry_after_seconds| Allowance {
            quota: self.requests,
            window_seconds: self.window.as_secs(),
            remaining,
            retry_after_seconds,
        };
        match verdict {
            Ok(state) => Ok(allowance(state.remaining_burst_capacity(), 0)),
            Err(until) => {
                let wait = until.wait_time_from(DefaultClock::default().now());
                Err(allowance(
                    0,
                    wait.as_secs() + u64::from(wait.subsec_nanos() > 0),
                ))
            }
        }
    }
}

/// So many wrong keys of the operator an address may show ...
const MOST_GUESSES: u32 = 10;

/// ... from the first until this is over.
const GUESSING: Duration = Duration::from_secs(60);

/// Who showed wrong keys. Unlike a [`Throttle`] it can be asked without counting, so that whoever guessed too often
/// is not let in with the right key either: otherwise guessing on would cost nothing.
#[derive(Default)]
pub struct Guesses(Mutex<HashMap<IpAddr, Guesser>>);

struct Guesser {
    since: Instant,
    wrong: u32,
}

impl Guesses {
    /// Whether this address may show a key `now`.
    ///
    /// # Errors
    /// The allowance, when there is nothing left of it.
    pub fn may_try(&self, address: &IpAddr, now: Instant) -> Result<(), Allowance> {
        let guessers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(guesser) = guessers.get(address) else {
            return Ok(());
        };
        let left = GUESSING.saturating_sub(now.saturating_duration_since(guesser.since));
        if guesser.wrong < MOST_GUESSES || left.is_zero() {
            return Ok(());
        }
        Err(Allowance {
            quota: MOST_GUESSES,
            window_seconds: GUESSING.as_secs(),
            remaining: 0,
            retry_after_seconds: left.as_secs() + 1,
        })
    }

    /// This address showed a wrong key. When more addresses guess than can be remembered, a new one is not.
    pub fn wrong(&self, address: IpAddr, now: Instant) {
        let mut guessers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if guessers.len() >= MOST_CALLERS {
            retain_fresh(&mut guessers, now);
        }
        if guessers.len() >= MOST_CALLERS && !guessers.contains_key(&address) {
            return;
        }
        let guesser = guessers.entry(address).or_insert(Guesser {
            since: now,
            wrong: 0,
        });
        if now.saturating_duration_since(guesser.since) >= GUESSING {
            *guesser = Guesser {
                since: now,
                wrong: 0,
            };
        }
        guesser.wrong = guesser.wrong.saturating_add(1);
    }

    /// Forgets those whose time is over.
    pub fn forget_quiet(&self, now: Instant) {
        let mut guessers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        retain_fresh(&mut guessers, now);
    }
}

fn retain_fresh(guessers: &mut HashMap<IpAddr, Guesser>, now: Instant) {
    guessers.retain(|_, guesser| now.saturating_duration_since(guesser.since) < GUESSING);
}

/// The public doors' throttles.
pub struct Throttles {
    /// By client address.
    pub per_address: Throttle<IpAddr>,
    /// By the digest of a caller's key.
    pub per_key: Throttle<Digest>,
    /// Who guesses at the operator's key, by client address.
    pub guesses: Guesses,
}

/// The address that is counted: an IPv6 subscriber holds a whole /64 (RFC 6177).
pub fn counted(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => IpAddr::V4(four),
            None => {
                let [a, b, c, d, ..] = six.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_the_next_is_told_when_to_come() {
        let throttle = Throttle::new(settings::Throttle {
            requests: 3,
            window_seconds: 60,
        });
        let caller = IpAddr::from([192, 0, 2, 1]);
        let left: Vec<_> = (0..3)
            .map(|_| throttle.knock(&caller).map(|a| a.remaining))
            .collect();
        assert_eq!(left, [Ok(2), Ok(1), Ok(0)]);
        let refused = throttle.knock(&caller).unwrap_err();
        assert!(
            (1..=20).contains(&refused.retry_after_seconds),
            "{refused:?}"
        );
        assert!(throttle.knock(&IpAddr::from([192, 0, 2, 2])).is_ok());
    }

    #[test]
    fn memory_is_bounded_whoever_calls() {
        let throttle = Throttle::new(settings::Throttle {
            requests: 1,
            window_seconds: 3600,
        });
        for caller in 0..(MOST_CALLERS as u32 + 1000) {
            let _ = throttle.knock(&caller);
        }
        assert!(throttle.callers.len() <= MOST_CALLERS);
    }

    #[test]
    fn who_guessed_too_often_waits_a_minute_from_the_first_guess() {
        let guesses = Guesses::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let [guesser, other] = [1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
        for guess in 0..10 {
            assert_eq!(guesses.may_try(&guesser, at(guess)), Ok(()), "{guess}");
            guesses.wrong(guesser, at(guess));
        }
        let refused = guesses.may_try(&guesser, at(10)).unwrap_err();
        assert_eq!((refused.quota, refused.retry_after_seconds), (10, 51));
        assert_eq!(guesses.may_try(&other, at(10)), Ok(()));
        assert_eq!(guesses.may_try(&guesser, at(60)), Ok(()));
        guesses.wrong(guesser, at(61));
        assert_eq!(guesses.may_try(&guesser, at(62)), Ok(()), "counted anew");
        guesses.forget_quiet(at(121));
        assert!(guesses.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_whole_network_of_version_six_counts_as_one() {
        let six = |text: &str| counted(text.parse().unwrap());
        assert_eq!(six("2001:db8::1"), six("2001:db8::ffff:1"));
        assert_ne!(six("2001:db8:0:1::1"), six("2001:db8:0:2::1"));
        assert_eq!(six("::ffff:192.0.2.1"), six("192.0.2.1"));
    }
}
