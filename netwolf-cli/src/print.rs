//! What verbs print: results to standard output, words about them to standard error, exit codes.

use std::{
    io::{ErrorKind, IsTerminal, Write},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use netwolf_filter::RuleError;
use netwolf_wire::{status::Failure, unseen::is_invisible};

/// Writes `text` to standard output. A reader that has left, as `head` does, is no failure.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn out(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot print"),
    }
}

/// As [`out`], for text that has a device's words in it: whole in a file or a pipe, [`plain`] on a terminal.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn out_of_a_device(text: &str) -> anyhow::Result<()> {
    if std::io::stdout().is_terminal() {
        out(&plain(text))
    } else {
        out(text)
    }
}

/// Writes a line to standard error, as `tell!` does, and goes on where nobody reads it any more: what a verb has
/// done, and its exit code, are the same whether somebody listens or not.
macro_rules! tell {
    ($($words:tt)*) => {
        $crate::print::line(&mut std::io::stderr().lock(), format_args!($($words)*))
    };
}
pub(crate) use tell;

/// One line to where nobody may read it.
pub(crate) fn line(out: &mut impl Write, words: std::fmt::Arguments<'_>) {
    // In one piece, so that the lines of two programs do not mix.
    drop(out.write_all(format!("{words}\n").as_bytes()));
}

/// Adds words to a text.
pub(crate) fn put(text: &mut String, words: std::fmt::Arguments<'_>) {
    std::fmt::Write::write_fmt(text, words).expect("a string takes all");
}

/// Bad usage or configuration, said to whoever typed it.
pub(crate) fn usage(message: &str, hint: Option<&str>) -> ExitCode {
    complain(message, hint);
    ExitCode::from(2)
}

/// Something failed: its words and its way out.
pub(crate) fn complain(message: &str, hint: Option<&str>) {
    tell!("error: {}", plain(message));
    if let Some(hint) = hint {
        tell!("  hint: {}", plain(hint));
    }
}

/// Faults of rules that people have written, each with its way out.
pub(crate) fn faults(faults: &[RuleError]) -> ExitCode {
    for fault in faults {
        complain(&fault.to_string(), fault.hint.as_deref());
    }
    ExitCode::from(2)
}

/// A device's failure.
pub(crate) fn failure(failure: &Failure) {
    complain(&failure.message, failure.hint.as_deref());
}

/// `text` as it may go to a terminal: what a device said must not move its cursor, nor hide or turn what stands there.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() || is_invisible(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// A length of time as people read it: `0.3 ms`, `150 ms`, `1.2 s`.
pub(crate) fn took(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    match ms {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

/// `1 device`, `2 devices`.
pub(crate) fn count(n: usize, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_sent_no_control_characters_of_a_device() {
        assert_eq!(plain("a\u{1b}[2J\tb\nc\u{7}"), "a\u{fffd}[2J\tb\nc\u{fffd}");
    }

    #[test]
    fn a_line_that_nobody_reads_is_no_failure() {
        let (reader, mut out) = std::io::pipe().unwrap();
        line(&mut out, format_args!("{} devices", 2));
        let mut reader = std::io::BufReader::new(reader);
        let mut read = String::new();
        std::io::BufRead::read_line(&mut reader, &mut read).unwrap();
        assert_eq!(read, "2 devices\n");
        drop(reader);
        line(&mut out, format_args!("more"));
    }

    #[test]
    fn short_times_have_a_fraction() {
        for (micros, expected) in [
            (40, "0.0 ms"),
            (9_940, "9.9 ms"),
            (149_600, "150 ms"),
            (1_250_000, "1.2 s"),
        ] {
            assert_eq!(took(Duration::from_micros(micros)), expected);
        }
    }
}
