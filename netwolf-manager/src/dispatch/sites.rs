//! Devices are polled from their own site, where a shard is there.
//!
//! ```text
//!   label site: ams --> shards of --site ams      each site placed and balanced by itself
//!   label site: fra --> shards of --site fra
//!   the others -------> shards of no site, or all where there is none such
//! ```
//!
//! A site whose last shard is lost is polled by the others until one is back: a gap would be worse.

use std::collections::BTreeMap;

use netwolf_wire::{DeviceName, ShardId};

use super::reconcile::Placement;
use crate::{
    fleet::Place,
    inventory::{Device, Inventory},
    placement::{DeviceKey, Shard},
};

/// The label of a device that says where it is.
const LABEL: &str = "site";

fn site_of(device: &Device) -> Option<&str> {
    device.labels.get(LABEL).map(String::as_str)
}

/// Whether a device that both have is said to be elsewhere.
pub(super) fn have_changed(old: &Inventory, new: &Inventory) -> bool {
    new.devices.iter().any(|(name, device)| {
        let before = old.devices.get(name);
        before.is_some_and(|before| site_of(before) != site_of(device))
    })
}

/// Places the devices of an inventory, each site by itself; `at` tells where a device was. The answer holds the index
/// of a shard for each device, `None` only without shards.
pub(super) fn place(
    inventory: &Inventory,
    shards: &[(ShardId, Place)],
    at: impl Fn(&DeviceName) -> Option<usize>,
    placement: Placement,
) -> Vec<Option<usize>> {
    let has_shards = |site: &str| {
        let of_site = |(_, place): &(ShardId, Place)| place.site.as_deref() == Some(site);
        shards.iter().any(of_site)
    };
    let mut by_site: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for (index, device) in inventory.devices.values().enumerate() {
        let site = site_of(device).filter(|site| has_shards(site));
        by_site.entry(site).or_default().push(index);
    }
    let devices: Vec<(&DeviceName, DeviceKey)> = inventory
        .devices
        .keys()
        .map(|name| (name, DeviceKey::of(name)))
        .collect();
    let mut placed = vec![None; devices.len()];
    for (site, indices) in by_site {
        let is_of = |place: &Place| place.site.as_deref() == site;
        let some_are = shards.iter().any(|(_, place)| is_of(place));
        let (here, shards): (Vec<usize>, Vec<Shard>) = shards
            .iter()
            .enumerate()
            .filter(|(_, (_, place))| is_of(place) || !some_are)
            .map(|(index, (shard, place))| (index, Shard::of(shard, place.size)))
            .unzip();
        let keys: Vec<_> = indices.iter().map(|index| devices[*index].1).collect();
        let previous: Vec<_> = indices
            .iter()
            .map(|index| here.binary_search(&at(devices[*index].0)?).ok())
            .collect();
        let answer = placement(&keys, &shards, &previous);
        for (index, shard) in indices.into_iter().zip(answer) {
            placed[index] = shard.map(|shard| here[shard]);
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{placement::solve, testing};

    fn shard(agent: &str, at: Option<&str>, size: u16) -> (ShardId, Place) {
        let shard = ShardId {
            agent: agent.parse().unwrap(),
            index: 0,
        };
        let place = Place {
            site: at.map(str::to_owned),
            size,
        };
        (shard, place)
    }

    /// Twelve devices: four of `ams`, four of `fra`, four of none.
    fn fleet() -> Inventory {
        let names: Vec<_> = (0..12).map(|n| format!("sw-{n:02}")).collect();
        let mut inventory = testing::inventory(names.iter().map(|name| (name.as_str(), 22)));
        let sites = [Some("ams"), Some("fra"), None];
        for (device, site) in inventory
            .devices
            .values_mut()
            .zip(sites.into_iter().cycle())
        {
            let label = site.map(|site| (LABEL.to_owned(), site.to_owned()));
            device.labels = label.into_iter().collect();
        }
        inventory
    }

    fn agents(inventory: &Inventory, shards: &[(ShardId, Place)]) -> Vec<String> {
        let placed = place(inventory, shards, |_| None, solve);
        let agent = |shard: Option<usize>| shards[shard.unwrap()].0.agent.to_string();
        placed.into_iter().map(agent).collect()
    }

    #[test]
    fn devices_are_placed_on_the_shards_of_their_site() {
        let shards = [
            shard("a", Some("ams"), 1),
            shard("f", Some("fra"), 1),
            shard("x", None, 1),
        ];
        let agents = agents(&fleet(), &shards);
        assert_eq!(agents, ["a", "f", "x"].repeat(4));
    }

    #[test]
    fn a_site_without_a_shard_is_polled_by_those_of_no_site() {
        let shards = [shard("a", Some("ams"), 1), shard("x", None, 1)];
        assert_eq!(agents(&fleet(), &shards), ["a", "x", "x"].repeat(4));
    }

    #[test]
    fn devices_of_no_site_go_to_all_where_every_shard_has_one() {
        let shards = [shard("a", Some("ams"), 1), shard("f", Some("fra"), 1)];
        let agents = agents(&fleet(), &shards);
        for (n, agent) in agents.iter().enumerate() {
            assert!(n % 3 == 2 || agent == ["a", "f"][n % 3], "{agents:?}");
        }
        let others: Vec<_> = agents.iter().skip(2).step_by(3).collect();
        assert!(others.contains(&&"a".to_owned()) && others.contains(&&"f".to_owned()));
    }

    #[test]
    fn a_device_that_is_said_to_be_elsewhere_is_seen() {
        let (old, mut new) = (fleet(), fleet());
        assert!(!have_changed(&old, &new));
        let device = new.devices.values_mut().next().unwrap();
        device.labels.insert(LABEL.into(), "fra".into());
        assert!(have_changed(&old, &new));
    }
}
