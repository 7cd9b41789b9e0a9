//! How regularly commands come: the time from each to the next of the same device.
//!
//! A poller's own figures leave out what it did not do; the devices see that. Times are kept with two
//! digits, which costs a few KiB whatever their number.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Longer gaps count as this long.
const LONGEST: Duration = Duration::from_hours(1);

/// What all devices of a fleet write to.
#[derive(Debug)]
pub(crate) struct Rhythm {
    born: Instant,
    gaps: Mutex<Histogram<u64>>,
}

/// When a device ran its last command; zero before the first.
#[derive(Debug, Default)]
pub(crate) struct LastCommand(AtomicU64);

/// The gaps between commands since the report before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// Gaps in microseconds with how many there were, shortest first.
    pub counts: Vec<(u64, u64)>,
    /// Devices that have run no command since the report before.
    pub silent: u64,
    /// Time since the last command of the device that has waited longest, in microseconds.
    pub longest_silence: u64,
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Rhythm {
    pub(crate) fn new() -> Self {
        let gaps = Histogram::new_with_max(micros(LONGEST), 2).expect("the bounds are in order");
        Self {
            born: Instant::now(),
            gaps: Mutex::new(gaps),
        }
    }

    fn now(&self) -> u64 {
        micros(self.born.elapsed()).max(1)
    }

    /// A device runs a command.
    pub(crate) fn beat(&self, last: &LastCommand) {
        let now = self.now();
        let before = last.0.swap(now, Ordering::Relaxed);
        if before > 0 {
            let mut gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
            gaps.saturating_record(now.saturating_sub(before));
        }
    }

    /// The gaps since the call before, of the devices that wrote `lasts`; `since` is when that was.
    pub(crate) fn take<'a>(
        &self,
        lasts: impl Iterator<Item = &'a LastCommand>,
        since: Instant,
    ) -> Gaps {
        let (now, since) = (
            self.now(),
            micros(since.saturating_duration_since(self.born)),
        );
        let mut taken = Gaps::default();
        for last in lasts {
            let last = last.0.load(Ordering::Relaxed);
            taken.silent += u64::from(last <= since);
            taken.longest_silence = taken.longest_silence.max(now - last.min(now));
        }
        let mut gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        taken.counts = gaps
            .iter_recorded()
            .map(|step| (step.value_iterated_to(), step.count_at_value()))
            .collect();
        gaps.reset();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_belongs_to_one_device_and_one_report() {
        let (rhythm, one, other) = (
            Rhythm::new(),
            LastCommand::default(),
            LastCommand::default(),
        );
        let start = rhythm.born;
        rhythm.beat(&one);
        rhythm.beat(&other);
        let first = rhythm.take([&one, &other].into_iter(), start);
        assert_eq!(
            (first.counts, first.silent),
            (Vec::new(), 0),
            "two first commands, no gap"
        );
        let since = Instant::now();
        while since.elapsed() < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
        rhythm.beat(&one);
        let second = rhythm.take([&one, &other].into_iter(), since);
        assert_eq!(second.counts.len(), 1);
        assert!(second.counts[0].0 >= 1_900, "{second:?}");
        assert_eq!(second.silent, 1, "the other one ran nothing");
        assert!(second.longest_silence >= 1_900);
        assert!(rhythm.take([&one].into_iter(), since).counts.is_empty());
    }
}
