//! Devices of a configuration, picked by what people type.

use std::{path::Path, sync::Arc};

use netwolf_manager::{
    config::{self, Loaded},
    inventory::Inventory,
};
use netwolf_wire::{DeviceName, job::Plan, target::Target};

use crate::{pattern, print, unknown::Unknown};

/// Names that are listed after a mistyped one.
const LISTED: usize = 8;

/// A device with all that it takes to log in.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    /// Its name.
    pub(crate) name: DeviceName,
    /// Where it is and how to log in.
    pub(crate) target: Target,
    /// How it behaves, and what it is polled for.
    pub(crate) plan: Arc<Plan>,
}

/// Reads the configuration at `path`; warnings and faults are said here.
pub(crate) fn load(path: &Path) -> Option<Loaded> {
    match config::load(path) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                print::tell!("warning: {warning}");
            }
            Some(loaded)
        }
        Err(faults) => {
            print::tell!("{faults}");
            None
        }
    }
}

/// The devices that `typed` names or matches, each once and in the order of their names; all where nothing
/// was typed.
///
/// # Errors
/// The first name or pattern that fits no device.
pub(crate) fn pick(inventory: &Inventory, typed: &[String]) -> Result<Vec<Device>, Unknown> {
    let names = || inventory.devices.keys().map(DeviceName::as_str);
    for typed in typed {
        if !names().any(|name| pattern::matches(typed, name)) {
            return Err(unknown(typed, names()));
        }
    }
    let wanted = |name: &DeviceName| {
        typed.is_empty()
            || typed
                .iter()
                .any(|typed| pattern::matches(typed, name.as_str()))
    };
    let devices = inventory.devices.iter().filter(|(name, _)| wanted(name));
    Ok(devices
        .filter_map(|(name, device)| {
            Some(Device {
                name: name.clone(),
                target: device.job.target.clone(),
                plan: inventory.plans.get(&device.job.plan)?.clone(),
            })
        })
        .collect())
}

fn unknown<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Unknown {
    if pattern::is_pattern(typed) {
        return Unknown {
            message: format!("no device of the inventory fits \"{typed}\""),
            hint: None,
        };
    }
    let mut near: Vec<&str> = names.collect();
    let all = near.len();
    if all > LISTED {
        near.retain(|name| {
            name.contains(typed) || typed.contains(name) || distance(typed, name) <= 2
        });
        near.truncate(LISTED);
    }
    Unknown {
        message: format!("unknown device \"{typed}\""),
        hint: match near.len() {
            0 if all == 0 => Some("the inventory has no devices".into()),
            0 => Some(format!(
                "the inventory has {all} devices; `netwolf devices` lists them"
            )),
            _ => Some(format!("known devices: {}", near.join(", "))),
        },
    }
}

/// How many characters have to be changed, added or taken away to make `a` of `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory() -> Inventory {
        let text = "
credentials: { lab: { username: netwolf, password: env:LAB_PASSWORD } }
defaults: { credential: lab, platform: cisco_ios, host_key: accept-new }
devices:
  - { name: core-1, address: 192.0.2.1 }
  - { name: core-2, address: 192.0.2.2 }
  - { name: sw-1, address: 192.0.2.3 }
";
        config::parse("netwolf.yml".as_ref(), text)
            .unwrap()
            .inventory
    }

    fn check(typed: &[&str], expected: Result<&[&str], (&str, &str)>) {
        let typed: Vec<String> = typed.iter().map(|typed| (*typed).into()).collect();
        let picked = pick(&inventory(), &typed);
        let names = picked.as_ref().map(|devices| {
            devices
                .iter()
                .map(|device| device.name.as_str())
                .collect::<Vec<_>>()
        });
        let fault = |unknown: &Unknown| {
            (
                unknown.message.clone(),
                unknown.hint.clone().unwrap_or_default(),
            )
        };
        assert_eq!(
            names.map_err(fault),
            expected
                .map(<[&str]>::to_vec)
                .map_err(|(message, hint)| (message.to_owned(), hint.to_owned()))
        );
    }

    #[test]
    fn devices_are_picked_by_name_and_pattern_each_once() {
        check(&[], Ok(&["core-1", "core-2", "sw-1"]));
        check(&["core-2", "core-*"], Ok(&["core-1", "core-2"]));
        check(
            &["sw-1", "core-11"],
            Err((
                "unknown device \"core-11\"",
                "known devices: core-1, core-2, sw-1",
            )),
        );
        check(
            &["edge-*"],
            Err(("no device of the inventory fits \"edge-*\"", "")),
        );
    }

    #[test]
    fn near_names_are_few_changes_away() {
        assert_eq!(distance("core-1", "core-1"), 0);
        assert_eq!(distance("croe-1", "core-1"), 2);
        assert_eq!(distance("", "abc"), 3);
    }
}
