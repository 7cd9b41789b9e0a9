//! What readers are told of runs that change.

use netwolf_runs::model::{RunStatus, Spec, StepSpec, StepStatus};
use netwolf_runs::procedure::{Procedure, raw::RawProcedure};

use super::*;

fn run(n_steps: u32) -> (Run, Vec<Step>) {
    let raw = RawProcedure {
        commands: vec!["show version".into()],
        ..RawProcedure::default()
    };
    let procedure = Procedure::check("version", &raw).unwrap();
    let spec = Spec {
        name: procedure.name.clone(),
        procedure: None,
        requester: "somebody".into(),
        comment: None,
        changes: false,
        programs: vec![procedure.program("cisco_ios").unwrap()],
        rollout: procedure.rollout,
        run_deadline: procedure.run_deadline,
        window: None,
        guards: Vec::new(),
        idempotency_key: None,
        body_sha256: None,
        retry_of: None,
    };
    let steps = (0..n_steps).map(|no| StepSpec {
        device: format!("sw-{no}").parse().unwrap(),
        platform: "cisco_ios".into(),
        site: None,
        program: 0,
        credential: "monitoring".into(),
    });
    Run::plan(RunId(7), spec, steps.collect(), 1_000)
}

fn step_is(step: u32, state: StepState) -> Change {
    Change::Step {
        run: RunId(7),
        step,
        status: Box::new(StepStatus {
            state,
            ended_ms: state.is_end().then_some(2_000),
            ..StepStatus::default()
        }),
    }
}

fn live(n_steps: u32) -> (LiveRuns, Arc<LiveRun>) {
    let runs = LiveRuns::default();
    let (run, steps) = run(n_steps);
    runs.insert(run, steps);
    let live = runs.get(RunId(7)).unwrap();
    (runs, live)
}

fn numbers(steps: &[StepView]) -> Vec<u32> {
    steps.iter().map(|step| step.step).collect()
}

#[test]
fn a_reader_is_told_what_changed_since_it_looked_last_and_only_the_last_of_it() {
    let (runs, live) = live(4);
    let first = live.news(0, 0, 10);
    assert!(first.steps.is_empty(), "pending ones are no news");
    let mut told = live.subscribe();
    assert!(runs.apply(&[step_is(2, StepState::Leased)]).is_empty());
    assert!(told.has_changed().unwrap());
    told.mark_unchanged();
    let ended = runs.apply(&[step_is(2, StepState::Failed), step_is(0, StepState::Leased)]);
    assert_eq!(ended.len(), 1);
    let news = live.news(first.no, 0, 10);
    assert_eq!(numbers(&news.steps), [0, 2]);
    assert_eq!(news.steps[1].state, StepState::Failed);
    assert!(live.news(news.no, 0, 10).steps.is_empty());
    // A slow reader misses what was between.
    assert_eq!(numbers(&live.news(0, 0, 10).steps), [0, 2]);
}

#[test]
fn news_come_in_pieces_that_leave_nothing_out() {
    let (runs, live) = live(5);
    let all: Vec<_> = (0..5)
        .map(|step| step_is(step, StepState::Leased))
        .collect();
    runs.apply(&all);
    let piece = live.news(0, 0, 2);
    assert_eq!((numbers(&piece.steps), piece.more), (vec![0, 1], Some(2)));
    // What changes between two pieces is told, in this round or the next.
    runs.apply(&[
        step_is(0, StepState::Running),
        step_is(4, StepState::Running),
    ]);
    let rest = live.news(0, 2, 10);
    assert_eq!((numbers(&rest.steps), rest.more), (vec![2, 3, 4], None));
    assert!(rest.no > piece.no);
    assert_eq!(numbers(&live.news(piece.no, 0, 10).steps), [0, 4]);
}

#[test]
fn pages_of_steps_follow_each_other() {
    let (runs, live) = live(5);
    runs.apply(&[step_is(1, StepState::Failed), step_is(3, StepState::Failed)]);
    let (steps, next) = live.steps(None, None, 2);
    assert_eq!((numbers(&steps), next), (vec![0, 1], Some(1)));
    let (steps, next) = live.steps(None, next, 3);
    assert_eq!((numbers(&steps), next), (vec![2, 3, 4], None));
    let (steps, next) = live.steps(Some(StepState::Failed), None, 1);
    assert_eq!((numbers(&steps), next), (vec![1], Some(1)));
    let (steps, next) = live.steps(Some(StepState::Failed), next, 1);
    assert_eq!((numbers(&steps), next), (vec![3], None));
}

#[test]
fn an_end_is_told_once_and_what_is_settled_later_again() {
    let (runs, live) = live(1);
    let ended = |changes: &[Change]| {
        let of_step = |ended: Ended| match ended {
            Ended::Step { state, .. } => Some(state),
            Ended::Run(_) => None,
        };
        runs.apply(changes)
            .into_iter()
            .filter_map(of_step)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ended(&[step_is(0, StepState::Unknown)]),
        [StepState::Unknown]
    );
    assert_eq!(ended(&[step_is(0, StepState::Unknown)]), []);
    assert_eq!(
        ended(&[step_is(0, StepState::Succeeded)]),
        [StepState::Succeeded]
    );
    let status = RunStatus {
        state: RunState::Succeeded,
        ..live.run().status
    };
    let change = Change::Run {
        run: RunId(7),
        status: Box::new(status),
    };
    assert_eq!(
        runs.apply(std::slice::from_ref(&change)),
        [Ended::Run(RunState::Succeeded)]
    );
    assert_eq!(runs.apply(&[change]), []);
    runs.remove(RunId(7));
    assert!(runs.get(RunId(7)).is_none());
    assert_eq!(
        live.state().0,
        RunState::Succeeded,
        "who reads it still does"
    );
}
