//! Whether a prompt is to be believed at once. Pure.
//!
//! Output that goes on just after a prompt was believed shows that a line of output was taken for the prompt:
//! from then on a prompt is believed after a silence only, which makes each command slower. A line that
//! comes later is one that nobody asked for, such as a log message, and tells nothing of prompts.

use std::time::{Duration, Instant};

/// What comes so soon after a prompt belongs to the output before it.
const SOON: Duration = Duration::from_secs(1);
/// So many commands in a row without a reason for doubt end it.
const CLEAN_COMMANDS: u32 = 100;

/// How much a prompt is doubted.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// Commands until prompts are believed at once again.
    left: u32,
    /// When the last prompt was believed.
    believed: Option<Instant>,
}

impl Doubt {
    /// Whether a prompt is believed after a silence only.
    pub(super) const fn settles(&self) -> bool {
        self.left > 0
    }

    /// A prompt was believed: a command is done.
    pub(super) const fn note_end(&mut self, now: Instant) {
        self.left = self.left.saturating_sub(1);
        self.believed = Some(now);
    }

    /// Text came that belongs to no command under way.
    pub(super) fn note_leftovers(&mut self, now: Instant) {
        if self
            .believed
            .is_some_and(|at| now.saturating_duration_since(at) <= SOON)
        {
            self.left = CLEAN_COMMANDS;
        }
    }

    /// Output went on after a prompt that was doubted: the doubt was right.
    pub(super) const fn note_right(&mut self) {
        if self.settles() {
            self.left = CLEAN_COMMANDS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_soon_after_a_prompt_makes_doubt_and_clean_commands_end_it() {
        let now = Instant::now();
        let mut doubt = Doubt::default();
        doubt.note_leftovers(now);
        assert!(!doubt.settles(), "no prompt was believed yet");
        doubt.note_end(now);
        doubt.note_leftovers(now + SOON * 2);
        assert!(!doubt.settles());
        doubt.note_leftovers(now + SOON / 2);
        assert!(doubt.settles());
        (1..CLEAN_COMMANDS).for_each(|_| doubt.note_end(now));
        assert!(doubt.settles());
        doubt.note_right();
        (1..CLEAN_COMMANDS).for_each(|_| doubt.note_end(now));
        assert!(doubt.settles(), "the doubt was right, so it lasts");
        doubt.note_end(now);
        assert!(!doubt.settles());
    }
}
