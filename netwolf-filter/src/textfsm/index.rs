//! The `index` of a directory of templates: which of them are for the output of which command.
//!
//! ```text
//! # Comments are lines that begin with '#'.
//! Template, Hostname, Platform, Command
//! cisco_ios_show_clock.textfsm, .*, cisco_ios, sh[[ow]] cl[[ock]]
//! ```
//!
//! `[[ow]]` stands for each abbreviation, `(o(w)?)?`. The first row wins of which every column matches, from its
//! begin and not up to its end, so that `show version | include x` finds `show version`.

use thiserror::Error;

use super::{
    lines::Line,
    matcher::{Matcher, Slots},
    pattern::{Pattern, is_space},
};

const TEMPLATE: &str = "Template";
const COMMAND: &str = "Command";

/// An index, as ntc-templates has one.
///
/// ```
/// use netwolf_filter::textfsm::Index;
///
/// let index = Index::read(
///     "Template, Hostname, Platform, Command\n\
///      modules.textfsm:serials.textfsm, .*, cisco_(ios|xe), sh[[ow]] mod[[ule]]\n",
/// )?;
/// let entry = index.find(&[("Platform", "cisco_ios"), ("Command", "sho mod 1")]).unwrap();
/// assert_eq!(entry.templates().collect::<Vec<_>>(), ["modules.textfsm", "serials.textfsm"]);
/// assert!(index.find(&[("Platform", "cisco_ios"), ("Command", "show clock")]).is_none());
/// # Ok::<(), netwolf_filter::textfsm::IndexError>(())
/// ```
#[derive(Debug)]
pub struct Index {
    columns: Vec<String>,
    rows: Vec<Entry>,
    skipped: Vec<usize>,
}

/// A row of an index.
#[derive(Debug)]
pub struct Entry {
    line: usize,
    templates: String,
    /// Of each column; none where it takes everything.
    matchers: Vec<Option<Matcher>>,
}

/// Why a text is no index, and in which line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {fault}")]
pub struct IndexError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub fault: IndexFault,
}

/// What can be wrong with an index.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IndexFault {
    /// There is no line with the columns' names.
    #[error("there is no header, such as `Template, Hostname, Platform, Command`")]
    NoHeader,
    /// No column is named `Template`.
    #[error("there is no column `Template`")]
    NoTemplate,
    /// Two columns have one name.
    #[error("the column \"{0}\" is there twice")]
    RepeatedColumn(String),
    /// A field is no regular expression.
    #[error("column \"{column}\" is not a regular expression: {reason}")]
    Regex {
        /// The column.
        column: String,
        /// What is wrong with it, and at which character.
        reason: String,
    },
}

impl Index {
    /// Reads an index.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(text: &str) -> Result<Self, IndexError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut lines = (1..).zip(text.split('\n'));
        let without_comment = |line| str::split(line, '#').next().unwrap_or_default();
        let header = lines
            .by_ref()
            .map(|(line, text)| (line, trim(without_comment(text))))
            .find(|(_, text)| !text.is_empty());
        let Some((line, header)) = header else {
            let fault = IndexFault::NoHeader;
            return Err(IndexError { line: 1, fault });
        };
        let columns: Vec<_> = header.split(',').map(|it| trim(it).to_owned()).collect();
        for (index, column) in columns.iter().enumerate() {
            if columns[..index].contains(column) {
                let fault = IndexFault::RepeatedColumn(column.clone());
                return Err(IndexError { line, fault });
            }
        }
        let Some(template) = columns.iter().position(|column| column == TEMPLATE) else {
            let fault = IndexFault::NoTemplate;
            return Err(IndexError { line, fault });
        };

        let (mut rows, mut skipped) = (Vec::new(), Vec::new());
        for (line, text) in lines {
            if text.starts_with('#') || trim(text).is_empty() {
                continue;
            }
            let fields: Vec<_> = text.split(',').map(trim).collect();
            if fields.len() != columns.len() {
                skipped.push(line);
                continue;
            }
            let matchers = columns.iter().zip(&fields).map(|(column, field)| {
                let fault = |fault| IndexError { line, fault };
                matcher(column, field).map_err(fault)
            });
            rows.push(Entry {
                line,
                templates: fields[template].to_owned(),
                matchers: matchers.collect::<Result<_, _>>()?,
            });
        }
        Ok(Self {
            columns,
            rows,
            skipped,
        })
    }

    /// The lines that have not as many fields as there are columns. Python passes over them without a word.
    pub fn skipped_lines(&self) -> &[usize] {
        &self.skipped
    }

    /// All rows, in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.rows
    }

    /// The first row that takes all `attributes`, each a column and a text of one line. One whose column is not in
    /// the index asks for nothing, as in Python.
    pub fn find(&self, attributes: &[(&str, &str)]) -> Option<&Entry> {
        let column = |name: &str| self.columns.iter().position(|column| column == name);
        let asked: Vec<_> = attributes
            .iter()
            .filter_map(|(name, text)| Some((column(name)?, *text)))
            .collect();
        self.rows.iter().find(|row| {
            asked.iter().all(|&(column, text)| {
                let Some(matcher) = &row.matchers[column] else {
                    return true;
                };
                let line = Line {
                    text,
                    is_ascii: text.is_ascii(),
                };
                let found = matcher.matches(line, &mut Slots::default(), &mut 0);
                found.unwrap_or(false)
            })
        })
    }
}

impl Entry {
    /// Templates that are in no index, with colons between where there is more than one.
    pub fn of_templates(names: &str) -> Self {
        Self {
            line: 0,
            templates: names.to_owned(),
            matchers: Vec::new(),
        }
    }

    /// Its line in the index, from 1; 0 where it is in none.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The names of its templates: where there is more than one, their tables are put together.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        self.templates.split(':')
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

fn matcher(column: &str, field: &str) -> Result<Option<Matcher>, IndexFault> {
    if column == TEMPLATE || field.is_empty() {
        return Ok(None);
    }
    let text = if column == COMMAND {
        complete(field)
    } else {
        field.to_owned()
    };
    let chars: Vec<_> = text.chars().collect();
    let fault = |reason| IndexFault::Regex {
        column: column.to_owned(),
        reason,
    };
    let pattern = Pattern::parse(&chars).map_err(|refusal| {
        let at = refusal.at + 1;
        fault(format!(
            "{} at character {at} of \"{text}\"",
            refusal.reason
        ))
    })?;
    let matcher = Matcher::new(pattern, &[]);
    matcher
        .check_backtracking()
        .map_err(|_| fault("the engine for look-around does not take it".to_owned()))?;
    Ok(Some(matcher))
}

/// Writes `[[xyz]]` as `(x(y(z)?)?)?`.
fn complete(field: &str) -> String {
    let mut completed = String::new();
    let mut rest = field;
    while let Some((before, word)) = rest.split_once("[[") {
        // A word has at least one character, which may be a bracket.
        let first = word.chars().next().map_or(0, char::len_utf8);
        let end = word.get(first..).and_then(|it| it.find("]]"));
        let Some(end) = end.filter(|_| first > 0).map(|end| end + first) else {
            break;
        };
        let (word, after) = word.split_at(end);
        completed.push_str(before);
        for c in word.chars() {
            completed.extend(['(', c]);
        }
        completed.push_str(&")?".repeat(word.chars().count()));
        rest = after.get(2..).unwrap_or_default();
    }
    completed + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "# about\n\nTemplate, Hostname, Platform, Command # names\n\
        a.textfsm, .*, ios, sh[[ow]] ver[[sion]]\n\
        # b.textfsm, .*, ios, show ver\n\
        short, row\n\
        b.textfsm:c.textfsm, edge.*, (ios|nxos), sh[[ow]] (ip|ipv6) r[[oute]]$\n\
        d.textfsm, , ios|xe, show\n";

    fn check(attributes: &[(&str, &str)], expected: Option<&str>) {
        let index = Index::read(INDEX).unwrap();
        let found = index.find(attributes).map(|entry| entry.templates.as_str());
        assert_eq!(found, expected, "{attributes:?}");
    }

    #[test]
    fn the_first_row_that_matches_wins() {
        let ios = |command| [("Platform", "ios"), ("Command", command)];
        check(&ios("show version"), Some("a.textfsm"));
        check(&ios("sh ver | include x"), Some("a.textfsm"));
        check(&ios("sho versi"), Some("a.textfsm"));
        check(&ios("shw ver"), None);
        check(&ios("show ip rou"), Some("b.textfsm:c.textfsm"));
        check(&ios("show ip route x"), Some("d.textfsm"));
        check(&ios(" show version"), None);
    }

    #[test]
    fn columns_that_are_empty_or_not_asked_for_take_everything() {
        let nxos = ("Platform", "nxos");
        let route = ("Command", "show ip route");
        check(
            &[nxos, route, ("Hostname", "edge1")],
            Some("b.textfsm:c.textfsm"),
        );
        check(&[nxos, route, ("Hostname", "core1")], None);
        check(&[nxos, route, ("Vendor", "x")], Some("b.textfsm:c.textfsm"));
        check(
            &[("Command", "show x"), ("Hostname", "y")],
            Some("d.textfsm"),
        );
        check(&[], Some("a.textfsm"));
    }

    #[test]
    fn rows_of_another_length_are_told() {
        assert_eq!(Index::read(INDEX).unwrap().skipped_lines(), [6]);
    }

    #[test]
    fn words_are_completed_as_in_python() {
        assert_eq!(complete("sh[[ow]] v[[e]]"), "sh(o(w)?)? v(e)?");
        assert_eq!(complete("a[[b"), "a[[b");
        assert_eq!(complete("[[]]]x"), "(])?x");
        assert_eq!(complete("[[]]"), "[[]]");
        assert_eq!(complete("[[é]]"), "(é)?");
    }

    #[test]
    fn faults_name_their_line() {
        let fault = |text: &str| Index::read(text).unwrap_err().to_string();
        assert_eq!(
            fault("# x\n"),
            "line 1: there is no header, such as `Template, Hostname, Platform, Command`"
        );
        assert_eq!(fault("a,b\n"), "line 1: there is no column `Template`");
        assert_eq!(
            fault("a,Template,a"),
            "line 1: the column \"a\" is there twice"
        );
        assert_eq!(
            fault("Template,Command\n\na,b[[c]]("),
            "line 3: column \"Command\" is not a regular expression: missing ), unterminated subpattern at \
             character 6 of \"b(c)?(\""
        );
    }
}
