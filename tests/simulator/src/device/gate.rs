//! What stands between a device and its sockets: open, deaf, or swallowing everything.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

use super::Faults;

const OPEN: u8 = 0;
const DEAF: u8 = 1;
const HALF_OPEN: u8 = 2;

/// How bytes pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// Both ways.
    Open,
    /// Out only; what comes waits in the kernel.
    Deaf,
    /// They vanish both ways.
    HalfOpen,
}

/// One device's gate. Readers ask it at every read, so asking is one load.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: AtomicU8,
    /// Readers that wait for the gate to open.
    waiting: Mutex<Vec<Waker>>,
}

impl Gate {
    /// Follows the faults in force.
    pub(super) fn follow(&self, faults: &Faults) {
        let state = match (faults.half_open, faults.deaf) {
            (true, _) => HALF_OPEN,
            (false, true) => DEAF,
            (false, false) => OPEN,
        };
        if self.state.swap(state, Ordering::AcqRel) != state {
            self.wake();
        }
    }

    pub(crate) fn passage(&self) -> Passage {
        match self.state.load(Ordering::Acquire) {
            DEAF => Passage::Deaf,
            HALF_OPEN => Passage::HalfOpen,
            _ => Passage::Open,
        }
    }

    /// Wakes `waker` at the next change, or when a connection is cut.
    pub(crate) fn wait(&self, waker: &Waker) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.iter().any(|known| known.will_wake(waker)) {
            waiting.push(waker.clone());
        }
    }

    /// Lets all that wait look again.
    pub(super) fn wake(&self) {
        let waiting =
            std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        for waker in waiting {
            waker.wake();
        }
    }
}
