//! Which shards of an agent are linked to their manager, for whoever shows it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// The links of an agent's shards. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Links(Arc<[AtomicBool]>);

impl Links {
    /// Of an agent with so many shards, none of which is linked.
    pub(crate) fn new(shards: u16) -> Self {
        Self((0..shards).map(|_| AtomicBool::new(false)).collect())
    }

    /// Shows whether a shard is linked.
    pub(crate) fn set(&self, shard: u16, is_up: bool) {
        if let Some(link) = self.0.get(usize::from(shard)) {
            link.store(is_up, Relaxed);
        }
    }

    /// Whether each shard is linked, in order.
    pub fn iter(&self) -> impl Iterator<Item = bool> {
        self.0.iter().map(|link| link.load(Relaxed))
    }
}
