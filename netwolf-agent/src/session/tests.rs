use netwolf_simulator::{Fleet, FleetConfig};
use netwolf_wire::{
    SecretRef, Span,
    job::{Command, Plan},
    platform::{Platform, Transport},
    target::{HostKey, Login as LoginRef},
};
use tokio::{task::JoinHandle, time::timeout};

use super::*;
use crate::{pacing::LOGINS_PER_SECOND, plan::CompiledPlan};

const PATIENCE: Duration = Duration::from_mins(1);

fn compiled(commands: &[&str]) -> Arc<CompiledPlan> {
    let platform = Platform {
        prompts: [("privileged".into(), "[A-Za-z0-9-]+[>#]".into())].into(),
        setup: vec!["terminal length 0".into()],
        ..Platform::new("cisco_ios", Transport::Shell)
    };
    let command = |text: &&str| Command {
        text: (*text).into(),
        collectors: vec!["test".into()],
        interval: Span::from_millis(100),
        timeout: Span::from_secs(5),
        rules: Vec::new(),
    };
    let plan = Plan {
        platform: Arc::new(platform),
        commands: commands.iter().map(command).collect(),
    };
    Arc::new(CompiledPlan::compile(plan.digest(), &plan).unwrap())
}

/// A session that nobody runs, with what is told to it and by it.
struct Parts {
    fleet: Fleet,
    notices: mpsc::Receiver<(TaskId, Notice)>,
    orders: watch::Sender<Order>,
    session: Session,
    dir: tempfile::TempDir,
}

struct Bench {
    fleet: Fleet,
    notices: mpsc::Receiver<(TaskId, Notice)>,
    orders: watch::Sender<Order>,
    task: JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl Parts {
    async fn new(commands: &[&str]) -> Self {
        let fleet = Fleet::start(FleetConfig::new(1, "netwolf", "secret"))
            .await
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("password"), "secret").unwrap();
        let (sender, notices) = mpsc::channel(16);
        let order = Order::new(compiled(commands), false);
        let (orders, receiver) = watch::channel(order);
        let address = fleet.devices()[0].address();
        let session = Session {
            id: TaskId(1),
            device: DeviceName::new("r1").unwrap(),
            target: Target {
                address: address.ip().to_string(),
                port: address.port(),
                login: LoginRef {
                    credential: "lab".into(),
                    username: "netwolf".into(),
                    private_key: None,
                    passphrase: None,
                    password: Some(SecretRef::File(dir.path().join("password"))),
                    enable_secret: None,
                    ssh_agent: None,
                    allow: Vec::new(),
                },
                host_key: HostKey::AcceptNew,
                connect_timeout: Span::from_secs(10),
                jump: None,
                legacy: Vec::new(),
                max_age: None,
            },
            orders: receiver,
            commons: Commons {
                clock: Clock::start(),
                seed: 1,
                pacing: Arc::new(Mutex::new(Pacing::for_shard(1, LOGINS_PER_SECOND))),
                accepted: Arc::default(),
                traffic: Arc::default(),
                crowd: Arc::default(),
                descriptors: Descriptors::within(u64::MAX, 1),
                jumps: Arc::default(),
                notices: sender,
            },
            delay: Duration::ZERO,
        };
        Self {
            fleet,
            notices,
            orders,
            session,
            dir,
        }
    }

    /// What a task keeps from its start on.
    fn kept(&self, refused: bool) -> Kept {
        Kept {
            agenda: Agenda::new(self.orders.borrow().plan.clone(), &self.session),
            backoff: Backoff::new(1),
            pace: DevicePace::default(),
            random: Random::new(1),
            refused,
            probes: 0,
            idle: false,
        }
    }
}

impl Bench {
    async fn start(commands: &[&str]) -> Self {
        let Parts {
            fleet,
            notices,
            orders,
            session,
            dir,
        } = Parts::new(commands).await;
        Self {
            fleet,
            notices,
            orders,
            task: tokio::spawn(session.run()),
            _dir: dir,
        }
    }

    /// Waits for a notice that `wanted` makes something of.
    async fn until<T>(&mut self, wanted: impl Fn(&Notice) -> Option<T>) -> T {
        loop {
            let (_, notice) = timeout(PATIENCE, self.notices.recv())
                .await
                .unwrap()
                .unwrap();
            if let Notice::Ask(ask) = notice {
                ask.answer.give(Verdict::Granted);
                continue;
            }
            if let Some(found) = wanted(&notice) {
                return found;
            }
        }
    }

    async fn polled(&mut self, command: &str) {
        self.until(|notice| match notice {
            Notice::Polled(polled) => {
                (polled.plan.commands[polled.command].text == command).then_some(())
            }
            _ => None,
        })
        .await;
    }

    /// Tells the session to stop, and waits until its task has ended by itself.
    async fn stop(mut self) -> Fleet {
        self.orders.send_modify(|order| order.stop = true);
        // Nobody reads the notices any more, as when a shard shuts down.
        self.notices.close();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
        self.fleet
    }
}

#[tokio::test]
async fn a_session_that_waits_ends_when_it_is_told_to_and_closes_its_connection() {
    let mut bench = Bench::start(&["show clock"]).await;
    bench.polled("show clock").await;
    let fleet = bench.stop().await;
    while fleet.totals().sessions > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fleet.totals().logins, 1);
}

#[tokio::test]
async fn a_session_ends_while_it_logs_in_or_waits_to_try_again() {
    let bench = Bench::start(&["show clock"]).await;
    bench.fleet.devices()[0].update_faults(|faults| faults.mute = true);
    bench.stop().await;

    let mut bench = Bench::start(&["show clock"]).await;
    bench.fleet.devices()[0].update_faults(|faults| faults.refuse = true);
    bench.fleet.devices()[0].drop_session();
    bench
        .until(|notice| {
            matches!(notice, Notice::LoginFailed(..) | Notice::Disconnected(..)).then_some(())
        })
        .await;
    bench.stop().await;
}

#[tokio::test]
async fn a_new_plan_is_taken_up_by_a_session_that_is_up() {
    let mut bench = Bench::start(&["show clock"]).await;
    bench.polled("show clock").await;
    bench
        .orders
        .send_modify(|order| order.plan = compiled(&["show users", "show clock"]));
    bench.polled("show users").await;
    let fleet = bench.stop().await;
    assert_eq!(fleet.totals().logins, 1);
}

/// Waits for the way in, with `events` played on the other side; `None` when it was told to stop.
async fn way_in(
    mut parts: Parts,
    backoff: Duration,
    refused: bool,
    events: impl AsyncFnOnce(&mut mpsc::Receiver<(TaskId, Notice)>, &watch::Sender<Order>),
) -> Option<Way> {
    let mut kept = parts.kept(refused);
    let way = parts.session.way_in(backoff, &mut kept);
    let both = async { tokio::join!(way, events(&mut parts.notices, &parts.orders)) };
    timeout(PATIENCE, both).await.unwrap().0.ok()
}

async fn next(notices: &mut mpsc::Receiver<(TaskId, Notice)>) -> Notice {
    notices.recv().await.unwrap().1
}

#[tokio::test]
async fn a_device_that_refused_asks_before_it_is_connected_to() {
    let parts = Parts::new(&["show clock"]).await;
    let way = way_in(parts, Duration::ZERO, true, async |notices, _| {
        assert!(matches!(next(notices).await, Notice::Queued));
        match next(notices).await {
            Notice::Ask(ask) => ask.answer.give(Verdict::Granted),
            other => panic!("{other:?}"),
        }
    })
    .await;
    // The permit that was had counts for the login.
    assert_eq!(way.unwrap().gate.permit("lab").await, Ok(()));
}

#[tokio::test]
async fn a_device_that_waits_for_its_permit_is_held_when_the_breaker_opens() {
    let parts = Parts::new(&["show clock"]).await;
    let failure = Failure {
        reason: Reason::CredentialHeld,
        message: "r2 refused it".into(),
        hint: None,
    };
    let way = way_in(parts, Duration::ZERO, true, async |notices, orders| {
        assert!(matches!(next(notices).await, Notice::Queued));
        let Notice::Ask(ask) = next(notices).await else {
            panic!()
        };
        orders.send_modify(|order| order.held = true);
        ask.answer.give(Verdict::Held(failure));
        assert!(matches!(next(notices).await, Notice::Held));
        orders.send_modify(|order| order.probes += 1);
    })
    .await;
    assert!(way.is_some(), "the probe goes at once");
}

#[tokio::test]
async fn a_probe_ends_any_wait_and_so_does_a_stop() {
    let hour = Duration::from_hours(1);
    let parts = Parts::new(&["show clock"]).await;
    let way = way_in(parts, hour, true, async |_, orders| {
        orders.send_modify(|order| order.held = true);
        orders.send_modify(|order| order.probes += 1);
    })
    .await;
    assert!(way.is_some());
    for (backoff, refused, held) in [
        (hour, false, false),
        (Duration::ZERO, true, false),
        (Duration::ZERO, false, true),
    ] {
        let parts = Parts::new(&["show clock"]).await;
        parts.orders.send_modify(|order| order.held = held);
        let way = way_in(parts, backoff, refused, async |_, orders| {
            tokio::task::yield_now().await;
            orders.send_modify(|order| order.stop = true);
        })
        .await;
        assert!(way.is_none());
    }
}

#[tokio::test]
async fn a_login_does_not_connect_while_many_wait_for_their_permits() {
    let parts = Parts::new(&["show clock"]).await;
    let crowd = parts.session.commons.crowd.clone();
    let mut waiting: Vec<_> = (0..33).map(|_| crowd.count("lab")).collect();
    let _others: Vec<_> = (0..33).map(|_| crowd.count("other")).collect();
    let went = std::cell::Cell::new(false);
    let way = async {
        let way = way_in(parts, Duration::ZERO, false, async |_, _| {}).await;
        went.set(true);
        way
    };
    let answers = async {
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(200) {
            tokio::task::yield_now().await;
        }
        assert!(!went.get());
        waiting.pop();
        tokio::task::yield_now().await;
        assert!(!went.get(), "32 are too many still");
        waiting.pop();
    };
    let (way, ()) = tokio::join!(way, answers);
    assert!(way.unwrap().queued < Duration::from_secs(5));
}

#[tokio::test]
async fn a_login_on_the_way_keeps_the_next_one_back_until_it_asks() {
    let parts = Parts::new(&["show clock"]).await;
    let crowd = parts.session.commons.crowd.clone();
    let _on_the_way: Vec<_> = (0..31).map(|_| crowd.count("lab")).collect();
    let way = way_in(parts, Duration::ZERO, false, async |_, _| {}).await;
    let way = way.unwrap();
    assert!(crowd.line("lab").is_crowded());
    way.gate.stays_out();
    assert!(!crowd.line("lab").is_crowded());
}

#[test]
fn a_device_that_ends_idle_sessions_is_left_alone_until_its_next_poll() {
    let (now, second) = (Instant::now(), Duration::from_secs(1));
    for (due, login, expected) in [
        (60, second / 2, 58 * second),
        (60, 5 * second, 49 * second),
        (2, second, Duration::ZERO),
    ] {
        assert_eq!(idle_wait(now, Some(now + due * second), login), expected);
    }
    assert_eq!(idle_wait(now, None, second), Duration::ZERO);
}

#[tokio::test]
async fn a_new_plan_ends_the_wait_of_a_device_that_was_idle() {
    let mut parts = Parts::new(&["show clock"]).await;
    let mut kept = Kept {
        idle: true,
        ..parts.kept(false)
    };
    let way = parts.session.way_in(Duration::from_hours(1), &mut kept);
    let replan = async {
        let plan = compiled(&["show users"]);
        parts.orders.send_modify(|order| order.plan = plan);
    };
    let (way, ()) = timeout(PATIENCE, async { tokio::join!(way, replan) })
        .await
        .unwrap();
    assert!(way.is_ok());
}

#[tokio::test]
async fn a_session_that_works_is_not_given_up_for_its_age_while_its_credential_is_held() {
    let mut parts = Parts::new(&["show clock"]).await;
    parts.session.target.max_age = Some(Span::from_secs(2));
    let Parts {
        fleet,
        notices,
        orders,
        session,
        dir,
    } = parts;
    let mut bench = Bench {
        fleet,
        notices,
        orders,
        task: tokio::spawn(session.run()),
        _dir: dir,
    };
    bench.polled("show clock").await;
    bench.orders.send_modify(|order| order.held = true);
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(3) {
        bench
            .until(|notice| {
                assert!(!matches!(notice, Notice::Aged), "it may not come back");
                matches!(notice, Notice::Polled(_)).then_some(())
            })
            .await;
    }
    bench.orders.send_modify(|order| order.held = false);
    bench
        .until(|notice| matches!(notice, Notice::Aged).then_some(()))
        .await;
    bench.polled("show clock").await;
    bench.stop().await;
}
