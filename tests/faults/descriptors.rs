//! An agent that may open fewer files than it has devices.

use std::{fs, process::Command, time::Duration};

use crate::{
    lab::{self, PATIENCE, eventually},
    scene::{Scene, n_devices},
    table,
};

/// What `ulimit -n` says.
const LIMIT: usize = 256;

/// So many sessions it then has room for.
const FIT: usize = LIMIT - 36;

/// Polls are watched for so long.
const TIME: Duration = Duration::from_secs(10);

/// The time that process `id` has worked.
fn worked(id: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    // Behind the name, which may hold anything, `utime` and `stime` are the 12th and 13th, in hundredths.
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let ticks = rest.split_whitespace().skip(11).take(2);
    ticks
        .map(|ticks| Duration::from_millis(10 * ticks.parse::<u64>().unwrap()))
        .sum()
}

#[test]
fn an_agent_short_of_descriptors_polls_what_fits_and_says_so() {
    let mut scene = Scene::start("");
    assert!(n_devices() > LIMIT, "they fit");
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -n {LIMIT} && exec \"$0\" \"$@\"")])
        .arg(env!("CARGO_BIN_EXE_netwolf"))
        .args(["agent", "--name", "a1", "--shards", "1"])
        .args(["--manager.address", &scene.manager.agents]);
    scene.agent_of("a1", command);
    eventually(PATIENCE, "polls of as many as fit", || {
        match scene.watch.n_fresh() {
            fresh if fresh >= FIT => Ok(()),
            fresh => Err(format!("{fresh} of {FIT}")),
        }
    });
    scene.watch.mark();
    let before = worked(scene.agents[0].id());
    lab::holds(TIME, "polls of those that fit", || Ok(()));
    let worked = worked(scene.agents[0].id()).saturating_sub(before);
    let load = worked.as_secs_f64() / TIME.as_secs_f64();
    let gaps = scene.watch.gaps();
    let polled = gaps.regular(Duration::from_millis(2_500));
    let told = eventually(PATIENCE, "words for the others", || {
        let page = scene.manager.metrics()?;
        let told = page.series("netwolf_device_failure_info", &["reason=\"no_descriptor\""]);
        match told.count() {
            told if told + FIT == gaps.len() => Ok(told),
            told => Err(format!("{told} devices say so")),
        }
    });
    table::row(
        "256 descriptors for an agent",
        &format!(
            "{polled} of {} devices polled regularly, {told} say no_descriptor; {:.0} % of a core",
            gaps.len(),
            load * 100.0
        ),
        &format!("{FIT} or more; no panic, no spinning, a clear message"),
    );
    let log = scene.agents[0].log();
    assert!(polled >= FIT, "{polled}");
    assert!(log.contains("n_sessions=220"), "{log}");
    assert!(!log.contains("panicked"));
    assert!(load < 0.7);
}
