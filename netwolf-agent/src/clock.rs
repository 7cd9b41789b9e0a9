//! Ties monotonic time to wall-clock time once, so that sample times never jump while an agent runs.

use std::time::{Duration, Instant, SystemTime};

/// A fixed pair of the two clocks.
///
/// Sample times are read from the monotonic clock and moved by the pair, so a step of the wall clock shows
/// as an offset and never as samples out of order. The pair is taken again when a shard starts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    instant: Instant,
    unix: Duration,
}

impl Clock {
    /// Takes the pair now.
    pub(crate) fn start() -> Self {
        Self {
            instant: Instant::now(),
            // A clock before 1970 is not set at all; the manager clamps what it is told.
            unix: SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    /// A pair for tests.
    #[cfg(test)]
    pub(crate) const fn of(instant: Instant, unix: Duration) -> Self {
        Self { instant, unix }
    }

    /// Unix time of `instant`.
    pub(crate) fn unix(&self, instant: Instant) -> Duration {
        match instant.checked_duration_since(self.instant) {
            Some(after) => self.unix + after,
            None => self.unix.saturating_sub(self.instant - instant),
        }
    }

    /// Unix time of `instant` in milliseconds.
    pub(crate) fn unix_ms(&self, instant: Instant) -> u64 {
        u64::try_from(self.unix(instant).as_millis()).unwrap_or(u64::MAX)
    }
}
