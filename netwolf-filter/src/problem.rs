//! What a rule could not read in an output: data, not an error.

use std::fmt;

use crate::limits::MAX_EXCERPT;

/// Something in the output that a rule could not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The rule's name.
    pub rule: String,
    /// Which sort of problem, for counting.
    pub kind: ProblemKind,
    /// The text that it is about, for people: at most [`MAX_EXCERPT`] characters, none of them a control character.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {:?}: {}: {:?}", self.rule, self.kind, self.text)
    }
}

/// The sorts of problem: a closed set, fit for a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProblemKind {
    /// The rule found no record and wants one. The text is the first line of the output.
    NoMatch,
    /// A value is neither in the metric's map nor can it be read. The text is the value.
    NotANumber,
    /// A text stands for no state of a state set. The text is the value.
    UnknownState,
    /// A counter's value is negative. The text is the value.
    InvalidCounter,
    /// The series is there already, and the first one stays. The text is the series.
    Duplicate,
    /// A label value is longer than [`MAX_LABEL_BYTES`](crate::limits::MAX_LABEL_BYTES). The text is its beginning.
    LabelTooLong,
    /// A template takes a line for an error or cannot read it, JSON is broken or cut off, or a program cannot do
    /// something with a part of it. The text says what and why.
    Unreadable,
    /// The output has more records or samples than the limit; the rest was not read. The text is the limit.
    TooMany,
}

impl ProblemKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::NoMatch,
        Self::NotANumber,
        Self::UnknownState,
        Self::InvalidCounter,
        Self::Duplicate,
        Self::LabelTooLong,
        Self::Unreadable,
        Self::TooMany,
    ];

    /// As a label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoMatch => "no_match",
            Self::NotANumber => "not_a_number",
            Self::UnknownState => "unknown_state",
            Self::InvalidCounter => "invalid_counter",
            Self::Duplicate => "duplicate",
            Self::LabelTooLong => "label_too_long",
            Self::Unreadable => "unreadable",
            Self::TooMany => "too_many",
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoMatch => "nothing in the output matches; it begins with",
            Self::NotANumber => "not a number",
            Self::UnknownState => "not one of the metric's states",
            Self::InvalidCounter => "not the value of a counter",
            Self::Duplicate => "the series is there twice",
            Self::LabelTooLong => "the label value is too long",
            Self::Unreadable => "a part of the output cannot be read",
            Self::TooMany => "a limit is reached, and the rest is left out",
        })
    }
}

/// Cuts `text` to [`MAX_EXCERPT`] characters and puts spaces in place of control characters, because
/// an excerpt goes to logs and terminals and comes from a machine that we do not trust.
pub(crate) fn excerpt(text: &str) -> String {
    let mut excerpt: String = text
        .trim()
        .chars()
        .take(MAX_EXCERPT)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.trim().chars().nth(MAX_EXCERPT).is_some() {
        excerpt.pop();
        excerpt.push('…');
    }
    excerpt
}

/// The first line of `output` that has anything in it, to say how an output begins that no rule can read.
pub(crate) fn first_line(output: &str) -> String {
    let line = output.lines().find(|line| !line.trim().is_empty());
    excerpt(line.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_plain() {
        assert_eq!(excerpt(" a\u{1b}[31mb\n"), "a [31mb");
        assert_eq!(excerpt(&"ä".repeat(MAX_EXCERPT)), "ä".repeat(MAX_EXCERPT));
        let cut = excerpt(&"ä".repeat(MAX_EXCERPT + 1));
        assert_eq!(
            (cut.chars().count(), cut.ends_with('…')),
            (MAX_EXCERPT, true)
        );
    }
}
