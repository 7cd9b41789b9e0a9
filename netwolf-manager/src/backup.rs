//! Backups of configurations: a run of a procedure on a schedule, whose outputs become files.
//!
//! ```text
//!   `backup:` of netwolf.yml --> keeper: due? --> run of the procedure --> ended --> transcripts
//!                                  ^                                                   | clean
//!                                  +------- backup.json: when, which run <--- report --+ folder
//! ```
//!
//! Devices whose platform has no command in the procedure are left out and counted.
//!
//! Invariants: one backup is under way at a time; one that was begun is ended by the next manager where this one
//! ends first; a configuration that was cut or did not come leaves the file that is there as it is.

use std::{path::PathBuf, time::Duration};

use netwolf_runs::selection::Selection;

pub mod clean;
pub mod folder;
mod keeper;
mod meters;
mod progress;
pub mod view;

pub use keeper::{Handle, Keeper};
pub use meters::Meters;

/// The families of a backup that has ended, for whoever lists all families.
#[cfg(test)]
pub(crate) fn sample_families() -> Vec<crate::exposition::OwnFamily> {
    use netwolf_runs::view::Time;

    let view = view::BackupView {
        configured: true,
        every_seconds: Some(86_400),
        last: Some(view::Report {
            run: None,
            started: Time(0),
            ended: Time(0),
            devices: Vec::new(),
        }),
        ..view::BackupView::default()
    };
    meters::families(&view, Meters::default())
}

/// The procedure that is run where nobody names another.
pub const PROCEDURE: &str = "backup";

/// What `backup:` says.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where the files are.
    pub folder: PathBuf,
    /// From the begin of one to the begin of the next.
    pub every: Duration,
    /// Which devices: any may hold.
    pub selections: Vec<Selection>,
    /// Which procedure.
    pub procedure: String,
    /// Devices at a time.
    pub in_flight: u32,
    /// Regular expressions for lines that are left out.
    pub drop: Vec<String>,
    /// Regular expressions for what is taken out of lines.
    pub redact: Vec<String>,
}
