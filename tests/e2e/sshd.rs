//! Real input: Debian's OpenSSH server as a device of platform `linux`, beside simulated IOS devices.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    time::{Duration, Instant},
};

use crate::{
    lab::{self, Devices, Manager, PATIENCE, eventually},
    openssh::Sshd,
};

#[test]
fn a_real_openssh_server_is_polled_every_second_beside_simulated_devices() {
    let folder = lab::folder();
    let Some(sshd) = Sshd::start(folder.path(), "") else {
        return;
    };
    let devices = Devices::start(3);
    let mut inventory = devices.inventory();
    writeln!(
        inventory,
        "  - {{ name: server-1, address: 127.0.0.1, port: {}, platform: linux, credential: server, \
         collectors: [facts, cpu, memory], host_key: \"{}\" }}",
        sshd.port, sshd.host_key
    )
    .unwrap();
    let config = lab::configuration(folder.path(), &inventory);
    let text = fs::read_to_string(&config).unwrap();
    let credential = format!(
        "  server: {{ username: {}, private_key: \"file:{}\" }}\n",
        sshd.user,
        sshd.user_key.display()
    );
    fs::write(
        &config,
        text.replace("devices:", &format!("{credential}devices:")),
    )
    .unwrap();

    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 1, folder.path());
    let uptime = || -> Result<f64, String> {
        manager
            .metrics()?
            .value("netwolf_device_uptime_seconds{device=\"server-1\"}")
            .ok_or_else(|| "no uptime".into())
    };
    let first = eventually(PATIENCE, "the server's uptime", &uptime);

    // The load, CPU time and memory of the machine that this test runs on, over its own sshd.
    let page = manager.metrics().unwrap();
    let server = ["device=\"server-1\""];
    for family in [
        "netwolf_load_average",
        "netwolf_cpu_seconds_total",
        "netwolf_memory_total_bytes",
    ] {
        assert!(
            page.series(family, &server).count() > 0,
            "no {family} of the server"
        );
    }
    let total = page
        .series("netwolf_memory_total_bytes", &server)
        .map(|(_, value)| value)
        .sum::<f64>();
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap();
    let kib: f64 = meminfo
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        (total - kib * 1024.0).abs() < 1.0,
        "{total} against {kib} KiB"
    );

    // Five seconds of polls: the CPU time moves with each of them.
    let start = Instant::now();
    let mut seen = BTreeSet::new();
    eventually(PATIENCE, "five polls in five different seconds", || {
        let page = manager.metrics()?;
        let key = format!(
            "netwolf_device_last_success_timestamp_seconds{{{}}}",
            server[0]
        );
        if let Some(time) = page.value(&key) {
            seen.insert(format!("{time:.1}"));
        }
        if seen.len() >= 5 && start.elapsed() >= Duration::from_secs(4) {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    });
    assert!(manager.device("server-1").unwrap()["state"] == "up");
    assert_eq!(
        manager.metrics().unwrap().sum("netwolf_device_up"),
        4.0,
        "the simulated devices beside it are up as well"
    );
    assert!(uptime().unwrap() >= first);
}
