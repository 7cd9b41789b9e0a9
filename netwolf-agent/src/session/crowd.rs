//! Who of a shard is on the way to a permit, by credential: where many are, the next ones wait before they connect,
//! for a device gives a login so much time and no more, and a key exchange that comes to nothing is lost work.
//!
//! ```text
//!   place in the queue --> room? --> connect, key exchange --> ask --> answered
//!                            ^       +1                     -1 +1       -1
//!                            +--------- one goes on for each that goes --+
//! ```
//!
//! Who does not come to ask soon is counted no longer: devices that are down hold up nobody.
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

/// So many logins of a shard with one credential may be on the way before the next one waits. Managers permit as many
/// at a time, of all shards.
const ROOM: usize = 32;

/// The logins with one credential.
#[derive(Debug, Default)]
pub(crate) struct Line {
    n_on_the_way: AtomicUsize,
    n_gone: AtomicUsize,
    moved: Notify,
}

impl Line {
    /// Whether the next login is to wait.
    pub(super) fn is_crowded(&self) -> bool {
        self.n_on_the_way.load(Ordering::Relaxed) >= ROOM
    }

    /// How many were on the way and are not any more.
    pub(super) fn n_gone(&self) -> usize {
        self.n_gone.load(Ordering::Relaxed)
    }

    /// Waits until it is worth while to look again.
    pub(super) async fn moved(&self) {
        self.moved.notified().await;
    }
}

/// A login on the way, or an ask that is not answered.
#[derive(Debug)]
pub(crate) struct Counted(Arc<Line>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.n_gone.fetch_add(1, Ordering::Relaxed);
        let before = self.0.n_on_the_way.fetch_sub(1, Ordering::Relaxed);
        // One comes for one that goes. With nobody left to go there would be none to wake the others.
        let n_woken = if before == 1 { ROOM } else { 1 };
        if before <= ROOM {
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

    /// Counts a login with `credential` until what is returned is dropped.
    pub(crate) fn count(&self, credential: &str) -> Counted {
        let line = self.line(credential);
        line.n_on_the_way.fetch_add(1, Ordering::Relaxed);
        Counted(line)
    }
}
