//! Finds what was typed in what came back. A terminal that is narrower than was asked for wraps it over several
//! lines, writes its lines over each other, or scrolls it sideways; a device that was behind echoes it twice.

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
        /// Bytes of lines before it.
        stale: usize,
        /// They are not all blank or prompts.
        other_lines: bool,
    },
    /// There are lines, and none of them is the echo.
    Missing {
        /// All of them, in bytes.
        stale: usize,
    },
}

/// What an echo is looked for by.
#[derive(Clone, Copy)]
pub(super) struct Sought<'a> {
    /// What was typed.
    pub(super) text: &'a str,
    /// The literal prompt; each line may begin with it.
    pub(super) prompt: &'a [u8],
    /// Whether a text may be a prompt, for one that has changed.
    pub(super) fits: &'a dyn Fn(&[u8]) -> bool,
    /// Whether a mangled echo is one: not while the output of another command may still come.
    pub(super) mangled: bool,
}

/// The narrowest terminal that is thought of.
const MIN_WIDTH: usize = 20;

/// A line that ends in so many bytes of what was typed, spaces aside, is its echo, however it begins.
const TELLING: usize = 8;

/// Looks for the echo in finished `lines`.
pub(super) fn find_echo(lines: &[u8], sought: &Sought<'_>) -> Echo {
    // What a device in good order sends, without any copying.
    if lines
        .strip_prefix(sought.text.as_bytes())
        .is_some_and(|rest| rest.first() == Some(&b'\n'))
    {
        return Echo::Found {
            start: 0,
            end: sought.text.len() + 1,
        };
    }
    let typed: Vec<u8> = without_spaces(sought.text.as_bytes()).collect();
    let mut start = 0;
    let mut other_lines = false;
    while start < lines.len() {
        // Only the first line is read so generously: output is no echo because it looks a bit like one.
        let sought = &Sought {
            mangled: sought.mangled && !other_lines,
            ..*sought
        };
        match match_from(&lines[start..], &typed, sought) {
            Match::Whole(length) => {
                return Echo::Found {
                    start,
                    end: start + length,
                };
            }
            Match::Part => {
                return Echo::NotYet {
                    stale: start,
                    other_lines,
                };
            }
            Match::None => {}
        }
        let line = first_line(&lines[start..]);
        let shown = line.trim_ascii();
        other_lines |= !shown.is_empty() && shown != sought.prompt;
        start += line.len();
    }
    if other_lines {
        Echo::Missing { stale: start }
    } else {
        Echo::NotYet {
            stale: start,
            other_lines,
        }
    }
}

/// Bytes of the first of `lines` when it is the prompt with the echo once more.
pub(super) fn repeated_echo(lines: &[u8], sought: &Sought<'_>) -> Option<usize> {
    let line = first_line(lines);
    let rest = line.trim_ascii_start().strip_prefix(sought.prompt)?;
    without_spaces(rest)
        .eq(without_spaces(sought.text.as_bytes()))
        .then_some(line.len())
}

/// Whether `text`, whose last line has no end yet, is no more than the beginning of an echo, or a whole one that was
/// changed on its way.
pub(super) fn is_begun(text: &[u8], sought: &Sought<'_>) -> bool {
    let shown = text.trim_ascii();
    let typed: Vec<u8> = without_spaces(sought.text.as_bytes()).collect();
    if shown.is_empty() || shown.len() > 4 * (typed.len() + sought.prompt.len() + MIN_WIDTH) {
        return false;
    }
    let line = shown.strip_prefix(sought.prompt).unwrap_or(shown);
    let seen: Vec<u8> = without_spaces(line).collect();
    typed.starts_with(&seen) || is_changed(shown, &typed, sought)
}

enum Match {
    /// Of so many bytes.
    Whole(usize),
    /// All there is so far fits, and there is more to come.
    Part,
    None,
}

fn match_from(lines: &[u8], typed: &[u8], sought: &Sought<'_>) -> Match {
    let first = first_line(lines);
    let shown = first.trim_ascii();
    if typed.is_empty() || shown.is_empty() {
        return Match::None;
    }
    if is_changed(shown, typed, sought) {
        return Match::Whole(first.len());
    }
    let (mut matched, mut length) = (0, first.len());
    let mut line = shown.strip_prefix(sought.prompt).unwrap_or(shown);
    loop {
        let seen = typed[matched..].get(..without_spaces(line).count());
        let seen = seen.filter(|seen| !seen.is_empty());
        let Some(seen) = seen.filter(|seen| without_spaces(line).eq(seen.iter().copied())) else {
            return Match::None;
        };
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

/// Whether one line shows all that was typed, though not as it was typed.
fn is_changed(shown: &[u8], typed: &[u8], sought: &Sought<'_>) -> bool {
    let text = sought.text.trim().as_bytes();
    // The prompt has changed since it was learned.
    if let Some(head) = shown.strip_suffix(text)
        && !head.is_empty()
        && (sought.fits)(head.trim_ascii_end())
    {
        return true;
    }
    // Scrolled sideways: `rtr-1#$uration | include x`.
    let rest = shown.strip_prefix(sought.prompt).unwrap_or(shown);
    if let Some(end) = rest.strip_prefix(b"$")
        && !end.is_empty()
        && text.ends_with(end)
    {
        return true;
    }
    if !sought.mangled {
        return false;
    }
    typed.len() >= TELLING
        && without_spaces_back(shown)
            .take(TELLING)
            .eq(typed.iter().rev().copied().take(TELLING))
        || is_overlaid(shown, text, sought.prompt)
}

/// Whether `shown` is what is left of prompt and text when each row of a narrow terminal was written over
/// the one before: some devices wrap by a space and a carriage return. The prompt stands before the text,
/// or was there before anything was typed and is not held any more.
fn is_overlaid(shown: &[u8], text: &[u8], prompt: &[u8]) -> bool {
    let (with, spaced) = ([prompt, text].concat(), [prompt, b" ", text].concat());
    (MIN_WIDTH..spaced.len()).any(|width| {
        let behind = width.saturating_sub(prompt.len());
        [
            (with.as_slice(), width),
            (&spaced, width),
            (text, behind),
            (text, behind.saturating_sub(1)),
        ]
        .into_iter()
        .any(|(whole, first)| first < whole.len() && shows_rows(shown, whole, first, width))
    })
}

/// Whether `shown` is `whole` in rows of `first` and then `width` columns, all written over each other.
fn shows_rows(shown: &[u8], whole: &[u8], first: usize, width: usize) -> bool {
    let (row, rest) = whole.split_at(first);
    let rows = || std::iter::once(row).chain(rest.chunks(width));
    (0..shown.len().max(width)).all(|column| {
        // The last row that reaches this column shows there.
        let expected = rows().rev().find_map(|row| row.get(column));
        expected.unwrap_or(&b' ') == shown.get(column).unwrap_or(&b' ')
    })
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

fn without_spaces_back(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes
        .iter()
        .rev()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sought(text: &str) -> Sought<'_> {
        Sought {
            text,
            prompt: b"rtr-1#",
            fits: &|text| text == b"new#",
            mangled: true,
        }
    }

    #[track_caller]
    fn check(lines: &str, expected: Echo) {
        assert_eq!(
            find_echo(lines.as_bytes(), &sought("show version")),
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
        check(
            "rtr-1#show ver\n",
            Echo::NotYet {
                stale: 0,
                other_lines: false,
            },
        );
    }

    #[test]
    fn prompts_and_blank_lines_alone_say_nothing() {
        check(
            "",
            Echo::NotYet {
                stale: 0,
                other_lines: false,
            },
        );
        check(
            "\nrtr-1#\n",
            Echo::NotYet {
                stale: 8,
                other_lines: false,
            },
        );
    }

    #[test]
    fn output_without_echo_is_noticed() {
        check("Cisco IOS\n", Echo::Missing { stale: 10 });
    }

    #[test]
    fn a_command_that_begins_like_another_is_not_its_echo() {
        check("show versions\n", Echo::Missing { stale: 14 });
    }

    #[test]
    fn a_changed_prompt_before_the_typed_text_is_none_of_it() {
        check("new#show version\n", Echo::Found { start: 0, end: 17 });
        check("old#show version\n", Echo::Found { start: 0, end: 17 });
        let strict = Sought {
            mangled: false,
            ..sought("show version")
        };
        assert_eq!(
            find_echo(b"old#show version\n", &strict),
            Echo::Missing { stale: 17 }
        );
    }

    #[test]
    fn an_echo_that_was_scrolled_sideways_is_found() {
        check("rtr-1#$w version\n", Echo::Found { start: 0, end: 17 });
        check("rtr-1#$x version\n", Echo::Missing { stale: 17 });
    }

    #[test]
    fn an_echo_whose_rows_lie_over_each_other_is_found() {
        let text = "show router interface detail";
        // Twenty columns: "rtr-1#show router in", then "terface detail" over it.
        let lines = b"terface detailter in\nThe interfaces\n";
        assert_eq!(
            find_echo(lines, &sought(text)),
            Echo::Found { start: 0, end: 21 }
        );
        let other = b"terface detailter im\n";
        assert_eq!(find_echo(other, &sought(text)), Echo::Missing { stale: 21 });
    }

    #[test]
    fn an_echo_is_one_from_its_first_byte_on() {
        let sought = sought("show version");
        for text in [
            "s",
            "show ver",
            "show version",
            "\nshow ver\nsi",
            "rtr-1#show",
            "new#show version",
            "rtr-1#$w version",
        ] {
            assert!(is_begun(text.as_bytes(), &sought), "{text:?}");
        }
        for text in [
            "",
            "\n",
            "Proceed? [confirm]",
            "show version\nProceed? [confirm]",
            "showing",
        ] {
            assert!(!is_begun(text.as_bytes(), &sought), "{text:?}");
        }
        let long = "s".repeat(10_000);
        assert!(!is_begun(long.as_bytes(), &sought));
    }

    #[test]
    fn the_prompt_with_the_text_again_is_a_repeated_echo() {
        let sought = sought("show version");
        assert_eq!(
            repeated_echo(b"rtr-1# show version\nx\n", &sought),
            Some(20)
        );
        assert_eq!(repeated_echo(b"show version\n", &sought), None);
        assert_eq!(repeated_echo(b"rtr-1#show versions\n", &sought), None);
        assert_eq!(repeated_echo(b"", &sought), None);
    }
}
