//! From the output of a command to samples, by rules that are data. Pure: no IO, no clock, no runtime.
//!
//! ```text
//!   output --> source --> records --> conditions --> metrics --> samples
//!             (regex,    (fields)    (when, unless)  (labels, value)   \--> problems, for what could not be read
//!              textfsm,
//!              jq, xml)
//! ```
//!
//! [`Filter::compile`] checks the rules of one command and tells of every fault at once;
//! [`Filter::apply`] runs them, as often as the command is run. The rules themselves are plain data
//! that crosses the network: [`netwolf_wire::rule`]. [`RecordReader`] shows a rule's records to whoever writes it.
//!
//! | Word | Means here |
//! |---|---|
//! | source | reads records from the output: `regex`, `textfsm`, `jq` or `xml`; each has a module in `source/` |
//! | record | the fields that one match, one block of the output, one row of a table, or one object has |
//! | field | a named piece of text in a record; absent when its group took no part, its cell is empty, or it is null |
//! | sample | one value of one series: a family, labels, a number |
//! | problem | something in the output that a rule could not read; it costs its own sample and no other |
//!
//! Invariants: the same rules and output give the same samples in the same order; no output makes
//! `apply` panic or fail; no series appears twice in an [`Extraction`]; samples, problems, records and
//! label values are bounded by [`limits`].

mod check;
mod condition;
mod error;
mod family;
mod filter;
mod jq;
mod metric;
mod own;
mod pattern;
mod problem;
mod recollection;
mod records;
mod source;
mod template;
mod value;
mod xml;

pub mod limits;
pub mod textfsm;

pub use error::{Fault, RuleError};
pub use family::Family;
pub use filter::{Extraction, Filter, Labels, Sample};
pub use jq::ProgramError;
pub use own::is_own_name;
pub use problem::{Problem, ProblemKind};
pub use recollection::Recollection;
pub use records::{Reading, RecordReader};
pub use xml::PathError;

/// The README's example, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
