//! From a fresh shell to the first command: the prompt is learned, the device becomes privileged, the pager
//! is switched off. Part of [`Dialogue`]'s machine; its diagram is there.

use std::time::Instant;

use netwolf_wire::status::{Failure, Reason};

use super::{
    Dialogue, Event, NUDGE, QUIET, State,
    echo::{Echo, find_echo},
};
use crate::secret::Secret;

impl Dialogue {
    pub(super) fn seek(&mut self, now: Instant) {
        let Some(candidate) = self.candidate() else {
            return;
        };
        self.cleaner.clear();
        self.send_newline();
        self.state = State::Confirming {
            candidate,
            deadline: now + self.step_timeout,
            nudge: now + NUDGE,
        };
    }

    pub(super) fn confirm(&mut self, now: Instant) {
        let Some(line) = self.candidate() else { return };
        let State::Confirming {
            candidate, nudge, ..
        } = &mut self.state
        else {
            return;
        };
        if *candidate != line {
            // What looked like a prompt was a line of a banner. Its newline will bring this line again.
            *candidate = line;
            *nudge = now + NUDGE;
            self.cleaner.clear();
        } else if !self.cleaner.lines().is_empty() {
            self.cleaner.clear();
            self.prompt = line.into_bytes();
            self.after_prompt(now);
        }
    }

    fn after_prompt(&mut self, now: Instant) {
        let prompt = String::from_utf8_lossy(&self.prompt).into_owned();
        let deadline = now + self.step_timeout;
        match &self.manners.enable {
            Some(enable)
                if self
                    .manners
                    .wants_enable(&prompt, self.enable_secret.as_ref()) =>
            {
                let command = enable.command.clone();
                self.type_line(&command, deadline);
                self.state = State::Enabling {
                    password_sent: false,
                    judge_at: None,
                    deadline,
                };
            }
            _ => self.set_up(0, now),
        }
    }

    pub(super) fn enable(&mut self, now: Instant) {
        let State::Enabling {
            password_sent,
            judge_at,
            deadline,
        } = &mut self.state
        else {
            return;
        };
        let Some(enable) = &self.manners.enable else {
            return;
        };
        *judge_at = None;
        let line = String::from_utf8_lossy(self.cleaner.current_line()).into_owned();
        let shown = line.trim_end();
        if enable.password_prompt.is_match(shown) {
            if std::mem::replace(password_sent, true) {
                let hint = "check `enable_secret` of the credential".to_owned();
                self.fail(
                    Reason::EnableFailed,
                    "the device did not take the enable secret".into(),
                    Some(hint),
                );
                return;
            }
            *deadline = now + self.step_timeout;
            let secret = self.enable_secret.as_ref().map_or("", Secret::expose);
            self.transmit.push(secret);
            self.transmit.push(&self.manners.newline);
            self.cleaner.clear();
            return;
        }
        let lines = self.cleaner.lines();
        // Answers to the newlines of the login may still come: before the echo nothing is an answer to `enable`.
        let answer = if *password_sent {
            Some(lines)
        } else {
            match find_echo(lines, &enable.command, &self.prompt) {
                Echo::Found { end, .. } => Some(&lines[end..]),
                Echo::NotYet { .. } | Echo::Missing { .. } => None,
            }
        };
        if lines.is_empty() || self.candidate().is_none() {
            return;
        }
        if shown.ends_with(&enable.prompt_end) {
            // A new prompt: it is learned as the first one was.
            self.seek(now);
        } else if shown.as_bytes() == self.prompt
            && let Some(answer) = answer
        {
            let answer = String::from_utf8_lossy(answer).into_owned();
            let said = answer
                .lines()
                .map(str::trim)
                .rfind(|line| !line.is_empty() && line.as_bytes() != self.prompt);
            match (said, &mut self.state) {
                (Some(said), _) => self.refuse_enable(said),
                (None, State::Enabling { judge_at, .. }) => *judge_at = Some(now + QUIET),
                (None, _) => {}
            }
        }
    }

    /// The device shows its old prompt again, having `said` something or nothing.
    pub(super) fn refuse_enable(&mut self, said: &str) {
        let command = self
            .manners
            .enable
            .as_ref()
            .map_or("enable", |enable| &enable.command);
        let message = if said.is_empty() {
            format!("the device refused `{command}` without a word")
        } else {
            format!("the device refused `{command}`: \"{}\"", self.quote(said))
        };
        let hint = "check `enable_secret` of the credential".to_owned();
        self.fail(Reason::EnableFailed, message, Some(hint));
    }

    pub(super) fn set_up(&mut self, step: usize, now: Instant) {
        match self.manners.setup.get(step).cloned() {
            Some(text) => {
                let typed = self.type_line(&text, now + self.step_timeout);
                self.state = State::SettingUp { step, typed };
            }
            None => self.become_ready(Event::Ready),
        }
    }

    /// The last line, if it may be a prompt.
    fn candidate(&self) -> Option<String> {
        let line = std::str::from_utf8(self.cleaner.current_line())
            .ok()?
            .trim_end();
        let prompt = self.manners.prompt.as_ref()?;
        (!line.is_empty() && prompt.is_match(line)).then(|| line.to_owned())
    }

    pub(super) fn send_newline(&mut self) {
        self.transmit.push(&self.manners.newline);
    }

    pub(super) fn fail_no_prompt(&mut self, what: &str) {
        let line = String::from_utf8_lossy(self.cleaner.current_line()).into_owned();
        let seconds = self.step_timeout.as_secs_f64();
        let message = if line.trim().is_empty() {
            format!("{what} within {seconds} s")
        } else {
            format!(
                "{what} within {seconds} s; the last line was \"{}\"",
                self.quote(&line)
            )
        };
        let hint = "check the platform's `prompt`, and whether the device asks something at login";
        self.fail(Reason::NoPrompt, message, Some(hint.into()));
    }

    pub(super) fn fail(&mut self, reason: Reason, message: String, hint: Option<String>) {
        self.state = State::Ended;
        self.events.push_back(Event::Failed(Failure {
            reason,
            message,
            hint,
        }));
    }
}
