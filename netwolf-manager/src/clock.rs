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

    /// The time at which the wall clock was at this: now where that is ahead of it, and never before the start.
    pub fn at_unix_ms(&self, time_ms: u64) -> Tick {
        let age_ms = unix_ms().saturating_sub(time_ms);
        Tick(self.now().0.saturating_sub(age_ms).max(1))
    }

    /// The tick as an instant, for machines that are given those.
    pub fn instant(&self, tick: Tick) -> Instant {
        self.start + Duration::from_millis(tick.0.saturating_sub(1))
    }
}

/// Unix time that does not jump: the wall clock as it was once, and what has passed since by a clock that nobody sets.
///
/// For deadlines that are written down as Unix time: a wall clock that is set back must not make them wait for hours,
/// nor one that is set forward end them all. What the wall clock was wrong by at the start it stays wrong by until the
/// program is started again, and it drifts from a wall clock that is disciplined by some seconds a day; where people's
/// time of day counts, ask the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct SteadyClock {
    start: Instant,
    start_ms: u64,
}

impl SteadyClock {
    /// A clock that shows what the wall clock shows now.
    pub fn start() -> Self {
        Self::set(unix_ms())
    }

    fn set(start_ms: u64) -> Self {
        Self {
            start: Instant::now(),
            start_ms,
        }
    }

    /// Unix time in milliseconds, which never goes back.
    pub fn now_ms(&self) -> u64 {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.start);
        // No program runs for 500 million years.
        let elapsed = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.start_ms.saturating_add(elapsed)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_clock_goes_by_what_has_passed_and_by_no_wall_clock() {
        let before = unix_ms();
        let clock = SteadyClock::start();
        assert!(clock.now_ms() >= before);
        // A wall clock that was a day ahead when it was read, and has been set right since.
        let clock = SteadyClock::set(before + 86_400_000);
        let at = clock.at(clock.start + Duration::from_secs(90));
        assert_eq!(at, before + 86_400_000 + 90_000);
        assert_eq!(clock.at(clock.start), before + 86_400_000);
        let first = clock.now_ms();
        assert!(clock.now_ms() >= first);
    }
}
