//! `netwolf bench floor`: the bytes of a poll over bare TCP, without SSH, parsing or a link: what no poller can
//! beat. One thread, epoll, wake-ups batched as a busy shard batches them.
//!
//! A poll of `show processes cpu | include CPU` under AES-GCM sends 68 bytes and brings two packets of 200 bytes
//! together, the second one the split time after the first.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use hdrhistogram::Histogram;
use rustix::{event::Timespec, event::epoll};

use super::{
    Common,
    cores::{self, Cores},
    figures::Figures,
    process::usage,
    sessions::count,
    span,
};

/// What is typed, what is echoed, what is answered.
const SENT: usize = 68;
const ECHO: usize = 84;
const ANSWER: usize = 116;
/// As a busy shard's.
const BATCH: Duration = Duration::from_millis(4);
/// Longer times count as this long, in microseconds.
const LONGEST: u64 = 60_000_000;
/// Events taken at once.
const EVENTS: usize = 1024;

/// What `netwolf bench floor` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many connections.
    #[arg(long, default_value_t = 2500, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16_000))]
    sessions: u32,
    /// From one poll of a connection to the next.
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = span)]
    interval: Duration,
    /// How long to measure.
    #[arg(long, default_value_t = 10, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Between the two packets of an answer.
    #[arg(long, default_value = "2ms", value_name = "TIME", value_parser = span)]
    split: Duration,
    /// Be the other side.
    #[arg(long, hide = true)]
    serve: bool,
    #[command(flatten)]
    common: Common,
}

/// Polls.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    if args.serve {
        return serve(args.split);
    }
    let cores = Cores::split(1)?;
    cores::pin(&cores.rest)?;
    let mut server = Command::new(std::env::current_exe()?)
        .args(["bench", "floor", "--serve", "--split"])
        .arg(humantime::format_duration(args.split).to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the other side")?;
    cores::pin(&cores.measured)?;
    let port = first_line(server.stdout.take().context("its output")?)?;
    let polled = poll(args, port.trim().parse().context("a port was expected")?);
    drop(server.stdin.take());
    server.wait()?;
    let polled = polled?;

    let mut figures = Figures::new("floor");
    figures.text("client_cores", &cores.shown(), "");
    figures.count("sessions", args.sessions.into(), "TCP connections");
    figures.measure(
        "split_seconds",
        args.split.as_secs_f64(),
        "between the two packets of an answer",
    );
    figures.measure("polls_per_second", count(polled.polls) / polled.seconds, "");
    figures.measure(
        "cpu_us_per_poll",
        polled.cpu.as_secs_f64() * 1e6 / count(polled.polls),
        "of the client process",
    );
    figures.measure(
        "p99_ms",
        count(polled.times.value_at_quantile(0.99)) / 1e3,
        "from when a poll was due to its whole answer",
    );
    args.common.print(&figures)
}

fn first_line(output: impl Read) -> anyhow::Result<String> {
    use std::io::BufRead;

    let mut line = String::new();
    std::io::BufReader::new(output).read_line(&mut line)?;
    Ok(line)
}

struct Polled {
    polls: u64,
    seconds: f64,
    cpu: Duration,
    times: Histogram<u64>,
}

/// A connection of the client.
struct Connection {
    stream: TcpStream,
    due: Instant,
    missing: usize,
}

fn poll(args: &Args, port: u16) -> anyhow::Result<Polled> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut connections = Vec::new();
    for number in 0..args.sessions {
        // An address of its own for every few, so that the ports suffice.
        let [_, _, high, low] = (number / 1000 + 1).to_be_bytes();
        let address = SocketAddr::from((Ipv4Addr::new(127, 250, high, low), port));
        let stream = TcpStream::connect(address).context("cannot connect")?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        watch(&epoll, stream.as_fd(), number.into())?;
        connections.push(Connection {
            stream,
            due: Instant::now(),
            missing: 0,
        });
    }
    let start = Instant::now() + BATCH;
    let mut queue: VecDeque<usize> = (0..connections.len()).collect();
    for (connection, number) in connections.iter_mut().zip(0..) {
        connection.due = start + args.interval * number / args.sessions;
    }
    let settled = start + args.interval + Duration::from_secs(2);
    let end = settled + Duration::from_secs(args.seconds);
    let mut times: Histogram<u64> = Histogram::new_with_max(LONGEST, 3)?;
    let mut events: Vec<epoll::Event> = Vec::with_capacity(EVENTS);
    let mut buffer = [0; 4096];
    let mut before = None;
    let mut polls = 0;
    loop {
        let now = Instant::now();
        if before.is_none() && now >= settled {
            before = Some((now, usage(std::process::id())?.cpu));
            polls = 0;
            times.reset();
        }
        if now >= end {
            break;
        }
        while let Some(&number) = queue.front()
            && connections[number].due <= now
        {
            queue.rotate_left(1);
            let connection = &mut connections[number];
            if connection.missing > 0 {
                bail!("an answer took longer than the interval: ask for fewer connections");
            }
            connection.stream.write_all(&[0; SENT])?;
            connection.missing = ECHO + ANSWER;
        }
        let next = queue.front().map_or(end, |number| connections[*number].due);
        wait(
            &epoll,
            &mut events,
            next.saturating_duration_since(Instant::now()).min(BATCH),
        )?;
        for event in &events {
            let connection = &mut connections[usize::try_from(event.data.u64())?];
            let n = connection.stream.read(&mut buffer)?;
            if n == 0 || n > connection.missing {
                bail!(
                    "the other side said {n} bytes, {} were expected",
                    connection.missing
                );
            }
            connection.missing -= n;
            if connection.missing == 0 {
                polls += 1;
                let took = connection.due.elapsed();
                times.saturating_record(u64::try_from(took.as_micros())?);
                connection.due += args.interval;
            }
        }
        pause(BATCH);
    }
    let (then, cpu) = before.context("the time was too short")?;
    Ok(Polled {
        polls,
        seconds: then.elapsed().as_secs_f64(),
        cpu: usage(std::process::id())?.cpu.saturating_sub(cpu),
        times,
    })
}

/// The other side: echoes at once and answers the split time later.
fn serve(split: Duration) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", 0))?;
    listener.set_nonblocking(true)?;
    crate::print::out(&format!("{}\n", listener.local_addr()?.port()))?;
    std::thread::spawn(|| {
        let mut line = String::new();
        // The end of our parent is ours.
        while std::io::stdin().read_line(&mut line).is_ok_and(|n| n > 0) {}
        std::process::exit(0);
    });
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    watch(&epoll, listener.as_fd(), u64::MAX)?;
    let mut streams: Vec<TcpStream> = Vec::new();
    let mut due: VecDeque<(Instant, usize)> = VecDeque::new();
    let mut events: Vec<epoll::Event> = Vec::with_capacity(EVENTS);
    let mut buffer = [0; 4096];
    loop {
        let now = Instant::now();
        while let Some((at, number)) = due.front().copied()
            && at <= now
        {
            due.pop_front();
            // Whoever has left is seen when it is read from.
            streams[number].write_all(&[0; ANSWER]).ok();
        }
        let next = due.front().map_or(Duration::from_secs(1), |(at, _)| {
            at.saturating_duration_since(now)
        });
        wait(&epoll, &mut events, next)?;
        for event in &events {
            if event.data.u64() == u64::MAX {
                match listener.accept() {
                    Ok((stream, _)) => {
                        stream.set_nodelay(true)?;
                        stream.set_nonblocking(true)?;
                        watch(&epoll, stream.as_fd(), streams.len() as u64)?;
                        streams.push(stream);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error.into()),
                }
                continue;
            }
            let number = usize::try_from(event.data.u64())?;
            if streams[number].read(&mut buffer)? == 0 {
                return Ok(());
            }
            streams[number].write_all(&[0; ECHO])?;
            due.push_back((Instant::now() + split, number));
        }
    }
}

fn watch(epoll: impl AsFd, what: impl AsFd, number: u64) -> anyhow::Result<()> {
    epoll::add(
        epoll,
        what,
        epoll::EventData::new_u64(number),
        epoll::EventFlags::IN,
    )
    .context("cannot watch a connection")
}

fn wait(
    epoll: impl AsFd,
    events: &mut Vec<epoll::Event>,
    patience: Duration,
) -> anyhow::Result<()> {
    events.clear();
    let patience = Timespec::try_from(patience)?;
    match epoll::wait(
        epoll,
        rustix::buffer::spare_capacity(events),
        Some(&patience),
    ) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this thread has nothing else to do: it waits as a batching shard waits"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}
