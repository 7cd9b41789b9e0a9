//! How many steps a second the journal keeps, and what one takes on the disk.
//!
//! `cargo run --release -p netwolf-runs --example journal_rate -- [STEPS [OUTPUT_BYTES [FOLDER]]]`
//!
//! One run of so many steps is submitted as one request; then each step is leased, begins, and ends with an output of
//! so many bytes and an audit record, each of the three a request of its own with the run's new counts, 500 waiting
//! at a time, as steps in flight do. FOLDER should be on the disk in question; it is made, and left.

use std::{
    env,
    error::Error,
    fs,
    io::{self, Write},
    path::Path,
    sync::mpsc::channel,
    time::{Duration, Instant},
};

use netwolf_runs::{
    audit::{Action, Outcome, Record, verify},
    journal::{AUDIT_FOLDER, Journal, Options},
    machine::Change,
    model::{ModeLines, Output, Program, Run, Sent, Spec, StepSpec, StepState, StepStatus},
    rollout::Rollout,
};
use netwolf_wire::{
    AgentName, DeviceName, Epoch, Incarnation, ShardId, Span,
    step::{Attempt, CommandDone, RunId, StepCommand},
};

/// Requests that wait at a time.
const IN_FLIGHT: usize = 500;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let n_steps: u32 = args.next().map_or(Ok(10_000), |steps| steps.parse())?;
    let n_bytes: usize = args.next().map_or(Ok(2_000), |bytes| bytes.parse())?;
    let temporary = tempfile::tempdir()?;
    let folder = args
        .next()
        .map_or(temporary.path().to_owned(), std::path::PathBuf::from);
    let mut out = io::stdout().lock();

    let (journal, _) = Journal::open(&folder, Options::default())?;
    let id = journal.next_run();
    let (run, steps) = Run::plan(id, spec(), steps(n_steps)?, 1_767_225_600_000);
    let begun = Instant::now();
    journal.append_and_wait(vec![
        Change::Audit(Box::new(run.submitted())),
        Change::Submitted {
            run: Box::new(run.clone()),
            steps,
        },
    ])?;
    writeln!(
        out,
        "submitted {n_steps} steps in {:.3} s",
        begun.elapsed().as_secs_f64()
    )?;
    let submitted = bytes(&folder)?;
    let before = journal.stats().commits;

    let begun = Instant::now();
    let (sender, answers) = channel();
    let ask = |step: u32, phase: u8| {
        let sender = sender.clone();
        journal.append(changes(&run, step, phase, n_bytes), move |result| {
            sender.send(result.map(|()| (step, phase))).ok();
        });
    };
    let mut waiting = (0..n_steps).skip(IN_FLIGHT);
    for step in 0..n_steps.min(u32::try_from(IN_FLIGHT)?) {
        ask(step, 1);
    }
    let mut n_ended = 0;
    while n_ended < n_steps {
        let (step, phase) = answers.recv()??;
        if phase < 3 {
            ask(step, phase + 1);
            continue;
        }
        n_ended += 1;
        if let Some(step) = waiting.next() {
            ask(step, 1);
        }
    }
    let took = begun.elapsed();
    let commits = journal.stats().commits - before;
    writeln!(
        out,
        "carried out {n_steps} steps in {:.3} s: {:.0} steps/s, {commits} commits, {:.1} ms each",
        took.as_secs_f64(),
        f64::from(n_steps) / took.as_secs_f64(),
        took.as_secs_f64() * 1000.0 / f64::from(u32::try_from(commits)?),
    )?;
    let live = Instant::now();
    let n_live = journal.reader()?.live()?.len();
    writeln!(out, "read {n_live} live run in {}", seconds(live.elapsed()))?;
    let head = journal.audit_head();
    drop(journal);
    let [journal_bytes, audit_bytes] = bytes(&folder)?;
    writeln!(
        out,
        "bytes a step: {} submitted, {} in the journal at the end ({n_bytes} of them output), {} in the audit log",
        submitted[0] / u64::from(n_steps),
        journal_bytes / u64::from(n_steps),
        audit_bytes / u64::from(n_steps),
    )?;
    let open = Instant::now();
    drop(Journal::open(&folder, Options::default())?);
    writeln!(
        out,
        "opened and checked {:.1} MiB in {}",
        mebibytes(journal_bytes),
        seconds(open.elapsed())
    )?;
    let verified = Instant::now();
    let report = verify(&folder.join(AUDIT_FOLDER), None, Some(&head))?;
    writeln!(
        out,
        "verified {} audit records in {}",
        report.records,
        seconds(verified.elapsed())
    )?;
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

/// Bytes of the journal and of the audit log.
fn bytes(folder: &Path) -> io::Result<[u64; 2]> {
    let size = |folder: &Path| -> io::Result<u64> {
        let files = fs::read_dir(folder)?.map(|entry| {
            let file = entry?.metadata()?;
            Ok(if file.is_file() { file.len() } else { 0 })
        });
        files.sum()
    };
    Ok([size(folder)?, size(&folder.join(AUDIT_FOLDER))?])
}

fn spec() -> Spec {
    Spec {
        name: "show version".into(),
        procedure: None,
        requester: "bench".into(),
        comment: None,
        changes: false,
        programs: vec![Program {
            platform: "cisco_ios".into(),
            mode: None,
            mode_lines: ModeLines::default(),
            commands: vec![StepCommand {
                text: "show version".into(),
                timeout: Span::from_secs(30),
                expect: Vec::new(),
                reject: Vec::new(),
                answers: Vec::new(),
            }],
            verify: None,
            login: None,
            deadline: Span::from_secs(60),
        }],
        rollout: Rollout::default(),
        run_deadline: Span::from_secs(3600),
        window: None,
        guards: Vec::new(),
        idempotency_key: None,
        body_sha256: None,
        retry_of: None,
    }
}

fn steps(n_steps: u32) -> Result<Vec<StepSpec>, Box<dyn Error>> {
    let step = |step| {
        Ok(StepSpec {
            device: DeviceName::new(&format!("access-switch-{step}"))?,
            platform: "cisco_ios".into(),
            site: Some("ams".into()),
            program: 0,
            credential: "monitoring".into(),
        })
    };
    (0..n_steps).map(step).collect()
}

/// What is kept when a step is leased, begins and ends.
fn changes(run: &Run, step: u32, phase: u8, n_bytes: usize) -> Vec<Change> {
    let (now_ms, id) = (run.created_ms + u64::from(step), run.id);
    let status = StepStatus {
        state: match phase {
            1 => StepState::Leased,
            2 => StepState::Running,
            _ => StepState::Succeeded,
        },
        attempt: 1,
        sent: Some(Sent {
            attempt: 1,
            shard: ShardId {
                agent: AgentName::new("ams-1").expect("it is a name"),
                index: 1,
            },
            incarnation: Incarnation(0x1234_5678_9abc_def0),
            epoch: Epoch(now_ms),
            link: 1,
            leased_ms: now_ms,
            deadline_ms: now_ms + 60_000,
            started_ms: (phase > 1).then_some(now_ms),
            outputs: u32::from(phase > 2),
            mode_lines: 0,
            failed: false,
            in_doubt: false,
            doubted: Vec::new(),
        }),
        ended_ms: (phase > 2).then_some(now_ms),
        ..StepStatus::default()
    };
    let mut changes = vec![
        Change::Step {
            run: id,
            step,
            status: Box::new(status),
        },
        Change::Run {
            run: id,
            status: Box::new(run.status.clone()),
        },
    ];
    if phase > 2 {
        changes.push(Change::Output(Box::new(output(id, step, now_ms, n_bytes))));
        changes.push(Change::Audit(Box::new(record(id, step, now_ms))));
    }
    changes
}

fn output(run: RunId, step: u32, now_ms: u64, n_bytes: usize) -> Output {
    Output {
        id: Attempt {
            run,
            step,
            attempt: 1,
        },
        verify: false,
        command: "show version".into(),
        time_ms: now_ms,
        done: CommandDone {
            index: 0,
            took: Span::from_millis(40),
            text: "x".repeat(n_bytes),
            truncated: false,
            sha256: "0123456789abcdef".repeat(4),
            answered: Vec::new(),
            failure: None,
        },
    }
}

fn record(run: RunId, step: u32, now_ms: u64) -> Record {
    Record {
        step: Some(step),
        attempt: Some(1),
        index: Some(0),
        device: DeviceName::new(&format!("access-switch-{step}")).ok(),
        credential: Some("monitoring".into()),
        epoch: Some(Epoch(now_ms)),
        agent: AgentName::new("ams-1").ok(),
        command: Some("show version".into()),
        output_sha256: Some("0123456789abcdef".repeat(4)),
        ..Record::new(now_ms, Action::Command, run, "bench", Outcome::Succeeded)
    }
}
