//! What is wrong in a file of the configuration, where, and what to do about it.

use std::{fmt, path::Path, sync::Arc};

use super::sources::Sources;

/// Where something stands in a file: line and column, both from 1. Zero stands for the file as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

/// One fault, or one warning, with its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file as it was reached from the command line.
    pub file: Arc<Path>,
    /// From 1; 0 where the fault is the file's as a whole.
    pub line: u32,
    /// In characters, from 1; 0 where the fault is the file's as a whole.
    pub column: u32,
    /// What is wrong: lower case, values quoted, never a secret.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault at a place of `file`.
    pub fn new(file: &Arc<Path>, place: Place, message: impl Into<String>) -> Self {
        Self {
            file: file.clone(),
            line: place.line,
            column: place.column,
            message: message.into(),
            hint: None,
        }
    }

    /// The same fault with a way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same fault with a way out, where there is one.
    #[must_use]
    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        write!(f, " {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// All that is wrong with a configuration, sorted by place; never empty.
#[derive(Debug)]
pub struct Faults {
    faults: Vec<Fault>,
    sources: Sources,
}

impl Faults {
    /// Sorts `faults` and drops repetitions.
    pub(crate) fn new(faults: Vec<Fault>, sources: Sources) -> Self {
        Self {
            faults: in_order(faults),
            sources,
        }
    }

    /// Adds a way out to what is wrong with the file at `path` as a whole, where it has none.
    #[must_use]
    pub(crate) fn advise_file(mut self, path: &Path, hint: &str) -> Self {
        for fault in &mut self.faults {
            if fault.line == 0 && &*fault.file == path {
                fault.hint.get_or_insert_with(|| hint.to_owned());
            }
        }
        self
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter()
    }

    /// How many there are.
    #[expect(
        clippy::len_without_is_empty,
        reason = "without a fault there is no such value"
    )]
    pub fn len(&self) -> usize {
        self.faults.len()
    }

    /// What was read, so that a watcher sees the file being mended.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }
}

/// Sorted by file and place, without repetitions.
pub(crate) fn in_order(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort();
    faults.dedup();
    faults
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            writeln!(f, "{fault}")?;
        }
        match self.faults.len() {
            1 => f.write_str("1 fault"),
            n => write!(f, "{n} faults"),
        }
    }
}

impl std::error::Error for Faults {}
