//! A prompt that changes while the session lives: another hostname, a mode, a mark for unsaved changes, the
//! other machine of a pair. Part of [`Dialogue`]'s machine.
//!
//! ```text
//!   a line fits the expression but is not the prompt --silence--> a newline is sent
//!      the same line comes again, then silence --> it is the prompt; output ended before it first came
//!      anything else comes                     --> it was output; the newline owes us one prompt more
//! ```
//!
//! A version line such as `[V200R009C00SPC500]` therefore never ends output, however long the device pauses
//! behind it.

use std::time::Instant;

use super::{Dialogue, Familiar, QUIET, STRANGE_QUIET};

/// What is known of a line that may be a new prompt.
#[derive(Debug)]
pub(super) enum Suspect {
    /// It stands there; in silence it is asked about.
    Seen {
        /// When.
        ask_at: Instant,
    },
    /// A newline was sent behind it.
    Asked {
        /// The line, without spaces at its end.
        line: Vec<u8>,
        /// Bytes of lines before it.
        before: usize,
        /// It came again; when that is believed.
        believe_at: Option<Instant>,
    },
}

impl super::Typed {
    /// When something is to be done about the suspect.
    pub(super) fn suspicion_at(&self) -> Option<Instant> {
        match self.suspect.as_ref()? {
            Suspect::Seen { ask_at } => Some(*ask_at),
            Suspect::Asked { believe_at, .. } => *believe_at,
        }
    }

    /// Something came, so that the line may stand there no longer.
    pub(super) fn look_again(&mut self) {
        match &mut self.suspect {
            Some(Suspect::Seen { .. }) => self.suspect = None,
            Some(Suspect::Asked { believe_at, .. }) => *believe_at = None,
            None => {}
        }
    }

    /// The line that stands there may be a new prompt.
    pub(super) fn suspect(&mut self, now: Instant) {
        self.suspect = Some(Suspect::Seen {
            ask_at: now + STRANGE_QUIET,
        });
    }
}

impl Dialogue {
    /// Looks for the answer to a newline that was sent behind a strange prompt. Tells whether it is still
    /// awaited.
    pub(super) fn hear_answer(&mut self, now: Instant) -> bool {
        let Some(typed) = self.state.typed() else {
            return false;
        };
        let Some(Suspect::Asked {
            line,
            before,
            believe_at,
        }) = &mut typed.suspect
        else {
            return false;
        };
        let shown = self.cleaner.shown();
        let since = self.cleaner.lines().get(*before..).unwrap_or_default();
        let mut since = since.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let is_answer = since
            .all(|text| text.is_empty() || text == line.as_slice() || self.manners.is_above(text));
        let moved = self.cleaner.lines().len() > *before;
        // A device that does not echo may show it behind itself.
        let twice = shown.len() == 2 * line.len() && shown.starts_with(line);
        if is_answer && (moved && shown == line.as_slice() || twice && shown.ends_with(line)) {
            *believe_at = Some(now + QUIET);
            return true;
        }
        if is_answer && moved && shown == self.prompt && line.ends_with(&self.prompt) {
            // The output had no line end, and the prompt stood behind its last line.
            let head = line.len() - self.prompt.len();
            line.truncate(head);
            let (line, before) = (std::mem::take(line), *before);
            typed.suspect = None;
            self.finish_at(before, &line, now);
            return true;
        }
        let is_prompt = shown == self.prompt || self.manners.prompt_in(shown).is_some();
        if is_answer && !(moved && is_prompt) {
            return true;
        }
        // It was output: the newline will be answered behind the prompt that ends it.
        typed.suspect = None;
        typed.owed_after = typed.owed_after.saturating_add(1);
        false
    }

    /// A suspect was left alone for long enough.
    pub(super) fn settle_suspicion(&mut self, now: Instant) {
        let lines = self.cleaner.lines().len();
        let Some(typed) = self.state.typed() else {
            return;
        };
        match typed.suspect.take() {
            Some(Suspect::Seen { .. }) => {
                typed.suspect = Some(Suspect::Asked {
                    line: self.cleaner.shown().to_vec(),
                    before: lines,
                    believe_at: None,
                });
                self.send_newline();
            }
            Some(Suspect::Asked { line, before, .. }) => {
                self.learn(line);
                self.finish_at(before, &[], now);
            }
            None => {}
        }
    }

    /// From here on `line` is the prompt.
    pub(super) fn learn(&mut self, line: Vec<u8>) {
        self.prompt = line;
        self.relearns += 1;
        // Which outputs show the prompt was known of the old one.
        self.familiar = Familiar::default();
    }
}
