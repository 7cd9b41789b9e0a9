//! Calls of functions, turned into the nodes that they stand for.

use super::{Parsed, Parser};
use crate::{
    jq::{
        ProgramError,
        functions::{self, Form, Function},
        node::Node,
    },
    limits::MAX_REGEX_BYTES,
    pattern::{self, PatternError},
};

impl<'p> Parser<'p> {
    pub(super) fn call(&mut self, start: usize, name: &'p str) -> Parsed<Node> {
        let mut arguments = Vec::new();
        if self.takes("(") {
            loop {
                arguments.push(self.pipe()?);
                if !self.takes(";") {
                    break;
                }
            }
            self.expect(")")?;
        }
        let function = functions::find(name, arguments.len());
        let function = function.map_err(|(message, hint)| ProgramError {
            hint: Some(hint),
            ..self.fault(start, message)
        })?;
        self.applied(start, function, arguments)
    }

    fn applied(
        &mut self,
        start: usize,
        function: Function,
        mut arguments: Vec<Node>,
    ) -> Parsed<Node> {
        let form = match function {
            Function::Plain(plain) => return self.node(Node::Plain(plain)),
            Function::OfKind(is_of) => return self.node(Node::OfKind(is_of)),
            Function::With(with) => {
                let argument = arguments.remove(0);
                return self.node(Node::With(with, Box::new(argument)));
            }
            Function::Form(form) => form,
        };
        let mut argument = || Box::new(arguments.remove(0));
        let items = || Node::each(Box::new(Node::Input));
        let node = match form {
            Form::Select => Node::Select(argument()),
            Form::Map => Node::Array(Some(Box::new(Node::Pipe(vec![items(), *argument()])))),
            Form::MapValues => Node::MapValues(argument()),
            Form::WithEntries => Node::Pipe(vec![
                Node::Plain(functions::to_entries),
                Node::Array(Some(Box::new(Node::Pipe(vec![items(), *argument()])))),
                Node::Plain(functions::from_entries),
            ]),
            Form::First => Node::First(argument()),
            Form::Any => Node::Quantified(true, Box::new(items()), Box::new(Node::Input)),
            Form::All => Node::Quantified(false, Box::new(items()), Box::new(Node::Input)),
            Form::AnyBy => Node::Quantified(true, Box::new(items()), argument()),
            Form::AllBy => Node::Quantified(false, Box::new(items()), argument()),
            Form::AddOf => Node::Pipe(vec![
                Node::Array(Some(argument())),
                Node::Plain(functions::add),
            ]),
            Form::By(by) => Node::By(by, argument()),
            Form::ByItself(by) => Node::By(by, Box::new(Node::Input)),
            Form::Test => Node::Test(self.pattern(start, &argument())?),
            Form::Capture => Node::Capture(self.pattern(start, &argument())?),
        };
        debug_assert!(
            arguments.is_empty(),
            "the function was found by their number"
        );
        self.node(node)
    }

    /// Compiles the pattern that a function has as its argument.
    fn pattern(&self, start: usize, argument: &Node) -> Parsed<regex::Regex> {
        let Node::Text(text) = argument else {
            let fault = self.fault(start, "the pattern is not a plain text");
            return Err(fault.with_hint(
                "patterns are compiled once, with the program: write it out, in double quotes",
            ));
        };
        pattern::build(text).map_err(|error| {
            let message = match error {
                PatternError::Syntax(reason) => {
                    format!("pattern \"{text}\" is not a regular expression: {reason}")
                }
                PatternError::TooBig => format!(
                    "pattern \"{text}\" takes more than {MAX_REGEX_BYTES} bytes when compiled"
                ),
            };
            self.fault(start, message)
        })
    }
}
