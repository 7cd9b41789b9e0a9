//! Misbehaviour that a test switches on while the fleet runs.

use std::time::Duration;

/// What is wrong with a device. The default is nothing.
///
/// Faults of the answer work in this order: the echo goes out, then `latency` and `split` pass,
/// then `prompt_inside` and `flood` are sent, then `hang` holds, then the real output follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each fault is on or off by itself"
)]
pub struct Faults {
    /// Time between a command and its answer. Ctrl-C or Ctrl-^ ends the wait and drops the answer.
    pub latency: Duration,
    /// Gap between echo and output, so that they come in separate packets as from slow devices.
    pub split: Duration,
    /// New connections are accepted and never hear a byte; ended when the fault ends.
    pub mute: bool,
    /// The listener is closed, so that connecting is refused; live sessions go on.
    pub refuse: bool,
    /// Commands are not answered and typing is not heard, though the shell stays open; the answer
    /// comes when the fault ends.
    pub hang: bool,
    /// This many bytes of text before each command's real output.
    pub flood: usize,
    /// A copy of the prompt stands inside each command's output.
    pub prompt_inside: bool,
}

impl Faults {
    /// Whether answers to commands are touched.
    pub(crate) fn touch_answers(&self) -> bool {
        self.hang
            || self.prompt_inside
            || self.flood > 0
            || !self.latency.is_zero()
            || !self.split.is_zero()
    }
}
