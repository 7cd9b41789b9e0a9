//! Every body over its corpus, and over seeded mutations of it.

mod seeded;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use netwolf_fuzz_bodies::{TARGETS, Target};
use netwolf_wire::{
    message::{ToAgent, ToManager},
    step::{StepEnd, StepNews},
};

use self::seeded::Seeded;

/// Mutated inputs of each target. Bodies that compile patterns take a millisecond each when not optimised.
const MUTATIONS: usize = 2_000;

/// One input may take so long where nothing is optimised and others want the processor, too: far more than any does.
const PATIENCE: Duration = Duration::from_secs(30);

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../corpus")
        .join(target)
}

/// The inputs of a target, in the order of their names.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = folder(target);
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("a corpus can be listed").path())
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).expect("an input can be read");
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

/// Runs one input; says which it was where that does not end well.
fn run((name, body): Target, what: &str, data: &[u8]) {
    let began = Instant::now();
    let result = std::panic::catch_unwind(|| body(data));
    let shown = || data.escape_ascii().to_string();
    if let Err(panic) = result {
        eprintln!("{name}, {what}: {}", shown());
        std::panic::resume_unwind(panic);
    }
    assert!(began.elapsed() < PATIENCE, "{name}, {what}: {}", shown());
}

fn replay(name: &str) {
    let target = *TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a target");
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "{name} has a corpus");
    for (path, data) in &corpus {
        run(target, &path.display().to_string(), data);
    }
    let mut seeded = Seeded::new(20_261_129);
    for number in 0..MUTATIONS {
        let [one, other] = [(); 2].map(|()| &corpus[seeded.below(corpus.len())].1);
        let mut data = one.clone();
        seeded.mutate(&mut data, other);
        run(target, &format!("mutation {number}"), &data);
    }
}

/// All that is told of steps, and all that can be told of them, is among the inputs as something that is read: an input
/// that is not would be replayed as noise, and nobody would notice.
#[test]
fn every_kind_of_message_about_steps_has_an_input() {
    let (mut kinds, mut news) = (BTreeSet::new(), BTreeSet::new());
    for (path, data) in corpus("messages") {
        let kind = match data.split_first() {
            Some((b'P', json)) => serde_json::from_slice(json).map(|message: ToManager| {
                if let ToManager::StepEvents(told) = &message {
                    news.extend(told.events.iter().map(|event| name_of(&event.what)));
                }
                message.kind().to_owned()
            }),
            Some((b'A', json)) => {
                serde_json::from_slice(json).map(|message: ToAgent| message.kind().to_owned())
            }
            _ => continue,
        };
        kinds.insert(kind.unwrap_or_else(|error| panic!("{}: {error}", path.display())));
    }
    for kind in [
        "cancel_steps",
        "step_events",
        "steps",
        "steps_heard",
        "steps_held",
    ] {
        assert!(kinds.contains(kind), "{kind} is not in {kinds:?}");
    }
    let all = [
        "accepted",
        "cancelled",
        "command",
        "failed",
        "mode",
        "not_run",
        "started",
        "succeeded",
        "timed_out",
        "unknown",
    ];
    assert_eq!(news.into_iter().collect::<Vec<_>>(), all);
}

/// A match and not a text, so that it is thought of here when there is another one.
fn name_of(news: &StepNews) -> &'static str {
    match news {
        StepNews::Accepted => "accepted",
        StepNews::Started => "started",
        StepNews::Command(_) => "command",
        StepNews::Mode(_) => "mode",
        StepNews::Ended(StepEnd::Succeeded) => "succeeded",
        StepNews::Ended(StepEnd::Failed(_)) => "failed",
        StepNews::Ended(StepEnd::TimedOut(_)) => "timed_out",
        StepNews::Ended(StepEnd::NotRun(_)) => "not_run",
        StepNews::Ended(StepEnd::Cancelled) => "cancelled",
        StepNews::Ended(StepEnd::Unknown(_)) => "unknown",
    }
}

macro_rules! replays {
    ($($name:ident)+) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })+

        #[test]
        fn every_target_is_replayed_and_stands_in_the_package_of_fuzz_targets() {
            let names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [$(stringify!($name)),+]);
            let package = std::fs::read_to_string(folder("../Cargo.toml")).unwrap();
            for name in names {
                assert!(package.contains(&format!("name = \"{name}\"")), "{name}");
                let file = folder(&format!("../fuzz_targets/{name}.rs"));
                assert!(file.is_file(), "{}", file.display());
            }
        }
    };
}

replays! {
    accept configuration dialogue exposition frame http jq known_hosts messages rule template textfsm values xml
}
