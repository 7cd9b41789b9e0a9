//! The link to the manager: lost, refused, silent, and the goodbye.

use std::time::{Duration, Instant};

use netwolf_agent::{AgentError, ShardError};
use netwolf_wire::{
    Span,
    message::{Dismissed, Drain, Refused, Timing},
    status::SessionState,
    version,
};

use crate::support::*;

#[tokio::test]
async fn polls_of_an_outage_are_replayed_with_their_times_and_sessions_stay() {
    let (fleet, files, mut manager) = (fleet(2).await, Files::new(), Manager::start().await);
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let plan = plan(ios(), vec![cpu_command(200)]);
    let leases: Vec<_> = fleet
        .devices()
        .iter()
        .map(|device| manager.lease(device.name(), target(device, &files), &plan))
        .collect();
    link.plan(&plan).await;
    link.assign(leases.clone()).await;
    link.until("polls", |world| {
        fleet
            .devices()
            .iter()
            .all(|device| world.polls(device.name()) >= 3)
    })
    .await;
    let last_before: Vec<_> = fleet
        .devices()
        .iter()
        .map(|device| link.world.samples(device.name()).last().unwrap().unix_ms)
        .collect();

    // The link is cut, and the agent's next hello is left without an answer for a while.
    drop(link);
    let commands = fleet.totals().commands;
    let unanswered = manager.greet().await;
    eventually("polls during the outage", || {
        fleet.totals().commands >= commands + 20
    })
    .await;
    drop(unanswered);
    let mut link = manager.welcome().await;
    let mut running: Vec<_> = link
        .hello
        .running
        .iter()
        .map(|running| (running.device.clone(), running.epoch, running.job))
        .collect();
    running.sort();
    let expected: Vec<_> = leases
        .iter()
        .map(|lease| (lease.job.device.clone(), lease.epoch, lease.job.digest()))
        .collect();
    assert_eq!(running, expected, "the hello says what runs");

    link.until("polls after the outage", |world| {
        fleet
            .devices()
            .iter()
            .all(|device| world.polls(device.name()) >= 15)
    })
    .await;
    for (device, last_before) in fleet.devices().iter().zip(last_before) {
        let times: Vec<_> = link
            .world
            .samples(device.name())
            .iter()
            .map(|sample| sample.unix_ms)
            .collect();
        assert!(
            times[0] <= last_before + 1000,
            "nothing between is missing: {last_before} {times:?}"
        );
        assert!(
            times.windows(2).all(|pair| pair[0] < pair[1]),
            "in the order of time: {times:?}"
        );
        assert_eq!(device.logins(), 1);
        assert_eq!(
            link.world.state(device.name()),
            Some(SessionState::Up),
            "statuses are told again"
        );
    }
    link.until("the buffer to be empty", |world| {
        world.beats > 1 && world.stats.buffered_polls == 0
    })
    .await;
    assert_eq!(link.world.stats.dropped_polls, 0);
    agent.shutdown().await;
}

#[tokio::test]
async fn an_agent_without_a_manager_gives_its_leases_up_in_the_end() {
    let (fleet, files, mut manager) = (fleet(1).await, Files::new(), Manager::start().await);
    let device = &fleet.devices()[0];
    let agent = manager.agent("a1");
    let timing = Timing {
        autonomy: Span::from_secs(2),
        exclusive: Span::from_secs(2),
        ..timing()
    };
    let mut link = manager.welcome_with(timing).await;
    let plan = plan(ios(), vec![cpu_command(200)]);
    let lease = manager.lease(device.name(), target(device, &files), &plan);
    let epoch = lease.epoch;
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    link.until("polls", |world| world.polls(device.name()) > 2)
        .await;
    // The manager hears, but renews nothing any more.
    link.renews = false;
    link.until("the lease to be given up", |world| {
        world.revoked.contains(&(device.name().into(), epoch))
    })
    .await;
    eventually("the session to be closed", || device.sessions() == 0).await;
    link.until("an empty shard", |world| world.stats.devices == 0)
        .await;

    // The same without a link at all.
    drop(link);
    let mut link = manager.welcome_with(timing).await;
    assert!(link.hello.running.is_empty());
    assert!(link.hello.silent.get() >= timing.autonomy.get());
    // A lease that comes before the shard has shown that it hears runs from when it heard something last.
    link.until("a heartbeat", |world| world.beats > 0).await;
    let lease = manager.lease(device.name(), target(device, &files), &plan);
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    link.until("polls", |world| world.polls(device.name()) > 2)
        .await;
    drop((link, manager));
    eventually("the session to be closed", || device.sessions() == 0).await;
    agent.shutdown().await;
}

#[tokio::test]
async fn an_agent_that_leaves_polls_on_until_it_is_dismissed() {
    let (fleet, files, mut manager) = (fleet(2).await, Files::new(), Manager::start().await);
    let mut agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let plan = plan(ios(), vec![cpu_command(200)]);
    let devices = fleet.devices();
    let leases: Vec<_> = devices
        .iter()
        .map(|device| manager.lease(device.name(), target(device, &files), &plan))
        .collect();
    let (gone, stays) = (leases[0].epoch, devices[1].name());
    link.plan(&plan).await;
    link.assign(leases).await;
    link.until("polls", |world| world.polls.len() == 2).await;

    // An operator's wish comes by the link and ends as the agent's own does.
    link.send(Drain {}).await;
    link.until("word that it leaves", |world| world.leaving)
        .await;
    link.revoke(devices[0].name(), gone).await;
    link.until("the device to be given up", |world| {
        world.revoked.contains(&(devices[0].name().into(), gone))
    })
    .await;
    let polls = link.world.polls(stays);
    link.until("polls of what is left", |world| {
        world.polls(stays) > polls + 3
    })
    .await;

    // It says so again on the next link.
    drop(link);
    let mut link = manager.welcome().await;
    link.until("word that it leaves", |world| world.leaving)
        .await;
    link.send(Dismissed {}).await;
    link.until_closed().await;
    assert!(link.world.goodbye);
    let ended = tokio::time::timeout(PATIENCE, agent.ended()).await;
    assert!(matches!(ended, Ok(Ok(()))), "{ended:?}");
    eventually("all sessions to be closed", || fleet.totals().sessions == 0).await;
    agent.shutdown().await;
}

#[tokio::test]
async fn an_agent_that_has_no_manager_leaves_at_once() {
    let manager = Manager::start().await;
    let mut agent = manager.agent("a1");
    assert!(!agent.leave().ask());
    assert!(agent.leave().ask(), "it was asked before");
    let ended = tokio::time::timeout(PATIENCE, agent.ended()).await;
    assert!(matches!(ended, Ok(Ok(()))), "{ended:?}");
}

#[tokio::test]
async fn a_shutdown_closes_sessions_says_goodbye_and_is_quick() {
    let (fleet, files, mut manager) = (fleet(20).await, Files::new(), Manager::start().await);
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let plan = plan(ios(), vec![cpu_command(200)]);
    let leases = fleet
        .devices()
        .iter()
        .map(|device| manager.lease(device.name(), target(device, &files), &plan));
    let leases = leases.collect();
    link.plan(&plan).await;
    link.assign(leases).await;
    link.until("all to be polled", |world| world.polls.len() == 20)
        .await;
    let started = Instant::now();
    let (took, ()) = tokio::join!(
        async {
            agent.shutdown().await;
            started.elapsed()
        },
        link.until_closed(),
    );
    assert!(link.world.goodbye);
    // The bound is one second of the agent's own time; a busy machine adds to it.
    assert!(took < Duration::from_secs(3), "{took:?}");
    eventually("all sessions to be closed", || fleet.totals().sessions == 0).await;
}

#[tokio::test]
async fn a_manager_that_is_silent_is_left_and_found_again() {
    let mut manager = Manager::start().await;
    let agent = manager.agent("a1");
    let timing = Timing {
        silence: Span::from_millis(600),
        ..timing()
    };
    let mut link = manager.welcome_with(timing).await;
    link.until("heartbeats", |world| world.beats >= 3).await;
    link.renews = false;
    link.until_closed().await;
    let mut link = manager.welcome_with(timing).await;
    link.until("heartbeats", |world| world.beats >= 3).await;
    agent.shutdown().await;
}

#[tokio::test]
async fn a_refusal_is_taken_at_its_word() {
    let mut manager = Manager::start().await;
    let mut agent = manager.agent("a1");
    let refuse = |retry| Refused {
        protocol: version::CURRENT,
        message: "another agent has this name".into(),
        retry,
    };
    let mut link = manager.greet().await;
    link.send(refuse(true)).await;
    link.until_closed().await;
    let mut link = manager.greet().await;
    link.send(refuse(false)).await;
    match tokio::time::timeout(PATIENCE, agent.ended()).await.unwrap() {
        Err(AgentError::Shard(ShardError::Refused(message))) => {
            assert_eq!(message, "another agent has this name");
        }
        other => panic!("{other:?}"),
    }
    agent.shutdown().await;
}
