//! What is to be polled: every device with its job, and the plans that jobs share.
//!
//! An inventory is made whole from the configuration and never changed; a reload makes another one, and
//! [`Inventory::changes`] says which devices it touches. Files on disk are watched by [`watch`].

pub mod catalogue;
mod plan;
pub mod watch;

use std::{collections::BTreeMap, sync::Arc};

use netwolf_runs::selection::Candidate;
use netwolf_wire::{
    DeviceName, Span,
    hash::Digest,
    job::{Job, Plan},
    target::Login,
};

pub use catalogue::Catalogue;
pub(crate) use plan::{PlanKey, Planner};

/// All devices of one configuration, and their plans.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// By name.
    pub devices: BTreeMap<DeviceName, Device>,
    /// By digest. Devices with the same platform, collectors and intervals share one.
    pub plans: BTreeMap<Digest, Arc<Plan>>,
    /// What the collectors of the devices make.
    pub catalogue: Arc<Catalogue>,
}

/// One device as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What an agent is given.
    pub job: Arc<Job>,
    /// The job's digest, reckoned once.
    pub digest: Digest,
    /// The platform's name.
    pub platform: String,
    /// The group that the device takes settings from.
    pub group: Option<String>,
    /// For people and for joins in Prometheus: those of the defaults, the group and the device together.
    pub labels: BTreeMap<String, String>,
    /// The collectors that run on it, sorted.
    pub collectors: Vec<String>,
    /// The shortest interval of its commands: after some of these without a result the device is silent.
    pub interval: Span,
}

impl Device {
    /// The device called `name`, as a selection looks at it.
    pub fn candidate<'a>(&'a self, name: &'a DeviceName) -> Candidate<'a> {
        Candidate {
            name: name.as_str(),
            platform: &self.platform,
            group: self.group.as_deref(),
            labels: &self.labels,
        }
    }

    /// The credentials that a login needs: the device's own, and that of the machine it is reached through.
    pub fn logins(&self) -> impl Iterator<Item = &Login> {
        let target = &self.job.target;
        let jump = target.jump.as_deref().map(|jump| &jump.login);
        std::iter::once(&target.login).chain(jump)
    }
}

/// What differs between two inventories, each list sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// In the new one only.
    pub added: Vec<DeviceName>,
    /// In the old one only.
    pub removed: Vec<DeviceName>,
    /// In both, with another job. A change of labels alone is none: it needs no new lease.
    pub changed: Vec<DeviceName>,
}

impl Changes {
    /// Whether no lease is touched.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

impl Inventory {
    /// Which devices need another lease, or none any more, when `new` takes the place of `old`.
    pub fn changes(old: &Self, new: &Self) -> Changes {
        let mut changes = Changes::default();
        for (name, device) in &new.devices {
            match old.devices.get(name) {
                None => changes.added.push(name.clone()),
                Some(before) if before.digest != device.digest => {
                    changes.changed.push(name.clone());
                }
                Some(_) => {}
            }
        }
        changes.removed = old
            .devices
            .keys()
            .filter(|name| !new.devices.contains_key(*name))
            .cloned()
            .collect();
        changes
    }
}

#[cfg(test)]
mod tests;
