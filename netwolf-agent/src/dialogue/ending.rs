//! Where the output of a line that was typed begins and ends. Part of [`Dialogue`]'s machine.

use std::time::Instant;

use super::{
    Dialogue, Event, Output, QUIET, State,
    echo::{Echo, find_echo},
    text_of,
};

impl Dialogue {
    pub(super) fn look_for_end(&mut self, now: Instant) {
        let (State::SettingUp { typed, .. } | State::Running(typed)) = &mut self.state else {
            return;
        };
        if typed.believe_at.take().is_some() && typed.lines_before < self.cleaner.lines().len() {
            self.doubt.note_right();
        }
        if !typed.echo_seen {
            match find_echo(self.cleaner.lines(), &typed.text, &self.prompt) {
                Echo::Found { start, end } => {
                    self.echoes = Some(true);
                    typed.echo_seen = true;
                    self.note_leftovers(start, now);
                    self.cleaner.drop_front(end - start);
                }
                Echo::NotYet { stale } => self.note_leftovers(stale, now),
                Echo::Missing { stale } if self.echoes == Some(true) => {
                    self.note_leftovers(stale, now);
                }
                Echo::Missing { .. } => {
                    self.echoes = Some(false);
                    typed.echo_seen = true;
                }
            }
        }
        let (State::SettingUp { typed, .. } | State::Running(typed)) = &mut self.state else {
            return;
        };
        typed.lines_before = self.cleaner.lines().len();
        let line = self.cleaner.current_line().trim_ascii_end();
        if line == self.prompt {
            if typed.echo_seen && !self.doubt.settles() {
                self.finish(now);
            } else if typed.echo_seen || self.echoes != Some(true) {
                typed.believe_at = Some(now + QUIET);
            }
        } else if typed.echo_seen && line.ends_with(&self.prompt) {
            // The output had no line end, or the prompt has got a mark in front.
            typed.believe_at = Some(now + QUIET);
        }
    }

    pub(super) fn finish(&mut self, now: Instant) {
        let line = self.cleaner.current_line().trim_ascii_end();
        let mut bytes = self.cleaner.lines().to_vec();
        bytes.extend_from_slice(
            line.strip_suffix(self.prompt.as_slice())
                .unwrap_or_default(),
        );
        let text = text_of(&bytes);
        let truncated = self.cleaner.is_truncated();
        self.cleaner.clear();
        self.doubt.note_end(now);
        if let State::SettingUp { step, .. } = std::mem::replace(&mut self.state, State::Ready) {
            // A refused set-up command is no reason not to poll: the pager is answered all the same.
            self.set_up(step + 1, now);
        } else {
            let rejected = self.manners.refusal(&text).map(|line| self.quote(line));
            self.become_ready(Event::Output(Output {
                text,
                truncated,
                rejected,
            }));
        }
    }

    /// Drops the first `n` bytes of the lines, which came before the echo of the current command. Anything
    /// but prompts among them is the rest of the output before: its end was taken for one too early.
    pub(super) fn note_leftovers(&mut self, n: usize, now: Instant) {
        let mut lines = self.cleaner.lines()[..n]
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii);
        if !self.stopped
            && !self.prompt.is_empty()
            && lines.any(|line| !line.is_empty() && line != self.prompt)
        {
            self.doubt.note_leftovers(now);
        }
        self.cleaner.drop_front(n);
    }
}
