//! Where a field's text comes from: paths in their order of preference, of which the first that leads to text counts.
//!
//! ```text
//!   field        alternative | alternative
//!   alternative  path, substring-before(path, 'text')
//! ```
//!
//! As in `XPath`, what `substring-before` does not find its text in has nothing before it.

use std::borrow::Cow;

use roxmltree::Node;

use super::{
    path::{Path, PathError},
    walk::{Over, Work},
};

/// The way to a field's text.
#[derive(Debug)]
pub(crate) struct Field {
    alternatives: Vec<Alternative>,
}

#[derive(Debug)]
struct Alternative {
    path: Path,
    /// Only what stands before this counts.
    before: Option<String>,
}

/// What a field of a record is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FieldText<'d> {
    Text(Cow<'d, str>),
    Absent,
    /// An element with elements in it.
    Nested,
}

const SUBSTRING_BEFORE: &str = "substring-before(";

impl Field {
    /// Parses `text`.
    ///
    /// # Errors
    /// The first fault.
    pub(crate) fn parse(text: &str) -> Result<Self, PathError> {
        let alternatives = alternatives(text, Alternative::parse)?;
        Ok(Self { alternatives })
    }

    /// The text that is reached from `element`.
    ///
    /// # Errors
    /// The work is over.
    pub(crate) fn read<'d>(
        &self,
        element: Node<'d, 'd>,
        work: &mut Work,
    ) -> Result<FieldText<'d>, Over> {
        for alternative in &self.alternatives {
            let Some(found) = alternative.path.first(element, work)? else {
                continue;
            };
            let Some(text) = found.text() else {
                return Ok(FieldText::Nested);
            };
            let text = match (&alternative.before, text) {
                (None, text) => text,
                (Some(end), Cow::Borrowed(text)) => before(text, end).into(),
                (Some(end), Cow::Owned(text)) => before(&text, end).to_owned().into(),
            };
            if !text.is_empty() {
                return Ok(FieldText::Text(text));
            }
        }
        Ok(FieldText::Absent)
    }
}

/// Parses each part of `text` between bars.
///
/// # Errors
/// The first fault, at its place in `text`.
pub(crate) fn alternatives<T>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, PathError>,
) -> Result<Vec<T>, PathError> {
    let mut at = 0;
    let parts = split(text).map(|part| {
        let begin = at;
        at += part.len() + 1;
        let chars_before = text.get(..begin).unwrap_or_default().chars().count();
        let indent = part.chars().take_while(|c| c.is_whitespace()).count();
        parse(part.trim()).map_err(|error| PathError {
            column: error.column + chars_before + indent,
            ..error
        })
    });
    parts.collect()
}

impl Alternative {
    fn parse(text: &str) -> Result<Self, PathError> {
        let Some(arguments) = text.strip_prefix(SUBSTRING_BEFORE) else {
            let path = Path::parse(text)?;
            return Ok(Self { path, before: None });
        };
        let fault = || PathError {
            column: 1,
            message: "`substring-before(path, 'text')` is expected".to_owned(),
        };
        let arguments = arguments.strip_suffix(')').ok_or_else(fault)?;
        // The text has no quotes of its own kind, and so the last comma before it ends the path.
        let quote = arguments.chars().last().filter(|c| ['\'', '"'].contains(c));
        let quote = quote.ok_or_else(fault)?;
        let (head, end) = arguments
            .strip_suffix(quote)
            .and_then(|arguments| arguments.rsplit_once(quote))
            .filter(|(_, end)| !end.is_empty())
            .ok_or_else(fault)?;
        let path = head.trim_end().strip_suffix(',').ok_or_else(fault)?;
        let path = Path::parse(path.trim()).map_err(|error| PathError {
            column: error.column + SUBSTRING_BEFORE.len(),
            ..error
        })?;
        let before = Some(end.to_owned());
        Ok(Self { path, before })
    }
}

/// The parts of `text` between the `|` that are in no quotes.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut quote = None;
    text.split(move |c: char| {
        match quote {
            Some(open) if open == c => quote = None,
            None if ['\'', '"'].contains(&c) => quote = Some(c),
            _ => {}
        }
        c == '|' && quote.is_none()
    })
}

fn before<'t>(text: &'t str, end: &str) -> &'t str {
    text.split_once(end).map_or("", |(before, _)| before).trim()
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    const PEER: &str = "<peer><name>a+179</name><id> b </id><none/><table>red.inet.0</table><in><x>1</x></in></peer>";

    fn check(field: &str, expected: Option<&str>) {
        let document = Document::parse(PEER).unwrap();
        let field = Field::parse(field).unwrap();
        let read = field.read(document.root_element(), &mut Work::new());
        let expected = match expected {
            Some("<>") => FieldText::Nested,
            Some(text) => FieldText::Text(text.into()),
            None => FieldText::Absent,
        };
        assert_eq!(read, Ok(expected), "{field:?}");
    }

    #[test]
    fn the_first_that_leads_to_text_counts() {
        check("id", Some("b"));
        check("id | name", Some("b"));
        check("nothing|none | name", Some("a+179"));
        check("nothing | none", None);
        check("in | id", Some("<>"));
        check("*[.='a|b'] | id", Some("b"));
    }

    #[test]
    fn what_stands_before_a_text_is_cut_out() {
        check("substring-before(name, '+')", Some("a"));
        check("substring-before(table,\".inet.0\")", Some("red"));
        check("substring-before(id, '+') | id", Some("b"));
        check("substring-before(id, 'b')", None);
    }

    #[test]
    fn what_is_no_field_is_refused_with_its_place() {
        for (field, expected) in [
            ("a | b c", "' ' is not expected at character 6"),
            ("a |", "a name is expected at character 4"),
            (
                "substring-before(a)",
                "`substring-before(path, 'text')` is expected at character 1",
            ),
            (
                "b | substring-before(a, '')",
                "`substring-before(path, 'text')` is expected at character 5",
            ),
            (
                "substring-before(a[, 'x')",
                "a name is expected at character 20",
            ),
            (
                "substring-after(a, 'x')",
                "'(' is not expected at character 16",
            ),
        ] {
            assert_eq!(
                Field::parse(field).unwrap_err().to_string(),
                expected,
                "{field}"
            );
        }
    }
}
