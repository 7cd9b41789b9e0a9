use netwolf_filter::{Extraction, Problem, ProblemKind, Sample};
use netwolf_wire::{
    Span,
    job::{Command, Plan},
    message::{Assign, Lease, Revoke},
    platform::{Platform, Transport},
    rule::{Matches, Metric, RegexSource, Rule},
    series::Kind,
    status::{Failure, Reason},
    target::{HostKey, Login, Target},
};

use super::*;
use crate::{
    plan::MAX_TIMEOUT,
    session::{Notice, Polled},
    shard::series::MAX_SERIES_OF_A_DEVICE,
};

mod logins;
mod shows;
mod steps;

const AUTONOMY: Autonomy = Autonomy {
    ordinary: Duration::from_mins(1),
    exclusive: Duration::from_secs(4),
};

fn platform(name: &str) -> Arc<Platform> {
    Arc::new(Platform::new(name, Transport::Exec))
}

fn plan(commands: &[&str]) -> Arc<Plan> {
    let rule = Rule {
        name: "load".into(),
        regex: Some(RegexSource {
            patterns: vec![r"(?P<value>\d+)".into()],
            matches: Matches::First,
            blocks: None,
        }),
        metrics: vec![Metric {
            labels: [("cpu".to_owned(), "0".to_owned())].into(),
            value: Some("value".into()),
            ..Metric::new("netwolf_load", Kind::Gauge, "Load.")
        }],
        ..Rule::default()
    };
    let command = |text: &&str| Command {
        text: (*text).into(),
        collectors: vec!["load".into()],
        interval: Span::from_secs(1),
        timeout: Span::from_secs(1),
        rules: vec![rule.clone()],
    };
    Arc::new(Plan {
        platform: platform("linux"),
        commands: commands.iter().map(command).collect(),
    })
}

struct Bench {
    core: Core,
    now: Instant,
    plan: Arc<Plan>,
    port: u16,
    connect_timeout: Span,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        let clock = Clock::of(now, Duration::from_secs(1_700_000_000));
        let mut core = Core::new(clock, Arc::default(), Arc::default(), now);
        core.handle_welcome(now, AUTONOMY, now);
        let held = core.poll_answer();
        assert!(matches!(held, Some(ToManager::StepsHeld(held)) if held.steps.is_empty()));
        let mut bench = Self {
            core,
            now,
            plan: plan(&["show load"]),
            port: 22,
            connect_timeout: Span::from_secs(5),
        };
        bench.send_plan();
        bench
    }

    fn send_plan(&mut self) {
        let plans = vec![(self.plan.digest(), self.plan.clone())];
        self.core.handle_plans(&PlansMessage { plans });
    }

    fn assign(&mut self, device: &str, epoch: u64) -> Vec<Effect> {
        let job = Job {
            device: name(device),
            target: Target {
                address: "192.0.2.1".into(),
                port: self.port,
                login: Login {
                    credential: "c".into(),
                    username: "u".into(),
                    private_key: None,
                    passphrase: None,
                    password: None,
                    enable_secret: None,
                    ssh_agent: None,
                    allow: Vec::new(),
                },
                host_key: HostKey::AcceptNew,
                connect_timeout: self.connect_timeout,
                jump: None,
                legacy: Vec::new(),
                max_age: None,
            },
            plan: self.plan.digest(),
            exclusive: false,
        };
        let lease = Lease {
            epoch: Epoch(epoch),
            job: Arc::new(job),
        };
        self.core.handle_assign(
            Assign {
                leases: vec![lease],
            },
            self.now,
        );
        self.effects()
    }

    fn revoke(&mut self, device: &str, epoch: u64) -> Vec<Effect> {
        let leases = vec![(name(device), Epoch(epoch))];
        self.core.handle_revoke(Revoke { leases }, self.now);
        self.effects()
    }

    fn effects(&mut self) -> Vec<Effect> {
        std::iter::from_fn(|| self.core.poll_effect()).collect()
    }

    fn revoke_and_hear(&mut self, device: &str, epoch: u64) -> Vec<(String, u64)> {
        assert!(self.revoke(device, epoch).is_empty());
        self.revoked()
    }

    /// What the manager is told to be over.
    fn revoked(&mut self) -> Vec<(String, u64)> {
        let leases = std::iter::from_fn(|| self.core.poll_revoked()).flat_map(|said| said.leases);
        leases
            .map(|(device, epoch)| (device.to_string(), epoch.0))
            .collect()
    }

    fn started(&mut self, device: &str, epoch: u64) -> TaskId {
        match self.assign(device, epoch).as_slice() {
            [Effect::Start { id, .. }] => *id,
            other => panic!("{other:?}"),
        }
    }

    fn compiled(&self) -> Arc<CompiledPlan> {
        let ready = self.core.plans.get(self.plan.digest()).unwrap();
        ready.plan.clone()
    }

    fn poll(&mut self, id: TaskId, unix_ms: u64, value: f64) {
        self.poll_by(self.compiled(), id, unix_ms, value);
    }

    fn poll_by(&mut self, plan: Arc<CompiledPlan>, id: TaskId, unix_ms: u64, value: f64) {
        let extraction = Extraction {
            samples: vec![sample("0", value)],
            ..Extraction::default()
        };
        self.polled(plan, id, unix_ms, extraction);
    }

    fn polled(
        &mut self,
        plan: Arc<CompiledPlan>,
        id: TaskId,
        unix_ms: u64,
        extraction: Extraction,
    ) {
        let polled = Polled {
            delay: Duration::from_millis(4),
            plan,
            command: 0,
            unix_ms,
            took: Duration::from_millis(3),
            extraction,
            truncated: false,
        };
        self.core
            .handle_notice(id, Notice::Polled(Box::new(polled)), self.now);
    }

    /// Intervals that are declared for the next batch, in ms.
    fn intervals(&mut self) -> Vec<u32> {
        self.now += Duration::from_millis(50);
        let batch = self.core.poll_batch(self.now).unwrap();
        let series = batch
            .messages
            .into_iter()
            .flat_map(|message| match message {
                ToManager::Declare(declare) => declare.series,
                _ => Vec::new(),
            });
        series.map(|series| series.interval_ms).collect()
    }

    fn hello(&mut self) -> Vec<(String, u64)> {
        let hello = Hello {
            protocol: netwolf_wire::version::CURRENT,
            software: String::new(),
            agent: netwolf_wire::AgentName::new("a1").unwrap(),
            shard: 0,
            shards: 1,
            incarnation: netwolf_wire::Incarnation(1),
            site: None,
            size: 1,
            web: None,
            silent: Span::default(),
            running: Vec::new(),
        };
        let running = self.core.complete(hello).running;
        let mut running: Vec<_> = running
            .into_iter()
            .map(|running| (running.device.to_string(), running.epoch.0))
            .collect();
        running.sort();
        running
    }

    /// Kinds of the messages of the next batch, and the times of its polls.
    fn batch(&mut self) -> Option<(Vec<String>, Vec<u64>)> {
        self.now += Duration::from_millis(50);
        let batch = self.core.poll_batch(self.now)?;
        let kinds = batch
            .messages
            .iter()
            .map(|message| message.kind().to_owned())
            .collect();
        let times = batch.messages.iter().flat_map(|message| match message {
            ToManager::Polls(polls) => polls.polls.iter().map(|poll| poll.1).collect(),
            _ => Vec::new(),
        });
        Some((kinds, times.collect()))
    }

    fn status(&self, device: &str) -> &DeviceStatus {
        &self.core.devices[&name(device)].status
    }
}

fn sample(cpu: &str, value: f64) -> Sample {
    Sample {
        family: 0,
        labels: [("cpu".into(), cpu.into())].into(),
        value,
    }
}

fn name(device: &str) -> DeviceName {
    DeviceName::new(device).unwrap()
}

#[test]
fn a_lease_starts_a_task_and_a_newer_one_with_the_same_target_keeps_it() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    assert!(
        bench.assign("r1", 2).is_empty(),
        "nothing changed but the epoch"
    );
    bench.plan = plan(&["show load", "show more"]);
    bench.send_plan();
    match bench.assign("r1", 3).as_slice() {
        [Effect::Replan(same, plan)] => assert_eq!((*same, plan.commands.len()), (id, 2)),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.status("r1").epoch, Epoch(3));
}

#[test]
fn a_new_target_is_logged_in_to_only_after_the_old_session_is_closed() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.port = 2222;
    assert!(matches!(bench.assign("r1", 2).as_slice(), [Effect::Stop(stopped)] if *stopped == id));
    bench.core.handle_ended(id, bench.now);
    match bench.effects().as_slice() {
        [Effect::Start { target, .. }] => assert_eq!(target.port, 2222),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lease_is_reported_as_revoked_only_after_its_session_is_closed() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    let effects = bench.revoke("r1", 1);
    assert!(
        matches!(effects.as_slice(), [Effect::Stop(_)]),
        "{effects:?}"
    );
    // Back before the old session has closed, and away again.
    assert!(bench.assign("r1", 2).is_empty());
    assert!(bench.revoke("r1", 2).is_empty());
    bench.core.handle_ended(id, bench.now);
    assert_eq!(
        bench.revoked(),
        [("r1".to_owned(), 1), ("r1".to_owned(), 2)]
    );
    // What is not held is answered at once.
    assert_eq!(bench.revoke_and_hear("r1", 2), [("r1".to_owned(), 2)]);
    // Another epoch than the one that is held is not touched.
    bench.started("r1", 5);
    assert_eq!(bench.revoke_and_hear("r1", 4), [("r1".to_owned(), 4)]);
    assert_eq!(bench.core.leases.len(), 1);
}

#[test]
fn a_task_that_does_not_end_is_cut_off() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.revoke("r1", 1);
    bench.now += STOP_GRACE;
    bench.core.handle_timeout(bench.now);
    assert!(matches!(bench.effects().as_slice(), [Effect::Abort(aborted)] if *aborted == id));
    bench.core.handle_timeout(bench.now);
    assert!(bench.effects().is_empty());
}

#[test]
fn a_task_that_panics_is_started_again_later_and_told_of() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.core.handle_ended(id, bench.now);
    match bench.effects().as_slice() {
        [Effect::Start { delay, .. }] => assert_eq!(*delay, PANIC_DELAY),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.status("r1").state, SessionState::Backoff);
    assert_eq!(bench.core.stats().disconnects[&Reason::Other], 1);
}

#[test]
fn a_manager_that_stays_away_ages_all_leases_out() {
    let mut bench = Bench::new();
    bench.started("r1", 1);
    bench.started("r2", 2);
    bench
        .core
        .handle_renew(bench.now + Duration::from_secs(5), AUTONOMY, 0);
    bench.now += Duration::from_secs(64);
    bench.core.handle_timeout(bench.now);
    assert!(bench.effects().is_empty());
    assert!(bench.core.poll_timeout() <= bench.now + Duration::from_secs(1));
    bench.now += Duration::from_secs(1);
    bench.core.handle_timeout(bench.now);
    let stops = bench
        .effects()
        .iter()
        .filter(|effect| matches!(effect, Effect::Stop(_)))
        .count();
    assert_eq!(stops, 2);
    assert_eq!(bench.core.stats().devices, 0);
}

#[test]
fn a_plan_that_cannot_be_run_is_the_devices_status() {
    let mut bench = Bench::new();
    let mut broken = (*plan(&["show load"])).clone();
    let regex = broken.commands[0].rules[0].regex.as_mut();
    regex.unwrap().patterns = vec!["(".into()];
    bench.plan = Arc::new(broken);
    bench.send_plan();
    assert!(bench.assign("r1", 1).is_empty());
    let status = bench.status("r1");
    assert_eq!(
        (status.state, status.failure.as_ref().unwrap().reason),
        (SessionState::Backoff, Reason::Other)
    );
    assert_eq!(bench.revoke_and_hear("r1", 1), [("r1".to_owned(), 1)]);
}

#[test]
fn statuses_go_when_they_change_and_all_of_them_on_a_new_link() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.started("r2", 2);
    let due = |bench: &mut Bench| {
        bench.now += Duration::from_millis(100);
        bench
            .core
            .poll_statuses(bench.now)
            .map_or(0, |statuses| statuses.statuses.len())
    };
    assert_eq!(due(&mut bench), 2);
    assert_eq!(due(&mut bench), 0);
    bench
        .core
        .handle_notice(id, Notice::Up(Duration::from_millis(20)), bench.now);
    assert_eq!(due(&mut bench), 1);
    assert_eq!(bench.status("r1").login_seconds, Some(0.02));
    bench.core.handle_welcome(bench.now, AUTONOMY, bench.now);
    assert_eq!(due(&mut bench), 2);
}

#[test]
fn a_failure_is_kept_until_the_device_is_up_again() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    let failure = Failure {
        reason: Reason::Refused,
        message: "no".into(),
        hint: None,
    };
    bench.core.handle_notice(
        id,
        Notice::LoginFailed(failure.clone(), Duration::from_secs(1)),
        bench.now,
    );
    bench
        .core
        .handle_notice(id, Notice::Connecting(Duration::ZERO), bench.now);
    assert_eq!(bench.status("r1").failure, Some(failure));
    bench
        .core
        .handle_notice(id, Notice::Up(Duration::ZERO), bench.now);
    assert_eq!(bench.status("r1").failure, None);
    assert_eq!(bench.core.stats().login_failures[&Reason::Refused], 1);
}

#[test]
fn polls_are_declared_once_and_replayed_with_their_times_after_a_lost_link() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.poll(id, 1000, 1.0);
    assert_eq!(
        bench.batch(),
        Some((vec!["declare".into(), "polls".into()], vec![1000]))
    );
    bench.poll(id, 2000, 2.0);
    assert_eq!(bench.batch(), Some((vec!["polls".into()], vec![2000])));
    // The first one is known to have arrived; then the link is lost.
    bench.core.handle_renew(bench.now, AUTONOMY, 1);
    bench.poll(id, 3000, 3.0);
    bench.core.handle_welcome(bench.now, AUTONOMY, bench.now);
    assert_eq!(
        bench.batch(),
        Some((vec!["declare".into(), "polls".into()], vec![2000, 3000]))
    );
    assert_eq!(bench.batch(), None);
    let stats = bench.core.stats();
    assert_eq!(
        (
            stats.polls,
            stats.samples,
            stats.dropped_polls,
            stats.buffered_polls
        ),
        (3, 3, 0, 0)
    );
    assert_eq!(stats.poll_seconds["load"].count(), 3);
}

#[test]
fn polls_of_a_lease_that_is_given_up_are_not_sent() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.poll(id, 1000, 1.0);
    bench.revoke("r1", 1);
    assert_eq!(bench.batch(), None);
    assert_eq!(bench.core.stats().dropped_polls, 1);
    // A notice that was under way when the lease ended changes nothing.
    bench.poll(id, 2000, 2.0);
    assert_eq!(bench.core.stats().polls, 1);
}

#[test]
fn series_that_are_left_out_are_told_and_counted() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    let plan = bench.compiled();
    let samples = (0..=MAX_SERIES_OF_A_DEVICE).map(|cpu| sample(&cpu.to_string(), 1.0));
    let excess = Extraction {
        samples: samples.collect(),
        ..Extraction::default()
    };
    bench.polled(plan.clone(), id, 1000, excess);
    let failure = &bench.status("r1").failing[0].failure;
    assert_eq!(failure.reason, Reason::TooManySeries);
    assert_eq!(bench.core.stats().excess_outputs, 1);
    let n_samples = u64::from(MAX_SERIES_OF_A_DEVICE);
    assert_eq!(bench.core.stats().samples, n_samples);

    bench.poll(id, 2000, 1.0);
    assert!(bench.status("r1").failing.is_empty());
    let cut = Extraction {
        samples: vec![sample("0", 1.0)],
        problems: vec![Problem {
            rule: "load".into(),
            kind: ProblemKind::TooMany,
            text: "1 series of this rule".into(),
        }],
        ..Extraction::default()
    };
    bench.polled(plan, id, 3000, cut);
    let failure = &bench.status("r1").failing[0].failure;
    assert_eq!(failure.reason, Reason::TooManySeries);
    assert_eq!(bench.core.stats().excess_outputs, 2);
}

#[test]
fn a_failing_command_is_told_until_it_works_again() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    let plan = bench.compiled();
    let failure = Failure {
        reason: Reason::CommandRejected,
        message: "% Invalid input".into(),
        hint: None,
    };
    bench.core.handle_notice(
        id,
        Notice::PollFailed {
            plan,
            command: 0,
            failure,
        },
        bench.now,
    );
    assert_eq!(bench.status("r1").failing[0].command, "show load");
    assert_eq!(
        bench.core.stats().poll_failures[&Reason::CommandRejected],
        1
    );
    bench.poll(id, 1000, 1.0);
    assert!(bench.status("r1").failing.is_empty());
}

#[test]
fn leases_run_from_the_hello_and_not_from_a_welcome_that_was_long_on_its_way() {
    let mut bench = Bench::new();
    bench.started("r1", 1);
    let hello = bench.now + Duration::from_secs(10);
    bench.now = hello + Duration::from_secs(4);
    bench.core.handle_welcome(hello, AUTONOMY, bench.now);
    bench.now = hello + AUTONOMY.ordinary;
    bench.core.handle_timeout(bench.now);
    assert!(matches!(bench.effects()[..], [Effect::Stop(_)]));
}

#[test]
fn a_lease_that_has_lapsed_on_its_way_begins_no_session_and_is_given_back() {
    let mut bench = Bench::new();
    bench.now += AUTONOMY.ordinary;
    assert!(bench.assign("r1", 1).is_empty());
    assert_eq!(bench.revoked(), [("r1".to_owned(), 1)]);
    // The next one comes after a heartbeat was answered.
    bench.core.handle_renew(bench.now, AUTONOMY, 0);
    assert!(matches!(bench.assign("r1", 2)[..], [Effect::Start { .. }]));
}

#[test]
fn a_lapsed_lease_begins_no_session_after_the_one_before_it_has_ended() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.revoke("r1", 1);
    assert!(bench.assign("r1", 2).is_empty(), "it waits for the first");
    bench.now += AUTONOMY.ordinary;
    bench.core.handle_ended(id, bench.now);
    assert!(bench.effects().is_empty());
    let given_back = [("r1".to_owned(), 1), ("r1".to_owned(), 2)];
    assert_eq!(bench.revoked(), given_back);
}

#[test]
fn a_lease_that_ends_between_hello_and_welcome_is_reported() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.started("r2", 2);
    assert_eq!(bench.hello().len(), 2);
    bench.revoke("r1", 1);
    bench.core.handle_ended(id, bench.now);
    bench.effects();
    bench.core.handle_welcome(bench.now, AUTONOMY, bench.now);
    assert_eq!(bench.revoked(), [("r1".to_owned(), 1)]);
}

#[test]
fn the_declared_interval_is_the_current_plans_whatever_comes_late() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.poll(id, 1000, 1.0);
    assert_eq!(bench.intervals(), [1000]);
    let old = bench.compiled();
    let mut slower = (*bench.plan).clone();
    slower.commands[0].interval = Span::from_secs(5);
    bench.plan = Arc::new(slower);
    bench.poll_by(old.clone(), id, 2000, 2.0);
    bench.send_plan();
    bench.assign("r1", 2);
    // The series of what waits was declared before; it stays so until the new plan's first poll.
    assert_eq!(bench.intervals(), [0_u32; 0]);
    // The command that was under way when the plan changed.
    let polled = bench.core.stats().polls;
    bench.poll_by(old, id, 3000, 3.0);
    let stats = bench.core.stats();
    assert_eq!((stats.polls, stats.polls_skipped), (polled, 1));
    bench.poll(id, 4000, 4.0);
    assert_eq!(bench.intervals(), [5000]);
    bench.poll(id, 5000, 5.0);
    assert_eq!(bench.intervals(), [0_u32; 0], "it stays as it was declared");
    // On a new link, too.
    bench.core.handle_welcome(bench.now, AUTONOMY, bench.now);
    assert_eq!(bench.intervals(), [5000]);
}

#[test]
fn an_interval_is_never_declared_as_zero() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.poll(id, 1000, 1.0);
    bench.assign("r1", 2);
    assert_eq!(bench.intervals(), [1000]);
}

#[test]
fn a_failure_of_a_command_of_the_old_plan_is_not_noted_for_good() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    let old = bench.compiled();
    bench.plan = plan(&["show more"]);
    bench.send_plan();
    bench.assign("r1", 2);
    let failure = Failure {
        reason: Reason::CommandTimeout,
        message: "late".into(),
        hint: None,
    };
    let notice = Notice::PollFailed {
        plan: old,
        command: 0,
        failure,
    };
    bench.core.handle_notice(id, notice, bench.now);
    assert!(bench.status("r1").failing.is_empty());
    assert_eq!(bench.core.stats().poll_failures[&Reason::CommandTimeout], 1);
}

#[test]
fn a_thousand_leases_that_end_in_one_turn_are_one_message() {
    let mut bench = Bench::new();
    let names: Vec<_> = (0..1000).map(|n| format!("r{n}")).collect();
    let ids: Vec<_> = names.iter().map(|name| bench.started(name, 1)).collect();
    let leases: Vec<_> = names
        .iter()
        .map(|device| (name(device), Epoch(1)))
        .collect();
    let revoke = Revoke { leases };
    bench.core.handle_revoke(revoke.clone(), bench.now);
    assert_eq!(bench.effects().len(), 1000);
    assert!(bench.core.poll_revoked().is_none(), "nothing is closed yet");
    for id in ids {
        bench.core.handle_ended(id, bench.now);
    }
    assert!(bench.effects().is_empty());
    let said = bench.core.poll_revoked().unwrap();
    assert_eq!(said.leases.len(), 1000);
    assert!(bench.core.poll_revoked().is_none());
    // And of leases that are not held.
    bench.core.handle_revoke(revoke, bench.now);
    assert!(bench.effects().is_empty());
    assert_eq!(bench.core.poll_revoked().unwrap().leases.len(), 1000);
    assert!(bench.core.poll_revoked().is_none());
}

#[test]
fn a_hello_names_a_lease_until_its_session_is_closed() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.started("r2", 2);
    bench.revoke("r1", 1);
    assert_eq!(bench.hello(), [("r1".to_owned(), 1), ("r2".to_owned(), 2)]);
    bench.core.handle_welcome(bench.now, AUTONOMY, bench.now);
    // The manager revokes it again; there is one answer, when it is closed.
    assert!(bench.revoke("r1", 1).is_empty());
    assert!(bench.revoked().is_empty());
    bench.core.handle_ended(id, bench.now);
    assert_eq!(bench.revoked(), [("r1".to_owned(), 1)]);
    assert_eq!(bench.hello(), [("r2".to_owned(), 2)]);
}

#[test]
fn a_hello_names_a_device_once_by_its_newest_lease() {
    let mut bench = Bench::new();
    bench.started("r1", 1);
    bench.revoke("r1", 1);
    bench.assign("r1", 3);
    assert_eq!(bench.hello(), [("r1".to_owned(), 3)]);
    bench.revoke("r1", 3);
    assert_eq!(bench.hello(), [("r1".to_owned(), 3)]);
}

#[test]
fn what_was_read_at_an_old_address_is_not_told_of_the_new_one() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.poll(id, 1000, 1.0);
    bench.port = 2222;
    bench.assign("r1", 2);
    bench.core.handle_ended(id, bench.now);
    let id = match bench.effects().as_slice() {
        [Effect::Start { id, .. }] => *id,
        other => panic!("{other:?}"),
    };
    bench.poll(id, 2000, 2.0);
    assert_eq!(
        bench.batch(),
        Some((vec!["declare".into(), "polls".into()], vec![2000]))
    );
    assert_eq!(bench.core.stats().dropped_polls, 1);
}

#[test]
fn nothing_is_started_while_the_shard_shuts_down() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.port = 2222;
    bench.assign("r1", 2);
    bench.core.stop_all(bench.now);
    bench.effects();
    bench.core.handle_ended(id, bench.now);
    assert!(bench.effects().is_empty());
    assert!(bench.core.is_idle());
}

#[test]
fn a_deadline_that_no_clock_can_hold_is_brought_within_bounds() {
    let mut bench = Bench::new();
    bench.connect_timeout = Span::from(Duration::MAX);
    let mut plan = (*bench.plan).clone();
    plan.commands[0].timeout = Span::from(Duration::MAX);
    plan.commands[0].interval = Span::from_millis(0);
    bench.plan = Arc::new(plan);
    bench.send_plan();
    match bench.assign("r1", 1).as_slice() {
        [Effect::Start { target, plan, .. }] => {
            assert_eq!(target.connect_timeout.get(), MAX_TIMEOUT);
            assert_eq!(plan.commands[0].timeout, MAX_TIMEOUT);
            assert!(plan.commands[0].interval > Duration::ZERO);
        }
        other => panic!("{other:?}"),
    }
}
