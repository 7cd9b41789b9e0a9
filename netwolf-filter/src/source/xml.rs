//! Records by paths into XML: each element that one path, or another beside it, leads to is one, and the others lead
//! from there to its fields.
//!
//! A field is the text of the first that its path leads to, trimmed; where there is none, or it is empty, the next
//! alternative counts, and behind the last the field is absent. An element with others in it has no text, and such a
//! field is a problem. Of a document that is cut off, records are whole or not there.

use std::{borrow::Cow, ops::ControlFlow};

use netwolf_wire::rule::XmlSource;
use roxmltree::Node;

use super::{Found, Record, Shared};
use crate::{
    error::Fault,
    problem::{ProblemKind, excerpt, first_line},
    xml::{self, Field, FieldText, Over, Path, Read, Work},
};

/// A compiled `xml` source.
#[derive(Debug)]
pub(crate) struct XmlRecords {
    /// The elements of the first come first.
    records: Vec<Path>,
    fields: Vec<String>,
    /// Of each field.
    paths: Vec<Field>,
    /// Whether a document without any is a problem.
    is_required: bool,
}

impl XmlRecords {
    /// Parses all paths.
    ///
    /// # Errors
    /// Every path's fault.
    pub(crate) fn compile(source: &XmlSource) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut fault = |field: Option<&String>, text: &str, error| {
            faults.push(Fault::BadPath {
                field: field.cloned(),
                path: text.to_owned(),
                error,
            });
        };
        let records = xml::alternatives(&source.records, Path::parse)
            .map_err(|error| fault(None, &source.records, error))
            .ok();
        let fields = source.fields.iter();
        let paths: Vec<_> = fields
            .filter_map(|(field, text)| {
                let path = Field::parse(text);
                path.map_err(|error| fault(Some(field), text, error)).ok()
            })
            .collect();
        match records {
            Some(records) if faults.is_empty() => Ok(Self {
                records,
                fields: source.fields.keys().cloned().collect(),
                paths,
                is_required: source.required,
            }),
            _ => Err(faults),
        }
    }

    /// The fields' names, in the order of a record's indices.
    pub(crate) fn fields(&self) -> &[String] {
        &self.fields
    }

    /// Gives `each` the records and problems of the output, until it breaks.
    pub(crate) fn read(
        &self,
        shared: &Shared<'_>,
        mut each: impl FnMut(Found<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let read = match shared.xml() {
            Ok(read) => read,
            Err((kind, text)) => return each(Found::Problem(*kind, text.clone())),
        };
        if let Some(cut) = &read.cut {
            each(Found::Problem(ProblemKind::Unreadable, cut.clone()))?;
        }
        match self.records(read, &mut each) {
            // Where the document ends early, that is told already.
            Ok(false) if self.is_required && read.cut.is_none() => {
                let text = first_line(shared.output());
                each(Found::Problem(ProblemKind::NoMatch, text))
            }
            Ok(_) => ControlFlow::Continue(()),
            Err(Over) => {
                let text = "the work for one output".to_owned();
                each(Found::Problem(ProblemKind::TooMany, text))
            }
        }
    }

    /// Gives `each` the records, and tells whether there are any.
    fn records(
        &self,
        read: &Read<'_>,
        each: &mut impl FnMut(Found<'_>) -> ControlFlow<()>,
    ) -> Result<bool, Over> {
        let mut work = Work::new();
        // Several ways may lead to one element, and one that is not whole makes no record.
        let mut seen = read.open_elements();
        let (mut is_over, mut is_done, mut has_any) = (false, false, false);
        for path in &self.records {
            path.walk(read.document.root(), &mut work, |found, work| {
                let xml::Found::Element(element) = found else {
                    return ControlFlow::Continue(());
                };
                if !seen.insert(element.id()) {
                    return ControlFlow::Continue(());
                }
                has_any = true;
                let flow = self.record(element, work, each).unwrap_or_else(|Over| {
                    is_over = true;
                    ControlFlow::Break(())
                });
                is_done |= flow.is_break();
                flow
            })?;
            if is_done {
                break;
            }
        }
        if is_over { Err(Over) } else { Ok(has_any) }
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
            let text = match path.read(element, work)? {
                FieldText::Text(text) => Some(text),
                FieldText::Absent => None,
                FieldText::Nested => {
                    let told = excerpt(&format!(
                        "field {field:?} is an element with elements in it"
                    ));
                    let flow = each(Found::Problem(ProblemKind::Unreadable, told));
                    if flow.is_break() {
                        return Ok(flow);
                    }
                    None
                }
            };
            texts.push(text);
        }
        let fields: Vec<_> = texts.iter().map(Option::as_deref).collect();
        Ok(each(Found::Record(Record::new(&fields))))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::OnceCell;

    use super::*;

    /// What is told of an output, a line each, until there are `most`: names of records, and problems.
    fn told(records: &str, output: &str, most: usize) -> Vec<String> {
        let source = XmlSource {
            records: records.into(),
            fields: [("name".into(), "name".into())].into(),
            required: true,
        };
        let source = XmlRecords::compile(&source).unwrap();
        let (closed, mut lines) = (OnceCell::new(), Vec::new());
        let flow = source.read(&Shared::new(output, &closed), |found| {
            lines.push(match found {
                Found::Record(record) => record.field(0).unwrap_or_default().to_owned(),
                Found::Problem(kind, text) => format!("! {}: {text}", kind.as_str()),
                Found::UnlistedProblems(count) => format!("! {count} more"),
            });
            if lines.len() < most {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        assert!(flow.is_continue() || lines.len() == most);
        lines
    }

    #[test]
    fn the_elements_of_either_path_are_records_once() {
        let output = "<all><port><name>1</name><unit><name>1.0</name></unit></port><port><name>2</name></port></all>";
        let names = |most| told("//port | //unit | //*[port]/port", output, most);
        assert_eq!(names(9), ["1", "2", "1.0"]);
        assert_eq!(names(2), ["1", "2"], "no more is read than is taken");
    }

    #[test]
    fn a_document_without_what_is_required_is_told() {
        let output = "<reply>\n<output>error: the process does not run</output>\n</reply>\n";
        assert_eq!(told("//port", output, 9), ["! no_match: <reply>"]);
        assert_eq!(told("//port", "<reply/>", 9), ["! no_match: <reply/>"]);
        // What is no XML at all, and what is cut off before the first, is told once.
        assert_eq!(told("//port", "% Invalid", 9).len(), 1);
        assert_eq!(told("//port", "<all>\n<port><name>1", 9).len(), 1);
    }

    #[test]
    fn of_an_output_that_is_cut_off_whole_records_stay_and_the_cut_is_told() {
        let output = "<ports>\n<port><name>1</name></port>\n<port><name>2</name>\n<up>";
        let cut = "! unreadable: line 3: cut off: the elements that are not whole are left out";
        assert_eq!(told("//port", output, usize::MAX), [cut, "1"]);
    }
}
