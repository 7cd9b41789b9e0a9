//! Records by regular expressions with named groups. Linear in the length of what one match looks at,
//! whatever the pattern: there is no backtracking.
//!
//! ```text
//!   without blocks:  every match of every pattern --------------> a record each
//!   with blocks:     output | block | block | block
//!                             first match of every pattern -----> a record for each block
//! ```

use std::ops::ControlFlow;

use netwolf_wire::rule::{Matches, RegexSource};
use regex::{CaptureLocations, Regex};

use super::Record;
use crate::{error::Fault, pattern};

/// A compiled `regex` source.
#[derive(Debug)]
pub(crate) struct RegexRecords {
    patterns: Vec<Pattern>,
    blocks: Option<Regex>,
    matches: Matches,
    fields: Vec<String>,
}

#[derive(Debug)]
struct Pattern {
    regex: Regex,
    /// Capture groups and the fields that they fill.
    groups: Vec<(usize, usize)>,
}

impl RegexRecords {
    /// Compiles all patterns.
    ///
    /// # Errors
    /// Every pattern's fault.
    pub(crate) fn compile(source: &RegexSource) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut patterns = Vec::new();
        let mut fields = Vec::new();
        if source.patterns.is_empty() {
            faults.push(Fault::NoPatterns);
        }
        for text in &source.patterns {
            match build(text) {
                Ok(regex) => {
                    let groups = groups(&regex, &mut fields);
                    patterns.push(Pattern { regex, groups });
                }
                Err(fault) => faults.push(fault),
            }
        }
        let blocks = match source.blocks.as_deref().map(build).transpose() {
            Ok(blocks) => blocks,
            Err(fault) => {
                faults.push(fault);
                None
            }
        };
        if faults.is_empty() {
            Ok(Self {
                patterns,
                blocks,
                matches: source.matches,
                fields,
            })
        } else {
            Err(faults)
        }
    }

    /// The fields' names, in the order of a record's indices.
    pub(crate) fn fields(&self) -> &[String] {
        &self.fields
    }

    /// Whether an output without any record is a problem.
    pub(crate) fn wants_a_record(&self) -> bool {
        self.matches == Matches::First
    }

    /// Gives `each` the records of `output`, in their order, until it breaks.
    pub(crate) fn read(&self, output: &str, mut each: impl FnMut(Record<'_>) -> ControlFlow<()>) {
        // `each` said how to go on, and there is nothing left to do either way.
        let _done = match &self.blocks {
            Some(blocks) => self.read_blocks(blocks, output, &mut each),
            None => self.read_matches(output, &mut each),
        };
    }

    fn read_matches(
        &self,
        output: &str,
        each: &mut impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut record = vec![None; self.fields.len()];
        for pattern in &self.patterns {
            let mut locations = pattern.regex.capture_locations();
            let mut at = 0;
            let mut last_end = None;
            while at <= output.len() {
                let Some(found) = pattern.regex.captures_read_at(&mut locations, output, at) else {
                    break;
                };
                let (end, is_empty) = (found.end(), found.is_empty());
                at = if is_empty {
                    next_char(output, end)
                } else {
                    end
                };
                // As in the crate's own iterators, an empty match right behind another one is none.
                if is_empty && last_end == Some(end) {
                    continue;
                }
                last_end = Some(end);
                record.fill(None);
                pattern.fill(&locations, output, &mut record);
                each(Record::new(&record))?;
                if self.matches == Matches::First {
                    break;
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn read_blocks(
        &self,
        blocks: &Regex,
        output: &str,
        each: &mut impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut record = vec![None; self.fields.len()];
        let mut locations: Vec<_> = self
            .patterns
            .iter()
            .map(|pattern| pattern.regex.capture_locations())
            .collect();
        let mut starts = blocks
            .find_iter(output)
            .map(|found| found.start())
            .peekable();
        while let Some(start) = starts.next() {
            let end = starts.peek().copied().unwrap_or(output.len());
            let block = output
                .get(start..end)
                .expect("matches begin at character boundaries, in their order");
            record.fill(None);
            let mut found = false;
            for (pattern, locations) in self.patterns.iter().zip(&mut locations) {
                if pattern.regex.captures_read(locations, block).is_some() {
                    found = true;
                    pattern.fill(locations, block, &mut record);
                }
            }
            if found {
                each(Record::new(&record))?;
            }
        }
        ControlFlow::Continue(())
    }
}

impl Pattern {
    /// Puts the groups that took part into `record`; a field that an earlier pattern filled stays.
    fn fill<'t>(
        &self,
        locations: &CaptureLocations,
        text: &'t str,
        record: &mut [Option<&'t str>],
    ) {
        for (group, field) in &self.groups {
            let slot = &mut record[*field];
            if slot.is_none() {
                *slot = locations
                    .get(*group)
                    .and_then(|(start, end)| text.get(start..end));
            }
        }
    }
}

/// The named groups of `regex` with the fields that they fill; new names are added to `fields`.
fn groups(regex: &Regex, fields: &mut Vec<String>) -> Vec<(usize, usize)> {
    let named = regex
        .capture_names()
        .enumerate()
        .filter_map(|(group, name)| Some((group, name?)));
    named
        .map(|(group, name)| {
            let field = fields
                .iter()
                .position(|field| field == name)
                .unwrap_or_else(|| {
                    fields.push(name.to_owned());
                    fields.len() - 1
                });
            (group, field)
        })
        .collect()
}

/// Compiles a pattern of the source.
fn build(text: &str) -> Result<Regex, Fault> {
    pattern::build(text).map_err(|error| Fault::pattern(text, error))
}

/// The start of the character after the one at `at`, or a place past the end.
fn next_char(text: &str, at: usize) -> usize {
    if at < text.len() {
        text.ceil_char_boundary(at + 1)
    } else {
        at + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records of `output` as `field=text` lines, absent fields left out.
    fn check(source: &RegexSource, output: &str, expected: &[&str]) {
        let source = RegexRecords::compile(source).unwrap();
        let mut records = Vec::new();
        source.read(output, |record| {
            let fields = source.fields().iter().enumerate();
            let fields =
                fields.filter_map(|(index, name)| Some(format!("{name}={}", record.field(index)?)));
            records.push(fields.collect::<Vec<_>>().join(" "));
            ControlFlow::Continue(())
        });
        assert_eq!(records, expected);
    }

    fn source(patterns: &[&str], matches: Matches, blocks: Option<&str>) -> RegexSource {
        RegexSource {
            patterns: patterns.iter().map(|&pattern| pattern.to_owned()).collect(),
            matches,
            blocks: blocks.map(str::to_owned),
        }
    }

    #[test]
    fn first_takes_the_first_match_of_each_pattern() {
        let source = source(&[r"(?P<a>\d)", r"(?P<b>[a-z])"], Matches::First, None);
        check(&source, "1 x 2 y", &["a=1", "b=x"]);
        check(&source, "1 2", &["a=1"]);
        check(&source, "", &[]);
    }

    #[test]
    fn every_takes_all_matches() {
        check(
            &source(&[r"(?P<a>\d)(?P<b>[a-z])?"], Matches::Every, None),
            "1x 2 3y",
            &["a=1 b=x", "a=2", "a=3 b=y"],
        );
    }

    #[test]
    fn empty_matches_are_those_of_the_crate() {
        let pattern = "(?P<a>x*)";
        for text in ["", "xx", "äxxäö", "axb"] {
            let crates: Vec<_> = Regex::new(pattern)
                .unwrap()
                .find_iter(text)
                .map(|found| format!("a={}", found.as_str()))
                .collect();
            check(
                &source(&[pattern], Matches::Every, None),
                text,
                &crates.iter().map(String::as_str).collect::<Vec<_>>(),
            );
        }
    }

    #[test]
    fn a_block_makes_one_record_of_all_patterns() {
        let source = source(
            &[r"\A(?P<name>\w+):", r"(?P<in>\d+) in", r"(?P<out>\d+) out"],
            Matches::First,
            Some(r"(?m)^\w+:"),
        );
        let output = "9 in\na: 1 in\n 2 out\nb: 3 out\n 4 out\nc: none\n";
        check(
            &source,
            output,
            &["name=a in=1 out=2", "name=b out=3", "name=c"],
        );
        check(&source, "9 in", &[]);
    }

    #[test]
    fn a_block_in_which_nothing_matches_makes_no_record() {
        check(
            &source(&[r"(?P<in>\d+) in"], Matches::First, Some("(?m)^")),
            "1 in\n\n2 in",
            &["in=1", "in=2"],
        );
    }

    #[test]
    fn the_first_pattern_that_has_a_field_fills_it() {
        let source = source(
            &[r"new (?P<a>\d)", r"old (?P<a>\d)"],
            Matches::First,
            Some(r"\A"),
        );
        check(&source, "old 1, new 2", &["a=2"]);
        check(&source, "old 1", &["a=1"]);
    }
}
