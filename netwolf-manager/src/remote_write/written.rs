//! A series as receivers know it: its labels, and the times that were sent.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Mutex,
};

use netwolf_wire::Epoch;

use super::{Outlet, lock, protobuf};

/// A series that is sent.
#[derive(Debug)]
pub(crate) struct Written {
    /// The outlet that it was made for.
    outlet: u32,
    /// As a request holds them.
    labels: Box<[u8]>,
    hash: u32,
    course: Mutex<Course>,
}

/// What an agent sends twice is at most so much older than what it sent last: it waits for an answer for seconds.
const RESENT_MS: u64 = 60_000;

/// For so long after a sample its series does not end.
const MOMENT_MS: u64 = 1_000;

#[derive(Debug, Default)]
struct Course {
    /// Time of the last sample, 0 before the first.
    last_ms: u64,
    /// The lease of the last sample.
    epoch: Option<Epoch>,
    /// What is added to the times of this lease, whose agent's clock is behind that of the one before.
    shift_ms: u64,
    /// There was a sample since the last stale marker.
    is_open: bool,
    /// When that was.
    now_ms: u64,
}

impl Written {
    /// A series by the name of its samples and its other labels.
    pub(crate) fn new<'a>(
        outlet: &Outlet,
        name: &str,
        labels: impl Iterator<Item = (&'a str, String)>,
    ) -> Self {
        let external = &outlet.remotes().external_labels;
        let mut all = external.clone();
        for (name, value) in labels {
            all.insert(name.to_owned(), value);
        }
        all.insert("__name__".to_owned(), name.to_owned());
        let labels = protobuf::labels(&all);
        let mut hasher = DefaultHasher::new();
        labels.hash(&mut hasher);
        Self {
            outlet: outlet.no(),
            labels,
            #[expect(clippy::cast_possible_truncation, reason = "some of its bits will do")]
            hash: hasher.finish() as u32,
            course: Mutex::default(),
        }
    }

    /// Whether it was made for `outlet` and has its labels.
    pub(crate) fn is_of(&self, outlet: &Outlet) -> bool {
        self.outlet == outlet.no()
    }

    pub(super) fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Which of `n` connections it goes by.
    pub(super) fn lane(&self, n: usize) -> usize {
        self.hash as usize % n
    }

    /// The time with which a sample is sent: its own, where that is behind the last one's. `None` for one that was sent
    /// before, as an agent does when it does not know whether the manager has it.
    ///
    /// Agents' clocks differ, and are set. Where a device has gone to an agent whose clock is behind, or the clock of its
    /// own was set back by a minute or more, times are counted from the present until they fit by themselves; receivers
    /// would refuse them all otherwise.
    pub(super) fn next(&self, time_ms: u64, epoch: Epoch, now_ms: u64) -> Option<u64> {
        let mut course = lock(&self.course);
        let fits = time_ms > course.last_ms;
        if fits {
            course.shift_ms = 0;
        } else if course.epoch != Some(epoch)
            || time_ms + course.shift_ms + RESENT_MS < course.last_ms
        {
            course.shift_ms = now_ms.max(course.last_ms + 1) - time_ms;
        }
        course.epoch = Some(epoch);
        let time_ms = time_ms + course.shift_ms;
        if time_ms <= course.last_ms {
            return None;
        }
        course.last_ms = time_ms;
        course.is_open = true;
        course.now_ms = now_ms;
        Some(time_ms)
    }

    /// The series has ended: the time of its stale marker, which leaves room for every later sample. `None` where none is
    /// due, or the series was sent a moment ago.
    pub(super) fn end(&self, now_ms: u64) -> Option<u64> {
        let mut course = lock(&self.course);
        if !course.is_open || now_ms < course.now_ms.saturating_add(MOMENT_MS) {
            return None;
        }
        course.is_open = false;
        course.last_ms += 1;
        Some(course.last_ms)
    }

    /// Whether a stale marker is due when it ends.
    pub(crate) fn is_open(&self) -> bool {
        lock(&self.course).is_open
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote_write::{Meters, Remotes};

    fn series() -> Written {
        let (outlet, _) = Outlet::new(1, Remotes::default(), &Meters::default());
        Written::new(&outlet, "load", std::iter::empty())
    }

    #[test]
    fn times_only_go_up_and_nothing_is_sent_twice() {
        let series = series();
        assert_eq!(series.next(1_000, Epoch(1), 1_000), Some(1_000));
        assert_eq!(series.next(2_000, Epoch(1), 2_000), Some(2_000));
        assert_eq!(series.next(1_000, Epoch(1), 2_001), None, "sent again");
        assert_eq!(series.next(2_000, Epoch(1), 2_001), None, "sent again");
        assert_eq!(
            series.next(2_001, Epoch(1), 9_000),
            Some(2_001),
            "late, and true"
        );
    }

    #[test]
    fn an_agent_whose_clock_is_behind_is_heard_at_once() {
        let series = series();
        assert_eq!(series.next(100_000, Epoch(1), 100_000), Some(100_000));
        // Its clock is a minute behind.
        assert_eq!(series.next(41_000, Epoch(2), 101_000), Some(101_000));
        assert_eq!(series.next(42_000, Epoch(2), 102_000), Some(102_000));
        assert_eq!(series.next(42_000, Epoch(2), 102_100), None, "sent again");
        // It is set right.
        assert_eq!(series.next(103_000, Epoch(2), 103_000), Some(103_000));
        assert_eq!(series.next(104_000, Epoch(2), 104_000), Some(104_000));
    }

    #[test]
    fn an_agent_whose_clock_is_set_back_is_heard_at_once() {
        let series = series();
        assert_eq!(series.next(3_600_000, Epoch(1), 3_600_000), Some(3_600_000));
        assert_eq!(series.next(1_000, Epoch(1), 3_606_000), Some(3_606_000));
        assert_eq!(series.next(2_000, Epoch(1), 3_607_000), Some(3_607_000));
        assert_eq!(series.next(2_000, Epoch(1), 3_607_100), None, "sent again");
    }

    #[test]
    fn a_manager_whose_clock_was_set_back_goes_on_in_order() {
        let series = series();
        assert_eq!(series.next(100_000, Epoch(1), 100_000), Some(100_000));
        assert_eq!(series.next(50_000, Epoch(2), 50_000), Some(100_001));
        assert_eq!(series.next(51_000, Epoch(2), 51_000), Some(101_001));
    }

    #[test]
    fn a_series_ends_once_and_what_is_replayed_fits_behind() {
        let series = series();
        assert_eq!(series.end(1_000), None, "it has not begun");
        assert_eq!(series.next(1_000, Epoch(1), 1_000), Some(1_000));
        assert!(series.is_open());
        assert_eq!(series.end(1_999), None, "it was there a moment ago");
        assert_eq!(series.end(2_000), Some(1_001));
        assert_eq!(series.end(3_000), None);
        assert_eq!(series.next(2_000, Epoch(1), 30_000), Some(2_000));
        assert_eq!(series.end(u64::MAX), Some(2_001));
    }
}
