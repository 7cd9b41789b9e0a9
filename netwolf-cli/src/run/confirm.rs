//! A question at the terminal that somebody has to answer before devices are changed.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::Context;

use crate::print;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirmed {
    /// `y` or `yes`.
    Yes,
    /// Anything else.
    No,
    /// Standard input is no terminal.
    NobodyThere,
}

/// Asks on standard error, since standard output may go elsewhere.
///
/// # Errors
/// When the terminal cannot be read.
pub(crate) fn confirm(question: &str) -> anyhow::Result<Confirmed> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Ok(Confirmed::NobodyThere);
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "{} Go on? [y/N] ", print::plain(question))?;
    stderr.flush()?;
    let mut line = String::new();
    stdin
        .lock()
        .read_line(&mut line)
        .context("the answer cannot be read")?;
    Ok(heard(&line))
}

fn heard(line: &str) -> Confirmed {
    match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Confirmed::Yes,
        _ => Confirmed::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        for (line, expected) in [
            ("y\n", Confirmed::Yes),
            (" YES \n", Confirmed::Yes),
            ("\n", Confirmed::No),
            ("", Confirmed::No),
            ("yep\n", Confirmed::No),
        ] {
            assert_eq!(heard(line), expected, "{line:?}");
        }
    }
}
