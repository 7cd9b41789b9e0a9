//! When each command of a device is due.
//!
//! ```text
//!   unix time  0 ----+------+------+------+----->     interval 5 s, phase 2 s
//!                    2      7      12     17
//! ```
//!
//! A command is due at every Unix time that leaves its phase when divided by its interval. The phase is a
//! hash of device and command, so ten thousand devices do not fire together, and it hangs on a fixed epoch,
//! so a restart or a move does not shift it.
//!
//! Invariants: a command never overlaps itself, since it is handed out again only after the one before
//! (the session runs one at a time); slots that passed meanwhile are skipped and counted, never made up for.

use std::time::{Duration, Instant};

use netwolf_wire::hash;

use crate::clock::Clock;

/// A command that has not run for its interval runs within this time after login, so that nobody waits an
/// hour for the first value of an hourly command; and one with a shorter interval at once, since devices that have
/// moved have waited for long enough.
const FIRST_RUN_WITHIN: Duration = Duration::from_secs(2);

/// A command whose time came so shortly before the session was up runs at once: a device that had ended the session just
/// before would cost it a whole interval otherwise.
const STILL_DUE: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Entry {
    interval: Duration,
    /// Below the interval.
    phase: Duration,
    due: Option<Instant>,
    last_start: Option<Instant>,
}

/// The due times of one device's commands.
#[derive(Debug)]
pub(crate) struct Schedule {
    clock: Clock,
    entries: Vec<Entry>,
}

/// A command to run now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// Which one, as given to [`Schedule::new`].
    pub(crate) command: usize,
    /// When it was due.
    pub(crate) at: Instant,
    /// Slots that passed without it.
    pub(crate) skipped: u64,
}

impl Schedule {
    /// A schedule for the commands of `device`; nothing is due before [`Self::resume`].
    pub(crate) fn new<'a>(
        clock: Clock,
        device: &str,
        commands: impl Iterator<Item = (&'a str, Duration)>,
    ) -> Self {
        let device = hash::hash64(device.as_bytes());
        let entries = commands
            .map(|(text, interval)| {
                let interval = interval.max(Duration::from_millis(1));
                let word = hash::combine(device, hash::hash64(text.as_bytes()));
                let nanos = u128::from(word) % interval.as_nanos();
                Entry {
                    interval,
                    phase: Duration::from_nanos(u64::try_from(nanos).unwrap_or_default()),
                    due: None,
                    last_start: None,
                }
            })
            .collect();
        Self { clock, entries }
    }

    /// The session is up at `now`: from here on commands are due. Time before it is not counted as skipped.
    pub(crate) fn resume(&mut self, now: Instant) {
        for entry in &mut self.entries {
            let slot = entry.next_slot(&self.clock, now);
            let stale = entry
                .last_start
                .is_none_or(|start| now.saturating_duration_since(start) >= entry.interval);
            let patience = STILL_DUE.min(entry.interval);
            let just_missed = entry
                .due
                .and_then(|due| now.checked_duration_since(due))
                .is_some_and(|late| late < patience);
            entry.due = Some(
                if just_missed || (stale && entry.interval <= FIRST_RUN_WITHIN) {
                    now
                } else if stale {
                    let spread = entry.phase.as_nanos() % FIRST_RUN_WITHIN.as_nanos();
                    slot.min(now + Duration::from_nanos(u64::try_from(spread).unwrap_or_default()))
                } else {
                    slot
                },
            );
        }
    }

    /// When the next command is due; `None` when there are none.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.entries.iter().filter_map(|entry| entry.due).min()
    }

    /// Hands out the command that has been due longest, if one is at `now`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Due> {
        let (command, entry) = self
            .entries
            .iter_mut()
            .enumerate()
            .filter(|(_, entry)| entry.due.is_some_and(|due| due <= now))
            .min_by_key(|(_, entry)| entry.due)?;
        let at = entry.due?;
        let late = now.saturating_duration_since(at);
        let skipped = late.as_nanos() / entry.interval.as_nanos();
        entry.last_start = Some(now);
        entry.due = Some(entry.next_slot(&self.clock, now + Duration::from_nanos(1)));
        Some(Due {
            command,
            at,
            skipped: u64::try_from(skipped).unwrap_or(u64::MAX),
        })
    }

    /// Takes over when commands ran last, where `old` has the same ones: a new plan is not a new start.
    pub(crate) fn inherit(&mut self, old: &Self, same: impl Iterator<Item = (usize, usize)>) {
        for (old_index, new_index) in same {
            self.entries[new_index].last_start = old.entries[old_index].last_start;
        }
    }
}

impl Entry {
    /// The first slot at or after `now`.
    fn next_slot(&self, clock: &Clock, now: Instant) -> Instant {
        let unix = clock.unix(now).as_nanos();
        let interval = self.interval.as_nanos();
        let into = (unix + interval - self.phase.as_nanos()) % interval;
        let wait = if into == 0 { 0 } else { interval - into };
        now + Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn schedule(device: &str, interval: Duration) -> (Schedule, Instant) {
        let now = Instant::now();
        let clock = Clock::of(now, Duration::from_secs(1_700_000_000));
        let mut schedule = Schedule::new(clock, device, [("show clock", interval)].into_iter());
        schedule.resume(now);
        (schedule, now)
    }

    #[test]
    fn a_command_is_due_once_an_interval_and_keeps_its_phase() {
        let (mut schedule, _) = schedule("core-1", 5 * SECOND);
        let first = schedule.next_due().unwrap();
        assert_eq!(
            schedule.pop(first),
            Some(Due {
                command: 0,
                at: first,
                skipped: 0
            })
        );
        let second = schedule.next_due().unwrap();
        // A little late, which must not shift what follows.
        assert!(schedule.pop(second + Duration::from_millis(300)).is_some());
        assert_eq!(schedule.next_due(), Some(second + 5 * SECOND));
    }

    #[test]
    fn a_restart_does_not_shift_the_phase() {
        let start = Instant::now();
        let slots = |offset: Duration| {
            let now = start + offset;
            let clock = Clock::of(now, Duration::from_secs(1_700_000_000) + offset);
            let mut schedule = Schedule::new(clock, "core-1", [("show clock", SECOND)].into_iter());
            schedule.resume(now);
            schedule.pop(now + SECOND);
            schedule.next_due().unwrap()
        };
        let difference = slots(Duration::from_millis(123_456)) - slots(Duration::ZERO);
        assert_eq!(
            difference.as_nanos() % SECOND.as_nanos(),
            0,
            "{difference:?}"
        );
    }

    #[test]
    fn phases_are_spread_over_the_interval() {
        let mut buckets = [0; 10];
        for n in 0..10_000 {
            let (mut schedule, now) = schedule(&format!("device-{n}"), SECOND);
            schedule.pop(now).unwrap();
            let wait = schedule.next_due().unwrap() - now;
            buckets[usize::try_from(wait.as_millis() / 100).unwrap().min(9)] += 1;
        }
        assert!(
            buckets.iter().all(|n| (800..1200).contains(n)),
            "{buckets:?}"
        );
    }

    #[test]
    fn late_slots_are_skipped_and_counted() {
        let (mut schedule, now) = schedule("core-1", SECOND);
        schedule.pop(now).unwrap();
        let first = schedule.next_due().unwrap();
        let late = first + Duration::from_millis(3500);
        assert_eq!(
            schedule.pop(late),
            Some(Due {
                command: 0,
                at: first,
                skipped: 3
            })
        );
        assert_eq!(schedule.pop(late), None);
        assert_eq!(schedule.next_due(), Some(first + 4 * SECOND));
    }

    #[test]
    fn the_first_value_of_a_command_comes_at_once() {
        let (schedule, now) = schedule("core-1", SECOND);
        assert_eq!(schedule.next_due(), Some(now));
    }

    #[test]
    fn the_first_value_of_an_hourly_command_comes_soon() {
        let hour = Duration::from_hours(1);
        for n in 0..100 {
            let (mut schedule, now) = schedule(&format!("device-{n}"), hour);
            let first = schedule.next_due().unwrap();
            assert!(first - now <= FIRST_RUN_WITHIN);
            schedule.pop(first);
            // A new login soon after does not run it again.
            schedule.resume(first + SECOND);
            assert!(
                schedule.next_due().unwrap() > first + SECOND
                    || schedule.next_due().unwrap() - first < hour
            );
        }
    }

    #[test]
    fn a_login_shortly_after_does_not_run_a_command_early() {
        let minute = Duration::from_mins(1);
        let (mut schedule, _) = schedule("core-1", minute);
        let first = schedule.next_due().unwrap();
        schedule.pop(first);
        let slot = schedule.next_due().unwrap();
        schedule.resume(first + SECOND);
        assert_eq!(schedule.next_due(), Some(slot));
    }

    #[test]
    fn a_command_whose_time_came_during_a_login_runs_after_it() {
        let minute = Duration::from_mins(1);
        let (mut schedule, _) = schedule("core-1", minute);
        schedule.pop(schedule.next_due().unwrap());
        let slot = schedule.next_due().unwrap();
        let up = slot + SECOND;
        schedule.resume(up);
        assert_eq!(schedule.next_due(), Some(up));
        let due = schedule.pop(up).unwrap();
        assert_eq!((due.at, due.skipped), (up, 0));
        assert_eq!(schedule.next_due(), Some(slot + minute), "the phase stays");
    }

    #[test]
    fn the_longest_due_command_goes_first() {
        let now = Instant::now();
        let clock = Clock::of(now, Duration::from_secs(1_700_000_000));
        let commands = [("a", SECOND), ("b", SECOND), ("c", SECOND)];
        let mut schedule = Schedule::new(clock, "core-1", commands.into_iter());
        schedule.resume(now);
        let mut seen = [0; 3];
        let mut at = now;
        for _ in 0..30 {
            at = schedule.next_due().unwrap().max(at);
            seen[schedule.pop(at).unwrap().command] += 1;
        }
        assert_eq!(seen, [10, 10, 10]);
    }
}
