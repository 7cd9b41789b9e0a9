//! The templates of a directory, read when they are wanted and kept while there is room.

use std::{collections::HashMap, fmt, sync::Arc};

use thiserror::Error;

use super::{
    error::TemplateError,
    index::Entry,
    limits::MAX_PROBLEMS,
    merge,
    problem::{Parsed, RunError},
    template::Template,
};

/// Templates by the names of their files.
///
/// It reads no file itself: `read` gives a file's text, and is asked only for names without any path in them.
///
/// ```
/// use netwolf_filter::textfsm::{Index, Library, Manner};
///
/// let index = Index::read("Template, Command\nclock.textfsm, sh[[ow]] cl[[ock]]\n")?;
/// let read = |name: &str| match name {
///     "clock.textfsm" => Ok("Value TIME (\\d+:\\d+)\n\nStart\n  ^${TIME} -> Record\n".to_owned()),
///     _ => Err(std::io::Error::other("there is none")),
/// };
/// let mut library = Library::new(100, read);
/// let entry = index.find(&[("Command", "show clock")]).ok_or("no row")?;
/// let parsed = library.run(entry, "12:34 UTC\n", Manner::Lenient)?;
/// assert_eq!(parsed.table.row(0)[0].to_string(), "12:34");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Library<R> {
    read: R,
    capacity: usize,
    templates: HashMap<String, Kept>,
    /// How often a template was asked for.
    asked: u64,
}

struct Kept {
    template: Arc<Template>,
    /// When it was last asked for.
    last: u64,
}

/// How errors are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As [`Template::run`] does.
    Strict,
    /// As [`Template::run_leniently`] does.
    Lenient,
}

/// Why there is no table.
#[derive(Debug, Error)]
pub enum LibraryError<E: std::error::Error + 'static> {
    /// The name is a path, or none.
    #[error("\"{0}\" is no name of a file in the directory of templates")]
    Name(String),
    /// The file cannot be read.
    #[error("cannot read template \"{name}\"")]
    Read {
        /// The file's name.
        name: String,
        /// Why.
        source: E,
    },
    /// The file is no template.
    #[error("\"{name}\" is no template")]
    Template {
        /// The file's name.
        name: String,
        /// Why.
        source: TemplateError,
    },
    /// The output cannot be read, strictly.
    #[error("template \"{name}\" cannot read the output")]
    Run {
        /// The file's name.
        name: String,
        /// Why.
        source: RunError,
    },
    /// Tables are to be put together by a key that one of them has not.
    #[error("template \"{name}\" and those before it have not all the key \"{key}\"")]
    Key {
        /// The file's name.
        name: String,
        /// The key.
        key: Arc<str>,
    },
}

impl<R> fmt::Debug for Library<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library")
            .field("capacity", &self.capacity)
            .field("templates", &self.templates.keys())
            .finish_non_exhaustive()
    }
}

impl<R, E> Library<R>
where
    R: FnMut(&str) -> Result<String, E>,
    E: std::error::Error + 'static,
{
    /// A library that keeps `capacity` templates, at least one: those that were last asked for.
    pub fn new(capacity: usize, read: R) -> Self {
        Self {
            read,
            capacity: capacity.max(1),
            templates: HashMap::new(),
            asked: 0,
        }
    }

    /// The template of the file `name`.
    ///
    /// # Errors
    /// The name is a path, or the file cannot be read, or is no template.
    pub fn template(&mut self, name: &str) -> Result<Arc<Template>, LibraryError<E>> {
        self.asked += 1;
        if let Some(kept) = self.templates.get_mut(name) {
            kept.last = self.asked;
            return Ok(kept.template.clone());
        }
        let is_path = name.starts_with('.') || name.contains(['/', '\\', '\0']);
        if is_path || name.is_empty() {
            return Err(LibraryError::Name(name.to_owned()));
        }
        let name = name.to_owned();
        let text = match (self.read)(&name) {
            Ok(text) => text,
            Err(source) => return Err(LibraryError::Read { name, source }),
        };
        let template = match Template::parse(&text) {
            Ok(template) => Arc::new(template),
            Err(source) => return Err(LibraryError::Template { name, source }),
        };
        if self.templates.len() >= self.capacity {
            let oldest = self.templates.iter().min_by_key(|(_, kept)| kept.last);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.templates.remove(&oldest);
            }
        }
        let kept = Kept {
            template: template.clone(),
            last: self.asked,
        };
        self.templates.insert(name, kept);
        Ok(template)
    }

    /// Reads `output` by all templates of `entry`, and puts their tables together by the keys of the first template
    /// that has any.
    ///
    /// # Errors
    /// One of the templates cannot be had, or, strictly, cannot read the output.
    pub fn run<'t>(
        &mut self,
        entry: &Entry,
        output: &'t str,
        manner: Manner,
    ) -> Result<Parsed<'t>, LibraryError<E>> {
        let mut all: Option<Parsed<'t>> = None;
        let mut keys: Vec<Arc<str>> = Vec::new();
        for name in entry.templates() {
            let template = self.template(name)?;
            let parsed = match manner {
                Manner::Lenient => template.run_leniently(output),
                Manner::Strict => match template.run(output) {
                    Ok(table) => Parsed {
                        table,
                        problems: Vec::new(),
                        unlisted_problems: 0,
                    },
                    Err(source) => {
                        let name = name.to_owned();
                        return Err(LibraryError::Run { name, source });
                    }
                },
            };
            if keys.is_empty() {
                keys.extend(template.keys().map(Into::into));
            }
            let Some(all) = &mut all else {
                all = Some(parsed);
                continue;
            };
            merge::extend(&mut all.table, &parsed.table, &keys).map_err(|key| {
                let name = name.to_owned();
                LibraryError::Key { name, key }
            })?;
            all.problems.extend(parsed.problems);
            let unlisted = all.problems.len().saturating_sub(MAX_PROBLEMS);
            all.problems.truncate(MAX_PROBLEMS);
            all.unlisted_problems += parsed.unlisted_problems + unlisted;
        }
        all.ok_or_else(|| LibraryError::Name(String::new()))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::textfsm::Index;

    const A: &str = "Value Key ID (\\d)\nValue A (\\w)\n\nStart\n  ^a${ID}${A} -> Record\n";
    const B: &str =
        "Value ID (\\d)\nValue A (\\w)\nValue B (\\w)\n\nStart\n  ^b${ID}${B} -> Record\n";
    const C: &str = "Value C (\\w)\n\nStart\n  ^c${C} -> Record\n";

    fn read(name: &str) -> Result<String, io::Error> {
        match name {
            "a" => Ok(A.to_owned()),
            "b" => Ok(B.to_owned()),
            "c" => Ok(C.to_owned()),
            "bad" => Ok("x".to_owned()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn check(templates: &str, output: &str, expected: &[&str]) {
        let index = Index::read(&format!("Template\n{templates}\n")).unwrap();
        let mut library = Library::new(2, read);
        let entry = &index.entries()[0];
        let parsed = library.run(entry, output, Manner::Strict).unwrap();
        let rows = parsed.table.rows();
        let rows: Vec<_> = rows
            .map(|row| {
                row.iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn tables_are_put_together_by_their_keys() {
        check(
            "a:b",
            "a1x\na2y\na3z\nb3p\nb1q\nb1r\n",
            &["1 x q", "2 y ", "3 z p"],
        );
    }

    #[test]
    fn tables_without_keys_are_put_together_by_number() {
        check(
            "c:b",
            "cx\ncy\ncz\nb1p\nb2q\n",
            &["x 1  p", "y 2  q", "z   "],
        );
    }

    #[test]
    fn keys_that_a_table_has_not_are_an_error() {
        let index = Index::read("Template\nc:a\nbad\n../a\nnone\n").unwrap();
        let mut library = Library::new(2, read);
        let errors = index.entries().iter().map(|entry| {
            let error = library.run(entry, "", Manner::Lenient).unwrap_err();
            error.to_string()
        });
        assert_eq!(
            errors.collect::<Vec<_>>(),
            [
                "template \"a\" and those before it have not all the key \"ID\"",
                "\"bad\" is no template",
                "\"../a\" is no name of a file in the directory of templates",
                "cannot read template \"none\"",
            ]
        );
    }

    #[test]
    fn the_template_that_was_not_asked_for_the_longest_makes_room() {
        let mut reads = Vec::new();
        let mut library = Library::new(2, |name: &str| {
            reads.push(name.to_owned());
            read(name)
        });
        for name in ["a", "b", "a", "c", "a", "b"] {
            library.template(name).unwrap();
        }
        assert_eq!(reads, ["a", "b", "c", "b"]);
    }
}
