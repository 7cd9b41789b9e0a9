//! A manager played by the test, and what devices are told to run.

use std::{
    collections::{BTreeMap, HashMap},
    io::Write,
    num::NonZeroU16,
    sync::Arc,
    time::{Duration, Instant},
};

use netwolf_agent::{Agent, AgentConfig, AgentHandle};
use netwolf_simulator::{DeviceHandle, Fleet, FleetConfig};
use netwolf_wire::{
    AgentName, DeviceName, Epoch, SecretRef, Span,
    frame::{FrameReader, FrameWriter},
    job::{Command, Job, Plan},
    login::{LoginAsk, LoginEnd, LoginOutcome},
    message::{
        Assign, Hello, Lease, Permits, Plans, Renew, Revoke, Shown, Timing, ToAgent, ToManager,
        Welcome,
    },
    platform::{Enable, Pager, Platform, Transport},
    rule::{Matches, Metric, RegexSource, Rule},
    series::{DeviceNo, FamilyNo, Kind, SeriesNo},
    stats::ShardStats,
    status::{DeviceStatus, Reason, SessionState},
    step::{Attempt, StepEvent},
    target::{HostKey, Login, Target},
    version,
};
use tokio::net::{
    TcpListener,
    tcp::{OwnedReadHalf, OwnedWriteHalf},
};

/// Nothing that a test waits for takes longer, even where many tests share two cores.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) const USER: &str = "netwolf";
pub(crate) const PASSWORD: &str = "correct horse";

/// The command that every simulated device is polled with.
pub(crate) const CPU: &str = "show processes cpu | include CPU";

pub(crate) fn name(device: &str) -> DeviceName {
    DeviceName::new(device).unwrap()
}

/// Files on the agent's machine: secrets and the like.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.write("password", PASSWORD);
        files
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> SecretRef {
        std::fs::write(self.0.path().join(name), content).unwrap();
        self.secret(name)
    }

    pub(crate) fn secret(&self, name: &str) -> SecretRef {
        SecretRef::File(self.0.path().join(name))
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }
}

pub(crate) fn ios() -> Platform {
    Platform {
        prompts: [(
            "privileged".into(),
            r"[A-Za-z0-9_][A-Za-z0-9_.@/:-]{0,62}(?:\([a-z.-]+\))?[>#]".into(),
        )]
        .into(),
        setup: vec!["terminal length 0".into(), "terminal width 511".into()],
        pagers: vec![Pager {
            mark: " --More-- ".into(),
            answer: " ".into(),
        }],
        enable: Some(Enable {
            command: "enable".into(),
            password_prompt: "[Pp]assword: ?".into(),
            prompt_end: "#".into(),
        }),
        failures: vec!["^% ?(?:Invalid|Incomplete|Ambiguous|Unknown)".into()],
        ..Platform::new("cisco_ios", Transport::Shell)
    }
}

pub(crate) fn linux() -> Platform {
    Platform::new("linux", Transport::Exec)
}

/// A gauge from the first number that `pattern` names `value`.
pub(crate) fn gauge(name: &str, pattern: &str) -> Rule {
    Rule {
        name: name.into(),
        regex: Some(RegexSource {
            patterns: vec![pattern.into()],
            matches: Matches::First,
            blocks: None,
        }),
        metrics: vec![Metric {
            value: Some("value".into()),
            ..Metric::new(name, Kind::Gauge, "A number.")
        }],
        ..Rule::default()
    }
}

pub(crate) fn command(text: &str, interval_ms: u64, timeout_ms: u64, rules: Vec<Rule>) -> Command {
    Command {
        text: text.into(),
        collectors: vec!["test".into()],
        interval: Span::from_millis(interval_ms),
        timeout: Span::from_millis(timeout_ms),
        rules,
    }
}

pub(crate) fn cpu_command(interval_ms: u64) -> Command {
    let rule = gauge(
        "netwolf_cpu_five_seconds",
        r"five seconds: +(?P<value>\d+)%",
    );
    command(CPU, interval_ms, 5000, vec![rule])
}

pub(crate) fn plan(platform: Platform, commands: Vec<Command>) -> Arc<Plan> {
    Arc::new(Plan {
        platform: Arc::new(platform),
        commands,
    })
}

/// How to reach a simulated device.
pub(crate) fn target(device: &DeviceHandle, files: &Files) -> Target {
    Target {
        address: device.address().ip().to_string(),
        port: device.address().port(),
        login: Login {
            credential: "lab".into(),
            username: USER.into(),
            private_key: None,
            passphrase: None,
            password: Some(files.secret("password")),
            enable_secret: None,
            ssh_agent: None,
            allow: Vec::new(),
        },
        host_key: HostKey::Pinned(device.host_key().into()),
        connect_timeout: Span::from_secs(10),
        jump: None,
        legacy: Vec::new(),
        max_age: None,
    }
}

pub(crate) async fn fleet(devices: usize) -> Fleet {
    Fleet::start(FleetConfig::new(devices, USER, PASSWORD))
        .await
        .unwrap()
}

pub(crate) fn timing() -> Timing {
    Timing {
        heartbeat: Span::from_millis(200),
        silence: Span::from_secs(20),
        autonomy: Span::from_secs(60),
        exclusive: Span::from_secs(4),
    }
}

/// The listening side of the played manager.
pub(crate) struct Manager {
    listener: TcpListener,
    epoch: u64,
}

impl Manager {
    pub(crate) async fn start() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            epoch: 0,
        }
    }

    pub(crate) fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    pub(crate) fn agent(&self, name: &str) -> AgentHandle {
        let mut config = AgentConfig::new(self.address(), AgentName::new(name).unwrap());
        config.shards = NonZeroU16::MIN;
        config.pin = false;
        Agent::start(config).unwrap()
    }

    /// Takes the next link and its hello, and says nothing yet.
    pub(crate) async fn greet(&mut self) -> Link {
        let accept = async {
            let (stream, _) = self.listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (read, write) = stream.into_split();
            let mut reader = FrameReader::new(read);
            let hello = match reader.next().await.unwrap() {
                Some(ToManager::Hello(hello)) => hello,
                other => panic!("{other:?}"),
            };
            Link {
                hello,
                reader,
                writer: FrameWriter::new(write),
                renews: true,
                permits: true,
                world: World::default(),
            }
        };
        tokio::time::timeout(PATIENCE, accept)
            .await
            .expect("a link")
    }

    /// Takes the next link and the shard with it.
    pub(crate) async fn welcome(&mut self) -> Link {
        self.welcome_with(timing()).await
    }

    pub(crate) async fn welcome_with(&mut self, timing: Timing) -> Link {
        let mut link = self.greet().await;
        link.send(Welcome {
            protocol: version::CURRENT,
            software: "test".into(),
            timing,
        })
        .await;
        link
    }

    /// A job for `device` under a new epoch.
    pub(crate) fn lease(&mut self, device: &str, target: Target, plan: &Plan) -> Lease {
        self.epoch += 1;
        Lease {
            epoch: Epoch(self.epoch),
            job: Arc::new(Job {
                device: name(device),
                target,
                plan: plan.digest(),
                exclusive: false,
            }),
        }
    }
}

/// A sample as the manager would store it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Received {
    pub(crate) unix_ms: u64,
    pub(crate) series: String,
    pub(crate) value: f64,
}

/// What the manager has been told.
#[derive(Debug, Default)]
pub(crate) struct World {
    devices: HashMap<DeviceNo, String>,
    families: HashMap<FamilyNo, String>,
    series: HashMap<SeriesNo, (DeviceNo, String)>,
    /// By device, in the order in which they came.
    pub(crate) samples: BTreeMap<String, Vec<Received>>,
    /// Polls by device, with and without samples.
    pub(crate) polls: BTreeMap<String, u64>,
    pub(crate) statuses: BTreeMap<String, DeviceStatus>,
    pub(crate) revoked: Vec<(String, Epoch)>,
    pub(crate) stats: ShardStats,
    pub(crate) beats: u64,
    pub(crate) leaving: bool,
    pub(crate) goodbye: bool,
    /// Logins that were asked for, in the order in which they came.
    pub(crate) asks: Vec<LoginAsk>,
    /// How permitted logins ended.
    pub(crate) ended: Vec<LoginEnd>,
    pub(crate) shown: Vec<Shown>,
    /// What was said to be held, each time.
    pub(crate) held: Vec<Vec<Attempt>>,
    /// What happened to steps, in the order in which it was told.
    pub(crate) events: Vec<StepEvent>,
    /// States in which each device was, in the order in which they were told.
    pub(crate) states: BTreeMap<String, Vec<SessionState>>,
}

impl World {
    pub(crate) fn state(&self, device: &str) -> Option<SessionState> {
        self.statuses.get(device).map(|status| status.state)
    }

    pub(crate) fn reason(&self, device: &str) -> Option<Reason> {
        self.statuses
            .get(device)?
            .failure
            .as_ref()
            .map(|failure| failure.reason)
    }

    pub(crate) fn samples(&self, device: &str) -> &[Received] {
        self.samples.get(device).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn polls(&self, device: &str) -> u64 {
        self.polls.get(device).copied().unwrap_or(0)
    }

    /// Whether a command of the device fails for `reason`.
    pub(crate) fn fails(&self, device: &str, reason: Reason) -> bool {
        self.statuses.get(device).is_some_and(|status| {
            status
                .failing
                .iter()
                .any(|failing| failing.failure.reason == reason)
        })
    }

    /// How often a login of the device ended so.
    pub(crate) fn ended(&self, device: &str, outcome: LoginOutcome) -> usize {
        self.ended
            .iter()
            .filter(|login| login.device.as_str() == device && login.outcome == outcome)
            .count()
    }

    /// How often a login of the device was asked for.
    pub(crate) fn asks(&self, device: &str) -> usize {
        self.asks
            .iter()
            .filter(|ask| ask.device.as_str() == device)
            .count()
    }

    fn take(&mut self, message: ToManager) {
        match message {
            ToManager::Declare(declare) => {
                for device in declare.devices {
                    self.devices.insert(device.no, device.device.to_string());
                }
                for family in declare.families {
                    self.families.insert(family.no, family.name);
                }
                for series in declare.series {
                    assert!(
                        self.devices.contains_key(&series.device),
                        "{series:?} is of no declared device"
                    );
                    let labels: Vec<_> = series
                        .labels
                        .iter()
                        .map(|(name, value)| format!("{name}={value}"))
                        .collect();
                    let text = format!("{}{{{}}}", self.families[&series.family], labels.join(","));
                    self.series.insert(series.no, (series.device, text));
                }
            }
            ToManager::Polls(polls) => {
                for poll in polls.polls {
                    let device = self.devices[&poll.0].clone();
                    *self.polls.entry(device.clone()).or_default() += 1;
                    for (no, value) in poll.2 {
                        let (owner, series) = self.series[&no].clone();
                        assert_eq!(owner, poll.0, "a series of another device");
                        let received = Received {
                            unix_ms: poll.1,
                            series,
                            value: value.0,
                        };
                        self.samples
                            .entry(device.clone())
                            .or_default()
                            .push(received);
                    }
                }
            }
            ToManager::Statuses(statuses) => {
                for status in statuses.statuses {
                    self.states
                        .entry(status.device.to_string())
                        .or_default()
                        .push(status.state);
                    self.statuses.insert(status.device.to_string(), status);
                }
            }
            ToManager::Revoked(revoked) => {
                self.revoked.extend(
                    revoked
                        .leases
                        .into_iter()
                        .map(|(device, epoch)| (device.to_string(), epoch)),
                );
            }
            ToManager::Heartbeat(heartbeat) => {
                self.beats += 1;
                self.stats = *heartbeat.stats;
            }
            ToManager::Leaving(_) => self.leaving = true,
            ToManager::Goodbye(_) => self.goodbye = true,
            ToManager::Asks(asks) => self.asks.extend(asks.asks),
            ToManager::Ended(ended) => self.ended.extend(ended.logins),
            ToManager::Shown(shown) => self.shown.push(shown),
            ToManager::StepsHeld(held) => self.held.push(held.steps),
            ToManager::StepEvents(events) => self.events.extend(events.events),
            ToManager::Hello(_) | ToManager::Certify(_) | ToManager::Unknown(_) => {
                panic!("{message:?}")
            }
        }
    }
}

/// The manager's side of a link.
pub(crate) struct Link {
    pub(crate) hello: Hello,
    reader: FrameReader<OwnedReadHalf, ToManager>,
    writer: FrameWriter<OwnedWriteHalf, ToAgent>,
    /// Whether heartbeats are answered.
    pub(crate) renews: bool,
    /// Whether logins are permitted as they are asked for.
    pub(crate) permits: bool,
    pub(crate) world: World,
}

impl Link {
    pub(crate) async fn send(&mut self, message: impl Into<ToAgent>) {
        self.writer.send(&message.into()).await.unwrap();
    }

    pub(crate) async fn plan(&mut self, plan: &Arc<Plan>) {
        let plans = vec![(plan.digest(), plan.clone())];
        self.send(Plans { plans }).await;
    }

    pub(crate) async fn assign(&mut self, leases: Vec<Lease>) {
        self.send(Assign { leases }).await;
    }

    pub(crate) async fn revoke(&mut self, device: &str, epoch: Epoch) {
        self.send(Revoke {
            leases: vec![(name(device), epoch)],
        })
        .await;
    }

    /// Takes one message in; false when the link has ended.
    async fn step(&mut self) -> bool {
        let Ok(Some(message)) = self.reader.next().await else {
            return false;
        };
        let beat = match &message {
            ToManager::Heartbeat(heartbeat) if self.renews => Some(heartbeat.beat),
            _ => None,
        };
        let permits = match &message {
            ToManager::Asks(asks) if self.permits => Some(asks.asks.clone()),
            _ => None,
        };
        self.world.take(message);
        if let Some(beat) = beat {
            self.send(Renew { beat }).await;
        }
        if let Some(permits) = permits {
            self.send(Permits { permits }).await;
        }
        true
    }

    /// Listens until `condition` holds.
    #[track_caller]
    pub(crate) fn until<'a>(
        &'a mut self,
        what: &'a str,
        condition: impl Fn(&World) -> bool + 'a,
    ) -> impl Future<Output = ()> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let deadline = Instant::now() + PATIENCE;
            while !condition(&self.world) {
                match tokio::time::timeout_at(deadline.into(), self.step()).await {
                    Ok(true) => {}
                    Ok(false) => panic!(
                        "{place}: the link ended before: {what}\n{:#?}",
                        self.world.statuses
                    ),
                    Err(elapsed) => panic!(
                        "{place}: patience ran out ({elapsed}) before: {what}\n{:#?}\n{:#?}",
                        self.world.statuses, self.world.stats
                    ),
                }
            }
        }
    }

    /// Listens until the agent closes the link.
    pub(crate) async fn until_closed(&mut self) {
        let end = async { while self.step().await {} };
        tokio::time::timeout(PATIENCE, end)
            .await
            .expect("the link ends");
    }
}

/// Waits until `condition` holds of something that nobody tells of, such as a device's counters.
#[track_caller]
pub(crate) fn eventually<'a>(
    what: &'a str,
    condition: impl Fn() -> bool + 'a,
) -> impl Future<Output = ()> + 'a {
    let place = std::panic::Location::caller();
    async move {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            assert!(
                Instant::now() < deadline,
                "{place}: patience ran out before: {what}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Says that a test was left out because this machine lacks something; on CI that is a failure. CI is where
/// `CI` is set to anything.
pub(crate) fn leave_out(why: &str) {
    let on_ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
    assert!(!on_ci, "on CI nothing is left out: {why}");
    // Past the test runner, which hides what a passing test prints.
    std::io::stderr()
        .write_all(format!("left out: {why}\n").as_bytes())
        .unwrap();
}
