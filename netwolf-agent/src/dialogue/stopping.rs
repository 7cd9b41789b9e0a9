//! A command that is past its deadline is stopped. Part of [`Dialogue`]'s machine.
//!
//! A device that echoes is ready as soon as it shows its prompt: whatever is left of the command comes before
//! the next echo. One that does not echo must show its prompt, fall silent, be sent a newline, show it again
//! and fall silent again, or what comes late would be taken for the output of the next command.

use std::time::Instant;

use super::{Dialogue, Event, INTERRUPT_GRACE, QUIET, STRANGE_QUIET, State};

/// While a command is being stopped, so many bytes of lines are let pile up before they are dropped.
const MAX_LINES: usize = 4 * 1024;

/// How far the device has come.
#[derive(Debug)]
pub(super) struct Stopping {
    /// When the session is given up.
    pub(super) until: Instant,
    /// When the line that stands there is believed, or asked about.
    pub(super) settle_at: Option<Instant>,
    /// The line at which a newline was typed to see whether it comes again.
    asked: Option<Vec<u8>>,
}

impl Stopping {
    pub(super) fn next_timeout(&self) -> Instant {
        self.settle_at.map_or(self.until, |at| at.min(self.until))
    }
}

impl Dialogue {
    /// Tells the device to stop what it does.
    pub(super) fn interrupt(&mut self, now: Instant) {
        self.note_unanswered();
        self.transmit.push(&self.manners.interrupt);
        self.asking.silence_ends();
        self.answering.withhold();
        self.cleaner.clear();
        self.stopped = true;
        self.owed = 0;
        self.state = State::Interrupting(Stopping {
            until: now + INTERRUPT_GRACE,
            settle_at: None,
            asked: None,
        });
    }

    pub(super) fn watch_stop(&mut self, now: Instant) {
        let State::Interrupting(stopping) = &mut self.state else {
            return;
        };
        let line = self.cleaner.shown();
        let is_prompt = line == self.prompt;
        if is_prompt && self.echoes == Some(true) {
            self.become_ready(Event::TimedOut, now);
        } else if is_prompt || self.manners.prompt_in(line).is_some() {
            let again = stopping.asked.as_deref() == Some(line);
            if !again {
                stopping.asked = None;
            }
            let quiet = if again && self.echoes == Some(true) {
                QUIET
            } else {
                STRANGE_QUIET
            };
            stopping.settle_at = Some(now + quiet);
        } else if self.cleaner.lines().len() > MAX_LINES {
            let lines = self.cleaner.lines().len();
            self.cleaner.drop_front(lines);
        }
    }

    /// A prompt, known or strange, stands there in silence.
    pub(super) fn settle_stop(&mut self, now: Instant) {
        let State::Interrupting(stopping) = &mut self.state else {
            return;
        };
        stopping.settle_at = None;
        let line = self.cleaner.shown().to_vec();
        if stopping.asked.as_ref() == Some(&line) {
            if line != self.prompt {
                self.learn(line);
            }
            self.become_ready(Event::TimedOut, now);
        } else {
            stopping.asked = Some(line);
            self.cleaner.clear();
            self.send_newline();
        }
    }
}
