//! The vendor's limit: how many requests one endpoint takes in one window, and the log that proves
//! afterwards how many arrived. Knows nothing of HTTP.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How the window of the limit moves. The vendor does not say which of the two it uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WindowKind {
    /// At most the limit in any stretch of one window's length.
    #[default]
    Sliding,
    /// A window starts with the first request after the last one ended.
    Fixed,
}

/// The limiter of one account and endpoint. Only admitted requests spend it, whatever they are
/// answered later.
pub(super) struct Limiter {
    limit: u32,
    window: Duration,
    kind: WindowKind,
    /// The admitted requests of the running window.
    spent: VecDeque<Instant>,
}

impl Limiter {
    pub(super) fn new(limit: u32, window: Duration, kind: WindowKind) -> Self {
        Self {
            limit,
            window,
            kind,
            spent: VecDeque::new(),
        }
    }

    /// Whether a request that arrives `now` is within the limit; if not, for how long none will be.
    pub(super) fn check(&mut self, now: Instant) -> Result<(), Duration> {
        let is_over = |from: &Instant| now.duration_since(*from) >= self.window;
        match self.kind {
            WindowKind::Sliding => {
                while self.spent.front().is_some_and(is_over) {
                    self.spent.pop_front();
                }
            }
            WindowKind::Fixed => {
                if self.spent.front().is_some_and(is_over) {
                    self.spent.clear();
                }
            }
        }
        if self.spent.len() < self.limit as usize {
            return Ok(());
        }
        let oldest = self.spent.front().copied().unwrap_or(now);
        Err((oldest + self.window).duration_since(now))
    }

    /// Spends one request of the budget.
    pub(super) fn spend(&mut self, now: Instant) {
        self.spent.push_back(now);
    }
}

/// The wait as `Retry-After` states it: whole seconds, rounded up, one at least.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// The most of `arrivals` (oldest first) in any stretch of one window. Two exactly one window apart
/// are not together.
pub(super) fn most_in_any_window(arrivals: &[Instant], window: Duration) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, now) in arrivals.iter().enumerate() {
        while now.duration_since(arrivals[first]) >= window && first < last {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_millis(10_000);

    /// Milliseconds at which requests arrive, and how many of them are admitted at a limit of 3 in
    /// 10 s.
    fn admitted(kind: WindowKind, arrivals: &[u64]) -> Vec<bool> {
        let start = Instant::now();
        let mut limiter = Limiter::new(3, WINDOW, kind);
        let admit = |at: &u64| {
            let now = start + Duration::from_millis(*at);
            let within = limiter.check(now).is_ok();
            if within {
                limiter.spend(now);
            }
            within
        };
        arrivals.iter().map(admit).collect()
    }

    #[test]
    fn a_sliding_window_never_holds_more_than_the_limit() {
        let arrivals = [0, 9_000, 9_500, 9_999, 10_000, 10_001, 19_000, 19_001];
        let expected = [true, true, true, false, true, false, true, false];
        assert_eq!(admitted(WindowKind::Sliding, &arrivals), expected);
    }

    #[test]
    fn a_fixed_window_starts_with_its_first_request_and_forgets_all_at_once() {
        let arrivals = [
            0, 9_000, 9_500, 9_999, 10_000, 10_001, 10_002, 10_003, 20_000,
        ];
        let expected = [true, true, true, false, true, true, true, false, true];
        assert_eq!(admitted(WindowKind::Fixed, &arrivals), expected);
    }

    #[test]
    fn the_wait_lasts_until_the_next_request_is_admitted() {
        let start = Instant::now();
        for kind in [WindowKind::Sliding, WindowKind::Fixed] {
            let mut limiter = Limiter::new(1, WINDOW, kind);
            limiter.spend(start);
            let wait = limiter.check(start + Duration::from_millis(2_500));
            assert_eq!(wait, Err(Duration::from_millis(7_500)));
            assert_eq!(limiter.check(start + WINDOW), Ok(()));
        }
    }

    #[test]
    fn the_stated_wait_is_never_too_short() {
        for (millis, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (7_500, 8)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
    }

    #[test]
    fn the_log_finds_the_fullest_stretch() {
        let start = Instant::now();
        let cases: [(&[u64], usize); 5] = [
            (&[], 0),
            (&[5], 1),
            (&[0, 10_000, 20_000], 1),
            (&[0, 9_999, 10_000, 19_998], 3),
            (&[0, 0, 0, 30_000, 30_001], 3),
        ];
        for (arrivals, most) in cases {
            let log: Vec<_> = arrivals
                .iter()
                .map(|at| start + Duration::from_millis(*at))
                .collect();
            assert_eq!(most_in_any_window(&log, WINDOW), most, "{arrivals:?}");
        }
    }
}
