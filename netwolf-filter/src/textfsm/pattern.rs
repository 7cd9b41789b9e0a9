//! Python's regular expressions, read as Python 3.11 reads them and written anew for the engines that we have.
//!
//! ```text
//!   text --parse--> Node --emit--> a pattern of the `regex` crate, for lines of ASCII
//!                     |            another for all other lines
//!                     |            one of `fancy-regex`, where there is look-around or a back-reference, or a loop
//!                     |            that Python goes through in its own way
//!                     \---first--> which characters can begin a match
//! ```
//!
//! Nothing of the text is handed on as it stands, because what both languages take may mean two things: `\<` is a
//! `<` in Python and the begin of a word in Rust, and `[a&&b]` has three characters in Python and none in Rust.
//!
//! Invariant: a pattern is only ever matched against one line, in which there is no line break of any sort. So `.`
//! is every character, `$` and `\Z` are the end, `^` is the begin, and the flags `m` and `s` change nothing.

mod emit;
mod escape;
mod first;
mod loops;
mod parse;
mod set;
mod width;

use self::set::Set;

pub(super) use self::{
    first::{First, Start, first_text},
    parse::Refusal,
    set::is_space,
};

/// Nodes that a pattern may have once its counted repetitions are written out.
const MAX_WEIGHT: usize = 50_000;

/// How deep groups may nest.
const MAX_DEPTH: usize = 100;

/// A pattern that Python would take.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    node: Node,
    /// The names of the groups; the first one is group 1.
    groups: Vec<Option<String>>,
    weight: usize,
    /// Groups that a back-reference or a condition looks at.
    referenced: Vec<usize>,
    needs: Needs,
    /// Where odd [`loops`] stand.
    odd: Vec<usize>,
}

/// What a pattern has in it that the `regex` crate has not.
#[derive(Clone, Copy, Debug, Default)]
struct Needs {
    /// Look-around, back-references, conditions, atomic groups, odd [`loops`]: for every line.
    backtracking: bool,
    /// `\b`, which goes by Python's letters: for lines that are not ASCII.
    boundary: bool,
}

#[derive(Clone, Debug)]
enum Node {
    Empty,
    Any,
    Set(Set),
    Start,
    End,
    Boundary {
        negated: bool,
        ascii: bool,
    },
    /// A group that captures, by its number.
    Group(usize, Box<Node>),
    Concat(Vec<Node>),
    Alternation(Vec<Node>),
    Repeat {
        /// Where the pattern says so.
        at: usize,
        node: Box<Node>,
        min: usize,
        max: Option<usize>,
        greed: Greed,
    },
    Atomic(Box<Node>),
    Look {
        ahead: bool,
        negated: bool,
        node: Box<Node>,
    },
    Reference {
        group: usize,
        fold: bool,
    },
    Condition {
        group: usize,
        yes: Box<Node>,
        no: Box<Node>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Greed {
    Greedy,
    Lazy,
    Possessive,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What Python would refuse, and the little that is refused here, with its place in `text`.
    pub(super) fn parse(text: &[char]) -> Result<Self, Refusal> {
        parse::parse(text)
    }

    /// The names of the groups that have one, with their numbers, in the order in which they open.
    pub(super) fn names(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = (1..).zip(&self.groups);
        numbered.filter_map(|(number, name)| Some((number, name.as_deref()?)))
    }

    /// Whether somebody looks at what a group has matched.
    fn is_seen(&self, group: usize) -> bool {
        self.referenced.contains(&group) || self.groups[group - 1].is_some()
    }

    /// How many groups there are.
    pub(super) fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// How many nodes there are, each as often as it is repeated.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Whether the `regex` crate can match it against ASCII.
    pub(super) fn is_plain(&self) -> bool {
        !self.needs.backtracking
    }

    /// Whether the `regex` crate can match it against all text.
    pub(super) fn is_plain_in_unicode(&self) -> bool {
        !self.needs.backtracking && !self.needs.boundary
    }

    /// The pattern for the `regex` crate's bytes without Unicode, to be matched against ASCII. Of its groups only
    /// `groups` capture, which are in their order.
    pub(super) fn in_ascii(&self, groups: &[usize]) -> String {
        emit::emit(self, emit::Language::Ascii, groups).0
    }

    /// The pattern for all text, with the numbers that `groups` have in it.
    pub(super) fn in_unicode(&self, groups: &[usize]) -> (String, Vec<usize>) {
        let mut captured: Vec<usize> = groups.iter().chain(&self.referenced).copied().collect();
        captured.sort_unstable();
        captured.dedup();
        emit::emit(self, emit::Language::Unicode, &captured)
    }

    /// Which characters can begin a match.
    pub(super) fn first(&self) -> First {
        First::of(&self.node)
    }
}
