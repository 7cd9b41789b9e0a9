//! Where the program's log goes: the standard error stream, as text or as JSON.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// An operator must act.
    Error,
    /// Degraded, and retrying.
    Warn,
    /// Lifecycle, and devices that come and go.
    #[default]
    Info,
    /// Each session.
    Debug,
    /// Each frame.
    Trace,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs, one object a line.
    Json,
}

/// Begins logging. Where logging has begun already, as in a program that runs several parts, this does nothing.
pub(crate) fn init(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    // The SSH library warns of what devices do every day; what matters of it is in our own words.
    let filter = EnvFilter::new(format!("{level},russh=error"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        // Else a log that nobody reads any more is a panic.
        .log_internal_errors(false);
    let result = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = result {
        tracing::debug!(%error, "logging had begun before");
    }
}
