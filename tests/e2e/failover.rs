//! Agents and managers that die: whose devices are polled by whom, and what it costs in logins.

use std::time::{Duration, Instant};

use crate::lab::{self, Devices, Manager, PATIENCE, eventually, moved};

const DEVICES: usize = 40;

/// Waits until every device's load has changed, which takes polls of every device.
fn all_polled(manager: &Manager, patience: Duration) {
    let before = manager
        .metrics()
        .unwrap_or_else(|error| panic!("{error}"))
        .cpu_by_device();
    let mut polled = std::collections::BTreeSet::new();
    eventually(patience, "a poll of every device", || {
        let now = manager.metrics()?.cpu_by_device();
        polled.extend(
            now.into_iter()
                .filter(|(device, load)| before.get(device) != Some(load))
                .map(|(device, _)| device),
        );
        if polled.len() == DEVICES {
            Ok(())
        } else {
            Err(format!("{} of {DEVICES}", polled.len()))
        }
    });
}

/// How many devices each agent holds.
fn held(manager: &Manager) -> Result<std::collections::BTreeMap<String, usize>, String> {
    let devices = manager.json("/api/v1/devices")?;
    let mut held = std::collections::BTreeMap::new();
    for device in devices["devices"].as_array().ok_or("no list of devices")? {
        *held
            .entry(device["agent"].as_str().unwrap_or("none").to_owned())
            .or_default() += 1;
    }
    Ok(held)
}

#[test]
fn the_devices_of_a_killed_agent_are_polled_by_the_other_within_ten_seconds() {
    let folder = lab::folder();
    let devices = Devices::start(DEVICES);
    let config = lab::configuration(folder.path(), &devices.inventory());
    let manager = Manager::start(&config, folder.path());
    let doomed = manager.agent("a1", 2, folder.path());
    let _heir = manager.agent("a2", 2, folder.path());
    lab::wait_until_up(&manager.web, 40.0);
    let before = eventually(PATIENCE, "both agents hold devices", || {
        let held = held(&manager)?;
        if held.len() == 2 && held.values().all(|count| *count >= 10) {
            Ok(held)
        } else {
            Err(format!("{held:?}"))
        }
    });

    let killed = Instant::now();
    doomed.kill();
    eventually(
        Duration::from_secs(10),
        "the other agent holds all devices",
        || {
            let held = held(&manager)?;
            if held.get("a2") == Some(&DEVICES) {
                Ok(())
            } else {
                Err(format!("{held:?}"))
            }
        },
    );
    all_polled(
        &manager,
        Duration::from_secs(10).saturating_sub(killed.elapsed()),
    );
    eprintln!(
        "all {DEVICES} devices polled {:.1} s after the kill; before it {before:?}",
        killed.elapsed().as_secs_f64()
    );
}

#[test]
fn a_manager_that_is_killed_and_started_again_costs_no_login() {
    let folder = lab::folder();
    let devices = Devices::start(DEVICES);
    let config = lab::configuration(folder.path(), &devices.inventory());
    let manager = Manager::start(&config, folder.path());
    let _agents = [
        manager.agent("a1", 2, folder.path()),
        manager.agent("a2", 2, folder.path()),
    ];
    lab::wait_until_up(&manager.web, 40.0);
    all_polled(&manager, PATIENCE);
    let settled = eventually(PATIENCE, "both agents hold devices", || {
        let held = held(&manager)?;
        if held.len() == 2 {
            Ok(held)
        } else {
            Err(format!("{held:?}"))
        }
    });
    let logins = devices.fleet().totals().logins;
    let commands = devices.fleet().totals().commands;

    let (web, agents) = (manager.web.clone(), manager.agents.clone());
    manager.process.kill();
    eventually(PATIENCE, "polls go on without a manager", || {
        let more = devices.fleet().totals().commands - commands;
        if more >= 2 * DEVICES as u64 {
            Ok(())
        } else {
            Err(format!("{more} commands since"))
        }
    });
    let manager = Manager::start_on(&config, folder.path(), &web, &agents);
    lab::wait_until_up(&manager.web, 40.0);
    all_polled(&manager, PATIENCE);
    assert_eq!(held(&manager).unwrap(), settled, "nothing moves");
    assert_eq!(
        devices.fleet().totals().logins,
        logins,
        "no session was lost"
    );
}

#[test]
fn a_reload_touches_only_the_devices_that_changed() {
    let folder = lab::folder();
    let devices = Devices::start(4);
    let inventory = devices.inventory();
    let config = lab::configuration(folder.path(), &inventory);
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 1, folder.path());
    lab::wait_until_up(&manager.web, 4.0);
    let logins = devices.fleet().totals().logins;

    // A rejected file leaves the old inventory running.
    lab::configuration(
        folder.path(),
        &format!("{inventory}  - {{ name: x, adress: y }}\n"),
    );
    eventually(PATIENCE, "the reload is refused", || {
        let page = manager.metrics()?;
        let failed = page.value("netwolf_manager_config_last_reload_successful") == Some(0.0);
        if failed {
            Ok(())
        } else {
            Err("not refused yet".into())
        }
    });
    assert_eq!(
        manager
            .metrics()
            .unwrap()
            .series("netwolf_device_up", &[])
            .count(),
        4
    );

    // One device less: it is gone, the others are not touched.
    let fewer = inventory.trim_end().rsplit_once('\n').unwrap().0.to_owned();
    lab::configuration(folder.path(), &format!("{fewer}\n"));
    let before = eventually(PATIENCE, "one device less", || {
        let page = manager.metrics()?;
        let loads = page.cpu_by_device();
        let known = page.series("netwolf_device_up", &[]).count();
        if known == 3 && loads.len() == 3 {
            Ok(loads)
        } else {
            Err(format!("{known} devices, {} loads", loads.len()))
        }
    });
    eventually(PATIENCE, "the session of the removed device closes", || {
        let open = devices.fleet().totals().sessions;
        if open == 3 {
            Ok(())
        } else {
            Err(format!("{open} sessions"))
        }
    });
    eventually(PATIENCE, "the others are polled on", || {
        let moved = moved(&before, &manager.metrics()?.cpu_by_device());
        if moved == 3 {
            Ok(())
        } else {
            Err(format!("{moved} changed"))
        }
    });
    assert_eq!(
        devices.fleet().totals().logins,
        logins,
        "no other device was logged in to again"
    );
}

/// The longest time from one poll of a device to the next since the last call, as the devices saw it.
fn longest_gap(devices: &Devices) -> Duration {
    let gaps = devices.fleet().take_gaps();
    assert_eq!(gaps.silent, 0, "devices that were not polled at all");
    let longest = gaps.counts.last().map_or(0, |(micros, _)| *micros);
    Duration::from_micros(longest.max(gaps.longest_silence))
}

#[test]
fn agents_join_and_leave_and_each_device_misses_a_poll_at_most() {
    // A poll a second, one of them missed, and what a busy machine adds to a login.
    const BOUND: Duration = Duration::from_millis(3_500);
    const MANY: u32 = 120;
    let folder = lab::folder();
    let devices = Devices::start(MANY as usize);
    let config = lab::configuration(folder.path(), &devices.inventory());
    let manager = Manager::start(&config, folder.path());
    let mut leaving = manager.agent("a1", 1, folder.path());
    let _stays = manager.agent("a2", 1, folder.path());
    lab::wait_until_up(&manager.web, f64::from(MANY));
    let settled = |agents: usize| {
        eventually(PATIENCE, "devices are with all agents", || {
            let held = held(&manager)?;
            let page = manager.metrics()?;
            let waiting = page.value("netwolf_manager_lease_moves_waiting");
            let up = page.sum("netwolf_device_up");
            if held.len() == agents && waiting == Some(0.0) && up == f64::from(MANY) {
                Ok(held)
            } else {
                Err(format!("{held:?}, waiting {waiting:?}, up {up}"))
            }
        })
    };
    settled(2);
    lab::holds(Duration::from_secs(2), "calm", || Ok(()));
    devices.fleet().take_gaps();

    let joined = manager.agent("a3", 1, folder.path());
    let held = settled(3);
    lab::holds(Duration::from_secs(2), "polls after it", || Ok(()));
    let join = longest_gap(&devices);
    eprintln!("an agent joined: {held:?}, longest gap {join:?}");
    assert!(join < BOUND, "{join:?}");

    let output = std::process::Command::new(env!("CARGO_BIN_EXE_netwolf"))
        .args(["agents", "drain", "a1", "--manager.url"])
        .arg(format!("http://{}", manager.web))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(output.stdout, b"a1 has left\n");
    assert!(leaving.wait(Duration::from_secs(5)).success());
    settled(2);
    lab::holds(Duration::from_secs(2), "polls after it", || Ok(()));
    let drain = longest_gap(&devices);
    eprintln!("an agent was drained: longest gap {drain:?}");
    assert!(drain < BOUND, "{drain:?}");

    // SIGTERM is the same from the other side.
    joined.signal("TERM");
    let mut joined = joined;
    assert!(joined.wait(Duration::from_secs(40)).success());
    settled(1);
    lab::holds(Duration::from_secs(2), "polls after it", || Ok(()));
    let term = longest_gap(&devices);
    eprintln!("an agent was told to end: longest gap {term:?}");
    assert!(term < BOUND, "{term:?}");
    let takeovers = manager
        .metrics()
        .unwrap()
        .value("netwolf_manager_lease_takeovers_total");
    assert_eq!(takeovers, Some(0.0), "nothing was lost");

    let unknown = std::process::Command::new(env!("CARGO_BIN_EXE_netwolf"))
        .args(["agents", "drain", "a9", "--manager.url"])
        .arg(format!("http://{}", manager.web))
        .output()
        .unwrap();
    assert_eq!(unknown.status.code(), Some(1));
    let said = String::from_utf8_lossy(&unknown.stderr);
    assert!(said.contains("no agent \"a9\" is linked"), "{said}");
}
