//! Finding the command that a typed line means.

use super::traits::{Command, Mode};

/// A line understood.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) command: &'static Command,
    /// What stood in place of `<n>`, `<w>` or `<rest>`; empty if there was none.
    pub(super) argument: &'a str,
}

/// A line not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing fits the word at this byte of the line.
    Unknown(usize),
    /// More words are needed.
    Incomplete,
}

/// How well a line fits a command.
enum Fit<'a> {
    /// Entirely; the argument, and whether no word was shortened.
    Whole(&'a str, bool),
    /// The line ended first.
    Short,
    /// Up to the word at this byte.
    UpTo(usize),
}

/// The words of `line`, with the byte where each begins.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> + Clone {
    line.split_whitespace().map(|word| {
        let at = word.as_ptr() as usize - line.as_ptr() as usize;
        (at, word)
    })
}

fn fit<'a>(pattern: &str, line: &'a str, abbreviates: bool) -> Fit<'a> {
    let mut typed = words(line);
    let mut argument = "";
    let mut exact = true;
    for wanted in pattern.split_whitespace() {
        let Some((at, word)) = typed.next() else {
            return if wanted == "<rest>" {
                Fit::Whole("", exact)
            } else {
                Fit::Short
            };
        };
        match wanted {
            "<rest>" => return Fit::Whole(line.get(at..).unwrap_or_default().trim_end(), false),
            "<w>" => (argument, exact) = (word, false),
            "<n>" if word.parse::<u32>().is_ok() => (argument, exact) = (word, false),
            "<n>" => return Fit::UpTo(at),
            _ if wanted == word => {}
            _ if abbreviates && wanted.starts_with(word) => exact = false,
            _ => return Fit::UpTo(at),
        }
    }
    match typed.next() {
        Some((at, _)) => Fit::UpTo(at),
        None => Fit::Whole(argument, exact),
    }
}

/// Which of `commands` `line` asks for in `mode`. A line spelt out in full wins over shortened ones, and of
/// those the first.
pub(super) fn find<'a>(
    commands: impl Iterator<Item = &'static Command>,
    line: &'a str,
    mode: Mode,
    abbreviates: bool,
) -> Result<Found<'a>, Fault> {
    let mut best: Option<Found<'a>> = None;
    let mut furthest = words(line).next().map_or(0, |(at, _)| at);
    let mut short = false;
    for command in commands.filter(|command| command.known.holds(mode)) {
        match fit(command.words, line, abbreviates) {
            Fit::Whole(argument, true) => return Ok(Found { command, argument }),
            Fit::Whole(argument, false) => {
                best.get_or_insert(Found { command, argument });
            }
            Fit::Short => short = true,
            Fit::UpTo(at) => furthest = furthest.max(at),
        }
    }
    best.ok_or(if short {
        Fault::Incomplete
    } else {
        Fault::Unknown(furthest)
    })
}

#[cfg(test)]
mod tests {
    use super::super::traits::{Does, Where, act};
    use super::*;

    const TABLE: &[Command] = &[
        act("show version", Where::Exec, Does::Nothing, "v"),
        act("show version detail", Where::Exec, Does::Nothing, "d"),
        act("terminal length <n>", Where::Exec, Does::Rows, ""),
        act("hostname <w>", Where::Config, Does::Hostname, ""),
    ];

    #[track_caller]
    fn check(line: &str, mode: Mode, expected: Result<(&str, &str), Fault>) {
        let found = find(TABLE.iter(), line, mode, true);
        assert_eq!(
            found.map(|found| (found.command.words, found.argument)),
            expected
        );
    }

    #[test]
    fn words_may_be_shortened_and_arguments_are_given_out() {
        check("sh ver", Mode::User, Ok(("show version", "")));
        check(
            "show version detail",
            Mode::User,
            Ok(("show version detail", "")),
        );
        check(
            " term len 24",
            Mode::User,
            Ok(("terminal length <n>", "24")),
        );
        check("hostname r2", Mode::Config, Ok(("hostname <w>", "r2")));
    }

    #[test]
    fn a_fault_tells_where() {
        check("show", Mode::User, Err(Fault::Incomplete));
        check("show vlan", Mode::User, Err(Fault::Unknown(5)));
        check("terminal length x", Mode::User, Err(Fault::Unknown(16)));
        check("hostname r2", Mode::User, Err(Fault::Unknown(0)));
    }
}
