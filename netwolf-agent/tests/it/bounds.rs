//! What a device may do at worst: memory, neighbours and logs stay as they were.

use std::{
    fs::{self, File},
    process::{Child, Command, Stdio},
    thread,
    time::Instant,
};

use netwolf_simulator::DeviceHandle;
use netwolf_wire::{Span, status::Reason};

use tokio::{runtime::Builder, sync::oneshot};

use crate::support::*;

/// An agent in a process of its own, so that memory and log are its own, too. Ends with the test.
struct Program(Child);

impl Program {
    fn start(manager: &str, more: &[&str], log: Stdio) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf-agent"));
        command
            .args(["--manager.address", manager, "--name", "a1"])
            .args(["--shards", "1"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        Self(command.spawn().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A simulated device on a thread of its own.
struct Apart {
    device: DeviceHandle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Apart {
    async fn start() -> Self {
        let (tell, told) = oneshot::channel();
        let (end, ended) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let fleet = fleet(1).await;
                tell.send(fleet.devices()[0].clone()).ok();
                ended.await.ok();
                fleet.shutdown().await;
            });
        });
        Self {
            device: told.await.unwrap(),
            end: Some(end),
            thread: Some(thread),
        }
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Physical memory of a process in bytes.
fn memory(program: &Program) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", program.0.id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1024
}

/// The time between two samples of one device that one in a hundred exceeds, in milliseconds.
fn p99_gap(world: &World, devices: &[String], from: &[usize]) -> u64 {
    let mut gaps = Vec::new();
    for (device, from) in devices.iter().zip(from) {
        let samples = &world.samples(device)[*from..];
        gaps.extend(
            samples
                .windows(2)
                .map(|two| two[1].unix_ms - two[0].unix_ms),
        );
    }
    gaps.sort_unstable();
    gaps[gaps.len() * 99 / 100]
}

#[tokio::test]
async fn a_hundred_megabytes_of_one_device_cost_neither_memory_nor_its_neighbours() {
    const NEIGHBOURS: usize = 50;
    const FLOODING: &str = "flooding";
    const FLOOD: usize = 100 << 20;
    /// What the neighbours' p99 gap may be, in milliseconds, at an interval of a second.
    const GAP: u64 = 1200;
    let fleet = fleet(NEIGHBOURS).await;
    let well = fleet.devices();
    // On a thread of its own: it is the agent's neighbours that must not wait, not the simulator's.
    let flooded = Apart::start().await;
    let flooding = &flooded.device;
    let (files, mut manager) = (Files::new(), Manager::start().await);
    let program = Program::start(&manager.address(), &[], Stdio::null());
    let mut link = manager.welcome().await;
    let mut cpu = cpu_command(1000);
    cpu.timeout = Span::from_secs(50);
    let plan = plan(ios(), vec![cpu]);
    let mut leases: Vec<_> = well
        .iter()
        .map(|device| manager.lease(device.name(), target(device, &files), &plan))
        .collect();
    leases.push(manager.lease(FLOODING, target(flooding, &files), &plan));
    link.plan(&plan).await;
    link.assign(leases).await;
    let names: Vec<String> = well.iter().map(|device| device.name().to_owned()).collect();
    let counts = |world: &World| -> Vec<usize> {
        names.iter().map(|name| world.samples(name).len()).collect()
    };
    link.until("all to be polled a few times", |world| {
        counts(world).iter().all(|n| *n >= 6)
    })
    .await;
    let before = memory(&program);
    let calm = p99_gap(&link.world, &names, &[2; NEIGHBOURS]);

    flooding.update_faults(|faults| faults.flood = FLOOD);
    let (mut most, mut gap) = (before, u64::MAX);
    let received = link.world.stats.received_bytes;
    let deadline = Instant::now() + PATIENCE;
    // A machine that is busy with something else is so for a while: the best of three floods counts.
    for _ in 0..3 {
        let (settled, floods) = (counts(&link.world), link.world.stats.truncated);
        // A flood may be over in a second: there must be gaps to measure, too.
        let is_seen = |world: &World| {
            let mut counts = counts(world).into_iter().zip(&settled);
            world.stats.truncated > floods && counts.all(|(now, then)| now >= then + 3)
        };
        while !is_seen(&link.world) {
            assert!(Instant::now() < deadline, "{:?}", link.world.stats);
            let beats = link.world.beats;
            link.until("a heartbeat", |world| world.beats > beats).await;
            most = most.max(memory(&program));
        }
        gap = gap.min(p99_gap(&link.world, &names, &settled));
    }
    link.until("the cut to be told of", |world| {
        world.fails(FLOODING, Reason::OutputTruncated)
    })
    .await;
    flooding.update_faults(|faults| faults.flood = 0);
    let stats = &link.world.stats;
    assert!(
        stats.received_bytes - received > 3 * FLOOD as u64,
        "all of it came: {stats:?}"
    );
    assert!(
        most < before + (8 << 20),
        "memory grew from {before} to {most} bytes"
    );
    // It shows in the calm before, too.
    assert!(
        gap < GAP.max(calm + calm / 5),
        "p99 of the neighbours was {gap} ms, and {calm} ms before"
    );
    assert!(well.iter().all(|device| device.logins() == 1));
    let polls = link.world.samples(FLOODING).len();
    link.until("the device to be well again", |world| {
        world.samples(FLOODING).len() > polls
    })
    .await;
    assert_eq!(flooding.logins(), 1);
}

#[tokio::test]
async fn binary_garbage_neither_ends_the_session_nor_reaches_a_log_raw() {
    let (fleet, files, mut manager) = (fleet(1).await, Files::new(), Manager::start().await);
    let device = &fleet.devices()[0];
    let log = files.path("agent.log");
    let stderr = Stdio::from(File::create(&log).unwrap());
    let program = Program::start(&manager.address(), &["--log.level", "trace"], stderr);
    let mut link = manager.welcome().await;
    let mut commands = vec![cpu_command(200)];
    // What no rule matches is quoted.
    let nothing = gauge("netwolf_a", r"never (?P<value>\d+)");
    commands.push(command("show clock", 300, 5000, vec![nothing]));
    let plan = plan(ios(), commands);
    let lease = manager.lease(device.name(), target(device, &files), &plan);
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    link.until("polls", |world| !world.samples(device.name()).is_empty())
        .await;
    device.update_faults(|faults| faults.garbage = 200_000);
    let quotes_garbage = |world: &World| {
        let failing = &world.statuses[device.name()].failing;
        let mut messages = failing.iter().map(|failing| &failing.failure.message);
        messages.any(|message| message.contains(char::REPLACEMENT_CHARACTER))
    };
    link.until("garbage to be told of", quotes_garbage).await;
    for failing in &link.world.statuses[device.name()].failing {
        let message = &failing.failure.message;
        assert!(!message.chars().any(char::is_control), "{message:?}");
    }
    device.update_faults(|faults| faults.garbage = 0);
    let samples = link.world.samples(device.name()).len();
    link.until("the device to be well again", |world| {
        world.samples(device.name()).len() > samples + 2 && !quotes_garbage(world)
    })
    .await;
    assert!(
        !link.world.stats.disconnects.contains_key(&Reason::Other),
        "nothing panicked"
    );
    drop(program);
    let log = fs::read(log).unwrap();
    let raw = log
        .iter()
        .find(|byte| byte.is_ascii_control() && !matches!(byte, b'\n' | b'\t'));
    assert_eq!(raw, None);
    assert!(!log.is_empty() && String::from_utf8(log).is_ok());
}
