//! Label values: text with `${field}` in it, taken apart once and filled in for each record.

use crate::{error::Fault, limits::MAX_LABEL_BYTES, source::Record};

/// A label's value, ready to be filled in.
#[derive(Clone, Debug)]
pub(crate) enum Template {
    /// The same for every record.
    Constant(String),
    /// Made from the record.
    Parts(Vec<Part>),
}

/// A piece of a template.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Text(String),
    Field {
        index: usize,
        /// Stands in where the field is absent or empty.
        default: Option<String>,
    },
}

/// A label value that is longer than the limit; holds the value.
#[derive(Debug)]
pub(crate) struct TooLong(pub(crate) String);

impl Template {
    /// Takes `text` apart. `field` gives the index of a field by its name.
    pub(crate) fn compile(
        text: &str,
        field: impl Fn(&str) -> Result<usize, Fault>,
    ) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (inside, after) = after.split_once('}').ok_or_else(|| Fault::OpenTemplate {
                text: text.to_owned(),
            })?;
            let (name, default) = match inside.split_once(":-") {
                Some((name, default)) => (name, Some(default.to_owned())),
                None => (inside, None),
            };
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Field {
                index: field(name)?,
                default,
            });
            rest = after;
        }
        if parts.is_empty() {
            return Ok(Self::Constant(plain(rest)));
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self::Parts(parts))
    }

    /// A field in `text` that was not written as one: `$name` stands for itself, which nobody means who has a field of
    /// that name. `names` are those that there are.
    pub(crate) fn bare_field<'n>(text: &str, names: &'n [String]) -> Option<&'n str> {
        text.split('$').skip(1).find_map(|rest| {
            let is_part = |c: char| c.is_alphanumeric() || c == '_';
            let word = rest.split(|c| !is_part(c)).next().unwrap_or_default();
            names.iter().find(|name| *name == word).map(String::as_str)
        })
    }

    /// The label's value for `record`; `None` when the label is to be left out, because a field without
    /// a default is absent or because nothing but white space comes out.
    pub(crate) fn fill(&self, record: Record<'_>) -> Result<Option<String>, TooLong> {
        let value = match self {
            Self::Constant(value) => value.clone(),
            Self::Parts(parts) => match fill(parts, record) {
                Some(value) => value,
                None => return Ok(None),
            },
        };
        if value.len() > MAX_LABEL_BYTES {
            return Err(TooLong(value));
        }
        Ok((!value.is_empty()).then_some(value))
    }

    /// Appends the value for `record` as it comes, which is what [`Self::fill`] makes of it where it is plain and not
    /// too long; false where a field without a default is absent.
    pub(crate) fn append(&self, record: Record<'_>, text: &mut String) -> bool {
        match self {
            Self::Constant(value) => text.push_str(value),
            Self::Parts(parts) => {
                for part in parts {
                    let Some(piece) = part.text(record) else {
                        return false;
                    };
                    text.push_str(piece);
                }
            }
        }
        true
    }

    /// The fields that it uses.
    pub(crate) fn fields(&self) -> impl Iterator<Item = usize> {
        let parts = match self {
            Self::Constant(_) => &[][..],
            Self::Parts(parts) => parts,
        };
        parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Field { index, .. } => Some(*index),
        })
    }
}

impl Part {
    /// What it stands for; `None` for an absent field without a default.
    fn text<'t>(&'t self, record: Record<'t>) -> Option<&'t str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Field {
                index,
                default: None,
            } => record.field(*index),
            Self::Field {
                index,
                default: Some(default),
            } => {
                let text = record.field(*index);
                let text = text.filter(|text| !text.trim().is_empty());
                Some(text.unwrap_or(default))
            }
        }
    }
}

fn fill(parts: &[Part], record: Record<'_>) -> Option<String> {
    let mut value = String::new();
    for part in parts {
        value.push_str(part.text(record)?);
    }
    // Nearly every value is plain as it is, and then its allocation is kept.
    let is_plain = value.trim().len() == value.len() && !value.contains(char::is_control);
    Some(if is_plain { value } else { plain(&value) })
}

/// With spaces in place of control characters, and then without white space at the ends: label values go to
/// terminals and pages, and devices are not trusted.
///
/// What is plain stays as it is. A [`Recollection`](crate::Recollection) counts on that: it takes text that is equal
/// to a label value for that value.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fills `text` in, with the fields `a` and `b`.
    fn check(text: &str, a: Option<&str>, b: Option<&str>, expected: Option<&str>) {
        let names = ["a", "b"];
        let template = Template::compile(text, |name| {
            Ok(names
                .iter()
                .position(|field| *field == name)
                .expect("tests name known fields only"))
        })
        .unwrap();
        let fields = [a, b];
        let record = Record::new(&fields);
        assert_eq!(
            template.fill(record).unwrap().as_deref(),
            expected,
            "{text:?} with {a:?} and {b:?}"
        );
        let mut raw = String::new();
        let whole = template.append(record, &mut raw);
        match expected {
            Some(expected) => assert_eq!(plain(&raw), expected),
            None => assert!(!whole || plain(&raw).is_empty()),
        }
    }

    #[test]
    fn fields_and_text_take_turns() {
        check("5m", None, None, Some("5m"));
        check("${a}", Some("Gi0/1"), None, Some("Gi0/1"));
        check("slot ${a}/${b}.", Some("1"), Some("2"), Some("slot 1/2."));
        check("$a $${a}{a}", Some("1"), None, Some("$a $1{a}"));
    }

    #[test]
    fn a_label_without_its_field_is_left_out() {
        check("${a}", None, None, None);
        check("${a}/${b}", Some("1"), None, None);
        check("${a}", Some("  "), None, None);
        check("", None, None, None);
    }

    #[test]
    fn a_default_stands_in_for_an_absent_or_empty_field() {
        check("${a:-0}", None, None, Some("0"));
        check("${a:-0}", Some(""), None, Some("0"));
        check("${a:-0}", Some("1"), None, Some("1"));
        check("${a:-}${b}", None, Some("x"), Some("x"));
    }

    #[test]
    fn a_field_without_its_braces_is_seen() {
        let names = ["port".to_owned()];
        for (text, expected) in [
            ("$port", Some("port")),
            ("slot $port.", Some("port")),
            ("$$port", Some("port")),
            ("${port}", None),
            ("$ports", None),
            ("port", None),
            ("US$", None),
        ] {
            assert_eq!(Template::bare_field(text, &names), expected, "{text:?}");
        }
    }

    #[test]
    fn values_are_plain() {
        check(
            "${a}",
            Some(" up\u{1b}[0m\tlink "),
            None,
            Some("up [0m link"),
        );
        check("${a}", Some("\u{7f}up\u{1b}"), None, Some("up"));
        check("${a}", Some("\u{7f}"), None, None);
    }

    #[test]
    fn a_value_past_the_limit_is_told() {
        let template = Template::compile("${a}", |_| Ok(0)).unwrap();
        let long = "x".repeat(MAX_LABEL_BYTES + 1);
        assert!(template.fill(Record::new(&[Some(&long)])).is_err());
        assert!(
            template
                .fill(Record::new(&[Some(long.get(1..).unwrap())]))
                .unwrap()
                .is_some()
        );
    }
}
