//! Faults of the network between the manager and one agent, by way of the [proxy](crate::proxy).

use std::time::{Duration, Instant};

use crate::{
    lab::{self, PATIENCE, eventually},
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

/// Waits until `agent` is linked and has nothing left to send.
fn caught_up(scene: &Scene, agent: &str) -> Duration {
    let since = Instant::now();
    eventually(PATIENCE, "a link without a backlog", || {
        let of = |metric: &str| {
            scene.metric(&format!(
                "netwolf_agent_{metric}{{agent=\"{agent}\",shard=\"0\"}}"
            ))
        };
        // From one heartbeat to the next a second's polls wait for their acknowledgement.
        let usual = 2.0 * of("devices")?;
        match (of("up")?, of("buffered_polls")?) {
            (1.0, buffered) if buffered <= usual => Ok(since.elapsed()),
            (up, buffered) => Err(format!("up {up}, {buffered} polls wait")),
        }
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
    let n_devices = scene.devices.fleet().devices().len() as f64;
    let page = scene.manager.metrics().unwrap();
    let per_poll = page.series("netwolf_cpu_utilization_ratio", &[]).count() as f64 / n_devices;
    assert!(per_poll >= 1.0);
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
        let healed = caught_up(&scene, "a1");
        let gaps = scene.watch.gaps();
        let polls = scene.watch.polls() - polls;
        measured.push((way, healed, gaps.longest(), polls));
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
    caught_up(&scene, "a1");
    let page = scene.manager.metrics().unwrap();
    let taken = page.value("netwolf_manager_samples_total").unwrap() / per_poll;
    let dropped = page.sum("netwolf_agent_dropped_polls_total");
    table::row(
        "three cuts of a link, healed",
        &format!(
            "the devices answered {polls} polls, {taken} came in, {dropped} were dropped; the rest came twice"
        ),
        "no sample lost",
    );
    assert_eq!(dropped, 0.0);
    // What was under way at a cut may come twice: what was sent since the last heartbeat that was answered.
    let twice = 3.0 * 2.0 * n_devices;
    assert!((polls as f64..polls as f64 + twice).contains(&taken));
    for (way, healed, longest, polls) in &measured {
        table::row(
            &format!("link cut {way} for {}", seconds(length())),
            &format!(
                "{polls} polls meanwhile, caught up {} after healing; longest gap {}",
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
