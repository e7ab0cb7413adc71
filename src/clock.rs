//! The only reading of time: the wall's, and a steady one that no clock correction moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Time for one store. Clones share it.
#[derive(Clone)]
pub enum Clock {
    /// The system's.
    System {
        /// When the clock was made, by the wall.
        started_at: Timestamp,
        /// The same moment, by the steady clock.
        started: Instant,
    },
    /// Moved by hand, for tests: milliseconds since 1970.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Clock::System {
            started_at: wall(),
            started: Instant::now(),
        }
    }

    /// A clock that stands still at `at` until it is advanced.
    pub fn manual(at: Timestamp) -> Self {
        Clock::Manual(Arc::new(AtomicI64::new(at.as_millisecond())))
    }

    /// Wall time in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System { .. } => wall(),
            Clock::Manual(at) => from_millis(at.load(Ordering::SeqCst)),
        }
    }

    /// Like wall time when the clock was made, and since then moved by nothing but time itself. Durations that
    /// must not shrink when somebody sets the clock (permits) are measured with it.
    pub fn steady(&self) -> Timestamp {
        match self {
            Clock::System {
                started_at,
                started,
            } => from_millis(
                started_at
                    .as_millisecond()
                    .saturating_add(millis(started.elapsed())),
            ),
            Clock::Manual(_) => self.now(),
        }
    }

    /// Moves a manual clock on; the system's takes no orders.
    pub fn advance(&self, by: Duration) {
        if let Clock::Manual(at) = self {
            at.fetch_add(millis(by), Ordering::SeqCst);
        }
    }
}

/// Whole milliseconds, saturating.
pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The instant so many milliseconds after 1970; the nearest representable one beyond jiff's range.
pub fn from_millis(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the wall clock"
)]
fn wall() -> Timestamp {
    from_millis(Timestamp::now().as_millisecond())
}
