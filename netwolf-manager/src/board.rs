//! What is shown: the present state of every device and every shard, for scrapes and for the API.
//!
//! ```text
//!   core  -- leases, session states, agents --> board <-- reads -- /metrics, /api/v1, /-/ready
//!   links -- times of polls, counters --------->
//! ```
//!
//! Nothing is decided here and nobody waits here: scrapes never go through the core, however many there are.
//!
//! Invariant: the devices are exactly those of the inventory in force; one that left it is marked
//! ([`DeviceSlot::has_left`]), so that whoever still holds it shows no more of it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use arc_swap::ArcSwap;
use netwolf_wire::{DeviceName, ShardId};

use crate::{
    breaker::CredentialView,
    clock::Tick,
    dispatch::Totals,
    inventory::{Catalogue, Inventory},
};

pub mod agent;
pub mod device;

pub use agent::{AgentSlot, SHOWN_AFTER_LOSS};
pub use device::DeviceSlot;

/// The devices of the inventory in force, by name.
pub type Devices = BTreeMap<DeviceName, Arc<DeviceSlot>>;

/// What the core tells of itself.
#[derive(Clone, Debug, Default)]
pub struct CoreState {
    /// Whether shards that were known before the start are still waited for.
    pub awaits_known: bool,
    /// What a start still waits for; `None` when it is over.
    pub waits_for: Option<String>,
    /// Leases in force that are not being revoked.
    pub held: usize,
    /// Leases being revoked.
    pub revoking: usize,
    /// Devices that are to move to another shard and wait for their turn.
    pub moves_waiting: usize,
    /// What happened since the start.
    pub totals: Totals,
}

/// The present state of everything.
#[derive(Debug, Default)]
pub struct Board {
    devices: ArcSwap<Devices>,
    agents: Mutex<BTreeMap<ShardId, Arc<AgentSlot>>>,
    core: Mutex<CoreState>,
    credentials: ArcSwap<Vec<CredentialView>>,
    catalogue: ArcSwap<Catalogue>,
    is_gathering: AtomicBool,
}

/// Locks a mutex whose holders never panic half way: what it holds is whole even after a panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// The devices of the inventory in force.
    pub fn devices(&self) -> Arc<Devices> {
        self.devices.load_full()
    }

    /// One device.
    pub fn device(&self, name: &str) -> Option<Arc<DeviceSlot>> {
        self.devices.load().get(name).cloned()
    }

    /// Another inventory is in force: devices in both keep their state.
    pub fn set_inventory(&self, inventory: &Inventory) {
        let old = self.devices.load();
        let devices: Devices = inventory
            .devices
            .iter()
            .map(|(name, device)| {
                let slot = old.get(name).cloned().unwrap_or_else(|| {
                    let slot = DeviceSlot::new(name.clone());
                    if self.is_gathering.load(Relaxed) {
                        slot.await_news();
                    }
                    Arc::new(slot)
                });
                slot.set_about(device, inventory.plans.get(&device.job.plan));
                (name.clone(), slot)
            })
            .collect();
        for (name, slot) in old.iter() {
            if !devices.contains_key(name) {
                slot.leave();
            }
        }
        self.devices.store(Arc::new(devices));
        self.catalogue.store(inventory.catalogue.clone());
    }

    /// What the collectors of the devices make.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.load_full()
    }

    /// Shards of before the start are waited for: devices are not known before they are heard of.
    pub fn begin_gathering(&self) {
        self.is_gathering.store(true, Relaxed);
    }

    /// Nobody is waited for any more.
    pub fn end_gathering(&self, now: Tick) {
        self.is_gathering.store(false, Relaxed);
        for slot in self.devices.load().values() {
            slot.gathered(now);
        }
    }

    /// The shards that are there, and those that were lost not long ago.
    pub fn agents(&self, now: Tick) -> Vec<Arc<AgentSlot>> {
        let mut agents = lock(&self.agents);
        agents.retain(|_, slot| !slot.is_forgotten(now));
        agents.values().cloned().collect()
    }

    /// One shard, linked or lost not long ago.
    pub fn agent(&self, shard: &ShardId) -> Option<Arc<AgentSlot>> {
        lock(&self.agents).get(shard).cloned()
    }

    /// A shard was let in.
    pub fn agent_joined(&self, slot: Arc<AgentSlot>) {
        let mut agents = lock(&self.agents);
        if let Some(former) = agents.get(&slot.shard) {
            slot.succeed(former);
        }
        agents.insert(slot.shard.clone(), slot);
    }

    /// A shard has lost its link.
    pub fn agent_lost(&self, shard: &ShardId, now: Tick) {
        if let Some(slot) = lock(&self.agents).get(shard) {
            slot.lose(now);
        }
    }

    /// A shard has left of its own will.
    pub fn agent_left(&self, shard: &ShardId) {
        lock(&self.agents).remove(shard);
    }

    /// The credentials of the inventory, by name.
    pub fn credentials(&self) -> Arc<Vec<CredentialView>> {
        self.credentials.load_full()
    }

    /// Sets what is shown of credentials.
    pub fn set_credentials(&self, credentials: Vec<CredentialView>) {
        self.credentials.store(Arc::new(credentials));
    }

    /// What the core tells of itself.
    pub fn core(&self) -> CoreState {
        lock(&self.core).clone()
    }

    /// Sets what the core tells of itself.
    pub fn set_core(&self, state: CoreState) {
        *lock(&self.core) = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_device_that_stays_keeps_its_state_and_one_that_leaves_is_marked() {
        let board = Board::default();
        board.set_inventory(&testing::inventory([("a", 22), ("b", 22)]));
        let (a, b) = (board.device("a").unwrap(), board.device("b").unwrap());
        board.set_inventory(&testing::inventory([("a", 23), ("c", 22)]));
        assert!(Arc::ptr_eq(&a, &board.device("a").unwrap()));
        assert!(!a.has_left() && b.has_left());
        assert!(board.device("b").is_none() && board.device("c").is_some());
    }
}
