//! Where the faults bring an answer to a halt.

use crate::device::Faults;

/// Where an answer comes to a halt, in bytes that may still be sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Halt {
    Never,
    Hang(usize),
    Drop(usize),
}

impl Halt {
    pub(super) fn of(faults: &Faults) -> Self {
        match (faults.drop_after, faults.hang_after) {
            (Some(bytes), _) => Self::Drop(bytes),
            (None, Some(bytes)) => Self::Hang(bytes),
            (None, None) => Self::Never,
        }
    }
}
