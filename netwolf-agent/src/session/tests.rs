use netwolf_simulator::{Fleet, FleetConfig};
use netwolf_wire::{
    SecretRef, Span,
    job::{Command, Plan},
    platform::{Platform, Transport},
    target::{HostKey, Login as LoginRef},
};
use tokio::{task::JoinHandle, time::timeout};

use super::*;

const PATIENCE: Duration = Duration::from_mins(1);

fn compiled(commands: &[&str]) -> Arc<CompiledPlan> {
    let platform = Platform {
        name: "cisco_ios".into(),
        description: String::new(),
        transport: Transport::Shell,
        prompt: Some("[A-Za-z0-9-]+[>#]".into()),
        setup: vec!["terminal length 0".into()],
        pagers: Vec::new(),
        enable: None,
        failures: Vec::new(),
        newline: "\n".into(),
        interrupt: "\u{3}".into(),
        width: 511,
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

struct Bench {
    fleet: Fleet,
    notices: mpsc::Receiver<(TaskId, Notice)>,
    orders: watch::Sender<Order>,
    task: JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl Bench {
    async fn start(commands: &[&str]) -> Self {
        let fleet = Fleet::start(FleetConfig::new(1, "netwolf", "secret"))
            .await
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("password"), "secret").unwrap();
        let (sender, notices) = mpsc::channel(16);
        let order = Order {
            plan: compiled(commands),
            stop: false,
        };
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
                },
                host_key: HostKey::AcceptNew,
                connect_timeout: Span::from_secs(10),
            },
            orders: receiver,
            commons: Commons {
                clock: Clock::start(),
                seed: 1,
                pacing: Arc::new(Mutex::new(Pacing::for_shard(1))),
                accepted: Arc::default(),
                notices: sender,
            },
            delay: Duration::ZERO,
        };
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
            matches!(notice, Notice::LoginFailed(_) | Notice::Disconnected(_)).then_some(())
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
