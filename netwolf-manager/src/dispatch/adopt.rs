//! What a shard brings along when it links: taken over, brought up to date or taken away from it.

use std::collections::{BTreeSet, HashMap};

use netwolf_wire::{
    DeviceName, Epoch, ShardId,
    message::{Hello, Running},
};

use super::Dispatcher;
use crate::{fleet::MemberNo, lease::Adoption};

impl Dispatcher {
    /// Takes over what a shard says it runs, and nothing else.
    pub(super) fn adopt(
        &mut self,
        member: MemberNo,
        shard: &ShardId,
        hello: &Hello,
        highest: Epoch,
    ) {
        let runs: HashMap<&DeviceName, _> = hello
            .running
            .iter()
            .map(|running| (&running.device, running))
            .collect();
        let lost: Vec<_> = self
            .leases
            .of_holder(member)
            .filter(|d| !runs.contains_key(d))
            .cloned()
            .collect();
        for device in lost {
            // It never got the message, or has aged the job out: either way it does not run it.
            self.leases.release(&device, member);
            self.show(&device);
            self.reconcile(&device);
        }
        for running in &hello.running {
            self.adopt_one(member, shard, running, highest);
        }
    }

    fn adopt_one(&mut self, member: MemberNo, shard: &ShardId, running: &Running, highest: Epoch) {
        let device = &running.device;
        let lease = match self.leases.adopt(device, member, running.epoch, highest) {
            Adoption::Held(lease) => {
                self.totals.adoptions += 1;
                lease
            }
            Adoption::Superseded { now, before } => {
                if let Some(other) = self.fleet.link_of(before.holder) {
                    self.outbox(other)
                        .revoke
                        .push((device.clone(), before.epoch));
                }
                now
            }
            Adoption::Outdated => {
                self.outbox_of(member)
                    .revoke
                    .push((device.clone(), running.epoch));
                return;
            }
        };
        self.show(device);
        if lease.revoking {
            self.outbox_of(member)
                .revoke
                .push((device.clone(), lease.epoch));
            return;
        }
        let Some(wanted) = self.inventory.devices.get(device) else {
            self.revoke(device);
            return;
        };
        let is_current = wanted.digest == running.job;
        if !self.fleet.is_settled() || !self.has_living_target(device) {
            self.targets.insert(device.clone(), shard.clone());
        }
        if !is_current {
            self.grant(device, member);
        }
        self.reconcile(device);
    }

    fn has_living_target(&self, device: &DeviceName) -> bool {
        self.targets
            .get(device)
            .is_some_and(|shard| self.fleet.linked(shard).is_some())
    }

    /// Grants what was placed on a shard while it had no link.
    pub(super) fn grant_waiting(&mut self, shard: &ShardId) {
        let is_waiting = |device: &DeviceName| self.leases.get(device.as_str()).is_none();
        let waiting: BTreeSet<_> = self
            .targets
            .iter()
            .filter(|(device, target)| *target == shard && is_waiting(device))
            .map(|(device, _)| device.clone())
            .collect();
        for device in &waiting {
            self.reconcile(device);
        }
    }
}
