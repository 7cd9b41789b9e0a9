//! A part of the jq language, run with bounds.
//!
//! ```text
//!   program --parse--> tree --run--> outputs, each an object: a record
//!                               ^
//!   output --read--> value -----/
//! ```
//!
//! Programs are jq's, as far as they go: paths, `|`, `,`, `as $x`, objects, arrays, texts with `\(f)`, arithmetic,
//! comparisons, `and`, `or`, `//`, `?`, `if` and the functions in [`functions`](self). What jq has to loop (`reduce`,
//! `range`, `def`, ...) is refused, and so is what reads a clock, an environment or a file. The engine is our own,
//! because that of a general jq has no bounds: there a program may take all memory, or a stack overflow ends the
//! process.
//!
//! Bounds are counted and not timed: the size and depth of a program when it is parsed, and the steps of a run.
//!
//! One thing is not jq's. An error ends a jq program; here an error behind `.[]` costs its item, where the outputs are
//! to be records, and is told.

mod arithmetic;
mod document;
mod functions;
mod keys;
mod machine;
mod node;
mod parser;
#[cfg(test)]
pub(crate) mod tests;
mod value;
mod work;

use std::fmt;

pub(crate) use self::{
    document::{Unread, read},
    value::Value,
    work::{Flow, Stop},
};
use self::{
    machine::{Machine, Scope},
    node::Node,
};

/// A program that can be run.
#[derive(Debug)]
pub(crate) struct Program {
    node: Node,
}

/// Why a text is no program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramError {
    /// The line in the program, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl ProgramError {
    fn with_hint(self, hint: impl Into<String>) -> Self {
        let hint = Some(hint.into());
        Self { hint, ..self }
    }
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            message,
            ..
        } = self;
        write!(f, "line {line}, column {column}: {message}")
    }
}

impl std::error::Error for ProgramError {}

/// How a run went.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Why it ended early, unless whoever takes the outputs wanted no more.
    pub(crate) stop: Option<Stop>,
    /// Errors that cost an item each.
    pub(crate) errors: Vec<Box<str>>,
    /// So many more of them.
    pub(crate) unlisted: usize,
}

impl Program {
    /// Parses `text`, and compiles its patterns.
    ///
    /// # Errors
    /// The first fault.
    pub(crate) fn parse(text: &str) -> Result<Self, ProgramError> {
        parser::parse(text).map(|node| Self { node })
    }

    /// The keys that its objects can have, sorted; `None` where they cannot be told from the program.
    pub(crate) fn keys(&self) -> Option<Vec<String>> {
        let keys = keys::of(&self.node)?;
        Some(keys.into_iter().map(str::to_owned).collect())
    }

    /// Gives `emit` the outputs for `input`, in their order.
    pub(crate) fn run<'t>(
        &'t self,
        input: &Value<'t>,
        mut emit: impl FnMut(Value<'t>) -> Flow,
    ) -> Ran {
        let mut machine = Machine::new();
        let flow = machine.run(&self.node, input, Scope::EMPTY, &mut |value, _| emit(value));
        Ran {
            stop: flow.err().filter(|stop| *stop != Stop::Enough),
            errors: machine.errors,
            unlisted: machine.unlisted,
        }
    }
}
