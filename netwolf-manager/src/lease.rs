//! Who may run which device: the table of leases. No IO, no clock.
//!
//! ```text
//!            grant, adopt              revoke
//!   (none) --------------> held(e) -----------------> revoking(e)
//!     ^                     |  ^ grant: held(e')        |  | grant to the same holder: held(e')
//!     +---------------------+--+------------------------+--+
//!        revoked(e) by the holder, or the holder is gone
//! ```
//!
//! Invariants: a device has at most one live lease; epochs only go up, over restarts of the manager too: a clock
//! starts them and what was reserved before ([`LeaseTable::reserve`]) bounds them from below, so that a clock that
//! is set back makes no number twice; another holder gets a lease only from `(none)`.
//!
//! A holder is one life of a shard ([`MemberNo`]): an agent that was started again is another holder, because
//! nobody knows whether the former one has closed its sessions. When a holder is gone is decided in
//! [`crate::fleet`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use netwolf_wire::{DeviceName, Epoch};
use thiserror::Error;

use crate::fleet::MemberNo;

/// How many epochs a millisecond of wall clock is worth at the start: a manager that grants fewer leases than
/// 1,024 a millisecond starts above its past. Kept small so that epochs stay below 2^53 and survive readers
/// of JSON that know only doubles.
const EPOCHS_PER_MILLISECOND: u64 = 1 << 10;

/// No clock starts a manager above this: the rest of the numbers is there to be granted.
const CEILING: u64 = 1 << 53;

/// So far ahead of ours may the clock of a former manager have been.
const CLOCK_AHEAD_MS: u64 = 24 * 60 * 60 * 1_000;

/// Epochs that are reserved at a time: more than are granted while the storage takes a moment, and worth four
/// seconds of a clock, so that a manager that is started again and again runs ahead of its clock only when it is
/// faster than that.
const RESERVED: u64 = 1 << 22;

/// The epoch that a manager starts from.
pub fn first_epoch(unix_ms: u64) -> Epoch {
    Epoch(unix_ms.saturating_mul(EPOCHS_PER_MILLISECOND).min(CEILING))
}

/// The highest epoch that a shard may speak of and be believed: one that a manager can have granted whose
/// clock was a day ahead. To follow any number would let one shard use all of them up.
pub fn highest_epoch(unix_ms: u64) -> Epoch {
    first_epoch(unix_ms.saturating_add(CLOCK_AHEAD_MS))
}

/// A lease in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub holder: MemberNo,
    /// Its number.
    pub epoch: Epoch,
    /// Whether the holder was told to give it up.
    pub revoking: bool,
}

/// A grant that would give a device two live leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the device is leased to another shard under epoch {}", .0.epoch)]
pub struct Occupied(pub Lease);

/// What became of a lease that a shard says it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// It is in force under that shard, as it runs it.
    Held(Lease),
    /// It is in force under that shard, and the older lease of another holder ended by that.
    Superseded {
        /// What is in force now.
        now: Lease,
        /// What ended; its holder is to be told.
        before: Lease,
    },
    /// Another holder has a better claim: this one has ended.
    Outdated,
}

/// All leases of all devices.
#[derive(Debug)]
pub struct LeaseTable {
    last: Epoch,
    /// Up to here epochs may be granted without a word to the storage.
    reserved: Epoch,
    leases: HashMap<DeviceName, Lease>,
    /// The devices of each holder, sorted so that equal histories give equal messages.
    by_holder: BTreeMap<MemberNo, BTreeSet<DeviceName>>,
    n_revoking: usize,
}

impl LeaseTable {
    /// An empty table whose first lease is numbered above `start`.
    pub fn new(start: Epoch) -> Self {
        Self {
            last: start,
            reserved: start,
            leases: HashMap::new(),
            by_holder: BTreeMap::new(),
            n_revoking: 0,
        }
    }

    /// The lease in force.
    pub fn get(&self, device: &str) -> Option<Lease> {
        self.leases.get(device).copied()
    }

    /// Reserves epochs where few are left: no higher one may ever have been granted than what is returned, which
    /// is to be kept over a restart.
    pub fn reserve(&mut self) -> Option<Epoch> {
        let few = self.last.0.saturating_add(RESERVED / 2) >= self.reserved.0;
        few.then(|| {
            self.reserved = Epoch(self.last.0.saturating_add(RESERVED));
            self.reserved
        })
    }

    /// The devices of a holder.
    pub fn of_holder(&self, holder: MemberNo) -> impl Iterator<Item = &DeviceName> {
        self.by_holder.get(&holder).into_iter().flatten()
    }

    /// How many leases are held and how many are being revoked.
    pub fn counts(&self) -> (usize, usize) {
        (self.leases.len() - self.n_revoking, self.n_revoking)
    }

    /// Gives `holder` a new lease; one that it has already is replaced, also one that is being revoked.
    ///
    /// # Errors
    /// [`Occupied`] while another holder has one.
    pub fn grant(&mut self, device: &DeviceName, holder: MemberNo) -> Result<Epoch, Occupied> {
        if let Some(lease) = self
            .get(device.as_str())
            .filter(|lease| lease.holder != holder)
        {
            return Err(Occupied(lease));
        }
        self.advance();
        self.put(
            device,
            Lease {
                holder,
                epoch: self.last,
                revoking: false,
            },
        );
        Ok(self.last)
    }

    fn advance(&mut self) {
        let next = self.last.0.checked_add(1);
        self.last = Epoch(next.expect("all epochs are bounded by a clock, so they do not run out"));
    }

    /// Marks a lease as being revoked and returns it, so that the holder is told. `None` where there is no
    /// lease or it is being revoked already.
    pub fn revoke(&mut self, device: &DeviceName) -> Option<Lease> {
        let lease = self.get(device.as_str()).filter(|lease| !lease.revoking)?;
        let lease = Lease {
            revoking: true,
            ..lease
        };
        self.put(device, lease);
        Some(lease)
    }

    /// The holder says that it has given the lease up. Returns the lease that ended; `None` where it was not
    /// in force, which happens when a new one was granted to the same holder meanwhile.
    pub fn revoked(
        &mut self,
        device: &DeviceName,
        holder: MemberNo,
        epoch: Epoch,
    ) -> Option<Lease> {
        let lease = self.get(device.as_str())?;
        (lease.holder == holder && lease.epoch == epoch).then(|| self.remove(device))
    }

    /// A shard says on a new link that it runs `device` under `epoch`. That is the truth about it: where the
    /// table has a higher epoch for the same holder, the message that granted it was lost with the former link.
    ///
    /// An epoch above `highest` ([`highest_epoch`]) that this table has not granted is not followed: such a lease
    /// is in force only to be given up, because the shard would not take a lower one while it holds it.
    pub fn adopt(
        &mut self,
        device: &DeviceName,
        holder: MemberNo,
        epoch: Epoch,
        highest: Epoch,
    ) -> Adoption {
        let is_credible = epoch <= highest.max(self.last);
        if is_credible {
            self.last = self.last.max(epoch);
        }
        let lease = Lease {
            holder,
            epoch,
            revoking: !is_credible,
        };
        match self.get(device.as_str()) {
            None => {
                self.put(device, lease);
                Adoption::Held(lease)
            }
            Some(ours) if ours.holder == holder => {
                let revoking = ours.revoking || !is_credible;
                let lease = Lease { revoking, ..lease };
                self.put(device, lease);
                Adoption::Held(lease)
            }
            Some(other) if is_credible && other.epoch < epoch => {
                self.put(device, lease);
                Adoption::Superseded {
                    now: lease,
                    before: other,
                }
            }
            Some(_) => Adoption::Outdated,
        }
    }

    /// The holder does not run the device, whatever the table says.
    pub fn release(&mut self, device: &DeviceName, holder: MemberNo) -> bool {
        let held = self
            .get(device.as_str())
            .is_some_and(|lease| lease.holder == holder);
        if held {
            self.remove(device);
        }
        held
    }

    /// The holder is gone: all its leases end. Returns their devices, sorted.
    pub fn release_all(&mut self, holder: MemberNo) -> Vec<DeviceName> {
        let devices: Vec<_> = self.of_holder(holder).cloned().collect();
        for device in &devices {
            self.remove(device);
        }
        devices
    }

    fn put(&mut self, device: &DeviceName, lease: Lease) {
        debug_assert!(
            lease.epoch <= self.last || lease.revoking,
            "no epoch that may be granted again is above the counter"
        );
        if let Some(old) = self.leases.insert(device.clone(), lease) {
            self.n_revoking -= usize::from(old.revoking);
            if old.holder != lease.holder {
                self.unlist(device, old.holder);
            }
        }
        self.n_revoking += usize::from(lease.revoking);
        self.by_holder
            .entry(lease.holder)
            .or_default()
            .insert(device.clone());
    }

    fn remove(&mut self, device: &DeviceName) -> Lease {
        let lease = self.leases.remove(device).expect("callers looked it up");
        self.n_revoking -= usize::from(lease.revoking);
        self.unlist(device, lease.holder);
        lease
    }

    fn unlist(&mut self, device: &DeviceName, holder: MemberNo) {
        let devices = self
            .by_holder
            .get_mut(&holder)
            .expect("a holder of a lease is listed");
        devices.remove(device);
        if devices.is_empty() {
            self.by_holder.remove(&holder);
        }
    }
}

#[cfg(test)]
mod tests;
