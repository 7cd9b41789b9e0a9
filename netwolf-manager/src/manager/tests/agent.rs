//! An agent that is no more than its wire protocol: it takes leases, gives them up when told, and beats.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use netwolf_wire::{
    DeviceName, Incarnation,
    frame::{FrameReader, FrameWriter},
    login::{Breaker, LoginAsk, LoginEnd, LoginOutcome},
    message::{
        Asks, Declare, Ended, Heartbeat, Hello, Lease, Polls, Refused, Revoked, Show, Statuses,
        StepEvents, StepsHeld, ToAgent, ToManager,
    },
    series::{DeviceDecl, DeviceNo, FamilyDecl, FamilyNo, Kind, Poll, SeriesDecl, SeriesNo, Value},
    stats::ShardStats,
    status::{DeviceStatus, FailingCommand, Failure, Reason, SessionState},
    step::{Attempt, CommandDone, StepEnd, StepEvent, StepNews, StepOrder},
    version,
};
use tokio::{
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    task::JoinHandle,
};

use super::eventually;

/// The hello of shard 0 of an agent with `shards`.
pub(super) fn hello(agent: &str, shards: u16) -> Hello {
    Hello {
        protocol: version::CURRENT,
        software: "test".into(),
        agent: agent.parse().unwrap(),
        shard: 0,
        shards,
        incarnation: Incarnation(1),
        site: None,
        size: 1,
        web: None,
        silent: netwolf_wire::Span::default(),
        running: Vec::new(),
    }
}

#[derive(Debug)]
pub(super) struct FakeAgent {
    say: mpsc::Sender<ToManager>,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
    series: Mutex<BTreeMap<String, u32>>,
}

/// What the manager said.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) leases: BTreeMap<DeviceName, Lease>,
    /// How many there were in the first message that granted any.
    pub(super) first_leases: usize,
    pub(super) renewed: u64,
    pub(super) permits: Vec<LoginAsk>,
    /// Credentials that may not be tried.
    pub(super) held: BTreeMap<String, Failure>,
    pub(super) probes: Vec<DeviceName>,
    pub(super) shows: Vec<Show>,
    pub(super) steps: Vec<StepOrder>,
    pub(super) cancelled: Vec<Attempt>,
    pub(super) heard: Vec<Attempt>,
    pub(super) closed: bool,
}

impl Drop for FakeAgent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeAgent {
    pub(super) async fn connect(address: SocketAddr, hello: Hello) -> Result<Self, Refused> {
        let (read, write) = TcpStream::connect(address).await.unwrap().into_split();
        let (mut reader, mut writer) = (FrameReader::new(read), FrameWriter::new(write));
        writer.send(&ToManager::from(hello)).await.unwrap();
        match reader.next().await.unwrap() {
            Some(ToAgent::Welcome(_)) => {}
            Some(ToAgent::Refused(refused)) => return Err(refused),
            other => panic!("neither welcome nor refused: {other:?}"),
        }
        let (say, said) = mpsc::channel(64);
        let seen = Arc::<Mutex<Seen>>::default();
        let task = tokio::spawn(run(reader, writer, said, seen.clone()));
        Ok(Self {
            say,
            seen,
            task,
            series: Mutex::default(),
        })
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    pub(super) async fn send(&self, message: impl Into<ToManager>) {
        self.say.send(message.into()).await.unwrap();
    }

    /// Ends the link without a word.
    pub(super) fn cut(&self) {
        self.task.abort();
    }

    /// Waits for the lease of a device.
    pub(super) async fn lease(&self, device: &str) -> Lease {
        eventually("a lease", async || self.seen().leases.get(device).cloned()).await
    }

    /// Declares gauges of the leased device, which is the only one that [`Self::poll`] can be used with.
    pub(super) async fn declare(&self, lease: &Lease, gauges: &[&str]) {
        let device = DeviceNo(0);
        let device_decl = DeviceDecl {
            no: device,
            device: lease.job.device.clone(),
            epoch: lease.epoch,
        };
        let mut declare = Declare {
            devices: vec![device_decl],
            ..Declare::default()
        };
        for (no, name) in (0u32..).zip(gauges) {
            let family = FamilyNo(no);
            declare.families.push(FamilyDecl {
                no: family,
                name: (*name).into(),
                kind: Kind::Gauge,
                help: "A test's.".into(),
            });
            declare.series.push(SeriesDecl {
                no: SeriesNo(no),
                device,
                family,
                labels: Vec::new(),
                interval_ms: 1_000,
            });
            self.series.lock().unwrap().insert((*name).into(), no);
        }
        self.send(declare).await;
    }

    pub(super) async fn poll(&self, samples: &[(&str, f64)]) {
        let numbers = self.series.lock().unwrap().clone();
        let samples = samples
            .iter()
            .map(|(name, value)| (SeriesNo(numbers[*name]), Value(*value)));
        let poll = Poll(DeviceNo(0), crate::clock::unix_ms(), samples.collect());
        self.send(Polls { polls: vec![poll] }).await;
    }

    pub(super) async fn status_up(&self, lease: &Lease) {
        self.status(lease, SessionState::Up, None).await;
    }

    pub(super) async fn status_refused(&self, lease: &Lease) {
        let failure = Failure {
            reason: Reason::Refused,
            message: "connection refused".into(),
            hint: Some("is SSH enabled on the device?".into()),
        };
        self.status(lease, SessionState::Backoff, Some(failure))
            .await;
    }

    /// Asks for a permit and waits for it.
    pub(super) async fn permitted(&self, lease: &Lease) {
        let ask = LoginAsk {
            device: lease.job.device.clone(),
            epoch: lease.epoch,
            credential: lease.job.target.login.credential.clone(),
        };
        let asks = vec![ask.clone()];
        self.send(Asks { asks }).await;
        eventually("a permit", async || {
            self.seen().permits.contains(&ask).then_some(())
        })
        .await;
    }

    /// Tells how a login ended.
    pub(super) async fn ended(&self, lease: &Lease, outcome: LoginOutcome) {
        let end = LoginEnd {
            device: lease.job.device.clone(),
            epoch: lease.epoch,
            credential: lease.job.target.login.credential.clone(),
            outcome,
        };
        self.send(Ended { logins: vec![end] }).await;
    }

    /// Waits for the order of a step.
    pub(super) async fn step(&self, device: &str, attempt: u32) -> StepOrder {
        eventually("a step", async || {
            let seen = self.seen();
            let wanted =
                |order: &&StepOrder| order.device.as_str() == device && order.id.attempt == attempt;
            seen.steps.iter().find(wanted).cloned()
        })
        .await
    }

    /// Says which steps it has, as an agent does first on each link.
    pub(super) async fn held(&self, steps: &[Attempt]) {
        let steps = steps.to_vec();
        self.send(StepsHeld { steps }).await;
    }

    /// Tells what happened to a step.
    pub(super) async fn tell(&self, id: Attempt, what: impl IntoIterator<Item = StepNews>) {
        let event = |what| StepEvent {
            id,
            unix_ms: crate::clock::unix_ms(),
            what,
        };
        let events = what.into_iter().map(event).collect();
        self.send(StepEvents { events }).await;
    }

    /// Carries a step out: each command says `output`.
    pub(super) async fn carry_out(&self, order: &StepOrder, output: &str, end: StepEnd) {
        let commands = order.commands.iter().chain(&order.verify);
        let done = (0..).zip(commands).map(|(index, _)| {
            StepNews::Command(CommandDone {
                index,
                took: netwolf_wire::Span::from_millis(20),
                text: output.into(),
                truncated: false,
                sha256: "ab".repeat(32),
                answered: Vec::new(),
                failure: None,
            })
        });
        let begin = [StepNews::Accepted, StepNews::Started];
        let news = begin.into_iter().chain(done).chain([StepNews::Ended(end)]);
        self.tell(order.id, news).await;
    }

    async fn status(&self, lease: &Lease, state: SessionState, failure: Option<Failure>) {
        let failing = failure.iter().map(|failure| FailingCommand {
            command: "cat /proc/loadavg".into(),
            failure: failure.clone(),
        });
        let status = DeviceStatus {
            device: lease.job.device.clone(),
            epoch: lease.epoch,
            state,
            since_ms: 1_790_000_000_000,
            failing: failing.collect(),
            next_attempt_ms: failure.as_ref().map(|_| 1_790_000_000_000),
            failure,
            failures: 0,
            login_seconds: Some(0.1),
        };
        self.send(Statuses {
            statuses: vec![status],
        })
        .await;
    }
}

async fn run(
    mut reader: FrameReader<OwnedReadHalf, ToAgent>,
    mut writer: FrameWriter<OwnedWriteHalf, ToManager>,
    mut said: mpsc::Receiver<ToManager>,
    seen: Arc<Mutex<Seen>>,
) {
    let mut beats = tokio::time::interval(Duration::from_millis(200));
    let mut beat = 0;
    loop {
        let message = tokio::select! {
            message = reader.next() => match message {
                Ok(Some(message)) => match heed(message, &seen) {
                    Some(answer) => answer,
                    None => continue,
                },
                Ok(None) | Err(_) => break,
            },
            message = said.recv() => match message {
                Some(message) => message,
                None => break,
            },
            _ = beats.tick() => {
                beat += 1;
                Heartbeat { beat, stats: Box::new(ShardStats { polls: 7, ..ShardStats::default() }) }.into()
            }
        };
        if writer.send(&message).await.is_err() {
            break;
        }
    }
    seen.lock().unwrap().closed = true;
}

fn heed(message: ToAgent, seen: &Mutex<Seen>) -> Option<ToManager> {
    let mut seen = seen.lock().unwrap();
    match message {
        ToAgent::Assign(assign) => {
            for lease in assign.leases {
                seen.leases.insert(lease.job.device.clone(), lease);
            }
            if seen.first_leases == 0 {
                seen.first_leases = seen.leases.len();
            }
        }
        ToAgent::Revoke(revoke) => {
            for (device, epoch) in &revoke.leases {
                if seen
                    .leases
                    .get(device)
                    .is_some_and(|lease| lease.epoch == *epoch)
                {
                    seen.leases.remove(device);
                }
            }
            return Some(
                Revoked {
                    leases: revoke.leases,
                }
                .into(),
            );
        }
        ToAgent::Renew(_) => seen.renewed += 1,
        ToAgent::Permits(permits) => seen.permits.extend(permits.permits),
        ToAgent::Breakers(told) => {
            for Breaker { credential, open } in told.breakers {
                match open {
                    Some(failure) => seen.held.insert(credential, failure),
                    None => seen.held.remove(&credential),
                };
            }
        }
        ToAgent::Probe(probe) => seen.probes.push(probe.device),
        ToAgent::Show(show) => seen.shows.push(show),
        ToAgent::Steps(steps) => seen.steps.extend(steps.steps),
        ToAgent::CancelSteps(steps) => seen.cancelled.extend(steps.steps),
        ToAgent::StepsHeard(steps) => seen.heard.extend(steps.steps),
        _ => {}
    }
    None
}
