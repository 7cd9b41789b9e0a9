//! russh by hand: what the SSH library under NetWolf costs by itself, and so what no change of NetWolf's can save.
//!
//! ```text
//!   timetable (one for all) --> queue of a session's task --> socket
//!   socket --> callback: bytes until the prompt, one number, forgotten
//! ```
//!
//! As lean as its public interface allows: callbacks instead of channels, reads through a shared buffer, AES-GCM,
//! one timetable, and a thread that looks for news every four milliseconds. No filter, labels, link or manager, no
//! deadlines, no reconnection, and host keys are not verified. It says what `common.py` makes the others say.

use std::{
    borrow::Cow,
    cell::RefCell,
    fs,
    future::ready,
    io::{self, Read, Write as _},
    path::PathBuf,
    pin::Pin,
    process::exit,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use clap::Parser;
use regex::bytes::Regex;
use russh::{
    ChannelId, ChannelWriteHalf, Preferred, cipher,
    client::{self, Handle, Msg, Session},
    kex,
    keys::PublicKeyOrCertificate,
};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::{Notify, Semaphore},
    time::{sleep, sleep_until},
};

const COMMAND: &[u8] = b"show processes cpu | include CPU\n";
const PAGER_OFF: &[u8] = b"terminal length 0\n";
/// Polls that are due within this time are sent together, and news is looked for as often.
const BATCH: Duration = Duration::from_millis(4);
/// More logins at once only make each of them wait longer for the one core.
const LOGINS_AT_ONCE: usize = 50;
/// Where a session's phase is counted from, when all are up.
const LEAD: Duration = Duration::from_millis(100);
/// `/proc/self/stat` counts in hundredths of a second.
const TICKS: f64 = 100.0;
const PAGE: u64 = 4096;

/// Whether polls are under way; logins are not to wait.
static BATCHING: AtomicBool = AtomicBool::new(false);

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; 64 * 1024].into());
}

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, required = true)]
    inventory: Vec<PathBuf>,
    #[arg(long, default_value = "netwolf")]
    username: String,
    #[arg(long)]
    password_file: PathBuf,
    #[arg(long, default_value_t = 1.0)]
    interval: f64,
    #[arg(long, default_value_t = 5.0)]
    settle: f64,
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// As the Python peers have it; here it is the only cipher anyway.
    #[arg(long)]
    gcm: bool,
    #[arg(long)]
    exit_with_parent: bool,
}

/// A stream that is read through one buffer for all: russh reads each packet in two small pieces.
struct Shared {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl AsyncRead for Shared {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, unread } = &mut *self;
        if unread.is_empty() {
            return READ_BUFFER.with_borrow_mut(|shared| {
                let mut read = ReadBuf::new(shared);
                let result = Pin::new(stream).poll_read(cx, &mut read);
                let fits = buffer.remaining().min(read.filled().len());
                let (now, later) = read.filled().split_at(fits);
                buffer.put_slice(now);
                unread.extend_from_slice(later);
                result
            });
        }
        let fits = buffer.remaining().min(unread.len());
        buffer.put_slice(&unread[..fits]);
        unread.drain(..fits);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Shared {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What came of a session since its last command.
#[derive(Debug, Default)]
struct Shell {
    text: Vec<u8>,
    prompt: Option<Vec<u8>>,
    due: Option<Instant>,
}

/// What the polls gave.
#[derive(Debug, Default)]
struct Tally {
    delays: Vec<f64>,
    skipped: usize,
    errors: usize,
    first_error: Option<String>,
}

impl Tally {
    fn failed(&mut self, error: String) {
        self.errors += 1;
        self.first_error.get_or_insert(error);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What russh calls back.
struct Client {
    shell: Arc<Mutex<Shell>>,
    tally: Arc<Mutex<Tally>>,
    /// The prompt has come.
    prompted: Arc<Notify>,
    value: Regex,
}

impl Client {
    fn hear(&self, bytes: &[u8]) {
        let mut shell = lock(&self.shell);
        let Shell { text, prompt, due } = &mut *shell;
        text.extend_from_slice(bytes);
        if let Some(prompt) = prompt {
            if text.ends_with(prompt) {
                match due.take() {
                    Some(due) if self.value.is_match(text) => {
                        let delay = due.elapsed().as_secs_f64();
                        lock(&self.tally).delays.push(delay);
                    }
                    Some(_) => {
                        let said = String::from_utf8_lossy(text);
                        lock(&self.tally).failed(format!("no value in {said:?}"));
                    }
                    None => self.prompted.notify_one(),
                }
                text.clear();
            }
            return;
        }
        let line = text.rsplit(|byte| *byte == b'\n').next();
        let line = line.unwrap_or_default().trim_ascii();
        if line.ends_with(b">") || line.ends_with(b"#") {
            *prompt = Some(line.to_vec());
            text.clear();
            self.prompted.notify_one();
        }
    }
}

impl client::Handler for Client {
    type Error = russh::Error;

    fn check_server_key(
        &mut self,
        _key: &PublicKeyOrCertificate,
    ) -> impl Future<Output = Result<bool, russh::Error>> {
        ready(Ok(true))
    }

    fn data(
        &mut self,
        _channel: ChannelId,
        bytes: &[u8],
        _session: &mut Session,
    ) -> impl Future<Output = Result<(), russh::Error>> {
        self.hear(bytes);
        ready(Ok(()))
    }
}

/// A kept shell.
struct Kept {
    shell: Arc<Mutex<Shell>>,
    channel: ChannelWriteHalf<Msg>,
    _handle: Handle<Client>,
}

struct Peer {
    arguments: Arguments,
    password: String,
    config: Arc<client::Config>,
    tally: Arc<Mutex<Tally>>,
    value: Regex,
}

impl Peer {
    /// A session with its prompt and without a pager.
    async fn connect(&self, address: &str) -> anyhow::Result<Kept> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let shell = Arc::new(Mutex::new(Shell::default()));
        let prompted = Arc::new(Notify::new());
        let client = Client {
            shell: shell.clone(),
            tally: self.tally.clone(),
            prompted: prompted.clone(),
            value: self.value.clone(),
        };
        let stream = Shared {
            stream,
            unread: Vec::new(),
        };
        let mut handle = client::connect_stream(self.config.clone(), stream, client).await?;
        let username = self.arguments.username.as_str();
        let login = handle.authenticate_password(username, self.password.as_str());
        ensure!(login.await?.success(), "the password was refused");
        // Without its reading half, bytes go to the callback alone.
        let (_, channel) = handle.channel_open_session().await?.split();
        channel
            .request_pty(false, "dumb", 200, 24, 0, 0, &[])
            .await?;
        channel.request_shell(false).await?;
        prompted.notified().await;
        channel.data_bytes(Bytes::from_static(PAGER_OFF)).await?;
        prompted.notified().await;
        Ok(Kept {
            shell,
            channel,
            _handle: handle,
        })
    }

    async fn log_in(self: &Arc<Self>) -> anyhow::Result<Vec<Kept>> {
        let permits = Arc::new(Semaphore::new(LOGINS_AT_ONCE));
        let mut logins = Vec::new();
        for address in addresses(&self.arguments.inventory)? {
            let permit = permits.clone().acquire_owned().await?;
            let peer = self.clone();
            logins.push(tokio::spawn(async move {
                let kept = peer.connect(&address).await;
                drop(permit);
                kept.with_context(|| format!("cannot log in to {address}"))
            }));
        }
        let mut kept = Vec::with_capacity(logins.len());
        for login in logins {
            kept.push(login.await??);
        }
        Ok(kept)
    }

    /// Polls by one timetable until the process ends.
    async fn poll(self: Arc<Self>, sessions: Vec<Kept>) {
        let interval = Duration::from_secs_f64(self.arguments.interval);
        let each = interval / u32::try_from(sessions.len()).unwrap_or(u32::MAX);
        let mut due = Instant::now() + LEAD;
        for session in sessions.iter().cycle() {
            if due > Instant::now() {
                sleep_until((due.max(Instant::now() + BATCH)).into()).await;
            }
            let busy = lock(&session.shell).due.replace(due);
            if busy.is_some() {
                lock(&session.shell).due = busy;
                lock(&self.tally).skipped += 1;
            } else if let Err(error) = session
                .channel
                .data_bytes(Bytes::from_static(COMMAND))
                .await
            {
                lock(&self.tally).failed(error.to_string());
            }
            due += each;
        }
    }
}

fn addresses(inventories: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    // Its lines are regular, so no YAML library is needed.
    let device = regex::Regex::new(r#"address: "([^"]+)", port: (\d+)"#)?;
    let mut found = Vec::new();
    for path in inventories {
        let text = fs::read_to_string(path)?;
        let devices = device.captures_iter(&text);
        found.extend(devices.map(|device| format!("{}:{}", &device[1], &device[2])));
    }
    Ok(found)
}

/// Time, CPU and memory at a moment.
#[derive(Clone, Copy)]
struct Reading {
    at: Instant,
    cpu_seconds: f64,
    rss: u64,
}

impl Reading {
    /// Takes one, and tells that the phase has begun.
    fn say(phase: &str) -> anyhow::Result<Self> {
        let stat = fs::read_to_string("/proc/self/stat")?;
        // Behind the name, which may hold spaces, the twelfth and thirteenth field are user and system time.
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let &[user, system] = &fields[11..13] else {
            bail!("cannot make out the time that was used");
        };
        let pages = fs::read_to_string("/proc/self/statm")?;
        let pages = pages.split(' ').nth(1).unwrap_or_default();
        let reading = Self {
            at: Instant::now(),
            cpu_seconds: (user.parse::<f64>()? + system.parse::<f64>()?) / TICKS,
            rss: pages.parse::<u64>()? * PAGE,
        };
        say(&json!({ "phase": phase }))?;
        Ok(reading)
    }
}

fn say(line: &serde_json::Value) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

/// In milliseconds.
fn quantile(sorted: &[f64], percent: usize) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    Some(sorted[last * percent / 100] * 1e3)
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let peer = Arc::new(Peer {
        password: fs::read_to_string(&arguments.password_file)?
            .trim_end()
            .to_owned(),
        arguments,
        config: Arc::new(client::Config {
            nodelay: true,
            window_size: 256 * 1024,
            maximum_packet_size: 32 * 1024,
            preferred: Preferred {
                kex: Cow::Borrowed(&[
                    kex::CURVE25519,
                    kex::EXTENSION_SUPPORT_AS_CLIENT,
                    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
                ]),
                cipher: Cow::Borrowed(&[cipher::AES_128_GCM, cipher::AES_256_GCM]),
                ..Preferred::default()
            },
            ..client::Config::default()
        }),
        tally: Arc::default(),
        value: Regex::new(r"CPU utilization for five seconds: +(\d+)%")?,
    });
    let (settle, seconds) = (peer.arguments.settle, peer.arguments.seconds);
    let bare = Reading::say("bare")?;
    let sessions = peer.log_in().await?;
    let n_sessions = sessions.len();
    let up = Reading::say("up")?;
    BATCHING.store(true, Ordering::Relaxed);
    tokio::spawn(peer.clone().poll(sessions));
    sleep(Duration::from_secs_f64(settle)).await;
    let first = Reading::say("measuring")?;
    {
        let mut tally = lock(&peer.tally);
        tally.delays.clear();
        tally.skipped = 0;
    }
    sleep(Duration::from_secs_f64(seconds)).await;
    let last = Reading::say("measured")?;
    let mut tally = lock(&peer.tally);
    tally.delays.sort_by(f64::total_cmp);
    say(&json!({
        "client": "russh, and nothing else",
        "sessions": n_sessions,
        "seconds": (last.at - first.at).as_secs_f64(),
        "values": tally.delays.len(),
        "skipped": tally.skipped,
        "errors": tally.errors,
        "first_error": tally.first_error,
        "p50_ms": quantile(&tally.delays, 50),
        "p99_ms": quantile(&tally.delays, 99),
        "cpu_seconds": last.cpu_seconds - first.cpu_seconds,
        "login_cpu_seconds": up.cpu_seconds - bare.cpu_seconds,
        "login_seconds": (up.at - bare.at).as_secs_f64(),
        "rss_bytes": last.rss.saturating_sub(bare.rss),
    }))?;
    // A farewell to thousands of devices would take longer than the measurement.
    exit(0);
}

#[expect(
    clippy::disallowed_methods,
    reason = "all sessions are to wait: one wake-up then serves many"
)]
fn pause() {
    if BATCHING.load(Ordering::Relaxed) {
        thread::sleep(BATCH);
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    rlimit::increase_nofile_limit(u64::MAX)?;
    if arguments.exit_with_parent {
        thread::spawn(|| {
            let mut buffer = [0; 4096];
            while io::stdin().read(&mut buffer).is_ok_and(|n| n > 0) {}
            exit(1);
        });
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(256)
        .on_thread_park(pause)
        .build()?
        .block_on(run(arguments))
}
