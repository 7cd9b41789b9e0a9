//! What a device asks while a command of a step runs, and the answers that the step has for it. Pure.
//!
//! ```text
//!   text ends in a question --silence--> its answer is typed --> only what comes behind it is looked at
//! ```
//!
//! Invariants: a text is answered once; nothing is answered that the step has no answer to, and after
//! [`Answering::withhold`] nothing at all; one command has at most [`MAX_ANSWERS`] answers.

use std::{sync::Arc, time::Instant};

use netwolf_wire::step::MAX_ANSWERED;
use regex::{Regex, RegexBuilder};

use super::{QUIET, cleaner::Cleaner, manners::QUESTION_MAX, text_of};

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

/// The answers to one command, and how far they are.
#[derive(Debug, Default)]
pub(super) struct Answering {
    answers: Arc<[Answer]>,
    /// The answer that is due when nothing more comes, and when that is.
    pending: Option<(usize, Instant)>,
    /// Bytes of text up to where everything is answered.
    answered: usize,
    n_answers: u32,
    /// What was typed, as far as it is told of.
    told: Vec<String>,
}

impl Answering {
    /// For a command that runs now.
    pub(super) fn new(answers: Arc<[Answer]>) -> Self {
        Self {
            answers,
            ..Self::default()
        }
    }

    /// Something came: what stood at the end does not stand there any more.
    pub(super) const fn silence_ends(&mut self) {
        self.pending = None;
    }

    /// Looks for a question at the end of `text`; tells whether there is one.
    pub(super) fn hear(&mut self, text: &Cleaner, now: Instant) -> bool {
        if self.answers.is_empty() || self.n_answers >= MAX_ANSWERS {
            return false;
        }
        let length = length(text);
        // What was typed may have been painted over what was asked.
        self.answered = self.answered.min(length);
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

    /// What is to be typed at the end of `text`, if that is due.
    pub(super) fn take(&mut self, text: &Cleaner, now: Instant) -> Option<String> {
        let (answer, _) = self.pending.take_if(|(_, at)| now >= *at)?;
        self.answered = length(text);
        self.n_answers += 1;
        let text = self.answers.get(answer)?.text.clone();
        if self.told.len() < MAX_ANSWERED {
            self.told
                .push(text.trim_end_matches(['\r', '\n']).to_owned());
        }
        Some(text)
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
        assert_eq!(answering.take(&cleaner, due).as_deref(), Some("y\n"));
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
        let mut n = 0;
        loop {
            cleaner.feed(b"again\r\n");
            if !endless.hear(&cleaner, now) {
                break;
            }
            endless.take(&cleaner, later).unwrap();
            n += 1;
        }
        assert_eq!(n, MAX_ANSWERS);
        assert_eq!(endless.take_told(), vec!["y"; MAX_ANSWERED]);
        let mut withheld = answering(&[("again", "y")]);
        assert!(withheld.hear(&cleaner, now));
        withheld.withhold();
        assert!(withheld.due_at().is_none() && !withheld.hear(&cleaner, now));
    }
}
