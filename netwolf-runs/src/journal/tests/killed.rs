//! A process that is killed at any moment loses nothing that it was answered for.
//!
//! The process is this test program once more. For each run it keeps, one after the other, a submission, a step that
//! is leased, and that step's output and end with its audit record, many runs at a time, and says what was answered for.

use std::{
    collections::BTreeMap,
    env,
    hash::{BuildHasher, RandomState},
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::mpsc::RecvTimeoutError,
    thread,
    time::Instant,
};

use super::*;

const FOLDER: &str = "NETWOLF_TEST_KILLED_FOLDER";
/// How often it is killed; CONTRIBUTING.md tells when it should be more.
const KILLS: &str = "NETWOLF_RUN_KILLS";
/// Requests that wait at a time.
const IN_FLIGHT: usize = 40;
/// The longest life after the first answer, in milliseconds.
const LIFE: u64 = 120;

/// What was answered for, of a run: 1 it was submitted, 2 leased, 3 ended.
pub(super) type Phases = BTreeMap<u64, u8>;

#[test]
fn whatever_was_answered_for_outlives_the_process() {
    if let Some(folder) = env::var_os(FOLDER) {
        live(Path::new(&folder));
    }
    let kills = env::var(KILLS).map_or(20, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut told = Phases::new();
    for round in 0..kills {
        let before = told.len();
        kill(folder.path(), &mut told);
        assert!(told.len() > before, "nothing was done in round {round}");
        check(folder.path(), &told);
    }
}

/// Lets a process live for a while, and adds what it has said.
fn kill(folder: &Path, told: &mut Phases) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("journal::tests::killed::whatever_was_answered_for_outlives_the_process")
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (sender, lines) = channel();
    let reading = thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            sender.send(line).unwrap();
        }
    });
    let mut until = Instant::now() + PATIENCE;
    let mut is_alive = true;
    loop {
        match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                // The last line may not be whole: what was not said to its end was not said.
                let Some(words) = line.strip_suffix('.') else {
                    continue;
                };
                let mut words = words.split(' ');
                if words.next() != Some("kept") {
                    continue;
                }
                let run: u64 = words.next().unwrap().parse().unwrap();
                let phase = words.next().unwrap().parse().unwrap();
                if told.insert(run, phase).is_none() && is_alive {
                    let rest = RandomState::new().hash_one(run) % LIFE;
                    until = until.min(Instant::now() + Duration::from_millis(rest));
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                // SIGKILL.
                child.kill().unwrap();
                is_alive = false;
                until = Instant::now() + PATIENCE;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    assert!(!is_alive, "it ended by itself: {:?}", child.wait());
    child.wait().unwrap();
    reading.join().unwrap();
}

/// Whether all is there that was told of, and all of it is whole.
#[track_caller]
pub(super) fn check(folder: &Path, told: &Phases) {
    is_whole(folder);
    // Also for the next process, which takes up the write-ahead log.
    let (journal, found) = Journal::open(folder, Options::default()).unwrap();
    assert!(!found.is_new);
    let audit = audit_of(folder);
    let reader = journal.reader().unwrap();
    let runs: BTreeMap<_, _> = reader
        .live()
        .unwrap()
        .into_iter()
        .map(|(run, steps)| (run.id.0, steps))
        .collect();
    for (run, phase) in told {
        let steps = runs.get(run).unwrap_or_else(|| panic!("run {run} is lost"));
        assert!(phase_of(&steps[0]) >= *phase, "run {run}");
    }
    for (run, steps) in &runs {
        // All of a request or nothing, whether it was answered for or not.
        let phase = phase_of(&steps[0]);
        assert_eq!(steps.len(), 2);
        let outputs = reader.transcript(RunId(*run), 0).unwrap();
        assert_eq!(outputs.len(), usize::from(phase == 3), "run {run}");
        let lines = audit.get(run).copied().unwrap_or_default();
        // A record may be ahead of what it belongs to.
        assert!(
            lines.0 == 1 && lines.1 >= usize::from(phase == 3),
            "run {run}: {lines:?}"
        );
    }
    // No line is there twice.
    assert!(audit.values().all(|lines| lines.0 <= 1 && lines.1 <= 1));
    assert!(runs.keys().all(|run| *run < journal.next_run().0));
}

pub(super) fn phase_of(step: &Step) -> u8 {
    match step.status.state {
        StepState::Pending => 1,
        StepState::Leased => 2,
        StepState::Succeeded => 3,
        state => panic!("{state}"),
    }
}

/// Lines about the submission and about commands, by run.
fn audit_of(folder: &Path) -> BTreeMap<u64, (usize, usize)> {
    let mut found = BTreeMap::<_, (usize, usize)>::new();
    for entry in fs::read_dir(folder.join(AUDIT_FOLDER)).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines() {
            let record: Record = serde_json::from_str(line).unwrap();
            let lines = found.entry(record.run.0).or_default();
            match record.action {
                Action::Submit => lines.0 += 1,
                Action::Command => lines.1 += 1,
                action => panic!("{action:?}"),
            }
        }
    }
    found
}

/// What a run is changed by to come to a phase.
pub(super) fn changes(run: RunId, phase: u8) -> Vec<Change> {
    match phase {
        1 => submitted(run, 2, None),
        2 => vec![changed(run, 0, StepState::Leased)],
        _ => vec![
            Change::Output(Box::new(output(run, 0, 1, 0, &"x".repeat(3000)))),
            changed(run, 0, StepState::Succeeded),
            Change::Audit(Box::new(typed(run, 0, 1, 0))),
        ],
    }
}

/// Works until it is killed.
fn live(folder: &Path) -> ! {
    let journal = open(folder);
    let (sender, answers) = channel();
    let ask = |run: RunId, phase: u8| {
        let sender = sender.clone();
        journal.append(changes(run, phase), move |result| {
            sender.send(result.map(|()| (run, phase))).unwrap();
        });
    };
    for _ in 0..IN_FLIGHT {
        ask(journal.next_run(), 1);
    }
    loop {
        let (run, phase) = answers.recv().unwrap().unwrap();
        writeln!(std::io::stdout(), "kept {run} {phase}.").unwrap();
        match phase {
            3 => ask(journal.next_run(), 1),
            _ => ask(run, phase + 1),
        }
    }
}
