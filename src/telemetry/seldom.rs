//! A line that many would write at once, and one of them does.

use std::time::{Duration, Instant};

/// Lets one through in each span of time, and counts the others.
pub struct Seldom {
    every: Duration,
    last: Option<Instant>,
    unheard: u64,
}

impl Seldom {
    /// The first is let through at once.
    pub const fn new(every: Duration) -> Self {
        Self {
            every,
            last: None,
            unheard: 0,
        }
    }

    /// Whether to speak `now`; then, how many were not let through since the last who was.
    pub fn turn(&mut self, now: Instant) -> Option<u64> {
        let is_early = |last: Instant| now.saturating_duration_since(last) < self.every;
        if self.last.is_some_and(is_early) {
            self.unheard += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.unheard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_heard_in_each_span_and_tells_how_many_were_not() {
        let start = Instant::now();
        let mut seldom = Seldom::new(Duration::from_secs(5));
        for (at_ms, heard) in [
            (0, Some(0)),
            (1, None),
            (4999, None),
            (5000, Some(2)),
            (5001, None),
            (60_000, Some(1)),
            (65_000, Some(0)),
        ] {
            let now = start + Duration::from_millis(at_ms);
            assert_eq!(seldom.turn(now), heard, "{at_ms} ms");
        }
    }
}
