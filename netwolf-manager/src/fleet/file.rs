//! What a manager leaves to the next one, kept over its restart: `members.json` in the storage folder.
//!
//! Replaced as a whole, so that a crash leaves one or the other.
//! It holds nothing that could not be lost: without it a restarted manager only waits less before it places, and
//! trusts its clock for the numbers of leases.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use netwolf_secret::keeping;
use netwolf_wire::{Epoch, ShardId};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The file's name in the storage folder.
pub const NAME: &str = "members.json";

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// The shards that are there.
    pub shards: BTreeSet<ShardId>,
    /// No lease was numbered above this, whatever the clock says now.
    #[serde(default = "first")]
    pub epoch: Epoch,
}

const fn first() -> Epoch {
    Epoch(0)
}

impl Default for Remembered {
    fn default() -> Self {
        Self {
            shards: BTreeSet::new(),
            epoch: first(),
        }
    }
}

/// Why the file could not be read or written.
#[derive(Debug, Error)]
pub enum FileError {
    /// The operating system refused.
    #[error("cannot access \"{}\"", .0.display())]
    Io(PathBuf, #[source] io::Error),
    /// It holds something else.
    #[error("\"{}\" is not a list of shards", .0.display())]
    Content(PathBuf, #[source] serde_json::Error),
}

/// What is in the file of `folder`; nothing where there is no file.
///
/// # Errors
/// [`FileError`] when there is a file that cannot be read.
pub fn read(folder: &Path) -> Result<Remembered, FileError> {
    let path = folder.join(NAME);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Remembered::default());
        }
        Err(error) => return Err(FileError::Io(path, error)),
    };
    serde_json::from_slice(&text).map_err(|error| FileError::Content(path, error))
}

/// Replaces the file in `folder`, which is made where it does not exist.
///
/// # Errors
/// [`FileError`].
pub fn write(folder: &Path, remembered: &Remembered) -> Result<(), FileError> {
    let path = folder.join(NAME);
    let text =
        serde_json::to_vec(remembered).map_err(|error| FileError::Content(path.clone(), error))?;
    let write = || {
        fs::create_dir_all(folder)?;
        keeping::replace(&path, &text)
    };
    write().map_err(|error| FileError::Io(path.clone(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let nested = folder.path().join("not/there/yet");
        assert_eq!(read(&nested).unwrap(), Remembered::default());
        let shards: BTreeSet<_> = (0..3)
            .map(|index| ShardId {
                agent: "a1".parse().unwrap(),
                index,
            })
            .collect();
        let epoch = Epoch(7);
        let remembered = Remembered { shards, epoch };
        write(&nested, &remembered).unwrap();
        assert_eq!(read(&nested).unwrap(), remembered);
        write(&nested, &Remembered::default()).unwrap();
        assert_eq!(read(&nested).unwrap(), Remembered::default());
    }

    #[test]
    fn a_file_of_before_epochs_were_kept_is_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join(NAME),
            r#"{"shards":[{"agent":"a1","index":0}]}"#,
        )
        .unwrap();
        let remembered = read(folder.path()).unwrap();
        assert_eq!((remembered.shards.len(), remembered.epoch), (1, Epoch(0)));
    }

    #[test]
    fn another_file_of_that_name_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(NAME), "hello").unwrap();
        assert!(read(folder.path()).unwrap_err().to_string().contains(NAME));
    }
}
