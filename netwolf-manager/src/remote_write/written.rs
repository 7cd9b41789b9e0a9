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
    /// Agents' clocks differ. Where a device has gone to an agent whose clock is behind, times are counted from the
    /// present until they fit by themselves; receivers would refuse them all otherwise.
    pub(super) fn next(&self, time_ms: u64, epoch: Epoch, now_ms: u64) -> Option<u64> {
        let mut course = lock(&self.course);
        let fits = time_ms > course.last_ms;
        if fits {
            course.shift_ms = 0;
        } else if course.epoch != Some(epoch) {
            course.shift_ms = now_ms.max(course.last_ms + 1) - time_ms;
        }
        course.epoch = Some(epoch);
        let time_ms = time_ms + course.shift_ms;
        if time_ms <= course.last_ms {
            return None;
        }
        course.last_ms = time_ms;
        course.is_open = true;
        Some(time_ms)
    }

    /// The series has ended: the time of its stale marker, which leaves room for every later sample.
    pub(super) fn end(&self) -> Option<u64> {
        let mut course = lock(&self.course);
        if !std::mem::take(&mut course.is_open) {
            return None;
        }
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
    fn a_manager_whose_clock_was_set_back_goes_on_in_order() {
        let series = series();
        assert_eq!(series.next(100_000, Epoch(1), 100_000), Some(100_000));
        assert_eq!(series.next(50_000, Epoch(2), 50_000), Some(100_001));
        assert_eq!(series.next(51_000, Epoch(2), 51_000), Some(101_001));
    }

    #[test]
    fn a_series_ends_once_and_what_is_replayed_fits_behind() {
        let series = series();
        assert_eq!(series.end(), None, "it has not begun");
        assert_eq!(series.next(1_000, Epoch(1), 1_000), Some(1_000));
        assert!(series.is_open());
        assert_eq!(series.end(), Some(1_001));
        assert_eq!(series.end(), None);
        assert_eq!(series.next(2_000, Epoch(1), 30_000), Some(2_000));
        assert_eq!(series.end(), Some(2_001));
    }
}
