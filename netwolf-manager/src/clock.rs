//! The two clocks of the manager: one that only goes forward, for ages, and the wall clock, for people.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Counts milliseconds from the start of the program, so that a time fits an atomic number.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// The present time; never 0, which stands for "never".
    pub fn now(&self) -> Tick {
        let elapsed = u64::try_from(self.start.elapsed().as_millis());
        // No program runs for 500 million years.
        Tick(elapsed.unwrap_or(u64::MAX).saturating_add(1))
    }

    /// The tick as an instant, for machines that are given those.
    pub fn instant(&self, tick: Tick) -> Instant {
        self.start + Duration::from_millis(tick.0.saturating_sub(1))
    }
}

/// A time of [`Clock`], in milliseconds; 0 is "never".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(pub u64);

impl Tick {
    /// Whether this was at most `age` milliseconds before `now`; "never" was not.
    pub fn is_within(self, age_ms: u64, now: Tick) -> bool {
        self.0 != 0 && now.0.saturating_sub(self.0) <= age_ms
    }
}

/// Unix times in milliseconds beyond this cannot be written: the end of the year 9999.
pub const LAST_MS: u64 = 253_402_300_799_999;

/// Unix time in milliseconds.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Unix time in seconds.
pub fn unix_seconds() -> u64 {
    unix_ms() / 1000
}

/// After so long without a sign of life something of this interval is dead, in milliseconds: three of its
/// intervals, and never so short that one lost packet would do it.
pub fn patience_ms(interval_ms: u64) -> u64 {
    interval_ms.saturating_mul(3).max(5_000)
}
