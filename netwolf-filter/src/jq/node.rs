//! A program, parsed: a tree that is walked for each output.

use regex::Regex;

use super::{
    functions::{IsOf, Plain, With},
    value::Number,
};

/// One step of a program: from a value to any number of values.
#[derive(Debug)]
pub(crate) enum Node {
    /// `.`
    Input,
    /// `..`
    Everything,
    /// `empty`
    Empty,
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    /// `"slot \(.slot)"`
    Interpolated(Vec<Piece>),
    /// `[f]`, or `[]`
    Array(Option<Box<Node>>),
    /// `{a: f, ($b): g}`
    Object(Vec<(Node, Node)>),
    /// `-f`
    Negated(Box<Node>),
    /// `f | g | h`
    Pipe(Vec<Node>),
    /// `f, g, h`
    Comma(Vec<Node>),
    /// `f as $x | g`
    Bind(Box<Node>, Box<Node>),
    /// `$x`: how many bindings back.
    Variable(usize),
    /// `f // g`
    Alternative(Box<Node>, Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Calculated(Arithmetic, Box<Node>, Box<Node>),
    Compared(Comparison, Box<Node>, Box<Node>),
    /// `if a then b elif c then d else e end`
    If(Vec<(Node, Node)>, Option<Box<Node>>),
    /// `try f`, `f?`
    Try(Box<Node>),
    /// `f.name`, with a name that is known
    Field(Box<Node>, String),
    /// `f[g]`
    Index(Box<Node>, Box<Node>),
    /// `f[g:h]`
    Slice(Box<Node>, Option<Box<Node>>, Option<Box<Node>>),
    /// `f[]`. `costs_its_item`: an error in what comes behind it costs the item and no more, and is a problem.
    Each {
        of: Box<Node>,
        costs_its_item: bool,
    },
    /// A function without arguments.
    Plain(Plain),
    /// A function of the input and of each output of its argument.
    With(With, Box<Node>),
    /// `select(f)`
    Select(Box<Node>),
    /// `strings` and its like
    OfKind(IsOf),
    /// `map_values(f)`
    MapValues(Box<Node>),
    /// `first(f)`
    First(Box<Node>),
    /// `any(f; g)` and `all(f; g)`: `true` is what ends it.
    Quantified(bool, Box<Node>, Box<Node>),
    /// `sort_by(f)` and its like.
    By(By, Box<Node>),
    /// `test("...")`
    Test(Regex),
    /// `capture("...")`
    Capture(Regex),
}

impl Node {
    /// `of[]`
    pub(crate) const fn each(of: Box<Self>) -> Self {
        let costs_its_item = false;
        Self::Each { of, costs_its_item }
    }

    /// Lets errors cost their items, in all places from which what comes out goes on to be records.
    pub(super) fn keep_going(&mut self) {
        match self {
            Self::Each { of, costs_its_item } => {
                *costs_its_item = true;
                of.keep_going();
            }
            Self::Pipe(stages) | Self::Comma(stages) => {
                stages.iter_mut().for_each(Self::keep_going);
            }
            Self::Bind(of, body) => {
                of.keep_going();
                body.keep_going();
            }
            Self::If(cases, otherwise) => {
                let branches = cases.iter_mut().map(|(_, branch)| branch);
                branches
                    .chain(otherwise.as_deref_mut())
                    .for_each(Self::keep_going);
            }
            Self::Field(of, _) | Self::Index(of, _) | Self::Slice(of, ..) => of.keep_going(),
            _ => {}
        }
    }
}

/// A piece of an interpolated text.
#[derive(Debug)]
pub(crate) enum Piece {
    Text(String),
    Of(Node),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What is done with items and their keys.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    Sort,
    Group,
    Unique,
    Min,
    Max,
}
