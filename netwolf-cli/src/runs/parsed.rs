//! `--parse`: the outputs of a fleet as one table, a row for each record of each device. Pure but for what is read at
//! the start.
//!
//! ```text
//!   a collector's name --> for each platform its commands and their rules --+
//!                                                                           +--> rows: device, fields
//!   FILE.textfsm ---------> a template for every output -------------------+
//! ```
//!
//! Columns are those of all rules together, in the order in which they came first: platforms that name a field alike
//! share its column.
//!
//! A rule whose metrics have no labels tells of the device as a whole. What such rules have found, each of them once, is
//! one row, whichever commands it is from: one of facts, and not one of the version and one of the uptime. What a field
//! would have twice begins another row.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use netwolf_filter::{
    RecordReader, RuleError,
    textfsm::{Parsed, ProblemKind, Template},
};
use netwolf_manager::library::Library;
use netwolf_wire::{rule::Rule, series::Kind};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::{answer::StepView, csv, form::Form};
use crate::{
    library, parse,
    print::{self, put},
    table,
    unknown::Unknown,
};

mod gathered;

use gathered::{Found, Gathered};

/// What could not be read is told of so many outputs; the rest is counted.
const MAX_WARNINGS: usize = 20;

/// The column that is always there.
const DEVICE: &str = "device";
/// The column that tells which rule made a row, where a platform has several that make rows of their own.
const RULE: &str = "rule";

/// What reads outputs.
#[derive(Debug)]
pub(super) enum Reader {
    /// Every output.
    Template(Template),
    /// Outputs of the collector's own commands, by platform.
    Collector {
        name: String,
        platforms: BTreeMap<String, Vec<Known>>,
    },
}

/// A command of a collector.
#[derive(Clone, Debug)]
pub(super) struct Known {
    command: String,
    rules: Vec<Arc<KnownRule>>,
}

/// A rule of a command.
#[derive(Debug)]
struct KnownRule {
    reader: RecordReader,
    /// It tells of the device as a whole.
    is_of_device: bool,
}

impl KnownRule {
    fn compile(rule: &Rule) -> Result<Self, Vec<RuleError>> {
        // What an info metric has in its labels is what it tells, and not of which part.
        let mut told = rule
            .metrics
            .iter()
            .filter(|metric| metric.kind != Kind::Info);
        Ok(Self {
            reader: RecordReader::compile(rule)?,
            is_of_device: told.all(|metric| metric.labels.is_empty()),
        })
    }
}

/// Whether a platform's rules make rows that are not alike, whichever of its commands they are of: those of the device
/// as a whole make one, unless they have a field in common.
fn has_kinds_of_rows(commands: &[Known]) -> bool {
    let rules = || commands.iter().flat_map(|known| &known.rules);
    let mut fields = BTreeSet::new();
    let mut of_device = rules().filter(|rule| rule.is_of_device);
    let is_one = of_device.all(|rule| rule.reader.fields().iter().all(|it| fields.insert(it)));
    let of_device = rules().filter(|rule| rule.is_of_device).count();
    let others = rules().count() - of_device;
    others + if is_one { of_device.min(1) } else { of_device } > 1
}

impl Reader {
    /// Finds and compiles what is called `name`. `commands` are those that will be typed, where they are known.
    ///
    /// # Errors
    /// The exit code, where it is nothing to read by; it is said why.
    pub(super) fn load(
        name: &str,
        config_file: Option<&Path>,
        commands: &[String],
    ) -> Result<Self, ExitCode> {
        let is_file = Path::new(name)
            .extension()
            .is_some_and(|end| end == "textfsm")
            || name.contains('/');
        if is_file {
            return Self::template(Path::new(name))
                .map_err(|error| print::usage(&format!("{error:#}"), None));
        }
        let library = library::load(config_file).ok_or(ExitCode::from(2))?;
        Self::collector(&library, name, commands).map_err(|fault| match fault {
            Fault::Unknown(unknown) => unknown.tell(),
            Fault::Rules(faults) => print::faults(&faults),
        })
    }

    fn template(file: &Path) -> anyhow::Result<Self> {
        let text = parse::read(file)?;
        let template = Template::parse(&text)
            .map_err(|error| anyhow::anyhow!("\"{}\" is no template: {error}", file.display()))?;
        Ok(Self::Template(template))
    }

    fn collector(library: &Library, name: &str, commands: &[String]) -> Result<Self, Fault> {
        let mut platforms = BTreeMap::new();
        let mut texts = Vec::new();
        for variant in library::variants(library, name, None).map_err(Fault::Unknown)? {
            let mut known = Vec::new();
            for command in &variant.collector.commands {
                let rules = command.rules.iter();
                let rules: Result<Vec<_>, _> = rules
                    .map(|rule| KnownRule::compile(rule).map(Arc::new))
                    .collect();
                let rules = rules.map_err(Fault::Rules)?;
                texts.push(command.text.clone());
                known.push(Known {
                    command: folded(&command.text),
                    rules,
                });
            }
            for platform in variant.platforms {
                platforms.insert(platform.to_owned(), known.clone());
            }
        }
        let is_known = |typed: &String| texts.iter().any(|text| folded(text) == folded(typed));
        if !commands.is_empty() && !commands.iter().any(is_known) {
            texts.sort_unstable();
            texts.dedup();
            let listed = texts.iter().map(|text| format!("\n    '{text}'"));
            let listed = listed.collect::<Vec<_>>().concat();
            let message =
                format!("collector \"{name}\" reads the output of none of these commands");
            let hint = format!("it reads:{listed}");
            return Err(Fault::Unknown(Unknown::new(message, Some(hint))));
        }
        Ok(Self::Collector {
            name: name.to_owned(),
            platforms,
        })
    }

    /// Whether rows need to tell by which rule they were made.
    fn has_rules(&self) -> bool {
        match self {
            Self::Template(_) => false,
            Self::Collector { platforms, .. } => platforms
                .values()
                .any(|commands| has_kinds_of_rows(commands)),
        }
    }
}

enum Fault {
    Unknown(Unknown),
    Rules(Vec<RuleError>),
}

/// A command with one space where there are several: what a device makes of it is the same.
fn folded(command: &str) -> String {
    command.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The rows of a fleet.
#[derive(Debug)]
pub(super) struct Fleet {
    reader: Reader,
    form: Form,
    run: Value,
    columns: Vec<String>,
    /// A value for each column that was known when the row came, as programs and as people read it.
    rows: Vec<Vec<Option<(Value, String)>>>,
    warnings: Vec<String>,
    n_warnings: usize,
}

impl Fleet {
    pub(super) fn new(reader: Reader, form: Form) -> Self {
        let mut columns = vec![DEVICE.to_owned()];
        if reader.has_rules() {
            columns.push(RULE.to_owned());
        }
        Self {
            reader,
            form,
            run: Value::Null,
            columns,
            rows: Vec::new(),
            warnings: Vec::new(),
            n_warnings: 0,
        }
    }

    pub(super) fn begin(&mut self, run: &Value) {
        self.run = run.clone();
    }

    /// Reads the outputs of a step.
    pub(super) fn step(&mut self, step: &StepView) {
        let device = &step.device;
        if step.state != "succeeded" {
            let reason = step.reason.as_ref().map(|reason| format!(": {reason}"));
            self.warn(format!(
                "{device}: {}{}",
                step.state,
                reason.unwrap_or_default()
            ));
            return;
        }
        let mut problems = Vec::new();
        let mut gathered = Gathered::default();
        for entry in step.transcript.iter().filter(|entry| !entry.verify) {
            if entry.truncated {
                problems.push(format!("the output of '{}' was cut", entry.command));
            }
            let output = entry.output.replace("\r\n", "\n");
            match &self.reader {
                Reader::Template(template) => {
                    let Parsed {
                        table,
                        problems: found,
                        ..
                    } = template.run_leniently(&output);
                    // A template takes the lines that it is made for; the others are most of every output.
                    let odd = found
                        .iter()
                        .filter(|problem| problem.kind != ProblemKind::Unmatched);
                    problems.extend(odd.map(ToString::to_string));
                    let names: Vec<_> = table
                        .header()
                        .iter()
                        .map(|name| name.to_lowercase())
                        .collect();
                    for row in table.rows() {
                        let cells = names.iter().zip(row).map(|(name, cell)| {
                            (name.clone(), parse::cell(cell), cell.to_string())
                        });
                        let cells = cells.collect();
                        gathered.rows.push(Found { by: None, cells });
                    }
                }
                Reader::Collector { platforms, .. } => {
                    let known = platforms.get(&step.platform).into_iter().flatten();
                    let known = known.filter(|known| known.command == folded(&entry.command));
                    for rule in known.flat_map(|known| &known.rules) {
                        let KnownRule {
                            reader,
                            is_of_device,
                        } = &**rule;
                        let reading = reader.read(&output);
                        problems.extend(reading.problems.iter().map(ToString::to_string));
                        let is_single = reading.records.len() == 1;
                        for record in reading.records {
                            let fields = reader.fields().iter().zip(record);
                            let cells = fields.filter_map(|(field, text)| {
                                let text = text?;
                                Some((field.clone(), Value::from(text.as_str()), text))
                            });
                            let has_rules =
                                self.columns.get(1).is_some_and(|column| column == RULE);
                            let found = Found {
                                by: has_rules.then(|| reader.rule().to_owned()),
                                cells: cells.collect(),
                            };
                            if *is_of_device && is_single {
                                gathered.add_to_device(found);
                            } else {
                                gathered.rows.push(found);
                            }
                        }
                    }
                }
            }
        }
        if gathered.rows.is_empty() && problems.is_empty() {
            problems.push(match &self.reader {
                Reader::Collector { name, platforms }
                    if !platforms.contains_key(&step.platform) =>
                {
                    format!(
                        "collector \"{name}\" has nothing for platform \"{}\"",
                        step.platform
                    )
                }
                _ => "nothing was found in its output".to_owned(),
            });
        }
        for found in gathered.rows {
            self.push(device, found);
        }
        for problem in problems {
            self.warn(format!("{device}: {problem}"));
        }
    }

    fn push(&mut self, device: &str, found: Found) {
        let mut row = vec![None; self.columns.len()];
        row[0] = Some((Value::from(device), device.to_owned()));
        if let Some(by) = found.by {
            row[1] = Some((Value::from(by.as_str()), by));
        }
        for (name, value, text) in found.cells {
            let name = if name == DEVICE || name == RULE {
                format!("parsed_{name}")
            } else {
                name
            };
            let place = self.columns.iter().position(|column| *column == name);
            let place = place.unwrap_or_else(|| {
                self.columns.push(name);
                row.push(None);
                self.columns.len() - 1
            });
            row[place] = Some((value, text));
        }
        self.rows.push(row);
    }

    fn warn(&mut self, warning: String) {
        self.n_warnings += 1;
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(warning);
        }
    }

    pub(super) fn end(&mut self) -> String {
        let rows = std::mem::take(&mut self.rows);
        match self.form {
            Form::Json => {
                let rows = Rows {
                    columns: &self.columns,
                    rows: &rows,
                };
                let answer = json!({ "run": self.run, "columns": self.columns });
                // The rows last, since there may be many; their fields in the order of the columns.
                let head = answer.to_string();
                let head = head.strip_suffix('}').unwrap_or(&head);
                let rows = serde_json::to_string(&rows).unwrap_or_default();
                format!("{head},\"rows\":{rows}}}\n")
            }
            Form::Csv => {
                let mut text = csv::record(&self.columns);
                for row in self.texts(&rows) {
                    text += &csv::record(row);
                }
                text
            }
            Form::Table | Form::Raw => {
                let headings: Vec<_> = self
                    .columns
                    .iter()
                    .map(|name| name.to_uppercase())
                    .collect();
                let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
                let texts: Vec<Vec<String>> = self.texts(&rows).collect();
                let mut page = table::render_any(&headings, texts.iter().map(Vec::as_slice));
                put(
                    &mut page,
                    format_args!("{}\n", print::count(rows.len(), "row")),
                );
                page
            }
        }
    }

    fn texts<'r>(
        &'r self,
        rows: &'r [Vec<Option<(Value, String)>>],
    ) -> impl Iterator<Item = Vec<String>> + 'r {
        let text = |cell: Option<&Option<(Value, String)>>| match cell {
            Some(Some((_, text))) => text.clone(),
            _ => String::new(),
        };
        rows.iter().map(move |row| {
            (0..self.columns.len())
                .map(|no| text(row.get(no)))
                .collect()
        })
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        if self.n_warnings > warnings.len() {
            let more = print::count(self.n_warnings - warnings.len(), "more warning");
            warnings.push(format!("there are {more}"));
        }
        warnings
    }
}

struct Rows<'a> {
    columns: &'a [String],
    rows: &'a [Vec<Option<(Value, String)>>],
}

struct Row<'a>(&'a [String], &'a [Option<(Value, String)>]);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows.iter().map(|row| Row(self.columns, row)))
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (no, column) in self.0.iter().enumerate() {
            let value = self
                .1
                .get(no)
                .and_then(Option::as_ref)
                .map(|(value, _)| value);
            map.serialize_entry(column, &value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;
