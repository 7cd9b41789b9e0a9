//! When which state is over: one table of all deadlines.
//!
//! | State | Owner | What ends it at the latest | It is then |
//! |---|---|---|---|
//! | step pending, in a batch to come | its run | [`Timer::Deadline`] | cancelled |
//! | step pending, nobody has its device | the machine, which looks again by [`Timer::Wake`] | [`Settings::unplaced_ms`](super::Settings) | failed |
//! | step pending, it came back | the machine, by [`Timer::Wake`] | a bound on returns | failed |
//! | step leased, running | its shard | [`Timer::Step`]: its deadline and the grace | unknown |
//! | step leased, running, after a restart | its shard, which may be gone | [`Timer::Settle`] | unknown |
//! | step leased, running, the run's deadline over | its shard, which was told to cancel | [`Timer::Step`], drawn near | unknown |
//! | step unknown, to be verified | the machine, by [`Timer::Wake`] | a bound on tries, [`Timer::Deadline`] | given up |
//! | step unknown, verify in hand | its shard | [`Timer::Step`] | verified anew, or given up; what that shard tells later still settles it |
//! | step ended, its guards watched | who watches metrics, and says that they have held | [`Timer::Watch`]: their time and a grace | failed, its run stopped |
//! | run waiting, running | the machine | [`Timer::Window`], [`Timer::Deadline`] | ended when its steps are |
//! | run paused | a person | [`Timer::Deadline`] | ended when its steps are |
//! | run cancelling, stopped | the shards | the timers of its steps | ended |
//! | run ended with unknown steps | whoever settles them | [`Timer::Linger`] | no longer kept in memory |

use std::collections::BTreeSet;

use netwolf_wire::step::RunId;

use super::live::Key;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// An attempt has not ended.
    Step(Key),
    /// A step may be tried to be sent again.
    Wake(Key),
    /// Nobody has said that the guards of a step have held.
    Watch(Key),
    /// A run has had its time.
    Deadline(RunId),
    /// A run's window opens or closes.
    Window(RunId),
    /// Shards have had their time to return.
    Settle,
    /// An ended run is forgotten.
    Linger(RunId),
}

/// All deadlines, soonest first. Who arms one knows when, and says so again to disarm it.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    due: BTreeSet<(u64, Timer)>,
}

impl Timers {
    pub(super) fn arm(&mut self, at_ms: u64, timer: Timer) {
        self.due.insert((at_ms, timer));
    }

    pub(super) fn disarm(&mut self, at_ms: u64, timer: Timer) {
        self.due.remove(&(at_ms, timer));
    }

    /// Moves a timer from where it was to where it is to be, either of which may be nowhere.
    pub(super) fn shift(&mut self, from: Option<u64>, to: Option<u64>, timer: Timer) {
        if from == to {
            return;
        }
        if let Some(at_ms) = from {
            self.disarm(at_ms, timer);
        }
        if let Some(at_ms) = to {
            self.arm(at_ms, timer);
        }
    }

    /// The soonest deadline.
    pub(super) fn next_ms(&self) -> Option<u64> {
        self.due.first().map(|(at_ms, _)| *at_ms)
    }

    /// Takes out one that is due.
    pub(super) fn pop(&mut self, now_ms: u64) -> Option<Timer> {
        if self.next_ms()? > now_ms {
            return None;
        }
        self.due.pop_first().map(|(_, timer)| timer)
    }
}
