//! A change on every platform, from the command line to what the devices executed: modes entered and left, what waits
//! for a commit committed, and the result verified.
//!
//! The procedure is that of `netwolf demo`, and the credential that it names is the devices' own: so it is typed on the
//! sessions that poll, which must be at their normal prompt again behind it.

use std::{fs, path::Path};

use netwolf_simulator::{DeviceHandle, FleetConfig, Manner};

use crate::lab::{self, Devices, Manager, PASSWORD, PATIENCE, eventually, netwolf};

/// As `netwolf demo` writes it.
const NTP: &str = include_str!("../../netwolf-cli/src/demo/ntp.yml");

/// What is polled where no collector of the library is for the platform.
const POLLED: &[(&str, &[&str])] = &[
    (
        "show version",
        &[
            "aruba_aoscx",
            "cisco_asa",
            "dell_os10",
            "hp_procurve",
            "vyos",
        ],
    ),
    ("display version", &["hp_comware"]),
    ("get system status", &["fortinet_fortios"]),
    ("show system info", &["paloalto_panos"]),
];

/// Collectors called `cpu`, so that one word does for all devices.
fn write_collectors(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for (number, (command, platforms)) in POLLED.iter().enumerate() {
        let text = format!(
            "name: cpu\nplatforms: [{}]\ncommands:\n  - command: {command}\n    interval: 1s\n    rules:\n      - name: words\n        \
             regex: {{ patterns: ['(?P<word>\\S+)'] }}\n        metrics:\n          \
             - {{ name: netwolf_word_info, kind: info, help: A word., labels: {{ word: '${{word}}' }} }}\n",
            platforms.join(", ")
        );
        fs::write(folder.join(format!("{number}.yml")), text).unwrap();
    }
}

/// Waits until each of `devices` was polled some more, on the one session that it ever had.
#[track_caller]
fn are_polled_on<'a>(devices: impl Iterator<Item = &'a DeviceHandle>) {
    let before: Vec<_> = devices.map(|device| (device, device.commands())).collect();
    eventually(PATIENCE, "polls of all devices", || {
        let waits = |(device, before): &&(&DeviceHandle, u64)| device.commands() < before + 2;
        match before.iter().find(waits) {
            None => Ok(()),
            Some((device, _)) => Err(format!("{} was not polled", device.platform())),
        }
    });
    for (device, _) in before {
        assert_eq!(device.logins(), 1, "{}", device.platform());
    }
}

#[test]
fn the_change_of_the_demo_is_made_and_seen_on_every_platform() {
    let folder = lab::folder();
    let mut config = FleetConfig::new(1, "netwolf", PASSWORD);
    config.mix = Manner::ALL.iter().map(|manner| (*manner, 1)).collect();
    config.privileged = true;
    config.remembers = true;
    let devices = Devices::of(config);
    let procedures = folder.path().join("procedures");
    fs::create_dir(&procedures).unwrap();
    fs::write(procedures.join("ntp.yml"), NTP).unwrap();
    write_collectors(&folder.path().join("collectors"));
    let password = folder.path().join("password");
    let more = ", credential: changer, timeout: 20s, connect_timeout: 60s";
    let text = format!(
        "  changer: {{ username: netwolf, password: \"file:{}\", allow: ['*'] }}\n\
         library: {{ procedures: procedures, collectors: collectors }}\n{}",
        password.display(),
        devices.inventory_with(more),
    );
    let config = lab::configuration(folder.path(), &text);
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 1, folder.path());
    let all = devices.fleet().devices();
    #[expect(clippy::cast_precision_loss, reason = "few devices")]
    lab::wait_until_up(&manager.web, all.len() as f64);

    let url = format!("http://{}", manager.web);
    let run = |selection: &str| {
        let ntp = ["run", "--procedure", "ntp", "--yes", "--output", "json"];
        let rest = ["--manager.url", &url, "--where", selection];
        netwolf(&[&ntp[..], &rest].concat())
    };
    let (code, out, err) = run("platform!=linux");
    assert_eq!(code, 0, "{out}\n{err}");
    let changed = all.iter().filter(|device| device.platform() != "linux");
    let mut in_force = Vec::new();
    for device in changed.clone() {
        let configuration = device.configuration();
        let line = configuration.iter().find(|line| line.contains("192.0.2.1"));
        let platform = device.platform();
        let line = line.unwrap_or_else(|| panic!("{platform}: {configuration:?}"));
        let ran = device.times_ran(line.trim());
        assert_eq!(ran, 1, "{platform}: {:?}", device.ran());
        in_force.push(configuration);
    }
    are_polled_on(changed.clone());
    // Once more: the same is in force, and nothing besides.
    let (code, out, err) = run("platform!=linux");
    assert_eq!(code, 0, "{out}\n{err}");
    let again: Vec<_> = changed.map(DeviceHandle::configuration).collect();
    assert_eq!(again, in_force);

    // A platform that the procedure says nothing of has the general commands, which its modes cannot do.
    let (code, out, err) = run("name=*");
    assert_eq!(code, 2, "{out}\n{err}");
    assert!(err.contains("linux"), "{err}");
}
