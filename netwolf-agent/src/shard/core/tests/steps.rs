//! Steps of runs: at most once, in order, fenced, told until they are heard.

use netwolf_wire::{
    message::{CancelSteps, StepEvents, Steps as StepsMessage, StepsHeard, StepsHeld},
    step::{Attempt, CommandDone, MAX_COMMANDS, MAX_HELD, StepEnd, StepEvent, StepNews, StepOrder},
};

use super::*;
use crate::session::{StepTask, Stop, step_task::tests::order};

impl Bench {
    /// A shard whose platform knows what reads, with the device `r1` up.
    fn stepping() -> (Self, TaskId) {
        let mut bench = Self::new();
        let mut platform = Platform::new("linux", Transport::Exec);
        platform.reads = vec!["show".into()];
        bench.plan = Arc::new(Plan {
            platform: Arc::new(platform),
            commands: bench.plan.commands.clone(),
        });
        bench.send_plan();
        let id = bench.up("r1", 1);
        bench.told();
        (bench, id)
    }

    fn steps(&mut self, steps: Vec<StepOrder>) -> Vec<Effect> {
        self.core.handle_steps(StepsMessage { steps }, self.now);
        self.effects()
    }

    /// Sends a step and tells what its task was given.
    fn given(&mut self, order: StepOrder) -> Arc<StepTask> {
        let effects = self.steps(vec![order]);
        given(&effects).expect("a step is given")
    }

    fn news(&mut self, id: TaskId, step: &StepTask, news: StepNews) -> Vec<Effect> {
        let notice = Notice::Step(step.order.id, Box::new(news));
        self.core.handle_notice(id, notice, self.now);
        self.effects()
    }

    fn cancel(&mut self, id: Attempt) -> Vec<Effect> {
        self.core
            .handle_cancel_steps(&CancelSteps { steps: vec![id] }, self.now);
        self.effects()
    }

    fn heard(&mut self, id: Attempt) {
        self.core
            .handle_steps_heard(&StepsHeard { steps: vec![id] });
    }

    fn messages(&mut self) -> Vec<ToManager> {
        std::iter::from_fn(|| self.core.poll_answer()).collect()
    }

    /// What is told of steps: their numbers and what happened.
    fn told(&mut self) -> Vec<(u32, String)> {
        let events = self
            .messages()
            .into_iter()
            .flat_map(|message| match message {
                ToManager::StepEvents(StepEvents { events }) => events,
                _ => Vec::new(),
            });
        events.map(|event| (event.id.step, words(&event))).collect()
    }
}

/// An event in a word or two.
fn words(event: &StepEvent) -> String {
    match &event.what {
        StepNews::Accepted => "accepted".into(),
        StepNews::Started => "started".into(),
        StepNews::Command(done) => format!("command {}", done.index),
        StepNews::Mode(line) => format!("mode {}", line.no),
        StepNews::Ended(StepEnd::Succeeded) => "succeeded".into(),
        StepNews::Ended(StepEnd::Cancelled) => "cancelled".into(),
        StepNews::Ended(StepEnd::NotRun(failure)) => {
            format!("not run: {}", failure.reason.as_str())
        }
        StepNews::Ended(StepEnd::Failed(failure)) => format!("failed: {}", failure.reason.as_str()),
        StepNews::Ended(StepEnd::TimedOut(failure)) => {
            format!("timed out: {}", failure.reason.as_str())
        }
        StepNews::Ended(StepEnd::Unknown(failure)) => {
            format!("unknown: {}", failure.reason.as_str())
        }
    }
}

fn told(told: &[(u32, &str)]) -> Vec<(u32, String)> {
    told.iter()
        .map(|(step, words)| (*step, (*words).into()))
        .collect()
}

/// The step that a task was given.
fn given(effects: &[Effect]) -> Option<Arc<StepTask>> {
    effects.iter().find_map(|effect| match effect {
        Effect::Step(_, Some(step)) if step.waits() => Some(step.clone()),
        _ => None,
    })
}

fn done(index: u32, text: &str) -> StepNews {
    StepNews::Command(CommandDone {
        index,
        took: Span::from_millis(1),
        text: text.into(),
        truncated: false,
        sha256: String::new(),
        answered: Vec::new(),
        failure: None,
    })
}

fn show(step: u32, epoch: u64) -> StepOrder {
    order(step, "r1", epoch, &["show load"])
}

#[test]
fn a_step_is_given_told_of_and_forgotten_when_it_is_heard() {
    let (mut bench, id) = Bench::stepping();
    let step = bench.given(show(0, 1));
    assert_eq!(bench.told(), told(&[(0, "accepted")]));
    assert!(step.start());
    bench.news(id, &step, StepNews::Started);
    bench.news(id, &step, done(0, "1"));
    let effects = bench.news(id, &step, StepNews::Ended(StepEnd::Succeeded));
    assert!(matches!(effects.as_slice(), [Effect::Step(to, None)] if *to == id));
    let expected = [(0, "started"), (0, "command 0"), (0, "succeeded")];
    assert_eq!(bench.told(), told(&expected));
    assert_eq!(bench.told(), []);
    let stats = bench.core.stats();
    assert_eq!(
        (stats.steps, stats.step_failures, stats.steps_held),
        (1, 0, 1)
    );
    // Whatever comes after the end is of no interest.
    bench.news(id, &step, StepNews::Ended(StepEnd::Cancelled));
    assert_eq!(bench.told(), []);
    // The same sending again is not another one.
    assert!(bench.steps(vec![show(0, 1)]).is_empty());
    bench.heard(step.order.id);
    assert_eq!(bench.core.stats().steps_held, 0);
}

#[test]
fn a_device_has_one_step_at_a_time() {
    let (mut bench, id) = Bench::stepping();
    let effects = bench.steps(vec![show(0, 1), show(1, 1), show(2, 1)]);
    let first = given(&effects).unwrap();
    assert_eq!((effects.len(), first.order.id.step), (1, 0));
    first.start();
    // One that has not begun is cancelled in the queue.
    assert!(bench.cancel(show(1, 1).id).is_empty());
    let effects = bench.news(id, &first, StepNews::Ended(StepEnd::Succeeded));
    assert_eq!(given(&effects).unwrap().order.id.step, 2);
    let expected = [
        (0, "accepted"),
        (1, "accepted"),
        (2, "accepted"),
        (1, "cancelled"),
        (0, "succeeded"),
    ];
    let mut all = bench.told();
    let mut expected = told(&expected);
    all.sort();
    expected.sort();
    assert_eq!(all, expected);
}

#[test]
fn a_step_waits_for_its_session_until_its_deadline() {
    let (mut bench, _) = Bench::stepping();
    let id = bench.started("r2", 2);
    let step = |number| StepOrder {
        deadline: Duration::from_secs(30).into(),
        ..order(number, "r2", 2, &["show load"])
    };
    assert!(bench.steps(vec![step(0)]).is_empty());
    bench
        .core
        .handle_notice(id, Notice::Up(Duration::ZERO), bench.now);
    let first = given(&bench.effects()).unwrap();
    // A session that is ended for want of commands is made anew for a step.
    first.start();
    bench.news(id, &first, StepNews::Ended(StepEnd::Succeeded));
    bench
        .core
        .handle_notice(id, Notice::Idle(Duration::from_secs(9)), bench.now);
    assert!(given(&bench.steps(vec![step(1)])).is_some());
    bench.told();

    let failure = Failure {
        reason: Reason::Refused,
        message: "the port is closed".into(),
        hint: None,
    };
    let down = Notice::Disconnected(failure, Duration::from_secs(9));
    bench.core.handle_notice(id, down, bench.now);
    let mut soon = step(2);
    soon.deadline = Duration::from_secs(20).into();
    bench.steps(vec![soon]);
    bench.told();
    bench.now += Duration::from_secs(30);
    assert!(bench.core.poll_timeout() <= bench.now);
    bench.core.handle_timeout(bench.now);
    let late = [(2, "not run: step_deadline"), (1, "not run: step_deadline")];
    assert_eq!(bench.told(), told(&late));
}

#[test]
fn a_step_that_has_begun_keeps_its_own_time() {
    let (mut bench, id) = Bench::stepping();
    let step = bench.given(show(0, 1));
    step.start();
    bench.told();
    bench.now += Duration::from_mins(1);
    bench.core.handle_timeout(bench.now);
    assert_eq!(bench.told(), []);
    let failure = Failure {
        reason: Reason::StepDeadline,
        message: String::new(),
        hint: None,
    };
    bench.news(id, &step, StepNews::Ended(StepEnd::TimedOut(failure)));
    assert_eq!(bench.told(), told(&[(0, "timed out: step_deadline")]));
    assert_eq!(bench.core.stats().step_failures, 1);
}

#[test]
fn a_step_under_another_lease_is_not_run() {
    let (mut bench, _) = Bench::stepping();
    assert!(
        bench
            .steps(vec![show(0, 2), order(1, "r9", 1, &["show load"])])
            .is_empty()
    );
    let expected = [(0, "not run: fenced"), (1, "not run: fenced")];
    assert_eq!(bench.told(), told(&expected));
    // One that waits is of the old lease when another one comes.
    let waiting = bench.given(show(2, 1));
    bench.assign("r1", 3);
    assert!(!waiting.start());
    assert_eq!(
        bench.told(),
        told(&[(2, "accepted"), (2, "not run: fenced")])
    );
    assert_eq!(bench.core.stats().steps, 0, "none of them was begun");
}

#[test]
fn what_may_not_be_typed_is_not_run() {
    let (mut bench, _) = Bench::stepping();
    let mut change = order(1, "r1", 1, &["reload"]);
    change.changes = true;
    let mut own = change.clone();
    own.id.step = 2;
    own.login = Some(Login::named("changer"));
    let mut mode = show(3, 1);
    mode.mode = Some("config".into());
    let mut expectation = show(4, 1);
    expectation.commands[0].expect = vec!["(".into()];
    let none = order(5, "r1", 1, &[]);
    let many = order(8, "r1", 1, &vec!["show load"; MAX_COMMANDS + 1]);
    let two_lines = order(6, "r1", 1, &["show\nreload"]);
    let refused = bench.steps(vec![
        order(0, "r1", 1, &["show load", "reload"]),
        change,
        mode,
        expectation,
        none,
        many,
        two_lines,
    ]);
    assert!(given(&refused).is_none());
    let ended: Vec<_> = bench
        .told()
        .into_iter()
        .filter(|(_, what)| what != "accepted")
        .collect();
    let all: Vec<_> = [0, 1, 3, 5, 8, 6, 4]
        .map(|step| (step, "not run: not_allowed"))
        .into();
    let mut ended = ended;
    let mut all = told(&all);
    ended.sort();
    all.sort();
    assert_eq!(ended, all);
    let step = bench.given(own.clone());
    step.withdraw();

    let (bench, _) = Bench::stepping();
    let mut bench = Bench {
        core: bench.core.read_only(true),
        ..bench
    };
    own.epoch = Epoch(1);
    assert!(bench.steps(vec![own, show(7, 1)]).len() == 1);
    let expected = [(2, "not run: not_allowed"), (7, "accepted")];
    assert_eq!(bench.told(), told(&expected));
}

#[test]
fn a_lost_link_fences_what_waits_and_stops_what_has_begun() {
    let (mut bench, id) = Bench::stepping();
    let effects = bench.steps(vec![show(0, 1), show(1, 1)]);
    let running = given(&effects).unwrap();
    running.start();
    bench.news(id, &running, StepNews::Started);
    let other = bench.up("r2", 2);
    let waiting = bench.given(order(2, "r2", 2, &["show load"]));
    bench.told();
    bench.core.handle_link_down(bench.now);
    assert_eq!(
        running.stopped(),
        Some(Stop::Fenced),
        "it types nothing more"
    );
    assert!(!waiting.start(), "it never types anything");
    let effects = bench.effects();
    let woken = |effect: &Effect| matches!(effect, Effect::Step(to, Some(_)) if *to == id);
    assert!(
        effects.iter().any(woken),
        "its task looks at the latch: {effects:?}"
    );
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Step(to, None) if *to == other))
    );
    let mut all = bench.told();
    all.sort();
    assert_eq!(all, told(&[(1, "not run: fenced"), (2, "not run: fenced")]));
    // What it has typed is awaited.
    bench.news(id, &running, done(0, "1"));
    bench.news(id, &running, StepNews::Ended(StepEnd::Succeeded));
    assert_eq!(bench.told(), told(&[(0, "command 0"), (0, "succeeded")]));
}

#[test]
fn everything_is_told_again_on_each_link_until_it_is_heard() {
    let (mut bench, id) = Bench::stepping();
    let step = bench.given(show(0, 1));
    step.start();
    bench.news(id, &step, StepNews::Started);
    bench.told();
    for _ in 0..2 {
        bench.core.handle_link_down(bench.now);
        bench.core.handle_welcome(bench.now, AUTONOMY, bench.now);
        let messages = bench.messages();
        let held = StepsHeld {
            steps: vec![step.order.id],
        };
        assert_eq!(messages[0], ToManager::from(held), "first of all");
        let ToManager::StepEvents(events) = &messages[1] else {
            panic!("{messages:?}")
        };
        let events: Vec<_> = events.events.iter().map(words).collect();
        assert_eq!(events, ["accepted", "started"]);
    }
    // It has not ended, so it is not forgotten, whatever is said.
    bench.heard(step.order.id);
    assert_eq!(bench.core.stats().steps_held, 1);
    bench.news(id, &step, StepNews::Ended(StepEnd::Succeeded));
    bench.told();
    bench.heard(step.order.id);
    bench.core.handle_welcome(bench.now, AUTONOMY, bench.now);
    let messages = bench.messages();
    assert_eq!(
        messages[0],
        ToManager::from(StepsHeld { steps: Vec::new() })
    );
    assert_eq!(bench.told(), []);
}

#[test]
fn who_has_begun_is_cancelled_between_two_commands() {
    let (mut bench, id) = Bench::stepping();
    let step = bench.given(show(0, 1));
    step.start();
    let effects = bench.cancel(step.order.id);
    assert!(matches!(effects.as_slice(), [Effect::Step(to, Some(_))] if *to == id));
    assert_eq!(step.stopped(), Some(Stop::Cancelled));
    assert_eq!(
        bench.told(),
        told(&[(0, "accepted")]),
        "its task tells the end"
    );
    assert!(bench.cancel(step.order.id).is_empty(), "once");
    // One that was given and has not begun never will.
    let waiting = {
        bench.news(id, &step, StepNews::Ended(StepEnd::Succeeded));
        bench.given(show(1, 1))
    };
    bench.cancel(waiting.order.id);
    assert!(!waiting.start());
    let last = bench.told().pop();
    assert_eq!(last, Some((1, "cancelled".into())));
}

#[test]
fn a_lease_is_given_up_when_the_step_has_ended() {
    let (mut bench, id) = Bench::stepping();
    let effects = bench.steps(vec![show(0, 1), show(1, 1)]);
    let running = given(&effects).unwrap();
    running.start();
    bench.told();
    let effects = bench.revoke("r1", 1);
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Stop(_))),
        "{effects:?}"
    );
    assert_eq!(running.stopped(), Some(Stop::Fenced));
    assert_eq!(bench.told(), told(&[(1, "not run: fenced")]));
    assert!(bench.steps(vec![show(2, 1)]).is_empty());
    assert_eq!(bench.told(), told(&[(2, "not run: fenced")]));
    let effects = bench.news(id, &running, StepNews::Ended(StepEnd::Succeeded));
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Stop(to) if *to == id))
    );
    assert_eq!(bench.revoked(), []);
    bench.core.handle_ended(id, bench.now);
    assert_eq!(bench.revoked(), [("r1".into(), 1)]);
}

#[test]
fn a_task_that_ends_under_a_step_leaves_it_unknown() {
    let (mut bench, id) = Bench::stepping();
    let effects = bench.steps(vec![show(0, 1), show(1, 1)]);
    let running = given(&effects).unwrap();
    running.start();
    bench.told();
    bench.core.handle_ended(id, bench.now);
    assert_eq!(bench.told(), told(&[(0, "unknown: connection_lost")]));
    // The next one waits for the session after it.
    let effects = bench.effects();
    let again = effects.iter().find_map(|effect| match effect {
        Effect::Start { id, .. } => Some(*id),
        _ => None,
    });
    let again = again.expect("the device is started again");
    bench
        .core
        .handle_notice(again, Notice::Up(Duration::ZERO), bench.now);
    let next = given(&bench.effects()).unwrap();
    // One that was given and had not begun goes to the session after, too.
    bench.core.handle_ended(again, bench.now);
    assert!(!next.start());
    assert_eq!(bench.told(), []);
    let effects = bench.effects();
    let third = effects.iter().find_map(|effect| match effect {
        Effect::Start { id, .. } => Some(*id),
        _ => None,
    });
    bench
        .core
        .handle_notice(third.unwrap(), Notice::Up(Duration::ZERO), bench.now);
    assert_eq!(given(&bench.effects()).unwrap().order.id.step, 1);
}

#[test]
fn a_shard_that_shuts_down_says_what_became_of_its_steps() {
    let (mut bench, id) = Bench::stepping();
    let effects = bench.steps(vec![show(0, 1), show(1, 1)]);
    given(&effects).unwrap().start();
    bench.told();
    bench.core.stop_all(bench.now);
    bench.core.handle_ended(id, bench.now);
    bench.core.handle_cut_off(bench.now);
    let words: Vec<_> = std::iter::from_fn(|| bench.core.poll_last_words())
        .flat_map(|message| match message {
            ToManager::StepEvents(StepEvents { events }) => events,
            _ => Vec::new(),
        })
        .map(|event| (event.id.step, words(&event)))
        .collect();
    let expected = [(1, "not run: fenced"), (0, "unknown: connection_lost")];
    assert_eq!(words, told(&expected));
}

#[test]
fn what_is_held_is_bounded() {
    let (mut bench, id) = Bench::stepping();
    let n_held = u32::try_from(MAX_HELD).unwrap();
    let steps = (0..n_held + 3).map(|step| show(step, 1)).collect();
    let effects = bench.steps(steps);
    assert_eq!(effects.len(), 1);
    let turned_away: Vec<_> = bench
        .told()
        .into_iter()
        .filter(|(_, what)| what != "accepted")
        .collect();
    let expected: Vec<_> = (0..3)
        .map(|n| (n_held + n, "not run: too_many_steps".to_owned()))
        .collect();
    assert_eq!(turned_away, expected);
    assert_eq!(bench.core.stats().steps_held, MAX_HELD as u64);

    // Of all outputs together so much is kept, and it goes in messages that fit a frame.
    let step = given(&effects).unwrap();
    step.start();
    let text = "x".repeat(256 << 10);
    for n in 0..260 {
        bench.news(id, &step, done(n, &text));
    }
    let messages = bench.messages();
    let mut kept = 0;
    for message in &messages {
        let ToManager::StepEvents(StepEvents { events }) = message else {
            continue;
        };
        let of_message: usize = events
            .iter()
            .map(|event| match &event.what {
                StepNews::Command(done) => done.text.len(),
                _ => 0,
            })
            .sum();
        assert!(of_message <= 1 << 20);
        kept += of_message;
    }
    assert_eq!(kept, 64 << 20);
    bench.news(id, &step, StepNews::Ended(StepEnd::Succeeded));
    bench.heard(step.order.id);
    assert_eq!(bench.core.stats().steps_held, MAX_HELD as u64 - 1);
}

#[test]
fn a_shard_that_leaves_waits_for_what_has_started_and_begins_nothing_more() {
    let (mut bench, id) = Bench::stepping();
    let started = bench.given(show(0, 1));
    started.start();
    bench.steps(vec![show(1, 1)]);
    bench.up("r2", 2);
    let waiting = bench.given(order(2, "r2", 2, &["show load"]));
    bench.told();

    bench.core.begin_leaving();
    assert!(bench.core.is_stepping() && !waiting.start());
    assert!(given(&bench.effects()).is_none());
    assert!(
        bench
            .steps(vec![order(3, "r2", 2, &["show load"])])
            .is_empty()
    );
    assert_eq!(bench.told(), told(&[(3, "accepted")]));
    // The device goes elsewhere when its step has ended, which it does in full.
    bench.revoke("r1", 1);
    assert_eq!(started.stopped(), None);
    assert_eq!(bench.told(), told(&[(1, "not run: fenced")]));
    let effects = bench.news(id, &started, StepNews::Ended(StepEnd::Succeeded));
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Stop(to) if *to == id))
    );
    assert!(!bench.core.is_stepping());
    assert_eq!(bench.told(), told(&[(0, "succeeded")]));
    // What nobody has taken over is told at the end.
    bench.core.stop_all(bench.now);
    let mut last = bench.told();
    last.sort();
    assert_eq!(
        last,
        told(&[(2, "not run: fenced"), (3, "not run: fenced")])
    );
}
