//! Why a text is no template.

use thiserror::Error;

/// Why a text is no template, and where.
///
/// ```
/// let error = netwolf_filter::textfsm::Template::parse("Value A (\\d+)\n\nStart\n  ^${B}\n").unwrap_err();
/// assert_eq!(error.to_string(), "line 4, column 4: no value is named \"B\"");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {fault}")]
pub struct TemplateError {
    /// The line in the template, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub fault: TemplateFault,
}

impl TemplateError {
    pub(super) fn new(place: Place, fault: TemplateFault) -> Self {
        Self {
            line: place.line,
            column: place.column,
            fault,
        }
    }
}

/// A place in a template, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// What can be wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateFault {
    /// The template is longer than [`MAX_TEMPLATE_BYTES`](super::limits::MAX_TEMPLATE_BYTES).
    #[error(
        "the template has more than {} bytes",
        super::limits::MAX_TEMPLATE_BYTES
    )]
    TooLong,
    /// There is text before the first value that is none.
    #[error("the template begins with values, each as `Value NAME (regex)`")]
    NoValues,
    /// Something stands among the values that is none.
    #[error("a blank line is wanted after the last value")]
    NoBlankLine,
    /// A value's line has fewer than three words.
    #[error("a value is written as `Value OPTIONS NAME (regex)`, with one space between each")]
    ShortValue,
    /// A value has an option that does not exist.
    #[error(
        "unknown option \"{0}\"; there are Filldown, Fillup, Key, List and Required, and one space stands \
         between the parts of a value"
    )]
    UnknownOption(String),
    /// A value has an option twice.
    #[error("the option \"{0}\" is there twice")]
    RepeatedOption(String),
    /// A value's name is longer than Python allows.
    #[error("the name \"{0}\" is too long")]
    LongName(String),
    /// A value's name has a backslash in it.
    #[error("the name \"{0}\" has a backslash in it")]
    BadName(String),
    /// Another value has the name.
    #[error("another value is named \"{0}\"")]
    RepeatedValue(String),
    /// A value's regular expression is not in parentheses.
    #[error("the regular expression of \"{0}\" is not within a pair of parentheses")]
    NoParentheses(String),
    /// A regular expression is none.
    #[error("not a regular expression: {0}")]
    Regex(String),
    /// A state's name is not made of letters, digits and `_`, is too long, or is the name of an action.
    #[error("\"{0}\" is no name for a state")]
    StateName(String),
    /// Another state has the name.
    #[error("another state is named \"{0}\"")]
    RepeatedState(String),
    /// A line in a state is no rule.
    #[error("a rule begins with one or two spaces, or a tab, and `^`")]
    NoRule,
    /// What follows `->` is no action.
    #[error("\"{0}\" is no action")]
    NoAction(String),
    /// `Continue` goes on with the next rule, and so it cannot name a state.
    #[error("`Continue` cannot change the state")]
    ContinueWithState,
    /// A message stands without `Error`.
    #[error("a message stands only behind `Error`")]
    MessageWithoutError,
    /// `$` stands for nothing that a template has.
    #[error("`$` begins a value, as `${{NAME}}`; write `$$` for the end of the line")]
    Dollar,
    /// A rule uses a value that is none.
    #[error("no value is named \"{0}\"")]
    UnknownValue(String),
    /// There is no state in which to begin.
    #[error("there is no state `Start`")]
    NoStart,
    /// `End` or `EOF` has rules.
    #[error("the state `{0}` must have no rules")]
    RulesInEnd(String),
    /// A rule goes to a state that is none.
    #[error("no state is named \"{0}\"")]
    UnknownState(String),
}
