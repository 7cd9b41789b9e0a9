//! From `|`, which binds the least, to `*`, `/` and `%`, which bind the most.

use super::{Parsed, Parser};
use crate::jq::node::{Arithmetic, Comparison, Node};

impl Parser<'_> {
    /// `f as $x | g`, `f | g`, `f, g`.
    pub(super) fn pipe(&mut self) -> Parsed<Node> {
        self.pipe_of(Self::comma)
    }

    pub(super) fn pipe_of(&mut self, stage: fn(&mut Self) -> Parsed<Node>) -> Parsed<Node> {
        self.nested(|parser| {
            let mut stages = Vec::new();
            loop {
                let of = stage(parser)?;
                if parser.takes_word("as") {
                    let body = parser.binding(stage)?;
                    stages.push(parser.node(Node::Bind(Box::new(of), Box::new(body)))?);
                    break;
                }
                stages.push(of);
                if !parser.takes("|") {
                    break;
                }
            }
            parser.one_or(stages, Node::Pipe)
        })
    }

    /// What comes behind `as`.
    fn binding(&mut self, stage: fn(&mut Self) -> Parsed<Node>) -> Parsed<Node> {
        let start = self.start();
        if !self.text_from(start).starts_with('$') {
            let fault = self.fault(start, "a value is bound to one variable, such as `$x`");
            return Err(fault.with_hint(
                "bind the whole, and take it apart where it is used: `. as $x | $x.name`",
            ));
        }
        let name = self.variable_name()?;
        self.expect("|")?;
        self.variables.push(name);
        let body = self.pipe_of(stage);
        self.variables.pop();
        body
    }

    fn comma(&mut self) -> Parsed<Node> {
        let mut parts = vec![self.alternative()?];
        while self.takes(",") {
            parts.push(self.alternative()?);
        }
        self.one_or(parts, Node::Comma)
    }

    pub(super) fn alternative(&mut self) -> Parsed<Node> {
        let first = self.or()?;
        if !self.takes("//") {
            return Ok(first);
        }
        let second = self.nested(Self::alternative)?;
        self.node(Node::Alternative(Box::new(first), Box::new(second)))
    }

    fn or(&mut self) -> Parsed<Node> {
        let mut left = self.and()?;
        while self.takes_word("or") {
            let right = self.and()?;
            left = self.node(Node::Or(Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Node> {
        let mut left = self.comparison()?;
        while self.takes_word("and") {
            let right = self.comparison()?;
            left = self.node(Node::And(Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Parsed<Node> {
        let left = self.sum()?;
        let operators = [
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let Some((_, comparison)) = operators.into_iter().find(|(sign, _)| self.takes(sign)) else {
            self.refuse_assignment()?;
            return Ok(left);
        };
        let right = self.sum()?;
        self.node(Node::Compared(comparison, Box::new(left), Box::new(right)))
    }

    fn sum(&mut self) -> Parsed<Node> {
        let signs = [("+", Arithmetic::Add), ("-", Arithmetic::Subtract)];
        self.calculated(&signs, Self::product)
    }

    fn product(&mut self) -> Parsed<Node> {
        let signs = [
            ("*", Arithmetic::Multiply),
            ("/", Arithmetic::Divide),
            ("%", Arithmetic::Remainder),
        ];
        self.calculated(&signs, Self::postfix)
    }

    fn calculated(
        &mut self,
        signs: &[(&str, Arithmetic)],
        operand: fn(&mut Self) -> Parsed<Node>,
    ) -> Parsed<Node> {
        let mut left = operand(self)?;
        while let Some((_, sign)) = signs.iter().find(|(sign, _)| self.takes(sign)) {
            let right = operand(self)?;
            left = self.node(Node::Calculated(*sign, Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    /// `=`, `|=`, `+=` and so on.
    fn refuse_assignment(&mut self) -> Parsed<()> {
        let start = self.start();
        let signs = ["=", "|=", "+=", "-=", "*=", "/=", "%=", "//="];
        match signs
            .into_iter()
            .find(|sign| self.text_from(start).starts_with(sign))
        {
            None => Ok(()),
            Some(sign) => {
                let fault = self.fault(start, format!("`{sign}` is refused"));
                Err(fault.with_hint("make a new object instead: `{name: f}`, or `. + {name: f}`"))
            }
        }
    }
}
