//! Every mode of every bundled platform, on a simulated device of it: entered, typed in, left, on one login; and what
//! is in force then.

#[path = "../../../../netwolf-filter/tests/library/yaml.rs"]
mod yaml;

use std::{fs, path::Path};

use netwolf_wire::status::SessionState;

use super::*;

/// The bundled platform `name`, as the file that it is.
fn bundled(name: &str) -> Platform {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let file = root.join(format!("netwolf-manager/library/platforms/{name}.yml"));
    yaml::read(&fs::read_to_string(file).unwrap())
}

/// A line that `platform` knows in its modes.
fn line(platform: &str) -> &'static str {
    match platform {
        "fortinet_fortios" => "set timezone 04",
        "hp_comware" | "huawei_vrp" => "ntp-service unicast-server 192.0.2.1",
        "juniper_junos" | "vyos" => "set system ntp server 192.0.2.1",
        "nokia_sros" => "system time ntp server 192.0.2.1",
        "nokia_sros_md" => "configure system time ntp server 192.0.2.1",
        "paloalto_panos" => "set deviceconfig system domain example.net",
        _ => "ntp server 192.0.2.1",
    }
}

/// Whether what is typed in a mode waits for a commit, which these steps do not give.
fn waits(platform: &str) -> bool {
    let all = [
        "cisco_iosxr",
        "huawei_vrp",
        "juniper_junos",
        "nokia_sros_md",
        "paloalto_panos",
        "vyos",
    ];
    all.contains(&platform)
}

/// What reads on `platform`, outside of any mode.
fn reading(platform: &str) -> &'static str {
    match platform {
        "fortinet_fortios" => "get system status",
        "hp_comware" | "huawei_vrp" => "display version",
        "linux" => "uname -a",
        "mikrotik_routeros" => "/system resource print",
        "paloalto_panos" => "show system info",
        _ => "show version",
    }
}

/// Sends `steps` and waits until all have ended.
async fn carry_out(link: &mut Link, steps: Vec<StepOrder>) {
    let runs: Vec<_> = steps.iter().map(|step| step.id).collect();
    link.send(Steps { steps }).await;
    link.until("all steps to end", |world| {
        let ended = world.events.iter();
        let ended = ended.filter(|event| matches!(event.what, StepNews::Ended(_)));
        ended.filter(|event| runs.contains(&event.id)).count() == runs.len()
    })
    .await;
}

/// A step of `run`, the next one behind `steps`.
fn step(run: u64, steps: &[StepOrder], device: &DeviceHandle, epoch: Epoch) -> StepOrder {
    StepOrder {
        id: Attempt {
            run: RunId(run),
            step: u32::try_from(steps.len()).unwrap(),
            attempt: 1,
        },
        device: name(device.name()),
        epoch,
        mode: None,
        commands: Vec::new(),
        verify: None,
        changes: false,
        login: None,
        deadline: Span::from_secs(55),
    }
}

#[tokio::test]
async fn every_mode_of_every_bundled_platform_is_entered_and_left() {
    let mut config = FleetConfig::new(1, USER, PASSWORD);
    config.mix = Manner::ALL.iter().map(|manner| (*manner, 1)).collect();
    config.privileged = true;
    config.remembers = true;
    let fleet = Fleet::start(config).await.unwrap();
    let (files, mut manager) = (Files::new(), Manager::start().await);
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let mut steps: Vec<StepOrder> = Vec::new();
    let mut reads: Vec<StepOrder> = Vec::new();
    let mut modes = Vec::new();
    let mut leases = Vec::new();
    for device in fleet.devices() {
        let platform = bundled(device.platform());
        let plan = plan(
            platform.clone(),
            vec![command("show clock", 600_000, 20_000, Vec::new())],
        );
        link.plan(&plan).await;
        let mut target = target(device, &files);
        target.legacy.clone_from(&platform.legacy);
        // Whatever it is.
        target.login.allow = vec!["*".into()];
        let lease = manager.lease(device.name(), target, &plan);
        for mode in platform.modes.keys() {
            steps.push(StepOrder {
                mode: Some(mode.clone()),
                commands: vec![typed(line(device.platform()))],
                changes: true,
                ..step(1, &steps, device, lease.epoch)
            });
            modes.push((device.clone(), mode.clone()));
        }
        reads.push(StepOrder {
            commands: vec![typed(reading(device.platform()))],
            ..step(2, &reads, device, lease.epoch)
        });
        leases.push(lease);
    }
    link.assign(leases).await;
    link.until("all devices to be up", |world| {
        fleet
            .devices()
            .iter()
            .all(|device| world.state(device.name()) == Some(SessionState::Up))
    })
    .await;
    let n_steps = steps.len();
    assert!(n_steps >= 20, "{n_steps}");
    carry_out(&mut link, steps).await;
    // Behind them every device is at its normal prompt again.
    carry_out(&mut link, reads).await;
    let mut failures = Vec::new();
    for event in &link.world.events {
        let at = event.id.step as usize;
        let (device, mode) = match event.id.run {
            RunId(1) => (&modes[at].0, modes[at].1.as_str()),
            _ => (&fleet.devices()[at], "no mode"),
        };
        match &event.what {
            StepNews::Ended(StepEnd::Succeeded) | StepNews::Accepted | StepNews::Started => {}
            StepNews::Command(done) if done.failure.is_none() => {}
            // What leaves a mode on some machines is not known to others.
            StepNews::Mode(typed) if typed.failure.is_none() => {}
            other => failures.push(format!("{} {mode}: {other:?}", device.platform())),
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
    for (device, mode) in &modes {
        let typed = device.times_ran(line(device.platform()));
        assert!(typed > 0, "{} {mode}", device.platform());
        let platform = device.platform();
        let in_force = device.configuration();
        let is_in_force = in_force.iter().any(|known| known == line(platform));
        assert_eq!(
            is_in_force,
            !waits(platform),
            "{platform} {mode}: {in_force:?}"
        );
    }
    for device in fleet.devices() {
        let platform = device.platform();
        assert_eq!(device.times_ran(reading(platform)), 1, "{platform}");
        assert_eq!(device.logins(), 1, "{platform}");
    }
    agent.shutdown().await;
    fleet.shutdown().await;
}
