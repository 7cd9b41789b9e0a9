//! Why something could not be kept, or a journal not be opened, and what to do about it.

use std::{error::Error, io, path::Path, path::PathBuf, sync::Arc};

use rusqlite::{ErrorCode, ffi};
use thiserror::Error;

use crate::audit::{AuditError, is_full};

/// Free bytes below which a failure to write is taken for want of room: SQLite grows its files by a few pages at a time
/// and does not always say why it could not.
const NO_ROOM: u64 = 256 * 1024;

/// Why a request was not kept. One cause may be told to several requests.
#[derive(Clone, Debug, Error)]
pub enum JournalError {
    /// There is no room on the disk.
    #[error("no room on the disk for the journal of runs")]
    Full(#[source] Cause),
    /// The file is not as it was written.
    #[error("the journal of runs is damaged")]
    Corrupt(#[source] Cause),
    /// The run, or another one with its idempotency key, is there already.
    #[error("the journal of runs has this run or its idempotency key already")]
    Duplicate(#[source] Cause),
    /// The request cannot be kept by any journal.
    #[error("this cannot be kept")]
    Refused(#[source] Cause),
    /// Too much waits to be kept.
    #[error("too much waits to be written to the journal of runs")]
    Busy,
    /// The journal has been closed.
    #[error("the journal of runs is closed")]
    Closed,
    /// Something else.
    #[error("cannot keep the journal of runs")]
    Other(#[source] Cause),
}

/// What the operating system or SQLite said.
pub type Cause = Arc<dyn Error + Send + Sync>;

impl JournalError {
    pub(super) fn of(error: rusqlite::Error, folder: &Path) -> Self {
        let code = error.sqlite_error_code();
        let cause: Cause = Arc::new(error);
        match code {
            Some(ErrorCode::DiskFull) => Self::Full(cause),
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) if is_without_room(folder) => {
                Self::Full(cause)
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(cause),
            Some(ErrorCode::ConstraintViolation) => Self::Duplicate(cause),
            _ => Self::Other(cause),
        }
    }

    pub(super) fn of_audit(error: AuditError) -> Self {
        match error {
            AuditError::Full(..) => Self::Full(Arc::new(error)),
            AuditError::TooLong(_) => Self::Refused(Arc::new(error)),
            AuditError::Io(..) | AuditError::Fault(_) => Self::Other(Arc::new(error)),
        }
    }

    /// As a label value.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Full(_) => "full",
            Self::Corrupt(_) => "corrupt",
            Self::Duplicate(_) => "duplicate",
            Self::Refused(_) => "refused",
            Self::Busy => "busy",
            Self::Closed => "closed",
            Self::Other(_) => "other",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Full(_) => {
                "make room on the disk of the storage folder; runs go on by themselves, without a restart"
            }
            Self::Corrupt(_) => {
                "end the manager, and put back a backup of `runs/journal.sqlite`, or move it and its `-wal` and `-shm` \
                 away: the runs in it are forgotten then, and the audit log stays"
            }
            Self::Duplicate(_) => "look for the run with that key",
            Self::Refused(_) => "make the commands or the comment shorter",
            Self::Busy => "try again in a second",
            Self::Closed => "the manager is about to end; try again when it is back",
            Self::Other(_) => {
                "the folder `runs` and its files must be the manager's own, on a disk that works"
            }
        }
    }

    /// Whether it says something of the journal, and not only of the request.
    pub(super) const fn is_failing(&self) -> bool {
        matches!(self, Self::Full(_) | Self::Corrupt(_) | Self::Other(_))
    }
}

/// Whether a commit that failed with this has certainly left nothing that a start after a crash could take for a
/// transaction: its last page was not written. After one that was not synced, nobody knows.
pub(super) fn is_certainly_undone(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(error, _) => {
            error.code == ErrorCode::DiskFull || error.extended_code == ffi::SQLITE_IOERR_WRITE
        }
        _ => false,
    }
}

fn is_without_room(folder: &Path) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|fs| fs.f_bavail.saturating_mul(fs.f_frsize) < NO_ROOM)
}

/// Why a journal cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Its folder cannot be made or closed to others.
    #[error("cannot keep runs in \"{}\"", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    /// SQLite cannot open it, or what it holds is damaged.
    #[error("cannot open the journal of runs \"{}\"", .0.display())]
    Journal(PathBuf, #[source] JournalError),
    /// It was written by a later version.
    #[error(
        "the journal of runs \"{}\" has format {found}; this version knows {known}", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The latest one known.
        known: i64,
    },
    /// The audit log cannot be opened, or does not hold what the journal knows was in it.
    #[error("cannot open the audit log in \"{}\"", .0.display())]
    Audit(PathBuf, #[source] AuditError),
    /// No thread could be started.
    #[error("cannot start the thread of the journal of runs")]
    Thread(#[source] io::Error),
}

impl OpenError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Folder(..) => "the storage folder must be the manager's own, and writable",
            Self::Journal(_, error) => error.hint(),
            Self::Newer { .. } => "start the version that wrote it, or a later one",
            Self::Audit(_, AuditError::Fault(_)) => {
                "put the files back as they were; `netwolf audit verify` tells what is wrong with them"
            }
            Self::Audit(_, error) => error.hint(),
            Self::Thread(_) => "the process may not have as many threads as it needs",
        }
    }

    /// Whether it is for want of room.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Folder(_, error) => is_full(error),
            Self::Journal(_, error) => matches!(error, JournalError::Full(_)),
            Self::Audit(_, error) => matches!(error, AuditError::Full(..)),
            Self::Newer { .. } | Self::Thread(_) => false,
        }
    }
}
