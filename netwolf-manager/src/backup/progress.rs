//! How far backups are, kept over a restart: `backup.json` in the storage folder.
//!
//! Without it a restarted manager begins a backup at once, which costs devices one command.

use std::{fs, io, path::Path};

use netwolf_runs::view::Time;
use netwolf_secret::keeping;
use netwolf_wire::step::RunId;
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::view::{DeviceReport, Report};

/// The file's name in the storage folder.
const NAME: &str = "backup.json";

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The one that is under way.
    #[serde(default)]
    pub(super) running: Option<Begun>,
    /// When the last one began.
    #[serde(default)]
    pub(super) begun: Option<Time>,
    /// The last one that has ended.
    #[serde(default)]
    pub(super) last: Option<Report>,
}

/// A backup whose run was submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    /// The run.
    pub(super) run: RunId,
    /// When.
    pub(super) started: Time,
    /// Devices that the run is without.
    pub(super) others: Vec<DeviceReport>,
}

/// What is in the file; nothing where there is none, or none that can be read.
pub(super) fn read(storage: &Path) -> Progress {
    let path = storage.join(NAME);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Progress::default(),
        Err(error) => {
            warn!(%error, ?path, "what is known of backups cannot be read");
            return Progress::default();
        }
    };
    serde_json::from_slice(&text).unwrap_or_else(|error| {
        warn!(%error, ?path, "what is known of backups cannot be understood");
        Progress::default()
    })
}

/// Replaces the file.
pub(super) fn write(storage: &Path, progress: &Progress) -> io::Result<()> {
    keeping::replace(&storage.join(NAME), &serde_json::to_vec(progress)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_what_is_broken_is_forgotten() {
        let storage = tempfile::tempdir().unwrap();
        assert_eq!(read(storage.path()), Progress::default());
        let progress = Progress {
            running: Some(Begun {
                run: RunId(7),
                started: Time(1_000),
                others: Vec::new(),
            }),
            begun: Some(Time(1_000)),
            last: None,
        };
        write(storage.path(), &progress).unwrap();
        assert_eq!(read(storage.path()), progress);
        fs::write(storage.path().join(NAME), "{").unwrap();
        assert_eq!(read(storage.path()), Progress::default());
    }
}
