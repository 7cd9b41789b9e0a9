//! What ends a run, or keeps it from going on: people, windows, deadlines, guards, and what is told late.

use netwolf_wire::{
    Incarnation, Span,
    status::Reason,
    step::{StepEnd, StepNews},
};

use super::{
    scenes::{sent, succeed},
    world::{
        START, World, attempt, device, done, failure, orders, shard, spec, steps, steps_from,
        with_verify,
    },
};
use crate::{
    audit::{Action, Outcome},
    machine::{BrokenBy, Change, Effect, Refused, Settlement, Taken},
    model::{Guard, RunState, SettledBy, StepState},
    rollout::Rollout,
    window::Window,
};

#[test]
fn late_evidence_settles_a_step_and_calls_its_verify_command_back() {
    let mut world = World::new();
    let run = world.submit(1, with_verify(spec(Rollout::default())), steps(1));
    world.tell(0, attempt(run, 0, 1), StepNews::Started);
    world.machine.handle_shard_lost(&shard(0), 1, world.now);
    world.advance();
    assert_eq!(world.orders()[0].id, attempt(run, 0, 2));
    world.end(0, attempt(run, 0, 1), StepEnd::Succeeded);
    let called_back = Effect::Cancel {
        shard: shard(0),
        id: attempt(run, 0, 2),
    };
    assert!(world.effects.contains(&called_back), "{:?}", world.effects);
    assert_eq!(world.step_state(run, 0), StepState::Succeeded);
    assert_eq!(
        world.state(run),
        RunState::Running,
        "a shard has it in hand"
    );
    world.end(0, attempt(run, 0, 2), StepEnd::Cancelled);
    assert_eq!(world.state(run), RunState::Succeeded);
}

#[test]
fn a_paused_run_begins_nothing_and_loses_nothing() {
    let mut world = World::new();
    let rollout = Rollout {
        in_flight: 1,
        ..Rollout::default()
    };
    let run = world.submit(1, spec(rollout), steps(2));
    world.machine.pause(run, "bert", world.now).unwrap();
    succeed(&mut world, run, 0);
    assert_eq!(sent(&world), [0; 0]);
    assert_eq!(world.state(run), RunState::Paused);
    assert_eq!(world.step_state(run, 0), StepState::Succeeded);
    world.machine.resume(run, "bert", world.now).unwrap();
    world.advance();
    assert_eq!(sent(&world), [1]);
    let told: Vec<_> = world.audit.iter().map(|record| record.action).collect();
    assert_eq!(told, [Action::Submit, Action::Pause, Action::Resume]);
}

#[test]
fn what_was_not_sent_when_a_run_is_cancelled_never_is() {
    let mut world = World::new();
    let rollout = Rollout {
        in_flight: 1,
        ..Rollout::default()
    };
    let run = world.submit(1, spec(rollout), steps(3));
    world.machine.cancel(run, "bert", world.now).unwrap();
    world.advance();
    let called_back = Effect::Cancel {
        shard: shard(0),
        id: attempt(run, 0, 1),
    };
    assert_eq!(world.effects, std::slice::from_ref(&called_back));
    assert_eq!(world.state(run), RunState::Cancelling);
    assert_eq!(world.step_state(run, 1), StepState::Cancelled);
    assert_eq!(world.reason(run, 1), "the run was cancelled by bert");
    // The word may be lost with the link: it is said again on the next one.
    let held = [attempt(run, 0, 1)];
    let life = Incarnation(1);
    world
        .machine
        .handle_held(&shard(0), life, 2, &held, world.now);
    world.advance();
    assert_eq!(world.effects, [called_back]);
    world.end(0, attempt(run, 0, 1), StepEnd::Cancelled);
    assert_eq!(world.state(run), RunState::Cancelled);
    assert_eq!(
        world.machine.pause(run, "bert", world.now),
        Err(Refused::NotLive(run))
    );
}

#[test]
fn a_step_that_comes_back_again_and_again_fails_with_the_reason() {
    let mut world = World::new();
    let run = world.submit(1, spec(Rollout::default()), steps(1));
    for number in 1..=9 {
        assert_eq!(world.step(run, 0).status.attempt, number);
        let not_run = StepEnd::NotRun(failure(Reason::Fenced));
        world.end(0, attempt(run, 0, number), not_run);
        world.wait(30_000);
    }
    assert_eq!(world.step_state(run, 0), StepState::Failed);
    assert_eq!(
        world.reason(run, 0),
        "it came back 9 times with nothing typed: because of fenced"
    );
}

#[test]
fn a_run_waits_for_its_window_and_again_when_it_closes() {
    let mut world = World::new();
    let mut spec = spec(Rollout {
        in_flight: 1,
        ..Rollout::default()
    });
    let window: Window = serde_json::from_str(r#"{"from":"22:00","to":"22:10"}"#).unwrap();
    let opens = window.opens_ms(START);
    assert!(opens > START);
    spec.window = Some(window);
    spec.run_deadline = Span::from_secs(48 * 3600);
    spec.programs[0].deadline = Span::from_secs(3600);
    let run = world.submit(1, spec, steps(2));
    assert_eq!(world.state(run), RunState::Waiting);
    let status = &world.journal[&run].0.status;
    assert_eq!(status.next_window_ms, Some(opens));
    assert_eq!(status.deadline_ms, opens + 48 * 3_600_000);
    world.now = opens;
    world.advance();
    assert_eq!(
        (world.state(run), sent(&world)),
        (RunState::Running, vec![0])
    );
    world.tell(0, attempt(run, 0, 1), StepNews::Started);
    world.later(600_000);
    assert_eq!(world.state(run), RunState::Waiting);
    succeed(&mut world, run, 0);
    assert_eq!(sent(&world), [0; 0]);
    world.now = opens + 24 * 3_600_000;
    world.advance();
    assert_eq!(
        (world.state(run), sent(&world)),
        (RunState::Running, vec![1])
    );
}

#[test]
fn windows_go_by_the_wall_clock_and_deadlines_do_not() {
    let mut world = World::new();
    let mut windowed = spec(Rollout::default());
    let window: Window = serde_json::from_str(r#"{"from":"22:00","to":"22:10"}"#).unwrap();
    let opens = window.opens_ms(START);
    windowed.window = Some(window);
    let waits = world.submit(1, windowed, steps(1));
    let goes = world.submit(2, spec(Rollout::default()), steps_from(1, 1));
    assert_eq!(world.state(waits), RunState::Waiting);
    // Somebody sets the clock forward into the window, and back again.
    world.machine.handle_wall_clock(opens + 1_000, world.now);
    world.advance();
    assert_eq!(world.state(waits), RunState::Running);
    assert_eq!(sent(&world), [0]);
    assert_eq!(world.step_state(goes, 0), StepState::Leased);
    world.machine.handle_wall_clock(opens - 60_000, world.now);
    world.advance();
    assert_eq!(world.state(waits), RunState::Waiting);
    let status = &world.journal[&waits].0.status;
    assert_eq!(status.next_window_ms, Some(opens));
    // It opens a minute later by either clock.
    world.wait(59_000);
    assert_eq!(world.state(waits), RunState::Waiting);
    world.wait(1_000);
    assert_eq!(world.state(waits), RunState::Running);
    world.wait(10_000);
    assert_eq!(world.step_state(goes, 0), StepState::Unknown, "in its time");
}

#[test]
fn a_run_that_has_had_its_time_ends_whatever_its_agents_do() {
    let mut world = World::new();
    world.unplace(1);
    let mut spec = with_verify(spec(Rollout::default()));
    spec.programs[0].deadline = Span::from_secs(3600);
    spec.run_deadline = Span::from_secs(60);
    let run = world.submit(1, spec, steps(2));
    world.tell(0, attempt(run, 0, 1), StepNews::Started);
    world.later(60_000);
    assert_eq!(world.step_state(run, 1), StepState::Cancelled);
    assert_eq!(
        world.reason(run, 1),
        "the run's deadline was over, and no agent had the device"
    );
    assert!(matches!(world.effects[..], [Effect::Cancel { .. }]));
    world.wait(10_000);
    assert_eq!(world.step_state(run, 0), StepState::Unknown);
    assert_eq!(world.state(run), RunState::Unknown);
    // Its agent tells late, and what it tells counts.
    assert!(world.machine.knows(run));
    let taken = world.end(0, attempt(run, 0, 1), StepEnd::Succeeded);
    assert_eq!(taken, Taken::News);
    assert_eq!(world.step(run, 0).status.settled_by, Some(SettledBy::Agent));
    assert_eq!(world.state(run), RunState::Failed);
    assert!(!world.machine.knows(run));
}

#[test]
fn an_unknown_step_is_settled_by_a_person_after_its_run_has_ended() {
    let mut world = World::new();
    let run = world.submit(1, spec(Rollout::default()), steps(1));
    world.machine.handle_shard_lost(&shard(0), 1, world.now);
    world.advance();
    assert_eq!(world.state(run), RunState::Unknown);
    world.wait(2 * 3_600_000);
    let settlement = Settlement {
        succeeded: true,
        requester: "bert".into(),
        comment: Some("looked at it".into()),
    };
    let refused = world.machine.settle(run, 0, &settlement, world.now);
    assert_eq!(refused, Err(Refused::NotLive(run)));
    let (kept, kept_steps) = world.journal[&run].clone();
    world.machine.adopt(kept, kept_steps, world.now);
    world
        .machine
        .settle(run, 0, &settlement, world.now)
        .unwrap();
    world.advance();
    assert_eq!(world.state(run), RunState::Succeeded);
    assert_eq!(world.reason(run, 0), "settled by bert: looked at it");
}

#[test]
fn every_command_is_in_the_audit_log_and_what_may_have_been_typed_too() {
    let mut world = World::new();
    let run = world.submit(1, with_verify(spec(Rollout::default())), steps(1));
    world.tell(0, attempt(run, 0, 1), done(0));
    assert_eq!(world.tell(0, attempt(run, 0, 1), done(0)), Taken::Repeated);
    world.unplace(0);
    world.machine.handle_shard_lost(&shard(0), 1, world.now);
    world.advance();
    let told: Vec<_> = world.audit[1..]
        .iter()
        .map(|record| (record.index, record.command.as_deref(), record.outcome))
        .collect();
    assert_eq!(
        told,
        [
            (Some(0), Some("ntp server 192.0.2.1"), Outcome::Succeeded),
            (Some(1), Some("ntp logging"), Outcome::Unknown),
            (
                Some(2),
                Some("show running-config | include ntp"),
                Outcome::Unknown
            ),
        ]
    );
    assert_eq!(world.outputs.len(), 1);
    assert_eq!(world.outputs[0].command, "ntp server 192.0.2.1");
    let record = &world.audit[1];
    assert_eq!(record.device, Some(device(0)));
    assert_eq!(record.credential.as_deref(), Some("changer"));
    assert_eq!(record.requester, "anna");
}

fn guarded() -> crate::model::Spec {
    let mut spec = spec(Rollout {
        canary: 1,
        ..Rollout::default()
    });
    spec.guards.push(Guard {
        metric: "netwolf_cpu_utilization_ratio".into(),
        labels: std::collections::BTreeMap::new(),
        above: Some(0.9),
        below: None,
        hold: Span::from_secs(30),
    });
    spec
}

/// Steps whose guards are said to be broken, and by what.
fn broken(effects: &[Effect]) -> Vec<(u32, BrokenBy)> {
    let broken = effects.iter().filter_map(|effect| match effect {
        Effect::GuardBroken { step, by, .. } => Some((*step, *by)),
        _ => None,
    });
    broken.collect()
}

#[test]
fn the_next_batch_waits_until_the_guards_have_held() {
    let mut world = World::new();
    let run = world.submit(1, guarded(), steps(2));
    succeed(&mut world, run, 0);
    let watch = Effect::Watch {
        run,
        step: 0,
        device: device(0),
        from_ms: world.now,
        until_ms: world.now + 30_000,
    };
    assert!(world.effects.contains(&watch), "{:?}", world.effects);
    assert_eq!(sent(&world), [0; 0]);
    let effects = world.wait(30_000);
    assert!(orders(&effects).is_empty(), "nobody has said so yet");
    world.machine.handle_guard_held(run, 0, world.now);
    world.advance();
    assert_eq!(world.orders()[0].id.step, 1);
    // What is said twice, or of a step that is not watched, is nothing new.
    world.machine.handle_guard_held(run, 0, world.now);
    world.machine.handle_guard_held(run, 1, world.now);
    world.advance();
    assert!(world.effects.is_empty());
    assert_eq!(world.step_state(run, 0), StepState::Succeeded);
    assert_eq!(world.step_state(run, 1), StepState::Leased);
}

#[test]
fn a_guard_that_nobody_has_watched_is_broken_and_counted_once() {
    let mut world = World::new();
    let run = world.submit(1, guarded(), steps(2));
    succeed(&mut world, run, 0);
    world.wait(39_999);
    assert_eq!(world.step_state(run, 0), StepState::Succeeded);
    assert_eq!(world.state(run), RunState::Running);
    let effects = world.wait(1);
    assert_eq!(broken(&effects), [(0, BrokenBy::Unwatched)]);
    // Who has watched them all the same comes too late to be counted.
    world
        .machine
        .handle_guard_broken(run, 0, BrokenBy::Value, "late", world.now);
    world.advance();
    assert_eq!(broken(&world.effects), []);
    assert_eq!(world.step_state(run, 0), StepState::Failed);
    let why = "its guards could not be watched to their end";
    assert_eq!(world.reason(run, 0), why);
    assert_eq!(world.step_state(run, 1), StepState::Cancelled);
    assert_eq!(world.state(run), RunState::Failed);
    let stopped_by = world.journal[&run].0.status.stopped_by.clone();
    assert_eq!(
        stopped_by,
        Some(format!("a guard is broken on sw-0: {why}"))
    );
}

#[test]
fn a_broken_guard_fails_the_step_and_stops_the_run() {
    let mut world = World::new();
    let run = world.submit(1, guarded(), steps(2));
    succeed(&mut world, run, 0);
    world
        .machine
        .handle_guard_broken(run, 0, BrokenBy::Value, "0.95 is above 0.9", world.now);
    world.advance();
    assert_eq!(broken(&world.effects), [(0, BrokenBy::Value)]);
    assert_eq!(world.step_state(run, 0), StepState::Failed);
    assert_eq!(world.reason(run, 0), "a guard is broken: 0.95 is above 0.9");
    assert_eq!(world.state(run), RunState::Failed);
    let stopped_by = world.journal[&run].0.status.stopped_by.clone();
    assert_eq!(
        stopped_by.as_deref(),
        Some("a guard is broken on sw-0: 0.95 is above 0.9")
    );
}

#[test]
fn a_step_whose_device_nobody_has_fails_long_before_its_run_is_over() {
    let mut world = World::new();
    world.unplace(0);
    let rollout = Rollout {
        canary: 1,
        ..Rollout::default()
    };
    let run = world.submit(1, spec(rollout), steps(1));
    world.wait(30_000);
    // Nobody looks while it is paused.
    world.machine.pause(run, "anna", world.now).unwrap();
    world.wait(600_000);
    world.machine.resume(run, "anna", world.now).unwrap();
    world.advance();
    world.wait(20_000);
    assert_eq!(world.step_state(run, 0), StepState::Pending);
    world.wait(15_000);
    assert_eq!(world.step_state(run, 0), StepState::Failed);
    assert_eq!(world.reason(run, 0), "no agent has had the device for 1m");
    assert_eq!(world.state(run), RunState::Failed);
}

#[test]
fn a_driver_that_cannot_journal_sends_nothing_and_fails_nothing() {
    let mut world = World::new();
    world.unplace(0);
    let run = world.submit(1, spec(Rollout::default()), steps(1));
    for _ in 0..100 {
        world.now += 5_000;
        let outcome = world.machine.advance_without_sending(world.now);
        assert!(outcome.is_empty(), "{outcome:?}");
    }
    world.place(0, 0, 1, 1);
    world.advance();
    assert_eq!(world.step_state(run, 0), StepState::Leased);
    let outcome = world.machine.advance_without_sending(world.now + 70_000);
    let lost = outcome.changes.iter().any(|change| {
        let Change::Step { status, .. } = change else {
            return false;
        };
        status.state == StepState::Unknown
    });
    assert!(lost, "time passes all the same: {outcome:?}");
}
