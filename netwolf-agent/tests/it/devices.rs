//! Devices that are well: samples come, and sessions stay.

use std::{
    net::SocketAddr,
    process::{Command, Stdio},
};

use netwolf_wire::{
    rule::Matches,
    status::{Reason, SessionState},
    target::HostKey,
};

use crate::support::*;

#[tokio::test]
async fn samples_arrive_every_interval_over_one_session() {
    let (fleet, files, mut manager) = (fleet(5).await, Files::new(), Manager::start().await);
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    assert_eq!(
        (
            link.hello.agent.as_str(),
            link.hello.shard,
            link.hello.shards
        ),
        ("a1", 0, 1)
    );
    assert!(link.hello.running.is_empty());

    let plan = plan(ios(), vec![cpu_command(250)]);
    let leases = fleet
        .devices()
        .iter()
        .map(|device| manager.lease(device.name(), target(device, &files), &plan));
    let leases = leases.collect();
    link.plan(&plan).await;
    link.assign(leases).await;
    link.until("six polls of each device", |world| {
        fleet
            .devices()
            .iter()
            .all(|device| world.polls(device.name()) >= 6)
    })
    .await;

    for device in fleet.devices() {
        let samples = link.world.samples(device.name());
        assert!(
            samples
                .iter()
                .all(|sample| sample.series == "netwolf_cpu_five_seconds{}"),
            "{samples:?}"
        );
        assert!(
            samples
                .windows(2)
                .all(|pair| pair[0].unix_ms < pair[1].unix_ms)
        );
        assert_eq!(device.logins(), 1);
        assert_eq!(device.login_failures(), 0);
        let status = &link.world.statuses[device.name()];
        assert_eq!(status.state, SessionState::Up);
        assert!(status.login_seconds.is_some_and(|seconds| seconds > 0.0));
    }
    link.until("counters", |world| {
        world.stats.polls >= 30 && world.stats.sessions == 5
    })
    .await;
    let stats = &link.world.stats;
    assert_eq!(
        (
            stats.devices,
            stats.logins,
            stats.parse_problems,
            stats.dropped_polls
        ),
        (5, 5, 0, 0)
    );
    assert_eq!(stats.poll_seconds["test"].count(), stats.polls);
    agent.shutdown().await;
    fleet.shutdown().await;
}

#[tokio::test]
async fn tables_become_series_with_labels() {
    let (fleet, files, mut manager) = (fleet(1).await, Files::new(), Manager::start().await);
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let mut rule = gauge(
        "netwolf_interface_up",
        r"(?m)^(?P<name>\S+) is (?:administratively )?(?P<value>up|down)",
    );
    rule.regex.as_mut().unwrap().matches = Matches::Every;
    rule.metrics[0].map = [("up".to_owned(), 1.0), ("down".to_owned(), 0.0)].into();
    rule.metrics[0].labels = [("interface".to_owned(), "${name}".to_owned())].into();
    let plan = plan(
        ios(),
        vec![
            command("show interfaces", 300, 5000, vec![rule]),
            cpu_command(300),
        ],
    );
    let device = &fleet.devices()[0];
    let lease = manager.lease(device.name(), target(device, &files), &plan);
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    link.until("both commands", |world| {
        let has = |begin| {
            world
                .samples("sim-0001")
                .iter()
                .any(|sample| sample.series.starts_with(begin))
        };
        has("netwolf_interface_up{interface=") && has("netwolf_cpu_five_seconds")
    })
    .await;
    agent.shutdown().await;
}

#[tokio::test]
async fn a_privileged_command_is_run_after_enable() {
    let mut config = netwolf_simulator::FleetConfig::new(1, USER, PASSWORD);
    config.enable_secret = Some("open sesame".into());
    let fleet = netwolf_simulator::Fleet::start(config).await.unwrap();
    let (files, mut manager) = (Files::new(), Manager::start().await);
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let rule = gauge(
        "netwolf_config_bytes",
        r"Current configuration : (?P<value>\d+) bytes",
    );
    let plan = plan(
        ios(),
        vec![command("show running-config", 300, 5000, vec![rule])],
    );
    let device = &fleet.devices()[0];
    let mut target = target(device, &files);
    target.login.enable_secret = Some(files.write("enable", "open sesame\n"));
    let lease = manager.lease(device.name(), target, &plan);
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    link.until("a sample of the running configuration", |world| {
        !world.samples("sim-0001").is_empty()
    })
    .await;
    agent.shutdown().await;
}

#[tokio::test]
async fn output_with_the_prompt_inside_is_read_whole() {
    let (fleet, files, mut manager) = (fleet(1).await, Files::new(), Manager::start().await);
    let device = &fleet.devices()[0];
    device.update_faults(|faults| {
        faults.prompt_inside = true;
        faults.split = std::time::Duration::from_millis(5);
    });
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let plan = plan(ios(), vec![cpu_command(300)]);
    let lease = manager.lease(device.name(), target(device, &files), &plan);
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    link.until("samples", |world| world.samples("sim-0001").len() >= 5)
        .await;
    assert_eq!(device.logins(), 1);
    agent.shutdown().await;
}

#[tokio::test]
async fn host_keys_are_verified() {
    let (fleet, files, mut manager) = (fleet(5).await, Files::new(), Manager::start().await);
    let [pinned, wrong, known, unknown, new] = fleet.devices() else {
        panic!()
    };
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let plan = plan(ios(), vec![cpu_command(200)]);
    link.plan(&plan).await;

    // The key's text is had as an operator has it, by ssh-keyscan.
    let lines = scan(&known.address()).await;
    let mut leases = vec![manager.lease(pinned.name(), target(pinned, &files), &plan)];
    for (device, host_key) in [
        (
            wrong,
            Some(HostKey::Pinned(
                "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into(),
            )),
        ),
        (
            known,
            lines.map(|lines| {
                files.write("known_hosts", &lines);
                HostKey::KnownHosts(files.path("known_hosts"))
            }),
        ),
        (
            unknown,
            Some(HostKey::KnownHosts({
                files.write("empty_known_hosts", "");
                files.path("empty_known_hosts")
            })),
        ),
        (new, Some(HostKey::AcceptNew)),
    ] {
        let Some(host_key) = host_key else { continue };
        let mut target = target(device, &files);
        target.host_key = host_key;
        leases.push(manager.lease(device.name(), target, &plan));
    }
    let has_known = leases.len() == 5;
    link.assign(leases).await;
    link.until("each to be judged", |world| {
        world.polls(pinned.name()) > 0
            && world.polls(new.name()) > 0
            && (!has_known || world.polls(known.name()) > 0)
            && world.reason(wrong.name()) == Some(Reason::HostKeyMismatch)
            && world.reason(unknown.name()) == Some(Reason::HostKeyUnknown)
    })
    .await;
    let hint = link.world.statuses[wrong.name()].failure.clone().unwrap();
    assert!(
        hint.message.contains(wrong.host_key()) && hint.hint.is_some(),
        "{hint:?}"
    );
    // No secret was shown to a device that could not prove itself, and it is not asked again soon.
    assert_eq!(
        (wrong.login_failures(), wrong.logins(), wrong.connections()),
        (0, 0, 1)
    );
    agent.shutdown().await;
}

/// The lines that a scanner prints, or `None` where there is no scanner.
async fn scan(address: &SocketAddr) -> Option<String> {
    let mut scan = Command::new("ssh-keyscan");
    scan.args([
        "-t",
        "ed25519",
        "-p",
        &address.port().to_string(),
        &address.ip().to_string(),
    ]);
    let piped = scan
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let Ok(child) = piped.spawn() else {
        leave_out("ssh-keyscan (Debian: openssh-client) is missing, so known_hosts was not tried");
        return None;
    };
    let output = tokio::task::spawn_blocking(|| child.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    Some(String::from_utf8(output.stdout).unwrap())
}
