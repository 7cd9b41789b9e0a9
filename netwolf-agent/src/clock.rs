//! Ties monotonic time to wall-clock time, so that sample times do not jitter with small corrections of the
//! wall clock and yet follow when it is set.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

/// The wall clock may run apart from ours by so much before it is followed.
const TOLERANCE: Duration = Duration::from_secs(1);

/// A pair of the two clocks, shared by its clones.
///
/// Sample times are read from the monotonic clock and moved by the pair. It is taken when a shard starts, and
/// again by [`Clock::follow`] when the wall clock was set or a machine has slept.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    instant: Instant,
    /// Unix time of `instant` in nanoseconds; enough until 2554.
    unix: Arc<AtomicU64>,
}

/// What the wall clock shows, since 1970.
pub(crate) fn wall() -> Duration {
    // A clock before 1970 is not set at all; the manager clamps what it is told.
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Clock {
    /// Takes the pair now.
    pub(crate) fn start() -> Self {
        Self::of(Instant::now(), wall())
    }

    /// A pair of times that were read together.
    pub(crate) fn of(instant: Instant, unix: Duration) -> Self {
        Self {
            instant,
            unix: Arc::new(AtomicU64::new(nanos(unix))),
        }
    }

    /// Takes the pair again if at `now` the wall clock, which shows `wall`, is more than a second away from what
    /// the pair says. Tells by how many seconds time has stepped then.
    pub(crate) fn follow(&self, now: Instant, wall: Duration) -> Option<f64> {
        let ours = self.unix(now);
        if ours.abs_diff(wall) <= TOLERANCE {
            return None;
        }
        let since = now.saturating_duration_since(self.instant);
        self.unix
            .store(nanos(wall.saturating_sub(since)), Ordering::Relaxed);
        Some(wall.as_secs_f64() - ours.as_secs_f64())
    }

    /// Unix time of `instant`.
    pub(crate) fn unix(&self, instant: Instant) -> Duration {
        let unix = Duration::from_nanos(self.unix.load(Ordering::Relaxed));
        match instant.checked_duration_since(self.instant) {
            Some(after) => unix + after,
            None => unix.saturating_sub(self.instant - instant),
        }
    }

    /// Unix time of `instant` in milliseconds.
    pub(crate) fn unix_ms(&self, instant: Instant) -> u64 {
        u64::try_from(self.unix(instant).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_that_was_set_is_followed_and_one_that_drifts_is_not() {
        let start = Instant::now();
        let unix = Duration::from_secs(1_700_000_000);
        let clock = Clock::of(start, unix);
        let shared = clock.clone();
        let second = Duration::from_secs(1);
        let now = start + 10 * second;
        assert_eq!(clock.follow(now, unix + 11 * second), None);
        assert_eq!(shared.unix(now), unix + 10 * second);
        for stepped in [unix + 3600 * second, unix] {
            let before = clock.unix(now);
            let step = clock.follow(now, stepped).unwrap();
            assert!((step - (stepped.as_secs_f64() - before.as_secs_f64())).abs() < 1e-3);
            assert_eq!(shared.unix(now), stepped, "all who share it follow");
            assert_eq!(
                shared.unix_ms(now + second),
                1000 + u64::try_from(stepped.as_millis()).unwrap()
            );
        }
    }
}
