//! What the audit log says of lines that were typed: how they ended, what they brought, and each of them once.

use netwolf_wire::{
    status::Reason,
    step::{CommandDone, MAX_COMMANDS, ModeLine, RunId, StepEnd, StepNews},
};

use super::world::{World, attempt, done, failure, shard, spec, steps};
use crate::{
    audit::{Outcome, Record},
    machine::Taken,
    model::StepState,
    rollout::Rollout,
};

/// Runs one step, and tells what the log has of it after `news`.
fn told(news: &[StepNews]) -> (World, RunId) {
    let mut world = World::new();
    let run = world.submit(1, spec(Rollout::default()), steps(1));
    world.audit.clear();
    for news in news {
        world.tell(0, attempt(run, 0, 1), news.clone());
    }
    (world, run)
}

fn command(change: impl FnOnce(&mut CommandDone)) -> StepNews {
    let StepNews::Command(mut command) = done(0) else {
        panic!("it is a command")
    };
    change(&mut command);
    StepNews::Command(command)
}

fn mode_line(no: u32, text: &str, failed: Option<Reason>) -> StepNews {
    StepNews::Mode(ModeLine {
        no,
        text: text.into(),
        failure: failed.map(failure),
    })
}

#[test]
fn only_what_the_device_has_said_is_a_failure() {
    for (reason, outcome) in [
        (None, Outcome::Succeeded),
        (Some(Reason::CommandRejected), Outcome::Failed),
        (Some(Reason::UnexpectedOutput), Outcome::Failed),
        (Some(Reason::ModeFailed), Outcome::Failed),
        (Some(Reason::CommandTimeout), Outcome::TimedOut),
        (Some(Reason::StepDeadline), Outcome::TimedOut),
        (Some(Reason::UnansweredQuestion), Outcome::TimedOut),
        (Some(Reason::NotAllowed), Outcome::Refused),
        (Some(Reason::ConnectionLost), Outcome::Unknown),
        (Some(Reason::ClosedByDevice), Outcome::Unknown),
        (Some(Reason::MaxAge), Outcome::Unknown),
        (Some(Reason::Fenced), Outcome::Unknown),
        (Some(Reason::Other), Outcome::Unknown),
    ] {
        let (world, _) = told(&[command(|done| done.failure = reason.map(failure))]);
        assert_eq!(world.audit.len(), 1);
        assert_eq!(world.audit[0].outcome, outcome, "{reason:?}");
    }
}

#[test]
fn a_hash_is_of_what_came_and_answers_are_told() {
    let (world, _) = told(&[command(|done| {
        done.sha256 = "ab".repeat(32);
        done.answered = vec!["y".into(), String::new()];
    })]);
    let record = &world.audit[0];
    assert_eq!(record.output_sha256, Some("ab".repeat(32)));
    assert_eq!(record.answered, ["y", ""]);
    assert_eq!(world.outputs[0].done.answered, ["y", ""]);

    let (world, _) = told(&[command(|done| {
        done.sha256 = String::new();
        done.failure = Some(failure(Reason::ConnectionLost));
    })]);
    assert_eq!(world.audit[0].output_sha256, None);
    let line = serde_json::to_string(&world.audit[0]).unwrap();
    assert!(
        !line.contains("sha256") && !line.contains("answered"),
        "{line}"
    );
}

#[test]
fn the_command_under_which_a_session_was_lost_is_the_only_one_in_doubt() {
    let lost = failure(Reason::ConnectionLost);
    let ended = StepNews::Ended(StepEnd::Unknown(lost.clone()));
    let (world, run) = told(&[
        StepNews::Started,
        command(|done| done.failure = Some(lost)),
        ended.clone(),
    ]);
    assert_eq!(world.step_state(run, 0), StepState::Unknown);
    let indices = |world: &World| -> Vec<_> {
        let records = world.audit.iter();
        records
            .map(|record| (record.index.unwrap(), record.outcome))
            .collect()
    };
    assert_eq!(indices(&world), [(0, Outcome::Unknown)]);
    // One that its agent has not told of may have been typed.
    let (world, _) = told(&[StepNews::Started, done(0), ended]);
    assert_eq!(
        indices(&world),
        [(0, Outcome::Succeeded), (1, Outcome::Unknown)]
    );
}

#[test]
fn lines_of_modes_are_in_the_log_once_however_often_they_are_told() {
    let news = [
        StepNews::Started,
        mode_line(0, "configure terminal", None),
        done(0),
        mode_line(1, "end", Some(Reason::ConnectionLost)),
    ];
    let (mut world, run) = told(&news);
    for news in &news {
        let taken = world.tell(0, attempt(run, 0, 1), news.clone());
        assert_eq!(taken, Taken::Repeated, "{news:?}");
    }
    let lines = |record: &Record| {
        (
            record.index.unwrap() as usize,
            record.command.clone().unwrap(),
            record.outcome,
        )
    };
    let first = world.journal[&run].1[0].spec.program as usize;
    let command = world.journal[&run].0.spec.programs[first].commands[0]
        .text
        .clone();
    let (enter, leave) = (MAX_COMMANDS + 1, MAX_COMMANDS + 2);
    assert_eq!(
        world.audit.iter().map(lines).collect::<Vec<_>>(),
        [
            (enter, "configure terminal".into(), Outcome::Succeeded),
            (0, command, Outcome::Succeeded),
            (leave, "end".into(), Outcome::Unknown),
        ]
    );
    let ends = world.audit.iter().map(|record| record.agent.clone());
    assert!(ends.into_iter().all(|agent| agent == Some(shard(0).agent)));
}
