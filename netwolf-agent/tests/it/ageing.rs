//! Sessions that grow old, idle or deaf, and devices that go away: all come back on time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use netwolf_simulator::{Fleet, FleetConfig};
use netwolf_wire::{
    Span, hash,
    status::{Reason, SessionState},
};

use crate::support::*;

#[tokio::test]
async fn a_session_of_the_greatest_age_is_made_anew_between_two_polls() {
    let (fleet, files, mut manager) = (fleet(1).await, Files::new(), Manager::start().await);
    let device = &fleet.devices()[0];
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let plan = plan(ios(), vec![cpu_command(500)]);
    let mut target = target(device, &files);
    target.max_age = Some(Span::from_secs(3));
    let lease = manager.lease(device.name(), target, &plan);
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    link.until("two sessions to have grown old", |world| {
        world.stats.disconnects.get(&Reason::MaxAge) >= Some(&2)
            && world.state(device.name()) == Some(SessionState::Up)
    })
    .await;
    let polls = link.world.polls(device.name());
    link.until("polls", |world| world.polls(device.name()) > polls)
        .await;
    let world = &link.world;
    assert_eq!(world.stats.disconnects.len(), 1, "{:?}", world.stats);
    assert!(world.stats.login_failures.is_empty());
    assert!(
        !world.states[device.name()].contains(&SessionState::Backoff),
        "it did not fail: {:?}",
        world.states
    );
    assert!(device.logins() >= 3);
    assert_eq!(device.sessions(), 1);
    let times: Vec<_> = world
        .samples(device.name())
        .iter()
        .map(|sample| sample.unix_ms)
        .collect();
    let longest = times.windows(2).map(|two| two[1] - two[0]).max().unwrap();
    assert!(longest < 2500, "polls were missed: {longest} ms");
    agent.shutdown().await;
}

/// Waits until a command of a device is due in some five seconds: when it is hangs on a hash of both.
async fn until_before_a_slot(device: &str, command: &str, interval: Duration) {
    let hash = |text: &str| hash::hash64(text.as_bytes());
    let word = hash::combine(hash(device), hash(command));
    let phase = u128::from(word) % interval.as_nanos();
    let is_near = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let since = (now.as_nanos() + interval.as_nanos() - phase) % interval.as_nanos();
        let left = interval.as_nanos() - since;
        (4_500_000_000..5_500_000_000).contains(&left)
    };
    while !is_near() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_device_that_closes_idle_sessions_is_logged_in_to_once_for_each_poll() {
    let (fleet, files, mut manager) = (fleet(1).await, Files::new(), Manager::start().await);
    let device = &fleet.devices()[0];
    // Longer than what a session must last to count as a good one, and shorter than the interval.
    device.update_faults(|faults| faults.exec_timeout = Duration::from_secs(11));
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let plan = plan(ios(), vec![cpu_command(15_000)]);
    let lease = manager.lease(device.name(), target(device, &files), &plan);
    link.plan(&plan).await;
    // Else the device may close the session of the first login just before the first slot.
    until_before_a_slot(device.name(), CPU, Duration::from_secs(15)).await;
    link.assign(vec![lease]).await;
    link.until("the session to be closed", |world| {
        world.state(device.name()) == Some(SessionState::Idle)
    })
    .await;
    let idle = &link.world.statuses[device.name()];
    assert_eq!(idle.failure, None);
    assert!(idle.next_attempt_ms.is_some());
    let before = link.world.polls(device.name());
    link.until("two more polls", |world| {
        world.polls(device.name()) >= before + 2
    })
    .await;
    assert_eq!(device.logins(), 3, "one for each poll behind a close");
    let seen = &link.world.states[device.name()];
    assert!(
        !seen.contains(&SessionState::Backoff),
        "a device that is well was shown as down: {seen:?}"
    );
    let times: Vec<_> = link
        .world
        .samples(device.name())
        .iter()
        .map(|sample| sample.unix_ms)
        .collect();
    let longest = times.windows(2).map(|two| two[1] - two[0]).max().unwrap();
    assert!(longest < 17_000, "a poll was late: {longest} ms");
    let stats = &link.world.stats;
    assert!(
        stats.login_failures.is_empty() && stats.poll_failures.is_empty(),
        "{stats:?}"
    );
    agent.shutdown().await;
}

#[tokio::test]
async fn a_device_that_reboots_is_back_soon_after_it_listens_again() {
    let (fleet, files, mut manager) = (fleet(2).await, Files::new(), Manager::start().await);
    let [rebooting, well] = fleet.devices() else {
        panic!()
    };
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let plan = plan(ios(), vec![cpu_command(200)]);
    let leases = fleet
        .devices()
        .iter()
        .map(|device| manager.lease(device.name(), target(device, &files), &plan))
        .collect();
    link.plan(&plan).await;
    link.assign(leases).await;
    link.until("polls", |world| {
        world.polls(rebooting.name()) > 0 && world.polls(well.name()) > 0
    })
    .await;
    rebooting.reboot(Duration::from_secs(2));
    link.until("the reboot to be noticed", |world| {
        world.stats.login_failures.contains_key(&Reason::Refused)
    })
    .await;
    let polls = link.world.polls(rebooting.name());
    link.until("polls again", |world| {
        world.polls(rebooting.name()) > polls + 2
            && world.state(rebooting.name()) == Some(SessionState::Up)
    })
    .await;
    assert_eq!(link.world.statuses[rebooting.name()].failures, 0);
    assert_eq!((rebooting.logins(), well.logins()), (2, 1));
    agent.shutdown().await;
}

#[tokio::test]
async fn a_half_open_session_is_dead_within_ten_seconds() {
    let (fleet, files, mut manager) = (fleet(1).await, Files::new(), Manager::start().await);
    let device = &fleet.devices()[0];
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let mut cpu = cpu_command(200);
    cpu.timeout = Span::from_secs(2);
    let plan = plan(ios(), vec![cpu]);
    let lease = manager.lease(device.name(), target(device, &files), &plan);
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    link.until("polls", |world| world.polls(device.name()) > 0)
        .await;
    let since = Instant::now();
    device.update_faults(|faults| faults.half_open = true);
    link.until("the session to be given up", |world| {
        world.state(device.name()) != Some(SessionState::Up)
    })
    .await;
    assert!(since.elapsed() < Duration::from_secs(10));
    device.update_faults(|faults| faults.half_open = false);
    let polls = link.world.polls(device.name());
    link.until("polls again", |world| {
        world.polls(device.name()) > polls + 2
    })
    .await;
    agent.shutdown().await;
}

#[tokio::test]
async fn a_device_without_a_free_line_is_logged_in_to_when_one_is_free() {
    let mut config = FleetConfig::new(1, USER, PASSWORD);
    config.vty_lines = 1;
    let fleet = Fleet::start(config).await.unwrap();
    let (files, mut manager) = (Files::new(), Manager::start().await);
    let device = &fleet.devices()[0];
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let plan = plan(ios(), vec![cpu_command(200)]);
    link.plan(&plan).await;
    // Two names of one device: the second login finds its only line taken.
    let first = manager.lease("first", target(device, &files), &plan);
    let epoch = first.epoch;
    link.assign(vec![first]).await;
    link.until("the line to be taken", |world| world.polls("first") > 0)
        .await;
    let second = manager.lease("second", target(device, &files), &plan);
    link.assign(vec![second]).await;
    link.until("the second one to fail", |world| {
        let second = world.statuses.get("second");
        second.is_some_and(|status| status.failures >= 2)
    })
    .await;
    let failure = link.world.statuses["second"].failure.clone().unwrap();
    assert!(
        failure
            .hint
            .as_ref()
            .is_some_and(|hint| hint.contains("VTY")),
        "{failure:?}"
    );
    assert_eq!(link.world.state("first"), Some(SessionState::Up));
    link.revoke("first", epoch).await;
    link.until("the second one to be polled", |world| {
        world.polls("second") > 2
    })
    .await;
    assert_eq!(device.logins(), 2);
    agent.shutdown().await;
}
