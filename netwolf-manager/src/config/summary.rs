//! What a configuration comes to, for people who check it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::inventory::Inventory;

/// Counts of a configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// All devices.
    pub devices: usize,
    /// By platform, with the collectors that run on its devices.
    pub platforms: BTreeMap<String, PlatformSummary>,
    /// Groups that devices are in.
    pub groups: usize,
    /// Credentials that devices and jump hosts are logged in with.
    pub credentials: usize,
    /// Commands that are run each second, over the whole fleet.
    pub polls_per_second: f64,
}

/// Counts of one platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlatformSummary {
    /// Its devices.
    pub devices: usize,
    /// The collectors of all of them together.
    pub collectors: BTreeSet<String>,
}

impl Summary {
    pub(super) fn of(inventory: &Inventory) -> Self {
        let mut summary = Self {
            devices: inventory.devices.len(),
            ..Self::default()
        };
        let (mut groups, mut credentials) = (BTreeSet::new(), BTreeSet::new());
        for device in inventory.devices.values() {
            let platform = summary
                .platforms
                .entry(device.platform.clone())
                .or_default();
            platform.devices += 1;
            for collector in &device.collectors {
                if !platform.collectors.contains(collector) {
                    platform.collectors.insert(collector.clone());
                }
            }
            groups.extend(device.group.as_deref());
            let target = &device.job.target;
            credentials.insert(target.login.credential.as_str());
            credentials.extend(
                target
                    .jump
                    .iter()
                    .map(|jump| jump.login.credential.as_str()),
            );
            if let Some(plan) = inventory.plans.get(&device.job.plan) {
                summary.polls_per_second += plan
                    .commands
                    .iter()
                    .map(|command| command.interval.get().as_secs_f64().recip())
                    .sum::<f64>();
            }
        }
        summary.groups = groups.len();
        summary.credentials = credentials.len();
        summary
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {}, {}, {:.1} polls a second",
            count(self.devices, "device"),
            count(self.groups, "group"),
            count(self.credentials, "credential"),
            self.polls_per_second,
        )?;
        let width = self
            .platforms
            .keys()
            .map(|name| name.chars().count())
            .max()
            .unwrap_or_default();
        for (name, platform) in &self.platforms {
            let collectors: Vec<&str> = platform.collectors.iter().map(String::as_str).collect();
            let devices = count(platform.devices, "device");
            write!(f, "\n  {name:width$}  {devices}: {}", collectors.join(", "))?;
        }
        Ok(())
    }
}

fn count(n: usize, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}
