//! The thread that has the connection: groups what waits, keeps it, and answers.
//!
//! ```text
//!   wait for a request --> take all that wait --> audit log --> transaction --> answer --+
//!        ^                                            |              |                   |
//!        |                                            +--- failed ---+--> each alone ----+
//!        +--------------------- one step of pruning, where there is any <----------------+
//! ```

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, TryRecvError},
    },
    time::Instant,
};

use rusqlite::{Connection, TransactionBehavior};

use super::{
    JournalError,
    apply::apply,
    error::is_certainly_undone,
    prune::{Keep, Pruned, Pruning},
    schema,
    stats::{Commit, Shared},
};
use crate::{
    audit::{Head, Log, Record},
    machine::Change,
};

/// Requests that are kept by one transaction, at most: what comes later does not wait for ever.
pub(super) const MAX_GROUP: usize = 512;

/// Takes what became of something.
pub(super) type Answer<T> = Box<dyn FnOnce(Result<T, JournalError>) + Send>;

/// Something to be done by the thread.
pub(super) enum Request {
    Append {
        changes: Vec<Change>,
        answer: Answer<()>,
    },
    Prune {
        keep: Keep,
        now_ms: u64,
        answer: Answer<Pruned>,
    },
    #[cfg(test)]
    Meddle(Box<dyn FnOnce(&Connection) + Send>),
}

impl Request {
    /// Answers without having done it.
    pub(super) fn refuse(self, error: &JournalError) {
        match self {
            Self::Append { answer, .. } => answer(Err(error.clone())),
            Self::Prune { answer, .. } => answer(Err(error.clone())),
            #[cfg(test)]
            Self::Meddle(_) => {}
        }
    }
}

/// Changes that belong together, and who waits for them.
type Append = (Vec<Change>, Answer<()>);

/// What the thread has.
pub(super) struct Writer {
    folder: PathBuf,
    connection: Connection,
    log: Log,
    on_commit: Box<dyn FnMut(Commit) + Send>,
    shared: Arc<Shared>,
    pruning: VecDeque<(Pruning, Answer<Pruned>)>,
}

impl Writer {
    pub(super) fn new(
        folder: PathBuf,
        connection: Connection,
        log: Log,
        on_commit: Box<dyn FnMut(Commit) + Send>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            folder,
            connection,
            log,
            on_commit,
            shared,
            pruning: VecDeque::new(),
        }
    }

    /// Works until nobody can ask any more and nothing waits.
    pub(super) fn run(mut self, requests: &Receiver<Request>) {
        loop {
            let mut next = if self.pruning.is_empty() {
                match requests.recv() {
                    Ok(request) => Some(request),
                    Err(_) => break,
                }
            } else {
                match requests.try_recv() {
                    Ok(request) => Some(request),
                    Err(TryRecvError::Empty) => None,
                    Err(TryRecvError::Disconnected) => break,
                }
            };
            let mut group = Vec::new();
            while let Some(request) = next {
                match request {
                    Request::Append { changes, answer } => group.push((changes, answer)),
                    Request::Prune {
                        keep,
                        now_ms,
                        answer,
                    } => {
                        self.pruning.push_back((Pruning::new(keep, now_ms), answer));
                    }
                    #[cfg(test)]
                    Request::Meddle(deed) => {
                        self.keep(std::mem::take(&mut group));
                        deed(&self.connection);
                    }
                }
                if group.len() >= MAX_GROUP {
                    break;
                }
                next = requests.try_recv().ok();
            }
            self.keep(group);
            self.prune();
        }
        for (_, answer) in self.pruning {
            answer(Err(JournalError::Closed));
        }
        // Moves the write-ahead log into the file; where that fails it is done at the next start.
        self.connection.close().ok();
    }

    /// Keeps a group as one, or else each of its requests for itself, and answers all.
    fn keep(&mut self, group: Vec<Append>) {
        if group.is_empty() {
            return;
        }
        match self.commit(&group) {
            Err(_) if group.len() > 1 => {
                for request in group {
                    self.keep(vec![request]);
                }
            }
            result => {
                match &result {
                    Ok(()) => self.shared.kept(self.log.head()),
                    Err(error) => self.shared.failed(error),
                }
                for (_, answer) in group {
                    answer(result.clone());
                }
            }
        }
    }

    fn commit(&mut self, group: &[Append]) -> Result<(), JournalError> {
        let begun = Instant::now();
        let changes = || group.iter().flat_map(|(changes, _)| changes);
        let records = || changes().filter_map(record);
        let before = self.log.head();
        self.log.append(records()).map_err(JournalError::of_audit)?;
        let head = self.log.head();
        match transact(
            &mut self.connection,
            changes(),
            (head != before).then_some(&head),
        ) {
            Ok(strays) => {
                let shared = &self.shared;
                shared.commits.fetch_add(1, Ordering::Relaxed);
                shared.strays.fetch_add(strays, Ordering::Relaxed);
                shared
                    .audit_records
                    .fetch_add(head.seq - before.seq, Ordering::Relaxed);
                (self.on_commit)(Commit {
                    requests: group.len(),
                    changes: changes().count(),
                    took: begun.elapsed(),
                });
                Ok(())
            }
            Err(Undone { error, is_certain }) => {
                if is_certain {
                    self.log.take_back();
                } else {
                    // A start after a crash may find the transaction, and then its records must be there.
                    self.log.leave_unanswered(records());
                }
                Err(JournalError::of(error, &self.folder))
            }
        }
    }

    /// One step of the first pruning that waits.
    fn prune(&mut self) {
        let Some((pruning, _)) = self.pruning.front_mut() else {
            return;
        };
        let result = match pruning.step(&mut self.connection) {
            Ok(false) => return,
            Ok(true) => Ok(pruning.pruned()),
            Err(error) => Err(JournalError::of(error, &self.folder)),
        };
        if let Some((_, answer)) = self.pruning.pop_front() {
            answer(result);
        }
    }
}

const fn record(change: &Change) -> Option<&Record> {
    match change {
        Change::Audit(record) => Some(record),
        _ => None,
    }
}

/// A transaction that failed, and whether nothing of it can come to light later.
struct Undone {
    error: rusqlite::Error,
    is_certain: bool,
}

fn transact<'a>(
    connection: &mut Connection,
    changes: impl Iterator<Item = &'a Change> + Clone,
    head: Option<&Head>,
) -> Result<u64, Undone> {
    let certain = |error| Undone {
        error,
        is_certain: true,
    };
    if !connection.is_autocommit() {
        // One that failed was not undone by itself.
        connection.execute_batch("ROLLBACK").map_err(certain)?;
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(certain)?;
    let strays = apply(&transaction, changes).map_err(certain)?;
    if let Some(head) = head {
        schema::set_head(&transaction, head).map_err(certain)?;
    }
    transaction.commit().map_err(|error| Undone {
        is_certain: is_certainly_undone(&error),
        error,
    })?;
    Ok(strays)
}
