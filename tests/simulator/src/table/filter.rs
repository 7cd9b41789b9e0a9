//! What stands behind a bar: `| include X` and its kin, in every family's words.

use std::fmt::Write as _;

use regex::Regex;

/// Applies `filter` (what stands behind the bar) to `body`; none if there is no such filter.
pub(super) fn apply(filter: &str, body: &str) -> Option<String> {
    let filter = filter.trim();
    let (word, argument) = filter
        .split_once(char::is_whitespace)
        .unwrap_or((filter, ""));
    let pattern = argument.trim().trim_matches('"');
    let keep = |wanted: bool| {
        let pattern = Regex::new(pattern).ok()?;
        let lines = body.lines().filter(|line| pattern.is_match(line) == wanted);
        Some(lines.fold(String::new(), |text, line| text + line + "\n"))
    };
    match word {
        "include" | "inc" | "i" | "match" | "grep" | "find" if !pattern.is_empty() => keep(true),
        "exclude" | "exc" | "except" if !pattern.is_empty() => keep(false),
        "begin" => {
            let pattern = Regex::new(pattern).ok()?;
            let lines = body.lines().skip_while(|line| !pattern.is_match(line));
            Some(lines.fold(String::new(), |text, line| text + line + "\n"))
        }
        "count" => {
            let mut text = String::new();
            writeln!(text, "Count: {} lines", body.lines().count()).expect("a string takes all");
            Some(text)
        }
        "no-more" | "nomore" | "cat" => Some(body.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_or_left_out() {
        #[track_caller]
        fn check(filter: &str, expected: Option<&str>) {
            assert_eq!(apply(filter, "one\ntwo\nthree\n").as_deref(), expected);
        }
        check("include ^t", Some("two\nthree\n"));
        check("except \"t\"", Some("one\n"));
        check("count", Some("Count: 3 lines\n"));
        check("begin tw", Some("two\nthree\n"));
        check("include (", None);
        check("json", None);
    }
}
