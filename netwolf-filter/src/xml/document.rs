//! The XML in an output.
//!
//! The document begins with the first line that begins with a tag, and ends with the last `>`: a warning above it and
//! a `{master}` below it are passed over. Of one that is cut off, as a long output is, the elements that are whole are
//! read, and the cut is told; one that is broken otherwise is not read at all.
//! Document types are refused, and with them all entities but XML's own.

use std::{cell::OnceCell, collections::HashSet, iter};

use roxmltree::{Document, Node, NodeId, ParsingOptions};

use super::cut::Cut;
use crate::{limits::MAX_XML_NODES, problem::excerpt};

/// Why an output has no document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// There is no XML in it.
    None,
    /// There is, and it is broken, or cut off before any element is whole; with the text for people.
    Broken(String),
    /// It has more than [`MAX_XML_NODES`] nodes.
    TooMany,
}

/// The document of an output.
#[derive(Debug)]
pub(crate) struct Read<'o> {
    /// Its elements.
    pub(crate) document: Document<'o>,
    /// Of a document that is cut off, how many elements are not whole: the root, its last element, and so on.
    n_open: usize,
    /// What is to be told of one that is cut off.
    pub(crate) cut: Option<String>,
}

impl Read<'_> {
    /// The elements that were not closed, from the root on: what is in them may be missing.
    pub(crate) fn open_elements(&self) -> HashSet<NodeId> {
        let root = self.document.root_element();
        let all = iter::successors(Some(root), Node::last_element_child);
        all.take(self.n_open).map(|element| element.id()).collect()
    }
}

/// Reads the document in `output`. One that is cut off is closed in `closed`, behind its last whole element.
pub(crate) fn read<'o>(output: &'o str, closed: &'o OnceCell<String>) -> Result<Read<'o>, Unread> {
    let (text, lines_above) = find(output).ok_or(Unread::None)?;
    let error = match parse(text) {
        Ok(document) => {
            return Ok(Read {
                document,
                n_open: 0,
                cut: None,
            });
        }
        Err(roxmltree::Error::NodesLimitReached) => return Err(Unread::TooMany),
        Err(error) => error,
    };
    if let Some(cut) = Cut::find(text) {
        let closed = closed.get_or_init(|| cut.closed(text));
        if let Ok(document) = parse(closed) {
            let whole = text.get(..cut.end).unwrap_or_default();
            let line = lines_above + whole.lines().count();
            let told = "cut off: the elements that are not whole are left out";
            return Ok(Read {
                document,
                n_open: cut.open.len(),
                cut: Some(format!("line {line}: {told}")),
            });
        }
    }
    let row = error.pos().row as usize;
    let line = text.lines().nth(row.saturating_sub(1)).unwrap_or_default();
    let told = error.to_string();
    let what = told
        .rsplit_once(" at ")
        .map_or(told.as_str(), |(what, _)| what);
    let number = lines_above + row;
    let text = format!("line {number}: {what}: {}", line.trim());
    Err(Unread::Broken(excerpt(&text)))
}

fn parse(text: &str) -> Result<Document<'_>, roxmltree::Error> {
    let options = ParsingOptions {
        nodes_limit: MAX_XML_NODES,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options)
}

/// The document in the output, and how many lines are above it.
fn find(output: &str) -> Option<(&str, usize)> {
    let mut above = 0;
    let mut rest = output;
    while !begins_document(rest) {
        (_, rest) = rest.split_once('\n')?;
        above += 1;
    }
    let rest_of_line = rest.trim_start();
    let end = rest_of_line.rfind('>')? + 1;
    Some((rest_of_line.get(..end)?, above))
}

/// Whether a document begins with the first line of `text`. `<189>` begins a log message.
fn begins_document(text: &str) -> bool {
    let tag = text.trim_start_matches([' ', '\t', '\r']).strip_prefix('<');
    tag.is_some_and(|tag| tag.starts_with(|c: char| c.is_alphabetic() || "_?!".contains(c)))
}
