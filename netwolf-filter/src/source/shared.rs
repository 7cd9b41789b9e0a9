//! What the rules of a command share of one output: its document is read once, however many rules look into it.

use std::cell::OnceCell;

use crate::{
    jq::{self, Value},
    limits::MAX_DOCUMENT_BYTES,
    problem::{ProblemKind, first_line},
    xml,
};

/// An output, and what was read of it.
#[derive(Debug)]
pub(crate) struct Shared<'o> {
    output: &'o str,
    /// Room for a document that is cut off.
    closed: &'o OnceCell<String>,
    json: OnceCell<Result<Value<'o>, Unread>>,
    xml: OnceCell<Result<xml::Read<'o>, Unread>>,
}

/// Why there is no document, as a problem.
pub(crate) type Unread = (ProblemKind, String);

impl<'o> Shared<'o> {
    /// Reads nothing yet.
    pub(crate) const fn new(output: &'o str, closed: &'o OnceCell<String>) -> Self {
        Self {
            output,
            closed,
            json: OnceCell::new(),
            xml: OnceCell::new(),
        }
    }

    pub(crate) const fn output(&self) -> &'o str {
        self.output
    }

    /// The JSON in the output.
    ///
    /// # Errors
    /// There is none that can be read.
    pub(crate) fn json(&self) -> Result<&Value<'o>, &Unread> {
        let read = || {
            self.is_short()?;
            jq::read(self.output).map_err(|unread| match unread {
                jq::Unread::None => (ProblemKind::NoMatch, first_line(self.output)),
                jq::Unread::Broken(text) => (ProblemKind::Unreadable, text),
            })
        };
        self.json.get_or_init(read).as_ref()
    }

    /// The XML in the output.
    ///
    /// # Errors
    /// There is none that can be read.
    pub(crate) fn xml(&self) -> Result<&xml::Read<'o>, &Unread> {
        let read = || {
            self.is_short()?;
            xml::read(self.output, self.closed).map_err(|unread| match unread {
                xml::Unread::None => (ProblemKind::NoMatch, first_line(self.output)),
                xml::Unread::Broken(text) => (ProblemKind::Unreadable, text),
                xml::Unread::TooMany => (ProblemKind::TooMany, "elements and texts".to_owned()),
            })
        };
        self.xml.get_or_init(read).as_ref()
    }

    fn is_short(&self) -> Result<(), Unread> {
        if self.output.len() > MAX_DOCUMENT_BYTES {
            let text = format!("{MAX_DOCUMENT_BYTES} bytes");
            return Err((ProblemKind::TooMany, text));
        }
        Ok(())
    }
}
