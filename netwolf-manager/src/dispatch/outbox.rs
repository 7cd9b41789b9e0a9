//! What waits to be told to one shard, cut into messages that stay well under the frame limit.

use std::{collections::HashSet, sync::Arc};

use netwolf_wire::{
    DeviceName, Epoch,
    hash::Digest,
    job::Job,
    login::{Breaker, LoginAsk},
    message::{Assign, Breakers, Lease, Permits, Plans, Probe, Revoke, ToAgent},
    version::{self, Version},
};

use crate::inventory::Inventory;

/// Leases in a message: a job is some hundreds of bytes, so a message is a tenth of the frame limit.
const ASSIGN_BATCH: usize = 500;

/// Leases in a revocation, which is a name and a number each.
const REVOKE_BATCH: usize = 2_000;

/// Plans in a message: one is as long as its rules, some tens of kilobytes.
const PLAN_BATCH: usize = 8;

/// Breakers in a message: a text of some hundreds of bytes each.
const BREAKER_BATCH: usize = 500;

/// Permits in a message, which are two names and a number each.
const PERMIT_BATCH: usize = 2_000;

/// One link's messages to be.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// New leases.
    pub(super) assign: Vec<Lease>,
    /// Leases to be given up.
    pub(super) revoke: Vec<(DeviceName, Epoch)>,
    /// Breakers that changed; all of them for a new link.
    pub(super) breakers: Vec<Breaker>,
    /// Devices that are to try although the breaker is open.
    pub(super) probes: Vec<Probe>,
    /// Asks that are granted.
    pub(super) permits: Vec<LoginAsk>,
    plans_sent: HashSet<Digest>,
    /// What the other side speaks, where that is not what we do.
    older: Option<Version>,
}

impl Outbox {
    /// For a side that speaks `protocol`.
    pub(super) fn speaking(protocol: Version) -> Self {
        Self {
            older: (protocol < version::CURRENT).then_some(protocol),
            ..Self::default()
        }
    }

    /// `lease` in words that the other side knows.
    fn translated(&self, lease: Lease) -> Lease {
        let target = self.older.and_then(|it| lease.job.target.for_protocol(it));
        match target {
            Some(target) => {
                let job = Job {
                    target,
                    ..Job::clone(&lease.job)
                };
                Lease {
                    job: Arc::new(job),
                    ..lease
                }
            }
            None => lease,
        }
    }

    /// Sends everything: breakers first, so that nobody logs in meanwhile, plans before the leases that name them, and leases before revocations, since one may
    /// be of a lease that was granted a moment ago and has not left yet.
    pub(super) fn flush(&mut self, inventory: &Inventory, mut send: impl FnMut(ToAgent)) {
        for breakers in std::mem::take(&mut self.breakers).chunks(BREAKER_BATCH) {
            let breakers = breakers.to_vec();
            send(Breakers { breakers }.into());
        }
        let mut plans = Vec::new();
        for lease in &self.assign {
            if self.plans_sent.insert(lease.job.plan) {
                let plan = inventory.plans.get(&lease.job.plan);
                let plan = plan.expect("an inventory holds the plans of its jobs");
                let translated = self.older.and_then(|it| plan.for_protocol(it));
                let plan = translated.map_or_else(|| plan.clone(), Arc::new);
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
                    leases: leases
                        .iter()
                        .map(|lease| self.translated(lease.clone()))
                        .collect(),
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
        for probe in self.probes.drain(..) {
            send(probe.into());
        }
        for permits in std::mem::take(&mut self.permits).chunks(PERMIT_BATCH) {
            let permits = permits.to_vec();
            send(Permits { permits }.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use netwolf_wire::SecretRef;

    use super::*;
    use crate::testing;

    fn password_told_to(protocol: Version) -> SecretRef {
        let inventory = testing::inventory([("r1", 22)]);
        let mut job = Job::clone(&inventory.devices.values().next().unwrap().job);
        job.target.login.password = Some("exec:/usr/bin/vault read r1".parse().unwrap());
        let mut outbox = Outbox::speaking(protocol);
        outbox.assign.push(Lease {
            epoch: Epoch(1),
            job: Arc::new(job),
        });
        let mut told = None;
        outbox.flush(&inventory, |message| {
            if let ToAgent::Assign(assign) = message {
                told = assign.leases[0].job.target.login.password.clone();
            }
        });
        told.unwrap()
    }

    #[test]
    fn an_older_agent_is_told_of_no_secret_that_it_cannot_read() {
        assert!(matches!(
            password_told_to(version::CURRENT),
            SecretRef::Exec(_)
        ));
        let old = Version { major: 1, minor: 0 };
        assert!(matches!(password_told_to(old), SecretRef::Env(_)));
    }
}
