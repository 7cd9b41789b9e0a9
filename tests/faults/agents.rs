//! Faults of agents: killed, asleep.

use std::time::{Duration, Instant};

use crate::{
    lab::{PATIENCE, eventually},
    scene::{Scene, length, seconds},
    table,
};

#[test]
fn the_devices_of_a_killed_agent_are_polled_again_within_five_seconds() {
    let mut scene = Scene::with_agents("");
    let its = scene.of("a1");
    scene.begin();
    scene.agents.remove(0).kill();
    scene.watch.mark();
    eventually(PATIENCE, "polls of all its devices", || {
        let silent = scene
            .watch
            .gaps()
            .of(|device| its.contains(device))
            .silent();
        if silent == 0 {
            Ok(())
        } else {
            Err(format!("{silent} devices wait"))
        }
    });
    let gaps = scene.watch.gaps();
    let (lost, others) = (
        gaps.of(|device| its.contains(device)),
        gaps.of(|device| !its.contains(device)),
    );
    let (most, all) = (lost.polled_again(0.99), lost.polled_again(1.0));
    table::row(
        "agent killed",
        &format!(
            "99 % of its {} devices polled again after {}, all after {}; longest gap of others {}",
            lost.len(),
            seconds(most),
            seconds(all),
            seconds(others.longest())
        ),
        "5 s, 10 s; others miss 2 polls at most",
    );
    assert!(most < Duration::from_secs(5) && all < Duration::from_secs(10));
    // Two polls missed are three intervals; the rest is what a busy machine adds.
    assert!(others.longest() < Duration::from_millis(3_500));
}

#[test]
fn a_sleeping_agent_loses_its_devices_and_drops_them_when_it_wakes_up() {
    let scene = Scene::with_agents("");
    let its = scene.of("a1");
    let takeovers = || scene.metric("netwolf_manager_lease_takeovers_total");
    let stale = || {
        let page = scene.manager.metrics()?;
        let by_manager = page.value("netwolf_manager_stale_polls_total");
        let by_agents = page.sum("netwolf_agent_dropped_polls_total");
        Ok::<_, String>(by_manager.ok_or("no stale polls")? + by_agents)
    };
    let stale_before = stale().unwrap();
    scene.begin();
    let asleep = Instant::now();
    scene.agents[0].signal("STOP");
    let taken_over = eventually(PATIENCE, "a takeover", || match takeovers()? {
        0.0 => Err("none yet".into()),
        _ => Ok(asleep.elapsed()),
    });
    eventually(PATIENCE, "polls by others until it wakes up", || {
        let gaps = scene.watch.gaps();
        let silent = gaps.of(|device| its.contains(device)).silent();
        if silent == 0 && asleep.elapsed() >= length() {
            Ok(())
        } else {
            Err(format!("{silent} devices wait"))
        }
    });
    let polled = scene.watch.gaps().of(|device| its.contains(device));
    let two = || {
        let devices = scene.devices.fleet().devices().iter();
        devices.filter(|device| device.sessions() > 1).count()
    };
    let held_twice = two();
    let awake = Instant::now();
    scene.agents[0].signal("CONT");
    let dropped = eventually(PATIENCE, "one session a device", || match two() {
        0 => Ok(awake.elapsed()),
        some => Err(format!("{some} devices have two sessions")),
    });
    scene.steady();
    let stale = stale().unwrap() - stale_before;
    table::row(
        "agent asleep",
        &format!(
            "takeover after {}, its {} devices polled again after {}; awake, it drops {held_twice} sessions after \
             {}; {stale} stale polls counted",
            seconds(taken_over),
            polled.len(),
            seconds(polled.polled_again(1.0)),
            seconds(dropped),
        ),
        "takeover by 7 s; what it lost is dropped within 1 s; stale polls are counted, none is shown",
    );
    assert!(taken_over < Duration::from_secs(7));
    assert!(held_twice > 0, "it slept with its sessions open");
    // The wanted second, and one more for a machine on which three agents share two cores.
    assert!(dropped < Duration::from_secs(2));
}
