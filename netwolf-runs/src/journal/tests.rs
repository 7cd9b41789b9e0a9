//! What the tests of the journal have in common: runs, changes, and a thread that can be held.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use netwolf_wire::{
    AgentName, DeviceName, Epoch, Incarnation, ShardId, Span,
    step::{Attempt, CommandDone, StepCommand},
};
use tempfile::TempDir;

use super::*;
use crate::{
    audit::{Action, Outcome, Record, verify},
    model::{
        ModeLines, Output, Program, Run, RunState, Sent, Spec, Step, StepSpec, StepState,
        StepStatus,
    },
    rollout::Rollout,
};

mod full;
mod keeping;
mod killed;
mod opening;
mod power;
mod pruning;

/// A test waits no longer for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// 2026-01-01.
const NOW: u64 = 1_767_225_600_000;

const fn span(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

fn open(folder: &Path) -> Journal {
    Journal::open(folder, Options::default()).unwrap().0
}

fn a_journal() -> (TempDir, Journal) {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    (folder, journal)
}

fn spec(key: Option<&str>) -> Spec {
    Spec {
        name: "show version".into(),
        procedure: None,
        requester: "anna".into(),
        comment: Some("\"why\"\nnot".into()),
        changes: false,
        programs: vec![Program {
            platform: "cisco_ios".into(),
            mode: None,
            mode_lines: ModeLines::default(),
            commands: vec![StepCommand {
                text: "show version".into(),
                timeout: span(30),
                expect: vec!["(?m)^Cisco".into()],
                reject: Vec::new(),
                answers: Vec::new(),
            }],
            verify: None,
            login: None,
            deadline: span(60),
        }],
        rollout: Rollout::default(),
        run_deadline: span(3600),
        window: None,
        guards: Vec::new(),
        idempotency_key: key.map(Into::into),
        body_sha256: key.map(|_| "ab".repeat(32)),
        retry_of: None,
    }
}

fn planned(id: RunId, steps: u32, key: Option<&str>, now_ms: u64) -> (Run, Vec<Step>) {
    let steps = (0..steps).map(|step| StepSpec {
        device: DeviceName::new(&format!("sw-{step}")).unwrap(),
        platform: "cisco_ios".into(),
        site: Some("ams".into()),
        program: 0,
        credential: "monitoring".into(),
    });
    Run::plan(id, spec(key), steps.collect(), now_ms)
}

fn submitted(id: RunId, steps: u32, key: Option<&str>) -> Vec<Change> {
    let (run, steps) = planned(id, steps, key, NOW);
    let record = run.submitted();
    vec![
        Change::Submitted {
            run: Box::new(run),
            steps,
        },
        Change::Audit(Box::new(record)),
    ]
}

fn status(state: StepState) -> StepStatus {
    StepStatus {
        state,
        attempt: 1,
        sent: Some(Sent {
            attempt: 1,
            shard: ShardId {
                agent: AgentName::new("ams-1").unwrap(),
                index: 3,
            },
            incarnation: Incarnation(u64::MAX),
            epoch: Epoch(NOW),
            link: 0,
            leased_ms: NOW,
            deadline_ms: NOW + 70_000,
            started_ms: Some(NOW + 5),
            outputs: 1,
            mode_lines: 2,
            failed: false,
            in_doubt: true,
            doubted: Vec::new(),
        }),
        ..StepStatus::default()
    }
}

fn changed(run: RunId, step: u32, state: StepState) -> Change {
    Change::Step {
        run,
        step,
        status: Box::new(status(state)),
    }
}

/// A run's end, at some time.
fn ended(journal: &Journal, id: RunId, state: RunState, ended_ms: u64) -> Change {
    let run = journal.reader().unwrap().run(id).unwrap().unwrap();
    let mut status = run.status;
    status.state = state;
    status.ended_ms = Some(ended_ms);
    Change::Run {
        run: id,
        status: Box::new(status),
    }
}

fn output(run: RunId, step: u32, attempt: u32, index: u32, text: &str) -> Output {
    Output {
        id: Attempt { run, step, attempt },
        verify: false,
        command: "show version".into(),
        time_ms: NOW + 10,
        done: CommandDone {
            index,
            took: span(1),
            text: text.into(),
            truncated: false,
            sha256: "cd".repeat(32),
            answered: vec!["y".into()],
            failure: None,
        },
    }
}

fn typed(run: RunId, step: u32, attempt: u32, index: u32) -> Record {
    Record {
        step: Some(step),
        attempt: Some(attempt),
        index: Some(index),
        command: Some("show version".into()),
        ..Record::new(NOW + 10, Action::Command, run, "anna", Outcome::Succeeded)
    }
}

/// Both files say the same, and say it whole.
#[track_caller]
fn is_whole(folder: &Path) -> crate::audit::Report {
    let reader = Reader::open(folder).unwrap();
    assert_eq!(reader.check().unwrap(), None);
    let head = reader.audit_head().unwrap().unwrap();
    verify(&folder.join(AUDIT_FOLDER), None, Some(&head)).unwrap()
}

/// Holds the thread, so that what is asked for meanwhile waits together, until what is returned is dropped.
fn hold(journal: &Journal) -> Sender<()> {
    let (let_go, wait) = channel::<()>();
    let (begun, has_begun) = channel();
    journal.request(Request::Meddle(Box::new(move |_| {
        begun.send(()).unwrap();
        wait.recv_timeout(PATIENCE).ok();
    })));
    has_begun.recv_timeout(PATIENCE).unwrap();
    let_go
}

fn append(journal: &Journal, changes: Vec<Change>) -> Receiver<Result<(), JournalError>> {
    let (sender, answer) = channel();
    journal.append(changes, move |result| drop(sender.send(result)));
    answer
}

#[track_caller]
fn answer<T>(answer: &Receiver<T>) -> T {
    answer.recv_timeout(PATIENCE).unwrap()
}
