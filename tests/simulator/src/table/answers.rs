//! What devices answer, as it is written in the files of `answers/`: a folder for each platform.
//!
//! ```text
//! # Comments stand before the first command.
//! >>> show clock
//! {{clock}}
//! >>> show version
//! >>> show version detail
//! A text for both, up to the next command or the file's end.
//! >># show running-config
//! What privileged users are shown.
//! ```
//!
//! How a file is called is for people. Words that stand for values are in [`super::values`].

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::traits::{Command, Does, Mode, Where, act};
use super::words;

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/answers.rs"));
}

/// Begins the line of a command that anybody may type, and of one for the privileged.
const MARKS: [(&str, Where); 2] = [(">>> ", Where::Exec), (">># ", Where::Privileged)];

static ANSWERS: LazyLock<BTreeMap<&str, Vec<Command>>> = LazyLock::new(|| {
    let mut platforms: BTreeMap<&str, Vec<Command>> = BTreeMap::new();
    for (platform, _, text) in embedded::FILES {
        platforms.entry(platform).or_default().extend(read(text));
    }
    platforms
});

/// The commands whose answers are written in the folder `platform`.
pub(crate) fn of(platform: &str) -> &'static [Command] {
    ANSWERS.get(platform).map_or(&[], Vec::as_slice)
}

/// The text that is written for `line` in the folder `platform`, for a user of any rank.
pub(crate) fn written(platform: &str, line: &str) -> Option<&'static str> {
    let found = words::find(of(platform).iter(), line, Mode::User, true);
    found.ok().map(|found| found.command.reply)
}

/// The command that `line` begins, if it is the line of one.
fn command(line: &'static str) -> Option<(&'static str, Where)> {
    MARKS
        .into_iter()
        .find_map(|(mark, known)| Some((line.strip_prefix(mark)?.trim(), known)))
}

/// All commands of one file.
fn read(text: &'static str) -> Vec<Command> {
    let mut commands = Vec::new();
    // Commands whose text is still to come, and where that begins.
    let mut open: Vec<(&'static str, Where)> = Vec::new();
    let (mut begin, mut at) = (0, 0);
    let mut close = |open: &mut Vec<(&'static str, Where)>, begin: usize, end: usize| {
        let answer = text.get(begin..end).unwrap_or_default();
        let closed = open.drain(..);
        commands.extend(closed.map(|(words, known)| act(words, known, Does::Nothing, answer)));
    };
    for line in text.split_inclusive('\n') {
        if let Some(found) = command(line) {
            if at > begin {
                close(&mut open, begin, at);
            }
            open.push(found);
            begin = at + line.len();
        }
        at += line.len();
    }
    close(&mut open, begin, at);
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read() {
        let commands = read("# For people.\n\n>>> a b\n>>> a c\nx\n\ny\n>># d\nz\n>>> e\n");
        let read: Vec<_> = commands
            .iter()
            .map(|command| (command.words, command.known, command.reply))
            .collect();
        let (all, privileged) = (Where::Exec, Where::Privileged);
        assert_eq!(
            read,
            [
                ("a b", all, "x\n\ny\n"),
                ("a c", all, "x\n\ny\n"),
                ("d", privileged, "z\n"),
                ("e", all, ""),
            ]
        );
    }

    #[test]
    fn every_file_begins_with_comments_and_commands() {
        for (_, file, text) in embedded::FILES {
            let mut lines = text.lines();
            let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
            assert!(
                first.is_some_and(|line| command(line).is_some()),
                "{file} begins with {first:?}"
            );
        }
    }

    #[test]
    fn no_command_of_a_platform_is_answered_twice() {
        for (platform, commands) in ANSWERS.iter() {
            let mut words: Vec<&str> = commands.iter().map(|command| command.words).collect();
            words.sort_unstable();
            let twice = words.windows(2).find(|pair| pair[0] == pair[1]);
            assert_eq!(twice, None, "{platform}");
        }
    }
}
