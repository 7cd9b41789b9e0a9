//! Devices that send mutated SSH packets: our client never panics, holds no more memory than it may, comes to an end
//! within its deadlines, and leaves no task behind.
//!
//! ```text
//!   script (what a device answers) --> trouble (mutations, seeded) --> wire (packets, plain or encrypted) --> client
//! ```
//!
//! The device is made of primitives and knows no SSH library, so that it can send whatever it likes at every step:
//! its identification, its key exchange, and what is in the encrypted packets behind it. The same seed makes the same
//! device. This is a program of its own, because it looks at the memory and at the panics of its whole process.
//!
//! `NETWOLF_MUTATED_RUNS` makes a long run of it, `NETWOLF_MUTATED_SEED` begins with another device.

mod keys;
mod packet;
mod script;
#[path = "../../../tests/fuzz/bodies/tests/replay/seeded.rs"]
mod seeded;
mod trouble;
mod wire;

use std::{
    env,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use netwolf_agent::visit::Visit;
use netwolf_wire::{
    DeviceName, SecretRef, Span,
    platform::{Platform, Transport},
    target::{HostKey, Login, Target},
};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Handle},
    time::{sleep, timeout},
};

use self::{script::Device, trouble::Trouble};

/// Devices of an ordinary test.
const RUNS: u64 = 1_500;

/// Devices at a time. Some say nothing more, and then it is the client's deadlines that are waited for.
const AT_ONCE: usize = 64;

/// Each step of a login has this deadline, and so has a command.
const DEADLINE: Duration = Duration::from_millis(500);

/// One device in so many has a shell: a prompt is learned by silences, which take time.
const SHELLS: u64 = 8;

/// A visit has some ten steps, and the machine has other things to do.
const PATIENCE: Duration = Duration::from_mins(2);

/// What the process may grow by at most: [`AT_ONCE`] sessions of a megabyte each, with all that is in flight, need
/// less than half of it.
const MAX_GROWTH: u64 = 128 << 20;

/// What it may reserve more at most, used or not: a thread reserves an arena of 64 MiB, and a length that is believed
/// 4 GiB.
const MAX_RESERVED: u64 = 1 << 30;

/// How far a client came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    /// The login failed.
    Nothing,
    /// The device takes commands.
    Login,
    /// One was answered.
    Output,
}

fn from_env(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|error| panic!("{name}={text}: {error}")),
        Err(_) => default,
    }
}

/// A field of `/proc/self/status`, in bytes.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells of a process");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .expect("it tells of its memory");
    let kilobytes = line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB");
    kilobytes.parse::<u64>().expect("a number") << 10
}

fn platform(transport: Transport) -> Platform {
    let mut platform = Platform::new("fake", transport);
    if transport == Transport::Shell {
        platform.prompts.insert("user".into(), "[a-z0-9-]+#".into());
    }
    platform
}

fn target(port: u16, password: SecretRef, deadline: Duration) -> Target {
    Target {
        address: "127.0.0.1".into(),
        port,
        login: Login {
            credential: "lab".into(),
            username: "netwolf".into(),
            private_key: None,
            passphrase: None,
            ssh_agent: None,
            password: Some(password),
            enable_secret: None,
            allow: Vec::new(),
        },
        host_key: HostKey::AcceptNew,
        connect_timeout: Span::from(deadline),
        jump: None,
        legacy: Vec::new(),
        max_age: None,
    }
}

/// Logs in to the device at `port` and runs two commands, as far as it goes.
async fn visit(
    port: u16,
    transport: Transport,
    password: SecretRef,
    deadline: Duration,
) -> Reached {
    let name = DeviceName::new("r1").expect("a name");
    let target = target(port, password, deadline);
    let Ok(mut visit) = Visit::log_in(&name, &target, &platform(transport)).await else {
        return Reached::Nothing;
    };
    let mut reached = Reached::Login;
    for command in ["show version", "show clock"] {
        match visit.run(command, deadline).await {
            Ok(Ok(_)) => reached = Reached::Output,
            Ok(Err(_)) => {}
            Err(_) => return reached,
        }
    }
    visit.close().await;
    reached
}

/// One device and its client.
async fn run(
    trouble: Trouble,
    transport: Transport,
    password: SecretRef,
    deadline: Duration,
) -> Reached {
    let seed = trouble.seed();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let device = async {
        let (stream, _) = listener.accept().await.expect("the client connects");
        Device::new(trouble).serve(stream).await;
    };
    let client = timeout(PATIENCE, visit(port, transport, password, deadline));
    // The device ends with its client at the latest.
    let (reached, ()) = tokio::join!(client, device);
    reached.unwrap_or_else(|_| panic!("seed {seed}: no end"))
}

/// Waits until no task is left: those of connections end a moment after whoever holds them.
async fn assert_nothing_is_left() {
    let deadline = Instant::now() + PATIENCE;
    while Handle::current().metrics().num_alive_tasks() > 0 {
        assert!(Instant::now() < deadline, "tasks are left behind");
        sleep(Duration::from_millis(10)).await;
    }
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

#[test]
fn a_device_that_sends_mutated_packets_does_no_harm() {
    // A task that panics ends its connection, and nobody else would be told.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        usual(panic);
    }));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "correct horse").expect("a file");
    let password = || SecretRef::File(file.clone());
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        for transport in [Transport::Exec, Transport::Shell] {
            let reached = run(Trouble::none(), transport, password(), PATIENCE).await;
            assert_eq!(reached, Reached::Output, "a good device is polled");
        }
        let before = (memory("VmHWM"), memory("VmPeak"));
        let (first, runs) = (
            from_env("NETWOLF_MUTATED_SEED", 1),
            from_env("NETWOLF_MUTATED_RUNS", RUNS),
        );
        let devices = stream::iter(first..first + runs).map(|seed| {
            let transport = if seed % SHELLS == 0 {
                Transport::Shell
            } else {
                Transport::Exec
            };
            let running = run(Trouble::new(seed), transport, password(), DEADLINE);
            async move { (seed, running.await) }
        });
        let mut reached = [0_u64; 3];
        let mut devices = devices.buffer_unordered(AT_ONCE);
        while let Some((seed, one)) = devices.next().await {
            reached[one as usize] += 1;
            assert_eq!(
                PANICS.load(Ordering::Relaxed),
                0,
                "a task panicked, at seed {seed} or one of {AT_ONCE} beside it"
            );
        }
        assert_nothing_is_left().await;
        let grown = memory("VmHWM").saturating_sub(before.0);
        let reserved = memory("VmPeak").saturating_sub(before.1);
        println!(
            "{runs} devices: {reached:?} came to nothing, a login, an output; {} MiB more",
            grown >> 20
        );
        assert!(grown <= MAX_GROWTH, "{grown} bytes more");
        assert!(
            reserved <= MAX_RESERVED,
            "{reserved} bytes more were reserved"
        );
        assert!(
            reached.iter().all(|n| *n > runs / 50),
            "all depths are reached: {reached:?}"
        );
    });
}
