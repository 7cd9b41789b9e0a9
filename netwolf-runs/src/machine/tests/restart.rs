//! What a manager that is started again makes of its journal.

use netwolf_wire::{
    Incarnation, Span,
    status::Reason,
    step::{RunId, StepEnd, StepNews},
};

use super::world::{World, attempt, failure, shard, spec, steps, with_verify};
use crate::{
    machine::{Effect, Machine, Settings, Taken},
    model::{Guard, RunState, SettledBy, StepState},
    rollout::Rollout,
};

fn restart(world: &mut World, away_ms: u64) {
    world.now += away_ms;
    let runs = world.journal.values().cloned().collect();
    world.machine = Machine::restore(Settings::default(), runs, world.now);
    world.places.clear();
    world.advance();
}

#[test]
fn what_was_in_hand_stays_so_until_its_shard_says_what_it_holds() {
    let mut world = World::new();
    let run = world.submit(1, spec(Rollout::default()), steps(3));
    world.tell(0, attempt(run, 1, 1), StepNews::Started);
    // However long it was away: its agents have had no one to tell.
    restart(&mut world, 3_000_000);
    assert_eq!(world.step_state(run, 0), StepState::Leased);
    assert_eq!(world.step_state(run, 1), StepState::Running);
    let held = [attempt(run, 1, 1), attempt(run, 2, 1)];
    let life = Incarnation(1);
    world
        .machine
        .handle_held(&shard(0), life, 1, &held, world.now);
    world.advance();
    assert_eq!(
        world.step_state(run, 0),
        StepState::Pending,
        "never reached it"
    );
    assert_eq!(world.step_state(run, 2), StepState::Leased);
    let taken = world.end(0, attempt(run, 1, 1), StepEnd::Succeeded);
    assert_eq!(taken, Taken::News);
    assert_eq!(world.step_state(run, 1), StepState::Succeeded);
}

#[test]
fn what_nobody_returns_for_is_unknown_and_still_settled_late() {
    let mut world = World::new();
    let run = world.submit(1, spec(Rollout::default()), steps(1));
    restart(&mut world, 1_000);
    world.wait(29_000);
    assert_eq!(world.step_state(run, 0), StepState::Leased);
    world.wait(1_000);
    assert_eq!(world.step_state(run, 0), StepState::Unknown);
    assert_eq!(
        world.reason(run, 0),
        "agent agent-0 did not return after the manager was started again"
    );
    world.end(
        0,
        attempt(run, 0, 1),
        StepEnd::Failed(failure(Reason::CommandRejected)),
    );
    assert_eq!(world.step_state(run, 0), StepState::Failed);
    assert_eq!(world.step(run, 0).status.settled_by, Some(SettledBy::Agent));
}

#[test]
fn an_agent_that_was_started_again_leaves_its_steps_unknown_and_they_are_verified() {
    let mut world = World::new();
    let run = world.submit(1, with_verify(spec(Rollout::default())), steps(1));
    restart(&mut world, 1_000);
    let life = Incarnation(2);
    world
        .machine
        .handle_held(&shard(0), life, 1, &[], world.now);
    world.advance();
    assert_eq!(world.step_state(run, 0), StepState::Unknown);
    // Verified once its device has a place, on whichever shard.
    world.place(0, 1, 5, 2);
    world.wait(10_000);
    restart(&mut world, 0);
    let held = [attempt(run, 0, 2)];
    let life = Incarnation(5);
    world
        .machine
        .handle_held(&shard(1), life, 1, &held, world.now);
    world.end(1, attempt(run, 0, 2), StepEnd::Succeeded);
    assert_eq!(world.state(run), RunState::Succeeded);
    assert_eq!(
        world.step(run, 0).status.settled_by,
        Some(SettledBy::Verify)
    );
}

#[test]
fn pending_steps_go_on_and_a_cancel_is_said_again() {
    let mut world = World::new();
    let rollout = Rollout {
        in_flight: 1,
        ..Rollout::default()
    };
    let going = world.submit(1, spec(rollout), steps(2));
    let cancelled = world.submit(2, spec(rollout), super::world::steps_from(10, 1));
    world.machine.cancel(cancelled, "bert", world.now).unwrap();
    world.advance();
    restart(&mut world, 1_000);
    for number in 0..20 {
        world.place(number, 0, 1, 1);
    }
    let held = [attempt(going, 0, 1), attempt(cancelled, 0, 1)];
    let life = Incarnation(1);
    world
        .machine
        .handle_held(&shard(0), life, 1, &held, world.now);
    world.advance();
    let called_back = Effect::Cancel {
        shard: shard(0),
        id: attempt(cancelled, 0, 1),
    };
    assert_eq!(world.effects, [called_back]);
    world.end(0, attempt(going, 0, 1), StepEnd::Succeeded);
    assert_eq!(world.orders()[0].id, attempt(going, 1, 1));
}

#[test]
fn a_run_whose_time_is_over_is_ended_at_once() {
    let mut world = World::new();
    world.places.clear();
    let run = world.submit(1, spec(Rollout::default()), steps(2));
    restart(&mut world, 3_600_000);
    assert_eq!(world.state(run), RunState::Failed);
    assert_eq!(world.step_state(run, 0), StepState::Cancelled);
}

fn watched() -> (World, RunId) {
    let mut world = World::new();
    let mut spec = spec(Rollout::default());
    spec.guards.push(Guard {
        metric: "netwolf_cpu_utilization_ratio".into(),
        labels: std::collections::BTreeMap::new(),
        above: Some(0.9),
        below: None,
        hold: Span::from_secs(30),
    });
    let run = world.submit(1, spec, steps(1));
    world.tell(0, attempt(run, 0, 1), StepNews::Started);
    world.end(0, attempt(run, 0, 1), StepEnd::Succeeded);
    (world, run)
}

#[test]
fn guards_are_watched_anew_for_their_whole_time() {
    for away_ms in [0, 20_000, 3_000_000] {
        let (mut world, run) = watched();
        let from_ms = world.now;
        restart(&mut world, away_ms);
        let watch = Effect::Watch {
            run,
            step: 0,
            device: super::world::device(0),
            from_ms,
            until_ms: world.now + 30_000,
        };
        assert_eq!(world.effects, [watch], "away for {away_ms} ms");
        world.wait(35_000);
        assert_eq!(world.state(run), RunState::Running);
        world.machine.handle_guard_held(run, 0, world.now);
        world.advance();
        assert_eq!(world.state(run), RunState::Succeeded);
    }
}

#[test]
fn guards_that_nobody_watches_after_a_restart_are_broken() {
    let (mut world, run) = watched();
    restart(&mut world, 3_000_000);
    world.wait(40_000);
    assert_eq!(world.step_state(run, 0), StepState::Failed);
    assert_eq!(world.state(run), RunState::Failed);
}
