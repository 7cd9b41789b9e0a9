//! Who of a shard has asked for a permit and waits for it, by credential: where many do, the next ones wait
//! before they connect, for a device gives a login so much time and no more.
//!
//! ```text
//!   place in the queue --> room? --> connect, key exchange --> ask --> answered
//!                            ^                                 +1       -1
//!                            +--------- one goes on for each answer -----+
//! ```
//!
//! Invariant: an ask is counted until it is answered or forgotten, for its [`Counted`] goes with it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

/// So many asks of a shard for one credential may be unanswered before the next login waits.
const ROOM: usize = 16;

/// The asks of one credential.
#[derive(Debug, Default)]
pub(crate) struct Line {
    n_unanswered: AtomicUsize,
    moved: Notify,
}

impl Line {
    /// Whether the next login is to wait.
    pub(super) fn is_crowded(&self) -> bool {
        self.n_unanswered.load(Ordering::Relaxed) > ROOM
    }

    /// Waits until it is worth while to look again.
    pub(super) async fn moved(&self) {
        self.moved.notified().await;
    }
}

/// An ask that is not answered.
#[derive(Debug)]
pub(crate) struct Counted(Arc<Line>);

impl Drop for Counted {
    fn drop(&mut self) {
        let before = self.0.n_unanswered.fetch_sub(1, Ordering::Relaxed);
        // One comes for one that goes. With nobody left to be answered there would be none to wake the others.
        let n_woken = if before == 1 { ROOM } else { 1 };
        if before <= ROOM + 1 {
            for _ in 0..n_woken {
                self.0.moved.notify_one();
            }
        }
    }
}

/// The lines of a shard.
#[derive(Debug, Default)]
pub(crate) struct Crowd(Mutex<HashMap<String, Arc<Line>>>);

impl Crowd {
    /// The line of `credential`. There are as many as the inventory has had credentials.
    pub(super) fn line(&self, credential: &str) -> Arc<Line> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match lines.get(credential) {
            Some(line) => line.clone(),
            None => lines.entry(credential.to_owned()).or_default().clone(),
        }
    }

    /// Counts an ask for `credential` until what is returned is dropped.
    pub(crate) fn count(&self, credential: &str) -> Counted {
        let line = self.line(credential);
        line.n_unanswered.fetch_add(1, Ordering::Relaxed);
        Counted(line)
    }
}
