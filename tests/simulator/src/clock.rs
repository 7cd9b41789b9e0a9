//! Where time comes from: the system, or a test's hand.
//!
//! Nothing else in this crate reads a clock for the values it shows, so a test that holds a
//! [`ManualClock`] holds all values still.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A source of the time of day.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Time since 1970-01-01 00:00 UTC. Never less than what it said before.
    fn now(&self) -> Duration;
}

/// The time of day when it was made, carried on by the monotonic clock: a step of the system's
/// clock never turns a device's counters back.
#[derive(Debug)]
pub struct SystemClock {
    made_at: Duration,
    made: Instant,
}

impl SystemClock {
    /// Reads the system's clock once.
    pub fn new() -> Self {
        let made_at = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            made_at,
            made: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.made_at + self.made.elapsed()
    }
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Duration>,
}

impl ManualClock {
    /// A clock that stands at `now`, counted from 1970-01-01 00:00 UTC.
    pub fn new(now: Duration) -> Self {
        Self {
            now: Mutex::new(now),
        }
    }

    /// Moves on by `step`.
    pub fn advance(&self, step: Duration) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) += step;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One instant as a device sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since 1970-01-01 00:00 UTC.
    pub unix: Duration,
    /// Since the device was switched on.
    pub since_boot: Duration,
}

/// A UTC calendar date and time of day, for commands that print one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: u64,
    /// 0 is January.
    pub(crate) month: usize,
    /// 1 to 31.
    pub(crate) day: u64,
    /// 0 is Sunday.
    pub(crate) weekday: usize,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
    pub(crate) millisecond: u32,
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

impl Civil {
    /// The date at `unix` after 1970-01-01 00:00 UTC.
    ///
    /// Counts in 400-year eras of years that begin in March, so that the leap day comes last.
    pub(crate) fn from_unix(unix: Duration) -> Self {
        let seconds = unix.as_secs();
        let days = seconds / 86_400;
        let shifted = days + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 {
            march_month + 2
        } else {
            march_month - 10
        };
        let index = |value: u64| usize::try_from(value).expect("a small number fits");
        Self {
            year: era * 400 + year_of_era + u64::from(month < 2),
            month: index(month),
            day: day_of_year - (153 * march_month + 2) / 5 + 1,
            weekday: index((days + 4) % 7),
            hour: seconds / 3_600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            millisecond: unix.subsec_millis(),
        }
    }

    /// `Mon`.
    pub(crate) fn weekday_name(&self) -> &'static str {
        WEEKDAYS[self.weekday]
    }

    /// `Oct`.
    pub(crate) fn month_name(&self) -> &'static str {
        MONTHS[self.month]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unix: u64, expected: &str) {
        let at = Civil::from_unix(Duration::from_secs(unix));
        let text = format!(
            "{} {} {} {} {:02}:{:02}:{:02}",
            at.weekday_name(),
            at.month_name(),
            at.day,
            at.year,
            at.hour,
            at.minute,
            at.second
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn dates_are_right_around_leap_days_and_centuries() {
        check(0, "Thu Jan 1 1970 00:00:00");
        check(951_782_399, "Mon Feb 28 2000 23:59:59");
        check(951_782_400, "Tue Feb 29 2000 00:00:00");
        check(1_445_281_058, "Mon Oct 19 2015 18:57:38");
        check(1_709_251_199, "Thu Feb 29 2024 23:59:59");
        check(4_107_542_400, "Mon Mar 1 2100 00:00:00");
    }
}
