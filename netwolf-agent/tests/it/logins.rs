//! Logins by permit: nothing is offered without one, and the manager hears how each ended.

use std::time::Duration;

use netwolf_wire::{
    Span,
    login::{Breaker, LoginOutcome},
    message::{Breakers, Permits, Probe, Show},
    platform::Limits,
    status::{Failure, Reason, SessionState},
};

use crate::support::*;

fn breaker(open: bool) -> Breakers {
    let failure = Failure {
        reason: Reason::CredentialHeld,
        message: "sim-0001 and sim-0002 refused credential \"lab\"".into(),
        hint: Some("put it right and reload".into()),
    };
    Breakers {
        breakers: vec![Breaker {
            credential: "lab".into(),
            open: open.then_some(failure),
        }],
    }
}

#[tokio::test]
async fn nothing_is_offered_before_it_is_permitted_and_every_permit_is_ended() {
    let (fleet, files, mut manager) = (fleet(2).await, Files::new(), Manager::start().await);
    let [good, bad] = fleet.devices() else {
        panic!()
    };
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    link.permits = false;
    let plan = plan(ios(), vec![cpu_command(200)]);
    let mut wrong = target(bad, &files);
    wrong.login.password = Some(files.write("wrong", "incorrect horse"));
    wrong.login.credential = "other".into();
    let leases = vec![
        manager.lease(good.name(), target(good, &files), &plan),
        manager.lease(bad.name(), wrong, &plan),
    ];
    link.plan(&plan).await;
    link.assign(leases).await;
    link.until("both to ask", |world| world.asks.len() == 2)
        .await;
    let beats = link.world.beats;
    link.until("some time", |world| world.beats > beats + 3)
        .await;
    assert_eq!((good.logins(), bad.login_failures()), (0, 0));
    assert_eq!(good.connections(), 1, "its key was verified before");

    let permits = link.world.asks.clone();
    link.send(Permits { permits }).await;
    link.until("both ends", |world| world.ended.len() == 2)
        .await;
    link.until("polls", |world| world.polls(good.name()) > 3)
        .await;
    let world = &link.world;
    assert_eq!(world.ended(good.name(), LoginOutcome::Accepted), 1);
    assert_eq!(world.ended(bad.name(), LoginOutcome::Refused), 1);
    assert_eq!((world.asks.len(), world.ended.len()), (2, 2));
    let status = &world.statuses[bad.name()];
    assert_eq!(status.failures, 1);
    assert!(status.next_attempt_ms.is_some());
    agent.shutdown().await;
}

#[tokio::test]
async fn a_login_without_a_permit_gives_up_in_time_and_costs_nothing() {
    let (fleet, files, mut manager) = (fleet(1).await, Files::new(), Manager::start().await);
    let device = &fleet.devices()[0];
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    link.permits = false;
    let plan = plan(ios(), vec![cpu_command(200)]);
    let mut target = target(device, &files);
    target.connect_timeout = Span::from_secs(3);
    let lease = manager.lease(device.name(), target, &plan);
    let epoch = lease.epoch;
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    link.until("the login to give up", |world| {
        world.reason(device.name()) == Some(Reason::LoginTimeout)
            && world.ended(device.name(), LoginOutcome::Unused) == 1
    })
    .await;
    let failure = link.world.statuses[device.name()].failure.clone().unwrap();
    assert!(failure.message.contains("no permit"), "{failure:?}");
    // It tries again soon, and a lease that ends meanwhile takes its ask with it.
    link.until("another ask", |world| world.asks(device.name()) == 2)
        .await;
    link.revoke(device.name(), epoch).await;
    link.until("the end of the lease", |world| {
        world.revoked.len() == 1 && world.ended.len() == 2
    })
    .await;
    assert_eq!(link.world.ended(device.name(), LoginOutcome::Unused), 2);
    assert_eq!((device.logins(), device.login_failures()), (0, 0));
    agent.shutdown().await;
}

#[tokio::test]
async fn an_open_breaker_keeps_devices_alone_until_a_probe_finds_the_credential_good() {
    let (fleet, files, mut manager) = (fleet(3).await, Files::new(), Manager::start().await);
    let [up, prober, other] = fleet.devices() else {
        panic!()
    };
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let plan = plan(ios(), vec![cpu_command(200)]);
    link.plan(&plan).await;
    let lease = manager.lease(up.name(), target(up, &files), &plan);
    link.assign(vec![lease]).await;
    link.until("the first device to be up", |world| {
        world.polls(up.name()) > 0
    })
    .await;

    // The password is changed on the devices; what is up stays up.
    fleet.set_password("battery staple");
    link.send(breaker(true)).await;
    let leases: Vec<_> = [prober, other]
        .map(|device| manager.lease(device.name(), target(device, &files), &plan))
        .into();
    let epoch = leases[0].epoch;
    let probe = || Probe {
        device: name(prober.name()),
        epoch,
        credential: "lab".into(),
    };
    link.assign(leases).await;
    link.until("both to wait", |world| {
        [prober, other]
            .iter()
            .all(|device| world.reason(device.name()) == Some(Reason::CredentialHeld))
    })
    .await;
    let status = &link.world.statuses[other.name()];
    assert_eq!(status.state, SessionState::Backoff);
    assert!(
        status
            .failure
            .as_ref()
            .unwrap()
            .message
            .contains("sim-0001")
    );
    assert_eq!((prober.connections(), other.connections()), (0, 0));

    link.send(probe()).await;
    link.until("the probe to be refused", |world| {
        world.ended(prober.name(), LoginOutcome::Refused) == 1
    })
    .await;
    files.write("password", "battery staple");
    link.send(probe()).await;
    link.until("the probe to be accepted", |world| {
        world.ended(prober.name(), LoginOutcome::Accepted) == 1
    })
    .await;
    assert_eq!(other.connections(), 0, "a probe is one device's");
    link.send(breaker(false)).await;
    link.until("all to be polled", |world| {
        world.polls(other.name()) > 0 && world.polls(prober.name()) > 0
    })
    .await;
    assert_eq!(fleet.totals().login_failures, 1);
    assert_eq!(up.logins(), 1);
    // A device that is up has nothing to probe with.
    link.send(probe()).await;
    link.until("the probe to be passed on", |world| {
        world.ended(prober.name(), LoginOutcome::Unused) == 1
    })
    .await;
    agent.shutdown().await;
}

#[tokio::test]
async fn without_a_link_a_device_comes_back_by_a_credential_that_was_seen_to_be_good() {
    let (fleet, files, mut manager) = (fleet(2).await, Files::new(), Manager::start().await);
    let [known, fresh] = fleet.devices() else {
        panic!()
    };
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let plan = plan(ios(), vec![cpu_command(200)]);
    let mut unproven = target(fresh, &files);
    unproven.login.credential = "never seen".into();
    let leases = vec![
        manager.lease(known.name(), target(known, &files), &plan),
        manager.lease(fresh.name(), unproven, &plan),
    ];
    link.plan(&plan).await;
    fresh.update_faults(|faults| faults.refuse = true);
    link.assign(leases).await;
    link.until("one to be up and the other not", |world| {
        world.polls(known.name()) > 0 && world.reason(fresh.name()) == Some(Reason::Refused)
    })
    .await;
    drop(link);
    // The shard has noticed when it calls again.
    let unanswered = manager.greet().await;
    fresh.update_faults(|faults| faults.refuse = false);
    known.drop_session();
    eventually("the device to be logged in to again", || {
        known.logins() == 2 && known.sessions() == 1
    })
    .await;
    assert_eq!(fresh.connections(), 0, "it waits for the link");
    drop(unanswered);
    let mut link = manager.welcome().await;
    link.until("both to be up", |world| {
        [known, fresh]
            .iter()
            .all(|device| world.state(device.name()) == Some(SessionState::Up))
    })
    .await;
    assert_eq!(link.world.asks(known.name()), 0, "nobody was there to ask");
    agent.shutdown().await;
}

#[tokio::test]
async fn a_device_never_sees_more_logins_a_minute_than_its_platform_allows() {
    let (fleet, files, mut manager) = (fleet(1).await, Files::new(), Manager::start().await);
    let device = &fleet.devices()[0];
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let mut platform = ios();
    platform.limits = Limits {
        logins_per_minute: Some(2),
        sessions: None,
    };
    let plan = plan(platform, vec![cpu_command(200)]);
    let lease = manager.lease(device.name(), target(device, &files), &plan);
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    for logins in 1..=2 {
        link.until("the device to be up", |world| {
            device.logins() == logins && world.state(device.name()) == Some(SessionState::Up)
        })
        .await;
        device.drop_session();
        link.until("the end of the session", |world| {
            world.stats.disconnects.values().sum::<u64>() == logins
        })
        .await;
    }
    let beats = link.world.beats;
    link.until("five seconds", |world| world.beats > beats + 25)
        .await;
    assert_eq!((device.logins(), device.connections()), (2, 2));
    agent.shutdown().await;
}

#[tokio::test]
async fn outputs_are_shown_on_request_without_secrets_and_beside_the_schedule() {
    let (fleet, files, mut manager) = (fleet(1).await, Files::new(), Manager::start().await);
    let device = &fleet.devices()[0];
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let hourly = |text| command(text, 3_600_000, 5000, Vec::new());
    let plan = plan(ios(), vec![cpu_command(200), hourly("show version")]);
    let lease = manager.lease(device.name(), target(device, &files), &plan);
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    let show = |request, command: Option<&str>| Show {
        request,
        device: name(device.name()),
        command: command.map(Into::into),
    };
    link.until("the device to be up", |world| {
        world.state(device.name()) == Some(SessionState::Up)
    })
    .await;
    for shown in [
        show(1, Some("show version")),
        show(2, None),
        show(3, Some("reload")),
    ] {
        link.send(shown).await;
    }
    link.until("three answers", |world| world.shown.len() == 3)
        .await;
    let by_request = |request| {
        let shown = &link.world.shown;
        shown
            .iter()
            .find(|shown| shown.request == request)
            .unwrap()
            .outputs
            .clone()
    };
    let version = by_request(1);
    assert_eq!(version.len(), 1);
    assert!(version[0].text.contains("Cisco IOS"), "{version:?}");
    assert!(version[0].failure.is_none() && version[0].unix_ms > 0);
    let all: Vec<_> = by_request(2)
        .into_iter()
        .map(|output| output.command)
        .collect();
    assert_eq!(all, [CPU, "show version"]);
    assert_eq!(by_request(3), []);
    let polls = link.world.polls(device.name());
    link.until("the schedule to go on", |world| {
        world.polls(device.name()) > polls + 5
    })
    .await;
    assert_eq!(device.logins(), 1);

    device.drop_session();
    device.update_faults(|faults| faults.refuse = true);
    link.until("the end of the session", |world| {
        world.state(device.name()) == Some(SessionState::Backoff)
    })
    .await;
    link.send(show(4, None)).await;
    link.until("an answer", |world| {
        world.shown.iter().any(|shown| shown.request == 4)
    })
    .await;
    assert_eq!(link.world.shown.last().unwrap().outputs, []);
    agent.shutdown().await;
}

/// How the login of a device is told that lets in and says nothing more, and then loses its lease.
async fn end_of_a_login_that_is_cut_short(has_enable_secret: bool) -> Vec<LoginOutcome> {
    let (fleet, files, mut manager) = (fleet(1).await, Files::new(), Manager::start().await);
    let device = &fleet.devices()[0];
    device.update_faults(|faults| faults.latency = Duration::from_mins(1));
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let plan = plan(ios(), vec![cpu_command(200)]);
    let mut target = target(device, &files);
    // Nothing but the revocation ends it.
    target.connect_timeout = Span::from_secs(600);
    target.login.enable_secret = has_enable_secret.then(|| files.write("enable", "open sesame\n"));
    let lease = manager.lease(device.name(), target, &plan);
    let epoch = lease.epoch;
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    link.until("the password to be sent", |_| device.logins() == 1)
        .await;
    link.revoke(device.name(), epoch).await;
    link.until("the end of the lease", |world| world.revoked.len() == 1)
        .await;
    link.until("the end of the login", |world| !world.ended.is_empty())
        .await;
    agent.shutdown().await;
    let ended = link.world.ended.iter();
    ended.map(|login| login.outcome).collect()
}

#[tokio::test]
async fn a_permit_ends_when_the_device_lets_in() {
    let ends = end_of_a_login_that_is_cut_short(false).await;
    assert_eq!(ends, [LoginOutcome::Accepted]);
}

#[tokio::test]
async fn a_login_that_is_cut_short_before_its_enable_secret_has_its_permit_ended() {
    let ends = end_of_a_login_that_is_cut_short(true).await;
    assert_eq!(ends, [LoginOutcome::Unclear]);
}
