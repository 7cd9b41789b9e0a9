//! Writes the audit log: opens it after whatever came before, appends, and takes back what could not be kept elsewhere.
//!
//! ```text
//!   file:   committed records | records of a group that was never answered | the end of a line
//!                            head in the journal                           cut off at the next start
//! ```
//!
//! Invariants: a group is on the disk before [`Log::append`] returns; bytes behind the last whole group are written over
//! or cut off, never read; a group that was taken back leaves no trace, or is found as one that was never answered.

use std::{
    collections::HashSet,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use netwolf_wire::step::RunId;
use thiserror::Error;

use super::{
    chain::{self, Head},
    files::{MAX_FILE, file_name, numbers, private_file, private_folder},
    record::{Action, MAX_LINE, Outcome, Record},
    verify::{VerifyError, Walk},
};

/// Why the audit log cannot be opened or written.
#[derive(Debug, Error)]
pub enum AuditError {
    /// There is no room on the disk.
    #[error("no room on the disk for \"{}\"", .0.display())]
    Full(PathBuf, #[source] io::Error),
    /// The operating system refused.
    #[error("cannot write \"{}\"", .0.display())]
    Io(PathBuf, #[source] io::Error),
    /// A record does not fit into a line.
    #[error("a record of {0} bytes for the audit log; {MAX_LINE} are the most")]
    TooLong(usize),
    /// What is there is not what was written.
    #[error("the audit log is not as it was written")]
    Fault(#[source] VerifyError),
}

impl AuditError {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        if is_full(&error) {
            Self::Full(path.to_owned(), error)
        } else {
            Self::Io(path.to_owned(), error)
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Full(..) => "make room; it goes on by itself",
            Self::Io(..) => {
                "the folder and its files must be the manager's own, on a disk that works"
            }
            Self::TooLong(_) => "make the comment or the commands shorter",
            Self::Fault(fault) => fault.hint(),
        }
    }
}

/// Whether an error says that there is no room, be it the disk's, a quota's or a limit of the process.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// An audit log that is being written, by one at a time.
#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    max_file: u64,
    /// The newest file, by number and open.
    number: u32,
    file: File,
    /// Bytes of it that count.
    len: u64,
    /// There may be something behind them.
    is_dirty: bool,
    head: Head,
    /// Before the last append.
    before: Mark,
    /// What records that were written and never answered for are of.
    told: HashSet<Subject>,
}

/// A place to go back to.
#[derive(Clone, Copy, Debug)]
struct Mark {
    head: Head,
    len: u64,
}

/// An audit log that was opened, and what was found.
#[derive(Debug)]
pub struct Opened {
    /// It.
    pub log: Log,
    /// Bytes at its end that were no whole record, as a crash leaves them, and were cut off.
    pub torn: u64,
    /// Records that were written and never answered for. They stay: their commands may have been typed.
    pub ahead: u64,
    /// The highest run that was met.
    pub max_run: Option<RunId>,
}

impl Log {
    /// Opens the log in `folder`, or begins one. `head` is where it must reach at least, as the journal says; without
    /// one the newest file is taken as it is.
    ///
    /// # Errors
    /// [`AuditError`]; [`AuditError::Fault`] where the files do not reach the head, or not by a chain.
    pub fn open(folder: &Path, head: Option<Head>) -> Result<Opened, AuditError> {
        Self::open_with(folder, head, MAX_FILE)
    }

    pub(super) fn open_with(
        folder: &Path,
        head: Option<Head>,
        max_file: u64,
    ) -> Result<Opened, AuditError> {
        private_folder(folder).map_err(|error| AuditError::io(folder, error))?;
        let found = numbers(folder).map_err(|error| AuditError::io(folder, error))?;
        let newest = found.last().copied();
        let first = match (head, newest) {
            (Some(head), _) => head.file,
            (None, newest) => newest.unwrap_or(1),
        };
        // In the first file of all, the chain begins; elsewhere its first line is believed, which has its own hash.
        let start = (first == 1).then_some(Head::START);
        let mut walk = Walk::new(start, head);
        let (mut torn, mut ahead, mut max_run, mut len) = (0, 0, None, 0);
        let mut told = HashSet::new();
        for number in first..=newest.unwrap_or(0) {
            if found.binary_search(&number).is_err() {
                return Err(AuditError::Fault(VerifyError::MissingFile(number)));
            }
            let end = walk
                .file_with(folder, number, |joint, line| {
                    let Ok(record) = chain::record(line) else {
                        return;
                    };
                    max_run = max_run.max(Some(record.run));
                    if head.is_some_and(|head| joint.seq > head.seq) {
                        ahead += 1;
                        told.insert(Subject::of(&record));
                    }
                })
                .map_err(AuditError::Fault)?;
            if let Some(fault) = end.fault {
                let is_end = Some(number) == newest && walk.reached().is_ok();
                // Behind the head nothing was ever answered for, and a power cut may leave anything there.
                if !is_end || (head.is_none() && !end.is_torn) {
                    return Err(AuditError::Fault(fault));
                }
                torn = end.bytes - end.whole;
            }
            len = end.whole;
        }
        if head.is_some_and(|head| head.seq > 0) && newest.is_none_or(|newest| newest < first) {
            return Err(AuditError::Fault(VerifyError::MissingFile(first)));
        }
        walk.reached().map_err(AuditError::Fault)?;
        let number = newest.unwrap_or(1).max(first);
        let head = walk.last.or(head).unwrap_or(Head::START);
        let mut log = Self::at(folder, number, head, max_file)?;
        log.len = len;
        log.is_dirty = torn > 0;
        log.told = told;
        log.clean()?;
        Ok(Opened {
            log,
            torn,
            ahead,
            max_run,
        })
    }

    fn at(folder: &Path, number: u32, head: Head, max_file: u64) -> Result<Self, AuditError> {
        let file = private_file(folder, number)
            .map_err(|error| AuditError::io(&folder.join(file_name(number)), error))?;
        Ok(Self {
            folder: folder.to_owned(),
            max_file,
            number,
            file,
            len: 0,
            is_dirty: false,
            head,
            before: Mark { head, len: 0 },
            told: HashSet::new(),
        })
    }

    /// The last record.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Writes some records behind the others, and returns when they are on the disk. Records that were found ahead of
    /// the journal when the log was opened are not written again, since what they are of is told again.
    ///
    /// # Errors
    /// [`AuditError`]; none of the records is written then.
    pub fn append<'a>(
        &mut self,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Result<(), AuditError> {
        self.clean()?;
        if self.len >= self.max_file {
            self.rotate()?;
        }
        self.before = Mark {
            head: self.head,
            len: self.len,
        };
        let (mut text, mut head) = (String::new(), self.head);
        for record in records {
            if !self.told.is_empty() && self.told.contains(&Subject::of(record)) {
                continue;
            }
            let from = text.len();
            let hash = chain::seal(&mut text, &head, record)
                .map_err(|error| self.error(io::Error::other(error)))?;
            if text.len() - from > MAX_LINE {
                return Err(AuditError::TooLong(text.len() - from));
            }
            head = Head {
                seq: head.seq + 1,
                hash,
                file: self.number,
            };
        }
        if text.is_empty() {
            return Ok(());
        }
        let written = self
            .file
            .write_all_at(text.as_bytes(), self.len)
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.is_dirty = true;
            return Err(self.error(error));
        }
        self.len += text.len() as u64;
        self.head = head;
        Ok(())
    }

    /// Takes the last append back, because what belongs to it could not be kept. Where that fails, it is done before
    /// the next append, or its records are found as ahead of the journal at the next start.
    pub fn take_back(&mut self) {
        self.is_dirty |= self.len != self.before.len;
        self.head = self.before.head;
        self.len = self.before.len;
        // An error is not lost: the next append meets it, too.
        self.clean().ok();
    }

    /// Leaves the last append where it is, though it was not answered for: if its records are told again, they are not
    /// written again.
    pub fn leave_unanswered<'a>(&mut self, records: impl IntoIterator<Item = &'a Record>) {
        self.told.extend(records.into_iter().map(Subject::of));
    }

    /// Cuts off what is behind the last whole group.
    fn clean(&mut self) -> Result<(), AuditError> {
        if self.is_dirty {
            self.file
                .set_len(self.len)
                .and_then(|()| self.file.sync_data())
                .map_err(|error| self.error(error))?;
            self.is_dirty = false;
        }
        Ok(())
    }

    fn rotate(&mut self) -> Result<(), AuditError> {
        let number = self.number + 1;
        let path = self.folder.join(file_name(number));
        self.file =
            private_file(&self.folder, number).map_err(|error| AuditError::io(&path, error))?;
        self.number = number;
        self.len = 0;
        Ok(())
    }

    fn error(&self, error: io::Error) -> AuditError {
        AuditError::io(&self.folder.join(file_name(self.number)), error)
    }
}

/// What a record is of: two records of one subject tell the same thing.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Subject {
    /// A command, whenever it was told.
    Command {
        run: RunId,
        step: Option<u32>,
        attempt: Option<u32>,
        index: Option<u32>,
        outcome: Outcome,
    },
    /// What people do is told once, so only the very same is the same.
    Other {
        unix_ms: u64,
        action: Action,
        run: RunId,
        step: Option<u32>,
        requester: String,
    },
}

impl Subject {
    fn of(record: &Record) -> Self {
        if record.action == Action::Command {
            Self::Command {
                run: record.run,
                step: record.step,
                attempt: record.attempt,
                index: record.index,
                outcome: record.outcome,
            }
        } else {
            Self::Other {
                unix_ms: record.unix_ms,
                action: record.action,
                run: record.run,
                step: record.step,
                requester: record.requester.clone(),
            }
        }
    }
}
