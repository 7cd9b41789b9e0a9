//! What a device asks while a command of a step runs, and the answers that the step has for it. Pure.
//!
//! ```text
//!   text ends in a question --silence--> its answer is typed --> only what comes behind it is looked at
//!                                  |                              (behind its echo, where there is one)
//!                                  +--> too often: the command is to be stopped
//! ```
//!
//! Invariants: a text is answered once, and an answer's own echo is no question; nothing is answered that the step has
//! no answer to, and after [`Answering::withhold`] nothing at all; one command is given the same answer at most
//! [`MAX_SAME`] times, and at most [`MAX_ANSWERS`] answers.
//! Not here: that neither the echo of the command nor a prompt is a question, which [`super::asking`] sees to.

use std::{sync::Arc, time::Instant};

use netwolf_wire::step::MAX_ANSWERED;
use regex::{Regex, RegexBuilder};

use super::{QUIET, cleaner::Cleaner, manners::QUESTION_MAX, text_of};

/// A device that asks the same more often does not take the answer.
const MAX_SAME: u8 = 8;

/// A command that asks more often does not take the answers.
const MAX_ANSWERS: u32 = 64;

/// A compiled expression may take so much memory.
const REGEX_LIMIT: usize = 10 << 20;

/// What is typed when a device asks.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Matches the end of what the device has sent.
    ask: Regex,
    /// Typed as it is.
    pub(super) text: String,
}

impl Answer {
    /// `text` is typed, as it is, where `ask` fits the end of what the device has sent.
    ///
    /// # Errors
    /// Why `ask` cannot be used.
    pub fn new(ask: &str, text: String) -> Result<Self, regex::Error> {
        let ask = RegexBuilder::new(&format!(r"(?:{ask})\s*\z"))
            .multi_line(true)
            .size_limit(REGEX_LIMIT)
            .build()?;
        Ok(Self { ask, text })
    }
}

/// What is due behind a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// To be typed.
    Answer(String),
    /// It was answered too often: the command is to be stopped.
    TooOften,
}

/// The answers to one command, and how far they are.
#[derive(Debug, Default)]
pub(super) struct Answering {
    answers: Arc<[Answer]>,
    /// The answer that is due when nothing more comes, and when that is.
    pending: Option<(usize, Instant)>,
    /// Bytes of text up to where everything is answered.
    answered: usize,
    /// What was typed last, without the key that ends a line, while its echo may come.
    echo: Vec<u8>,
    n_answers: u32,
    /// How often each was given.
    given: Vec<u8>,
    /// What was typed, as far as it is told of.
    told: Vec<String>,
}

impl Answering {
    /// For a command that runs now.
    pub(super) fn new(answers: Arc<[Answer]>) -> Self {
        Self {
            given: vec![0; answers.len()],
            answers,
            ..Self::default()
        }
    }

    /// Something came: what stood at the end does not stand there any more.
    pub(super) const fn silence_ends(&mut self) {
        self.pending = None;
    }

    /// Whether there is something to answer with.
    pub(super) fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    /// Looks for a question at the end of `text`; tells whether there is one.
    pub(super) fn hear(&mut self, text: &Cleaner, now: Instant) -> bool {
        if !self.has_answers() {
            return false;
        }
        let length = length(text);
        // What was typed may have been painted over what was asked.
        self.answered = self.answered.min(length);
        if self.is_echo(text.last_bytes(length - self.answered)) {
            return false;
        }
        let end = text_of(
            text.last_bytes(QUESTION_MAX.min(length - self.answered))
                .to_vec(),
        );
        if end.trim().is_empty() {
            return false;
        }
        let found = self.answers.iter();
        let found = found
            .map(|answer| answer.ask.is_match(&end))
            .position(|fits| fits);
        self.pending = found.map(|answer| (answer, now + QUIET));
        found.is_some()
    }

    /// When the answer is due.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.pending.map(|(_, at)| at)
    }

    /// Whether `new`, which came behind the last answer, is no more than the echo of that. A whole one is passed over.
    fn is_echo(&mut self, new: &[u8]) -> bool {
        let said = new.trim_ascii_start();
        if self.echo.is_empty() {
            return false;
        }
        // A secret's echo may be stars.
        if self.echo.starts_with(said) || said.iter().all(|byte| *byte == b'*') {
            let is_whole = said == self.echo;
            if is_whole {
                self.pass_echo(new.len());
            }
            return true;
        }
        let passed = said.starts_with(&self.echo);
        let before = new.len() - said.len();
        let n = if passed { before + self.echo.len() } else { 0 };
        self.pass_echo(n);
        false
    }

    /// The echo of the last answer ends after `n` bytes of what came behind that.
    fn pass_echo(&mut self, n: usize) {
        self.answered += n;
        self.echo.clear();
    }

    /// What is to be done at the end of `text`, if something is due.
    pub(super) fn take(&mut self, text: &Cleaner, now: Instant) -> Option<Due> {
        let (answer, _) = self.pending.take_if(|(_, at)| now >= *at)?;
        self.answered = length(text);
        let given = self.given.get_mut(answer)?;
        if *given >= MAX_SAME || self.n_answers >= MAX_ANSWERS {
            return Some(Due::TooOften);
        }
        *given += 1;
        self.n_answers += 1;
        let text = self.answers.get(answer)?.text.clone();
        let line = text.trim_end_matches(['\r', '\n']);
        line.trim().as_bytes().clone_into(&mut self.echo);
        if self.told.len() < MAX_ANSWERED {
            self.told.push(line.to_owned());
        }
        Some(Due::Answer(text))
    }

    /// Nothing is answered any more.
    pub(super) fn withhold(&mut self) {
        self.answers = Arc::default();
        self.pending = None;
    }

    /// What was typed, without the key that ends a line.
    pub(super) fn take_told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}

/// How much text there is.
fn length(text: &Cleaner) -> usize {
    text.lines().len() + text.current_line().len()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answering(asks: &[(&str, &str)]) -> Answering {
        let answers = asks
            .iter()
            .map(|(ask, text)| Answer::new(ask, (*text).into()).unwrap());
        Answering::new(answers.collect())
    }

    #[test]
    fn a_question_is_answered_once_and_after_a_silence() {
        let now = Instant::now();
        let mut cleaner = Cleaner::new(1000);
        let mut answering = answering(&[(r"\[confirm\]", "y\n"), (r"name\? ?", "flash\n")]);
        cleaner.feed(b"Erase it? [confirm]");
        assert!(answering.hear(&cleaner, now));
        assert_eq!(answering.take(&cleaner, now), None, "it may go on");
        let due = answering.due_at().unwrap();
        let typed = Due::Answer("y\n".into());
        assert_eq!(answering.take(&cleaner, due), Some(typed));
        assert_eq!(answering.take_told(), ["y"], "without the newline");
        // Its echo is no question, and neither is the same one that stands there still.
        assert!(!answering.hear(&cleaner, due));
        cleaner.feed(b"\r\n");
        assert!(!answering.hear(&cleaner, due));
        cleaner.feed(b"Which name? ");
        assert!(answering.hear(&cleaner, due));
        answering.silence_ends();
        assert_eq!(answering.due_at(), None);
        cleaner.feed(b"\r\nDone [confirm]\r\nrtr#");
        assert!(
            !answering.hear(&cleaner, due),
            "it does not stand at the end"
        );
    }

    #[test]
    fn nothing_is_answered_that_is_withheld_or_asked_for_ever() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let mut cleaner = Cleaner::new(1 << 20);
        let mut endless = answering(&[("again", "y")]);
        let mut asked = |endless: &mut Answering, question: &str| {
            cleaner.feed(question.as_bytes());
            assert!(endless.hear(&cleaner, now));
            endless.take(&cleaner, later).unwrap()
        };
        for _ in 0..MAX_SAME {
            let due = asked(&mut endless, "again\r\n");
            assert_eq!(due, Due::Answer("y".into()));
        }
        assert_eq!(asked(&mut endless, "again\r\n"), Due::TooOften);
        assert_eq!(endless.take_told(), vec!["y"; usize::from(MAX_SAME)]);
        // Many questions, none of them asked too often.
        let asks: Vec<_> = (10..99).map(|n| format!("which {n}")).collect();
        let pairs: Vec<_> = asks.iter().map(|ask| (ask.as_str(), "y")).collect();
        let mut many = answering(&pairs);
        let mut n = 0;
        for ask in &asks {
            match asked(&mut many, &format!("{ask}\r\n")) {
                Due::Answer(_) => n += 1,
                Due::TooOften => break,
            }
        }
        assert_eq!(n, MAX_ANSWERS);
        assert_eq!(many.take_told(), vec!["y"; MAX_ANSWERED]);
        cleaner.feed(b"again\r\n");
        let mut withheld = answering(&[("again", "y")]);
        assert!(withheld.hear(&cleaner, now));
        withheld.withhold();
        assert!(withheld.due_at().is_none() && !withheld.hear(&cleaner, now));
    }
}
