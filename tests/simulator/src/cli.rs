//! The command line: flags, start, what is printed when ready, and the end.
//!
//! Shared by the `netwolf-simulator` program and by any program that offers it as a subcommand.

mod chosen;
mod inventory;

use std::future::Future;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tracing_subscriber::EnvFilter;

use crate::device::{Faults, KeyExchange, Secret};
use crate::fleet::{Bind, Fleet, FleetConfig, FleetError, FleetTotals, Gaps};
use crate::scenario::Scenario;
use crate::transcript::Transcript;

/// Where the password is looked for if no file is given.
pub const PASSWORD_VARIABLE: &str = "NETWOLF_SIMULATOR_PASSWORD";

/// Flags of the simulator.
#[derive(clap::Parser, Clone, Debug)]
#[command(
    name = "netwolf-simulator",
    version,
    about = "Run simulated network devices that can be logged in to over SSH",
    after_help = "The password comes from --password-file or, without that flag, from the \
                  environment variable NETWOLF_SIMULATOR_PASSWORD; never from a flag, which \
                  everybody on the machine could read."
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each flag is given or not by itself"
)]
pub struct Args {
    /// How many devices to run
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub devices: usize,

    /// What the devices are: one platform's name, or counts of several that take the place of
    /// --devices, as `cisco_ios=100,juniper_junos=50`
    #[arg(
        long,
        value_name = "NAME[=N]",
        default_value = "cisco_ios",
        value_delimiter = ','
    )]
    pub platform: Vec<String>,

    /// Play the device that was recorded in this file
    #[arg(long, value_name = "FILE", conflicts_with = "platform")]
    pub replay: Option<PathBuf>,

    /// Let faults happen by the timetable in this file, and print them as they do
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,

    /// Ask at login what the platform may ask: a licence, a banner, a password to change
    #[arg(long)]
    pub questions: bool,

    /// Address that all devices share, each with a port of its own
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    pub bind: IpAddr,

    /// Port of the first device, counted up from there; 0 takes free ones
    #[arg(long, value_name = "PORT", default_value_t = 2200)]
    pub first_port: u16,

    /// Address of the first device, counted up from there; all devices then share one port
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["bind", "first_port"])]
    pub addresses: Option<Ipv4Addr>,

    /// Port that all devices share with --addresses; 0 takes a free one
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 2200,
        requires = "addresses"
    )]
    pub port: u16,

    /// The one user who may log in
    #[arg(long, value_name = "NAME", default_value = "netwolf")]
    pub username: String,

    /// File with the password on its first line
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// File with public keys that may log in, as OpenSSH's `authorized_keys`
    #[arg(long, value_name = "FILE")]
    pub authorized_keys: Option<PathBuf>,

    /// File with the secret that `enable` asks for on its first line
    #[arg(long, value_name = "FILE")]
    pub enable_secret_file: Option<PathBuf>,

    /// Let logins begin in privileged mode
    #[arg(long)]
    pub privileged: bool,

    /// Remember what is executed, take lines of configuration, and show them in the running
    /// configuration: 1 MiB a device at most
    #[arg(long)]
    pub remember: bool,

    /// All values and the host key follow from this number
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,

    /// Begin of the devices' names
    #[arg(long, value_name = "TEXT", default_value = "sim-")]
    pub name_prefix: String,

    /// Time between a command and its answer, as `20ms`
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    pub latency: Duration,

    /// Gap between a command's echo and its output, as `2ms`: slow devices send them apart
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    pub split: Duration,

    /// Offer no other key exchange, as old devices do
    #[arg(long, value_enum, value_name = "NAME")]
    pub key_exchange: Option<KeyExchange>,

    /// Write an inventory of the devices to this file when they are ready
    #[arg(long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,

    /// Labels `site` that the devices of the inventory have, one after the other, as `ams,fra`
    #[arg(
        long,
        value_name = "NAME",
        requires = "inventory",
        value_delimiter = ','
    )]
    pub sites: Vec<String>,

    /// Print one line of JSON when ready, instead of text for people
    #[arg(long)]
    pub announce: bool,

    /// End when standard input does, as it does when the starting program dies; each line that
    /// comes there before is answered with a line of JSON, a [`Report`]
    #[arg(long, hide = true)]
    pub exit_with_parent: bool,
}

/// What a starting program is told when it asks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Since the start.
    pub totals: FleetTotals,
    /// Since the report before.
    pub gaps: Gaps,
}

/// The line that `--announce` prints.
#[derive(Debug, Serialize)]
struct Announcement<'a> {
    ready: &'static str,
    devices: usize,
    first: String,
    host_key: &'a str,
}

/// The whole program: logs to stderr, exit code.
pub fn main(args: &Args) -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // Else a log that nobody reads any more is a panic.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal())
        .init();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Straight to stderr: a person must see it whatever the log filter says.
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs devices until a signal, on a runtime of its own; for programs without one.
///
/// # Errors
///
/// When the flags contradict each other, a file cannot be read or written, or an address cannot
/// be had. The message says what to do.
pub fn run(args: &Args) -> anyhow::Result<()> {
    // On a single core, threads that hand tasks to each other are of no use.
    let mut runtime = match std::thread::available_parallelism() {
        Ok(cores) if cores.get() == 1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let done = runtime.block_on(run_until_signal(args));
    // Whatever still runs belongs to connections that are cut already.
    runtime.shutdown_background();
    done
}

/// As [`run`], on the runtime of the caller.
///
/// # Errors
///
/// As [`run`].
pub async fn run_until_signal(args: &Args) -> anyhow::Result<()> {
    // A device is a descriptor and a session another one.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let (ask, mut asked) = mpsc::channel(1);
    let end = end_of_run(args.exit_with_parent.then_some(ask))?;
    let scenario = scenario(args)?;
    let fleet = Fleet::start(config(args)?).await.map_err(with_hint)?;
    announce(args, &fleet)?;
    let play = async {
        if let Some(scenario) = &scenario {
            scenario.play(&fleet, |event| say(&event.to_string())).await;
        }
        // The devices stay when nothing is left to happen.
        std::future::pending::<()>().await;
    };
    let answer = async {
        while let Some(()) = asked.recv().await {
            report(&fleet)?;
        }
        std::future::pending::<anyhow::Result<()>>().await
    };
    let why = tokio::select! {
        why = end => why,
        () = play => unreachable!("the play ends in waiting"),
        answered = answer => return answered,
    };
    let totals = fleet.totals();
    tracing::info!(
        reason = why,
        connections = totals.connections,
        logins = totals.logins,
        login_failures = totals.login_failures,
        commands = totals.commands,
        accept_errors = totals.accept_errors,
        "ending"
    );
    fleet.shutdown().await;
    Ok(())
}

fn scenario(args: &Args) -> anyhow::Result<Option<Scenario>> {
    let Some(path) = &args.scenario else {
        return Ok(None);
    };
    let scenario = Scenario::parse(&read(path)?);
    let scenario = scenario.with_context(|| format!("\"{}\" is no scenario", path.display()))?;
    Ok(Some(scenario))
}

/// Prints one line for people; to standard error, because standard output may be read by a program. Nobody has to
/// read it.
fn say(line: &str) {
    drop(writeln!(io::stderr(), "{line}"));
}

fn with_hint(error: FleetError) -> anyhow::Error {
    let hint = error.hint();
    let error = anyhow::Error::from(error);
    match hint {
        Some(hint) => anyhow::anyhow!("{error:#}\nhint: {hint}"),
        None => error,
    }
}

/// Waits for a signal or, where somebody is to be told of its lines, the end of standard input;
/// gives the reason.
fn end_of_run(
    lines: Option<mpsc::Sender<()>>,
) -> anyhow::Result<impl Future<Output = &'static str>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let (parent, gone) = oneshot::channel::<()>();
    let mut orphan = None;
    if let Some(lines) = lines {
        // A thread, because reading from standard input cannot be cancelled; it dies with the
        // process. It holds the sender, so the other side sees when it ends.
        std::thread::Builder::new()
            .name("parent".to_owned())
            .spawn(move || {
                for _line in io::stdin().lock().lines().map_while(Result::ok) {
                    if lines.blocking_send(()).is_err() {
                        break;
                    }
                }
                drop(parent);
            })
            .context("cannot watch standard input")?;
    } else {
        // Held for as long as the run: nothing ends it this way.
        orphan = Some(parent);
    }
    Ok(async move {
        let _orphan = orphan;
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            _ = gone => "end of standard input",
        }
    })
}

fn config(args: &Args) -> anyhow::Result<FleetConfig> {
    let authorized_keys = match &args.authorized_keys {
        Some(path) => read(path)?.lines().map(str::to_owned).collect(),
        None => Vec::new(),
    };
    let password = password(args)?;
    if password.is_empty() && authorized_keys.is_empty() {
        anyhow::bail!(
            "no password is given\nhint: set the environment variable {PASSWORD_VARIABLE}, or \
             write the password to a file and name it with --password-file"
        );
    }
    let mut config = FleetConfig::new(args.devices, args.username.as_str(), password);
    config.authorized_keys = authorized_keys;
    config.enable_secret = args
        .enable_secret_file
        .as_deref()
        .map(first_line)
        .transpose()?;
    config.mix = chosen::mix(&args.platform, args.devices)?;
    if let Some(path) = &args.replay {
        let transcript = Transcript::parse(&read(path)?);
        let transcript =
            transcript.with_context(|| format!("\"{}\" cannot be played", path.display()))?;
        config.transcript = Some(Arc::new(transcript));
    }
    config.questions = args.questions;
    config.privileged = args.privileged;
    config.remembers = args.remember;
    config.seed = args.seed;
    config.name_prefix.clone_from(&args.name_prefix);
    config.faults = Faults {
        latency: args.latency,
        split: args.split,
        key_exchange: args.key_exchange,
        ..Faults::default()
    };
    config.bind = match args.addresses {
        Some(first) => Bind::Addresses {
            first,
            port: args.port,
        },
        None => Bind::Ports {
            address: args.bind,
            first_port: args.first_port,
        },
    };
    Ok(config)
}

fn password(args: &Args) -> anyhow::Result<Secret> {
    if let Some(path) = &args.password_file {
        return first_line(path);
    }
    match std::env::var(PASSWORD_VARIABLE) {
        Ok(password) => Ok(password.into()),
        Err(std::env::VarError::NotPresent) => Ok(Secret::default()),
        Err(std::env::VarError::NotUnicode(_)) => {
            anyhow::bail!("the environment variable {PASSWORD_VARIABLE} is not UTF-8")
        }
    }
}

fn first_line(path: &Path) -> anyhow::Result<Secret> {
    let text = read(path)?;
    let secret = Secret::from(text.lines().next().unwrap_or_default());
    anyhow::ensure!(
        !secret.is_empty(),
        "the first line of \"{}\" is empty",
        path.display()
    );
    Ok(secret)
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read \"{}\"", path.display()))
}

/// Answers the starting program.
fn report(fleet: &Fleet) -> anyhow::Result<()> {
    let report = Report {
        totals: fleet.totals(),
        gaps: fleet.take_gaps(),
    };
    let line = serde_json::to_string(&report).context("cannot write JSON")?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .context("cannot write to standard output")
}

/// Tells that all devices can be reached, to programs or to people.
fn announce(args: &Args, fleet: &Fleet) -> anyhow::Result<()> {
    if let Some(path) = &args.inventory {
        inventory::write(path, fleet, &args.sites)
            .with_context(|| format!("cannot write \"{}\"", path.display()))?;
    }
    let first = fleet
        .first_address()
        .context("a fleet has a first device")?;
    let mut stdout = io::stdout().lock();
    let written = if args.announce {
        let announcement = Announcement {
            ready: "simulator",
            devices: fleet.devices().len(),
            first: first.to_string(),
            host_key: fleet.host_key(),
        };
        let line = serde_json::to_string(&announcement).context("cannot write JSON")?;
        writeln!(stdout, "{line}")
    } else {
        let count = fleet.devices().len();
        writeln!(
            stdout,
            "{count} simulated {} with host key {}\n\
             Log in to the first one:\n\n    ssh -p {} {}@{}\n\n\
             Ctrl-C ends {}.",
            if count == 1 { "device" } else { "devices" },
            fleet.host_key(),
            first.port(),
            args.username,
            first.ip(),
            if count == 1 { "it" } else { "them" },
        )
    };
    written
        .and_then(|()| stdout.flush())
        .context("cannot write to standard output")
}
