//! Every input in every state of a step.

use std::fmt::Write as _;

use netwolf_wire::{
    Incarnation,
    status::Reason,
    step::{RunId, StepEnd, StepNews},
};

use super::world::{World, attempt, done, failure, shard, spec, steps, with_verify};
use crate::{
    machine::{BrokenBy, Settlement},
    model::{Guard, Spec, StepState},
    rollout::Rollout,
};

const RUN: RunId = RunId(1);

/// A run of two steps, of which the second one waits for a device that nobody has, so that the run lives on.
fn scene(spec: Spec) -> World {
    let mut world = World::new();
    world.unplace(1);
    let _ = world.submit(1, spec, steps(2));
    assert_eq!(world.step_state(RUN, 0), StepState::Leased);
    world
}

/// The world with its first step in a state, and the name that the state has in the table.
/// The step's verify command is in the hands of the shard.
fn verifying_scene() -> World {
    let mut world = scene(with_verify(spec(Rollout::default())));
    let lost = StepEnd::Unknown(failure(Reason::ConnectionLost));
    world.end(0, attempt(RUN, 0, 1), lost);
    assert_eq!(world.orders().len(), 1);
    world
}

fn columns() -> Vec<(&'static str, World)> {
    let first = attempt(RUN, 0, 1);
    let plain = || scene(spec(Rollout::default()));
    let ended = |end| {
        let mut world = plain();
        world.tell(0, first, StepNews::Started);
        world.end(0, first, end);
        world
    };
    let mut pending = plain();
    pending.machine.handle_not_sent(first, "moved", pending.now);
    pending.advance();
    let mut running = plain();
    running.tell(0, first, StepNews::Started);
    let mut cancelled = plain();
    cancelled.end(0, first, StepEnd::Cancelled);
    let mut watched_spec = spec(Rollout::default());
    watched_spec.guards.push(Guard {
        metric: "netwolf_cpu_utilization_ratio".into(),
        labels: std::collections::BTreeMap::new(),
        above: Some(0.9),
        below: None,
        hold: netwolf_wire::Span::from_secs(30),
    });
    let mut watched = scene(watched_spec);
    watched.tell(0, first, StepNews::Started);
    watched.end(0, first, StepEnd::Succeeded);
    let mut to_verify = scene(with_verify(spec(Rollout::default())));
    to_verify.unplace(0);
    to_verify
        .machine
        .handle_shard_lost(&shard(0), 1, to_verify.now);
    to_verify.advance();
    let mut verify_lost = verifying_scene();
    verify_lost
        .machine
        .handle_shard_lost(&shard(0), 1, verify_lost.now);
    verify_lost.advance();
    vec![
        ("pending", pending),
        ("leased", plain()),
        ("running", running),
        ("succeeded", ended(StepEnd::Succeeded)),
        ("watched", watched),
        (
            "failed",
            ended(StepEnd::Failed(failure(Reason::CommandRejected))),
        ),
        (
            "timed_out",
            ended(StepEnd::TimedOut(failure(Reason::CommandTimeout))),
        ),
        ("cancelled", cancelled),
        (
            "unknown",
            ended(StepEnd::Unknown(failure(Reason::ConnectionLost))),
        ),
        ("to verify", to_verify),
        ("verifying", verifying_scene()),
        ("verify lost", verify_lost),
    ]
}

type Input = (&'static str, fn(&mut World));

fn end(world: &mut World, end: StepEnd) {
    world.end(0, attempt(RUN, 0, 1), end);
}

fn verify_end(world: &mut World, end: StepEnd) {
    world.end(0, attempt(RUN, 0, 2), end);
}

fn held(world: &mut World, incarnation: u64, attempts: &[u32]) {
    let held: Vec<_> = attempts
        .iter()
        .map(|number| attempt(RUN, 0, *number))
        .collect();
    world
        .machine
        .handle_held(&shard(0), Incarnation(incarnation), 2, &held, world.now);
    world.advance();
}

/// Without a place nothing is sent anew, so the table shows what the input does and not what follows.
const INPUTS: &[Input] = &[
    ("accepted", |world| {
        world.tell(0, attempt(RUN, 0, 1), StepNews::Accepted);
    }),
    ("started", |world| {
        world.tell(0, attempt(RUN, 0, 1), StepNews::Started);
    }),
    ("command", |world| {
        world.tell(0, attempt(RUN, 0, 1), done(0));
    }),
    ("succeeded", |world| end(world, StepEnd::Succeeded)),
    ("failed", |world| {
        end(world, StepEnd::Failed(failure(Reason::CommandRejected)));
    }),
    ("timed out", |world| {
        end(world, StepEnd::TimedOut(failure(Reason::CommandTimeout)));
    }),
    ("not run: fenced", |world| {
        end(world, StepEnd::NotRun(failure(Reason::Fenced)));
    }),
    ("not run: not allowed", |world| {
        end(world, StepEnd::NotRun(failure(Reason::NotAllowed)));
    }),
    ("not run: deadline", |world| {
        end(world, StepEnd::NotRun(failure(Reason::StepDeadline)));
    }),
    ("cancelled", |world| end(world, StepEnd::Cancelled)),
    ("unknown", |world| {
        end(world, StepEnd::Unknown(failure(Reason::ConnectionLost)));
    }),
    ("verify: succeeded", |world| {
        verify_end(world, StepEnd::Succeeded);
    }),
    ("verify: unexpected", |world| {
        verify_end(world, StepEnd::Failed(failure(Reason::UnexpectedOutput)));
    }),
    ("verify: rejected", |world| {
        verify_end(world, StepEnd::Failed(failure(Reason::CommandRejected)));
    }),
    ("verify: timed out", |world| {
        verify_end(world, StepEnd::TimedOut(failure(Reason::CommandTimeout)));
    }),
    ("verify: cancelled", |world| {
        verify_end(world, StepEnd::Cancelled);
    }),
    ("another shard: succeeded", |world| {
        world.end(1, attempt(RUN, 0, 1), StepEnd::Succeeded);
    }),
    ("not sent", |world| {
        let now = world.now;
        world
            .machine
            .handle_not_sent(attempt(RUN, 0, 1), "moved", now);
        world.advance();
    }),
    ("linked, holds it", |world| held(world, 1, &[1, 2])),
    ("linked, without it", |world| held(world, 1, &[])),
    ("another life", |world| held(world, 2, &[])),
    ("shard lost", |world| {
        world.machine.handle_shard_lost(&shard(0), 1, world.now);
        world.advance();
    }),
    ("step deadline", |world| {
        world.wait(71_000);
    }),
    ("run deadline", |world| {
        world.now += 3_600_000;
        world.advance();
    }),
    ("run deadline, grace", |world| {
        world.wait(3_611_000);
    }),
    ("guard broken", |world| {
        world
            .machine
            .handle_guard_broken(RUN, 0, BrokenBy::Value, "0.95 is above 0.9", world.now);
        world.advance();
    }),
    ("guards held", |world| {
        world.machine.handle_guard_held(RUN, 0, world.now);
        world.advance();
    }),
    ("cancel", |world| {
        world.machine.cancel(RUN, "bert", world.now).unwrap();
        world.advance();
    }),
    ("pause", |world| {
        world.machine.pause(RUN, "bert", world.now).unwrap();
        world.advance();
    }),
    ("resume", |world| {
        world.machine.resume(RUN, "bert", world.now).unwrap();
        world.advance();
    }),
    ("settle", |world| {
        let settlement = Settlement {
            succeeded: true,
            requester: "bert".into(),
            comment: None,
        };
        // Refused where the step is not unknown, which the state shows.
        let _refused = world.machine.settle(RUN, 0, &settlement, world.now);
        world.advance();
    }),
];

fn shown(world: &World) -> String {
    let status = &world.step(RUN, 0).status;
    let mut text = status.state.to_string();
    if status.verify.is_some() {
        text.push_str("+verify");
    }
    if status.state == StepState::Unknown && !status.given_up {
        text.push('?');
    }
    if status.watch_until_ms.is_some() {
        text.push_str("+watch");
    }
    text
}

#[test]
fn every_input_in_every_state() {
    let mut table = String::new();
    let names: Vec<_> = columns().iter().map(|(name, _)| *name).collect();
    write!(table, "{:25}", "").unwrap();
    for name in &names {
        write!(table, " {name:16}").unwrap();
    }
    for (name, input) in INPUTS {
        write!(table, "\n{name:25}").unwrap();
        for (_, mut world) in columns() {
            world.unplace(0);
            let before = shown(&world);
            input(&mut world);
            let after = shown(&world);
            let cell = if before == after { "." } else { &after };
            write!(table, " {cell:16}").unwrap();
        }
    }
    let table: Vec<_> = table.lines().map(str::trim_end).collect();
    let table = table.join("\n");
    insta::assert_snapshot!(table);
}
