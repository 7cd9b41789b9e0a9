//! What a run may still do, and why it stops.
//!
//! Work is counted in steps and not in time, so that a program does the same everywhere.

use crate::limits::MAX_JQ_STEPS;

/// Why a step does not go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The program cannot do something with a value. `try` catches it.
    Error(Box<str>),
    /// All work is done that one output may take.
    Exhausted,
    /// Nobody wants more.
    Enough,
}

/// Whether to go on.
pub(crate) type Flow = Result<(), Stop>;

impl Stop {
    pub(crate) fn error(message: impl Into<Box<str>>) -> Self {
        Self::Error(message.into())
    }
}

/// The work that is left.
#[derive(Debug)]
pub(crate) struct Work {
    steps: u64,
}

/// Bytes of text that are handled in a step.
const BYTES_PER_STEP: usize = 16;

impl Work {
    /// All that one run may do.
    pub(super) const fn new() -> Self {
        Self {
            steps: MAX_JQ_STEPS,
        }
    }

    /// Takes `steps` of it.
    pub(crate) fn spend(&mut self, steps: u64) -> Flow {
        let left = self.steps.checked_sub(steps);
        self.steps = left.unwrap_or(0);
        left.map(|_| ()).ok_or(Stop::Exhausted)
    }

    /// Takes as much as text of that length costs.
    pub(crate) fn spend_bytes(&mut self, bytes: usize) -> Flow {
        self.spend((bytes / BYTES_PER_STEP) as u64 + 1)
    }
}
