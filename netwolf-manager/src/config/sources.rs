//! The files of a configuration: read once each, remembered for whoever watches them.

use std::{
    collections::BTreeSet,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    fault::{Fault, Place},
    glob,
    yaml::MAX_BYTES,
};

/// What a configuration is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Every file that was read, or should have been.
    pub files: BTreeSet<PathBuf>,
    /// File name patterns: a file that comes to match one belongs to the configuration.
    pub patterns: BTreeSet<PathBuf>,
    /// No file is there, whatever is named.
    pub(crate) are_closed: bool,
}

impl Sources {
    /// Remembers `path` and reads it; what stands in the way is a fault of the file as a whole.
    pub(crate) fn read(
        &mut self,
        path: &Path,
        faults: &mut Vec<Fault>,
    ) -> Option<(Arc<Path>, String)> {
        self.files.insert(path.to_owned());
        let file: Arc<Path> = path.into();
        if self.are_closed {
            faults.push(Fault::new(&file, Place::default(), "cannot be read"));
            return None;
        }
        match read(path) {
            Ok(text) => Some((file, text)),
            Err((place, message)) => {
                faults.push(Fault::new(&file, place, message));
                None
            }
        }
    }

    /// Remembers the pattern and finds the files that match it now.
    pub(crate) fn expand(&mut self, pattern: &Path) -> std::io::Result<Vec<PathBuf>> {
        self.patterns.insert(pattern.to_owned());
        if self.are_closed {
            return Ok(Vec::new());
        }
        glob::expand(pattern)
    }

    pub(crate) fn has_file(&self, path: &Path) -> bool {
        !self.are_closed && path.is_file()
    }

    pub(crate) fn has_directory(&self, path: &Path) -> bool {
        !self.are_closed && path.is_dir()
    }
}

fn read(path: &Path) -> Result<String, (Place, String)> {
    let whole_file = |message: String| (Place::default(), message);
    let mut bytes = Vec::new();
    let n_read = File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| whole_file(format!("cannot be read: {}", describe(&error))))?;
    if n_read as u64 > MAX_BYTES {
        return Err(whole_file(format!("has more than {} MiB", MAX_BYTES >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let bytes = error.into_bytes();
        let before = String::from_utf8_lossy(bytes.get(..good).unwrap_or_default()).into_owned();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let number = |n| u32::try_from(n).unwrap_or(u32::MAX);
        (
            Place {
                line: number(line),
                column: number(column),
            },
            "this is not UTF-8 text".to_owned(),
        )
    })?;
    // A mark that some editors put first; it is not content.
    Ok(text
        .strip_prefix('\u{feff}')
        .map(str::to_owned)
        .unwrap_or(text))
}

/// An error of the system without its number.
pub(crate) fn describe(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}
