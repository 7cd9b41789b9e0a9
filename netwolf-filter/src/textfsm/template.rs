//! A template, read once and run as often as the command is.

mod parse;
mod rule;
mod source;
mod value;

use std::sync::Arc;

use super::{
    engine,
    error::TemplateError,
    pattern::Start,
    problem::{Parsed, RunError},
    table::Table,
};

pub(super) use self::{
    rule::{LineAction, RecordAction, Rule, Target},
    value::{Parts, Value},
};

/// A TextFSM template.
///
/// Reading one checks all of it, and is quick; its patterns are compiled one by one when a line first comes to them,
/// and kept. It can be shared between threads, but then its patterns share their caches as well.
///
/// ```
/// use netwolf_filter::textfsm::{Cell, Template};
///
/// let template = Template::parse(
///     r"Value Required INTERFACE (\S+)
/// Value List ADDRESS (\d+\.\d+\.\d+\.\d+)
///
/// Start
///   ^\S -> Continue.Record
///   ^${INTERFACE} is up
///   ^  Address ${ADDRESS}
///   ^. -> Error
/// ",
/// )?;
/// let output = "eth0 is up\n  Address 192.0.2.1\n  Address 192.0.2.2\neth1 is up\n";
///
/// // As Python does it:
/// let table = template.run(output)?;
/// assert_eq!(table.len(), 2);
/// assert_eq!(table.row(0)[0], Cell::Text("eth0"));
/// assert_eq!(table.row(0)[1].to_string(), "192.0.2.1,192.0.2.2");
///
/// // An odd line costs the record that it stands in and nothing else, and it is told:
/// let odd = format!("{output}  ???\neth2 is up\n");
/// assert!(template.run(&odd).is_err());
/// let parsed = template.run_leniently(&odd);
/// assert_eq!(parsed.table.row(1)[0], Cell::Text("eth2"));
/// assert_eq!(parsed.problems[0].line, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Template {
    header: Arc<[Arc<str>]>,
    pub(super) values: Vec<Value>,
    pub(super) states: Vec<State>,
    pub(super) start: usize,
    /// A state `EOF` is there, and so the end of the output records nothing.
    pub(super) has_eof: bool,
}

/// A state: its rules, and which of them a line can match at all.
#[derive(Debug)]
pub(super) struct State {
    pub(super) rules: Vec<Rule>,
    /// For each 64 rules, and what a line begins with, a bit for each rule that may match.
    masks: Vec<Masks>,
}

#[derive(Debug)]
struct Masks {
    by_char: Box<[u64; KINDS]>,
    by_text: Box<[u64; KINDS]>,
}

/// What a line can begin with: a character of ASCII, anything else, or nothing.
const KINDS: usize = 130;
const BEYOND: usize = 128;
const NOTHING: usize = 129;

impl State {
    fn new(rules: Vec<Rule>) -> Self {
        let masks = rules.chunks(64).map(|rules| {
            let mask = |start: fn(&Rule) -> Start| {
                let mut mask = Box::new([0; KINDS]);
                for (kind, mask) in mask.iter_mut().enumerate() {
                    let byte = u8::try_from(kind).ok().filter(|_| kind != NOTHING);
                    for (index, rule) in rules.iter().enumerate() {
                        *mask |= u64::from(start(rule).takes(byte)) << index;
                    }
                }
                mask
            };
            Masks {
                by_char: mask(|rule| rule.first.char),
                by_text: mask(|rule| rule.first.text),
            }
        });
        let masks = masks.collect();
        Self { rules, masks }
    }

    /// The rules that may match a line with this first character and this first one that is no space, in their order.
    pub(super) fn candidates(&self, char: Option<u8>, text: Option<u8>) -> Candidates<'_> {
        let kind = |byte: Option<u8>| match byte {
            None => NOTHING,
            Some(byte) => usize::from(byte).min(BEYOND),
        };
        Candidates {
            rules: &self.rules,
            masks: &self.masks,
            char: kind(char),
            text: kind(text),
            mask: 0,
            chunk: 0,
        }
    }
}

/// See [`State::candidates`].
pub(super) struct Candidates<'s> {
    rules: &'s [Rule],
    masks: &'s [Masks],
    char: usize,
    text: usize,
    mask: u64,
    /// How many chunks were begun.
    chunk: usize,
}

impl<'s> Iterator for Candidates<'s> {
    type Item = (usize, &'s Rule);

    fn next(&mut self) -> Option<Self::Item> {
        while self.mask == 0 {
            let masks = self.masks.get(self.chunk)?;
            self.mask = masks.by_char[self.char] & masks.by_text[self.text];
            self.chunk += 1;
        }
        let index = (self.chunk - 1) * 64 + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some((index, self.rules.get(index)?))
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// The first thing that is wrong with it: what Python's textfsm would refuse, and regular expressions that cannot
    /// be written for our engines. Nothing is taken to mean something else than in Python.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        parse::parse(text)
    }

    /// The values' names, in the order of a row's cells.
    pub fn header(&self) -> &Arc<[Arc<str>]> {
        &self.header
    }

    /// The names of the values that have the option `Key`.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let keys = self.values.iter().filter(|value| value.options.key);
        keys.map(|value| value.name.as_str())
    }

    /// Compiles all patterns, as far as lines of ASCII need them, so that none is compiled later.
    ///
    /// # Errors
    /// The template's lines whose rules have patterns that are too big.
    pub fn compile(&self) -> Result<(), Vec<usize>> {
        let rules = self.states.iter().flat_map(|state| &state.rules);
        let lines: Vec<_> = rules
            .filter(|rule| rule.matcher.check().is_err())
            .map(|rule| rule.line)
            .collect();
        if lines.is_empty() { Ok(()) } else { Err(lines) }
    }

    /// Reads `output` as Python's textfsm does: one bad line, and there is no table.
    ///
    /// # Errors
    /// The line that an `Error` rule took, or the limit that the output met.
    pub fn run<'t>(&self, output: &'t str) -> Result<Table<'t>, RunError> {
        engine::run(self, output)
    }

    /// Reads `output`, and keeps what can be read.
    ///
    /// Where an `Error` rule takes a line, the line and the record that was begun are lost, up to where the next one
    /// is recorded; the table is kept. Lines that no rule takes are told as well, and cost nothing, as in Python.
    pub fn run_leniently<'t>(&self, output: &'t str) -> Parsed<'t> {
        engine::run_leniently(self, output, engine::Settings::default())
    }

    /// As [`Self::run_leniently`], with at most `max_cells` cells and `max_work`, and without the lines that no rule
    /// takes: they are the same at every poll, and would leave no room among the problems for those that cost something.
    pub(crate) fn run_for_poll<'t>(
        &self,
        output: &'t str,
        max_cells: usize,
        max_work: u64,
    ) -> Parsed<'t> {
        let settings = engine::Settings {
            tells_unmatched: false,
            max_cells,
            max_work,
            ..engine::Settings::default()
        };
        engine::run_leniently(self, output, settings)
    }
}
