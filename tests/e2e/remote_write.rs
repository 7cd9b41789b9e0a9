//! Every poll of every device arrives at real receivers, with its time, whatever restarts meanwhile.

use std::fmt::Write as _;

use crate::{
    lab::{self, Devices, Manager, PATIENCE, eventually},
    receivers::{Kind, Receiver, Samples},
};

const DEVICES: usize = 5;

/// One sample a poll.
const SELECTOR: &str = r#"netwolf_cpu_utilization_ratio{window="5s"}"#;

/// A second is what devices are polled every.
const MINUTE: f64 = 60.0;

/// Waits until the series of every device is so long.
fn wait_for(receiver: &Receiver, seconds: f64) {
    eventually(PATIENCE * 2, "samples of every device", || {
        let samples = receiver.samples(SELECTOR)?;
        let lasts = |times: &Vec<(f64, f64)>| match (times.first(), times.last()) {
            (Some((first, _)), Some((last, _))) => last - first > seconds,
            _ => false,
        };
        let n_long = samples.values().filter(|times| lasts(times)).count();
        if n_long == DEVICES {
            Ok(())
        } else {
            Err(format!("{n_long} of {} series", samples.len()))
        }
    });
}

fn check_minute(samples: &Samples, n_missed: f64) {
    assert_eq!(samples.len(), DEVICES);
    for (device, samples) in samples {
        let first = samples[0].0;
        let in_a_minute = samples
            .iter()
            .filter(|(time, _)| *time < first + MINUTE)
            .count();
        let in_a_minute = f64::from(u32::try_from(in_a_minute).unwrap());
        lab::say(&format!(
            "{device}: {in_a_minute} samples in its first minute"
        ));
        assert!(in_a_minute + n_missed >= MINUTE, "{device}: {samples:?}");
        assert!(samples.iter().all(|(_, value)| (0.0..=1.0).contains(value)));
    }
}

fn count(samples: &Samples) -> f64 {
    let n: usize = samples.values().map(Vec::len).sum();
    f64::from(u32::try_from(n).unwrap())
}

#[test]
fn every_poll_arrives_at_real_receivers_through_restarts() {
    let folder = lab::folder();
    let kinds = [Kind::Prometheus, Kind::VictoriaMetrics];
    let mut receivers: Vec<Receiver> = kinds
        .into_iter()
        .filter_map(|kind| Receiver::start(kind, folder.path()))
        .collect();
    if receivers.is_empty() {
        return;
    }
    let devices = Devices::start(DEVICES);
    let mut remotes = String::from("remote_write:\n");
    for receiver in &receivers {
        writeln!(remotes, "  - url: {}", receiver.url()).unwrap();
    }
    let config = lab::configuration(folder.path(), &(devices.inventory() + &remotes));
    let manager = Manager::start(&config, folder.path());
    let (web, agents) = (manager.web.clone(), manager.agents.clone());
    let _agent = manager.agent("a1", 2, folder.path());

    wait_for(&receivers[0], 15.0);
    receivers[0].restart();
    wait_for(&receivers[0], 30.0);
    let mut former = manager.process;
    former.signal("TERM");
    former.wait(PATIENCE);
    let manager = Manager::start_on(&config, folder.path(), &web, &agents);
    for receiver in &receivers {
        wait_for(receiver, MINUTE + 5.0);
    }

    // Nothing is polled any more, so that both sides can be counted.
    drop(devices);
    for receiver in &receivers {
        eventually(PATIENCE, "the series end at once", || {
            match receiver.shown(SELECTOR)? {
                0 => Ok(()),
                n => Err(format!("{n} series are shown still")),
            }
        });
        let samples = eventually(PATIENCE, "every poll is there", || {
            let page = manager.metrics()?;
            let polls = page.sum("netwolf_agent_polls_total");
            let stale = page.sum("netwolf_manager_stale_polls_total");
            let samples = receiver.samples(SELECTOR)?;
            let n_samples = count(&samples);
            if polls > 0.0 && n_samples + stale == polls {
                return Ok(samples);
            }
            Err(format!(
                "{n_samples} samples of {polls} polls, {stale} of them stale"
            ))
        });
        let page = manager.metrics().unwrap();
        let n_missed = page.sum("netwolf_agent_polls_skipped_total")
            + page.sum("netwolf_agent_poll_failures_total")
            + page.sum("netwolf_agent_disconnects_total");
        check_minute(&samples, n_missed);
        assert_eq!(page.sum("netwolf_remote_write_failed_samples_total"), 0.0);
        assert_eq!(page.sum("netwolf_remote_write_dropped_samples_total"), 0.0);
    }
}
