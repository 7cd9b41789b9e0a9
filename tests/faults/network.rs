//! Faults of the network between the manager and one agent, and between agents and devices, by way of the
//! [proxy](crate::proxy).

use std::time::{Duration, Instant};

use crate::{
    lab::{self, PATIENCE, Page, eventually},
    proxy::{Mode, Proxy},
    scene::{Scene, length, seconds},
    table,
};

/// Three agents, the first of them behind a proxy.
fn behind_a_proxy(settings: &str) -> (Scene, Proxy) {
    let mut scene = Scene::start(settings);
    let proxy = Proxy::start(scene.manager.agents.parse().unwrap(), 1);
    scene.agent_by("a1", &proxy.address().to_string());
    scene.agent("a2");
    scene.agent("a3");
    scene.steady();
    (scene, proxy)
}

/// Samples that the agents have made, by their last heartbeats, and that the manager has taken in.
fn samples(scene: &Scene) -> Result<(f64, f64), String> {
    let page = scene.manager.metrics()?;
    // Of an agent that is not linked the page tells nothing.
    let linked = page.sum("netwolf_agent_up");
    if linked != 3.0 {
        return Err(format!("{linked} agents are linked"));
    }
    let taken = page.value("netwolf_manager_samples_total");
    Ok((
        page.sum("netwolf_agent_samples_total"),
        taken.unwrap_or(0.0),
    ))
}

/// Waits until all samples that were made have come in.
fn caught_up(scene: &Scene) -> Duration {
    let since = Instant::now();
    let (before, _) = eventually(PATIENCE, "three agents", || samples(scene));
    eventually(PATIENCE, "all samples", || match samples(scene)? {
        // The first look may be older than the cut.
        (made, taken) if made > before && taken >= made => Ok(since.elapsed()),
        (made, taken) => Err(format!("{taken} of {made} came in")),
    })
}

#[test]
fn a_link_that_is_cut_and_heals_loses_no_sample_and_the_devices_see_no_gap() {
    // Nobody else takes the devices over, so that every sample comes by the link that was cut.
    let timing = "timing: { link_grace: 2m, takeover: 2m, autonomy: 10m }";
    let (scene, proxy) = behind_a_proxy(timing);
    let cuts = [
        ("both ways", Mode::Silence, Mode::Silence),
        ("to the manager", Mode::Silence, Mode::Pass),
        ("to the agent", Mode::Pass, Mode::Silence),
    ];
    let mut measured = Vec::new();
    for (way, up, down) in cuts {
        scene.begin();
        let polls = scene.watch.polls();
        proxy.up(up);
        proxy.down(down);
        lab::holds(length(), "a cut", || Ok(()));
        // What was under way is lost with the connection: after so long a kernel gives it up.
        proxy.reset();
        proxy.both(Mode::Pass);
        let healed = caught_up(&scene);
        let (longest, polls) = (scene.watch.gaps().longest(), scene.watch.polls() - polls);
        measured.push((way, healed, longest, polls));
    }
    // To count to the last sample, polls must end: an hour's interval lets no more come, but the first.
    let text = std::fs::read_to_string(&scene.config).unwrap();
    std::fs::write(
        &scene.config,
        text.replace("interval: 1s,", "interval: 1h,"),
    )
    .unwrap();
    scene.manager.reload().unwrap();
    let calm = || {
        let before = scene.watch.polls();
        lab::holds(Duration::from_secs(3), "calm", || Ok(()));
        if scene.watch.polls() == before {
            Ok(before)
        } else {
            Err("polls go on".into())
        }
    };
    let polls = eventually(PATIENCE, "the end of polls", calm);
    // A poll that was under way when the new plan came is of the old one, and counts as skipped.
    let told = |page: &Page| {
        page.sum("netwolf_agent_polls_total") + page.sum("netwolf_agent_polls_skipped_total")
    };
    let page = eventually(PATIENCE, "the last heartbeats", || {
        let before = told(&scene.manager.metrics()?);
        lab::holds(Duration::from_secs(3), "heartbeats", || Ok(()));
        let page = scene.manager.metrics()?;
        match told(&page) {
            now if now == before && now >= polls as f64 => Ok(page),
            now => Err(format!("{before}, then {now} of {polls} polls")),
        }
    });
    // Heartbeats overtake samples.
    let (made, taken) = eventually(PATIENCE, "the last samples", || match samples(&scene)? {
        (made, taken) if taken >= made => Ok((made, taken)),
        (made, taken) => Err(format!("{taken} of {made} came in")),
    });
    let dropped = page.sum("netwolf_agent_dropped_polls_total");
    table::row(
        "three cuts of a link, healed",
        &format!(
            "{polls} polls answered by the devices, {made} samples made of them, {taken} came in, {dropped} polls dropped"
        ),
        "no sample lost; those under way at a cut may come twice",
    );
    assert_eq!(dropped, 0.0);
    for (way, healed, longest, polls) in &measured {
        table::row(
            &format!("link cut {way} for {}", seconds(length())),
            &format!(
                "{polls} polls meanwhile, all came in {} after healing; longest gap {}",
                seconds(*healed),
                seconds(*longest)
            ),
            "no sample lost after healing, no gap at the devices",
        );
        assert!(
            *longest < Duration::from_millis(2_500),
            "{way}: {longest:?}"
        );
    }
}

#[test]
fn an_agent_that_never_hears_the_manager_loses_its_devices_to_those_that_do() {
    let (scene, proxy) = behind_a_proxy("timing: { autonomy: 8s }");
    scene.begin();
    proxy.down(Mode::Silence);
    lab::holds(Duration::from_secs(20), "the cut", || Ok(()));
    let longest = scene.watch.gaps().longest();
    let counts = scene.counts().unwrap();
    table::row(
        "link cut to the agent for longer than its autonomy",
        &format!("longest gap {}; {counts:?}", seconds(longest)),
        "others take over",
    );
    proxy.both(Mode::Pass);
    assert!(longest < Duration::from_millis(3_500), "{longest:?}");
    assert!(!counts.contains_key("a1"), "{counts:?}");
}

#[test]
fn devices_behind_a_bad_network_cost_the_others_nothing_and_show_nothing_wrong() {
    const TIME: Duration = Duration::from_secs(10);
    let (least, jitter) = (Duration::from_millis(100), Duration::from_millis(400));
    let modes = [
        ("late", Mode::Delay { least, jitter }),
        (
            "narrow",
            Mode::Bandwidth {
                bytes_per_second: 4_000,
            },
        ),
        (
            "slow to read",
            Mode::SlowReader {
                bytes: 16,
                pause: Duration::from_millis(20),
            },
        ),
        ("silent", Mode::Silence),
        ("flipped", Mode::Flip { one_in: 2_000 }),
        ("reset", Mode::Pass),
    ];
    let mut proxies = Vec::new();
    let mut scene = Scene::start_by(|devices| {
        let mut text = devices.inventory();
        for (device, seed) in devices.fleet().devices().iter().zip(1..).take(modes.len()) {
            let proxy = Proxy::start(device.address(), seed);
            let port = |address: std::net::SocketAddr| format!("port: {},", address.port());
            text = text.replace(&port(device.address()), &port(proxy.address()));
            proxies.push(proxy);
        }
        text
    });
    scene.start_agents();
    let devices = scene.devices.fleet().devices();
    let bad: Vec<_> = devices[..modes.len()]
        .iter()
        .map(netwolf_simulator::DeviceHandle::name)
        .collect();
    let good = |device: &str| !bad.contains(&device);
    let (before, _) = scene.calmest(TIME, good, || Ok(()));
    scene.begin();
    for (proxy, (_, mode)) in proxies.iter().zip(modes) {
        proxy.both(mode);
    }
    let (after, _) = scene.calmest(TIME, good, || {
        proxies.last().unwrap().reset();
        let page = scene.manager.metrics()?;
        let loads = page.series("netwolf_cpu_utilization_ratio", &[]);
        let wrong: Vec<_> = loads
            .filter(|(_, load)| !(0.0..=1.0).contains(load))
            .collect();
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(format!("{wrong:?}"))
        }
    });
    let gaps = scene.watch.gaps();
    let polled = |name: &str| {
        let gaps = gaps.of(|device| device == name);
        seconds(gaps.longest())
    };
    let waits: Vec<_> = modes
        .iter()
        .zip(&bad)
        .map(|((mode, _), name)| (*mode, polled(name)))
        .collect();
    table::row(
        "a bad network to six devices",
        &format!(
            "p99 of the gaps of the others {:.0} ms before and {:.0} ms after; longest waits of the six {waits:?}",
            before.as_secs_f64() * 1e3,
            after.as_secs_f64() * 1e3
        ),
        "no effect on the others, no wrong value",
    );
    assert!(after < before + Duration::from_millis(50));
    for proxy in &proxies {
        proxy.both(Mode::Pass);
    }
    // A credential that was sent and never answered, or a host key that flipped, is left alone for so long.
    let longest_wait = Duration::from_mins(2);
    eventually(longest_wait + PATIENCE, "all devices up again", || {
        lab::are_up(&scene.manager.web, devices.len() as f64)
    });
}
