//! Faults of the manager: killed, and started again.

use std::time::{Duration, Instant};

use crate::{
    lab::{PATIENCE, eventually},
    scene::{Scene, seconds},
    table,
};

#[test]
fn a_manager_that_is_killed_and_started_again_is_whole_within_ten_seconds_and_costs_no_login() {
    let mut scene = Scene::with_agents("");
    let n_devices = scene.devices.fleet().devices().len();
    let holders = scene.holders().unwrap();
    let logins = scene.devices.fleet().totals().logins;
    let polls = scene.watch.polls();
    scene.begin();
    scene.kill_manager(|scene| {
        eventually(PATIENCE, "polls go on without a manager", || {
            match scene.watch.polls() - polls {
                more if more >= 3 * n_devices as u64 => Ok(()),
                more => Err(format!("{more} polls since")),
            }
        });
    });
    let ready = Instant::now();
    let attached = eventually(PATIENCE, "all agents linked", || {
        match scene.manager.metrics()?.sum("netwolf_agent_up") {
            3.0 => Ok(ready.elapsed()),
            up => Err(format!("{up} are")),
        }
    });
    let whole = eventually(PATIENCE, "a whole page", || {
        let page = scene.manager.metrics()?;
        let (up, loads) = (page.sum("netwolf_device_up"), page.cpu_by_device().len());
        if up == n_devices as f64 && loads == n_devices {
            Ok(ready.elapsed())
        } else {
            Err(format!("{up} are up, {loads} have a load"))
        }
    });
    let logins = scene.devices.fleet().totals().logins - logins;
    let longest = scene.watch.gaps().longest();
    table::row(
        "manager killed and started again",
        &format!(
            "agents linked after {}, page whole after {}; {logins} logins; longest gap {}",
            seconds(attached),
            seconds(whole),
            seconds(longest)
        ),
        "5 s, 10 s; no login",
    );
    assert!(attached < Duration::from_secs(5) && whole < Duration::from_secs(10));
    assert_eq!(logins, 0, "no session was lost");
    assert_eq!(scene.holders().unwrap(), holders, "nothing moves");
    // No poll is missed; the rest is what a busy machine adds while a program starts.
    assert!(longest < Duration::from_millis(2_500));
}
