//! A manager, and a shard that has no devices: it declares series and sends samples over a real link, as fast as
//! they are taken.
//!
//! The samples are those of interfaces: of ten, four are counters that move, one is a ratio that moves, and five
//! stand still (errors, discards, state, speed).

use std::{
    fmt::Write as _,
    fs,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context as TaskContext, Poll as TaskPoll},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail};
use netwolf_wire::{
    AgentName, DeviceName, Epoch, Incarnation,
    frame::{FrameReader, FrameWriter},
    message::{Declare, Goodbye, Heartbeat, Hello, Polls, ToAgent, ToManager},
    series::{DeviceDecl, DeviceNo, FamilyDecl, FamilyNo, Kind, Poll, SeriesDecl, SeriesNo, Value},
    stats::ShardStats,
    version,
};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::{
    io::AsyncWrite,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use super::{
    Common,
    cores::{self, Cores},
    process::{Usage, usage},
};
use crate::{
    api,
    part::{Part, random_text, told, write_private},
};

/// Samples of one interface, which are one poll here.
const PER_POLL: u32 = 10;
/// Polls in one message, as an agent sends them at most.
const POLLS: usize = 500;
/// Series in one message of declarations.
const DECLARED: usize = 5000;
/// Leases of all devices come within seconds.
const PATIENCE: Duration = Duration::from_mins(1);
/// From one heartbeat to the next.
const BEAT: Duration = Duration::from_secs(1);
/// Series stay fresh for hours: a page is measured, not their end.
const INTERVAL_MS: u32 = 3_600_000;
/// All is over within this time.
const GRACE: Duration = Duration::from_secs(5);
/// Every so many messages their length before compression is taken.
const WEIGHED: u64 = 16;

/// The metrics of an interface: name, kind, and whether it moves.
const FAMILIES: [(&str, Kind, Movement); PER_POLL as usize] = [
    (
        "netwolf_interface_receive_bytes",
        Kind::Counter,
        Movement::Grows,
    ),
    (
        "netwolf_interface_transmit_bytes",
        Kind::Counter,
        Movement::Grows,
    ),
    (
        "netwolf_interface_receive_packets",
        Kind::Counter,
        Movement::Grows,
    ),
    (
        "netwolf_interface_transmit_packets",
        Kind::Counter,
        Movement::Grows,
    ),
    (
        "netwolf_interface_utilization_ratio",
        Kind::Gauge,
        Movement::Ratio,
    ),
    (
        "netwolf_interface_receive_errors",
        Kind::Counter,
        Movement::Still,
    ),
    (
        "netwolf_interface_transmit_errors",
        Kind::Counter,
        Movement::Still,
    ),
    (
        "netwolf_interface_receive_discards",
        Kind::Counter,
        Movement::Still,
    ),
    ("netwolf_interface_up", Kind::Gauge, Movement::Still),
    (
        "netwolf_interface_speed_bytes_per_second",
        Kind::Gauge,
        Movement::Still,
    ),
];

#[derive(Clone, Copy)]
enum Movement {
    Grows,
    Ratio,
    Still,
}

/// A manager with many devices, and the shard that feeds it.
pub(super) struct Feeder {
    _folder: TempDir,
    pub(super) cores: Cores,
    manager: Part,
    /// The manager's address.
    pub(super) web: String,
    reader: FrameReader<OwnedReadHalf, ToAgent>,
    writer: FrameWriter<Counting, ToManager>,
    /// Bytes that went to the manager.
    wire: Arc<AtomicU64>,
    epochs: Vec<(DeviceName, Epoch)>,
    per_device: u32,
    beats: u64,
    beat_at: Instant,
    round: u32,
    /// Of the last round.
    time_ms: u64,
    messages: u64,
    /// Samples sent, and bytes of the messages that were weighed with their samples.
    pub(super) samples: u64,
    weighed: (u64, u64),
}

impl Feeder {
    /// Starts a manager with devices for `series` series, at most `per_device` each, and is let in. The manager sends
    /// samples on to the URL `remote`.
    async fn start(
        cores: Cores,
        series: u32,
        per_device: u32,
        remote: Option<&str>,
    ) -> anyhow::Result<Self> {
        cores::pin(&cores.rest)?;
        let folder = tempfile::Builder::new()
            .prefix("netwolf-bench-")
            .tempdir()?;
        let path = folder.path();
        let devices = series.div_ceil(per_device);
        write_private(&path.join("password"), &random_text()?)?;
        let config = path.join("netwolf.yml");
        let mut text = configuration(devices, &path.join("password"));
        if let Some(url) = remote {
            writeln!(text, "remote_write: [{{ url: \"{url}\" }}]")?;
        }
        fs::write(&config, text)?;
        let mut command = Part::command("manager", path)?;
        command.arg("manager").arg("--config.file").arg(&config);
        command.arg("--storage.path").arg(path.join("data"));
        command.args(["--web.listen-address", "127.0.0.1:0"]);
        command.args(["--agent.listen-address", "127.0.0.1:0"]);
        let started = Part::start("manager", command, path);
        let (manager, ready) = cores::on(&cores.measured, started).await?;
        let (web, agents) = (told(&ready, "web")?, told(&ready, "agents")?);

        let stream = TcpStream::connect(&agents).await?;
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        let wire = Arc::new(AtomicU64::new(0));
        let mut feeder = Self {
            _folder: folder,
            cores,
            manager,
            web,
            reader: FrameReader::new(read),
            writer: FrameWriter::new(Counting {
                write,
                count: wire.clone(),
            }),
            wire,
            epochs: Vec::new(),
            per_device,
            beats: 0,
            beat_at: Instant::now() + BEAT,
            round: 0,
            time_ms: 0,
            messages: 0,
            samples: 0,
            weighed: (0, 0),
        };
        feeder.be_let_in(devices as usize).await?;
        Ok(feeder)
    }

    /// Starts as [`Self::start`] does, and declares all series; gives what the manager had cost before that, too.
    pub(super) async fn ready(
        common: &Common,
        series: u32,
        per_device: u32,
    ) -> anyhow::Result<(Self, Usage)> {
        Self::ready_with(common, &Cores::split(1)?, series, per_device, None).await
    }

    /// As [`Self::ready`], on given cores, with a manager that sends samples on to the URL `remote`.
    pub(super) async fn ready_with(
        common: &Common,
        cores: &Cores,
        series: u32,
        per_device: u32,
        remote: Option<&str>,
    ) -> anyhow::Result<(Self, Usage)> {
        common.progress("starting a manager");
        let mut feeder = Self::start(cores.clone(), series, per_device, remote).await?;
        let bare = feeder.usage()?;
        common.progress("declaring the series");
        feeder.declare().await?;
        feeder.settle().await?;
        Ok((feeder, bare))
    }

    async fn be_let_in(&mut self, devices: usize) -> anyhow::Result<()> {
        self.send(Hello {
            protocol: version::CURRENT,
            software: env!("CARGO_PKG_VERSION").into(),
            agent: AgentName::new("bench")?,
            shard: 0,
            shards: 1,
            incarnation: Incarnation(1),
            site: None,
            size: 1,
            web: None,
            silent: Duration::ZERO.into(),
            running: Vec::new(),
        })
        .await?;
        let deadline = Instant::now() + PATIENCE;
        while self.epochs.len() < devices {
            if Instant::now() > deadline {
                bail!("only {} of {devices} leases came", self.epochs.len());
            }
            self.beat().await?;
            if let Ok(message) = timeout(BEAT, self.reader.next()).await {
                self.hear(message?.context("the manager closed the link")?)?;
            }
        }
        Ok(())
    }

    /// Leases are taken; the rest is of no interest.
    fn hear(&mut self, message: ToAgent) -> anyhow::Result<()> {
        match message {
            ToAgent::Assign(assign) => {
                let leases = assign.leases.iter();
                self.epochs
                    .extend(leases.map(|lease| (lease.job.device.clone(), lease.epoch)));
                Ok(())
            }
            ToAgent::Refused(refused) => bail!("{}", refused.message),
            _ => Ok(()),
        }
    }

    /// How many series there are.
    pub(super) fn series(&self) -> u32 {
        number(self.epochs.len()) * self.per_device
    }

    /// Declares all series and sends a first sample of each.
    async fn declare(&mut self) -> anyhow::Result<()> {
        let families = FAMILIES
            .iter()
            .zip(0..)
            .map(|((name, kind, _), no)| FamilyDecl {
                no: FamilyNo(no),
                name: (*name).into(),
                kind: *kind,
                help: "As the device counts it, by `show interfaces`.".into(),
            });
        self.send(Declare {
            families: families.collect(),
            ..Declare::default()
        })
        .await?;
        let mut declare = Declare::default();
        for (device, (name, epoch)) in self.epochs.clone().into_iter().enumerate() {
            let device = DeviceNo(number(device));
            declare.devices.push(DeviceDecl {
                no: device,
                device: name,
                epoch,
            });
            for index in 0..self.per_device {
                let interface = index / PER_POLL;
                declare.series.push(SeriesDecl {
                    no: SeriesNo(device.0 * self.per_device + index),
                    device,
                    family: FamilyNo(index % PER_POLL),
                    labels: vec![
                        (
                            "interface".into(),
                            format!("GigabitEthernet1/0/{interface}"),
                        ),
                        ("site".into(), format!("ams{}", device.0 % 40)),
                    ],
                    interval_ms: INTERVAL_MS,
                });
            }
            if declare.series.len() >= DECLARED {
                self.send(std::mem::take(&mut declare)).await?;
                self.beat().await?;
            }
        }
        self.send(declare).await?;
        self.round().await
    }

    /// Sends a sample of each series.
    pub(super) async fn round(&mut self) -> anyhow::Result<()> {
        self.round += 1;
        // A series has one sample a millisecond at most.
        while unix_ms()? <= self.time_ms {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.time_ms = unix_ms()?;
        let time_ms = self.time_ms;
        let mut polls = Vec::with_capacity(POLLS);
        for device in 0..number(self.epochs.len()) {
            for first in (0..self.per_device).step_by(PER_POLL as usize) {
                let samples = (first..self.per_device.min(first + PER_POLL)).map(|index| {
                    let no = device * self.per_device + index;
                    (SeriesNo(no), Value(value(no, index % PER_POLL, self.round)))
                });
                polls.push(Poll(DeviceNo(device), time_ms, samples.collect()));
                if polls.len() == POLLS {
                    self.send_polls(std::mem::take(&mut polls)).await?;
                    self.beat().await?;
                }
            }
        }
        self.send_polls(polls).await
    }

    async fn send_polls(&mut self, polls: Vec<Poll>) -> anyhow::Result<()> {
        if polls.is_empty() {
            return Ok(());
        }
        let n_samples: usize = polls.iter().map(|poll| poll.2.len()).sum();
        let message = ToManager::from(Polls { polls });
        if self.messages.is_multiple_of(WEIGHED) {
            self.weighed.0 += serde_json::to_vec(&message)?.len() as u64;
            self.weighed.1 += n_samples as u64;
        }
        self.messages += 1;
        self.samples += n_samples as u64;
        Ok(self.writer.send(&message).await?)
    }

    async fn send(&mut self, message: impl Into<ToManager>) -> anyhow::Result<()> {
        Ok(self.writer.send(&message.into()).await?)
    }

    /// A heartbeat, if one is due; what the manager said meanwhile is read and dropped.
    pub(super) async fn beat(&mut self) -> anyhow::Result<()> {
        if Instant::now() < self.beat_at {
            return Ok(());
        }
        self.beat_at = Instant::now() + BEAT;
        self.beats += 1;
        let stats = ShardStats {
            devices: self.epochs.len() as u64,
            ..ShardStats::default()
        };
        self.send(Heartbeat {
            beat: self.beats,
            stats: Box::new(stats),
        })
        .await?;
        while let Ok(message) = timeout(Duration::ZERO, self.reader.next()).await {
            self.hear(message?.context("the manager closed the link")?)?;
        }
        Ok(())
    }

    /// Keeps the link alive until `work` is done.
    pub(super) async fn beside<T>(
        &mut self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep_until(self.beat_at.into()) => self.beat().await?,
            }
        }
    }

    /// Waits until the manager has taken in all that was sent.
    pub(super) async fn settle(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.beat().await?;
            let status: Taken = api::get(&self.web, "/api/v1/status").await?;
            if status.samples_total >= self.samples {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!(
                    "the manager has taken {} of {} samples",
                    status.samples_total,
                    self.samples
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until no more samples than `most` wait in the manager to be sent on.
    pub(super) async fn drain(&mut self, most: u64) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.beat().await?;
            let status: Pending = api::get(&self.web, "/api/v1/status").await?;
            let pending: u64 = status
                .remote_write
                .iter()
                .map(|remote| remote.pending_samples)
                .sum();
            if pending <= most {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{pending} samples wait to be sent on");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Bytes that went to the manager.
    pub(super) fn wire(&self) -> u64 {
        self.wire.load(Ordering::Relaxed)
    }

    /// Bytes of a sample before compression.
    pub(super) fn plain_bytes_per_sample(&self) -> f64 {
        let (bytes, samples) = self.weighed;
        super::sessions::count(bytes) / super::sessions::count(samples)
    }

    /// What the manager has cost.
    pub(super) fn usage(&self) -> anyhow::Result<Usage> {
        usage(self.manager.pid()?)
    }

    /// The manager's process.
    pub(super) fn pid(&self) -> anyhow::Result<u32> {
        self.manager.pid()
    }

    /// Ends it all.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        self.send(Goodbye {}).await?;
        self.manager.ask_to_end();
        self.manager
            .end_by(tokio::time::Instant::now() + GRACE)
            .await;
        Ok(())
    }
}

/// What we read of `/api/v1/status`; it tells more.
#[derive(Deserialize)]
struct Taken {
    samples_total: u64,
}

/// As [`Taken`].
#[derive(Deserialize)]
struct Pending {
    /// None where nothing is sent.
    #[serde(default)]
    remote_write: Vec<Remote>,
}

#[derive(Deserialize)]
struct Remote {
    pending_samples: u64,
}

/// What series `no` says in a round.
fn value(no: u32, family: u32, round: u32) -> f64 {
    let (start, step) = (
        f64::from(no) * 1_234_567.0,
        f64::from(no % 977 + 23) * 1_511.0,
    );
    match FAMILIES[family as usize].2 {
        Movement::Grows => start + step * f64::from(round),
        Movement::Ratio => f64::from((no * 7 + round * 13) % 100) / 100.0,
        Movement::Still => f64::from(no % 2),
    }
}

fn unix_ms() -> anyhow::Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(u64::try_from(since.as_millis())?)
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn configuration(devices: u32, password: &std::path::Path) -> String {
    let mut text = format!(
        "# Written by `netwolf bench`.\n\
         defaults: {{ interval: 1h, credential: bench, platform: cisco_ios, host_key: accept-new, collectors: [cpu] }}\n\
         credentials: {{ bench: {{ username: netwolf, password: \"file:{}\" }} }}\n\
         devices:\n",
        password.display(),
    );
    for device in 0..devices {
        writeln!(
            text,
            "  - {{ name: device-{device:05}, address: 127.0.0.1 }}"
        )
        .expect("a string takes all");
    }
    text
}

/// Counts what is written.
struct Counting {
    write: OwnedWriteHalf,
    count: Arc<AtomicU64>,
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> TaskPoll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.write).poll_write(cx, bytes);
        if let TaskPoll::Ready(Ok(n)) = written {
            self.count.fetch_add(n as u64, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> TaskPoll<std::io::Result<()>> {
        Pin::new(&mut self.write).poll_flush(cx)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> TaskPoll<std::io::Result<()>> {
        Pin::new(&mut self.write).poll_shutdown(cx)
    }
}
