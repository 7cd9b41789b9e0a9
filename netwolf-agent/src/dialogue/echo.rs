//! Finds what was typed in what came back: literally, or wrapped over several lines by a narrow terminal.

/// Where the echo is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    /// It stands at these bytes of the lines; output begins after it.
    Found {
        /// Where its first line begins.
        start: usize,
        /// Past its line end.
        end: usize,
    },
    /// It may still come; so many bytes before it are of no use.
    NotYet {
        /// Bytes of blank lines and prompts.
        stale: usize,
    },
    /// There are lines, and none of them is the echo.
    Missing {
        /// All of them, in bytes.
        stale: usize,
    },
}

/// Looks for the echo of `text` in finished `lines`. Each line may begin with the prompt.
pub(super) fn find_echo(lines: &[u8], text: &str, prompt: &[u8]) -> Echo {
    // What a device in good order sends, without any copying.
    if lines
        .strip_prefix(text.as_bytes())
        .is_some_and(|rest| rest.first() == Some(&b'\n'))
    {
        return Echo::Found {
            start: 0,
            end: text.len() + 1,
        };
    }
    let typed: Vec<u8> = without_spaces(text.as_bytes()).collect();
    let mut start = 0;
    let mut other_lines = false;
    while start < lines.len() {
        match match_from(&lines[start..], &typed, prompt) {
            Match::Whole(length) => {
                return Echo::Found {
                    start,
                    end: start + length,
                };
            }
            Match::Part => return Echo::NotYet { stale: start },
            Match::None => {}
        }
        let line = first_line(&lines[start..]);
        let shown = line.trim_ascii();
        other_lines |= !shown.is_empty() && shown != prompt;
        start += line.len();
    }
    if other_lines {
        Echo::Missing { stale: start }
    } else {
        Echo::NotYet { stale: start }
    }
}

enum Match {
    /// Of so many bytes.
    Whole(usize),
    /// All there is so far fits, and there is more to come.
    Part,
    None,
}

fn match_from(lines: &[u8], typed: &[u8], prompt: &[u8]) -> Match {
    let first = first_line(lines);
    let shown = first.trim_ascii_start();
    let rest = shown.strip_prefix(prompt).unwrap_or(shown);
    let (mut matched, mut length) = (0, first.len());
    let mut line = rest;
    loop {
        let seen: Vec<u8> = without_spaces(line).collect();
        if seen.is_empty() || !typed[matched..].starts_with(&seen) {
            return Match::None;
        }
        matched += seen.len();
        if matched == typed.len() {
            return Match::Whole(length);
        }
        if length == lines.len() {
            return Match::Part;
        }
        line = first_line(&lines[length..]);
        length += line.len();
    }
}

fn first_line(lines: &[u8]) -> &[u8] {
    let end = lines
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(lines.len(), |at| at + 1);
    &lines[..end]
}

fn without_spaces(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &str, expected: Echo) {
        assert_eq!(
            find_echo(lines.as_bytes(), "show version", b"rtr-1#"),
            expected
        );
    }

    #[test]
    fn the_typed_text_is_found() {
        check("show version\nCisco\n", Echo::Found { start: 0, end: 13 });
        check(
            "rtr-1#show version\nCisco\n",
            Echo::Found { start: 0, end: 19 },
        );
    }

    #[test]
    fn what_came_before_is_skipped() {
        check(
            "\nrtr-1#\nrtr-1#show version\n",
            Echo::Found { start: 8, end: 27 },
        );
        check(
            "late output\nshow version\n",
            Echo::Found { start: 12, end: 25 },
        );
    }

    #[test]
    fn a_wrapped_echo_is_one() {
        check(
            "rtr-1#show ver\nsion\nCisco\n",
            Echo::Found { start: 0, end: 20 },
        );
        check("rtr-1#show ver\n", Echo::NotYet { stale: 0 });
    }

    #[test]
    fn prompts_and_blank_lines_alone_say_nothing() {
        check("", Echo::NotYet { stale: 0 });
        check("\nrtr-1#\n", Echo::NotYet { stale: 8 });
    }

    #[test]
    fn output_without_echo_is_noticed() {
        check("Cisco IOS\n", Echo::Missing { stale: 10 });
    }

    #[test]
    fn a_command_that_begins_like_another_is_not_its_echo() {
        check("show versions\n", Echo::Missing { stale: 14 });
    }
}
