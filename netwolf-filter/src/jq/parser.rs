//! From the text of a program to its tree, in one pass.
//!
//! ```text
//!   pipe         commas with `|` between; the last may be f as $x | pipe
//!   comma        alternatives with `,` between
//!   alternative  or // alternative
//!   or, and, comparison, sum, product
//!   postfix      atom, then .name  ."name"  [f]  [f:g]  []  ?
//! ```
//!
//! Invariant: the tree is no deeper and no larger than the limits say, because whoever walks or drops it recurses.

mod calls;
mod literals;
mod objects;
mod operators;
mod terms;
mod tokens;

use super::{ProgramError, node::Node};
use crate::limits::{MAX_JQ_BYTES, MAX_JQ_NESTING, MAX_JQ_NODES};

/// Parses `text`.
///
/// # Errors
/// The first fault, with its place.
pub(super) fn parse(text: &str) -> Result<Node, ProgramError> {
    let mut parser = Parser {
        text,
        at: 0,
        variables: Vec::new(),
        nesting: 0,
        nodes: 0,
    };
    if text.len() > MAX_JQ_BYTES {
        return Err(parser.fault(0, format!("it has more than {MAX_JQ_BYTES} bytes")));
    }
    let mut node = parser.pipe()?;
    match parser.peek() {
        None => {
            node.keep_going();
            Ok(node)
        }
        Some(c) => Err(parser.fault(parser.at, format!("{c:?} is not expected here"))),
    }
}

struct Parser<'p> {
    text: &'p str,
    at: usize,
    /// The variables that are bound here, the last one innermost.
    variables: Vec<&'p str>,
    nesting: usize,
    nodes: usize,
}

type Parsed<T> = Result<T, ProgramError>;

impl Parser<'_> {
    /// Goes one level deeper.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting == MAX_JQ_NESTING {
            return Err(self.fault(
                self.at,
                format!("it is nested deeper than {MAX_JQ_NESTING} levels"),
            ));
        }
        self.nesting += 1;
        let parsed = parse(self);
        self.nesting -= 1;
        parsed
    }

    /// Counts a node.
    fn node(&mut self, node: Node) -> Parsed<Node> {
        self.nodes += 1;
        if self.nodes > MAX_JQ_NODES {
            return Err(self.fault(self.at, format!("it has more than {MAX_JQ_NODES} steps")));
        }
        Ok(node)
    }

    /// The only one of `nodes`, or all of them in `many`.
    fn one_or(&mut self, mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Parsed<Node> {
        match nodes.pop() {
            Some(only) if nodes.is_empty() => Ok(only),
            last => {
                nodes.extend(last);
                self.node(many(nodes))
            }
        }
    }

    fn fault(&self, at: usize, message: impl Into<String>) -> ProgramError {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        ProgramError {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            message: message.into(),
            hint: None,
        }
    }
}
