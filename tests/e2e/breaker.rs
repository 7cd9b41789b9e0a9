//! A wrong password on a thousand devices: an account is not locked, people are told, and it heals at once when
//! they put it right.
//!
//! Deadlines are generous, because a thousand SSH logins share a loaded machine with everything else; bounds on
//! refused logins are exact, because an account that locks after three does not care how loaded a machine is.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use netwolf_simulator::{DeviceHandle, FleetConfig, Lockout};
use serde_json::Value;

use crate::lab::{self, Devices, Manager, PASSWORD, Process, eventually};

const DEVICES: usize = 1_000;

/// For what takes a thousand logins.
const FLEET_PATIENCE: Duration = Duration::from_mins(5);

/// As long as a fleet would take to lock an account if nobody held it back: every device has tried by then, and
/// has had its first retries.
const WATCH: Duration = Duration::from_secs(15);

/// Polls are not what is looked at here, so they are few.
fn configuration(folder: &Path, inventory: &str) -> PathBuf {
    let config = lab::configuration(folder, inventory);
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("interval: 1s,", "interval: 10s,")).unwrap();
    config
}

/// The secret that the agents read.
fn write_secret(folder: &Path, secret: &str) {
    fs::write(folder.join("password"), secret).unwrap();
}

fn agents(manager: &Manager, folder: &Path) -> Vec<Process> {
    ["a1", "a2", "a3"]
        .map(|name| manager.agent(name, 1, folder))
        .into()
}

/// Waits until exactly `count` devices are up, for as long as a fleet may take.
#[track_caller]
fn wait_until_up(manager: &Manager, count: usize) {
    let started = Instant::now();
    eventually(FLEET_PATIENCE, &format!("{count} devices up"), || {
        let up = manager.json("/api/v1/status")?["devices"]["states"]["up"]
            .as_u64()
            .unwrap_or(0);
        if up == count as u64 {
            Ok(())
        } else {
            Err(format!("{up} are up"))
        }
    });
    eprintln!(
        "{count} devices up after {:.1} s",
        started.elapsed().as_secs_f64()
    );
}

/// The API's view of the one credential.
fn credential(manager: &Manager) -> Result<Value, String> {
    let list = manager.json("/api/v1/credentials")?;
    list["credentials"]
        .as_array()
        .and_then(|list| list.iter().find(|one| one["name"] == "monitoring"))
        .cloned()
        .ok_or_else(|| list.to_string())
}

/// Whether `/metrics` says that the breaker is open.
fn is_open(manager: &Manager) -> Result<bool, String> {
    manager
        .metrics()?
        .value("netwolf_credential_breaker_open{credential=\"monitoring\"}")
        .map(|value| value == 1.0)
        .ok_or_else(|| "no breaker on the page".into())
}

/// Waits until it is open, and for the reasons that people read.
#[track_caller]
fn wait_until_open(manager: &Manager) -> Value {
    eventually(FLEET_PATIENCE, "an open breaker", || {
        if is_open(manager)? {
            Ok(())
        } else {
            Err("it is closed".into())
        }
    });
    let credential = credential(manager).unwrap();
    assert_eq!(credential["state"], "open", "{credential}");
    let words = credential["failure"].to_string();
    for word in ["refused", "sim-", "reload"] {
        assert!(words.contains(word), "no \"{word}\" in {words}");
    }
    assert!(credential["next_probe"].is_string(), "{credential}");
    credential
}

/// Waits until every device says why it is not up, and then watches that nobody tries.
#[track_caller]
fn nobody_tries(manager: &Manager, devices: &Devices, most: u64) {
    eventually(FLEET_PATIENCE, "every device knows why it waits", || {
        let list = manager.json("/api/v1/devices")?;
        let list = list["devices"].as_array().ok_or("no list")?;
        let knows = |device: &&Value| {
            let reason = device["failure"]["reason"].as_str();
            matches!(reason, Some("credential_held" | "auth_failed"))
        };
        match list.iter().find(|device| !knows(device)) {
            None => Ok(()),
            Some(device) => Err(device.to_string()),
        }
    });
    lab::holds(WATCH, "nobody tries a refused password", || {
        let refused = devices.fleet().totals().login_failures;
        if refused <= most {
            Ok(())
        } else {
            Err(format!("{refused} refusals"))
        }
    });
}

/// A machine on which a thousand logins at once take longer than their deadline costs some a second one, which is
/// no business of the breaker's; more than a few are.
#[track_caller]
fn assert_one_login_each(devices: &Devices) {
    let (logins, devices) = (
        devices.fleet().totals().logins,
        devices.fleet().devices().len() as u64,
    );
    assert!(
        (devices..=devices + devices / 10).contains(&logins),
        "{logins} logins of {devices} devices"
    );
}

#[test]
fn a_password_that_is_wrong_from_the_start_is_refused_twice_by_a_thousand_devices() {
    let folder = lab::folder();
    let devices = Devices::start(DEVICES);
    let config = configuration(folder.path(), &devices.inventory());
    write_secret(folder.path(), "yesterday's");
    let manager = Manager::start(&config, folder.path());
    let _agents = agents(&manager, folder.path());

    let credential = wait_until_open(&manager);
    assert_eq!(credential["devices"], DEVICES, "{credential}");
    nobody_tries(&manager, &devices, 2);
    let totals = devices.fleet().totals();
    assert_eq!((totals.logins, totals.login_failures), (0, 2));
    assert_eq!(
        manager.metrics().unwrap().value(
            "netwolf_credential_logins_total{credential=\"monitoring\",outcome=\"refused\"}"
        ),
        Some(2.0)
    );

    // What the hint says: the secret is put right where the agents read it, then a reload.
    write_secret(folder.path(), PASSWORD);
    manager.reload().unwrap();
    wait_until_up(&manager, DEVICES);
    assert_one_login_each(&devices);
    assert_eq!(
        devices.fleet().totals().login_failures,
        2,
        "none was refused since"
    );
    assert!(!is_open(&manager).unwrap());
}

#[test]
fn a_password_that_is_changed_under_a_running_fleet_is_refused_twice() {
    let folder = lab::folder();
    let mut config = FleetConfig::new(DEVICES, "netwolf", PASSWORD);
    // As a strict directory behind all devices does it: one more refusal, and nobody gets in any more.
    config.lockout = Some(Lockout {
        refusals: 3,
        within: Duration::from_mins(30),
        duration: Duration::from_mins(30),
    });
    let devices = Devices::of(config);
    let config = configuration(folder.path(), &devices.inventory());
    let manager = Manager::start(&config, folder.path());
    let _agents = agents(&manager, folder.path());
    wait_until_up(&manager, DEVICES);
    assert_one_login_each(&devices);

    // What acceptances have earned is spent, and the last one is a minute ago: see `FADE` and `FRESH` in the manager.
    let mut logins = devices.fleet().totals().logins;
    let mut quiet_since = Instant::now();
    eventually(FLEET_PATIENCE, "a minute without a login", || {
        let totals = devices.fleet().totals();
        assert_eq!(totals.login_failures, 0);
        if totals.logins != logins {
            (logins, quiet_since) = (totals.logins, Instant::now());
        }
        let quiet = quiet_since.elapsed();
        let window = credential(&manager)?["window"].clone();
        if quiet > Duration::from_secs(65) && window == 2 {
            Ok(())
        } else {
            Err(format!("{quiet:?} without a login, window {window}"))
        }
    });
    devices.fleet().set_password("today's");
    for device in devices.fleet().devices() {
        device.drop_session();
    }
    wait_until_open(&manager);
    nobody_tries(&manager, &devices, 2);
    let totals = devices.fleet().totals();
    assert_eq!((totals.logins, totals.login_failures), (logins, 2));
    assert!(!devices.fleet().account_locked());

    write_secret(folder.path(), "today's");
    manager.reload().unwrap();
    wait_until_up(&manager, DEVICES);
    assert_eq!(devices.fleet().totals().login_failures, 2);
    assert_eq!(devices.fleet().lockouts(), 0);
}

#[test]
fn devices_with_a_password_of_their_own_are_each_refused_once_and_the_others_are_up() {
    const GOOD: usize = 270;
    const BAD: usize = 30;
    // From one early probe to the next are 5 s.
    const PROBE_PATIENCE: Duration = Duration::from_secs(12);

    let folder = lab::folder();
    let good = Devices::start(GOOD);
    let mut config = FleetConfig::new(BAD, "netwolf", "a password of their own");
    config.name_prefix = "other-".into();
    let bad = Devices::of(config);
    let everyone = format!("{}{}", good.inventory(), bad.entries(""));
    let config = configuration(folder.path(), &everyone);
    let manager = Manager::start(&config, folder.path());
    let _agents = agents(&manager, folder.path());

    // Two of them in a row open the breaker, as they must. Where one of the good was let in before, another one
    // tries some seconds later; where none was, an operator who finds that the password is right reloads.
    let (mut reloads, mut open_since) = (0, Instant::now());
    eventually(FLEET_PATIENCE, "all good devices are up", || {
        let sessions = good.fleet().totals().sessions;
        if sessions == GOOD as u64 {
            return Ok(());
        }
        if credential(&manager)?["state"] != "open" {
            open_since = Instant::now();
        } else if open_since.elapsed() > PROBE_PATIENCE {
            manager.reload()?;
            reloads += 1;
        }
        Err(format!("{sessions} of them after {reloads} reloads"))
    });
    lab::holds(WATCH, "none is tried again by itself", || {
        let most = bad
            .fleet()
            .devices()
            .iter()
            .map(DeviceHandle::login_failures)
            .max();
        // A reload lets each be tried once more, behind all that did not refuse.
        if most <= Some(1 + u64::from(reloads > 0)) {
            Ok(())
        } else {
            Err(format!("{most:?} refusals of one with {reloads} reloads"))
        }
    });
    wait_until_up(&manager, GOOD);
    assert_one_login_each(&good);
    assert_eq!(good.fleet().totals().login_failures, 0);
    eprintln!(
        "{} refusals by {BAD} of {} devices, {reloads} reloads",
        bad.fleet().totals().login_failures,
        GOOD + BAD
    );
}
