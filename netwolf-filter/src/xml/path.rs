//! The text of a path, taken apart.

use std::fmt;

use crate::limits::{MAX_XML_NESTING, MAX_XML_STEPS};

/// A path, ready to be walked.
#[derive(Debug)]
pub(crate) struct Path {
    pub(super) steps: Vec<Step>,
}

/// A step from a node to others.
#[derive(Debug)]
pub(super) struct Step {
    /// From the node itself and all that are in it: `//` stands before it.
    pub(super) is_deep: bool,
    pub(super) to: To,
    pub(super) predicates: Vec<Predicate>,
}

/// Where a step leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum To {
    /// `.`
    Itself,
    /// `..`
    Parent,
    /// `name`; none is `*`.
    Child(Option<String>),
    /// `@name`
    Attribute(String),
    /// `text()`
    Text,
}

/// What picks some of the elements that a step leads to.
#[derive(Debug)]
pub(super) enum Predicate {
    /// `[n]`, from 1.
    Position(usize),
    /// `[path]`
    Has(Path),
    /// `[path='text']`
    Is(Path, String),
    /// `[path!='text']`
    IsNot(Path, String),
}

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    /// The character, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { column, message } = self;
        write!(f, "{message} at character {column}")
    }
}

impl std::error::Error for PathError {}

impl Step {
    /// Whether it counts the elements of one parent.
    pub(super) fn counts(&self) -> bool {
        let mut predicates = self.predicates.iter();
        predicates.any(|predicate| matches!(predicate, Predicate::Position(_)))
    }
}

impl Path {
    /// Parses `text`.
    ///
    /// # Errors
    /// The first fault.
    pub(crate) fn parse(text: &str) -> Result<Self, PathError> {
        let mut parser = Parser {
            text,
            at: 0,
            n_steps: 0,
        };
        let path = parser.path(0)?;
        match parser.rest().chars().next() {
            None => Ok(path),
            Some(c) => Err(parser.fault(format!("{c:?} is not expected"))),
        }
    }
}

struct Parser<'p> {
    text: &'p str,
    at: usize,
    n_steps: usize,
}

impl<'p> Parser<'p> {
    fn path(&mut self, depth: usize) -> Result<Path, PathError> {
        if depth > MAX_XML_NESTING {
            return Err(self.fault(format!(
                "predicates nest deeper than {MAX_XML_NESTING} levels"
            )));
        }
        let mut steps = Vec::new();
        let mut is_deep = self.takes("//");
        if !is_deep {
            // A record's path may begin at the document, and it does so either way.
            self.takes("/");
        }
        loop {
            let step = self.step(is_deep, depth)?;
            let is_last = matches!(step.to, To::Attribute(_) | To::Text);
            steps.push(step);
            is_deep = self.takes("//");
            if !is_deep && !self.takes("/") {
                return Ok(Path { steps });
            }
            if is_last {
                return Err(self.fault("nothing comes behind an attribute or a text"));
            }
        }
    }

    fn step(&mut self, is_deep: bool, depth: usize) -> Result<Step, PathError> {
        self.n_steps += 1;
        if self.n_steps > MAX_XML_STEPS {
            return Err(self.fault(format!("a path has more than {MAX_XML_STEPS} steps")));
        }
        let to = if self.takes("..") {
            To::Parent
        } else if self.takes(".") {
            To::Itself
        } else if self.takes("@") {
            To::Attribute(self.name()?.to_owned())
        } else if self.takes("text()") {
            To::Text
        } else if self.takes("*") {
            To::Child(None)
        } else {
            To::Child(Some(self.name()?.to_owned()))
        };
        let mut predicates = Vec::new();
        while self.takes("[") {
            if !matches!(to, To::Child(_)) {
                return Err(self.fault("only elements have predicates"));
            }
            predicates.push(self.predicate(depth)?);
            if !self.takes("]") {
                return Err(self.fault("`]` is expected"));
            }
        }
        Ok(Step {
            is_deep,
            to,
            predicates,
        })
    }

    fn predicate(&mut self, depth: usize) -> Result<Predicate, PathError> {
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            let position = self
                .rest()
                .get(..digits)
                .and_then(|digits| digits.parse().ok());
            return match position {
                Some(position @ 1..) => {
                    self.at += digits;
                    Ok(Predicate::Position(position))
                }
                _ => Err(self.fault("positions count from 1")),
            };
        }
        let path = self.path(depth + 1)?;
        let is_not = self.takes("!=");
        if !is_not && !self.takes("=") {
            return Ok(Predicate::Has(path));
        }
        let quote = ["'", "\""].into_iter().find(|quote| self.takes(quote));
        let Some(quote) = quote else {
            return Err(self.fault("a text in quotes is expected"));
        };
        let Some((text, _)) = self.rest().split_once(quote) else {
            return Err(self.fault("the text is not closed"));
        };
        self.at += text.len() + quote.len();
        let text = text.to_owned();
        Ok(if is_not {
            Predicate::IsNot(path, text)
        } else {
            Predicate::Is(path, text)
        })
    }

    /// A local name. A prefix is told by itself, because it would be looked for in vain.
    fn name(&mut self) -> Result<&'p str, PathError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit() || "-.".contains(c)) {
            return Err(self.fault("a name is expected"));
        }
        if rest.get(end..).is_some_and(|rest| rest.starts_with(':')) {
            return Err(self.fault(format!("{name:?} is a namespace: names have none here")));
        }
        self.at += end;
        Ok(name)
    }

    fn rest(&self) -> &'p str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn takes(&mut self, token: &str) -> bool {
        let takes = self.rest().starts_with(token);
        self.at += if takes { token.len() } else { 0 };
        takes
    }

    fn fault(&self, message: impl Into<String>) -> PathError {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        PathError {
            column: before.chars().count() + 1,
            message: message.into(),
        }
    }
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || "_-.".contains(c)
}
