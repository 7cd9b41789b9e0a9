//! Records by paths into XML: each element that one path leads to is one, and the others lead from there to its fields.
//!
//! A field is the text of the first that its path leads to, trimmed; where there is none, or it is empty, the field is
//! absent. An element with others in it has no text, and such a field is a problem.

use std::{borrow::Cow, collections::HashSet, ops::ControlFlow};

use netwolf_wire::rule::XmlSource;
use roxmltree::{Document, Node};

use super::{Found, Record};
use crate::{
    error::Fault,
    limits::MAX_DOCUMENT_BYTES,
    problem::{ProblemKind, excerpt, first_line},
    xml::{self, Over, Path, Unread, Work},
};

/// A compiled `xml` source.
#[derive(Debug)]
pub(crate) struct XmlRecords {
    records: Path,
    fields: Vec<String>,
    /// Of each field.
    paths: Vec<Path>,
}

impl XmlRecords {
    /// Parses all paths.
    ///
    /// # Errors
    /// Every path's fault.
    pub(crate) fn compile(source: &XmlSource) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut parse = |field: Option<&String>, text: &str| match Path::parse(text) {
            Ok(path) => Some(path),
            Err(error) => {
                faults.push(Fault::BadPath {
                    field: field.cloned(),
                    path: text.to_owned(),
                    error,
                });
                None
            }
        };
        let records = parse(None, &source.records);
        let fields = source.fields.iter();
        let paths: Vec<_> = fields
            .filter_map(|(field, path)| parse(Some(field), path))
            .collect();
        match records {
            Some(records) if faults.is_empty() => Ok(Self {
                records,
                fields: source.fields.keys().cloned().collect(),
                paths,
            }),
            _ => Err(faults),
        }
    }

    /// The fields' names, in the order of a record's indices.
    pub(crate) fn fields(&self) -> &[String] {
        &self.fields
    }

    /// Gives `each` the records and problems of `output`, until it breaks.
    pub(crate) fn read(
        &self,
        output: &str,
        mut each: impl FnMut(Found<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if output.len() > MAX_DOCUMENT_BYTES {
            let text = format!("{MAX_DOCUMENT_BYTES} bytes");
            return each(Found::Problem(ProblemKind::TooMany, text));
        }
        let read = xml::with_document(output, |document| self.records(document, &mut each));
        let (kind, text) = match read {
            Ok(Ok(())) => return ControlFlow::Continue(()),
            Ok(Err(Over)) => (ProblemKind::TooMany, "work for this output".to_owned()),
            Err(Unread::None) => (ProblemKind::NoMatch, first_line(output)),
            Err(Unread::Broken(text)) => (ProblemKind::Unreadable, text),
            Err(Unread::TooMany) => (ProblemKind::TooMany, "elements and texts".to_owned()),
        };
        each(Found::Problem(kind, text))
    }

    fn records(
        &self,
        document: &Document<'_>,
        each: &mut impl FnMut(Found<'_>) -> ControlFlow<()>,
    ) -> Result<(), Over> {
        let mut work = Work::new();
        let mut seen = HashSet::new();
        let mut is_over = false;
        self.records
            .walk(document.root(), &mut work, |found, work| {
                // Several ways may lead to one element.
                let xml::Found::Element(element) = found else {
                    return ControlFlow::Continue(());
                };
                if !seen.insert(element.id().get_usize()) {
                    return ControlFlow::Continue(());
                }
                self.record(element, work, each).unwrap_or_else(|Over| {
                    is_over = true;
                    ControlFlow::Break(())
                })
            })?;
        if is_over { Err(Over) } else { Ok(()) }
    }

    /// Gives `each` the record of an element.
    fn record(
        &self,
        element: Node<'_, '_>,
        work: &mut Work,
        each: &mut impl FnMut(Found<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Over> {
        let mut texts: Vec<Option<Cow<'_, str>>> = Vec::with_capacity(self.paths.len());
        for (field, path) in self.fields.iter().zip(&self.paths) {
            let Some(found) = path.first(element, work)? else {
                texts.push(None);
                continue;
            };
            let text = found.text();
            if text.is_none() {
                let told = excerpt(&format!(
                    "field {field:?} is an element with elements in it"
                ));
                let flow = each(Found::Problem(ProblemKind::Unreadable, told));
                if flow.is_break() {
                    return Ok(flow);
                }
            }
            texts.push(text.filter(|text| !text.is_empty()));
        }
        let fields: Vec<_> = texts.iter().map(Option::as_deref).collect();
        Ok(each(Found::Record(Record::new(&fields))))
    }
}
