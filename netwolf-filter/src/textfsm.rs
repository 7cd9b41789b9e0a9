//! TextFSM: tables out of the output of commands, by templates that others have written by the hundred.
//!
//! ```text
//!   template --parse--> values, states, rules --run--> table
//!                         |                 \--------> problems, for the lines that could not be read
//!                         \--> patterns, compiled when a line first comes to them
//! ```
//!
//! Templates mean what they mean in Python's textfsm 2.1.0, to the letter; [`Template::run`] gives its table or its
//! error, and [`Template::run_leniently`] keeps the table where Python has only an error.
//!
//! | Word | Means here |
//! |---|---|
//! | value | a named column, with the regular expression of its text |
//! | rule | a regular expression with values in it, and what happens to a line that it takes |
//! | state | the rules that are tried, in their order |
//!
//! Invariants: no template and no output makes anything panic or go on without end, which [`limits`] sees to by
//! counting and not by a clock; no pattern is compiled twice.

mod engine;
mod error;
mod index;
mod library;
pub mod limits;
mod lines;
mod matcher;
mod merge;
mod pattern;
mod problem;
mod record;
mod table;
mod template;
#[cfg(test)]
pub(crate) mod tests;

pub use self::{
    error::{TemplateError, TemplateFault},
    index::{Entry, Index, IndexError, IndexFault},
    library::{Library, LibraryError, Manner},
    problem::{Parsed, Problem, ProblemKind, RunError},
    table::{Cell, Item, Table},
    template::Template,
};
