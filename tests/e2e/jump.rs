//! Devices behind a jump host, which is Debian's OpenSSH server: one login there, however many devices.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use crate::{
    lab::{self, Devices, Manager, PATIENCE, eventually},
    openssh::Sshd,
};

const DEVICES: usize = 50;

/// The devices, reachable by way of `sshd` alone as far as the configuration says.
fn configuration(folder: &Path, devices: &Devices, sshd: &Sshd) -> std::path::PathBuf {
    let config = lab::configuration(
        folder,
        &format!("devices:\n{}", devices.entries(", jump_host: bastion")),
    );
    let text = fs::read_to_string(&config).unwrap();
    let mut more = String::new();
    writeln!(
        more,
        "  bastion: {{ username: {}, private_key: \"file:{}\" }}\n\
         jump_hosts:\n  bastion: {{ address: 127.0.0.1, port: {}, credential: bastion, host_key: \"{}\" }}",
        sshd.user,
        sshd.user_key.display(),
        sshd.port,
        sshd.host_key,
    )
    .unwrap();
    fs::write(&config, text.replace("devices:\n", &(more + "devices:\n"))).unwrap();
    config
}

#[test]
fn fifty_devices_behind_a_jump_host_cost_one_login_there_and_one_more_when_it_reboots() {
    let folder = lab::folder();
    let Some(sshd) = Sshd::start(folder.path(), "AllowTcpForwarding yes") else {
        return;
    };
    let devices = Devices::start(DEVICES);
    let config = configuration(folder.path(), &devices, &sshd);
    let manager = Manager::start(&config, folder.path());
    // Two shards: the connection belongs to the agent, not to one of its cores.
    let _agent = manager.agent("a1", 2, folder.path());
    lab::wait_until_up(&manager.web, 50.0);
    assert_eq!((sshd.logins(), sshd.refusals()), (1, 0));
    assert_eq!(devices.fleet().totals().logins, DEVICES as u64);
    let before = manager.metrics().unwrap().cpu_by_device();
    eventually(PATIENCE, "polls of all through the one connection", || {
        let moved = lab::moved(&before, &manager.metrics()?.cpu_by_device());
        if moved >= DEVICES - 5 {
            Ok(())
        } else {
            Err(format!("{moved} loads have moved"))
        }
    });

    // All sessions break with it, and come back over one new connection.
    sshd.cut_connections();
    eventually(PATIENCE, "a second login of every device", || {
        let logins = devices.fleet().totals().logins;
        if logins >= 2 * DEVICES as u64 {
            Ok(())
        } else {
            Err(format!("{logins} logins"))
        }
    });
    lab::wait_until_up(&manager.web, 50.0);
    assert_eq!(
        (sshd.logins(), sshd.refusals()),
        (2, 0),
        "once for all devices"
    );

    // Without it nobody is reached, and each device says whose fault that is.
    drop(sshd);
    eventually(PATIENCE, "every device blames the jump host", || {
        let list = manager.json("/api/v1/devices")?;
        let list = list["devices"].as_array().ok_or("no list")?;
        let blamed = list
            .iter()
            .filter(|device| device["failure"]["reason"] == "jump_failed")
            .count();
        if blamed == DEVICES {
            Ok(())
        } else {
            Err(format!("{blamed} of {DEVICES}: {}", list[0]))
        }
    });
    let said = manager.device("sim-0001").unwrap()["failure"].to_string();
    assert!(said.contains("jump host"), "{said}");
}

#[test]
fn a_jump_host_that_opens_no_way_is_blamed_and_the_device_is_not() {
    let folder = lab::folder();
    let Some(sshd) = Sshd::start(folder.path(), "AllowTcpForwarding no") else {
        return;
    };
    let devices = Devices::start(2);
    let config = configuration(folder.path(), &devices, &sshd);
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 1, folder.path());
    let device = eventually(PATIENCE, "the jump host is blamed", || {
        let device = manager.device("sim-0001")?;
        if device["failure"]["reason"] == "jump_failed" {
            Ok(device)
        } else {
            Err(device.to_string())
        }
    });
    assert!(device["failure"]["hint"].is_string(), "{device}");
    assert_eq!(devices.fleet().totals().connections, 0);
    assert_eq!(
        sshd.logins(),
        1,
        "a way that is not opened is no reason to log in again"
    );
}

#[test]
fn a_device_behind_a_jump_host_is_tried_through_it() {
    let folder = lab::folder();
    let Some(sshd) = Sshd::start(folder.path(), "AllowTcpForwarding yes") else {
        return;
    };
    let devices = Devices::start(1);
    let config = configuration(folder.path(), &devices, &sshd);
    let output = Command::new(env!("CARGO_BIN_EXE_netwolf"))
        .args(["try", "sim-0001", "--config.file"])
        .arg(config)
        .output()
        .unwrap();
    let [out, said] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains(&format!(" through 127.0.0.1:{}", sshd.port)),
        "{said}"
    );
    assert!(
        out.contains("netwolf_cpu_utilization_ratio{device=\"sim-0001\""),
        "{out}"
    );
    assert_eq!((sshd.logins(), sshd.refusals()), (1, 0));
}
