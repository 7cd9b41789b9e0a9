//! Regular expressions of rules, compiled within bounds, and why one is none.
//!
//! Everything in a rule that takes a pattern takes it through here, so that all have the same syntax and bounds:
//! `regex`, `blocks`, conditions, and `test` and `capture` of jq programs. Templates have Python's patterns, and a
//! translation of their own.

use regex::{Regex, RegexBuilder};
use thiserror::Error;

use crate::limits::{MAX_REGEX_BYTES, MAX_REGEX_CACHE_BYTES, MAX_REGEX_NESTING};

/// Why a text is no pattern that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum PatternError {
    /// It is no regular expression; what is wrong and where.
    #[error("{0}")]
    Syntax(String),
    /// It is one that would take more than [`MAX_REGEX_BYTES`].
    #[error("it takes more than {MAX_REGEX_BYTES} bytes when compiled")]
    TooBig,
}

/// Compiles a pattern within the limits.
///
/// # Errors
/// Why it cannot be used.
pub(crate) fn build(pattern: &str) -> Result<Regex, PatternError> {
    RegexBuilder::new(pattern)
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_REGEX_CACHE_BYTES)
        .nest_limit(MAX_REGEX_NESTING)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::TooBig,
            error => PatternError::Syntax(reason(&error.to_string())),
        })
}

/// One line out of the drawing that the `regex` crate makes of a fault: what it is and where.
fn reason(drawing: &str) -> String {
    let what = drawing
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("error: "))
        .unwrap_or(drawing);
    // The carets stand under the pattern, which is indented by four; a pattern of several lines is drawn
    // with line numbers, and then there is no such line.
    let carets = drawing
        .lines()
        .find(|line| line.starts_with("    ") && line.trim_matches([' ', '^']).is_empty());
    match carets.and_then(|carets| carets.find('^')) {
        Some(column) => format!("{what} at character {}", column - 3),
        None => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_line_that_says_where() {
        for (pattern, expected) in [
            ("a(b", "unclosed group at character 2"),
            (
                r"\w{1000}",
                "it takes more than 1048576 bytes when compiled",
            ),
            (
                "(?=a)",
                "look-around, including look-ahead and look-behind, is not supported at character 1",
            ),
        ] {
            assert_eq!(
                build(pattern).unwrap_err().to_string(),
                expected,
                "{pattern:?}"
            );
        }
    }
}
