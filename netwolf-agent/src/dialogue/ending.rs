//! Where the output of a line that was typed begins and ends. Part of [`Dialogue`]'s machine.

use std::time::Instant;

use super::{
    Dialogue, EchoSeen, Event, Output, QUIET, STRANGE_QUIET, State, Typed,
    echo::{Echo, Sought, find_echo, is_begun, repeated_echo},
    manners::last_line,
    text_of,
};

impl Dialogue {
    pub(super) fn look_for_end(&mut self, now: Instant) {
        let Some(typed) = self.state.typed() else {
            return;
        };
        if typed.echo != EchoSeen::Over {
            self.look_for_echo(now);
        }
        if self.hear_answer(now) {
            return;
        }
        let Some(typed) = self.state.typed() else {
            return;
        };
        typed.lines_before = self.cleaner.lines().len();
        let line = self.cleaner.shown();
        // Before the echo nothing ends output, where there will be one.
        if !typed.echo_seen() && self.echoes == Some(true) {
            return;
        }
        if line == self.prompt {
            let quiet = if typed.owed_after > 0 {
                STRANGE_QUIET
            } else if !typed.echo_seen() && typed.owed_before > 0 {
                // It answers what was typed before.
                typed.owed_before -= 1;
                self.cleaner.clear();
                return;
            } else if !typed.echo_seen() || typed.settles || self.doubt.settles() {
                QUIET
            } else {
                self.finish(now);
                return;
            };
            typed.believe_at = Some(now + quiet);
        } else if self.manners.prompt_in(line).is_some() {
            typed.suspect(now);
        } else if typed.echo_seen() && line.ends_with(&self.prompt) {
            // The output had no line end.
            typed.believe_at = Some(now + QUIET);
        }
    }

    /// Whether all that came since a line was typed may be its echo, whole or as far as it has come, on a line that has
    /// no end yet.
    pub(super) fn may_be_echo(&self, typed: &Typed) -> bool {
        let all = self.cleaner.last_bytes(usize::MAX);
        typed.echo != EchoSeen::Over
            && is_begun(
                all,
                &Sought {
                    text: &typed.text,
                    prompt: &self.prompt,
                    fits: &|text| self.manners.prompt_in(text).is_some(),
                    mangled: !self.stopped,
                },
            )
    }

    fn look_for_echo(&mut self, now: Instant) {
        let manners = self.manners.clone();
        let Some(typed) = self.state.typed() else {
            return;
        };
        let sought = Sought {
            text: &typed.text,
            prompt: &self.prompt,
            fits: &|text| manners.prompt_in(text).is_some(),
            mangled: !self.stopped,
        };
        if typed.echo == EchoSeen::MayRepeat {
            while let Some(length) = repeated_echo(self.cleaner.lines(), &sought) {
                self.cleaner.drop_front(length);
                typed.echo_repeated = true;
            }
            if !self.cleaner.lines().is_empty() {
                typed.echo = EchoSeen::Over;
            }
            return;
        }
        match find_echo(self.cleaner.lines(), &sought) {
            Echo::Found { start, end } => {
                self.echoes = Some(true);
                typed.echo = EchoSeen::MayRepeat;
                self.note_leftovers(start, now);
                self.cleaner.drop_front(end - start);
                self.look_for_echo(now);
            }
            Echo::NotYet { stale, .. } | Echo::Missing { stale } if self.echoes == Some(true) => {
                self.note_leftovers(stale, now);
            }
            // If the device does not echo, they are its output.
            Echo::NotYet { other_lines, .. } if !other_lines => {}
            Echo::NotYet { .. } | Echo::Missing { .. } => {
                self.echoes = Some(false);
                typed.echo = EchoSeen::Over;
                self.drop_before_output();
            }
        }
    }

    /// Drops what stands before the output of a device that does not echo: the end of the line that was typed,
    /// and prompts that answer what was typed earlier.
    fn drop_before_output(&mut self) {
        let Some(typed) = self.state.typed() else {
            return;
        };
        let lines = self.cleaner.lines();
        let mut dropped = 0;
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let shown = line.trim_ascii();
            if shown == self.prompt && typed.owed_before > 0 {
                typed.owed_before -= 1;
            } else if !shown.is_empty() {
                break;
            }
            dropped += line.len();
        }
        self.cleaner.drop_front(dropped);
    }

    /// The literal prompt stands at the end, and is believed.
    pub(super) fn finish(&mut self, now: Instant) {
        if self.state.typed().is_some_and(|typed| !typed.echo_seen()) {
            self.drop_before_output();
        }
        let line = self.cleaner.current_line().trim_ascii_end();
        let mut head = line
            .strip_suffix(self.prompt.as_slice())
            .unwrap_or_default();
        // What was cut off is no output, nor is a prompt that answers a newline which was not echoed.
        if self.cleaner.is_truncated() {
            head = &[];
        }
        while let Some(shorter) = head.strip_suffix(self.prompt.as_slice())
            && !self.prompt.is_empty()
        {
            head = shorter;
        }
        let head = head.to_vec();
        self.finish_at(self.cleaner.lines().len(), &head, now);
    }

    /// Output ended after `end` bytes of lines and `head`, the beginning of a line.
    pub(super) fn finish_at(&mut self, end: usize, head: &[u8], now: Instant) {
        let mut owed = self.state.typed().map_or(0, |typed| typed.owed_after);
        let mut lines = &self.cleaner.lines()[..end];
        if head.is_empty() {
            lines = self.manners.without_above(lines);
            while owed > 0
                && let (before, last) = last_line(lines)
                && last.trim_ascii() == self.prompt
            {
                lines = self.manners.without_above(before);
                owed -= 1;
            }
        }
        let end = lines.len();
        // It comes later, then.
        self.owed = self.owed.saturating_add(owed);
        let truncated = self.cleaner.is_truncated();
        let mut bytes = self.cleaner.take(end);
        bytes.extend_from_slice(head);
        self.doubt.note_end(now);
        match std::mem::replace(&mut self.state, State::Ended) {
            // A refused set-up command is no reason not to poll: the pager is answered all the same.
            State::SettingUp { step, .. } => self.set_up(step + 1, now),
            State::Running(typed) => {
                let mut lines = bytes.split(|byte| *byte == b'\n');
                let plain =
                    !typed.echo_repeated && !lines.any(|line| line.starts_with(&self.prompt));
                self.familiar.note(&typed.text, plain);
                let text = text_of(bytes);
                let rejected = self.manners.refusal(&text).map(|line| self.quote(line));
                let output = Output {
                    text,
                    truncated,
                    rejected,
                };
                self.become_ready(Event::Output(output), now);
            }
            other => self.state = other,
        }
    }

    /// Drops the first `n` bytes of the lines, which came before the echo of the current command. Anything
    /// but prompts among them is the rest of the output before: its end was taken for one too early.
    pub(super) fn note_leftovers(&mut self, n: usize, now: Instant) {
        if n == 0 {
            return;
        }
        let mut lines = self.cleaner.lines()[..n]
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii);
        if !self.stopped
            && !self.prompt.is_empty()
            && lines
                .any(|line| !line.is_empty() && line != self.prompt && !self.manners.is_above(line))
        {
            self.doubt.note_leftovers(now);
        }
        self.cleaner.drop_front(n);
    }
}
