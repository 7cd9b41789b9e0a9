//! What the API shows of backups.

use netwolf_runs::view::Time;
use netwolf_wire::{DeviceName, step::RunId};
use serde::{Deserialize, Serialize};

/// `/api/v1/backup`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupView {
    /// Whether the configuration has a `backup:`.
    pub configured: bool,
    /// Where the files are.
    pub folder: Option<String>,
    /// From the begin of one to the begin of the next, in seconds.
    pub every_seconds: Option<u64>,
    /// When the next one begins.
    pub next: Option<Time>,
    /// The run that is under way.
    pub running: Option<RunId>,
    /// Why the last one could not be begun.
    pub problem: Option<String>,
    /// The last one that has ended.
    pub last: Option<Report>,
}

/// One backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The run; none where no device could be asked.
    pub run: Option<RunId>,
    /// When it began.
    pub started: Time,
    /// When its files were written.
    pub ended: Time,
    /// By name.
    pub devices: Vec<DeviceReport>,
}

/// What became of one device's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// The device.
    pub device: DeviceName,
    /// How it went.
    pub state: BackupState,
    /// Its file, below the folder.
    pub file: Option<String>,
    /// Why there is nothing new.
    pub reason: Option<String>,
}

/// How a device's backup went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupState {
    /// There was none of it.
    New,
    /// It is another one than before.
    Changed,
    /// It is the one that is there.
    Unchanged,
    /// It did not come, or could not be written.
    Failed,
    /// The procedure has no command for its platform.
    Skipped,
}

impl BackupState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::New,
        Self::Changed,
        Self::Unchanged,
        Self::Failed,
        Self::Skipped,
    ];

    /// As a label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

impl Report {
    /// How many devices are in a state.
    pub fn count(&self, state: BackupState) -> usize {
        let devices = self.devices.iter();
        devices.filter(|device| device.state == state).count()
    }
}
