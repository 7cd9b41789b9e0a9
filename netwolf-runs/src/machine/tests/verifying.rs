//! Attempts to verify that were taken for lost, and are told of after all.

use netwolf_wire::{
    status::Reason,
    step::{RunId, StepEnd, StepNews},
};

use super::world::{World, attempt, done, failure, shard, spec, steps, with_verify};
use crate::{
    audit::Outcome,
    machine::{Effect, Taken},
    model::{RunState, SettledBy, StepState},
    rollout::Rollout,
};

/// A run of one step whose agent is lost while it verifies. The next attempt has no place to go to yet.
fn verify_lost(world: &mut World) -> RunId {
    let run = world.submit(1, with_verify(spec(Rollout::default())), steps(1));
    let lost = StepEnd::Unknown(failure(Reason::ConnectionLost));
    world.end(0, attempt(run, 0, 1), lost);
    assert_eq!(world.orders()[0].id, attempt(run, 0, 2));
    world.unplace(0);
    world.machine.handle_shard_lost(&shard(0), 1, world.now);
    world.advance();
    assert_eq!(world.step_state(run, 0), StepState::Unknown);
    run
}

/// Outcomes of the verify command in the audit log, of one attempt.
fn lines(world: &World, number: u32) -> Vec<Outcome> {
    let of = world.audit.iter();
    of.filter(|record| record.attempt == Some(number))
        .map(|record| record.outcome)
        .collect()
}

#[test]
fn what_a_lost_verify_command_has_found_settles_its_step() {
    let found = [
        (
            StepEnd::Succeeded,
            StepState::Succeeded,
            RunState::Succeeded,
        ),
        (
            StepEnd::Failed(failure(Reason::UnexpectedOutput)),
            StepState::Failed,
            RunState::Failed,
        ),
    ];
    for (end, step, run_state) in found {
        let mut world = World::new();
        let run = verify_lost(&mut world);
        assert_eq!(world.tell(0, attempt(run, 0, 2), done(0)), Taken::News);
        assert_eq!(world.tell(0, attempt(run, 0, 2), done(0)), Taken::Repeated);
        assert_eq!(world.end(0, attempt(run, 0, 2), end), Taken::News);
        assert_eq!(world.step_state(run, 0), step);
        assert_eq!(world.state(run), run_state);
        let status = &world.step(run, 0).status;
        assert_eq!(status.settled_by, Some(SettledBy::Verify));
        assert_eq!(world.outputs.len(), 1, "it is in the transcript");
        assert_eq!(lines(&world, 2), [Outcome::Unknown, Outcome::Succeeded]);
        assert_eq!(world.machine.poll_timeout(), None, "nothing is to be sent");
    }
}

#[test]
fn the_attempt_that_came_after_it_is_called_back() {
    let mut world = World::new();
    let run = verify_lost(&mut world);
    world.place(0, 1, 1, 2);
    world.wait(10_000);
    assert_eq!(world.step(run, 0).status.attempt, 3);
    world.end(0, attempt(run, 0, 2), StepEnd::Succeeded);
    assert_eq!(world.step_state(run, 0), StepState::Succeeded);
    let called_back = Effect::Cancel {
        shard: shard(1),
        id: attempt(run, 0, 3),
    };
    assert!(world.effects.contains(&called_back), "{:?}", world.effects);
    world.end(1, attempt(run, 0, 3), StepEnd::Cancelled);
    assert_eq!(world.state(run), RunState::Succeeded);
}

#[test]
fn what_has_found_nothing_late_leaves_the_attempt_that_came_after_it_alone() {
    let nothing = [
        (StepEnd::NotRun(failure(Reason::NotAllowed)), true),
        (StepEnd::Cancelled, true),
        (StepEnd::TimedOut(failure(Reason::CommandTimeout)), false),
        (StepEnd::Failed(failure(Reason::CommandRejected)), false),
        (StepEnd::Unknown(failure(Reason::ConnectionLost)), false),
    ];
    for (end, is_untyped) in nothing {
        let mut world = World::new();
        let run = verify_lost(&mut world);
        world.place(0, 1, 1, 2);
        world.wait(10_000);
        let before = world.step(run, 0).status.verify.clone();
        assert_eq!(before.as_ref().map(|sent| sent.attempt), Some(3));
        world.end(0, attempt(run, 0, 2), end.clone());
        let status = &world.step(run, 0).status;
        assert_eq!(
            (status.state, &status.verify),
            (StepState::Unknown, &before)
        );
        assert!(!status.given_up && status.lost_verifies.is_empty());
        let expected: &[_] = if is_untyped {
            &[Outcome::Unknown, Outcome::Refused]
        } else {
            &[Outcome::Unknown]
        };
        assert_eq!(lines(&world, 2), expected, "{end:?}");
        assert_eq!(world.end(0, attempt(run, 0, 2), end), Taken::Stale);
        world.end(1, attempt(run, 0, 3), StepEnd::Succeeded);
        assert_eq!(world.state(run), RunState::Succeeded);
    }
}

#[test]
fn a_run_that_has_ended_without_it_is_settled_by_it() {
    let mut world = World::new();
    let run = verify_lost(&mut world);
    world.wait(3_700_000);
    assert_eq!(world.state(run), RunState::Unknown);
    world.tell(0, attempt(run, 0, 2), StepNews::Started);
    world.end(0, attempt(run, 0, 2), StepEnd::Succeeded);
    assert_eq!(world.step_state(run, 0), StepState::Succeeded);
    assert_eq!(world.state(run), RunState::Succeeded);
}

#[test]
fn each_of_several_that_were_lost_is_believed() {
    let mut world = World::new();
    let run = verify_lost(&mut world);
    for link in 2..=8 {
        world.place(0, 0, 1, link);
        world.wait(32_000);
        assert!(world.step(run, 0).status.verify.is_some());
        world.unplace(0);
        world.machine.handle_shard_lost(&shard(0), link, world.now);
        world.advance();
    }
    let status = &world.step(run, 0).status;
    assert!(status.given_up, "it was tried as often as it may be");
    assert_eq!(status.lost_verifies.len(), 8);
    assert_eq!(world.state(run), RunState::Unknown);
    world.end(0, attempt(run, 0, 5), StepEnd::Succeeded);
    assert_eq!(world.state(run), RunState::Succeeded);
}
