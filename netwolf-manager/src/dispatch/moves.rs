//! Planned moves, a few at a time: a device has no session while it goes from one shard to another, and if all went
//! at once, most would wait for their login behind the others and miss polls.
//!
//! ```text
//!   reconcile --> room? --yes--> revoke ... revoked ... grant ... up, or tried --> room for the next
//!                  |no                                              ^
//!                  +--> waits                                      10 s
//! ```
//!
//! Invariant: at most [`AT_ONCE`] devices are on the way because of a plan; what a loss makes necessary does not wait.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use netwolf_wire::DeviceName;

/// As many logins with one credential are permitted at a time.
pub(super) const AT_ONCE: usize = 32;
/// A device that has not come up after so long makes room: it may be down.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The devices that move, and those that are to.
#[derive(Debug, Default)]
pub(super) struct Moves {
    /// Each until when it keeps others waiting.
    under_way: BTreeMap<DeviceName, Instant>,
    waiting: BTreeSet<DeviceName>,
}

impl Moves {
    /// Whether the device may move now; else it waits for its turn.
    pub(super) fn begin(&mut self, device: &DeviceName, now: Instant) -> bool {
        if self.under_way.len() >= AT_ONCE && !self.under_way.contains_key(device) {
            self.waiting.insert(device.clone());
            return false;
        }
        self.under_way.insert(device.clone(), now + PATIENCE);
        true
    }

    /// The device has arrived, or it was seen that it does not.
    pub(super) fn end(&mut self, device: &DeviceName) {
        self.under_way.remove(device);
    }

    /// The next device that waits, where there is room for it.
    pub(super) fn next(&mut self, now: Instant) -> Option<DeviceName> {
        if self.under_way.len() >= AT_ONCE {
            self.under_way.retain(|_, until| *until > now);
        }
        let has_room = self.under_way.len() < AT_ONCE;
        has_room.then(|| self.waiting.pop_first()).flatten()
    }

    /// When [`Self::next`] has one that it has not now.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let first = self.under_way.values().min().copied();
        first.filter(|_| !self.waiting.is_empty())
    }

    /// How many wait for their turn.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(n: usize) -> DeviceName {
        DeviceName::new(&format!("r{n:03}")).unwrap()
    }

    #[test]
    fn a_few_move_at_a_time_and_each_that_arrives_makes_room_for_one() {
        let (mut moves, now) = (Moves::default(), Instant::now());
        let begun = (0..40).filter(|n| moves.begin(&device(*n), now)).count();
        assert_eq!((begun, moves.waiting()), (AT_ONCE, 8));
        assert_eq!(moves.next(now), None);
        moves.end(&device(5));
        assert_eq!(moves.next(now), Some(device(32)));
        assert!(moves.begin(&device(32), now));
        assert_eq!(moves.next(now), None);
    }

    #[test]
    fn a_device_that_does_not_come_up_makes_room_in_the_end() {
        let (mut moves, now) = (Moves::default(), Instant::now());
        (0..33).for_each(|n| {
            moves.begin(&device(n), now);
        });
        assert_eq!(moves.poll_timeout(), Some(now + PATIENCE));
        assert_eq!(moves.next(now + PATIENCE), Some(device(32)));
        assert_eq!(moves.poll_timeout(), None);
    }
}
