//! `netwolf`: what people type. One file per verb; this one only picks the verb and the exit code.
//!
//! Exit codes: 0 done, 1 failed to start or run, 2 bad usage or configuration.

// `print::tell` instead: who has left must not turn what was done into a panic.
#![warn(clippy::print_stderr)]

use std::{ffi::OsString, process::ExitCode};

use clap::{
    Parser, Subcommand,
    builder::StyledStr,
    error::{ContextKind, ContextValue},
};

mod agents;
mod api;
mod audit;
mod authorities;
mod backup;
mod bench;
mod buckets;
mod check;
mod collectors;
mod credentials;
mod dashboards;
mod demo;
mod devices;
mod hostkeys;
mod http;
mod inventory;
mod library;
mod manager;
mod outcome;
mod parse;
mod part;
mod pattern;
mod print;
mod procedures;
mod record;
mod run;
mod runs;
mod standalone;
mod table;
mod target;
mod terms;
mod token;
mod try_out;
mod typed;
mod unknown;

/// Real-time monitoring of network devices over SSH, for Prometheus and Grafana.
#[derive(Debug, Parser)]
#[command(
    name = "netwolf",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start simulated devices, a manager and agents on this machine, and watch them.
    Demo(demo::Args),
    /// Run the manager and one agent in this process: all that a small site needs.
    Standalone(standalone::Args),
    /// Read a configuration and say what is wrong with it, or what it comes to.
    Check(check::Args),
    /// Measure what NetWolf costs on this machine.
    #[command(subcommand)]
    Bench(bench::Verb),
    /// Show the devices as the manager sees them: state, last error, next attempt, last output.
    Devices(devices::Args),
    /// Show the agents as the manager sees them: who has how many devices, how loaded, since when; invite, drain, revoke one.
    Agents(agents::Args),
    /// Show the authorities whose certificates the manager believes; replace the one that signs.
    Authorities(authorities::Args),
    /// Show the credentials as the manager sees them: which one is held back, why, and until when.
    Credentials(credentials::Args),
    /// Run commands, or a procedure, on a selection of devices, over the sessions that poll them, and watch them to their end.
    Run(Box<run::Args>),
    /// Show runs: how far they are, what devices answered; cancel, pause, resume, retry, settle or follow one.
    Runs(runs::Args),
    /// Show the procedures that can be run.
    Procedures(procedures::Args),
    /// Show the last backup of configurations: which ones have changed, and which could not be kept.
    Backup(backup::Args),
    /// Check the log of every command that runs have typed.
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Make a token for the manager's API, and the line of the configuration that lets it in.
    Token(token::Args),
    /// Record what a device says to some commands, without its secrets, for a simulated device to play.
    Record(record::Args),
    /// Read the output of a command by TextFSM templates or by a collector's rules, without any device.
    Parse(parse::Args),
    /// List the collectors of the library: their platforms, commands, intervals and metrics.
    Collectors(collectors::Args),
    /// Log in to one device, run a command or a collector, and show what its rules make of the output.
    ///
    /// This makes one login of its own, as a person at a terminal does: it is not the session that polls the device,
    /// counts as another one where the device has few, and is not held back by pacing or by a breaker. It is tried
    /// once. Address, credential, host key, jump host and algorithms are those of the configuration.
    ///
    /// Standard output has what came out: the output as it is, records and samples. Standard error has what happened,
    /// and how long each step took. With --command alone, standard output is the command's output and nothing else.
    Try(try_out::Args),
    /// Collect host keys for review.
    #[command(subcommand)]
    Hostkeys(hostkeys::Verb),
    /// Show what Grafana dashboards find in a Prometheus, without a Grafana.
    #[command(subcommand)]
    Dashboards(dashboards::Verb),
    /// Run the manager, as the program `netwolf-manager` does.
    Manager(netwolf_manager::cli::Args),
    /// Run an agent, as the program `netwolf-agent` does.
    Agent(netwolf_agent::cli::Args),
    /// Run simulated devices, as the program `netwolf-simulator` does.
    Simulator(netwolf_simulator::cli::Args),
}

/// What was typed.
fn typed(words: &[OsString]) -> Result<Args, clap::Error> {
    Args::try_parse_from(words).map_err(|error| match words.get(1) {
        Some(verb) if verb == "runs" => with_way_to_show(error),
        _ => error,
    })
}

/// `error` of `netwolf runs`, with a tip where a run's number stands for a verb.
fn with_way_to_show(mut error: clap::Error) -> clap::Error {
    if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand)
        && let Ok(id) = word.parse::<u64>()
    {
        let tip = StyledStr::from(format!("`netwolf runs show {id}` shows that run"));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

/// The whole program.
pub fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    match typed(&words).unwrap_or_else(|error| error.exit()).verb {
        Verb::Demo(args) => demo::run(&args),
        Verb::Standalone(args) => standalone::run(args),
        Verb::Check(args) => check::run(&args),
        Verb::Bench(verb) => bench::run(&verb),
        Verb::Devices(args) => devices::run(&args),
        Verb::Agents(args) => agents::run(&args),
        Verb::Authorities(args) => authorities::run(&args),
        Verb::Credentials(args) => credentials::run(&args),
        Verb::Run(args) => run::run(&args),
        Verb::Runs(args) => runs::run(&args),
        Verb::Procedures(args) => procedures::run(&args),
        Verb::Backup(args) => backup::run(&args),
        Verb::Audit(verb) => audit::run(&verb),
        Verb::Token(args) => token::run(&args),
        Verb::Record(args) => record::run(&args),
        Verb::Parse(args) => parse::run(&args),
        Verb::Collectors(args) => collectors::run(&args),
        Verb::Try(args) => try_out::run(&args),
        Verb::Hostkeys(verb) => hostkeys::run(&verb),
        Verb::Dashboards(verb) => dashboards::run(&verb),
        Verb::Manager(args) => netwolf_manager::cli::main(args),
        Verb::Agent(args) => netwolf_agent::cli::main(&args),
        Verb::Simulator(args) => netwolf_simulator::cli::main(&args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_for_a_verb_of_runs_is_told_how_to_be_shown() {
        let said = |line: &str| {
            let words: Vec<_> = line.split(' ').map(OsString::from).collect();
            typed(&words).unwrap_err().to_string()
        };
        let tip = "tip: `netwolf runs show 5` shows that run";
        for line in ["netwolf runs 5", "netwolf runs --manager.url m 5"] {
            assert!(said(line).contains(tip), "{}", said(line));
        }
        assert!(!said("netwolf agents 5").contains("runs show"));
        let near = said("netwolf runs shwo 5");
        assert!(
            near.contains("'show'") && !near.contains("runs show 5"),
            "{near}"
        );
    }
}
