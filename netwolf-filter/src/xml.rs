//! Paths into XML documents: a part of `XPath`, walked with bounds.
//!
//! ```text
//!   path   step/step, step//step; `//` before the first step as well
//!   step   name, *, .., ., @name, text(); names and * with any number of [n], [path], [path='text'], [path!='text']
//! ```
//!
//! Names are local: namespaces are passed over, because Junos puts its version into them. A path is parsed once.
//! Bounds are counted and not timed: bytes and elements of a document, and elements that are looked at.

mod cut;
mod document;
mod field;
mod path;
#[cfg(test)]
pub(crate) mod tests;
mod walk;

pub(crate) use self::{
    document::{Read, Unread, read},
    field::{Field, FieldText, alternatives},
    path::Path,
    walk::{Found, Over, Work},
};
pub use path::PathError;
