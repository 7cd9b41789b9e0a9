//! How a run goes on: batches, canary, bounds, stop rules, and who has a device.

use netwolf_wire::{
    Incarnation,
    status::Reason,
    step::{RunId, StepEnd},
};

use super::world::{World, attempt, failure, orders, shard, spec, steps, with_verify};
use crate::{
    machine::{Effect, Settings},
    model::{RunState, SettledBy, StepState},
    rollout::{Amount, Rollout},
};

/// The steps that the last effects send, by number.
pub(super) fn sent(world: &World) -> Vec<u32> {
    world.orders().iter().map(|order| order.id.step).collect()
}

pub(super) fn succeed(world: &mut World, run: RunId, step: u32) {
    world.end(0, attempt(run, step, 1), StepEnd::Succeeded);
}

pub(super) fn fail(world: &mut World, run: RunId, step: u32) {
    let end = StepEnd::Failed(failure(Reason::CommandRejected));
    world.end(0, attempt(run, step, 1), end);
}

#[test]
fn a_run_whose_steps_all_succeed_has_succeeded() {
    let mut world = World::new();
    let run = world.submit(1, spec(Rollout::default()), steps(2));
    assert_eq!(sent(&world), [0, 1]);
    let order = &world.orders()[0];
    assert_eq!(order.mode.as_deref(), Some("config"));
    assert_eq!(order.commands.len(), 2);
    assert!(order.changes);
    succeed(&mut world, run, 0);
    assert_eq!(world.state(run), RunState::Running);
    let heard = Effect::Heard {
        shard: shard(0),
        id: attempt(run, 0, 1),
    };
    assert_eq!(world.effects, [heard]);
    succeed(&mut world, run, 1);
    assert_eq!(world.state(run), RunState::Succeeded);
    assert!(!world.machine.knows(run));
    assert_eq!(world.machine.poll_timeout(), None);
}

#[test]
fn the_next_batch_begins_when_all_of_the_present_one_have_ended() {
    let mut world = World::new();
    let rollout = Rollout {
        canary: 1,
        batch: Some(Amount::Count(2)),
        ..Rollout::default()
    };
    let run = world.submit(1, spec(rollout), steps(4));
    assert_eq!(sent(&world), [0]);
    succeed(&mut world, run, 0);
    assert_eq!(sent(&world), [1, 2]);
    fail(&mut world, run, 2);
    assert_eq!(sent(&world), [0; 0]);
    succeed(&mut world, run, 1);
    assert_eq!(sent(&world), [3]);
    assert_eq!(world.journal[&run].0.status.batch, 3);
    succeed(&mut world, run, 3);
    assert_eq!(world.state(run), RunState::Failed);
}

#[test]
fn a_canary_that_does_not_succeed_stops_the_run() {
    let mut world = World::new();
    let rollout = Rollout {
        canary: 1,
        ..Rollout::default()
    };
    let run = world.submit(1, spec(rollout), steps(3));
    fail(&mut world, run, 0);
    assert_eq!(world.state(run), RunState::Failed);
    assert_eq!(world.step_state(run, 2), StepState::Cancelled);
    assert_eq!(
        world.reason(run, 2),
        "the run was stopped: 1 of the canary's 1 steps did not succeed"
    );
}

#[test]
fn a_run_stops_at_so_many_failures_and_waits_for_what_is_in_hand() {
    let mut world = World::new();
    let rollout = Rollout {
        stop_after: Some(Amount::Part(5_000)),
        in_flight: 3,
        ..Rollout::default()
    };
    let run = world.submit(1, spec(rollout), steps(4));
    assert_eq!(sent(&world), [0, 1, 2]);
    fail(&mut world, run, 0);
    assert_eq!(sent(&world), [3]);
    fail(&mut world, run, 1);
    assert_eq!(world.state(run), RunState::Stopped);
    succeed(&mut world, run, 2);
    succeed(&mut world, run, 3);
    assert_eq!(world.state(run), RunState::Failed);
    let stopped_by = world.journal[&run].0.status.stopped_by.clone();
    assert_eq!(
        stopped_by.as_deref(),
        Some("2 of 4 steps did not succeed, and it stops at 2")
    );
}

#[test]
fn what_is_not_settled_holds_the_run_where_it_would_stop_it() {
    let mut world = World::new();
    let rollout = Rollout {
        stop_after: Some(Amount::Count(1)),
        in_flight: 1,
        ..Rollout::default()
    };
    let run = world.submit(1, with_verify(spec(rollout)), steps(2));
    world.unplace(0);
    let lost = StepEnd::Unknown(failure(Reason::ConnectionLost));
    world.end(0, attempt(run, 0, 1), lost);
    assert_eq!(sent(&world), [0; 0], "it may be the failure to stop at");
    world.place(0, 0, 1, 1);
    let effects = world.wait(Settings::default().look_ms);
    let verify = &orders(&effects)[0];
    assert_eq!((verify.id, verify.commands.len()), (attempt(run, 0, 2), 0));
    world.end(0, attempt(run, 0, 2), StepEnd::Succeeded);
    assert_eq!(sent(&world), [1]);
    assert_eq!(
        world.step(run, 0).status.settled_by,
        Some(SettledBy::Verify)
    );
}

#[test]
fn a_site_has_no_more_in_hand_than_it_may() {
    let mut world = World::new();
    let rollout = Rollout {
        per_site: Some(1),
        ..Rollout::default()
    };
    let run = world.submit(1, spec(rollout), steps(6));
    assert_eq!(sent(&world), [0, 1]);
    succeed(&mut world, run, 1);
    assert_eq!(sent(&world), [3]);
    // The device of the next one is nowhere: another one of its site takes the place.
    world.unplace(2);
    succeed(&mut world, run, 0);
    assert_eq!(sent(&world), [4]);
}

#[test]
fn a_device_has_one_step_at_a_time_over_all_runs() {
    let mut world = World::new();
    let first = world.submit(1, spec(Rollout::default()), steps(1));
    let second = world.submit(2, spec(Rollout::default()), steps(2));
    assert_eq!(sent(&world), [1]);
    let third = world.submit(3, spec(Rollout::default()), steps(1));
    assert_eq!(sent(&world), [0; 0]);
    // A paused run does not keep the others from the device.
    world.machine.pause(second, "anna", world.now).unwrap();
    succeed(&mut world, first, 0);
    assert_eq!(world.orders()[0].id, attempt(third, 0, 1));
    world.machine.resume(second, "anna", world.now).unwrap();
    world.advance();
    assert_eq!(sent(&world), [0; 0]);
    succeed(&mut world, third, 0);
    assert_eq!(world.orders()[0].id, attempt(second, 0, 1));
}

#[test]
fn a_small_run_does_not_wait_for_a_large_one() {
    let mut world = World::new();
    world.machine = crate::machine::Machine::new(Settings {
        in_flight: 2,
        ..Settings::default()
    });
    let large = world.submit(1, spec(Rollout::default()), steps(50));
    let small = world.submit(2, spec(Rollout::default()), super::world::steps_from(60, 1));
    succeed(&mut world, large, 0);
    succeed(&mut world, large, 1);
    let state = world.step_state(small, 0);
    assert_eq!(state, StepState::Leased);
}

#[test]
fn a_device_that_gets_a_place_is_served_when_it_is_looked_for_next() {
    let mut world = World::new();
    world.unplace(0);
    let run = world.submit(1, spec(Rollout::default()), steps(1));
    assert_eq!(world.step_state(run, 0), StepState::Pending);
    world.place(0, 1, 7, 9);
    let effects = world.wait(Settings::default().look_ms);
    assert_eq!(orders(&effects)[0].id, attempt(run, 0, 1));
    let kept = world.step(run, 0).status.sent.clone().unwrap();
    assert_eq!((kept.shard, kept.incarnation), (shard(1), Incarnation(7)));
}

#[test]
fn what_was_sent_on_the_new_link_is_not_taken_for_lost() {
    let mut world = World::new();
    for number in 0..100 {
        world.place(number, 0, 1, 2);
    }
    let run = world.submit(1, spec(Rollout::default()), steps(1));
    // Said before the step had come.
    let life = Incarnation(1);
    world
        .machine
        .handle_held(&shard(0), life, 2, &[], world.now);
    world.machine.handle_shard_lost(&shard(0), 1, world.now);
    world.advance();
    assert_eq!(world.step_state(run, 0), StepState::Leased);
}

#[test]
fn more_than_a_manager_keeps_is_not_admitted() {
    let mut world = World::new();
    world.machine = crate::machine::Machine::new(Settings {
        max_live: 10,
        ..Settings::default()
    });
    let run = world.submit(1, spec(Rollout::default()), steps(8));
    assert!(world.machine.admits(2) && !world.machine.admits(3));
    for step in 0..8 {
        succeed(&mut world, run, step);
    }
    assert!(world.machine.admits(10));
    assert_eq!(world.machine.live_steps(), 0);
}
