//! Where every device belongs, and the step that brings it nearer to there.

use std::collections::HashMap;

use netwolf_wire::{DeviceName, ShardId};

use super::{Dispatcher, sites};
use crate::{
    fleet::{MemberNo, Place},
    placement::{DeviceKey, Shard},
};

/// [`crate::placement::solve`] or [`crate::placement::extend`].
pub(super) type Placement = fn(&[DeviceKey], &[Shard], &[Option<usize>]) -> Vec<Option<usize>>;

impl Dispatcher {
    /// Places devices anew and brings every one nearer to its place.
    pub(super) fn place(&mut self, placement: Placement) {
        let shards: Vec<(ShardId, Place)> = self
            .fleet
            .places()
            .map(|(shard, place)| (shard.clone(), place.clone()))
            .collect();
        let index: HashMap<&ShardId, usize> = shards
            .iter()
            .enumerate()
            .map(|(at, (shard, _))| (shard, at))
            .collect();
        let inventory = self.inventory.clone();
        let at = |device: &DeviceName| index.get(self.targets.get(device)?).copied();
        let placed = sites::place(&inventory, &shards, at, placement);
        self.targets = inventory
            .devices
            .keys()
            .zip(placed)
            .filter_map(|(device, shard)| Some((device.clone(), shards[shard?].0.clone())))
            .collect();
        for device in inventory.devices.keys() {
            self.reconcile(device);
        }
    }

    /// Brings one device a step nearer to where placement wants it.
    pub(super) fn reconcile(&mut self, device: &DeviceName) {
        let wanted = self.inventory.devices.contains_key(device);
        match self.leases.get(device.as_str()) {
            Some(lease) if lease.revoking => {}
            Some(_) if !wanted => {
                self.revoke(device);
            }
            Some(lease) => {
                let (Some(target), Some(at)) =
                    (self.targets.get(device), self.fleet.shard_of(lease.holder))
                else {
                    return;
                };
                // Not before the other shard can take it, or the move would make a gap.
                let may_move = target != at
                    && self.fleet.linked(target).is_some()
                    && self.fleet.link_of(lease.holder).is_some();
                if may_move && self.moves.begin(device, self.now) && self.revoke(device) {
                    self.totals.moves += 1;
                }
            }
            None if wanted && !self.fences.has(device) => {
                let target = self.targets.get(device);
                if let Some((member, _)) = target.and_then(|shard| self.fleet.linked(shard)) {
                    self.grant(device, member);
                }
            }
            None => {}
        }
    }

    /// Grants a device of the inventory to a member that has it already or whose link stands.
    pub(super) fn grant(&mut self, device: &DeviceName, member: MemberNo) {
        let job = self.inventory.devices[device].job.clone();
        let epoch = self
            .leases
            .grant(device, member)
            .expect("nobody else holds it");
        self.totals.grants += 1;
        self.show(device);
        self.outbox_of(member)
            .assign
            .push(netwolf_wire::message::Lease { epoch, job });
    }

    /// Tells the holder to give a device up; false where nobody can be told, so that nothing is begun.
    pub(super) fn revoke(&mut self, device: &DeviceName) -> bool {
        let link = self
            .leases
            .get(device.as_str())
            .and_then(|l| self.fleet.link_of(l.holder));
        let Some(link) = link else { return false };
        let Some(lease) = self.leases.revoke(device) else {
            return false;
        };
        self.outbox(link).revoke.push((device.clone(), lease.epoch));
        true
    }
}
