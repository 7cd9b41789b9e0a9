//! The shards that a manager knew, kept over its restart: `members.json` in the storage folder.
//!
//! Written whole to a new file that then takes the old one's place, so that a crash leaves one or the other.
//! It holds nothing that could not be lost: without it a restarted manager only waits less before it places.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use netwolf_wire::ShardId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The file's name in the storage folder.
pub const NAME: &str = "members.json";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    shards: BTreeSet<ShardId>,
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

/// The shards in the file of `folder`; none where there is no file.
///
/// # Errors
/// [`FileError`] when there is a file that cannot be read.
pub fn read(folder: &Path) -> Result<BTreeSet<ShardId>, FileError> {
    let path = folder.join(NAME);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(FileError::Io(path, error)),
    };
    let content: Content =
        serde_json::from_slice(&text).map_err(|error| FileError::Content(path, error))?;
    Ok(content.shards)
}

/// Replaces the file in `folder`, which is made where it does not exist.
///
/// # Errors
/// [`FileError`].
pub fn write(folder: &Path, shards: &BTreeSet<ShardId>) -> Result<(), FileError> {
    let path = folder.join(NAME);
    let text = serde_json::to_vec(&Content {
        shards: shards.clone(),
    })
    .map_err(|error| FileError::Content(path.clone(), error))?;
    let write = || {
        fs::create_dir_all(folder)?;
        let draft = folder.join(format!("{NAME}.new"));
        let mut file = fs::File::create(&draft)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&draft, &path)
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
        assert_eq!(read(&nested).unwrap(), BTreeSet::new());
        let shards: BTreeSet<_> = (0..3)
            .map(|index| ShardId {
                agent: "a1".parse().unwrap(),
                index,
            })
            .collect();
        write(&nested, &shards).unwrap();
        assert_eq!(read(&nested).unwrap(), shards);
        write(&nested, &BTreeSet::new()).unwrap();
        assert_eq!(read(&nested).unwrap(), BTreeSet::new());
    }

    #[test]
    fn another_file_of_that_name_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(NAME), "hello").unwrap();
        assert!(read(folder.path()).unwrap_err().to_string().contains(NAME));
    }
}
