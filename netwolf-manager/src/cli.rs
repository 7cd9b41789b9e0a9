//! The command line of `netwolf-manager`, and what the program does from start to end.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
    process::ExitCode,
    thread,
    time::Duration,
};

use anyhow::Context;
use clap::Parser;
use netwolf_web::config::WebConfig;
use serde::Serialize;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

use crate::{
    exposition::put,
    logging::{self, LogFormat, LogLevel},
    manager::{Manager, ManagerConfig, Source, StartError, load_main},
};

/// Holds the inventory, leases devices to agents and serves Prometheus.
#[derive(Clone, Debug, Parser)]
#[command(name = "netwolf-manager", version)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Args {
    /// The configuration; read again on SIGHUP, on POST to /-/reload and when it changes.
    #[arg(
        long = "config.file",
        value_name = "FILE",
        default_value = "netwolf.yml"
    )]
    pub config_file: PathBuf,

    /// Where to serve /metrics, the API and the landing page.
    #[arg(
        long = "web.listen-address",
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:9799"
    )]
    pub web_listen_address: String,

    /// Where to serve the API, the landing page and reloads instead, so that the web port is for scraping alone.
    #[arg(long = "api.listen-address", value_name = "HOST:PORT")]
    pub api_listen_address: Option<String>,

    /// TLS, users and headers of the web port, in the format of Prometheus exporters; read again when it changes.
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub web_config_file: Option<PathBuf>,

    /// Where agents connect: by TLS, and without it only where this is a loopback address.
    #[arg(
        long = "agent.listen-address",
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:9798"
    )]
    pub agent_listen_address: String,

    /// Folder for what is kept over a restart.
    #[arg(
        long = "storage.path",
        value_name = "FOLDER",
        default_value = "netwolf-data"
    )]
    pub storage_path: PathBuf,

    /// Take agents of other machines without TLS, under whatever name they give.
    #[arg(long)]
    pub insecure_plaintext: bool,

    /// A program that `exec:` in a reference to a secret may run here, by its absolute path; may be given several times.
    #[arg(
        long = "secret.exec-allow",
        value_name = "PROGRAM",
        value_parser = netwolf_secret::allowed_program
    )]
    pub secret_exec_allow: Vec<PathBuf>,

    /// From which level on to log.
    #[arg(long = "log.level", value_name = "LEVEL", value_enum, default_value_t)]
    pub log_level: LogLevel,

    /// The form of log lines, which go to standard error.
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        value_enum,
        default_value_t
    )]
    pub log_format: LogFormat,

    /// Check the configuration, say what it comes to, and exit: 0 when it is good, 2 when it has faults.
    #[arg(long)]
    pub check: bool,

    /// Print one line of JSON when both ports are open.
    #[arg(long, hide = true)]
    pub announce: bool,

    /// End when standard input does.
    #[arg(long, hide = true)]
    pub exit_with_parent: bool,
}

/// What `--announce` prints.
#[derive(Serialize)]
struct Announcement {
    ready: &'static str,
    web: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<String>,
    agents: String,
}

/// Threads that still block at the end, on a slow disk perhaps, are left behind after so long.
const LINGER: Duration = Duration::from_millis(100);

/// The whole program: log, runtime, signals, exit code.
pub fn main(args: Args) -> ExitCode {
    logging::init(args.log_level, args.log_format);
    netwolf_secret::allow_programs(args.secret_exec_allow.clone());
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let result = runtime.block_on(run(args));
    runtime.shutdown_timeout(LINGER);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Says what went wrong, causes included, to whoever started the program: 2 for bad usage or configuration, else 1.
pub fn fail(error: &anyhow::Error) -> ExitCode {
    let mut text = format!("error: {error}\n");
    for cause in error.chain().skip(1) {
        put(&mut text, format_args!("  cause: {cause}\n"));
    }
    // Where nobody reads it, the exit code says it.
    drop(io::stderr().write_all(text.as_bytes()));
    ExitCode::from(
        error
            .downcast_ref::<StartError>()
            .map_or(1, StartError::exit_code),
    )
}

/// Runs a manager until it is asked to end, or checks the configuration where that was asked for.
async fn run(args: Args) -> anyhow::Result<()> {
    if args.check {
        return check(&args);
    }
    let asked_to_end = asked_to_end(args.exit_with_parent)?;
    let manager = Manager::start(ManagerConfig {
        web: args.web_listen_address,
        api: args.api_listen_address,
        web_config: args.web_config_file,
        agents: args.agent_listen_address,
        insecure_plaintext: args.insecure_plaintext,
        storage: args.storage_path,
        source: Source::File(args.config_file),
    })
    .await?;
    if args.announce {
        let (web, agents) = (
            manager.web_addr.to_string(),
            manager.agents_addr.to_string(),
        );
        let api = (manager.api_addr != manager.web_addr).then(|| manager.api_addr.to_string());
        let line = serde_json::to_string(&Announcement {
            ready: "manager",
            web,
            api,
            agents,
        })?;
        say(&line)?;
    }
    let result = tokio::select! {
        () = asked_to_end => Ok(()),
        died = manager.died() => Err(died.into()),
    };
    manager.shutdown().await;
    result
}

/// Resolves on SIGINT or SIGTERM, and, where the program is to end `with_parent`, at the end of standard input.
/// The signals are caught from this call on.
///
/// # Errors
/// When the operating system does not let us catch signals.
pub fn asked_to_end(with_parent: bool) -> anyhow::Result<impl Future<Output = ()>> {
    let catch = |kind| signal(kind).context("cannot listen for signals");
    let (mut interrupt, mut terminate) = (
        catch(SignalKind::interrupt())?,
        catch(SignalKind::terminate())?,
    );
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = end_of_input(with_parent) => {}
        }
    })
}

fn check(args: &Args) -> anyhow::Result<()> {
    let loaded = load_main(&args.config_file).map_err(StartError::from)?;
    if let Some(path) = &args.web_config_file {
        let web = WebConfig::load(path).map_err(StartError::from)?;
        for warning in &web.warnings {
            say(&format!("warning: {}: {warning}", path.display()))?;
        }
    }
    for warning in &loaded.warnings {
        say(&format!("warning: {warning}"))?;
    }
    say(&format!(
        "{}: {}",
        args.config_file.display(),
        loaded.summary()
    ))
}

/// Writes a line to standard output.
fn say(line: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}

/// Resolves at the end of standard input, or never where it is not `wanted`.
async fn end_of_input(wanted: bool) {
    let (ended, has_ended) = oneshot::channel();
    if wanted {
        // A thread of its own: a blocking read would hold up the end of the runtime.
        thread::spawn(move || {
            let mut input = io::stdin().lock();
            let mut buffer = [0; 64];
            while input.read(&mut buffer).is_ok_and(|n| n > 0) {}
            // Nobody waits any more when the program ends for another reason.
            ended.send(()).ok();
        });
        drop(has_ended.await);
    } else {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn help() {
        let mut command = Args::command().term_width(100);
        insta::assert_snapshot!(command.render_long_help());
    }
}
