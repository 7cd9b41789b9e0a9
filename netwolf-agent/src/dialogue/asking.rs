//! What the device asks on its own account: a pager in the midst of output, a question at login. Part of
//! [`Dialogue`]'s machine.
//!
//! A pager whose mark is all there is on its line is answered at once. A question, or a mark behind other
//! text, is answered after a silence, for it may be a text that merely contains the words.

use std::time::Instant;

use netwolf_wire::status::Reason;

use super::{
    Dialogue, EchoSeen, NUDGE, QUIET, State, answering::Due, login::QUESTION_ENDS,
    manners::QUESTION_MAX, text_of,
};

/// A device that asks the same more often does not take the answer.
const MAX_ANSWERS: u8 = 3;

/// What is to be answered, after a silence.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// The pager of this number.
    Pager(usize),
    /// The question of this number.
    Question(usize),
}

/// What stands at the end and wants an answer.
#[derive(Debug, Default)]
pub(super) struct Asking {
    pending: Option<(Asked, Instant)>,
    /// How often each question was answered.
    answered: Vec<u8>,
}

impl Asking {
    /// Something came: what stood at the end does not stand there any more.
    pub(super) const fn silence_ends(&mut self) {
        self.pending = None;
    }

    /// When the answer is due.
    pub(super) fn answer_at(&self) -> Option<Instant> {
        self.pending.map(|(_, at)| at)
    }

    /// Counts an answer to `question`; false when there were too many.
    fn count(&mut self, question: usize) -> bool {
        if self.answered.len() <= question {
            self.answered.resize(question + 1, 0);
        }
        let count = &mut self.answered[question];
        *count = count.saturating_add(1);
        *count <= MAX_ANSWERS
    }
}

impl Dialogue {
    /// Answers a pager that stands at the end; tells whether there is one.
    pub(super) fn see_pager(&mut self, now: Instant) -> bool {
        if matches!(self.state, State::Ready { .. } | State::Ended) {
            return false;
        }
        let shown = self.cleaner.shown();
        let found = self.manners.pagers.iter().position(|pager| {
            let mark = pager.mark.trim().as_bytes();
            !mark.is_empty() && shown.ends_with(mark)
        });
        let Some(index) = found else { return false };
        let mark = self.manners.pagers[index].mark.trim().len();
        let alone = shown.trim_ascii_start().len() == mark;
        if alone || matches!(self.state, State::Interrupting(_)) {
            self.answer_pager(index);
        } else {
            self.asking.pending = Some((Asked::Pager(index), now + QUIET));
        }
        true
    }

    fn answer_pager(&mut self, index: usize) {
        let pager = &self.manners.pagers[index];
        let answer = match self.state {
            State::Interrupting(_) => &self.manners.interrupt,
            _ => &pager.answer,
        };
        self.transmit.push(answer);
        // The spaces around the mark go with it.
        let line = self.cleaner.current_line();
        let shown = self.cleaner.shown();
        let before = &shown[..shown.len().saturating_sub(pager.mark.trim().len())];
        let behind = line.len() - line.trim_ascii_end().len();
        let cut = shown.len() - before.trim_ascii_end().len() + behind;
        self.cleaner.cut_line_end(cut);
    }

    /// Whether a question of the login stands at the end.
    pub(super) fn hear_question(&mut self, now: Instant) -> bool {
        match self.state {
            State::Seeking { .. } | State::Confirming { .. } | State::SettingUp { .. } => {}
            // The one question that `enable` is known to ask is answered there.
            State::Enabling { .. } if !self.asks_for_enable_secret() => {}
            _ => return false,
        }
        let Some(index) = self
            .manners
            .question_in(self.cleaner.last_bytes(QUESTION_MAX))
        else {
            return false;
        };
        self.asking.pending = Some((Asked::Question(index), now + QUIET));
        true
    }

    /// Looks for a question at the end of what a command has brought. What stands before the echo is left over; the
    /// echo is what we have said ourselves; and behind a prompt an answer would be a command.
    pub(super) fn hear_of_step(&mut self, now: Instant) {
        // Nearly every command has no answers: a poll pays nothing for them.
        if self.answering.has_answers()
            && let State::Running(typed) = &self.state
            && (typed.echo_seen() || self.echoes == Some(false))
            && !self.ends_in_prompt()
            && !self.may_be_echo(typed)
        {
            self.answering.hear(&self.cleaner, now);
        }
    }

    /// Whether a prompt stands at the end: the one that was learned, or a line that may be another one.
    fn ends_in_prompt(&self) -> bool {
        let line = self.cleaner.shown();
        !self.prompt.is_empty() && line.ends_with(&self.prompt)
            || self.manners.prompt_in(line).is_some()
    }

    /// Types the answer of the step that is due.
    pub(super) fn answer_of_step(&mut self, now: Instant) {
        match self.answering.take(&self.cleaner, now) {
            None => {}
            Some(Due::TooOften) => {
                let line = text_of(self.cleaner.shown().to_vec());
                let question = self.quote(&line);
                self.interrupt(now);
                self.asked_too_often = Some(question);
            }
            Some(Due::Answer(answer)) => {
                self.transmit.push(&answer);
                // What comes is output, whatever it looks like.
                if let State::Running(typed) = &mut self.state {
                    typed.echo = EchoSeen::Over;
                    typed.suspect = None;
                    typed.believe_at = None;
                }
            }
        }
    }

    /// Keeps what stands at the end, if it looks like a question, before the command is stopped.
    pub(super) fn note_unanswered(&mut self) {
        let line = text_of(self.cleaner.shown().to_vec());
        let is_question = line.ends_with(|end| QUESTION_ENDS.contains(end));
        self.unanswered = is_question.then(|| self.quote(&line));
    }

    /// Types the answer that is due.
    pub(super) fn answer(&mut self, now: Instant) {
        match self.asking.pending.take() {
            Some((Asked::Pager(index), _)) => self.answer_pager(index),
            Some((Asked::Question(index), _)) => self.answer_question(index, now),
            None => {}
        }
    }

    fn answer_question(&mut self, index: usize, now: Instant) {
        let manners = self.manners.clone();
        let question = &manners.questions[index];
        let asked = text_of(self.cleaner.last_bytes(QUESTION_MAX).to_vec());
        let asked = asked.trim().lines().next_back().unwrap_or_default();
        let asked = self.quote(asked);
        let Some(answer) = &question.answer else {
            let hint = match question.reason() {
                Reason::PasswordChange => {
                    "log in by hand and change the password, then change the secret"
                }
                _ => "log in by hand and answer it, or give the platform's `questions` an `answer`",
            };
            let message = format!("the device asks \"{asked}\", which a person must answer");
            self.fail(question.reason(), message, Some(hint.into()));
            return;
        };
        if !self.asking.count(index) {
            let message = format!("the device asks \"{asked}\" again and again");
            let hint = "does the platform's `questions` have the right `answer`?";
            self.fail(question.reason(), message, Some(hint.into()));
            return;
        }
        self.transmit.push(answer);
        self.cleaner.clear();
        match &mut self.state {
            State::Seeking { nudge, .. } | State::Confirming { nudge, .. } => *nudge = now + NUDGE,
            // The echo went before the question.
            State::SettingUp { typed, .. } => typed.echo = EchoSeen::Over,
            _ => {}
        }
    }
}
