//! Leases: new ones, changed ones, revoked ones.

use std::{collections::BTreeSet, net::TcpListener};

use netwolf_wire::{Epoch, message::Revoke, status::SessionState};

use crate::support::*;

#[tokio::test]
async fn a_new_plan_keeps_the_session_and_a_new_target_makes_another() {
    let (fleet, files, mut manager) = (fleet(2).await, Files::new(), Manager::start().await);
    let [first, second] = fleet.devices() else {
        panic!()
    };
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let cpu = plan(ios(), vec![cpu_command(200)]);
    let lease = manager.lease("r1", target(first, &files), &cpu);
    link.plan(&cpu).await;
    link.assign(vec![lease]).await;
    link.until("samples", |world| !world.samples("r1").is_empty())
        .await;

    let users = gauge("netwolf_users_line", r"(?m)^\*\s+(?P<value>\d+)");
    let more = plan(
        ios(),
        vec![
            cpu_command(200),
            command("show users", 200, 5000, vec![users]),
        ],
    );
    let lease = manager.lease("r1", target(first, &files), &more);
    let epoch = lease.epoch;
    link.plan(&more).await;
    link.assign(vec![lease]).await;
    link.until("samples of the new command", |world| {
        world
            .samples("r1")
            .iter()
            .any(|sample| sample.series.starts_with("netwolf_users_line"))
    })
    .await;
    link.until("the new epoch", |world| world.statuses["r1"].epoch == epoch)
        .await;
    assert_eq!(first.logins(), 1, "the session stayed");

    let lease = manager.lease("r1", target(second, &files), &more);
    link.assign(vec![lease]).await;
    link.until("a session with the new target", |_| second.sessions() == 1)
        .await;
    assert_eq!(
        (first.sessions(), second.logins()),
        (0, 1),
        "the old session was closed first"
    );
    let polls = link.world.polls("r1");
    link.until("polls", |world| {
        world.polls("r1") > polls + 2 && world.state("r1") == Some(SessionState::Up)
    })
    .await;
    agent.shutdown().await;
}

#[tokio::test]
async fn a_lease_is_given_up_when_it_is_revoked_and_only_then() {
    let (fleet, files, mut manager) = (fleet(2).await, Files::new(), Manager::start().await);
    let [first, second] = fleet.devices() else {
        panic!()
    };
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let plan = plan(ios(), vec![cpu_command(200)]);
    let leases =
        [first, second].map(|device| manager.lease(device.name(), target(device, &files), &plan));
    let epochs = [leases[0].epoch, leases[1].epoch];
    link.plan(&plan).await;
    link.assign(leases.into()).await;
    link.until("polls", |world| {
        world.polls(first.name()) > 0 && world.polls(second.name()) > 0
    })
    .await;

    // An epoch that is not held is answered, and nothing else happens.
    link.revoke(first.name(), netwolf_wire::Epoch(999)).await;
    link.until("the answer", |world| world.revoked.len() == 1)
        .await;
    link.revoke(first.name(), epochs[0]).await;
    link.until("the answer", |world| {
        world.revoked.contains(&(first.name().into(), epochs[0]))
    })
    .await;
    eventually("the session to be closed", || first.sessions() == 0).await;
    let commands = first.commands();
    let polls = link.world.polls(second.name());
    link.until("the other one to go on", |world| {
        world.polls(second.name()) > polls + 5
    })
    .await;
    assert_eq!(first.commands(), commands, "nothing is run without a lease");
    assert_eq!(second.logins(), 1);
    agent.shutdown().await;
}

#[tokio::test]
async fn a_thousand_leases_are_given_up_at_once_over_the_same_link() {
    let (fleet, files, mut manager) = (fleet(1).await, Files::new(), Manager::start().await);
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let plan = plan(ios(), vec![cpu_command(200)]);
    // A port that nobody listens on: a thousand tasks that wait to try again.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let leases: Vec<_> = (0..1000)
        .map(|n| {
            let mut target = target(&fleet.devices()[0], &files);
            target.port = port;
            manager.lease(&format!("r{n}"), target, &plan)
        })
        .collect();
    let named: Vec<_> = leases
        .iter()
        .map(|lease| (lease.job.device.clone(), lease.epoch))
        .collect();
    link.plan(&plan).await;
    link.assign(leases).await;
    link.until("the devices to be there", |world| {
        world.stats.devices == 1000
    })
    .await;

    let revoke = Revoke {
        leases: named.clone(),
    };
    let expected: BTreeSet<(String, Epoch)> = named
        .into_iter()
        .map(|(device, epoch)| (device.to_string(), epoch))
        .collect();
    // The first time they are held, the second time they are not.
    for _ in 0..2 {
        link.world.revoked.clear();
        link.send(revoke.clone()).await;
        link.until("a thousand answers", |world| world.revoked.len() >= 1000)
            .await;
        let answered: BTreeSet<_> = link.world.revoked.drain(..).collect();
        assert!(answered == expected);
    }
    let beats = link.world.beats;
    link.until("the link to go on", |world| world.beats > beats + 2)
        .await;
    agent.shutdown().await;
}
