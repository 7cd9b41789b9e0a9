//! What the audit log has of attempts that are lost, and what is not written twice.

use std::sync::Arc;

use netwolf_wire::{
    Incarnation,
    platform::Platform,
    status::Reason,
    step::{RunId, StepEnd, StepNews},
};

use super::{
    scenes::{sent, succeed},
    world::{
        World, attempt, device, failure, platform, shard, spec, steps, with_mode_lines, with_verify,
    },
};
use crate::{
    audit::Outcome,
    machine::{Change, Settlement},
    model::{RunState, StepState},
    rollout::Rollout,
};

/// The lines of an attempt: the number of the command, and what came of it.
fn lines(world: &World, number: u32) -> Vec<(u32, Outcome)> {
    let of = world
        .audit
        .iter()
        .filter(|record| record.attempt == Some(number));
    of.filter_map(|record| Some((record.index?, record.outcome)))
        .collect()
}

/// A run of one step whose agent is lost, so that it is being verified.
fn verifying(world: &mut World) -> RunId {
    let run = world.submit(1, with_verify(spec(Rollout::default())), steps(1));
    world.tell(0, attempt(run, 0, 1), StepNews::Started);
    world.machine.handle_shard_lost(&shard(0), 1, world.now);
    world.place(0, 0, 1, 2);
    world.advance();
    assert_eq!(world.orders()[0].id, attempt(run, 0, 2));
    run
}

#[test]
fn a_verify_command_that_may_have_been_typed_is_in_the_audit_log() {
    let mut world = World::new();
    let run = verifying(&mut world);
    world.machine.handle_shard_lost(&shard(0), 2, world.now);
    world.advance();
    assert_eq!(lines(&world, 2), [(0, Outcome::Unknown)]);
    let line = world.audit.last().unwrap();
    assert_eq!(
        line.command.as_deref(),
        Some("show running-config | include ntp")
    );
    assert_eq!(line.device, Some(device(0)));
    // One that was certainly not sent has none.
    world.wait(1_000);
    let id = attempt(run, 0, 3);
    world.machine.handle_not_sent(id, "moved", world.now);
    world.advance();
    assert_eq!(lines(&world, 3), []);
}

#[test]
fn a_verify_command_that_an_agent_began_and_forgot_is_in_the_audit_log_and_an_untold_one_is_not() {
    for begun in [false, true] {
        let mut world = World::new();
        let run = verifying(&mut world);
        if begun {
            world.tell(0, attempt(run, 0, 2), StepNews::Started);
        }
        let life = Incarnation(1);
        world
            .machine
            .handle_held(&shard(0), life, 3, &[], world.now);
        world.advance();
        assert_eq!(lines(&world, 2).len(), usize::from(begun));
    }
}

#[test]
fn what_was_not_typed_after_all_is_said_in_the_audit_log() {
    let unknown = [(0, Outcome::Unknown), (1, Outcome::Unknown)];
    let refused = [(0, Outcome::Refused), (1, Outcome::Refused)];
    for end in [
        Some(StepEnd::NotRun(failure(Reason::Fenced))),
        Some(StepEnd::Cancelled),
        None,
    ] {
        let mut world = World::new();
        let run = world.submit(1, spec(Rollout::default()), steps(1));
        world.machine.handle_shard_lost(&shard(0), 1, world.now);
        world.advance();
        assert_eq!(lines(&world, 1), unknown);
        let id = attempt(run, 0, 1);
        if let Some(end) = &end {
            world.end(0, id, end.clone());
            // What is told again is not written again.
            world.end(0, id, end.clone());
        } else {
            world.machine.handle_not_sent(id, "moved", world.now);
            world.advance();
        }
        assert_eq!(lines(&world, 1), [unknown, refused].concat(), "{end:?}");
    }
}

#[test]
fn what_has_never_been_unknown_has_no_line_when_it_was_not_typed() {
    let mut world = World::new();
    let run = world.submit(1, spec(Rollout::default()), steps(1));
    let not_run = StepEnd::NotRun(failure(Reason::Fenced));
    world.end(0, attempt(run, 0, 1), not_run);
    assert_eq!(lines(&world, 1), []);
}

#[test]
fn a_cancel_journals_only_the_steps_that_it_changes() {
    let mut world = World::new();
    let rollout = Rollout {
        in_flight: 1,
        ..Rollout::default()
    };
    let run = world.submit(1, spec(rollout), steps(4));
    succeed(&mut world, run, 0);
    assert_eq!(sent(&world), [1]);
    world.machine.cancel(run, "bert", world.now).unwrap();
    let outcome = world.machine.advance_without_sending(world.now);
    let written = outcome.changes.iter().filter_map(|change| match change {
        Change::Step { step, .. } => Some(*step),
        _ => None,
    });
    assert_eq!(written.collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn a_step_is_not_typed_on_what_its_device_has_become() {
    let mut world = World::new();
    world.places.get_mut(&device(0)).unwrap().platform = platform("cisco_nxos");
    world.places.get_mut(&device(1)).unwrap().credential = "reader".into();
    let run = world.submit(1, spec(Rollout::default()), steps(3));
    assert_eq!(sent(&world), [2]);
    assert_eq!(
        world.reason(run, 0),
        "its platform is now cisco_nxos, and the step was planned for cisco_ios"
    );
    assert_eq!(
        world.reason(run, 1),
        "its credential is now \"reader\", and the step was planned for \"changer\""
    );
    assert_eq!(world.step_state(run, 0), StepState::Failed);
    assert_eq!(world.step_state(run, 1), StepState::Failed);
    succeed(&mut world, run, 2);
    assert_eq!(world.state(run), RunState::Failed);
}

#[test]
fn an_unknown_step_is_not_verified_on_what_its_device_has_become() {
    let mut world = World::new();
    let run = world.submit(1, with_verify(spec(Rollout::default())), steps(1));
    world.tell(0, attempt(run, 0, 1), StepNews::Started);
    world.machine.handle_shard_lost(&shard(0), 1, world.now);
    world.places.get_mut(&device(0)).unwrap().platform = platform("cisco_nxos");
    world.advance();
    assert_eq!(sent(&world), [0; 0]);
    assert_eq!(world.step_state(run, 0), StepState::Unknown);
    assert_eq!(world.state(run), RunState::Unknown);
}

/// What the platform of a device types to enter its mode, and to leave it.
fn with_modes(lines: [&[&str]; 2]) -> Arc<Platform> {
    let mut changed = (*platform("cisco_ios")).clone();
    let mode = changed.modes.get_mut("config").unwrap();
    [mode.enter, mode.leave] = lines.map(|lines| lines.iter().map(ToString::to_string).collect());
    Arc::new(changed)
}

#[test]
fn a_step_is_not_typed_with_other_lines_of_its_mode_than_it_was_planned_for() {
    let mut world = World::new();
    for (number, lines) in [
        [&["configure"][..], &["rollback", "exit"]],
        [&["configure exclusive"], &["exit"]],
        // As many lines together, and not the same ones enter it.
        [&["configure exclusive", "rollback"], &["exit"]],
    ]
    .into_iter()
    .enumerate()
    {
        let device = device(u32::try_from(number).unwrap());
        world.places.get_mut(&device).unwrap().platform = with_modes(lines);
    }
    let mut without = (*platform("cisco_ios")).clone();
    without.modes.clear();
    world.places.get_mut(&device(3)).unwrap().platform = Arc::new(without);
    let run = world.submit(1, with_mode_lines(spec(Rollout::default())), steps(5));
    assert_eq!(sent(&world), [4]);
    for step in 0..4 {
        assert_eq!(world.step_state(run, step), StepState::Failed);
        assert_eq!(
            world.reason(run, step),
            "the lines that enter or leave the mode \"config\" of cisco_ios are no longer those that the step was planned for"
        );
        let hint = world.step(run, step).status.hint.as_deref();
        assert_eq!(hint, Some("submit a new run for it"));
    }
    let commands = world.audit.iter().filter(|record| record.step.is_some());
    assert_eq!(commands.count(), 0, "nothing was typed");
}

#[test]
fn a_step_of_a_journal_that_has_no_lines_of_modes_is_typed() {
    let mut world = World::new();
    world.places.get_mut(&device(0)).unwrap().platform = with_modes([&["configure"], &["end"]]);
    world.submit(1, spec(Rollout::default()), steps(1));
    assert_eq!(sent(&world), [0]);
}

#[test]
fn an_unknown_step_is_verified_though_its_mode_has_other_lines_by_now() {
    let mut world = World::new();
    let spec = with_mode_lines(with_verify(spec(Rollout::default())));
    let run = world.submit(1, spec, steps(1));
    world.tell(0, attempt(run, 0, 1), StepNews::Started);
    world.machine.handle_shard_lost(&shard(0), 1, world.now);
    world.places.get_mut(&device(0)).unwrap().platform = with_modes([&["configure"], &["end"]]);
    world.advance();
    assert_eq!(sent(&world), [0]);
    assert_eq!(world.orders()[0].mode, None);
}

#[test]
fn who_settles_what_is_known_is_told_where_the_step_stands() {
    let mut world = World::new();
    let spec = with_verify(spec(Rollout::default()));
    let run = world.submit(1, spec, steps(3));
    succeed(&mut world, run, 0);
    let end = StepEnd::TimedOut(failure(Reason::CommandTimeout));
    world.end(0, attempt(run, 1, 1), end);
    let settlement = Settlement {
        succeeded: true,
        requester: "bert".into(),
        comment: None,
    };
    for (step, stands) in [
        (0, "the step on sw-0 has succeeded"),
        (1, "the step on sw-1 has timed out"),
        (2, "the step on sw-2 is leased"),
    ] {
        let refused = world.machine.settle(run, step, &settlement, world.now);
        let text = refused.unwrap_err().to_string();
        let hint = "hint: only a step that is unknown can be settled";
        assert_eq!(text, format!("{stands}\n  {hint}"));
    }
}
