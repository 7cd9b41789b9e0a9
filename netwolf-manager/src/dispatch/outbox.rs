//! What waits to be told to one shard, cut into messages that stay well under the frame limit.

use std::collections::HashSet;

use netwolf_wire::{
    DeviceName, Epoch,
    hash::Digest,
    message::{Assign, Lease, Plans, Revoke, ToAgent},
};

use crate::inventory::Inventory;

/// Leases in a message: a job is some hundreds of bytes, so a message is a tenth of the frame limit.
const ASSIGN_BATCH: usize = 500;

/// Leases in a revocation, which is a name and a number each.
const REVOKE_BATCH: usize = 2_000;

/// Plans in a message: one is as long as its rules, some tens of kilobytes.
const PLAN_BATCH: usize = 8;

/// One link's messages to be.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// New leases.
    pub(super) assign: Vec<Lease>,
    /// Leases to be given up.
    pub(super) revoke: Vec<(DeviceName, Epoch)>,
    plans_sent: HashSet<Digest>,
}

impl Outbox {
    /// Sends everything: plans before the leases that name them, and leases before revocations, since one may
    /// be of a lease that was granted a moment ago and has not left yet.
    pub(super) fn flush(&mut self, inventory: &Inventory, mut send: impl FnMut(ToAgent)) {
        let mut plans = Vec::new();
        for lease in &self.assign {
            if self.plans_sent.insert(lease.job.plan) {
                let plan = inventory.plans.get(&lease.job.plan);
                let plan = plan
                    .expect("an inventory holds the plans of its jobs")
                    .clone();
                plans.push((lease.job.plan, plan));
            }
        }
        for plans in plans.chunks(PLAN_BATCH) {
            send(
                Plans {
                    plans: plans.to_vec(),
                }
                .into(),
            );
        }
        for leases in std::mem::take(&mut self.assign).chunks(ASSIGN_BATCH) {
            send(
                Assign {
                    leases: leases.to_vec(),
                }
                .into(),
            );
        }
        for leases in std::mem::take(&mut self.revoke).chunks(REVOKE_BATCH) {
            send(
                Revoke {
                    leases: leases.to_vec(),
                }
                .into(),
            );
        }
    }
}
