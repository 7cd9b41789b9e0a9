//! What the journal tells of itself.

use std::{
    fs,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{FILE, JournalError};
use crate::audit::Head;

/// One group that was kept.
#[derive(Clone, Copy, Debug)]
pub struct Commit {
    /// Requests in it.
    pub requests: usize,
    /// Changes in them.
    pub changes: usize,
    /// From its first write until it was on the disk, the audit log included.
    pub took: Duration,
}

/// Counts since the journal was opened, and its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Groups that were kept.
    pub commits: u64,
    /// Requests that were answered with an error that is the journal's own.
    pub failures: u64,
    /// Changes that were of runs which are not here: late evidence of what was pruned.
    pub strays: u64,
    /// Records that were written to the audit log.
    pub audit_records: u64,
    /// Bytes on the disk, with what waits to be moved from the write-ahead log; the audit log does not count.
    pub bytes: u64,
    /// Why the last group was not kept, as a label value; none where it was.
    pub failing: Option<&'static str>,
}

/// What the thread writes and others read.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) commits: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) strays: AtomicU64,
    pub(super) audit_records: AtomicU64,
    rest: Mutex<Rest>,
}

#[derive(Debug)]
struct Rest {
    failing: Option<&'static str>,
    head: Head,
}

impl Shared {
    pub(super) fn new(head: Head) -> Self {
        Self {
            commits: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            strays: AtomicU64::new(0),
            audit_records: AtomicU64::new(0),
            rest: Mutex::new(Rest {
                failing: None,
                head,
            }),
        }
    }

    pub(super) fn kept(&self, head: Head) {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        rest.failing = None;
        rest.head = head;
    }

    pub(super) fn failed(&self, error: &JournalError) {
        if error.is_failing() {
            self.failures.fetch_add(1, Ordering::Relaxed);
            let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
            rest.failing = Some(error.reason());
        }
    }

    pub(super) fn head(&self) -> Head {
        self.rest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .head
    }

    pub(super) fn stats(&self, folder: &Path) -> Stats {
        let size = |suffix| {
            let name = format!("{FILE}{suffix}");
            fs::metadata(folder.join(name)).map_or(0, |file| file.len())
        };
        let rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        Stats {
            commits: self.commits.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            strays: self.strays.load(Ordering::Relaxed),
            audit_records: self.audit_records.load(Ordering::Relaxed),
            bytes: size("") + size("-wal"),
            failing: rest.failing,
        }
    }
}
