//! Faults of devices: some dead, one slow, all gone at once.

use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use crate::{
    lab::{PATIENCE, eventually},
    scene::{AGENTS, Scene, seconds},
    table,
};

#[test]
fn dead_devices_and_a_slow_one_cost_the_others_nothing() {
    const TIME: Duration = Duration::from_secs(10);
    let scene = Scene::with_agents("");
    let devices = scene.devices.fleet().devices();
    let (before, _) = scene.calmest(TIME, |_| true, || Ok(()));
    scene.begin();
    let dead = devices.len() / 20;
    for (number, device) in devices.iter().take(dead).enumerate() {
        // Dead in the ways that there are: gone, there without a word, and gone in the middle of it.
        device.update_faults(|faults| match number % 3 {
            0 => faults.refuse = true,
            1 => faults.mute = true,
            _ => faults.half_open = true,
        });
        if number % 3 < 2 {
            device.drop_session();
        }
    }
    devices[dead].update_faults(|faults| faults.latency = Duration::from_mins(1));
    let bad: BTreeSet<_> = devices[..=dead]
        .iter()
        .map(netwolf_simulator::DeviceHandle::name)
        .collect();
    let (after, longest) = scene.calmest(TIME, |device| !bad.contains(device), || Ok(()));
    table::row(
        "5 % of the devices dead, one slow",
        &format!(
            "p99 of the gaps of the others {:.0} ms before and {:.0} ms after; longest {}",
            before.as_secs_f64() * 1e3,
            after.as_secs_f64() * 1e3,
            seconds(longest)
        ),
        "no effect on the p99 of the others",
    );
    // A twentieth of the interval is what a busy machine moves polls by anyway.
    assert!(after < before + Duration::from_millis(50));
    assert!(longest < Duration::from_millis(2_500));
}

#[test]
fn all_devices_drop_at_once_and_are_back_within_a_minute_at_the_login_pace() {
    const PACE: u64 = 20;
    let mut scene = Scene::start("");
    for name in AGENTS {
        let folder = scene.folder.path();
        let agent = scene.manager.agent_with(name, 1, folder, |command| {
            command.args(["--logins-per-second", &PACE.to_string()]);
        });
        scene.agents.push(agent);
    }
    scene.steady();
    let logins = || scene.devices.fleet().totals().logins;
    let first = logins();
    scene.begin();
    for device in scene.devices.fleet().devices() {
        device.drop_session();
    }
    scene.watch.mark();
    let since = Instant::now();
    let mut seen = Vec::new();
    let back = eventually(PATIENCE, "polls of all devices", || {
        seen.push((since.elapsed(), logins() - first));
        match scene.watch.gaps().silent() {
            0 => Ok(since.elapsed()),
            some => Err(format!("{some} devices wait")),
        }
    });
    let second = Duration::from_secs(1);
    let most = seen.iter().map(|(from, before)| {
        let within = seen.iter().take_while(|(at, _)| *at < *from + second);
        within.last().map_or(0, |(_, logins)| logins - before)
    });
    let most = most.max().unwrap_or(0);
    let all = logins() - first;
    table::row(
        "all devices drop at once",
        &format!(
            "all polled again after {}; {all} logins, {most} in the second that had most",
            seconds(back)
        ),
        &format!(
            "60 s; {} logins a second, and as many more at first",
            3 * PACE
        ),
    );
    assert!(back < Duration::from_mins(1));
    // A second's worth may go at once after a quiet time. Logins that waited for a device come on top.
    assert!(most <= 2 * 3 * PACE + 3 * PACE / 2, "{most}");
    for agent in &scene.agents {
        let folder = format!("/proc/{}/fd", agent.id());
        let has_files = fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some());
        assert!(has_files, "no agent has ended");
    }
}
