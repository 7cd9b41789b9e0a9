//! What a reload touches.

use std::path::Path;

use super::*;
use crate::config;

fn inventory(devices: &str) -> Inventory {
    let text = format!(
        "credentials: {{ lab: {{ username: netwolf, password: env:LAB_PASSWORD }} }}\n\
         defaults: {{ credential: lab, platform: linux }}\n\
         devices: [{devices}]\n"
    );
    config::parse(Path::new("netwolf.yml"), &text)
        .unwrap_or_else(|faults| panic!("{faults}"))
        .inventory
}

fn check(old: &str, new: &str, [added, removed, changed]: [&[&str]; 3]) {
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| DeviceName::new(name).unwrap())
            .collect()
    };
    let expected = Changes {
        added: names(added),
        removed: names(removed),
        changed: names(changed),
    };
    let found = Inventory::changes(&inventory(old), &inventory(new));
    assert_eq!(found, expected);
    assert_eq!(
        found.is_empty(),
        added.is_empty() && removed.is_empty() && changed.is_empty()
    );
}

#[test]
fn changes_are_those_of_jobs() {
    let a = "{ name: a, address: 192.0.2.1 }";
    let b = "{ name: b, address: 192.0.2.2 }";
    let both = &format!("{a}, {b}");
    check("", both, [&["a", "b"], &[], &[]]);
    check(both, b, [&[], &["a"], &[]]);
    check(both, both, [&[], &[], &[]]);
    check(both, &format!("{b}, {a}"), [&[], &[], &[]]);
    for changed in [
        "{ name: a, address: 192.0.2.9 }",
        "{ name: a, address: 192.0.2.1, interval: 2s }",
        "{ name: a, address: 192.0.2.1, collectors: [cpu] }",
        "{ name: a, address: 192.0.2.1, host_key: accept-new }",
    ] {
        check(both, &format!("{changed}, {b}"), [&[], &[], &["a"]]);
    }
    // What is said of a device without a word to the device.
    let labelled = "{ name: a, address: 192.0.2.1, labels: { site: ams }, port: 22, timeout: 5s }";
    check(both, &format!("{labelled}, {b}"), [&[], &[], &[]]);
}

#[test]
fn devices_share_the_plans_that_are_the_same() {
    let inventory = inventory(
        "{ name: a, address: 192.0.2.1 },\
         { name: b, address: 192.0.2.2, collectors: [memory, interfaces, cpu, facts] },\
         { name: c, address: 192.0.2.3, interval: 7s }",
    );
    assert_eq!(inventory.plans.len(), 2);
    let plan = |name: &str| inventory.devices[name].job.plan;
    assert_eq!(plan("a"), plan("b"));
    assert_ne!(plan("a"), plan("c"));
    for (digest, plan) in &inventory.plans {
        assert_eq!(*digest, plan.digest());
    }
    for device in inventory.devices.values() {
        assert_eq!(device.digest, device.job.digest());
    }
}
