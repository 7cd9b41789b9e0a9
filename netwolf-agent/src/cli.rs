//! The command line of `netwolf-agent`.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr},
    num::{NonZeroU16, NonZeroU32},
    path::PathBuf,
    process::ExitCode,
    thread,
};

use anyhow::Context;
use clap::Parser;
use netwolf_web::{config::WebConfigError, gate::Gate, listen::ListenError};
use netwolf_wire::{AgentName, Span};
use prometheus_client::metrics::counter::Counter;
use thiserror::Error;
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    time::sleep,
};

use crate::{
    agent::{Agent, AgentConfig, AgentHandle, default_shards},
    clock,
    enrol::{
        self, Renewal,
        choice::{Choice, ChoiceError, Circumstances, Join, choose},
    },
    identity::{Credentials, IdentityStore, Security},
    pacing::LOGINS_PER_SECOND,
    telemetry::{self, LogFormat, LogLevel},
    web::{Trust, Web},
};

/// Keeps SSH sessions to devices, polls them and streams samples to the manager.
#[derive(Clone, Debug, Parser)]
#[command(name = "netwolf-agent", version)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
pub struct Args {
    /// Where the manager takes agents (its --agent.listen-address).
    #[arg(long = "manager.address", value_name = "HOST:PORT")]
    pub manager_address: String,

    /// The agent's name, unique among the agents of the manager [default: the host name].
    #[arg(long, value_name = "NAME")]
    pub name: Option<AgentName>,

    /// Event loops, each on its own core [default: one for each core].
    #[arg(long, value_name = "N")]
    pub shards: Option<NonZeroU16>,

    /// New logins a second, all shards together.
    #[arg(long, value_name = "N", default_value_t = LOGINS_PER_SECOND)]
    pub logins_per_second: NonZeroU32,

    /// Where the agent is: devices with the label `site` of this value are placed here before others.
    #[arg(long, value_name = "NAME")]
    pub site: Option<String>,

    /// How many devices each shard takes beside a shard of size 1.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub size: u16,

    /// How long devices have to go to other agents, and steps of runs that have begun to end, on SIGTERM or when an
    /// operator drains this agent.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub drain_timeout: Span,

    /// Carry out no step of a run that is said to change a device. What only reads is told by the platform and the
    /// credential, which come from the manager.
    #[arg(long)]
    pub read_only: bool,

    /// Where the agent's own page with metrics of the process is [default: nowhere].
    #[arg(long = "web.listen-address", value_name = "HOST:PORT")]
    pub web_listen_address: Option<String>,

    /// TLS, users and headers of that page, in the format of Prometheus exporters; read again when it changes.
    #[arg(
        long = "web.config.file",
        value_name = "FILE",
        requires = "web_listen_address"
    )]
    pub web_config_file: Option<PathBuf>,

    /// Where the token of `netwolf agents invite` is, `file:/PATH` or `env:NAME` [default: the environment variable
    /// `NETWOLF_JOIN`]. Needed once; after that the agent has an identity.
    #[arg(long, value_name = "REFERENCE")]
    pub join: Option<String>,

    /// Folder for the agent's identity, made when it joins.
    #[arg(
        long = "storage.path",
        value_name = "FOLDER",
        default_value = "netwolf-agent-data"
    )]
    pub storage_path: PathBuf,

    /// Allow a manager on another machine without TLS, where this agent has no identity.
    #[arg(long)]
    pub insecure_plaintext: bool,

    /// A program that `exec:` in a reference to a secret may run here, by its absolute path; may be given several times.
    #[arg(
        long = "secret.exec-allow",
        value_name = "PROGRAM",
        value_parser = netwolf_secret::allowed_program
    )]
    pub secret_exec_allow: Vec<PathBuf>,

    /// How much to log.
    #[arg(long = "log.level", value_name = "LEVEL", value_enum, default_value_t)]
    pub log_level: LogLevel,

    /// How log lines look.
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        value_enum,
        default_value_t
    )]
    pub log_format: LogFormat,

    /// Print one JSON line when the shards run.
    #[arg(long, hide = true)]
    pub announce: bool,

    /// Renew the certificate so often, for tests.
    #[arg(long, value_name = "TIME", hide = true)]
    pub renew_every: Option<Span>,

    /// End when the standard input does.
    #[arg(long, hide = true)]
    pub exit_with_parent: bool,
}

/// What was typed cannot be run; exit code 2.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum UsageError {
    /// Not `HOST:PORT`.
    #[error(
        "\"{0}\" is not an address of a manager\n  hint: write host and port, such as `--manager.address manager.example.net:9798`"
    )]
    Address(String),
}

/// The whole program: 0 when it was asked to end, 2 for bad usage, else 1.
pub fn main(args: &Args) -> ExitCode {
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The log may be filtered; why the program ended never is. Where nobody reads it, the exit code says it.
            drop(writeln!(io::stderr(), "error: {error:#}"));
            ExitCode::from(if is_of_usage(&error) { 2 } else { 1 })
        }
    }
}

/// Whether what was typed is at fault.
fn is_of_usage(error: &anyhow::Error) -> bool {
    let web = error.downcast_ref::<ListenError>();
    error.is::<UsageError>()
        || error.is::<ChoiceError>()
        || error.is::<WebConfigError>()
        || web.is_some_and(|web| matches!(web, ListenError::Address { .. }))
}

/// Runs an agent until a signal, the end of the parent, or a manager that sends it away.
///
/// # Errors
/// [`UsageError`] for what cannot be run as it was typed, else why the agent did not start or ended by itself.
fn run(args: &Args) -> anyhow::Result<()> {
    telemetry::init(args.log_level, args.log_format);
    netwolf_secret::allow_programs(args.secret_exec_allow.clone());
    let is_here = is_here(&args.manager_address)?;
    let join = Join::find(args.join.as_deref())?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start an event loop")?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
        let settled = tokio::select! {
            settled = settle(args, is_here, join.as_ref()) => settled?,
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
        };
        let Settled {
            trust,
            name,
            renewal,
        } = settled;
        // The manager is told where it is, so it has to stand before the first link.
        let web = match &args.web_listen_address {
            Some(address) => {
                let gate = Gate::new(args.web_config_file.clone())?;
                Some(Web::listen(address, gate).await?)
            }
            None => None,
        };
        let mut agent = Agent::start(AgentConfig {
            manager: args.manager_address.clone(),
            security: trust.security.clone(),
            name,
            shards: args.shards.unwrap_or_else(default_shards),
            pin: true,
            logins_per_second: args.logins_per_second,
            site: args.site.clone(),
            size: NonZeroU16::new(args.size).unwrap_or(NonZeroU16::MIN),
            web: web.as_ref().map(Web::address),
            read_only: args.read_only,
        })?;
        tracing::info!(agent = %agent.name(), shards = agent.shards(), "the agent has started");
        let web_addr = web.as_ref().map(Web::address);
        if let Some(web) = web {
            tracing::info!(web.addr = %web.address(), "the agent's own page is served");
            tokio::spawn(web.serve(agent.name().clone(), agent.links(), trust));
        }
        if let Some(renewal) = renewal {
            tokio::spawn(renewal.keep_up());
        }
        if args.announce {
            announce(&agent, web_addr).context("cannot write to the standard output")?;
        }
        let leave = agent.leave();
        let patience = async {
            leave.asked().await;
            sleep(args.drain_timeout.get()).await;
        };
        let parent_gone = parent_gone(args.exit_with_parent);
        tokio::pin!(patience, parent_gone);
        let result = loop {
            tokio::select! {
                _ = interrupt.recv() => break Ok(()),
                () = &mut parent_gone => break Ok(()),
                ended = agent.ended() => break ended.map_err(anyhow::Error::from),
                () = &mut patience => {
                    tracing::warn!("not all devices went elsewhere, or not all steps ended, in time");
                    break Ok(());
                }
                _ = terminate.recv() => {
                    // Who says so twice is in a hurry.
                    if leave.ask() {
                        break Ok(());
                    }
                }
            }
        };
        agent.shutdown().await;
        tracing::info!("the agent has ended");
        result
    })
}

fn announce(agent: &AgentHandle, web: Option<SocketAddr>) -> io::Result<()> {
    let mut line = serde_json::json!({
        "ready": "agent",
        "name": agent.name().as_str(),
        "shards": agent.shards(),
    });
    if let Some(web) = web {
        line["web"] = web.to_string().into();
    }
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// How an agent links, and what keeps that so.
struct Settled {
    trust: Trust,
    name: AgentName,
    renewal: Option<Renewal>,
}

/// Finds the identity that was kept, or joins, or does without.
async fn settle(args: &Args, is_here: bool, join: Option<&Join>) -> anyhow::Result<Settled> {
    let store = IdentityStore::new(&args.storage_path);
    let manager = &args.manager_address;
    let circumstances = Circumstances {
        manager,
        is_here,
        insecure: args.insecure_plaintext,
        name: args.name.as_ref(),
        store: &store,
        now: clock::wall().as_secs(),
    };
    let name = || args.name.clone().unwrap_or_else(host_name);
    let identity = match choose(&circumstances, store.read()?, join).await? {
        Choice::Show(identity) => identity,
        Choice::Join(token) => {
            let identity = enrol::join(manager, &name(), &token, &store).await?;
            let path = store.path();
            tracing::info!(agent = %identity.agent(), path = %path.display(), "the agent has joined");
            identity
        }
        Choice::Plain { insecure } => {
            if insecure {
                tracing::warn!(
                    "links to the manager are not encrypted, and it is not known who answers, because of \
                     --insecure-plaintext"
                );
            }
            return Ok(Settled {
                trust: Trust {
                    security: Security::Plaintext { insecure },
                    renewal_failures: Counter::default(),
                },
                name: name(),
                renewal: None,
            });
        }
    };
    if args.insecure_plaintext {
        tracing::warn!(
            "--insecure-plaintext does nothing: this agent has an identity and links by TLS"
        );
    }
    let name = identity.agent().clone();
    let credentials = Credentials::new(identity);
    let failures = Counter::default();
    let renewal = Renewal {
        manager: manager.clone(),
        credentials: credentials.clone(),
        store,
        every: args.renew_every.map(Span::get),
        failures: failures.clone(),
    };
    Ok(Settled {
        trust: Trust {
            security: Security::Tls(credentials),
            renewal_failures: failures,
        },
        name,
        renewal: Some(renewal),
    })
}

/// Whether the manager is on this machine.
fn is_here(address: &str) -> Result<bool, UsageError> {
    let bad = || UsageError::Address(address.to_owned());
    let (host, port) = address.rsplit_once(':').ok_or_else(bad)?;
    if host.is_empty() || !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err(bad());
    }
    let plain = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    Ok(plain == "localhost" || plain.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

/// The machine's name, as far as it can stand in an agent's name.
fn host_name() -> AgentName {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"));
    name.ok()
        .and_then(|name| AgentName::new(name.trim()).ok())
        .unwrap_or_else(|| AgentName::new("agent").expect("the word is a name"))
}

/// Waits for the end of the standard input, if asked to.
async fn parent_gone(asked: bool) {
    if !asked {
        return std::future::pending().await;
    }
    let (tell, told) = oneshot::channel();
    // A thread, because a read of the standard input cannot be taken back when the agent ends first.
    thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut scratch = [0; 64];
        while stdin.read(&mut scratch).is_ok_and(|n| n > 0) {}
        tell.send(()).ok()
    });
    if told.await.is_err() {
        tracing::warn!("the standard input cannot be watched");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_known_whether_the_manager_is_on_this_machine() {
        for address in [
            "127.0.0.1:9798",
            "127.5.6.7:1",
            "localhost:9798",
            "[::1]:9798",
        ] {
            assert_eq!(is_here(address), Ok(true), "{address}");
        }
        for address in [
            "192.0.2.1:9798",
            "manager.example.net:9798",
            "[2001:db8::1]:9798",
        ] {
            assert_eq!(is_here(address), Ok(false), "{address}");
        }
        for address in [
            "manager",
            "manager:",
            ":9798",
            "manager:0",
            "manager:99999",
            "",
        ] {
            let bad = Err(UsageError::Address(address.into()));
            assert_eq!(is_here(address), bad, "{address}");
        }
    }

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;

        Args::command().debug_assert();
        let args = Args::parse_from([
            "netwolf-agent",
            "--manager.address",
            "127.0.0.1:1",
            "--name",
            "a1",
            "--shards",
            "2",
        ]);
        assert_eq!(args.name.unwrap().as_str(), "a1");
        assert!(
            Args::try_parse_from(["netwolf-agent", "--manager.address", "x:1", "--shards", "0"])
                .is_err()
        );
    }
}
