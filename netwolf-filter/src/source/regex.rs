//! Records by regular expressions with named groups.
//!
//! ```text
//!   without blocks:  every match of every pattern --------------> a record each
//!   with blocks:     output | block | block | block
//!                             first match of every pattern -----> a record for each block
//! ```
//!
//! There is no backtracking: one search is linear in the length of what it looks at, whatever the pattern. That many
//! searches of one output are no more than that is the business of [`work`].

mod reach;
mod work;

use std::ops::{ControlFlow, Range};

use netwolf_wire::rule::{Matches, RegexSource};
use regex::{CaptureLocations, Regex};

pub(crate) use self::work::Over;
use self::{
    reach::{Measure, Reach},
    work::Work,
};
use super::Record;
use crate::{error::Fault, pattern};

/// A compiled `regex` source.
#[derive(Debug)]
pub(crate) struct RegexRecords {
    patterns: Vec<Pattern>,
    blocks: Option<Blocks>,
    matches: Matches,
    fields: Vec<String>,
}

#[derive(Debug)]
struct Pattern {
    regex: Regex,
    /// Capture groups and the fields that they fill.
    groups: Vec<(usize, usize)>,
    reach: Reach,
}

/// What the output is cut by.
#[derive(Debug)]
struct Blocks {
    regex: Regex,
    reach: Reach,
}

/// Why there are no more records, before the output is at its end.
enum Stop {
    /// Nobody wants more.
    Enough,
    Over,
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
                    let reach = Reach::new(text);
                    patterns.push(Pattern {
                        regex,
                        groups,
                        reach,
                    });
                }
                Err(fault) => faults.push(fault),
            }
        }
        let blocks = source.blocks.as_deref().map(Blocks::compile);
        let blocks = match blocks.transpose() {
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

    /// Whether each record that has `field` has `other`, too: every pattern with a group for the one has a group for
    /// the other, and none of its groups can be passed by.
    pub(crate) fn comes_with(&self, field: &str, other: &str) -> bool {
        let place = |name| self.fields.iter().position(|field| field == name);
        let (Some(field), Some(other)) = (place(field), place(other)) else {
            return false;
        };
        let mut with_field = self.patterns.iter().filter(|pattern| pattern.fills(field));
        with_field.all(|pattern| {
            let n_groups = pattern.regex.captures_len();
            pattern.fills(other) && pattern.regex.static_captures_len() == Some(n_groups)
        })
    }

    /// Whether an output without any record is a problem.
    pub(crate) fn wants_a_record(&self) -> bool {
        self.matches == Matches::First
    }

    /// Gives `each` the records of `output`, in their order, until it breaks.
    ///
    /// # Errors
    /// The output takes too much work. The records up to there are given.
    pub(crate) fn read(
        &self,
        output: &str,
        mut each: impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), Over> {
        let mut work = Work::new();
        let flow = match &self.blocks {
            Some(blocks) => self.read_blocks(blocks, output, &mut work, &mut each),
            None => self.read_matches(output, &mut work, &mut each),
        };
        match flow {
            ControlFlow::Break(Stop::Over) => Err(Over),
            ControlFlow::Break(Stop::Enough) | ControlFlow::Continue(()) => Ok(()),
        }
    }

    fn read_matches(
        &self,
        output: &str,
        work: &mut Work,
        each: &mut impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<Stop> {
        let mut record = vec![None; self.fields.len()];
        for pattern in &self.patterns {
            let mut locations = pattern.regex.capture_locations();
            let mut place = Place::default();
            let mut measure = None;
            while place.at <= output.len() {
                let from = place.at;
                let Some(found) = pattern.regex.captures_read_at(&mut locations, output, from)
                else {
                    break;
                };
                let (found, search) = (found.range(), from..found.end());
                if place.moves_on(output, &found) {
                    record.fill(None);
                    pattern.fill(&locations, output, &mut record);
                    each(Record::new(&record)).map_break(|()| Stop::Enough)?;
                    if self.matches == Matches::First {
                        break;
                    }
                }
                if let Err(Over) = work.found(output, search, &pattern.reach, &mut measure) {
                    return ControlFlow::Break(Stop::Over);
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn read_blocks(
        &self,
        blocks: &Blocks,
        output: &str,
        work: &mut Work,
        each: &mut impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<Stop> {
        let mut record = vec![None; self.fields.len()];
        let mut locations: Vec<_> = self
            .patterns
            .iter()
            .map(|pattern| pattern.regex.capture_locations())
            .collect();
        let mut starts = Starts::of(blocks, output);
        let mut start = starts.next(work)?;
        while let Some(begin) = start {
            start = starts.next(work)?;
            let block = output
                .get(begin..start.unwrap_or(output.len()))
                .expect("matches begin at character boundaries, in their order");
            record.fill(None);
            let mut found = false;
            for (pattern, locations) in self.patterns.iter().zip(&mut locations) {
                if let Err(Over) = work.search() {
                    return ControlFlow::Break(Stop::Over);
                }
                if pattern.regex.captures_read(locations, block).is_some() {
                    found = true;
                    pattern.fill(locations, block, &mut record);
                }
            }
            if found {
                each(Record::new(&record)).map_break(|()| Stop::Enough)?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Where the next search begins.
#[derive(Debug, Default)]
struct Place {
    at: usize,
    last_end: Option<usize>,
}

impl Place {
    /// Goes behind a match. False where it is none: as in the crate's own iterators, an empty one right behind another.
    fn moves_on(&mut self, output: &str, found: &Range<usize>) -> bool {
        self.at = if found.is_empty() {
            next_char(output, found.end)
        } else {
            found.end
        };
        if found.is_empty() && self.last_end == Some(found.end) {
            return false;
        }
        self.last_end = Some(found.end);
        true
    }
}

/// Where blocks begin, one after the other.
struct Starts<'b, 'o> {
    blocks: &'b Blocks,
    output: &'o str,
    place: Place,
    measure: Option<Measure>,
}

impl<'b, 'o> Starts<'b, 'o> {
    fn of(blocks: &'b Blocks, output: &'o str) -> Self {
        Self {
            blocks,
            output,
            place: Place::default(),
            measure: None,
        }
    }

    fn next(&mut self, work: &mut Work) -> ControlFlow<Stop, Option<usize>> {
        let (output, reach) = (self.output, &self.blocks.reach);
        while self.place.at <= output.len() {
            let from = self.place.at;
            let Some(found) = self.blocks.regex.find_at(output, from) else {
                // Nor is there one behind it.
                self.place.at = output.len() + 1;
                break;
            };
            let (found, search) = (found.range(), from..found.end());
            let is_one = self.place.moves_on(output, &found);
            if let Err(Over) = work.found(output, search, reach, &mut self.measure) {
                return ControlFlow::Break(Stop::Over);
            }
            if is_one {
                return ControlFlow::Continue(Some(found.start));
            }
        }
        ControlFlow::Continue(None)
    }
}

impl Blocks {
    fn compile(text: &str) -> Result<Self, Fault> {
        let regex = build(text)?;
        let reach = Reach::new(text);
        Ok(Self { regex, reach })
    }
}

impl Pattern {
    /// Whether it has a group for the field.
    fn fills(&self, field: usize) -> bool {
        self.groups.iter().any(|(_, filled)| *filled == field)
    }

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
mod tests;
