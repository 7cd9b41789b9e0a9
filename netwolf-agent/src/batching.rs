//! A busy shard looks for news every four milliseconds instead of at each piece of it.
//!
//! ```text
//!   quiet   | news -> work -> wait | news -> work -> wait |        a wake-up for each
//!   busy    | pause 4 ms | all news of that time -> work | ...     one for all
//! ```
//!
//! A wake-up costs system calls and cold caches, and a shard with thousands of sessions has thousands of them a
//! second. The price of one for all is up to 4 ms more for each step of a poll, so a shard that has little to do
//! does not pay it.
//!
//! Invariant: the pause depends on what share of its time the shard worked, and not on how often it woke, which
//! the pause itself changes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

/// How long a busy shard waits for more. A device sends the echo of a command and its output some milliseconds apart, and
/// mostly both are there after so long.
const PAUSE: Duration = Duration::from_millis(4);
/// The share of time at work is taken over so long.
const WINDOW: Duration = Duration::from_millis(100);
/// A shard that works more than this share of its time is busy, in percent; it is quiet again below the other.
const BUSY: u32 = 6;
const QUIET: u32 = 3;

/// What share of its time an event loop works, for whoever wants to know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Load(Arc<AtomicU32>);

impl Load {
    /// From 0 to 1; of the last tenth of a second.
    pub(crate) fn ratio(&self) -> f64 {
        f64::from(self.0.load(Ordering::Relaxed)) / 1000.0
    }
}

/// Tells an event loop when to pause. One thread's own.
#[derive(Debug)]
pub(crate) struct Batching {
    load: Load,
    busy: bool,
    began: Instant,
    /// Time at work since `began`.
    worked: Duration,
    woke: Instant,
}

impl Batching {
    /// A quiet loop.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            load: Load::default(),
            busy: false,
            began: now,
            worked: Duration::ZERO,
            woke: now,
        }
    }

    /// Where the loop's load can be read.
    pub(crate) fn load(&self) -> Load {
        self.load.clone()
    }

    /// The loop has nothing more to do: how long it is to wait before it looks again.
    pub(crate) fn handle_park(&mut self, now: Instant) -> Option<Duration> {
        self.worked += now.saturating_duration_since(self.woke);
        self.woke = now;
        let passed = now.saturating_duration_since(self.began);
        if passed >= WINDOW {
            let bound = if self.busy { QUIET } else { BUSY };
            self.busy = self.worked * 100 > passed * bound;
            let share = self.worked.as_secs_f64() / passed.as_secs_f64();
            let permille = Duration::from_secs(1).mul_f64(share).as_millis();
            self.load
                .0
                .store(u32::try_from(permille).unwrap_or(1000), Ordering::Relaxed);
            self.began = now;
            self.worked = Duration::ZERO;
        }
        self.busy.then_some(PAUSE)
    }

    /// The loop goes on.
    pub(crate) fn handle_unpark(&mut self, now: Instant) {
        self.woke = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes in work for two seconds, of which `share` percent is spent on it where each piece is done when it comes
    /// and two thirds of that where many are done together; says whether it pauses then.
    fn pauses(batching: &mut Batching, now: &mut Instant, share: u32) -> bool {
        let end = *now + Duration::from_secs(2);
        let mut pause = None;
        while *now < end {
            let waited = pause.unwrap_or(Duration::from_micros(100));
            *now += waited;
            batching.handle_unpark(*now);
            let dear = if pause.is_some() { 2 } else { 3 };
            *now += waited * share * dear / 300;
            pause = batching.handle_park(*now);
        }
        pause.is_some()
    }

    #[test]
    fn a_busy_loop_pauses_and_a_quiet_one_does_not() {
        let mut now = Instant::now();
        let mut batching = Batching::new(now);
        assert!(!pauses(&mut batching, &mut now, 5));
        assert!(pauses(&mut batching, &mut now, 12));
        // What makes it cheaper must not end it.
        assert!(pauses(&mut batching, &mut now, 7));
        assert!(!pauses(&mut batching, &mut now, 2));
    }
}
