//! The bundled library against simulated devices: a device of each platform answers every command of every
//! collector that the platform has, and what it says is read without a problem.
//!
//! The device lets nothing through but what `netwolf collectors privileges` lists, and sees all of that.
//!
//! A collector that is added to the library fails here until the simulator has its answers, which are written in
//! `tests/simulator/answers/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    thread,
    time::Duration,
};

use netwolf_filter::Filter;
use netwolf_manager::library::privileges::{self, When};
use netwolf_simulator::{Allowance, ManualClock};
use netwolf_wire::series::Kind;

use crate::scene::{LIBRARY, Scene, bundled};

/// When devices are looked at first.
const START: Duration = Duration::from_secs(1_790_000_000);
/// Simulated time from one look to the next.
const BETWEEN: Duration = Duration::from_hours(1);

/// A series as it stands on a page, its kind, and its value.
type Samples = BTreeMap<String, (Kind, f64)>;
/// What a device said, by command.
type Look = BTreeMap<String, String>;

#[test]
fn every_command_of_the_library_is_answered() {
    let tried: Vec<&str> = LIBRARY
        .platforms()
        .filter(|platform| LIBRARY.collectors_of(platform).next().is_some())
        .collect();
    // At once, because a session mostly waits until the device has nothing more to say.
    let failed: Vec<&str> = thread::scope(|scope| {
        let threads: Vec<_> = tried
            .iter()
            .map(|platform| (platform, scope.spawn(|| check(platform))))
            .collect();
        let results = threads
            .into_iter()
            .map(|(platform, thread)| (platform, thread.join()));
        results
            .filter_map(|(platform, result)| result.is_err().then_some(*platform))
            .collect()
    });
    assert!(failed.is_empty(), "failed as told above: {failed:?}");
}

/// Whether what a collector tells may well stay as it is for an hour.
fn is_still(platform: &str, collector: &str) -> bool {
    matches!(
        (platform, collector),
        (_, "inventory" | "neighbors" | "ospf") | ("cisco_nxos", "ntp")
    )
}

fn check(platform: &str) {
    let clock = Arc::new(ManualClock::new(START));
    let listed = listed(platform);
    let allowance = Arc::new(Allowance::new(listed.clone()));
    let scene = Scene::start(bundled(platform), |config| {
        config.clock = clock.clone();
        config.allowance = Some(allowance.clone());
    });
    let first = look(&scene, platform);
    clock.advance(BETWEEN);
    let second = look(&scene, platform);
    for collector in LIBRARY.collectors_of(platform) {
        let mut moves = is_still(platform, collector);
        for command in &LIBRARY.collector(platform, collector).unwrap().commands {
            let filter = Filter::compile(&command.rules).unwrap();
            let about = format!("{platform}: {collector}: {}", command.text);
            let before = samples(&filter, &first[&command.text], &about);
            let after = samples(&filter, &second[&command.text], &about);
            for (series, (kind, value)) in &before {
                let now = after.get(series).map(|(_, value)| *value);
                moves |= now != Some(*value);
                let fell = *kind == Kind::Counter && now.is_none_or(|now| now < *value);
                assert!(!fell, "{about}: {series} went from {value} to {now:?}");
            }
        }
        assert!(
            moves,
            "{platform}: {collector}: nothing has changed within an hour"
        );
    }
    assert_eq!(allowance.typed(), listed, "{platform}");
}

/// What is said to be typed for all collectors of the platform, on a login that is privileged already.
fn listed(platform: &str) -> BTreeSet<String> {
    let collectors: Vec<&str> = LIBRARY.collectors_of(platform).collect();
    privileges::commands(&LIBRARY, platform, &collectors)
        .into_iter()
        .filter(|command| command.when != When::Enable)
        .map(|command| command.text.to_owned())
        .collect()
}

/// What the device says to all commands of its collectors, asked in one session.
fn look(scene: &Scene, platform: &str) -> Look {
    let collectors = LIBRARY.collectors_of(platform);
    let commands: BTreeSet<&str> = collectors
        .flat_map(|name| &LIBRARY.collector(platform, name).unwrap().commands)
        .map(|command| command.text.as_str())
        .collect();
    let commands: Vec<&str> = commands.into_iter().collect();
    let recorded = scene.record(&commands).transcript.commands;
    recorded
        .into_iter()
        .map(|recorded| (recorded.command, recorded.output))
        .collect()
}

/// The samples of an output, of which there are some, and no problem.
fn samples(filter: &Filter, output: &str, about: &str) -> Samples {
    let extraction = filter.apply(output);
    assert!(
        extraction.problem_count() == 0 && !extraction.samples.is_empty(),
        "{about}: {} samples, {:?} of\n{output}",
        extraction.samples.len(),
        extraction.problems,
    );
    let named = extraction.samples.iter().map(|sample| {
        let family = &filter.families()[sample.family];
        let labels = sample.labels.iter();
        let labels: Vec<String> = labels
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        let series = format!("{}{{{}}}", family.name, labels.join(","));
        (series, (family.kind, sample.value))
    });
    named.collect()
}
