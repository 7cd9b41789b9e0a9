//! What a configuration comes to, for people who check it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use netwolf_wire::Span;

use super::Loaded;
use crate::{backup, inventory::Inventory, library::Origin};

/// Counts of a configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// All devices.
    pub devices: usize,
    /// By platform, with the collectors that run on its devices.
    pub platforms: BTreeMap<String, PlatformSummary>,
    /// Groups that devices are in.
    pub groups: usize,
    /// Credentials, also those that only procedures log in with.
    pub credentials: usize,
    /// Commands that are run each second, over the whole fleet.
    pub polls_per_second: f64,
    /// Procedures, without those that NetWolf brings.
    pub procedures: usize,
    /// Those of them that may change devices.
    pub changing_procedures: usize,
    /// Where configurations are kept: of how many devices, and how often.
    pub backup: Option<(usize, Span)>,
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
    pub(super) fn of(loaded: &Loaded) -> Self {
        let (inventory, prepared) = (&loaded.inventory, &loaded.prepared);
        let own = prepared.procedures.values();
        let own = own.filter(|entry| matches!(entry.origin, Origin::File(_)));
        let backup = loaded.settings.backup.as_ref();
        let mut summary = Self {
            devices: inventory.devices.len(),
            credentials: prepared.logins.len(),
            procedures: own.clone().count(),
            changing_procedures: own.filter(|entry| entry.procedure.changes).count(),
            backup: backup.map(|backup| backed_up(inventory, backup)),
            ..Self::default()
        };
        let mut groups = BTreeSet::new();
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
            if let Some(plan) = inventory.plans.get(&device.job.plan) {
                summary.polls_per_second += plan
                    .commands
                    .iter()
                    .map(|command| command.interval.get().as_secs_f64().recip())
                    .sum::<f64>();
            }
        }
        summary.groups = groups.len();
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
        if self.procedures > 0 {
            write!(f, ", {}", count(self.procedures, "procedure"))?;
            match (self.changing_procedures, self.procedures) {
                (0, _) => {}
                (1, 1) => f.write_str(" that changes devices")?,
                (all, procedures) if all == procedures => f.write_str(" that change devices")?,
                (some, _) => write!(f, " of which {some} may change devices")?,
            }
        }
        if let Some((devices, every)) = self.backup {
            write!(
                f,
                ", a backup of {} {}",
                count(devices, "device"),
                how_often(every)
            )?;
        }
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

/// A rhythm as people say it: days are said, and shorter ones are as they are written.
fn how_often(every: Span) -> String {
    const DAY_SECS: u64 = 24 * 60 * 60;
    let time = every.get();
    let days = time.as_secs() / DAY_SECS;
    match days {
        1.. if time == Duration::from_secs(days * DAY_SECS) => match days {
            1 => "daily".into(),
            7 => "weekly".into(),
            _ => format!("every {days} days"),
        },
        _ => format!("every {every}"),
    }
}

/// How many devices are selected, and how often.
fn backed_up(inventory: &Inventory, backup: &backup::Settings) -> (usize, Span) {
    let selected = inventory.devices.iter().filter(|(name, device)| {
        let candidate = device.candidate(name);
        backup.selections.iter().any(|it| it.selects(&candidate))
    });
    let n_devices = selected.count();
    (n_devices, Span::from(backup.every))
}

fn count(n: usize, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}
