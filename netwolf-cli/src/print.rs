//! What verbs print: results to standard output, words about them to standard error, exit codes.

use std::{
    io::{ErrorKind, Write},
    process::ExitCode,
};

use anyhow::Context;
use netwolf_wire::status::Failure;

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

/// Bad usage or configuration, said to whoever typed it.
pub(crate) fn usage(message: &str, hint: Option<&str>) -> ExitCode {
    complain(message, hint);
    ExitCode::from(2)
}

/// Something failed: its words and its way out.
pub(crate) fn complain(message: &str, hint: Option<&str>) {
    eprintln!("error: {}", plain(message));
    if let Some(hint) = hint {
        eprintln!("  hint: {}", plain(hint));
    }
}

/// A device's failure.
pub(crate) fn failure(failure: &Failure) {
    complain(&failure.message, failure.hint.as_deref());
}

/// `text` as it may go to a terminal: what a device said must not move its cursor.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
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
    use super::plain;

    #[test]
    fn a_terminal_is_sent_no_control_characters_of_a_device() {
        assert_eq!(plain("a\u{1b}[2J\tb\nc\u{7}"), "a\u{fffd}[2J\tb\nc\u{fffd}");
    }
}
