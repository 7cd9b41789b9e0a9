//! The folder `trust` in the storage folder: whom the manager believes, kept over its restart.
//!
//! | File | |
//! |---|---|
//! | `authority-DIGITS.key`, `.crt` | each authority's key and certificate |
//! | `trust.json` | which of them are in force; invites by their hashes; who has a certificate |
//!
//! The folder is 0700 and each file 0600. Each is written whole to a new file that then takes the old one's place.
//! What is there and cannot be read is an error: a manager that forgot whom it has revoked would let him in.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use netwolf_secret::keeping;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    authority::Authority,
    invites::Invites,
    roll::Roll,
    rotation::{Next, Rotation},
};

/// The folder's name in the storage folder.
pub const FOLDER: &str = "trust";

const STATE: &str = "trust.json";

/// Why it cannot be kept, or what is kept cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot access \"{}\"", .0.display())]
    Io(PathBuf, #[source] io::Error),
    /// It holds something else.
    #[error("\"{}\" is not what a manager wrote", .0.display())]
    Content(PathBuf, #[source] serde_json::Error),
    /// An authority's key or certificate is not one, or they do not belong together.
    #[error("\"{}\" and its `.crt` are not an authority's key and certificate", .0.display())]
    Authority(PathBuf),
    /// No authority could be made.
    #[error("cannot make an authority's key")]
    Make(#[from] rcgen::Error),
}

/// What is kept besides the authorities themselves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// The first digits of the authority that is shown.
    authority: String,
    /// The one that is to follow, and since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<(String, u64)>,
    #[serde(default)]
    invites: Invites,
    #[serde(default)]
    agents: Roll,
}

/// All that is known.
#[derive(Debug)]
pub struct Known {
    /// One or two.
    pub authorities: Vec<Authority>,
    /// Which plays which part.
    pub rotation: Rotation,
    /// Those that are open, and some that were.
    pub invites: Invites,
    /// Who has a certificate.
    pub roll: Roll,
}

/// The folder.
#[derive(Clone, Debug)]
pub struct Store(PathBuf);

impl Store {
    /// In this storage folder. The folder is made, and closed to others if it was open.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn open(storage: &Path) -> Result<Self, StoreError> {
        let folder = storage.join(FOLDER);
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder);
        made.and_then(|()| fs::set_permissions(&folder, Permissions::from_mode(0o700)))
            .map_err(|error| StoreError::Io(folder.clone(), error))?;
        Ok(Self(folder))
    }

    /// What is kept; with a new authority where there is nothing yet.
    ///
    /// # Errors
    /// [`StoreError`] when something is there and is not whole.
    pub fn read(&self, now: u64) -> Result<Known, StoreError> {
        let path = self.0.join(STATE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.begin(now),
            Err(error) => return Err(StoreError::Io(path, error)),
        };
        let kept: Kept =
            serde_json::from_slice(&text).map_err(|error| StoreError::Content(path, error))?;
        let mut authorities = vec![self.read_authority(&kept.authority)?];
        let mut next = None;
        if let Some((short, since)) = &kept.next {
            let authority = self.read_authority(short)?;
            next = Some(Next {
                pin: authority.pin(),
                since: *since,
            });
            authorities.push(authority);
        }
        let rotation = Rotation::new(authorities[0].pin(), next);
        Ok(Known {
            authorities,
            rotation,
            invites: kept.invites,
            roll: kept.agents,
        })
    }

    fn begin(&self, now: u64) -> Result<Known, StoreError> {
        let authority = Authority::make(now)?;
        let known = Known {
            rotation: Rotation::new(authority.pin(), None),
            authorities: vec![authority],
            invites: Invites::default(),
            roll: Roll::default(),
        };
        self.write_authority(&known.authorities[0])?;
        self.write(&known.to_be_kept())?;
        Ok(known)
    }

    fn read_authority(&self, short: &str) -> Result<Authority, StoreError> {
        let [key, certificate] = self.paths(short);
        let read = |path: &Path| {
            fs::read_to_string(path).map_err(|error| StoreError::Io(path.to_owned(), error))
        };
        let text = zeroize::Zeroizing::new(read(&key)?);
        Authority::read(&text, &read(&certificate)?).ok_or(StoreError::Authority(key))
    }

    /// Keeps an authority.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn write_authority(&self, authority: &Authority) -> Result<(), StoreError> {
        let [key, certificate] = self.paths(&authority.pin().short());
        write(&key, authority.key_pem().as_bytes())?;
        write(&certificate, authority.certificate_pem().as_bytes())
    }

    /// Forgets an authority. One that cannot be removed is nowhere named any more.
    pub fn remove_authority(&self, short: &str) {
        for path in self.paths(short) {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(%error, path = %path.display(), "cannot remove a file of an authority that has gone");
            }
        }
    }

    fn paths(&self, short: &str) -> [PathBuf; 2] {
        [".key", ".crt"].map(|end| self.0.join(format!("authority-{short}{end}")))
    }

    /// Keeps everything but the authorities.
    ///
    /// # Errors
    /// [`StoreError`]; then what was kept before still is.
    pub fn write(&self, kept: &Kept) -> Result<(), StoreError> {
        let path = self.0.join(STATE);
        let text = serde_json::to_vec_pretty(kept);
        let text = text.map_err(|error| StoreError::Content(path.clone(), error))?;
        write(&path, &text)
    }
}

impl Known {
    /// All but the authorities, to be written.
    pub fn to_be_kept(&self) -> Kept {
        let next = self.rotation.next();
        Kept {
            authority: self.rotation.shown().short(),
            next: next.map(|next| (next.pin.short(), next.since)),
            invites: self.invites.clone(),
            agents: self.roll.clone(),
        }
    }
}

fn write(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    keeping::replace(path, content).map_err(|error| StoreError::Io(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: u64 = 1_800_000_000;

    #[test]
    fn what_was_written_is_read_and_others_cannot() {
        let storage = tempfile::tempdir().unwrap();
        let store = Store::open(storage.path()).unwrap();
        let mut known = store.read(T).unwrap();
        known.roll.issue(&"a1".parse().unwrap(), T);
        let second = Authority::make(T).unwrap();
        store.write_authority(&second).unwrap();
        assert!(known.rotation.begin(second.pin(), T));
        store.write(&known.to_be_kept()).unwrap();
        let again = Store::open(storage.path()).unwrap().read(T + 1).unwrap();
        assert_eq!((again.rotation, &again.roll), (known.rotation, &known.roll));
        assert_eq!(again.authorities[1].pin(), second.pin());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = storage.path().join(FOLDER);
        assert_eq!(mode(&folder), 0o700);
        let mut n_files = 0;
        for entry in fs::read_dir(&folder).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
            n_files += 1;
        }
        assert_eq!(n_files, 5);
    }

    #[test]
    fn a_folder_that_is_not_whole_is_an_error_and_not_a_new_beginning() {
        let storage = tempfile::tempdir().unwrap();
        let store = Store::open(storage.path()).unwrap();
        let short = store.read(T).unwrap().rotation.shown().short();
        let [key, _] = store.paths(&short);
        fs::write(&key, "no key").unwrap();
        let error = store.read(T).unwrap_err();
        assert!(matches!(error, StoreError::Authority(_)), "{error}");
        fs::write(storage.path().join(FOLDER).join(STATE), "{").unwrap();
        let error = store.read(T).unwrap_err().to_string();
        assert!(error.contains(STATE), "{error}");
    }
}
