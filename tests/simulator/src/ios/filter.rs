//! Output filters: `| include RE`, `| exclude RE`, `| begin RE`, `| section RE`.
//!
//! Patterns are those of the `regex` crate, which IOS's are a subset of in practice, plus IOS's
//! `_` for any delimiter. Backreferences, which IOS has, are refused as a bad pattern.

use regex::Regex;

use super::grammar::Fault;

/// The largest compiled pattern, in bytes.
const PATTERN_SIZE: usize = 64 * 1024;
/// What IOS's `_` stands for.
const DELIMITER: &str = "(?:^|$|[ ,{}()])";

/// The text after the bar, and where it begins in characters from the line's begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    text: &'a str,
    place: usize,
}

/// Splits a line at its first bar that stands as a word.
pub(super) fn split(line: &str) -> (&str, Option<Part<'_>>) {
    match line.split_once(" |") {
        Some((text, rest)) => (
            text,
            Some(Part {
                text: rest,
                place: text.chars().count() + 2,
            }),
        ),
        None => (line, None),
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Include,
    Exclude,
    Begin,
    Section,
}

const KINDS: [(&str, Kind); 4] = [
    ("begin", Kind::Begin),
    ("exclude", Kind::Exclude),
    ("include", Kind::Include),
    ("section", Kind::Section),
];

/// What rows are looked at for.
#[derive(Debug)]
enum Pattern {
    /// A text without signs of a regular expression. Pollers filter by these at every poll, and
    /// to compile one each time would cost more than all the rest of the answer.
    Plain(String),
    Expression(Regex),
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, Fault> {
        if !text.contains(|c: char| r"\^$.|?*+()[]{}_".contains(c)) {
            return Ok(Self::Plain(text.to_owned()));
        }
        let expression = regex::RegexBuilder::new(&text.replace('_', DELIMITER))
            .size_limit(PATTERN_SIZE)
            .build()
            .map_err(|_| Fault::BadPattern)?;
        Ok(Self::Expression(expression))
    }

    fn fits(&self, row: &str) -> bool {
        match self {
            Self::Plain(text) => row.contains(text.as_str()),
            Self::Expression(expression) => expression.is_match(row),
        }
    }
}

/// A filter ready for use.
#[derive(Debug)]
pub(super) struct Filter {
    kind: Kind,
    pattern: Pattern,
}

impl Filter {
    /// Understands what stands after the bar, if there is one.
    pub(super) fn parse(part: Option<Part<'_>>) -> Result<Option<Self>, Fault> {
        let Some(Part { text, place }) = part else {
            return Ok(None);
        };
        let place = place + text.chars().take_while(|c| c.is_whitespace()).count();
        let text = text.trim_start();
        let (word, pattern) = text.split_once(' ').unwrap_or((text, ""));
        if word.is_empty() {
            return Err(Fault::Incomplete);
        }
        let shared = |name: &str| {
            word.chars()
                .zip(name.chars())
                .take_while(|(a, b)| a == b)
                .count()
        };
        let kind = KINDS
            .iter()
            .find(|(name, _)| name.starts_with(word))
            .map(|(_, kind)| *kind);
        let Some(kind) = kind else {
            let fits = KINDS
                .iter()
                .map(|(name, _)| shared(name))
                .max()
                .unwrap_or(0);
            return Err(Fault::Invalid {
                place: place + fits,
            });
        };
        if pattern.trim().is_empty() {
            return Err(Fault::Incomplete);
        }
        let pattern = Pattern::parse(pattern.trim_start())?;
        Ok(Some(Self { kind, pattern }))
    }

    /// Whether it might keep a row in which no letters stand but those of `words`.
    pub(super) fn may_keep(&self, words: &str) -> bool {
        match (self.kind, &self.pattern) {
            (Kind::Include, Pattern::Plain(text)) => text
                .split(|c: char| !c.is_alphabetic())
                .all(|run| words.contains(run)),
            _ => true,
        }
    }

    fn apply(&self, text: &str) -> String {
        let mut kept = String::new();
        let mut keep = |line: &str| {
            kept.push_str(line);
            kept.push('\n');
        };
        let fits = |line: &str| self.pattern.fits(line);
        match self.kind {
            Kind::Include => text.lines().filter(|line| fits(line)).for_each(&mut keep),
            Kind::Exclude => text.lines().filter(|line| !fits(line)).for_each(&mut keep),
            Kind::Begin => text
                .lines()
                .skip_while(|line| !fits(line))
                .for_each(&mut keep),
            Kind::Section => {
                // A section is a line that fits and the lines below it that stand further in.
                let mut inside: Option<usize> = None;
                for line in text.lines() {
                    let indent = line.len() - line.trim_start().len();
                    let goes_on = inside.is_some_and(|begin| indent > begin);
                    if !goes_on {
                        inside = fits(line).then_some(indent);
                    }
                    if inside.is_some() {
                        keep(line);
                    }
                }
            }
        }
        kept
    }
}

/// What `filter` leaves of `text`, all of it without one.
pub(super) fn apply(filter: Option<&Filter>, text: String) -> String {
    match filter {
        Some(filter) => filter.apply(&text),
        None => text,
    }
}
