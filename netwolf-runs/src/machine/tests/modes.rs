//! What the audit log has of the lines that enter and leave a mode when an agent is lost: all that may have been typed,
//! in the order of typing, once, and nothing that was told of before.

use netwolf_wire::{
    Incarnation,
    status::Reason,
    step::{CommandDone, MAX_MODE_LINES, ModeLine, RunId, StepEnd, StepNews},
};

use super::world::{
    World, attempt, device, done, failure, shard, spec, steps, with_mode_lines, with_verify,
};
use crate::{
    audit::Outcome::{self, Failed, Refused, Succeeded, TimedOut, Unknown},
    machine::{Machine, Settings, Taken},
    model::StepState,
    rollout::Rollout,
};

const ENTER: &str = "257 configure exclusive";
const NTP: &str = "0 ntp server 192.0.2.1";
const LOGGING: &str = "1 ntp logging";
const ROLLBACK: &str = "258 rollback";
const EXIT: &str = "259 exit";
const VERIFY: &str = "2 show running-config | include ntp";
/// All that a step types, in its order.
const ALL: [&str; 6] = [ENTER, NTP, LOGGING, ROLLBACK, EXIT, VERIFY];

fn mode_line(no: u32, text: &str, failed: Option<Reason>) -> StepNews {
    StepNews::Mode(ModeLine {
        no,
        text: text.into(),
        failure: failed.map(failure),
    })
}

fn entered() -> StepNews {
    mode_line(0, "configure exclusive", None)
}

fn rolled_back() -> StepNews {
    mode_line(1, "rollback", None)
}

fn left() -> StepNews {
    mode_line(2, "exit", None)
}

fn refused(index: u32, reason: Reason) -> StepNews {
    let StepNews::Command(command) = done(index) else {
        panic!("it is a command")
    };
    StepNews::Command(CommandDone {
        failure: Some(failure(reason)),
        ..command
    })
}

/// A step in a mode, of which `news` were told.
fn told(news: &[StepNews]) -> (World, RunId) {
    let mut world = World::new();
    let spec = with_mode_lines(with_verify(spec(Rollout::default())));
    let run = world.submit(1, spec, steps(1));
    world.audit.clear();
    world.tell(0, attempt(run, 0, 1), StepNews::Started);
    for news in news {
        let taken = world.tell(0, attempt(run, 0, 1), news.clone());
        assert_eq!(taken, Taken::News, "{news:?}");
    }
    (world, run)
}

fn lose(world: &mut World, run: RunId) {
    world.machine.handle_shard_lost(&shard(0), 1, world.now);
    world.advance();
    assert_eq!(world.step_state(run, 0), StepState::Unknown);
}

/// The lines of the first attempt, each as its number and its text, and how it ended.
fn lines(world: &World) -> Vec<(String, Outcome)> {
    let of = world
        .audit
        .iter()
        .filter(|record| record.attempt == Some(1));
    let lines = of.map(|record| {
        let (index, command) = (record.index.unwrap(), record.command.as_ref().unwrap());
        (format!("{index} {command}"), record.outcome)
    });
    lines.collect()
}

#[track_caller]
fn check(world: &World, expected: &[(&[&str], Outcome)]) {
    let each = expected.iter().flat_map(|(lines, outcome)| {
        let lines = lines.iter();
        lines.map(move |line| ((*line).to_owned(), *outcome))
    });
    assert_eq!(lines(world), each.collect::<Vec<_>>());
}

#[test]
fn all_lines_of_a_step_that_is_lost_before_its_first_telling_may_have_been_typed() {
    let (mut world, run) = told(&[]);
    lose(&mut world, run);
    check(&world, &[(&ALL, Unknown)]);
    let first = &world.audit[0];
    assert_eq!(first.agent, Some(shard(0).agent));
    assert!(
        first.detail.as_deref().unwrap().contains("was lost"),
        "{first:?}"
    );
}

#[test]
fn a_line_that_was_told_of_is_not_told_of_again_when_the_agent_is_lost() {
    let (mut world, run) = told(&[entered()]);
    lose(&mut world, run);
    check(&world, &[(&ALL[..1], Succeeded), (&ALL[1..], Unknown)]);

    let (mut world, run) = told(&[entered(), done(0), done(1)]);
    lose(&mut world, run);
    check(&world, &[(&ALL[..3], Succeeded), (&ALL[3..], Unknown)]);

    let all = [entered(), done(0), done(1), rolled_back(), left(), done(2)];
    let (mut world, run) = told(&all);
    lose(&mut world, run);
    check(&world, &[(&ALL, Succeeded)]);
}

#[test]
fn a_step_that_is_lost_while_it_leaves_its_mode_may_have_typed_the_rest() {
    let (mut world, run) = told(&[entered(), done(0), done(1), rolled_back()]);
    lose(&mut world, run);
    check(&world, &[(&ALL[..4], Succeeded), (&ALL[4..], Unknown)]);
    // One that was cancelled between its commands leaves the mode, and types no other command.
    let (mut world, run) = told(&[entered(), done(0), rolled_back()]);
    lose(&mut world, run);
    let told = [ENTER, NTP, ROLLBACK];
    check(&world, &[(&told, Succeeded), (&[EXIT], Unknown)]);
}

#[test]
fn behind_a_failure_only_what_leaves_the_mode_may_have_been_typed() {
    let leave = [ROLLBACK, EXIT];
    let failed = mode_line(0, "configure exclusive", Some(Reason::ModeFailed));
    let (mut world, run) = told(&[failed]);
    lose(&mut world, run);
    check(&world, &[(&[ENTER], Failed), (&leave, Unknown)]);

    let (mut world, run) = told(&[entered(), refused(0, Reason::CommandRejected)]);
    lose(&mut world, run);
    let told_of: [(&[&str], _); 3] = [(&[ENTER], Succeeded), (&[NTP], Failed), (&leave, Unknown)];
    check(&world, &told_of);
}

#[test]
fn nothing_was_typed_behind_a_line_under_which_the_session_was_lost_or_the_mode_not_left() {
    let lost = mode_line(0, "configure exclusive", Some(Reason::ConnectionLost));
    let (mut world, run) = told(&[lost]);
    lose(&mut world, run);
    check(&world, &[(&[ENTER], Unknown)]);

    let late = mode_line(1, "rollback", Some(Reason::CommandTimeout));
    let (mut world, run) = told(&[entered(), done(0), done(1), late]);
    lose(&mut world, run);
    check(&world, &[(&ALL[..3], Succeeded), (&[ROLLBACK], TimedOut)]);
}

#[test]
fn an_agent_that_does_not_know_may_have_typed_the_line_under_way_and_none_that_it_kept_back() {
    let unknown = |reason| StepNews::Ended(StepEnd::Unknown(failure(reason)));
    let (world, _) = told(&[unknown(Reason::ConnectionLost)]);
    check(&world, &[(&[ENTER], Unknown)]);
    let before = [entered(), done(0), done(1)];
    let (world, _) = told(&[&before[..], &[unknown(Reason::ConnectionLost)]].concat());
    check(&world, &[(&ALL[..3], Succeeded), (&[ROLLBACK], Unknown)]);
    let (world, _) = told(&[&before[..], &[unknown(Reason::Fenced)]].concat());
    check(&world, &[(&ALL[..3], Succeeded)]);
}

#[test]
fn what_an_agent_tells_late_of_a_mode_stands_behind_what_was_unknown_and_once() {
    let (mut world, run) = told(&[]);
    lose(&mut world, run);
    let late = [
        entered(),
        done(0),
        done(1),
        rolled_back(),
        left(),
        done(2),
        StepNews::Ended(StepEnd::Succeeded),
    ];
    for taken in [Taken::News, Taken::Repeated] {
        for news in &late {
            let is_end = matches!(news, StepNews::Ended(_));
            let again = world.tell(0, attempt(run, 0, 1), news.clone());
            // A run of which all is known is not kept in memory.
            assert!(
                again == taken || (again == Taken::Stale && taken == Taken::Repeated),
                "{news:?}: {again:?}, end: {is_end}"
            );
        }
        check(&world, &[(&ALL, Unknown), (&ALL, Succeeded)]);
    }
    assert_eq!(world.step_state(run, 0), StepState::Succeeded);
}

#[test]
fn lines_of_a_mode_that_were_not_typed_after_all_are_refused_as_commands_are() {
    let mut world = World::new();
    let spec = with_mode_lines(with_verify(spec(Rollout::default())));
    let run = world.submit(1, spec, steps(1));
    lose(&mut world, run);
    check(&world, &[(&ALL, Unknown)]);
    let not_run = StepEnd::NotRun(failure(Reason::Fenced));
    world.end(0, attempt(run, 0, 1), not_run.clone());
    world.end(0, attempt(run, 0, 1), not_run);
    check(&world, &[(&ALL, Unknown), (&ALL, Refused)]);
}

#[test]
fn whatever_ends_a_step_without_a_word_tells_of_its_mode() {
    // Its deadline, and the grace behind it.
    let (mut world, run) = told(&[entered()]);
    world.unplace(0);
    world.wait(200_000);
    assert_eq!(world.step_state(run, 0), StepState::Unknown);
    check(&world, &[(&ALL[..1], Succeeded), (&ALL[1..], Unknown)]);

    // A cancel that its agent never answers.
    let (mut world, run) = told(&[entered()]);
    world.machine.cancel(run, "bert", world.now).unwrap();
    world.wait(200_000);
    assert_eq!(world.step_state(run, 0), StepState::Unknown);
    check(&world, &[(&ALL[..1], Succeeded), (&ALL[1..], Unknown)]);

    // Another life of its agent.
    let (mut world, run) = told(&[entered()]);
    let life = Incarnation(2);
    world
        .machine
        .handle_held(&shard(0), life, 2, &[], world.now);
    world.advance();
    assert_eq!(world.step_state(run, 0), StepState::Unknown);
    check(&world, &[(&ALL[..1], Succeeded), (&ALL[1..], Unknown)]);
}

#[test]
fn a_manager_that_is_started_again_knows_what_was_told_of_a_mode() {
    let refused = [entered(), refused(0, Reason::CommandRejected)];
    let leave = [ROLLBACK, EXIT];
    let then: [(&[&str], _); 3] = [(&[ENTER], Succeeded), (&[NTP], Failed), (&leave, Unknown)];
    let before: [(&[&str], _); 2] = [(&ALL[..1], Succeeded), (&ALL[1..], Unknown)];
    for (news, expected) in [
        (&refused[..0], &[(&ALL[..], Unknown)][..]),
        (&refused[..1], &before),
        (&refused[..], &then),
    ] {
        let (mut world, run) = told(news);
        let runs = world.journal.values().cloned().collect();
        world.machine = Machine::restore(Settings::default(), runs, world.now);
        world.unplace(0);
        world.wait(31_000);
        assert_eq!(world.step_state(run, 0), StepState::Unknown);
        check(&world, expected);
    }
}

#[test]
fn a_line_of_a_mode_beyond_all_bounds_is_not_believed() {
    let (mut world, run) = told(&[]);
    let far = mode_line(MAX_MODE_LINES, "exit", None);
    assert_eq!(world.tell(0, attempt(run, 0, 1), far), Taken::Stale);
    check(&world, &[]);
}

#[test]
fn what_a_late_end_says_was_never_typed_is_refused_behind_what_was_unknown() {
    let cancelled = failure(Reason::Cancelled);
    let over = failure(Reason::StepDeadline);
    for (end, state) in [
        (StepEnd::Failed(cancelled), StepState::Failed),
        (StepEnd::TimedOut(over), StepState::TimedOut),
    ] {
        let (mut world, run) = told(&[entered()]);
        lose(&mut world, run);
        // Cancelled between its commands, with its mode left.
        for news in [done(0), rolled_back(), left()] {
            assert_eq!(world.tell(0, attempt(run, 0, 1), news), Taken::News);
        }
        assert_eq!(world.end(0, attempt(run, 0, 1), end), Taken::News);
        assert_eq!(world.step_state(run, 0), state);
        let late = [NTP, ROLLBACK, EXIT];
        check(
            &world,
            &[
                (&[ENTER], Succeeded),
                (&ALL[1..], Unknown),
                (&late, Succeeded),
                (&[LOGGING, VERIFY], Refused),
            ],
        );
        let last = world.audit.last().unwrap();
        let detail = last.detail.as_deref().unwrap();
        assert!(detail.starts_with("it was not typed: "), "{detail}");
    }
}

#[test]
fn lines_behind_one_that_did_not_enter_the_mode_are_refused_though_the_mode_was_left() {
    let mut world = World::new();
    let mut spec = with_mode_lines(spec(Rollout::default()));
    let lines = &mut spec.programs[0].mode_lines;
    lines.enter.push("lock".into());
    let mut platform = (*world.places[&device(0)].platform).clone();
    let mode = platform.modes.get_mut("config").unwrap();
    mode.enter.push("lock".into());
    world.places.get_mut(&device(0)).unwrap().platform = platform.into();
    let run = world.submit(1, spec, steps(1));
    lose(&mut world, run);
    let failed = mode_line(0, "configure exclusive", Some(Reason::ModeFailed));
    let left = [
        failed,
        mode_line(2, "rollback", None),
        mode_line(3, "exit", None),
    ];
    for news in left {
        world.tell(0, attempt(run, 0, 1), news);
    }
    let end = StepEnd::Failed(failure(Reason::ModeFailed));
    world.end(0, attempt(run, 0, 1), end);
    let all = [ENTER, "258 lock", NTP, LOGGING, "259 rollback", "260 exit"];
    check(
        &world,
        &[
            (&all, Unknown),
            (&all[..1], Failed),
            (&all[4..], Succeeded),
            (&all[1..4], Refused),
        ],
    );
}

#[test]
fn a_line_that_is_not_known_as_typed_perhaps_is_not_refused_either() {
    // The line under way alone may have been typed, and the end comes after a restart of the manager.
    let lost = StepNews::Ended(StepEnd::Unknown(failure(Reason::ConnectionLost)));
    let (mut world, run) = told(&[entered(), lost]);
    check(&world, &[(&[ENTER], Succeeded), (&[NTP], Unknown)]);
    let runs = world.journal.values().cloned().collect();
    world.machine = Machine::restore(Settings::default(), runs, world.now);
    world.unplace(0);
    let end = StepEnd::Failed(failure(Reason::Fenced));
    assert_eq!(world.end(0, attempt(run, 0, 1), end), Taken::News);
    let refused: [(&[&str], _); 3] = [(&[ENTER], Succeeded), (&[NTP], Unknown), (&[NTP], Refused)];
    check(&world, &refused);
}
