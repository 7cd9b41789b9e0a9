//! Objects: `{name: f, "name": f, (f): g, name, $name}`.

use super::{Parsed, Parser};
use crate::jq::node::Node;

impl Parser<'_> {
    pub(super) fn object(&mut self) -> Parsed<Node> {
        self.expect("{")?;
        let mut entries = Vec::new();
        while !self.takes("}") {
            entries.push(self.entry()?);
            if !self.takes(",") {
                self.expect("}")?;
                break;
            }
        }
        self.node(Node::Object(entries))
    }

    /// `name: f`, `"name": f`, `(f): g`, `name`, `"name"`, `$name`.
    fn entry(&mut self) -> Parsed<(Node, Node)> {
        let start = self.start();
        let key = match self.peek() {
            Some('$') => {
                let name = self.variable_name()?;
                let key = name.get(1..).unwrap_or_default().to_owned();
                let value = self.bound(start, name)?;
                return Ok((self.node(Node::Text(key))?, value));
            }
            Some('(') => {
                self.at += 1;
                let key = self.pipe()?;
                self.expect(")")?;
                self.expect(":")?;
                return Ok((key, self.pipe_of(Self::alternative)?));
            }
            Some(_) => self.field_name()?,
            None => return Err(self.fault(start, "an object is not closed")),
        };
        if self.takes(":") {
            return Ok((key, self.pipe_of(Self::alternative)?));
        }
        let Node::Text(name) = &key else {
            return Err(self.fault(start, "an interpolated key has no value"));
        };
        let of = Box::new(self.node(Node::Input)?);
        let value = self.node(Node::Field(of, name.clone()))?;
        Ok((key, value))
    }
}
