//! Signs, words and characters, taken one after the other from the text. Space and comments stand between them.

use super::{Parsed, Parser};

impl<'p> Parser<'p> {
    pub(super) fn text_from(&self, at: usize) -> &'p str {
        self.text.get(at..).unwrap_or_default()
    }

    /// Where the next token begins: behind space and comments.
    pub(super) fn start(&mut self) -> usize {
        loop {
            let rest = self.text_from(self.at);
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return self.at;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    /// The first character of the next token.
    pub(super) fn peek(&mut self) -> Option<char> {
        let start = self.start();
        self.text_from(start).chars().next()
    }

    /// The next character, whatever it is.
    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.text_from(self.at).chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Takes `sign` if it comes next, and not as the beginning of a longer one.
    pub(super) fn takes(&mut self, sign: &str) -> bool {
        let start = self.start();
        let Some(rest) = self.text_from(start).strip_prefix(sign) else {
            return false;
        };
        let is_longer = match sign {
            "|" | "+" | "-" | "*" | "%" | "<" | ">" | "//" => rest.starts_with('='),
            "/" => rest.starts_with(['/', '=']),
            _ => false,
        };
        if !is_longer {
            self.at = start + sign.len();
        }
        !is_longer
    }

    pub(super) fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.takes(sign) {
            return Ok(());
        }
        let start = self.start();
        Err(match self.peek() {
            Some(c) => self.fault(start, format!("`{sign}` is expected and not {c:?}")),
            None => self.fault(start, format!("it ends where `{sign}` is expected")),
        })
    }

    /// The word that comes next.
    pub(super) fn word(&mut self) -> Parsed<&'p str> {
        let start = self.start();
        let rest = self.text_from(start);
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if !rest.starts_with(is_word_start) {
            return Err(match rest.chars().next() {
                Some(c) => self.fault(start, format!("a name is expected and not {c:?}")),
                None => self.fault(start, "it ends where a name is expected"),
            });
        }
        self.at = start + end;
        Ok(rest.get(..end).unwrap_or_default())
    }

    pub(super) fn takes_word(&mut self, word: &str) -> bool {
        let start = self.start();
        let rest = self.text_from(start).strip_prefix(word);
        let takes = rest.is_some_and(|rest| !rest.starts_with(is_word));
        if takes {
            self.at = start + word.len();
        }
        takes
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Parsed<()> {
        if self.takes_word(word) {
            return Ok(());
        }
        let start = self.start();
        Err(self.fault(start, format!("`{word}` is expected here")))
    }
}

pub(super) fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
