//! `netwolf standalone`: the manager and one agent in one process, over a link on loopback, for a small site.

use std::{io::Write, num::NonZeroU16, path::PathBuf, process::ExitCode};

use anyhow::Context;
use netwolf_agent::{Agent, AgentConfig, agent::default_shards};
use netwolf_manager::{
    Manager, ManagerConfig, Source,
    cli::{asked_to_end, fail},
    logging::{self, LogFormat, LogLevel},
};

/// What `netwolf standalone` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration; read again on SIGHUP, on POST to /-/reload and when it changes.
    #[arg(
        long = "config.file",
        value_name = "FILE",
        default_value = "netwolf.yml"
    )]
    config_file: PathBuf,

    /// Where to serve /metrics, the API and the landing page.
    #[arg(
        long = "web.listen-address",
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:9799"
    )]
    web_listen_address: String,

    /// TLS, users and headers of the web port, in the format of Prometheus exporters; read again when it changes.
    #[arg(long = "web.config.file", value_name = "FILE")]
    web_config_file: Option<PathBuf>,

    /// Folder for what is kept over a restart.
    #[arg(
        long = "storage.path",
        value_name = "FOLDER",
        default_value = "netwolf-data"
    )]
    storage_path: PathBuf,

    /// Event loops, each on its own core [default: one for each core].
    #[arg(long, value_name = "N")]
    shards: Option<NonZeroU16>,

    /// A program that `exec:` in a reference to a secret may run here, by its absolute path; may be given several times.
    #[arg(
        long = "secret.exec-allow",
        value_name = "PROGRAM",
        value_parser = netwolf_secret::allowed_program
    )]
    secret_exec_allow: Vec<PathBuf>,

    /// From which level on to log.
    #[arg(long = "log.level", value_name = "LEVEL", value_enum, default_value_t)]
    log_level: LogLevel,

    /// The form of log lines, which go to standard error.
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        value_enum,
        default_value_t
    )]
    log_format: LogFormat,

    /// Print one line of JSON when the port is open.
    #[arg(long, hide = true)]
    announce: bool,

    /// End when standard input does.
    #[arg(long, hide = true)]
    exit_with_parent: bool,
}

/// Runs until a signal. The agent ends first, so that its sessions close while the manager still listens.
pub(crate) fn run(args: Args) -> ExitCode {
    logging::init(args.log_level, args.log_format);
    netwolf_secret::allow_programs(args.secret_exec_allow.clone());
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    match runtime.block_on(standalone(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

async fn standalone(args: Args) -> anyhow::Result<()> {
    let asked_to_end = asked_to_end(args.exit_with_parent)?;
    let manager = Manager::start(ManagerConfig {
        web: args.web_listen_address,
        api: None,
        web_config: args.web_config_file,
        agents: "127.0.0.1:0".into(),
        insecure_plaintext: false,
        storage: args.storage_path,
        source: Source::File(args.config_file),
    })
    .await?;
    let name = "standalone".parse().context("the agent's own name")?;
    let mut agent = Agent::start(AgentConfig {
        shards: args.shards.unwrap_or_else(default_shards),
        ..AgentConfig::new(manager.agents_addr.to_string(), name)
    })?;
    if args.announce {
        let line =
            serde_json::json!({ "ready": "standalone", "web": manager.web_addr.to_string() });
        writeln!(std::io::stdout(), "{line}").context("cannot write to standard output")?;
    }
    let result = tokio::select! {
        () = asked_to_end => Ok(()),
        ended = agent.ended() => ended.map_err(anyhow::Error::from),
        died = manager.died() => Err(died.into()),
    };
    agent.shutdown().await;
    manager.shutdown().await;
    result
}
