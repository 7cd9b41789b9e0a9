//! What goes over the sockets of a shard's sessions, and how many of them the general client has, counted.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Of all sessions of a shard together; bytes as they were on the wire.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
    general: AtomicU64,
}

/// A session of the general client, counted as long as this lives.
#[derive(Debug)]
pub(super) struct OfGeneral(Arc<Traffic>);

impl Drop for OfGeneral {
    fn drop(&mut self) {
        self.0.general.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Traffic {
    /// So many bytes came.
    pub(super) fn add_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// So many bytes went.
    pub(super) fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The general client has one session more.
    pub(super) fn count_general(self: &Arc<Self>) -> OfGeneral {
        self.general.fetch_add(1, Ordering::Relaxed);
        OfGeneral(self.clone())
    }

    /// Sessions that the general client has.
    pub(crate) fn general(&self) -> u64 {
        self.general.load(Ordering::Relaxed)
    }

    /// All that came so far.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// All that went so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}
