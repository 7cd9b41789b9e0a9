//! What rules make of one output, as people and programs read it: records, samples, problems.
//!
//! Samples are written by the writer of `/metrics`, so that what stands here is what will stand there.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use netwolf_filter::{Extraction, Family, Filter, Problem, Reading, RecordReader, RuleError};
use netwolf_manager::{
    clock::Tick,
    exposition::{self, Format, OwnFamily, Type},
    series::SeriesStore,
};
use netwolf_wire::{
    rule::Rule,
    series::{Kind, Value},
};
use serde::Serialize;

use crate::{print, table};

/// The rules of one command, compiled.
#[derive(Debug)]
pub(crate) struct Rules {
    readers: Vec<RecordReader>,
    /// None where the rules have no metrics, and their records are all that is wanted.
    filter: Option<Filter>,
}

/// What the rules made of one output.
#[derive(Debug)]
pub(crate) struct Outcome<'r> {
    /// Each rule with what it read.
    readings: Vec<(&'r RecordReader, Reading)>,
    /// Families that samples name by their index.
    families: &'r [Family],
    extraction: Extraction,
    /// How long a poll would take over it: records and samples, without what is only for people.
    pub(crate) took: Duration,
}

/// As programs read it.
#[derive(Debug, Serialize)]
pub(crate) struct Json<'o> {
    records: Vec<JsonRule<'o>>,
    samples: Vec<JsonSample<'o>>,
    problems: Vec<JsonProblem<'o>>,
    unlisted_problems: usize,
}

#[derive(Debug, Serialize)]
struct JsonRule<'o> {
    rule: &'o str,
    fields: &'o [String],
    /// Absent fields are left out.
    records: Vec<BTreeMap<&'o str, &'o str>>,
}

#[derive(Debug, Serialize)]
struct JsonSample<'o> {
    name: &'o str,
    kind: Kind,
    labels: BTreeMap<&'o str, &'o str>,
    value: Value,
}

#[derive(Debug, Serialize)]
struct JsonProblem<'o> {
    rule: &'o str,
    kind: &'static str,
    text: &'o str,
}

impl Rules {
    /// Compiles `rules`. Where none of them has a metric, only their records are read.
    ///
    /// # Errors
    /// Every fault of every rule.
    pub(crate) fn compile(rules: &[Rule]) -> Result<Self, Vec<RuleError>> {
        let filter = if rules.iter().all(|rule| rule.metrics.is_empty()) {
            None
        } else {
            Some(Filter::compile(rules)?)
        };
        let readers: Result<_, _> = rules.iter().map(RecordReader::compile).collect();
        Ok(Self {
            readers: readers?,
            filter,
        })
    }

    /// Whether there is nothing to read by.
    pub(crate) fn is_empty(&self) -> bool {
        self.readers.is_empty()
    }

    /// Whether samples are to come out, and not only records.
    pub(crate) const fn have_metrics(&self) -> bool {
        self.filter.is_some()
    }

    /// Reads `output`.
    pub(crate) fn read(&self, output: &str) -> Outcome<'_> {
        let began = Instant::now();
        let extraction = self.filter.as_ref().map(|filter| filter.apply(output));
        let filtered = began.elapsed();
        let readers = self.readers.iter();
        let readings: Vec<_> = readers
            .map(|reader| (reader, reader.read(output)))
            .collect();
        let took = if self.filter.is_some() {
            filtered
        } else {
            began.elapsed()
        };
        // A filter tells the problems of its sources, too.
        let extraction = extraction.unwrap_or_else(|| problems_of(&readings));
        Outcome {
            readings,
            families: self.filter.as_ref().map_or(&[], Filter::families),
            extraction,
            took,
        }
    }
}

fn problems_of(readings: &[(&RecordReader, Reading)]) -> Extraction {
    let mut extraction = Extraction::default();
    for (_, reading) in readings {
        extraction.problems.extend_from_slice(&reading.problems);
        extraction.unlisted_problems += reading.unlisted_problems;
    }
    extraction
}

impl Outcome<'_> {
    /// How many records all rules read.
    pub(crate) fn records(&self) -> usize {
        let readings = self.readings.iter();
        readings.map(|(_, reading)| reading.records.len()).sum()
    }

    /// How many samples came out.
    pub(crate) fn samples(&self) -> usize {
        self.extraction.samples.len()
    }

    /// What could not be read, a line for each.
    pub(crate) fn problems(&self) -> impl Iterator<Item = String> {
        let more = match self.extraction.unlisted_problems {
            0 => None,
            n => Some(format!("there are {}", print::count(n, "more problem"))),
        };
        let listed = self.extraction.problems.iter().map(Problem::to_string);
        listed.chain(more)
    }

    /// The samples as they would stand at `/metrics`; with the label `device` where one is named.
    pub(crate) fn exposition(&self, device: Option<&str>) -> String {
        let mut families: Vec<OwnFamily> = self.families.iter().map(empty).collect();
        for sample in &self.extraction.samples {
            let own = sample.labels.iter();
            let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
            let labels: Vec<_> = device
                .map(|device| ("device", device))
                .into_iter()
                .chain(own)
                .collect();
            families[sample.family].add(&labels, sample.value);
        }
        exposition::render(Format::Text, families, &SeriesStore::default(), Tick(0))
    }

    /// The records of each rule as a table.
    pub(crate) fn tables(&self) -> String {
        let mut page = String::new();
        for (reader, Reading { records, .. }) in &self.readings {
            let headings: Vec<&str> = reader.fields().iter().map(String::as_str).collect();
            let absent = |field: &Option<String>| field.clone().unwrap_or_default();
            let rows: Vec<Vec<String>> = records
                .iter()
                .map(|record| record.iter().map(absent).collect())
                .collect();
            let count = print::count(rows.len(), "record");
            writeln!(
                page,
                "--- rule \"{}\": {count}",
                print::plain(reader.rule())
            )
            .expect("a string takes all");
            if !rows.is_empty() {
                page += &table::render_any(&headings, rows.iter().map(Vec::as_slice));
            }
        }
        page
    }

    /// All of it, for programs.
    pub(crate) fn json(&self) -> Json<'_> {
        Json {
            records: self
                .readings
                .iter()
                .map(|(reader, reading)| json_rule(reader, reading))
                .collect(),
            samples: self.json_samples(),
            problems: self
                .extraction
                .problems
                .iter()
                .map(|Problem { rule, kind, text }| JsonProblem {
                    rule,
                    kind: kind.as_str(),
                    text,
                })
                .collect(),
            unlisted_problems: self.extraction.unlisted_problems,
        }
    }

    fn json_samples(&self) -> Vec<JsonSample<'_>> {
        let samples = self.extraction.samples.iter().map(|sample| {
            let family = &self.families[sample.family];
            let labels = sample.labels.iter();
            JsonSample {
                name: &family.name,
                kind: family.kind,
                labels: labels
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect(),
                value: Value(sample.value),
            }
        });
        samples.collect()
    }
}

/// A family as the writer of pages wants it: the endings of names are the writer's.
fn empty(family: &Family) -> OwnFamily {
    let kind = Type::from(family.kind);
    let suffix = match family.kind {
        Kind::Gauge | Kind::StateSet => "",
        Kind::Counter => "_total",
        Kind::Info => "_info",
    };
    let base = family.name.strip_suffix(suffix).unwrap_or(&family.name);
    OwnFamily::new(base, kind, &family.help)
}

fn json_rule<'o>(reader: &'o RecordReader, reading: &'o Reading) -> JsonRule<'o> {
    let names = reader.fields();
    let records = reading.records.iter().map(|record| {
        let fields = names.iter().zip(record);
        fields
            .filter_map(|(name, text)| Some((name.as_str(), text.as_deref()?)))
            .collect()
    });
    JsonRule {
        rule: reader.rule(),
        fields: names,
        records: records.collect(),
    }
}

#[cfg(test)]
mod tests;
