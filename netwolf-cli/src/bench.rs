//! `netwolf bench`: what NetWolf costs on this machine, measured so that anybody can repeat it.
//!
//! ```text
//!   core 0 ..     simulators (processes of at most 4,000 devices), manager, this program
//!   the last K    the agent, a shard each
//! ```
//!
//! Everything is real and a process of its own: SSH over TCP, the link, filters, the page of metrics. Costs are
//! CPU time from the operating system's books, divided by what the simulated devices counted. Machines are shared
//! and differ: compare ratios within one run, not absolute figures of two machines.

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Subcommand;
use netwolf_wire::Span;
use tokio::signal::unix::{SignalKind, signal};

use self::figures::Figures;
use crate::{demo, manager::Output, print};

mod cores;
mod curve;
mod exposition;
mod feeder;
mod figures;
mod floor;
mod freshness;
mod gaps;
mod ingest;
mod ladder;
mod placement;
mod process;
mod remote_write;
mod runs;
mod scene;
mod sessions;
mod storm;
mod trouble;

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Sessions that are polled: CPU a poll, memory a session, logins, lateness.
    Sessions(sessions::Args),
    /// Logins by an expensive key exchange beside sessions that are polled.
    Storm(storm::Args),
    /// Dead and flooding devices beside sessions that are polled.
    Trouble(trouble::Args),
    /// From a device's answer to its value on the page of metrics.
    Freshness(freshness::Args),
    /// Samples into the manager, from the socket to the series store.
    Ingest(ingest::Args),
    /// Samples through the manager to a receiver of remote write.
    RemoteWrite(remote_write::Args),
    /// Steps of automation, from their submission to their end in the journal.
    Runs(runs::Args),
    /// The page of metrics.
    Exposition(exposition::Args),
    /// One solution of where devices belong.
    Placement(placement::Args),
    /// Bare TCP with the bytes of a poll and no SSH: what no poller can beat.
    Floor(floor::Args),
}

/// What all verbs take.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    /// How to print the figures.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
    /// Do not show how far it has come.
    #[arg(long)]
    quiet: bool,
}

impl Common {
    /// Says how far it has come, on standard error.
    fn progress(&self, text: &str) {
        if !self.quiet {
            print::tell!("{text}");
        }
    }

    fn print(&self, figures: &Figures) -> anyhow::Result<()> {
        print::out(&match self.output {
            Output::Table => figures.table(),
            Output::Json => format!("{}\n", figures.json()),
        })
    }
}

/// Measures, prints, and ends everything that it started.
pub(crate) fn run(verb: &Verb) -> ExitCode {
    match measure(verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print::complain(&format!("{error:#}"), None);
            ExitCode::FAILURE
        }
    }
}

fn measure(verb: &Verb) -> anyhow::Result<()> {
    match verb {
        // These need no children and no event loop of ours.
        Verb::Placement(args) => return placement::run(args),
        Verb::Floor(args) => return floor::run(args),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminated = signal(SignalKind::terminate())?;
        let measured = async {
            match verb {
                Verb::Sessions(args) => sessions::run(args).await,
                Verb::Storm(args) => storm::run(args).await,
                Verb::Trouble(args) => trouble::run(args).await,
                Verb::Freshness(args) => freshness::run(args).await,
                Verb::Ingest(args) => ingest::run(args).await,
                Verb::RemoteWrite(args) => remote_write::run(args).await,
                Verb::Runs(args) => runs::run(args).await,
                Verb::Exposition(args) => exposition::run(args).await,
                Verb::Placement(_) | Verb::Floor(_) => Ok(()),
            }
        };
        tokio::select! {
            measured = measured => measured,
            // Children end with our ends of their pipes.
            _ = interrupted.recv() => anyhow::bail!("interrupted"),
            _ = terminated.recv() => anyhow::bail!("terminated"),
        }
    })
}

/// A length of time with its unit.
fn span(text: &str) -> Result<Duration, String> {
    let span: Span = text
        .parse()
        .map_err(|error| format!("{error}; write it with a unit, such as `500ms` or `1s`"))?;
    Ok(span.get())
}

/// What the manager takes for the time from one poll to the next.
fn interval(text: &str) -> Result<Duration, String> {
    demo::poll_interval(text).map(Span::get)
}

/// Waits, and tells every few seconds how far it has come.
async fn pass(common: &Common, seconds: u64, what: &str) {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        common.progress(&format!("{what}, {} s left", left.as_secs_f64().ceil()));
        tokio::time::sleep(left.min(Duration::from_secs(5))).await;
    }
}

/// Writes a file that was asked for.
fn write_file(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text)
        .map_err(|error| anyhow::anyhow!("cannot write \"{}\": {error}", path.display()))
}
