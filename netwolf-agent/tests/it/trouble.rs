//! Devices in trouble: each has a clear state, and none disturbs its neighbours.

use std::{net::TcpListener, time::Duration};

use netwolf_wire::{
    Span,
    status::{Reason, SessionState},
};

use crate::support::*;

#[tokio::test]
async fn every_kind_of_trouble_has_its_state_and_disturbs_nobody() {
    let (fleet, files, mut manager) = (fleet(6).await, Files::new(), Manager::start().await);
    let [well, password, refused, host, mute, secret] = fleet.devices() else {
        panic!()
    };
    mute.update_faults(|faults| faults.mute = true);
    // A port that nobody listens on.
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();

    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let plan = plan(ios(), vec![cpu_command(200)]);
    let mut leases = vec![manager.lease(well.name(), target(well, &files), &plan)];
    let mut add = |device: &netwolf_simulator::DeviceHandle,
                   change: &dyn Fn(&mut netwolf_wire::target::Target)| {
        let mut target = target(device, &files);
        change(&mut target);
        leases.push(manager.lease(device.name(), target, &plan));
    };
    let wrong = files.write("wrong", "incorrect horse");
    add(password, &|target| {
        target.login.password = Some(wrong.clone());
    });
    add(refused, &|target| target.port = closed);
    add(host, &|target| {
        target.address = "no-such-device.invalid".into();
    });
    add(mute, &|target| {
        target.connect_timeout = Span::from_millis(700);
    });
    add(secret, &|target| {
        target.login.password = Some(files.secret("missing"));
    });
    link.plan(&plan).await;
    link.assign(leases).await;

    let expected = [
        (password, Reason::AuthFailed),
        (refused, Reason::Refused),
        (host, Reason::UnknownHost),
        (mute, Reason::HandshakeTimeout),
        (secret, Reason::SecretUnavailable),
    ];
    link.until("each trouble to be told", |world| {
        expected
            .iter()
            .all(|(device, reason)| world.reason(device.name()) == Some(*reason))
    })
    .await;
    for (device, reason) in expected {
        let failure = link.world.statuses[device.name()].failure.clone().unwrap();
        assert!(failure.hint.is_some(), "{failure:?}");
        assert!(!failure.message.contains("incorrect horse"), "{failure:?}");
        assert_ne!(link.world.state(device.name()), Some(SessionState::Up));
        link.until("the counter", |world| {
            world
                .stats
                .login_failures
                .get(&reason)
                .is_some_and(|n| *n > 0)
        })
        .await;
    }
    // The one that is well has been polled all the time, and goes on; the wrong password was sent once.
    let polls = link.world.polls(well.name());
    link.until("ten more polls", |world| {
        world.polls(well.name()) >= polls + 10
    })
    .await;
    assert_eq!(well.logins(), 1);
    assert_eq!((password.login_failures(), password.logins()), (1, 0));
    agent.shutdown().await;
}

#[tokio::test]
async fn a_device_that_hangs_is_interrupted_and_then_logged_in_to_again() {
    let (fleet, files, mut manager) = (fleet(2).await, Files::new(), Manager::start().await);
    let [hanging, well] = fleet.devices() else {
        panic!()
    };
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let mut cpu = cpu_command(200);
    cpu.timeout = Span::from_millis(300);
    let plan = plan(ios(), vec![cpu]);
    let leases = fleet
        .devices()
        .iter()
        .map(|device| manager.lease(device.name(), target(device, &files), &plan));
    let leases = leases.collect();
    link.plan(&plan).await;
    link.assign(leases).await;
    link.until("first polls", |world| {
        world.polls(hanging.name()) > 0 && world.polls(well.name()) > 0
    })
    .await;

    hanging.update_faults(|faults| faults.hang = true);
    let polls = link.world.polls(well.name());
    link.until("the session to be given up", |world| {
        world
            .stats
            .disconnects
            .contains_key(&Reason::CommandTimeout)
    })
    .await;
    assert!(
        link.world.polls(well.name()) > polls,
        "the neighbour was polled meanwhile"
    );
    link.until("the command to be told of", |world| {
        world.fails(hanging.name(), Reason::CommandTimeout)
    })
    .await;
    hanging.update_faults(|faults| faults.hang = false);
    let polls = link.world.polls(hanging.name());
    link.until("polls again", |world| {
        world.polls(hanging.name()) > polls + 2
    })
    .await;
    link.until("the command to be well", |world| {
        !world.fails(hanging.name(), Reason::CommandTimeout)
    })
    .await;
    assert!(hanging.logins() >= 2);
    assert_eq!(well.logins(), 1);
    agent.shutdown().await;
}

#[tokio::test]
async fn a_slow_answer_is_interrupted_and_the_session_stays() {
    let (fleet, files, mut manager) = (fleet(1).await, Files::new(), Manager::start().await);
    let device = &fleet.devices()[0];
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let mut cpu = cpu_command(300);
    cpu.timeout = Span::from_millis(500);
    let plan = plan(ios(), vec![cpu]);
    let lease = manager.lease(device.name(), target(device, &files), &plan);
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    link.until("a poll", |world| world.polls(device.name()) > 0)
        .await;
    device.update_faults(|faults| faults.latency = Duration::from_secs(30));
    link.until("two timeouts", |world| {
        world.stats.poll_failures.get(&Reason::CommandTimeout) >= Some(&2)
    })
    .await;
    link.until("skipped polls", |world| world.stats.polls_skipped > 0)
        .await;
    device.update_faults(|faults| faults.latency = Duration::ZERO);
    let polls = link.world.polls(device.name());
    link.until("polls again", |world| {
        world.polls(device.name()) > polls + 2
    })
    .await;
    assert!(
        link.world.stats.disconnects.is_empty(),
        "{:?}",
        link.world.stats
    );
    assert_eq!(device.logins(), 1);
    agent.shutdown().await;
}

#[tokio::test]
async fn a_flood_is_cut_and_does_not_drown_the_neighbours() {
    let (fleet, files, mut manager) = (fleet(2).await, Files::new(), Manager::start().await);
    let [flooding, well] = fleet.devices() else {
        panic!()
    };
    flooding.update_faults(|faults| faults.flood = 6 << 20);
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let mut cpu = cpu_command(500);
    cpu.timeout = Span::from_secs(40);
    let plan = plan(ios(), vec![cpu]);
    let leases = fleet
        .devices()
        .iter()
        .map(|device| manager.lease(device.name(), target(device, &files), &plan));
    let leases = leases.collect();
    link.plan(&plan).await;
    link.assign(leases).await;
    link.until("the flood to be told of", |world| {
        world
            .stats
            .poll_failures
            .contains_key(&Reason::OutputTruncated)
            && world.fails(flooding.name(), Reason::OutputTruncated)
    })
    .await;
    assert!(link.world.polls(well.name()) > 0);
    flooding.update_faults(|faults| faults.flood = 0);
    link.until("the device to be well again", |world| {
        !world.fails(flooding.name(), Reason::OutputTruncated)
            && !world.samples(flooding.name()).is_empty()
    })
    .await;
    assert_eq!((flooding.logins(), well.logins()), (1, 1));
    agent.shutdown().await;
}

#[tokio::test]
async fn a_session_that_the_device_drops_is_made_again() {
    let (fleet, files, mut manager) = (fleet(1).await, Files::new(), Manager::start().await);
    let device = &fleet.devices()[0];
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let plan = plan(ios(), vec![cpu_command(200)]);
    let lease = manager.lease(device.name(), target(device, &files), &plan);
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    link.until("a poll", |world| world.polls(device.name()) > 0)
        .await;
    device.drop_session();
    link.until("the end of the session", |world| {
        !world.stats.disconnects.is_empty()
    })
    .await;
    let polls = link.world.polls(device.name());
    link.until("polls again", |world| {
        world.polls(device.name()) > polls + 2
    })
    .await;
    assert_eq!(device.logins(), 2);
    assert_eq!(link.world.state(device.name()), Some(SessionState::Up));
    agent.shutdown().await;
}

#[tokio::test]
async fn a_refused_command_and_output_that_does_not_fit_are_told_by_name() {
    let (fleet, files, mut manager) = (fleet(1).await, Files::new(), Manager::start().await);
    let device = &fleet.devices()[0];
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let commands = vec![
        cpu_command(200),
        command(
            "show nonsense",
            200,
            5000,
            vec![gauge("netwolf_a", r"(?P<value>\d+)")],
        ),
        command(
            "show clock",
            200,
            5000,
            vec![gauge("netwolf_never", r"never (?P<value>\d+)")],
        ),
    ];
    let plan = plan(ios(), commands);
    let lease = manager.lease(device.name(), target(device, &files), &plan);
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    link.until("both faults", |world| {
        world.fails(device.name(), Reason::CommandRejected)
            && world.fails(device.name(), Reason::ParseFailed)
    })
    .await;
    let failing = &link.world.statuses[device.name()].failing;
    let rejected = failing
        .iter()
        .find(|failing| failing.command == "show nonsense")
        .unwrap();
    assert!(
        rejected
            .failure
            .message
            .contains("% Invalid input detected"),
        "{rejected:?}"
    );
    assert!(
        failing
            .iter()
            .any(|failing| failing.command == "show clock")
    );
    link.until("samples of the command that is well", |world| {
        world.samples(device.name()).len() > 5
    })
    .await;
    assert_eq!(device.logins(), 1);
    agent.shutdown().await;
}
