//! Keeps runs: the journal and the audit log, behind what the engine and the web port need of them.
//!
//! ```text
//!   engine --- commit ---------------> journal's own thread --> answer
//!   web port - run, runs, outputs ---> a thread that may block, with a reader of its own --> answer
//! ```
//!
//! Nothing here blocks the runtime: the journal writes in a thread of its own, and readers are used where blocking is
//! allowed. Readers are kept for the next who reads, [`READERS`] of them.

use std::{
    error::Error,
    fmt,
    io::Write as _,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use netwolf_runs::{
    journal::{Journal, JournalError, Keep, OpenError, Options, Reader},
    machine::Change,
    model::{Output, Run, RunState, Step},
};
use netwolf_wire::step::RunId;
use tokio::{sync::oneshot, task::spawn_blocking};
use tracing::{info, warn};

use super::Meters;
use crate::{board::lock, logging::with_causes};

/// A file that is written to see whether one can be.
const PROBE: &str = "probe";

/// How much is written for that: SQLite grows its files by less.
const PROBE_BYTES: usize = 256 << 10;

/// Readers that are kept open.
const READERS: usize = 4;

/// What kind of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The disk is full.
    Full,
    /// The journal cannot be used.
    Broken,
    /// The run is there already, or its key.
    Duplicate,
    /// No journal would take it.
    Refused,
    /// Too much waits, or the manager is ending.
    Busy,
}

/// Why something is not kept, or cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// In words, with its causes.
    pub why: String,
    /// What to do.
    pub hint: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl From<JournalError> for Fault {
    fn from(error: JournalError) -> Self {
        let kind = match &error {
            JournalError::Full(_) => FaultKind::Full,
            JournalError::Corrupt(_) | JournalError::Other(_) => FaultKind::Broken,
            JournalError::Duplicate(_) => FaultKind::Duplicate,
            JournalError::Refused(_) => FaultKind::Refused,
            JournalError::Busy | JournalError::Closed => FaultKind::Busy,
        };
        // That a disk is full is all there is to it: its causes say the same in the words of each layer below.
        let why = match kind {
            FaultKind::Full => error.to_string(),
            _ => with_causes(&error),
        };
        Self {
            kind,
            why,
            hint: error.hint(),
        }
    }
}

impl From<OpenError> for Fault {
    fn from(error: OpenError) -> Self {
        let kind = if error.is_full() {
            FaultKind::Full
        } else {
            FaultKind::Broken
        };
        Self {
            kind,
            why: with_causes(&error),
            hint: error.hint(),
        }
    }
}

/// The task that was to do it is gone: the runtime is ending.
fn ending() -> Fault {
    Fault::from(JournalError::Closed)
}

/// The journal and the audit log; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Keeper {
    /// Nothing once it is closed.
    journal: Arc<Mutex<Option<Arc<Journal>>>>,
    readers: Arc<Mutex<Vec<Reader>>>,
    folder: Arc<PathBuf>,
    #[cfg(test)]
    disk: Disk,
}

/// A disk that a test fills.
#[cfg(test)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<std::sync::atomic::AtomicBool>);

#[cfg(test)]
impl Disk {
    /// Nothing can be written from now on.
    pub(crate) fn fill(&self) {
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }

    /// There is room again.
    pub(crate) fn free(&self) {
        self.0.store(false, std::sync::atomic::Ordering::SeqCst);
    }

    fn room(&self) -> Result<(), Fault> {
        if !self.0.load(std::sync::atomic::Ordering::SeqCst) {
            return Ok(());
        }
        let error = std::io::Error::from(std::io::ErrorKind::StorageFull);
        Err(JournalError::Full(Arc::new(error)).into())
    }
}

/// A journal that was opened, and what it has.
pub(super) struct Opened {
    pub(super) keeper: Keeper,
    /// Runs that have not ended.
    pub(super) runs: Vec<(Run, Vec<Step>)>,
}

impl Keeper {
    /// Opens the journal in a folder, or makes it.
    pub(super) async fn open(folder: PathBuf, meters: Meters) -> Result<Opened, Fault> {
        let opening = move || {
            let options = Options {
                on_commit: Box::new(move |commit| meters.committed(commit.took)),
            };
            let (journal, found) = Journal::open(&folder, options)?;
            if found.torn > 0 || found.ahead > 0 {
                warn!(
                    torn_bytes = found.torn,
                    records_ahead = found.ahead,
                    "the manager was not ended in order; the audit log has been put right"
                );
            }
            if found.is_new {
                info!(folder = %folder.display(), "a journal of runs has been made");
            }
            let reader = journal.reader()?;
            let runs = reader.live()?;
            let keeper = Self {
                journal: Arc::new(Mutex::new(Some(Arc::new(journal)))),
                readers: Arc::new(Mutex::new(vec![reader])),
                folder: Arc::new(folder),
                #[cfg(test)]
                disk: Disk::default(),
            };
            Ok(Opened { keeper, runs })
        };
        spawn_blocking(opening).await.map_err(|_| ending())?
    }

    fn journal(&self) -> Result<Arc<Journal>, Fault> {
        lock(&self.journal).clone().ok_or_else(ending)
    }

    /// A number that no other run has.
    pub(super) fn next_run(&self) -> Result<RunId, Fault> {
        Ok(self.journal()?.next_run())
    }

    /// Keeps changes, all or none; resolves when they are on the disk, or cannot be. They are given to the journal
    /// before this returns, so that its order is that of the calls.
    pub(super) fn commit(
        &self,
        changes: Vec<Change>,
    ) -> impl Future<Output = Result<(), Fault>> + Send + 'static {
        let (answer, answered) = oneshot::channel();
        let journal = self.journal();
        #[cfg(test)]
        let journal = self.disk.room().and(journal);
        match journal {
            Ok(journal) => journal.append(changes, move |result| {
                // Whoever asked may have gone.
                answer.send(result.map_err(Fault::from)).ok();
            }),
            Err(fault) => drop(answer.send(Err(fault))),
        }
        async move { answered.await.unwrap_or_else(|_| Err(ending())) }
    }

    /// Whether something can be written, where there is nothing to be kept that would show it.
    pub(super) async fn probe(&self) -> Result<(), Fault> {
        #[cfg(test)]
        self.disk.room()?;
        let path = self.folder.join(PROBE);
        let probing = move || {
            let written = std::fs::File::create(&path).and_then(|mut file| {
                file.write_all(&vec![0; PROBE_BYTES])?;
                file.sync_all()
            });
            // It was there for this alone; one that stays is written over the next time.
            std::fs::remove_file(&path).ok();
            written.map_err(|error| JournalError::Full(Arc::new(error)))
        };
        let probed = spawn_blocking(probing).await.map_err(|_| ending())?;
        Ok(probed?)
    }

    /// What a test does to the disk.
    #[cfg(test)]
    pub(super) fn disk(&self) -> Disk {
        self.disk.clone()
    }

    /// Removes what is old, in the journal's thread.
    pub(super) fn tidy(&self, now_ms: u64) {
        let Ok(journal) = self.journal() else {
            return;
        };
        journal.prune(Keep::default(), now_ms, |result| match result {
            Ok(pruned) if pruned.runs > 0 => {
                info!(
                    n_runs = pruned.runs,
                    n_steps = pruned.steps,
                    "old runs have been removed from the journal"
                );
            }
            Ok(_) => {}
            Err(error) => {
                let error: &dyn Error = &error;
                warn!(error, "old runs cannot be removed from the journal");
            }
        });
    }

    /// Shows how large the journal is, when that is known.
    pub(super) fn measure(&self, meters: &Meters) {
        let Ok(journal) = self.journal() else {
            return;
        };
        let meters = meters.clone();
        drop(spawn_blocking(move || meters.size(journal.stats().bytes)));
    }

    /// Ends the journal; what it has been given is kept first.
    pub(super) async fn close(&self) {
        let journal = lock(&self.journal).take();
        lock(&self.readers).clear();
        // The thread is waited for where that is allowed.
        spawn_blocking(move || drop(journal)).await.ok();
    }

    /// Reads, where blocking is allowed.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, Fault> {
        let keeper = self.clone();
        let reading = move || {
            let kept = lock(&keeper.readers).pop();
            let reader = match kept {
                Some(reader) => reader,
                None => keeper.journal()?.reader()?,
            };
            let result = read(&reader);
            let mut readers = lock(&keeper.readers);
            if result.is_ok() && readers.len() < READERS {
                readers.push(reader);
            }
            Ok(result?)
        };
        spawn_blocking(reading).await.map_err(|_| ending())?
    }

    /// The run that was submitted with a key, and what was asked for.
    pub(super) async fn by_key(&self, key: &str) -> Result<Option<(RunId, Option<String>)>, Fault> {
        let key = key.to_owned();
        let used = self.read(move |reader| reader.key(&key)).await?;
        Ok(used.map(|used| (used.run, used.body_sha256)))
    }

    /// A run and its steps.
    pub(super) async fn run(&self, run: RunId) -> Result<Option<(Run, Vec<Step>)>, Fault> {
        self.read(move |reader| reader.whole(run)).await
    }

    /// Runs, newest first, and whether there are more.
    pub(super) async fn runs(
        &self,
        state: Option<RunState>,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<(Vec<Run>, Option<RunId>), Fault> {
        let states: Vec<_> = state.into_iter().collect();
        let page = self
            .read(move |reader| reader.runs(&states, before, limit))
            .await?;
        let next = page.items.last().filter(|_| page.more).map(|run| run.id);
        Ok((page.items, next))
    }

    /// What was typed in a step.
    pub(super) async fn outputs(&self, run: RunId, step: u32) -> Result<Vec<Output>, Fault> {
        self.read(move |reader| reader.transcript(run, step)).await
    }
}
