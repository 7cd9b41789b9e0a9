//! What operators stand between: atoms with their paths, `if`, `try`, and variables.

use super::{Parsed, Parser, tokens::is_word_start};
use crate::jq::node::Node;

impl<'p> Parser<'p> {
    /// An atom with its path.
    pub(super) fn postfix(&mut self) -> Parsed<Node> {
        let mut node = self.atom()?;
        loop {
            let start = self.start();
            let rest = self.text_from(start);
            node = if rest.starts_with('[') {
                self.bracket(node)?
            } else if self.takes("?") {
                self.node(Node::Try(Box::new(node)))?
            } else if rest.starts_with('.') && !rest.starts_with("..") {
                self.at = start + 1;
                if self.peek() == Some('[') {
                    continue;
                }
                let name = self.field_name()?;
                self.named(node, name)?
            } else {
                return Ok(node);
            };
        }
    }

    /// `[]`, `[f]`, `[f:g]`, `[f:]`, `[:g]` behind `of`.
    fn bracket(&mut self, of: Node) -> Parsed<Node> {
        self.expect("[")?;
        let of = Box::new(of);
        if self.takes("]") {
            return self.node(Node::each(of));
        }
        let from = match self.peek() {
            Some(':') => None,
            _ => Some(self.pipe()?),
        };
        if !self.takes(":") {
            self.expect("]")?;
            return match from {
                Some(Node::Text(name)) => self.node(Node::Field(of, name)),
                Some(index) => self.node(Node::Index(of, Box::new(index))),
                None => unreachable!("only a colon stands in for it"),
            };
        }
        let to = match self.peek() {
            Some(']') => None,
            _ => Some(Box::new(self.pipe()?)),
        };
        self.expect("]")?;
        self.node(Node::Slice(of, from.map(Box::new), to))
    }

    /// `of."name"`, of which the name may be interpolated.
    fn named(&mut self, of: Node, name: Node) -> Parsed<Node> {
        match name {
            Node::Text(name) => self.node(Node::Field(Box::new(of), name)),
            name => self.node(Node::Index(Box::new(of), Box::new(name))),
        }
    }

    pub(super) fn field_name(&mut self) -> Parsed<Node> {
        if self.peek() == Some('"') {
            return self.string();
        }
        let name = self.word()?;
        Ok(Node::Text(name.to_owned()))
    }

    fn atom(&mut self) -> Parsed<Node> {
        let start = self.start();
        let Some(first) = self.peek() else {
            return Err(self.fault(start, "it ends where something is expected"));
        };
        match first {
            '.' => self.dot(),
            '"' => self.string(),
            '0'..='9' => self.number(),
            '$' => self.variable(),
            '(' => {
                self.at += 1;
                let node = self.pipe()?;
                self.expect(")")?;
                Ok(node)
            }
            '[' => {
                self.at += 1;
                let items = if self.takes("]") {
                    None
                } else {
                    Some(Box::new(self.pipe()?))
                };
                if items.is_some() {
                    self.expect("]")?;
                }
                self.node(Node::Array(items))
            }
            '{' => self.object(),
            '-' => {
                self.at += 1;
                let of = self.nested(Self::postfix)?;
                self.node(Node::Negated(Box::new(of)))
            }
            '@' => self.format(),
            c if is_word_start(c) => self.worded(),
            c => Err(self.fault(start, format!("{c:?} is not expected here"))),
        }
    }

    /// `.`, `..`, `.name`, `."name"`; what follows is the postfix's.
    fn dot(&mut self) -> Parsed<Node> {
        if self.takes("..") {
            return self.node(Node::Everything);
        }
        self.at += 1;
        let next = self.text_from(self.at).chars().next();
        let is_named = next.is_some_and(|c| c == '"' || is_word_start(c));
        let input = self.node(Node::Input)?;
        if !is_named {
            return Ok(input);
        }
        let name = self.field_name()?;
        self.named(input, name)
    }

    fn worded(&mut self) -> Parsed<Node> {
        let start = self.start();
        let word = self.word()?;
        match word {
            "if" => self.condition(),
            "try" => {
                let of = self.nested(Self::postfix)?;
                let after = self.start();
                if self.takes_word("catch") {
                    let fault = self.fault(after, "`catch` is refused");
                    return Err(fault.with_hint("`try f` and `f?` leave errors out; `f? // g` puts something in their place"));
                }
                self.node(Node::Try(Box::new(of)))
            }
            "null" => self.node(Node::Null),
            "true" => self.node(Node::Bool(true)),
            "false" => self.node(Node::Bool(false)),
            "empty" => self.node(Node::Empty),
            _ => self.call(start, word),
        }
    }

    fn condition(&mut self) -> Parsed<Node> {
        let mut cases = Vec::new();
        loop {
            let condition = self.pipe()?;
            self.expect_word("then")?;
            cases.push((condition, self.pipe()?));
            if self.takes_word("elif") {
                continue;
            }
            let otherwise = if self.takes_word("else") {
                Some(Box::new(self.pipe()?))
            } else {
                None
            };
            self.expect_word("end")?;
            return self.node(Node::If(cases, otherwise));
        }
    }

    fn variable(&mut self) -> Parsed<Node> {
        let start = self.start();
        let name = self.variable_name()?;
        self.bound(start, name)
    }

    /// `$name`, with the dollar.
    pub(super) fn variable_name(&mut self) -> Parsed<&'p str> {
        let start = self.start();
        self.expect("$")?;
        self.word()?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    pub(super) fn bound(&mut self, start: usize, name: &str) -> Parsed<Node> {
        if let Some(back) = self.variables.iter().rev().position(|it| *it == name) {
            return self.node(Node::Variable(back));
        }
        let fault = self.fault(start, format!("no variable {name} is bound here"));
        Err(fault.with_hint(format!("`f as {name} | g` binds it in `g`")))
    }
}
