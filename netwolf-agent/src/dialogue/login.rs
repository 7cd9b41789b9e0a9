//! From a fresh shell to the first command: the prompt is learned, the device becomes privileged, the pager
//! is switched off. Part of [`Dialogue`]'s machine; its diagram is there.

use std::time::{Duration, Instant};

use netwolf_secret::Secret;
use netwolf_wire::status::{Failure, Reason};

use super::{
    Dialogue, Event, NUDGE, QUIET, State,
    echo::{Echo, Sought, find_echo},
};

/// The newline behind a banner's line has so much time to be answered before another one is sent.
const SWALLOWED: Duration = Duration::from_millis(600);

/// What a question ends with that no platform knows of.
pub(super) const QUESTION_ENDS: &str = "?:])";

impl Dialogue {
    /// The last line may be a prompt: in silence it is asked about, for a banner may go on, or be a question.
    pub(super) fn seek(&mut self, now: Instant) {
        if self.candidate().is_some() {
            self.state = State::Seeking {
                ask_at: Some(now + QUIET),
                deadline: now + self.step_timeout,
                nudge: now + NUDGE,
            };
        }
    }

    /// A line that may be a prompt was left alone for long enough.
    pub(super) fn ask_candidate(&mut self, now: Instant) {
        let Some(candidate) = self.candidate() else {
            return;
        };
        self.cleaner.clear();
        self.send_newline();
        self.state = State::Confirming {
            candidate,
            believe_at: None,
            deadline: now + self.step_timeout,
            nudge: now + NUDGE,
        };
    }

    pub(super) fn confirm(&mut self, now: Instant) {
        let line = self.candidate();
        let State::Confirming {
            candidate,
            believe_at,
            nudge,
            ..
        } = &mut self.state
        else {
            return;
        };
        match line {
            None => {}
            Some(line) if *candidate == line => *believe_at = Some(now + QUIET),
            Some(line) => {
                // What looked like a prompt was a line of a banner. Its newline will bring this line again,
                // unless a question at login swallowed it.
                *candidate = line;
                *nudge = now + SWALLOWED;
                self.cleaner.clear();
            }
        }
    }

    /// The same line came again, and nothing after it.
    pub(super) fn believe_candidate(&mut self, now: Instant) {
        if let State::Confirming { candidate, .. } = &mut self.state {
            self.prompt = std::mem::take(candidate).into_bytes();
            self.cleaner.clear();
            self.after_prompt(now);
        }
    }

    fn after_prompt(&mut self, now: Instant) {
        let prompt = String::from_utf8_lossy(&self.prompt).into_owned();
        let deadline = now + self.step_timeout;
        let wanted = self
            .manners
            .wants_enable(&prompt, self.enable_secret.as_ref());
        if wanted && self.enable_typed {
            self.refuse_enable("");
            return;
        }
        match &self.manners.enable {
            Some(enable) if wanted => {
                self.enable_typed = true;
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
            deadline,
            ..
        } = &mut self.state
        else {
            return;
        };
        let Some(enable) = &self.manners.enable else {
            return;
        };
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
            self.enable_secret_typed = true;
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
            let sought = Sought {
                text: &enable.command,
                prompt: &self.prompt,
                fits: &|_| false,
                mangled: true,
            };
            match find_echo(lines, &sought) {
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
        if let Some(text) = self.manners.setup.get(step).cloned() {
            let typed = self.type_line(&text, now + self.step_timeout);
            self.state = State::SettingUp { step, typed };
        } else {
            // It was typed, or is not wanted: the session may last for weeks.
            self.enable_secret = None;
            self.become_ready(Event::Ready, now);
        }
    }

    /// The last line, if it may be a prompt.
    fn candidate(&self) -> Option<String> {
        self.manners
            .prompt_in(self.cleaner.current_line())
            .map(Into::into)
    }

    /// Whether a newline may be typed at login: one that is typed into a question takes its default answer.
    pub(super) fn may_nudge(&self) -> bool {
        self.asking.answer_at().is_none()
            && (self.candidate().is_some()
                || !self
                    .cleaner
                    .shown()
                    .last()
                    .is_some_and(|end| QUESTION_ENDS.as_bytes().contains(end)))
    }

    /// Whether the device asks for the secret that `enable` wants.
    pub(super) fn asks_for_enable_secret(&self) -> bool {
        self.manners.enable.as_ref().is_some_and(|enable| {
            let line = String::from_utf8_lossy(self.cleaner.shown());
            enable.password_prompt.is_match(&line)
        })
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
        let hint = "check the platform's `prompts`, and whether the device asks something at login";
        self.fail(Reason::NoPrompt, message, Some(hint.into()));
    }

    pub(super) fn fail(&mut self, reason: Reason, message: String, hint: Option<String>) {
        self.end();
        self.events.push_back(Event::Failed(Failure {
            reason,
            message,
            hint,
        }));
    }
}
