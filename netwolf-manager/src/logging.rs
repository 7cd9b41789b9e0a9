//! Where log lines go and how they look: standard error, as text or as JSON, one line each.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// From which level on lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// An operator must act.
    Error,
    /// Degraded and retrying.
    Warn,
    /// Lifecycle.
    #[default]
    Info,
    /// Each session.
    Debug,
    /// Each frame.
    Trace,
}

impl LogLevel {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// What others wrote is of use to nobody who runs NetWolf, short of their warnings; the SSH library warns of what
/// devices do every day, and what matters of that is said in our own words.
fn directives(level: LogLevel) -> String {
    let level = level.as_str();
    match level {
        "error" => level.into(),
        _ => format!("warn,russh=error,netwolf={level}"),
    }
}

/// Begins to write log lines; a second call changes nothing.
pub fn init(level: LogLevel, format: LogFormat) {
    let filter = EnvFilter::new(directives(level));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // Else a log that nobody reads any more is a panic.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal());
    let result = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .try_init(),
    };
    // Another part of the program, or another test, was first: its choice holds.
    drop(result);
}

/// An error with what caused it, in one line: the outer one says little.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_words_follow_the_level() {
        assert_eq!(directives(LogLevel::Error), "error");
        let debug = directives(LogLevel::Debug);
        // A directive holds for every target that begins with it, and so for all crates of ours.
        assert_eq!(debug, "warn,russh=error,netwolf=debug");
        assert_eq!(EnvFilter::new(&debug).to_string().split(',').count(), 3);
    }
}
