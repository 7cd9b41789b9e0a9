//! The XML in an output.
//!
//! The document begins with the first line that begins with a tag, and ends with the last `>`: a warning above it and
//! a `{master}` below it are passed over. It is read whole or not at all: one that is cut off makes no value.
//! Document types are refused, and with them all entities but XML's own.

use roxmltree::{Document, ParsingOptions};

use crate::{limits::MAX_XML_NODES, problem::excerpt};

/// Why an output has no document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// There is no XML in it.
    None,
    /// There is, and it is broken or cut off; with the text for people.
    Broken(String),
    /// It has more than [`MAX_XML_NODES`] nodes.
    TooMany,
}

/// Reads the document in `output` and gives it to `each`.
pub(crate) fn with_document<R>(
    output: &str,
    each: impl FnOnce(&Document<'_>) -> R,
) -> Result<R, Unread> {
    let (text, lines_above) = find(output).ok_or(Unread::None)?;
    let options = ParsingOptions {
        nodes_limit: MAX_XML_NODES,
        ..ParsingOptions::default()
    };
    match Document::parse_with_options(text, options) {
        Ok(document) => Ok(each(&document)),
        Err(roxmltree::Error::NodesLimitReached) => Err(Unread::TooMany),
        Err(error) => {
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
    }
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
