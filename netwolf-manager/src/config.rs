//! The configuration: from files to a checked inventory, or to every fault in them.
//!
//! ```text
//!   file --> text --> marked tree --> raw (what was typed) --> checked (what it means)
//!  sources           yaml             raw                      check
//! ```
//!
//! Invariants: reading does not end at the first fault; a fault names its place and never a secret; a
//! configuration with a fault gives no inventory at all, so that whoever reloads keeps the old one whole.
//!
//! What can be written, with all defaults: `docs/configuration.md`.

mod check;
pub(crate) mod fault;
pub(crate) mod glob;
pub(crate) mod limits;
mod raw;
pub(crate) mod sources;
pub mod suggest;
mod summary;
mod timing;
pub(crate) mod yaml;

use std::path::{Path, PathBuf};

pub use fault::{Fault, Faults, Place};
pub use sources::Sources;
pub use summary::Summary;
pub use timing::Timing;

use crate::{
    access::Tokens, inventory::Inventory, library::Library, remote_write::Remotes,
    runs::book::Prepared,
};
use check::Checker;
use yaml::Document;

/// A configuration without faults.
#[derive(Debug)]
pub struct Loaded {
    /// What is not about devices.
    pub settings: Settings,
    /// The devices and their plans.
    pub inventory: Inventory,
    /// What devices can be asked: what is bundled, and the user's own.
    pub library: Library,
    /// What runs are made of, besides devices.
    pub prepared: Prepared,
    /// What is allowed but probably not meant.
    pub warnings: Vec<Fault>,
    /// The files that were read and the patterns that were searched, to be watched.
    pub sources: Sources,
}

/// What holds for the manager as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// How long manager and agents wait for each other.
    pub timing: Timing,
    /// Where samples are sent.
    pub remotes: Remotes,
    /// Who may do what at the web port.
    pub tokens: Tokens,
    /// Whether and how configurations are kept.
    pub backup: Option<crate::backup::Settings>,
}

impl Loaded {
    /// All files that were read, sorted.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.sources.files.iter()
    }

    /// What was loaded, for people.
    pub fn summary(&self) -> Summary {
        Summary::of(self)
    }
}

/// Loads the file at `path` and all that it names.
///
/// # Errors
/// All faults of all files, when there is one.
pub fn load(path: &Path) -> Result<Loaded, Faults> {
    let mut sources = Sources::default();
    let mut faults = Vec::new();
    match sources.read(path, &mut faults) {
        Some((_, text)) => parse_with(path, text, sources),
        None => Err(Faults::new(faults, sources)),
    }
}

/// As [`load`], with the main file's text at hand: `path` names it in faults, and other files are found
/// relative to it.
///
/// ```
/// use netwolf_manager::config;
///
/// let text = "
/// credentials: { lab: { username: netwolf, password: env:LAB_PASSWORD } }
/// devices:
///   - { name: sw1, address: 192.0.2.1, platform: iosxee, credential: lab }
/// ";
/// let faults = config::parse("netwolf.yml".as_ref(), text).unwrap_err();
/// assert_eq!(
///     faults.to_string(),
///     r#"netwolf.yml:4:48: unknown platform "iosxee" for device "sw1"
///   hint: did you mean "cisco_iosxe"?
/// 1 fault"#
/// );
/// ```
///
/// # Errors
/// All faults of all files, when there is one.
pub fn parse(path: &Path, text: &str) -> Result<Loaded, Faults> {
    let mut sources = Sources::default();
    sources.files.insert(path.to_owned());
    parse_with(path, text.to_owned(), sources)
}

/// As [`parse`], with no file within reach, whatever the text names.
///
/// # Errors
/// All faults, when there is one.
#[cfg(feature = "fuzzing")]
pub(crate) fn parse_alone(text: &str) -> Result<Loaded, Faults> {
    let sources = Sources {
        are_closed: true,
        ..Sources::default()
    };
    parse_with("netwolf.yml".as_ref(), text.to_owned(), sources)
}

fn parse_with(path: &Path, text: String, mut sources: Sources) -> Result<Loaded, Faults> {
    let mut faults = Vec::new();
    let mut warnings = Vec::new();
    let Some(document) = Document::parse(&path.into(), text, &mut faults) else {
        return Err(Faults::new(faults, sources));
    };
    let config = document
        .read(&mut faults)
        .into_spanned()
        .map(|config| config.value);
    // The tree of a large fleet is as large as all that is made of it.
    drop(document);
    let checked = Checker {
        file: path.into(),
        sources: &mut sources,
        faults: &mut faults,
        warnings: &mut warnings,
    }
    .check(config.unwrap_or_default());
    if !faults.is_empty() {
        return Err(Faults::new(faults, sources));
    }
    Ok(Loaded {
        settings: Settings {
            timing: checked.timing,
            remotes: checked.remotes,
            tokens: checked.tokens,
            backup: checked.backup,
        },
        inventory: checked.inventory,
        prepared: Prepared {
            logins: checked.logins,
            procedures: checked.procedures,
        },
        library: checked.library,
        warnings: fault::in_order(warnings),
        sources,
    })
}

#[cfg(test)]
mod tests;
