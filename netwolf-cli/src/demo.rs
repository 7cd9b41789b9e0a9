//! `netwolf demo`: simulated devices, a manager and agents, each a process of its own, and a live line.
//!
//! ```text
//!   netwolf demo --+-- netwolf simulator     N devices on 127.1.0.1 and up
//!                  +-- netwolf manager       /metrics
//!                  +-- netwolf agent demo-1  a shard per core
//!                  +-- netwolf agent demo-2
//! ```
//!
//! The parts are this same executable with other verbs, so nothing else has to be built or found.
//! Each child holds our end of a pipe as its standard input and ends when that closes: however this process
//! dies, nothing stays behind. Everything they write lies in one temporary folder that goes with us,
//! unless a part fails and has not said why at its start: then the logs stay, and we say where. An agent that dies
//! is no failure: the others take its devices, which is worth seeing.

use std::{
    io::{ErrorKind, Write},
    net::TcpListener,
    ops::RangeInclusive,
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use netwolf_manager::library::Library;
use netwolf_wire::Span;
use tempfile::TempDir;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval},
};

use self::live::Live;
use crate::{
    part::{Part, SaidWhy, random_text, told, write_private},
    print,
};

mod live;

/// Where the manager serves people, unless that is taken.
const WEB_PORT: u16 = 9799;
/// Where the manager listens for agents, unless that is taken.
const AGENTS_PORT: u16 = 9798;
/// Wherever the operating system likes.
const ANY: &str = "127.0.0.1:0";
/// A part that takes longer to end is killed: all is over two seconds after Ctrl-C.
const GRACE: Duration = Duration::from_millis(1500);
/// Where the first device stands.
const SITE: &str = "ams";
/// Where the devices stand, in turn.
const SITES: &str = "ams,fra,lon,par";
/// A change on all platforms, for runs.
const NTP: &str = include_str!("demo/ntp.yml");
/// What makes sense to watch.
const INTERVALS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(1);

/// What `netwolf demo` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many devices to simulate, up to 9000; each agent logs in to 50 a second.
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=9000))]
    devices: u32,
    /// What the devices are: one platform's name, or counts of several that take the place of --devices, as
    /// `cisco_ios=100,juniper_junos=50`.
    #[arg(
        long,
        value_name = "NAME[=N]",
        default_value = "cisco_ios",
        value_delimiter = ','
    )]
    platform: Vec<String>,
    /// What the devices are asked: names of collectors, or `all` of them, which fills every dashboard.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "facts,cpu,memory,interfaces",
        value_delimiter = ','
    )]
    collectors: Vec<String>,
    /// From one poll of a device to the next, from 100ms to 1h.
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = poll_interval)]
    interval: Span,
    /// How many agents to start, up to 64.
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    agents: u16,
    /// Where the manager serves /metrics, the API and the landing page [default: 127.0.0.1:9799, or another port where
    /// that is taken].
    #[arg(long = "web.listen-address", value_name = "HOST:PORT")]
    web_listen_address: Option<String>,
}

impl Args {
    /// What is started, as people say it.
    fn wanted(&self) -> String {
        match self.platform.as_slice() {
            [platform] if platform == "cisco_ios" => {
                count(self.devices, "simulated Cisco IOS device")
            }
            [platform] if !platform.contains('=') => {
                count(self.devices, &format!("simulated {platform} device"))
            }
            several => format!("simulated devices, {}", several.join(", ")),
        }
    }

    /// A run of `procedure` as it can be typed beside the demo, by the name that this program was called by.
    fn to_type(&self, procedure: &str, web: &str) -> String {
        let name = std::env::args().next();
        let name = name.filter(|name| !name.contains(char::is_whitespace));
        let what = match procedure {
            // Every Cisco knows it, and so does whoever types it.
            "version" if self.platform == ["cisco_ios"] => "'show version'".into(),
            procedure => format!("--procedure {procedure}"),
        };
        let usual = format!("127.0.0.1:{WEB_PORT}");
        let elsewhere = match web {
            web if web == usual => String::new(),
            web => format!(" --manager.url http://{web}"),
        };
        let netwolf = name.unwrap_or_else(|| "netwolf".into());
        format!("{netwolf} run{elsewhere} --where site={SITE} {what}")
    }

    /// What is asked, as the configuration takes it.
    fn collectors(&self) -> anyhow::Result<String> {
        if self.collectors != ["all"] {
            return Ok(self.collectors.join(", "));
        }
        let library = Library::bundled().context("the bundled library cannot be read")?;
        let names: Vec<&str> = library.collectors().collect();
        Ok(names.join(", "))
    }
}

/// As the manager's configuration takes it; here it is told before anything starts.
pub(crate) fn poll_interval(text: &str) -> Result<Span, String> {
    let span: Span = text
        .parse()
        .map_err(|error| format!("{error}; write it with a unit, such as `500ms` or `1s`"))?;
    if INTERVALS.contains(&span.get()) {
        Ok(span)
    } else {
        Err("it must be from 100ms to 1h".into())
    }
}

/// Runs until Ctrl-C, which is success, or until a part fails.
pub(crate) fn run(args: &Args) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            print::tell!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(demo(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print::tell!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn demo(args: &Args) -> anyhow::Result<()> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    let folder = tempfile::Builder::new()
        .prefix("netwolf-demo-")
        .tempdir()
        .context("cannot make a temporary folder")?;
    let mut fleet = Fleet::default();

    let outcome = tokio::select! {
        outcome = fleet.watch(args, folder.path()) => outcome,
        _ = interrupted.recv() => say(""),
        _ = terminated.recv() => say(""),
        _ = hung_up.recv() => Ok(()),
    };
    fleet.stop().await;
    match outcome {
        Err(error) if is_reader_gone(&error) => Ok(()),
        // A start that was refused, as for an address that is busy, is tried again, and again.
        Err(error) if error.is::<SaidWhy>() => Err(error),
        Err(error) => {
            keep(folder);
            Err(error)
        }
        Ok(()) => Ok(()),
    }
}

/// The processes of the demo, in the order in which they were started.
#[derive(Default)]
struct Fleet {
    /// The simulator and the manager; without one of them there is nothing to see.
    pillars: Vec<Part>,
    agents: Vec<Part>,
}

impl Fleet {
    async fn watch(&mut self, args: &Args, folder: &Path) -> anyhow::Result<()> {
        let web = self.start(args, folder).await?;
        let mut live = Live::new(&web);
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for part in &mut self.pillars {
                part.check()?;
            }
            self.bury_agents()?;
            live.tick().await?;
        }
    }

    /// Says which agents have died; an error when none is left.
    fn bury_agents(&mut self) -> anyhow::Result<()> {
        let mut at = 0;
        while let Some(agent) = self.agents.get_mut(at) {
            match agent.check() {
                Ok(()) => at += 1,
                Err(error) if self.agents.len() == 1 => return Err(error),
                Err(error) => {
                    say(&format!("\n{error:#}; the other agents take its devices"))?;
                    self.agents.remove(at);
                }
            }
        }
        Ok(())
    }

    /// Starts everything and prints where to look; returns the manager's web address.
    async fn start(&mut self, args: &Args, folder: &Path) -> anyhow::Result<String> {
        say(&format!("starting {} ...", args.wanted()))?;
        let password = folder.join("password");
        write_private(&password, &random_text()?)?;
        let inventory = folder.join("devices.yml");
        let devices = args.devices.to_string();
        let mut simulator = Part::command("simulator", folder)?;
        simulator.args([
            "simulator",
            "--devices",
            &devices,
            "--addresses",
            "127.1.0.1",
            "--port",
            "0",
        ]);
        simulator
            .args(["--username", "netwolf", "--password-file"])
            .arg(&password);
        simulator.args(["--platform", &args.platform.join(",")]);
        simulator.arg("--inventory").arg(&inventory);
        simulator.args(["--sites", SITES]);
        // So that runs can change something, and see it again.
        simulator.args(["--privileged", "--remember"]);
        let (part, simulated) = Part::start("simulator", simulator, folder).await?;
        self.pillars.push(part);

        let procedures = folder.join("procedures");
        std::fs::create_dir(&procedures).context("cannot make a folder for procedures")?;
        std::fs::write(procedures.join("ntp.yml"), NTP)?;
        let config = folder.join("netwolf.yml");
        std::fs::write(&config, configuration(args, &password)?)?;
        let web = match &args.web_listen_address {
            Some(address) => address.clone(),
            None => free_or_any(WEB_PORT, "web page")?,
        };
        let wanted = [web, free_or_any(AGENTS_PORT, "agents")?];
        let started = start_manager(folder, &config, &wanted).await;
        let (part, ready) = if let Ok(started) = started {
            started
        } else {
            // A port that was free a moment ago may be taken by now; if it is something else, this says what.
            let web = args.web_listen_address.as_deref().unwrap_or(ANY);
            start_manager(folder, &config, &[web, ANY]).await?
        };
        self.pillars.push(part);
        let (web, agents) = (told(&ready, "web")?, told(&ready, "agents")?);

        for number in 1..=args.agents {
            let name = format!("demo-{number}");
            let mut agent = Part::command(&name, folder)?;
            agent.args(["agent", "--name", &name, "--manager.address", &agents]);
            agent.args(["--web.listen-address", ANY]);
            let (part, _) = Part::start(&name, agent, folder).await?;
            self.agents.push(part);
        }
        let first = told(&simulated, "first")?;
        let running = simulated["devices"]
            .as_u64()
            .context("a count of devices")?;
        let running = usize::try_from(running)?;
        let (ip, ssh_port) = first.rsplit_once(':').context("an address has a port")?;
        say(&format!(
            "{}, a manager and {} run, each part a process of its own.\n\
             \n\
             \x20 metrics   http://{web}/metrics\n\
             \x20 devices   http://{web}/api/v1/devices\n\
             \x20 overview  http://{web}/\n\
             \x20 a device  ssh -p {ssh_port} netwolf@{ip}\n\
             \x20 password  {password}\n\
             \x20 logs      {folder}\n\
             \x20 a run     {run}\n\
             \x20 a change  {change}\n\
             \n\
             Ctrl-C ends it all.\n",
            print::count(running, "device"),
            count(args.agents.into(), "agent"),
            password = password.display(),
            folder = folder.display(),
            run = args.to_type("version", &web),
            change = args.to_type("ntp", &web),
        ))?;
        Ok(web)
    }

    /// Closes every child's standard input, the agents' first, and ends those that do not go.
    async fn stop(mut self) {
        let mut parts: Vec<_> = self
            .pillars
            .iter_mut()
            .chain(&mut self.agents)
            .rev()
            .collect();
        for part in &mut parts {
            part.ask_to_end();
        }
        let deadline = tokio::time::Instant::now() + GRACE;
        for part in parts {
            part.end_by(deadline).await;
        }
    }
}

fn count(number: u32, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Starts the manager with its web page and its agents' port at `addresses`.
async fn start_manager(
    folder: &Path,
    config: &Path,
    [web, agents]: &[impl AsRef<str>; 2],
) -> anyhow::Result<(Part, serde_json::Value)> {
    let mut manager = Part::command("manager", folder)?;
    manager.arg("manager").arg("--config.file").arg(config);
    manager.arg("--storage.path").arg(folder.join("data"));
    manager.args(["--web.listen-address", web.as_ref()]);
    manager.args(["--agent.listen-address", agents.as_ref()]);
    Part::start("manager", manager, folder).await
}

fn configuration(args: &Args, password: &Path) -> anyhow::Result<String> {
    Ok(format!(
        "# Written by `netwolf demo`.\n\
         defaults:\n\
         \x20 interval: {}\n\
         \x20 credential: demo\n\
         \x20 collectors: [{}]\n\
         credentials:\n\
         \x20 demo: {{ username: netwolf, password: \"file:{password}\" }}\n\
         \x20 changer: {{ username: netwolf, password: \"file:{password}\" }}\n\
         inventories:\n\
         \x20 - file: devices.yml\n\
         library: {{ procedures: procedures }}\n\
         backup: {{ folder: backup, every: 28days, where: [\"site={}\"] }}\n",
        args.interval,
        args.collectors()?,
        SITE,
        password = password.display(),
    ))
}

/// The wanted loopback port, or, said aloud, one that the operating system picks.
fn free_or_any(port: u16, what: &str) -> anyhow::Result<String> {
    let wanted = format!("127.0.0.1:{port}");
    if TcpListener::bind(&wanted).is_ok() {
        return Ok(wanted);
    }
    say(&format!(
        "port {port} for the {what} is busy: another one is taken"
    ))?;
    Ok(ANY.into())
}

/// Leaves the logs to be read. The password of the simulated devices is of no use any more.
fn keep(folder: TempDir) {
    if let Err(error) = std::fs::remove_file(folder.path().join("password")) {
        print::tell!("the password file could not be removed: {error}");
    }
    print::tell!("the parts' logs are kept in {}", folder.keep().display());
}

/// Prints a line for the people at the terminal.
fn say(text: &str) -> anyhow::Result<()> {
    write(&format!("{text}\n"))
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("cannot print")
}

/// Whether whoever read our output has left, as `head` does: the wish to see no more, not a failure.
fn is_reader_gone(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
