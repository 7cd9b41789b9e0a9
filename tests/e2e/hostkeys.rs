//! A device whose host key changes while it is watched: seen, said, and never let in by trying again.

use std::{fmt::Write as _, fs, net::Ipv4Addr, path::Path, process::Command};

use netwolf_simulator::{Bind, FleetConfig};

use crate::{
    lab::{self, Devices, Manager, PASSWORD, PATIENCE, eventually},
    metrics_server::Prometheus,
};

/// All of 127.0.0.0/8 is this machine, so devices that are replaced find their addresses free.
const FIRST: Ipv4Addr = Ipv4Addr::new(127, 61, 0, 1);

/// Three devices at fixed addresses, whose host key follows from `seed`; `port` 0 takes a free one.
fn devices(seed: u64, port: u16) -> Devices {
    let mut config = FleetConfig::new(3, "netwolf", PASSWORD);
    config.seed = seed;
    config.bind = Bind::Addresses { first: FIRST, port };
    Devices::of(config)
}

/// What `ssh-keyscan` says of a device, as lines of a `known_hosts` file.
fn keyscan(devices: &Devices, name: &str) -> String {
    let address = devices.fleet().device(name).unwrap().address();
    let output = Command::new("ssh-keyscan")
        .args(["-p", &address.port().to_string()])
        .arg(address.ip().to_string())
        .output()
        .unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    assert!(
        lines.contains(&format!("[{}]:{}", address.ip(), address.port())),
        "{lines:?}"
    );
    lines
}

/// One device for each way to know a host key: pinned, in a file, and the first one seen.
fn configuration(folder: &Path, devices: &Devices, known_hosts: &Path) -> std::path::PathBuf {
    let fleet = devices.fleet();
    let trust = [
        ("pinned", format!("host_key: \"{}\"", fleet.host_key())),
        (
            "listed",
            format!("known_hosts: \"{}\"", known_hosts.display()),
        ),
        ("first-seen", "host_key: accept-new".into()),
    ];
    let mut inventory = String::from("devices:\n");
    for (device, (name, trust)) in fleet.devices().iter().zip(trust) {
        writeln!(
            inventory,
            "  - {{ name: {name}, address: {}, port: {}, platform: cisco_ios, {trust} }}",
            device.address().ip(),
            device.address().port(),
        )
        .unwrap();
    }
    lab::configuration(folder, &inventory)
}

/// Has every device tried three times more. By itself the next try is a minute away; a job that has changed is tried
/// at once.
fn try_again(manager: &Manager, config: &Path, devices: &Devices) {
    let text = fs::read_to_string(config).unwrap();
    for round in 1..=3_u64 {
        let seconds = format!("connect_timeout: {}s, interval: 1s,", 10 + round);
        fs::write(config, text.replace("interval: 1s,", &seconds)).unwrap();
        manager.reload().unwrap();
        eventually(PATIENCE, "every device was tried again", || {
            let tries: Vec<_> = devices
                .fleet()
                .devices()
                .iter()
                .map(netwolf_simulator::DeviceHandle::connections)
                .collect();
            if tries.iter().all(|tries| *tries > round) {
                Ok(())
            } else {
                Err(format!("{tries:?}"))
            }
        });
    }
    eventually(PATIENCE, "all have failed once more", || {
        let page = manager.metrics()?;
        let failed = page
            .series(
                "netwolf_device_failure_info",
                &["reason=\"host_key_mismatch\""],
            )
            .count();
        if failed == 3 {
            Ok(())
        } else {
            Err(format!("{failed} of 3"))
        }
    });
}

#[test]
fn a_changed_host_key_is_seen_and_said_and_never_tried_into_acceptance() {
    if lab::have("ssh-keyscan", "openssh-client").is_none() {
        return;
    }
    let folder = lab::folder();
    let before = devices(1, 0);
    let port = before.fleet().first_address().unwrap().port();
    let known_hosts = folder.path().join("known_hosts");
    fs::write(&known_hosts, keyscan(&before, "sim-0002")).unwrap();
    let config = configuration(folder.path(), &before, &known_hosts);
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 1, folder.path());
    lab::wait_until_up(&manager.web, 3.0);
    let page = manager.metrics().unwrap();
    assert_eq!(page.sum("netwolf_device_host_key_mismatch"), 0.0);
    let prometheus = Prometheus::start(&manager.web, folder.path());

    // Other machines at the same addresses, who would take the password.
    let old_key = before.fleet().host_key().to_owned();
    drop(before);
    let after = devices(2, port);
    let new_key = after.fleet().host_key().to_owned();
    assert_ne!(old_key, new_key);
    for name in ["pinned", "listed", "first-seen"] {
        let device = eventually(PATIENCE, &format!("{name} is not trusted"), || {
            let device = manager.device(name)?;
            if device["failure"]["reason"] == "host_key_mismatch" {
                Ok(device)
            } else {
                Err(device.to_string())
            }
        });
        assert_eq!(device["up"], false, "{device}");
        let said = device["failure"]["message"].as_str().unwrap();
        assert!(said.contains(&new_key), "{name}: {said}");
        assert!(
            device["failure"]["hint"].is_string(),
            "{name}: no way out in {device}"
        );
    }
    try_again(&manager, &config, &after);
    let page = manager.metrics().unwrap();
    for name in ["pinned", "listed", "first-seen"] {
        let value = |family: &str| page.value(&format!("{family}{{device=\"{name}\"}}"));
        assert_eq!(value("netwolf_device_host_key_mismatch"), Some(1.0));
        assert_eq!(value("netwolf_device_up"), Some(0.0));
    }
    let totals = after.fleet().totals();
    assert_eq!(
        (totals.logins, totals.login_failures),
        (0, 0),
        "nothing was offered to a stranger, not even a wrong password"
    );
    if let Some(prometheus) = prometheus {
        eventually(PATIENCE, "the alert for every device", || {
            let alerts = prometheus.query("ALERTS{alertname=\"NetWolfHostKeyMismatch\"}")?;
            if alerts.len() == 3 {
                Ok(())
            } else {
                Err(format!("{alerts:?}"))
            }
        });
    }

    // A person has looked at the new keys: what was written down is replaced, and only that counts.
    fs::write(&known_hosts, keyscan(&after, "sim-0002")).unwrap();
    configuration(folder.path(), &after, &known_hosts);
    manager.reload().unwrap();
    lab::wait_until_up(&manager.web, 2.0);
    let logins = |name| after.fleet().device(name).unwrap().logins();
    assert_eq!(
        (logins("sim-0001"), logins("sim-0002"), logins("sim-0003")),
        (1, 1, 0),
        "the key that was seen first stays the only one for as long as the agent runs"
    );
    assert_eq!(after.fleet().totals().login_failures, 0);
}

#[test]
fn a_device_that_nobody_vouches_for_is_not_logged_in_to() {
    let folder = lab::folder();
    let devices = devices(3, 0);
    let known_hosts = folder.path().join("known_hosts");
    fs::write(&known_hosts, "# nobody yet\n").unwrap();
    let config = configuration(folder.path(), &devices, &known_hosts);
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 1, folder.path());
    lab::wait_until_up(&manager.web, 2.0);
    let said = eventually(PATIENCE, "an unknown key", || {
        let device = manager.device("listed")?;
        if device["failure"]["reason"] == "host_key_unknown" {
            Ok(device["failure"].to_string())
        } else {
            Err(device.to_string())
        }
    });
    assert!(said.contains(devices.fleet().host_key()), "{said}");
    let page = manager.metrics().unwrap();
    assert_eq!(
        page.sum("netwolf_device_host_key_mismatch"),
        0.0,
        "an unknown key is no changed key"
    );
    assert_eq!(devices.fleet().device("sim-0002").unwrap().logins(), 0);
}
