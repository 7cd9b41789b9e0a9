//! When a burst of changes is over. No clock: time comes in.

use std::time::{Duration, Instant};

/// Call [`Debounce::handle_timeout`] at or after [`Debounce::poll_timeout`]; calling it early is harmless.
#[derive(Debug)]
pub(super) struct Debounce {
    quiet: Duration,
    patience: Duration,
    burst: Option<Burst>,
}

#[derive(Clone, Copy, Debug)]
struct Burst {
    first: Instant,
    last: Instant,
}

impl Debounce {
    /// A burst ends after `quiet` without a change, or `patience` after its first.
    pub(super) fn new(quiet: Duration, patience: Duration) -> Self {
        Self {
            quiet,
            patience,
            burst: None,
        }
    }

    /// Something changed.
    pub(super) fn handle_change(&mut self, now: Instant) {
        let first = self.burst.map_or(now, |burst| burst.first);
        self.burst = Some(Burst { first, last: now });
    }

    /// When the burst is over if nothing more comes.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let burst = self.burst?;
        Some((burst.last + self.quiet).min(burst.first + self.patience))
    }

    /// Whether a burst is over; it is told once.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> bool {
        let is_over = self.poll_timeout().is_some_and(|deadline| deadline <= now);
        if is_over {
            self.burst = None;
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_millis(200);
    const PATIENCE: Duration = Duration::from_secs(2);

    #[test]
    fn a_burst_is_told_once_when_it_is_over() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut debounce = Debounce::new(QUIET, PATIENCE);
        assert_eq!(debounce.poll_timeout(), None);
        assert!(!debounce.handle_timeout(at(0)));
        debounce.handle_change(at(0));
        debounce.handle_change(at(150));
        assert_eq!(debounce.poll_timeout(), Some(at(350)));
        assert!(!debounce.handle_timeout(at(349)));
        assert!(debounce.handle_timeout(at(350)));
        assert!(!debounce.handle_timeout(at(1000)), "once");
        assert_eq!(debounce.poll_timeout(), None);
    }

    #[test]
    fn changes_without_end_are_told_all_the_same() {
        let start = Instant::now();
        let mut debounce = Debounce::new(QUIET, PATIENCE);
        let mut told = Vec::new();
        for millis in (0..5000).step_by(100) {
            let now = start + Duration::from_millis(millis);
            debounce.handle_change(now);
            if debounce.handle_timeout(now) {
                told.push(millis);
            }
        }
        assert_eq!(told, [2000, 4100]);
    }
}
