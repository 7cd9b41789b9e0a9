//! The journal: what became of every run and step, on the disk before anything is done about it.
//!
//! ```text
//!   engine --- append(changes, answer) --> queue --> thread "journal":   group: all that wait
//!     ^                                                  1. audit lines, fsync
//!     |                                                  2. one transaction: changes, head of the audit log
//!     +------- answer(Ok | JournalError) ----------------3. each is answered
//!
//!   API    --- Reader, a connection of its own, which only reads and never waits for a commit
//! ```
//!
//! It is one SQLite file, `journal.sqlite`, with a write-ahead log and `synchronous=FULL`, so what was answered
//! for outlives a power cut. The audit log is written by the same thread, since the two are kept together or not at all.
//!
//! Invariants: a request is answered exactly once, and with `Ok` only when a power cut takes back none of it; all of a
//! request is kept or nothing; one that cannot be kept fails alone. After a failure for want of room the next request
//! tries again: nothing has to be started anew.
//!
//! That no second process has the folder is the matter of whoever opens it: the manager has locked its storage folder.

mod apply;
mod error;
mod prune;
mod reader;
mod schema;
mod stats;
mod writer;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
};

use netwolf_wire::step::RunId;

use crate::{
    audit::{self, Head, Log},
    machine::Change,
};

pub use error::{Cause, JournalError, OpenError};
pub use prune::{Keep, Pruned};
pub use reader::{KeyUse, Page, Reader};
pub use stats::{Commit, Stats};

use stats::Shared;
use writer::{Request, Writer};

/// The journal's name in its folder.
pub const FILE: &str = "journal.sqlite";
/// The folder of the audit log in the journal's.
pub const AUDIT_FOLDER: &str = "audit";

/// Requests that wait for the thread, at most; one more is answered with [`JournalError::Busy`]. As many as the steps
/// that are in flight, since each of them has one event on its way at a time.
pub const DEPTH: usize = 4096;

/// How a journal is opened.
pub struct Options {
    /// Called by the journal's thread after each commit; must not block.
    pub on_commit: Box<dyn FnMut(Commit) + Send>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            on_commit: Box::new(|_| {}),
        }
    }
}

/// What was found when a journal was opened, for the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// There was none.
    pub is_new: bool,
    /// Bytes at the end of the audit log that a crash left and that were cut off.
    pub torn: u64,
    /// Audit records that were written and never answered for. They stay.
    pub ahead: u64,
}

/// An open journal. Dropping it keeps what waits, and returns when that is done.
pub struct Journal {
    /// Taken away to end the thread.
    requests: Option<SyncSender<Request>>,
    thread: Option<JoinHandle<()>>,
    folder: PathBuf,
    next_run: AtomicU64,
    shared: Arc<Shared>,
}

impl Journal {
    /// Opens the journal and the audit log in `folder`, or makes them, and checks both. May take seconds for a large one.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(folder: &Path, options: Options) -> Result<(Self, Found), OpenError> {
        audit::private_folder(folder)
            .map_err(|error| OpenError::Folder(folder.to_owned(), error))?;
        let path = folder.join(FILE);
        let fail = |error| OpenError::Journal(path.clone(), JournalError::of(error, folder));
        let (connection, is_new) = schema::open(&path)?;
        let head = schema::head(&connection).map_err(fail)?;
        let (log, found, max_run) = open_audit(folder, head)?;
        // Also where there was none: from here on the log can only grow. A full disk is no reason not to start.
        if head != Some(log.head()) {
            schema::set_head(&connection, &log.head()).map_err(fail)?;
        }
        let next_run = schema::next_run(&connection).map_err(fail)?;
        let next_run = next_run.max(max_run.map_or(0, |run| run.0.saturating_add(1)));

        let shared = Arc::new(Shared::new(log.head()));
        let (requests, waiting) = sync_channel(DEPTH);
        let writer = Writer::new(
            folder.to_owned(),
            connection,
            log,
            options.on_commit,
            shared.clone(),
        );
        let thread = thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run(&waiting))
            .map_err(OpenError::Thread)?;
        let journal = Self {
            requests: Some(requests),
            thread: Some(thread),
            folder: folder.to_owned(),
            next_run: AtomicU64::new(next_run),
            shared,
        };
        Ok((journal, Found { is_new, ..found }))
    }

    /// A number for a run. Each is given out once, over all restarts, whether a run comes of it or not.
    pub fn next_run(&self) -> RunId {
        RunId(self.next_run.fetch_add(1, Ordering::Relaxed))
    }

    /// Keeps some changes, all or none, and calls `answer` when they are on the disk or cannot be. Never blocks.
    ///
    /// Requests are kept in the order in which they were given; several are kept together, but none fails because of
    /// another. `answer` is called by the journal's thread, or at once where the queue is full, and must not block.
    pub fn append(
        &self,
        changes: Vec<Change>,
        answer: impl FnOnce(Result<(), JournalError>) + Send + 'static,
    ) {
        self.request(Request::Append {
            changes,
            answer: Box::new(answer),
        });
    }

    /// The same, and waits for the answer: for whoever may block.
    ///
    /// # Errors
    /// [`JournalError`]: nothing of it is kept.
    pub fn append_and_wait(&self, changes: Vec<Change>) -> Result<(), JournalError> {
        let (sender, answer) = sync_channel(1);
        self.append(changes, move |result| {
            sender.try_send(result).ok();
        });
        answer.recv().unwrap_or(Err(JournalError::Closed))
    }

    /// Removes ended runs that are too many or too old, in small steps between which requests are served.
    pub fn prune(
        &self,
        keep: Keep,
        now_ms: u64,
        answer: impl FnOnce(Result<Pruned, JournalError>) + Send + 'static,
    ) {
        self.request(Request::Prune {
            keep,
            now_ms,
            answer: Box::new(answer),
        });
    }

    fn request(&self, request: Request) {
        let refused = match &self.requests {
            Some(requests) => requests.try_send(request),
            None => Err(TrySendError::Disconnected(request)),
        };
        match refused {
            Ok(()) => {}
            Err(TrySendError::Full(request)) => request.refuse(&JournalError::Busy),
            Err(TrySendError::Disconnected(request)) => request.refuse(&JournalError::Closed),
        }
    }

    /// A connection for reading. What was answered for before a call is seen by it.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn reader(&self) -> Result<Reader, JournalError> {
        Reader::open(&self.folder)
    }

    /// What it has done since it was opened, and how large it is now.
    pub fn stats(&self) -> Stats {
        self.shared.stats(&self.folder)
    }

    /// The last record of the audit log that was answered for.
    pub fn audit_head(&self) -> Head {
        self.shared.head()
    }

    /// Does something to the connection, in its thread.
    #[cfg(test)]
    fn meddle(&self, deed: impl FnOnce(&rusqlite::Connection) + Send + 'static) {
        let (sender, done) = sync_channel(1);
        self.request(Request::Meddle(Box::new(move |connection| {
            deed(connection);
            sender.send(()).ok();
        })));
        done.recv().unwrap();
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            // It has told of its panic already.
            thread.join().ok();
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// The head that the journal beside an audit log knows: what the files in `audit_folder` must reach. None where there is
/// no journal, as beside a copy.
///
/// # Errors
/// [`JournalError`]: there is one, and it cannot be read.
pub fn head_beside(audit_folder: &Path) -> Result<Option<Head>, JournalError> {
    // By its real name: that of `.` has no parent.
    let folder = audit_folder.canonicalize().ok();
    match folder.as_deref().and_then(Path::parent) {
        Some(folder) if folder.join(FILE).is_file() => Reader::open(folder)?.audit_head(),
        _ => Ok(None),
    }
}

/// The audit log that belongs to a journal, which says where it must reach.
fn open_audit(folder: &Path, head: Option<Head>) -> Result<(Log, Found, Option<RunId>), OpenError> {
    let folder = folder.join(AUDIT_FOLDER);
    match Log::open(&folder, head) {
        Ok(opened) => {
            let found = Found {
                torn: opened.torn,
                ahead: opened.ahead,
                ..Found::default()
            };
            Ok((opened.log, found, opened.max_run))
        }
        Err(error) => Err(OpenError::Audit(folder, error)),
    }
}

#[cfg(test)]
mod tests;
