//! Devices of every family in one fleet, behind one manager and one agent: their values, and what their lives do
//! to their sessions.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use netwolf_simulator::{DeviceHandle, FleetConfig, Manner, Scenario};

use crate::lab::{self, Devices, Manager, PASSWORD, PATIENCE, eventually, label};

/// What shows how busy a device is: platform, command, and where the percentage stands in its output.
const LOADS: &[(&str, &str, &str)] = &[
    (
        "cisco_ios",
        "show processes cpu",
        r"five seconds: +(?P<load>\d+)%",
    ),
    (
        "cisco_iosxe",
        "show processes cpu",
        r"five seconds: +(?P<load>\d+)%",
    ),
    (
        "cisco_nxos",
        "show system resources",
        r"(?m)^CPU states +: +(?P<load>[\d.]+)% user",
    ),
    (
        "cisco_iosxr",
        "show processes cpu",
        r"one minute: (?P<load>\d+)%",
    ),
    ("cisco_asa", "show cpu usage", r"5 seconds = (?P<load>\d+)%"),
    (
        "arista_eos",
        "show processes top once",
        r"(?m)^%Cpu\(s\): +(?P<load>[\d.]+) us",
    ),
    (
        "juniper_junos",
        "show chassis routing-engine",
        r"(?m)^ +User +(?P<load>\d+) percent",
    ),
    (
        "nokia_sros",
        "show system cpu",
        r"(?m)^ +Usage +[\d,]+ +(?P<load>[\d.]+)%",
    ),
    (
        "nokia_sros_md",
        "show system cpu",
        r"(?m)^ +Usage +[\d,]+ +(?P<load>[\d.]+)%",
    ),
    (
        "mikrotik_routeros",
        "/system resource print",
        r"(?m)^ *cpu-load: (?P<load>\d+)%",
    ),
    ("huawei_vrp", "display cpu", r"five seconds: (?P<load>\d+)%"),
    (
        "hp_comware",
        "display cpu-usage",
        r"(?P<load>\d+)% in last 5 seconds",
    ),
    (
        "hp_procurve",
        "show cpu",
        r"5 sec ave: (?P<load>\d+) percent",
    ),
    (
        "aruba_aoscx",
        "show system resource-utilization",
        r"CPU usage\(%\): (?P<load>\d+)",
    ),
    (
        "fortinet_fortios",
        "get system performance status",
        r"(?m)^CPU states: (?P<load>\d+)% user",
    ),
    (
        "paloalto_panos",
        "show system resources",
        r"(?m)^%Cpu\(s\): +(?P<load>[\d.]+) us",
    ),
    ("vyos", "show system cpu", r"CPU: (?P<load>\d+) %"),
    (
        "dell_os10",
        "show processes node-id 1",
        r"(?m)^%Cpu\(s\): +(?P<load>[\d.]+) us",
    ),
    ("linux", "cat /proc/loadavg", r"\A(?P<load>[\d.]+) "),
];

/// A user's own collector for each platform, one rule each, as somebody writes them in an afternoon.
fn library(folder: &Path) {
    let collectors = folder.join("collectors");
    fs::create_dir(&collectors).unwrap();
    for (platform, command, pattern) in LOADS {
        let text = format!(
            "name: load\nplatforms: [{platform}]\ncommands:\n  - command: {command}\n    rules:\n\
             \x20     - name: load\n        regex:\n          patterns: ['{pattern}']\n        metrics:\n\
             \x20         - name: netwolf_lab_load_ratio\n            kind: gauge\n            help: How busy it is.\n\
             \x20           value: load\n            scale: 0.01\n"
        );
        fs::write(collectors.join(format!("{platform}.yml")), text).unwrap();
    }
}

fn configuration(folder: &Path, interval: &str, devices: &Devices) -> PathBuf {
    library(folder);
    let mut inventory = String::from("devices:\n");
    for device in devices.fleet().devices() {
        writeln!(
            inventory,
            "  - {{ name: {}, address: {}, port: {}, platform: {}, host_key: \"{}\" }}",
            device.name(),
            device.address().ip(),
            device.address().port(),
            device.platform(),
            device.host_key(),
        )
        .unwrap();
    }
    let config = lab::configuration(folder, &inventory);
    let text = fs::read_to_string(&config)
        .unwrap()
        .replace("interval: 1s,", &format!("interval: {interval},"))
        .replace(
            "collectors: [cpu]",
            "collectors: [load], timeout: 30s, connect_timeout: 30s",
        );
    fs::write(
        &config,
        format!("{text}library: {{ collectors: collectors }}\n"),
    )
    .unwrap();
    config
}

/// When whole output last came in, by device.
fn last_success(manager: &Manager) -> Result<BTreeMap<String, f64>, String> {
    Ok(manager
        .metrics()?
        .series("netwolf_device_last_success_timestamp_seconds", &[])
        .filter_map(|(series, time)| Some((label(series, "device")?.to_owned(), time)))
        .collect())
}

/// Waits until every device was polled twice from now on.
#[track_caller]
fn all_polled(manager: &Manager, n_devices: usize, what: &str) {
    let before = last_success(manager).unwrap();
    eventually(PATIENCE, &format!("polls of every device {what}"), || {
        let now = last_success(manager)?;
        let late: Vec<_> = now
            .iter()
            // A second is the interval, so the first poll after a moment comes before it and the next after.
            .filter(|(device, time)| before.get(*device).is_some_and(|then| *time - then < 1.5))
            .map(|(device, _)| device.as_str())
            .collect();
        if late.is_empty() && now.len() == n_devices {
            return Ok(());
        }
        let why = late
            .first()
            .map(|device| manager.device(device))
            .transpose()?;
        Err(format!(
            "{} of {n_devices}, late {late:?}: {why:?}",
            now.len()
        ))
    });
}

/// Logins by device, with the platform, because that is what a person who reads a failure wants to know.
fn logins(devices: &[DeviceHandle]) -> BTreeMap<String, u64> {
    devices
        .iter()
        .map(|device| {
            let name = format!("{} {}", device.name(), device.platform());
            (name, device.logins())
        })
        .collect()
}

#[test]
fn devices_of_every_family_are_polled_through_drops_reboots_and_new_prompts_with_one_login_for_each()
 {
    assert_eq!(
        LOADS.len(),
        Manner::ALL.len(),
        "a platform without a load of its own"
    );
    let folder = lab::folder();
    let mut config = FleetConfig::new(0, "netwolf", PASSWORD);
    config.mix = Manner::ALL.iter().map(|manner| (*manner, 2)).collect();
    config.questions = true;
    let simulated = Devices::of(config);
    let config = configuration(folder.path(), "1s", &simulated);
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 2, folder.path());
    let devices = simulated.fleet().devices();
    let n_devices = devices.len();

    eventually(PATIENCE, "a load of every device", || {
        let page = manager.metrics()?;
        let loads: BTreeMap<_, _> = page
            .series("netwolf_lab_load_ratio", &[])
            .filter_map(|(series, load)| Some((label(series, "device")?, load)))
            .collect();
        let missing = devices
            .iter()
            .find(|device| !loads.contains_key(device.name()));
        if let Some(missing) = missing {
            let why = manager.device(missing.name())?;
            return Err(format!("{} has none: {why}", missing.platform()));
        }
        assert!(
            loads.values().all(|load| (0.0..=1.0).contains(load)),
            "{loads:?}"
        );
        Ok(())
    });
    all_polled(&manager, n_devices, "after the start");
    let mut expected: Vec<u64> = vec![1; n_devices];
    let check = |expected: &[u64], what: &str| {
        let wanted: BTreeMap<_, _> = logins(devices)
            .into_keys()
            .zip(expected.iter().copied())
            .collect();
        assert_eq!(logins(devices), wanted, "{what}");
    };
    check(&expected, "after the start");

    // Prompts change and nobody is logged in to again.
    for device in devices {
        device.set_hostname(&format!("new-{}", device.name()));
    }
    all_polled(&manager, n_devices, "with new names");
    for device in devices {
        device.update_faults(|faults| faults.mark = true);
    }
    all_polled(&manager, n_devices, "with a mark in the prompt");
    for device in devices {
        device.update_faults(|faults| faults.mark = false);
    }
    all_polled(&manager, n_devices, "without the mark");
    check(&expected, "prompts are no reason to log in again");

    // Half of them lose their session, the other half reboots: a login each, however long they are away.
    for (idx, device) in devices.iter().enumerate() {
        if idx % 2 == 0 {
            device.drop_session();
        } else {
            device.reboot(Duration::from_secs(3));
        }
        expected[idx] += 1;
    }
    eventually(PATIENCE, "every device is logged in to again", || {
        let open = devices
            .iter()
            .filter(|device| device.sessions() == 1)
            .count();
        let logins = simulated.fleet().totals().logins;
        if open == n_devices && logins >= 2 * n_devices as u64 {
            Ok(())
        } else {
            Err(format!("{open} sessions, {logins} logins"))
        }
    });
    lab::wait_until_up(&manager.web, f64::from(u32::try_from(n_devices).unwrap()));
    all_polled(&manager, n_devices, "after drops and reboots");
    check(&expected, "one login for each session that was lost");
    assert_eq!(simulated.fleet().totals().login_failures, 0);
}

/// Half a minute in the life of a network, as a file for the simulator. A device that is dropped or rebooted has
/// been logged in to again by the time it could be its turn once more.
const WEATHER: &str = "\
seed: 11
steps:
  - { at: 1s, devices: '*', fault: { hostname: renamed }, for: 15s }
  - { at: 3s, devices: '*', pick: 8, fault: drop }
  - { at: 4s, devices: '*', pick: 12, fault: { latency: 300ms }, for: 10s }
  - { at: 6s, devices: '*', fault: mark, for: 14s }
  - { at: 12s, devices: '*', pick: 8, fault: { reboot: 2s } }
  - { at: 14s, devices: '*', pick: 8, fault: pager_always, for: 12s }
  - { at: 24s, devices: '*', pick: 12, choose: [drop, { reboot: 1s }, mark], for: 6s }
";

#[test]
fn half_a_minute_of_weather_costs_no_login_but_those_of_sessions_that_were_cut() {
    let folder = lab::folder();
    let mut config = FleetConfig::new(0, "netwolf", PASSWORD);
    config.mix = Manner::ALL.iter().map(|manner| (*manner, 1)).collect();
    let simulated = Devices::of(config);
    let config = configuration(folder.path(), "1s", &simulated);
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 2, folder.path());
    let devices = simulated.fleet().devices();
    let n_up = f64::from(u32::try_from(devices.len()).unwrap());
    lab::wait_until_up(&manager.web, n_up);

    let mut expected: BTreeMap<_, _> = logins(devices);
    assert!(expected.values().all(|logins| *logins == 1), "{expected:?}");
    for event in simulated.play(&Scenario::parse(WEATHER).unwrap()) {
        let what = event.change.to_string();
        if what == "drop" || what.starts_with("reboot ") {
            let device = &devices[event.device];
            let name = format!("{} {}", device.name(), device.platform());
            *expected.get_mut(&name).unwrap() += 1;
        }
    }
    eventually(PATIENCE, "all are logged in to again", || {
        let now = logins(devices);
        let lost = devices.iter().find(|device| device.sessions() != 1);
        match lost {
            None if now.values().sum::<u64>() >= expected.values().sum() => Ok(()),
            _ => Err(format!("{now:?} instead of {expected:?}")),
        }
    });
    lab::wait_until_up(&manager.web, n_up);
    all_polled(&manager, devices.len(), "after the weather");
    assert_eq!(logins(devices), expected);
    assert_eq!(simulated.fleet().totals().login_failures, 0);
}

#[test]
fn devices_that_close_idle_sessions_are_polled_on_time_all_the_same() {
    // A session that lasts less than ten seconds is broken, whatever it says; only one that lasts is idle.
    const EXEC_TIMEOUT: Duration = Duration::from_secs(11);
    const INTERVAL: Duration = Duration::from_secs(15);

    let folder = lab::folder();
    let mut config = FleetConfig::new(0, "netwolf", PASSWORD);
    config.mix = [Manner::CiscoIos, Manner::HuaweiVrp, Manner::JuniperJunos]
        .map(|manner| (manner, 1))
        .into();
    config.exec_timeout = EXEC_TIMEOUT;
    let simulated = Devices::of(config);
    let config = configuration(folder.path(), "15s", &simulated);
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 1, folder.path());
    let n_devices = simulated.fleet().devices().len();

    let mut polls: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let started = Instant::now();
    eventually(4 * PATIENCE, "four polls of every device", || {
        for (device, time) in last_success(&manager)? {
            let polls = polls.entry(device).or_default();
            if polls.last() != Some(&time) {
                polls.push(time);
            }
        }
        let least = polls.values().map(Vec::len).min().unwrap_or(0);
        if polls.len() == n_devices && least >= 4 {
            Ok(())
        } else {
            Err(format!("{polls:?}"))
        }
    });
    for (device, polls) in &polls {
        for pair in polls.windows(2) {
            let gap = pair[1] - pair[0];
            assert!(
                gap < 1.3 * INTERVAL.as_secs_f64(),
                "{device}: {gap:.1} s without a poll, {polls:?}"
            );
        }
    }
    let logins = simulated.fleet().totals().logins;
    assert!(
        logins >= 2 * n_devices as u64,
        "{logins} logins: nobody closed anything"
    );
    let n_polls: usize = polls.values().map(Vec::len).sum();
    assert!(
        logins <= (n_polls + n_devices) as u64,
        "{logins} logins for {n_polls} polls: one is enough for each"
    );
    eprintln!(
        "{logins} logins of {n_devices} devices in {:.0} s",
        started.elapsed().as_secs_f64()
    );
}
