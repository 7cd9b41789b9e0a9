//! YAML text to serde types, reporting every fault with its place instead of the first one.
//!
//! Text -> marked tree ([`tree`]) -> values ([`reader`]).
//!
//! What differs from a common serde format:
//! - unknown and repeated keys of a struct are faults, and reading goes on;
//! - [`Field`] holds "absent", "there but spoilt (and already reported)" or a value with its place, so that
//!   one bad value neither ends the reading nor causes further faults downstream;
//! - inside foreign types, which have no `Field`s, a bad value is reported and left out and the rest is read
//!   again without it, so their further faults come to light too;
//! - text is wanted, text is given: `description: 1.10` is not a number; and `port: "22"` is not one either;
//! - a key without a value counts as not written.
//!
//! Bounds: [`MAX_BYTES`] of text, [`tree::MAX_DEPTH`] levels, aliases by saphyr's own budget.

mod error;
mod field;
mod reader;
mod tree;

use std::{path::Path, sync::Arc};

use serde::de::DeserializeOwned;

pub(crate) use error::HINT;
pub(crate) use field::{Entries, Field, Spanned};
use reader::Reader;
use tree::{Node, Source};

use super::fault::{Fault, Place};

/// Longest text that is read: 50,000 devices with everything said on each of them need a quarter of it.
pub(crate) const MAX_BYTES: u64 = 64 << 20;

/// The text of one file, read as YAML.
pub(crate) struct Document {
    file: Arc<Path>,
    source: Source,
    root: Option<Node>,
}

/// A step into a document: a key of a mapping or a place in a sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl Document {
    /// Reads `text`; what is not YAML at all is a fault and leaves nothing.
    pub(crate) fn parse(file: &Arc<Path>, text: String, faults: &mut Vec<Fault>) -> Option<Self> {
        match tree::load(text) {
            Ok((root, source)) => Some(Self {
                file: file.clone(),
                source,
                root,
            }),
            Err(error) => {
                faults.push(Fault::new(file, error.place, error.message).maybe_hint(error.hint));
                None
            }
        }
    }

    /// The document as a `T`; absent when there is nothing in it.
    pub(crate) fn read<T: DeserializeOwned>(&self, faults: &mut Vec<Fault>) -> Field<T> {
        let Some(root) = &self.root else {
            return Field::Absent;
        };
        let reader = Reader::new(&self.file, &self.source);
        let field = reader.read(root);
        faults.append(&mut reader.into_faults());
        field
    }

    /// The value of one key of the document, which is without it from now on: for what stands beside the keys of a
    /// type that knows nothing of it.
    pub(crate) fn take<T: DeserializeOwned>(
        &mut self,
        key: &str,
        faults: &mut Vec<Fault>,
    ) -> Field<T> {
        let Some(node) = self.root.as_mut().and_then(|root| tree::take(root, key)) else {
            return Field::Absent;
        };
        let reader = Reader::new(&self.file, &self.source);
        let field = reader.read(&node);
        faults.append(&mut reader.into_faults());
        field
    }

    /// Where the value at the end of `steps` stands, or as far as they lead.
    pub(crate) fn place(&self, steps: &[Step<'_>]) -> Place {
        let Some(mut node) = self.root.as_ref() else {
            return Place::default();
        };
        for step in steps {
            match tree::step(node, *step) {
                Some(next) => node = next,
                None => break,
            }
        }
        tree::place(node)
    }
}

#[cfg(test)]
mod tests;
