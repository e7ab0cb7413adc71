//! Redis's own clock, as well as it can be known without asking at every turn.
//!
//! Every answer of a script carries the server's time, read before the answer came. So each gives a lower bound of
//! the server's time now, and the highest is the best. It moves on by this machine's steady clock; the wall clock of
//! this machine is never read.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Longer than any span in use (35 years), and short enough for sums that a Lua number holds exactly.
const LONGEST_US: i64 = 1 << 50;

/// What is known of the server's clock.
pub struct ServerClock {
    started: Instant,
    /// Server time minus steady time, in microseconds.
    offset: AtomicI64,
    /// The same, by what was seen since [`ServerClock::turn`] last ran.
    lately: AtomicI64,
    moved: Option<Arc<AtomicI64>>,
}

impl ServerClock {
    /// Nothing is known yet. `moved`: see [`super::Options::offset`].
    pub fn new(moved: Option<Arc<AtomicI64>>) -> Self {
        Self {
            started: Instant::now(),
            offset: AtomicI64::new(i64::MIN / 2),
            lately: AtomicI64::new(i64::MIN),
            moved,
        }
    }

    /// What scripts add to the server's clock, in microseconds.
    pub fn moved_us(&self) -> i64 {
        let moved = self.moved.as_ref();
        moved.map_or(0, |moved| moved.load(Ordering::SeqCst))
    }

    /// The server's time was at least this just now, without what was added.
    pub fn saw(&self, server_us: i64) {
        let offset = server_us.saturating_sub(self.steady_us());
        self.offset.fetch_max(offset, Ordering::SeqCst);
        self.lately.fetch_max(offset, Ordering::SeqCst);
    }

    /// Forgets what was seen before the last turn, so that a server's clock set back is followed.
    pub fn turn(&self) {
        let lately = self.lately.swap(i64::MIN, Ordering::SeqCst);
        if lately != i64::MIN {
            self.offset.store(lately, Ordering::SeqCst);
        }
    }

    /// Whole milliseconds; never later than the server's own.
    pub fn now(&self) -> Timestamp {
        let now_us = self
            .offset
            .load(Ordering::SeqCst)
            .saturating_add(self.steady_us())
            .saturating_add(self.moved_us());
        crate::clock::from_millis(now_us.div_euclid(1000))
    }

    fn steady_us(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

/// Whole microseconds, as scripts count.
pub fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).map_or(LONGEST_US, |us| us.min(LONGEST_US))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_what_was_seen_counts_and_a_clock_set_back_is_followed_after_a_turn() {
        let second = 1_000_000;
        let clock = ServerClock::new(None);
        let about = |seconds: i64| {
            let off_ms = clock.now().as_millisecond() - seconds * 1000;
            assert!((0..500).contains(&off_ms), "{off_ms} ms off");
        };
        clock.saw(2000 * second);
        about(2000);
        clock.saw(1500 * second);
        about(2000);
        clock.turn();
        about(2000);
        clock.saw(1500 * second);
        clock.turn();
        about(1500);
        clock.turn();
        about(1500);
    }

    #[test]
    fn no_span_is_too_long_for_a_script() {
        assert_eq!(micros(Duration::from_millis(3)), 3000);
        assert_eq!(micros(Duration::MAX), LONGEST_US);
    }
}
