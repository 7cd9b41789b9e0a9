//! The storage folder, held by one manager at a time.
//!
//! Two managers on one folder would overwrite each other's list of shards and hand out the same devices. The
//! lock is the operating system's, on the file `lock`, and ends with the process however that ends.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{fleet::file::FileError, manager::STORAGE_FLAG};

/// The lock's name in the folder.
pub const LOCK: &str = "lock";

/// Why a folder is of no use.
#[derive(Debug, Error)]
pub enum StorageError {
    /// Another manager has it.
    #[error(
        "the folder {path:?} given with `{STORAGE_FLAG}` is in use by another manager\n  hint: give each manager a folder of its own with `{STORAGE_FLAG}`, or end the other one"
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error(
        "cannot keep anything in {path:?} given with `{STORAGE_FLAG}`\n  hint: the folder must be writable; choose another one with `{STORAGE_FLAG}`"
    )]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: FileError,
    },
}

/// A folder that is ours while this lives.
#[derive(Debug)]
pub struct Storage {
    folder: PathBuf,
    /// The operating system unlocks it when it is closed.
    _lock: File,
}

impl Storage {
    /// Makes the folder where it does not exist, and locks it.
    ///
    /// # Errors
    /// [`StorageError`]; it never waits for another manager to end.
    pub fn lock(folder: PathBuf) -> Result<Self, StorageError> {
        let path = folder.join(LOCK);
        let open = || {
            fs::create_dir_all(&folder)?;
            File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
        };
        let unusable = |source| StorageError::Unusable {
            path: folder.clone(),
            source: FileError::Io(path.clone(), source),
        };
        let file = open().map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self {
                folder,
                _lock: file,
            }),
            Err(TryLockError::WouldBlock) => Err(StorageError::InUse { path: folder }),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_by_one_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("data");
        let first = Storage::lock(folder.clone()).unwrap();
        let error = Storage::lock(folder.clone()).unwrap_err().to_string();
        assert!(
            error.contains("data") && error.contains(STORAGE_FLAG) && error.contains("hint:"),
            "{error}"
        );
        drop(first);
        Storage::lock(folder).unwrap();
    }
}
