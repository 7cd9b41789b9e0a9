//! Watches the files of a configuration and says when it is time to load them again.
//!
//! ```text
//!   notify's thread --(concerns us?)--> [depth 1] --> Debounce --> [depth 1] --> whoever reloads
//! ```
//!
//! Directories are watched, not files: editors and deployment tools replace a file by renaming another one
//! over it. Both queues have room for one word, because a second "something changed" says nothing that the
//! first one does not.
//!
//! Invariant: after the last change of a file there is at least one word, [`QUIET`] later at the latest
//! [`PATIENCE`] after the first.

mod debounce;
mod relevance;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use thiserror::Error;
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::config::Sources;
use debounce::Debounce;
use relevance::Relevance;

/// How long files must be at rest: a deployment writes several files at once.
pub const QUIET: Duration = Duration::from_millis(200);

/// How long at most a change is held back while others follow it.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// One word is enough: see the module's header.
const DEPTH: usize = 1;

/// Why files cannot be watched.
#[derive(Debug, Error)]
pub enum WatchError {
    /// The system gives no watcher.
    #[error("files cannot be watched")]
    Start(#[source] notify::Error),
    /// A directory cannot be watched.
    #[error("{directory:?} cannot be watched")]
    Directory {
        /// Which one.
        directory: PathBuf,
        /// Why.
        #[source]
        source: notify::Error,
    },
}

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    notify: RecommendedWatcher,
    relevance: Arc<ArcSwap<Relevance>>,
    /// What notify was asked for.
    watched: BTreeMap<PathBuf, RecursiveMode>,
}

impl Watcher {
    /// Begins to watch `sources`; the receiver gets a word after each change, until the watcher is dropped.
    ///
    /// # Errors
    /// When the system refuses; a reload by signal or request works all the same.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(sources: &Sources) -> Result<(Self, mpsc::Receiver<()>), WatchError> {
        let relevance = Arc::new(ArcSwap::from_pointee(Relevance::default()));
        let (changes, noticed) = mpsc::channel(DEPTH);
        let notify = {
            let relevance = relevance.clone();
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                if is_change(&event, &relevance.load()) {
                    say(&changes);
                }
            })
            .map_err(WatchError::Start)?
        };
        let mut watcher = Self {
            notify,
            relevance,
            watched: BTreeMap::new(),
        };
        watcher.follow(sources)?;
        let (words, receiver) = mpsc::channel(DEPTH);
        tokio::spawn(debounced(noticed, words));
        Ok((watcher, receiver))
    }

    /// Watches `sources` from now on instead of what was watched before.
    ///
    /// # Errors
    /// The first directory that cannot be watched; the others are.
    pub fn follow(&mut self, sources: &Sources) -> Result<(), WatchError> {
        let relevance = Relevance::of(sources, &std::env::current_dir().unwrap_or_default());
        let wanted = relevance.directories(Path::is_dir);
        self.relevance.store(Arc::new(relevance));
        for directory in self
            .watched
            .keys()
            .filter(|directory| !wanted.contains_key(*directory))
        {
            // It is gone, or it will be watched no more: nothing to do about an error.
            drop(self.notify.unwatch(directory));
        }
        let mut result = Ok(());
        let mut watched = BTreeMap::new();
        for (directory, is_deep) in wanted {
            let mode = if is_deep {
                RecursiveMode::Recursive
            } else {
                RecursiveMode::NonRecursive
            };
            // Again even if it is watched: the directory of that name may be another one by now.
            match self.notify.watch(&directory, mode) {
                Ok(()) => {
                    watched.insert(directory, mode);
                }
                Err(source) if result.is_ok() => {
                    result = Err(WatchError::Directory { directory, source });
                }
                Err(_) => {}
            }
        }
        self.watched = watched;
        result
    }
}

/// Whether an event may mean other content. Reading a file makes events as well.
fn is_change(event: &notify::Result<notify::Event>, relevance: &Relevance) -> bool {
    match event {
        Ok(event) if event.need_rescan() => true,
        Ok(event) => {
            !matches!(event.kind, EventKind::Access(_))
                && event.paths.iter().any(|path| relevance.concerns(path))
        }
        // Events may have been lost.
        Err(_) => true,
    }
}

/// Puts a word into a queue. A full one holds a word already, a closed one has nobody to tell.
fn say(words: &mpsc::Sender<()>) {
    match words.try_send(()) {
        Ok(()) | Err(TrySendError::Full(()) | TrySendError::Closed(())) => {}
    }
}

/// Passes a word on when changes have come to rest.
async fn debounced(mut noticed: mpsc::Receiver<()>, words: mpsc::Sender<()>) {
    let mut debounce = Debounce::new(QUIET, PATIENCE);
    loop {
        let change = async {
            match debounce.poll_timeout() {
                None => Some(noticed.recv().await),
                Some(deadline) => tokio::time::timeout_at(deadline.into(), noticed.recv())
                    .await
                    .ok(),
            }
        };
        match change.await {
            Some(Some(())) => debounce.handle_change(Instant::now()),
            Some(None) => return,
            None => {}
        }
        if debounce.handle_timeout(Instant::now()) {
            say(&words);
        }
    }
}

#[cfg(test)]
mod tests;
