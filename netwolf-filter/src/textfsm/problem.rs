//! What a template could not read in an output: data, and an error only for who wants Python's ways.

use std::fmt;

use thiserror::Error;

use super::{limits, table::Table};

/// What [`Template::run_leniently`](super::Template::run_leniently) makes of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<'t> {
    /// What could be read.
    pub table: Table<'t>,
    /// What could not be read, in the order of the output; at most [`limits::MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// Problems that are not listed, because there were too many.
    pub unlisted_problems: usize,
}

/// Something that a template could not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which sort of problem.
    pub kind: ProblemKind,
    /// The line of the template whose rule it is about.
    pub rule: Option<usize>,
    /// The line of the output, from 1.
    pub line: usize,
    /// The line's text, cut and without control characters.
    pub text: String,
}

/// The sorts of problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// No rule takes the line. It is left out, which costs nothing.
    Unmatched,
    /// An `Error` rule took the line, with this message.
    Error(Option<String>),
    /// A list's group took no part, and there are groups in it that cannot be found then.
    NoGroup,
    /// A pattern went back too often: it took neither the line nor left it.
    Backtracks,
    /// A rule's pattern is too big for this line.
    PatternTooBig,
    /// The output is longer than [`limits::MAX_OUTPUT_BYTES`].
    OutputTooLong,
    /// The table has more than [`limits::MAX_CELLS`].
    TooManyCells,
    /// The output takes more than [`limits::MAX_WORK`].
    TooMuchWork,
}

impl ProblemKind {
    /// Whether nothing of the output is read after it.
    pub const fn ends_the_table(&self) -> bool {
        matches!(self, Self::TooManyCells | Self::TooMuchWork)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is about no line.
        if self.kind == ProblemKind::OutputTooLong {
            return self.kind.fmt(f);
        }
        write!(f, "output line {}", self.line)?;
        if let Some(rule) = self.rule {
            write!(f, ", template line {rule}")?;
        }
        write!(f, ": {}: {:?}", self.kind, self.text)
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmatched => f.write_str("no rule takes the line"),
            Self::Error(None) => f.write_str("the rule says that the line is an error"),
            Self::Error(Some(message)) => write!(f, "the rule says {message}"),
            Self::NoGroup => f.write_str("a list's group took no part, and it has groups inside"),
            Self::Backtracks => write!(
                f,
                "the pattern went back more than {} times",
                limits::MAX_BACKTRACKS
            ),
            Self::PatternTooBig => f.write_str("the pattern is too big"),
            Self::OutputTooLong => write!(
                f,
                "the output has more than {} bytes, and the rest is left out",
                limits::MAX_OUTPUT_BYTES
            ),
            Self::TooManyCells => write!(
                f,
                "the table has more than {} cells, and the rest is left out",
                limits::MAX_CELLS
            ),
            Self::TooMuchWork => {
                f.write_str("the output takes too much work, and the rest is left out")
            }
        }
    }
}

/// Why there is no table.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct RunError(pub Problem);
