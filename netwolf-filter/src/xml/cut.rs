//! Where a document that is cut off can be closed: behind the last element that is whole.
//!
//! ```text
//!   <a><b><c>1</c><c>2</c> <d>x<e       what came
//!   <a><b><c>1</c><c>2</c></b></a>      what is read: b and a are open
//! ```
//!
//! Only tags are told apart here; whether the rest is XML is for the parser to say.

/// The cut of a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cut<'t> {
    /// Behind the last whole element.
    pub(super) end: usize,
    /// The names of the elements that are open there, as they are written, from the root on.
    pub(super) open: Vec<&'t str>,
}

impl<'t> Cut<'t> {
    /// Finds the cut of `text`; `None` where nothing in it is whole, where it is whole itself, and where its tags do
    /// not belong together.
    pub(super) fn find(text: &'t str) -> Option<Self> {
        let mut open = Vec::new();
        // How many were open behind the last whole element: those that were opened since are left out.
        let mut cut = None;
        let mut at = 0;
        while let Some(found) = text.get(at..)?.find('<') {
            let begin = at + found;
            let rest = text.get(begin..)?;
            let Some(tag) = Tag::first(rest) else {
                break;
            };
            at = begin + tag.len;
            match tag.kind {
                Kind::Opens(name) => open.push(name),
                Kind::Closes(name) => {
                    if open.pop() != Some(name) {
                        return None;
                    }
                    cut = Some((at, open.len()));
                }
                Kind::Empty => cut = Some((at, open.len())),
                Kind::Other => {}
            }
        }
        let (end, n_open) = cut?;
        open.truncate(n_open);
        (!open.is_empty()).then_some(Self { end, open })
    }

    /// `text` up to the cut, and closed.
    pub(super) fn closed(&self, text: &str) -> String {
        let mut closed = text.get(..self.end).unwrap_or_default().to_owned();
        for name in self.open.iter().rev() {
            closed.extend(["</", name, ">"]);
        }
        closed
    }
}

/// What begins with a `<`.
struct Tag<'t> {
    kind: Kind<'t>,
    len: usize,
}

enum Kind<'t> {
    Opens(&'t str),
    Closes(&'t str),
    /// An element with nothing in it.
    Empty,
    /// A comment, a text, an instruction.
    Other,
}

impl<'t> Tag<'t> {
    /// The tag that `rest` begins with; `None` where it has no end.
    fn first(rest: &'t str) -> Option<Self> {
        let others = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];
        for (begin, end) in others {
            if rest.starts_with(begin) {
                let len = rest.find(end)? + end.len();
                let kind = Kind::Other;
                return Some(Self { kind, len });
            }
        }
        let mut quote = None;
        let end = rest.bytes().position(|byte| match (quote, byte) {
            (None, b'>') => true,
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                false
            }
            (Some(open), _) => {
                quote = (open != byte).then_some(open);
                false
            }
            _ => false,
        })?;
        let inner = rest.get(1..end)?;
        let kind = match (inner.strip_prefix('/'), inner.ends_with('/')) {
            (Some(name), _) => Kind::Closes(name.trim_end()),
            (None, true) => Kind::Empty,
            (None, false) => {
                let name = inner.split(|c: char| c.is_ascii_whitespace()).next();
                Kind::Opens(name.unwrap_or_default())
            }
        };
        Some(Self { kind, len: end + 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_closed_behind_its_last_whole_element() {
        for (text, expected) in [
            ("<a><b>1</b><b>2", Some("<a><b>1</b></a>")),
            (
                "<a><b>1</b> <c><d>2</d></c><c><d",
                Some("<a><b>1</b> <c><d>2</d></c></a>"),
            ),
            ("<a><b x='>'><c/>", Some("<a><b x='>'><c/></b></a>")),
            ("<j:a k=\"1\"><b/></j:a", Some("<j:a k=\"1\"><b/></j:a>")),
            (
                "<?xml?><a><!-- <b> --><b><![CDATA[</b>]]></b ><!-- ",
                Some("<?xml?><a><!-- <b> --><b><![CDATA[</b>]]></b ></a>"),
            ),
            // Nothing is whole, all is, or the tags do not belong together.
            ("<a><b>1", None),
            ("<a/>", None),
            ("<a><b></a>", None),
            ("", None),
        ] {
            let closed = Cut::find(text).map(|cut| cut.closed(text));
            assert_eq!(closed.as_deref(), expected, "{text}");
        }
    }
}
