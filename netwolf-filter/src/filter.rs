//! All rules of one command, compiled, and what they make of an output.

mod seen;
#[cfg(test)]
mod tests;

use std::{collections::HashSet, ops::ControlFlow, sync::Arc};

use netwolf_wire::rule::Rule;

use self::seen::Seen;
use crate::{
    error::{Fault, RuleError},
    family::{Families, Family},
    limits::{MAX_PROBLEMS, MAX_RECORDS, MAX_SAMPLES},
    metric::MetricMaker,
    problem::{Problem, ProblemKind, excerpt},
    recollection::Recollection,
    source::{Found, Records},
};

/// The rules of one command, ready to be applied to its outputs.
///
/// Compiling takes milliseconds and is done once for a plan; applying takes microseconds. A filter can
/// be shared between threads, but then its patterns share their caches as well: one for each shard is faster.
#[derive(Debug)]
pub struct Filter {
    rules: Vec<CompiledRule>,
    families: Vec<Family>,
}

#[derive(Debug)]
struct CompiledRule {
    name: String,
    records: Records,
    metrics: Vec<MetricMaker>,
}

/// Names and values of a series' labels, sorted by name, none empty.
pub type Labels = [(String, String)];

/// One value of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Index in [`Filter::families`].
    pub family: usize,
    /// `device` is implied and not among them.
    pub labels: Arc<Labels>,
    /// In the unit that the family's name says.
    pub value: f64,
}

/// What a filter made of one output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extraction {
    /// In the order of rules, records and metrics; each series once.
    pub samples: Vec<Sample>,
    /// What could not be read, in the order of rules and of the output; at most [`MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// Problems that are not listed, because there were too many.
    pub unlisted_problems: usize,
}

impl Extraction {
    /// How many problems there were, listed or not.
    pub fn problem_count(&self) -> usize {
        self.problems.len() + self.unlisted_problems
    }
}

impl Filter {
    /// Compiles the rules of one command.
    ///
    /// # Errors
    /// Every fault of every rule, in the order of the rules.
    ///
    /// ```
    /// use netwolf_filter::Filter;
    /// use netwolf_wire::{
    ///     rule::{Matches, Metric, Parse, RegexSource, Rule},
    ///     series::Kind,
    /// };
    ///
    /// let rule = Rule {
    ///     name: "uptime".into(),
    ///     regex: Some(RegexSource {
    ///         patterns: vec!["uptime is (?P<uptime>.+)".into()], matches: Matches::First, blocks: None,
    ///     }),
    ///     textfsm: None,
    ///     jq: None,
    ///     metrics: vec![Metric {
    ///         name: "device_uptime_seconds".into(),
    ///         kind: Kind::Gauge,
    ///         help: "Time since the device started.".into(),
    ///         labels: [].into(),
    ///         value: Some("uptime".into()),
    ///         parse: Parse::Duration,
    ///         map: [].into(),
    ///         scale: 1.0,
    ///         offset: 0.0,
    ///     }],
    /// };
    /// let filter = Filter::compile(&[rule]).unwrap();
    /// assert_eq!(filter.families()[0].name, "device_uptime_seconds");
    ///
    /// let extraction = filter.apply("rtr-1 uptime is 2 days, 3 hours, 4 minutes");
    /// assert_eq!(extraction.samples[0].value, 183_840.0);
    ///
    /// // Output that says something else is data as well.
    /// assert_eq!(filter.apply("% Invalid input").problems[0].rule, "uptime");
    /// ```
    pub fn compile(rules: &[Rule]) -> Result<Self, Vec<RuleError>> {
        let mut errors = Vec::new();
        let mut names = HashSet::new();
        let mut families = Families::default();
        let mut compiled = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let mut faults = Vec::new();
            if rule.name.trim().is_empty() {
                faults.push(Fault::NoName);
            } else if !names.insert(rule.name.as_str()) {
                faults.push(Fault::DuplicateRule);
            }
            match compile_rule(rule, &mut families, &mut faults) {
                Some(rule) if faults.is_empty() => compiled.push(rule),
                _ => errors.extend(
                    faults
                        .into_iter()
                        .map(|fault| RuleError::new(index, &rule.name, fault)),
                ),
            }
        }
        if errors.is_empty() {
            Ok(Self {
                rules: compiled,
                families: families.into_vec(),
            })
        } else {
            Err(errors)
        }
    }

    /// The families of all samples, by the index that samples name.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// Turns an output into samples. What cannot be read becomes problems and costs nothing else.
    pub fn apply(&self, output: &str) -> Extraction {
        self.apply_again(output, &mut Recollection::default())
    }

    /// As [`Self::apply`], to one output after another of one device and command: the same, and cheaper.
    ///
    /// ```
    /// # use netwolf_filter::{Filter, Recollection};
    /// # use netwolf_wire::{rule::{Matches, Metric, Parse, RegexSource, Rule}, series::Kind};
    /// # let metric = Metric { name: "fan_ok".into(), kind: Kind::Gauge, help: "Whether it turns.".into(),
    /// #     labels: [("fan".into(), "${fan}".into())].into(), value: Some("ok".into()), parse: Parse::Number,
    /// #     map: [].into(), scale: 1.0, offset: 0.0 };
    /// # let regex = Some(RegexSource { patterns: vec![r"fan (?P<fan>\d) (?P<ok>\d)".into()],
    /// #     matches: Matches::Every, blocks: None });
    /// # let rule = Rule { name: "fans".into(), regex, textfsm: None, jq: None, metrics: vec![metric] };
    /// # let filter = Filter::compile(&[rule]).unwrap();
    /// let mut recollection = Recollection::default();
    /// let first = filter.apply_again("fan 1 1, fan 2 1", &mut recollection);
    /// let second = filter.apply_again("fan 1 1, fan 2 0", &mut recollection);
    /// assert!(std::sync::Arc::ptr_eq(&first.samples[1].labels, &second.samples[1].labels));
    /// assert_eq!(second, filter.apply("fan 1 1, fan 2 0"));
    /// ```
    pub fn apply_again(&self, output: &str, recollection: &mut Recollection) -> Extraction {
        recollection.begin();
        let mut collector = Collector {
            families: &self.families,
            seen: Seen::default(),
            extraction: Extraction {
                samples: Vec::with_capacity(recollection.len()),
                ..Extraction::default()
            },
            recollection,
        };
        for rule in &self.rules {
            let flow = rule.apply(output, &mut collector);
            if flow.is_break() {
                break;
            }
        }
        collector.recollection.end(&collector.extraction.samples);
        collector.extraction
    }
}

impl CompiledRule {
    /// Breaks when no more samples are taken.
    fn apply(&self, output: &str, collector: &mut Collector<'_>) -> ControlFlow<()> {
        let mut records = 0;
        let mut flow = ControlFlow::Continue(());
        self.records.read(output, |found| {
            let record = match found {
                Found::Record(record) => record,
                Found::Problem(kind, text) => {
                    collector.tell(self, kind, text);
                    return ControlFlow::Continue(());
                }
                Found::UnlistedProblems(count) => {
                    collector.extraction.unlisted_problems += count;
                    return ControlFlow::Continue(());
                }
            };
            if records == MAX_RECORDS {
                collector.tell(self, ProblemKind::TooMany, format!("{MAX_RECORDS} records"));
                return ControlFlow::Break(());
            }
            records += 1;
            for metric in &self.metrics {
                match metric.make(record, collector.recollection) {
                    Ok(Some(sample)) => flow = collector.add(sample, self),
                    Ok(None) => {}
                    Err((kind, text)) => collector.tell(self, kind, text),
                }
                flow?;
            }
            ControlFlow::Continue(())
        });
        if records == 0 && self.records.wants_a_record() {
            let first_line = output
                .lines()
                .find(|line| !line.trim().is_empty())
                .unwrap_or_default();
            collector.tell(self, ProblemKind::NoMatch, excerpt(first_line));
        }
        flow
    }
}

/// Compiles one rule; its faults are added to `faults`, and the rule is of use only when there are none.
fn compile_rule(
    rule: &Rule,
    families: &mut Families,
    faults: &mut Vec<Fault>,
) -> Option<CompiledRule> {
    let records = Records::compile(rule)
        .map_err(|found| faults.extend(found))
        .ok();
    if rule.metrics.is_empty() {
        faults.push(Fault::NoMetrics);
    }
    let fields = records.as_ref().map(Records::fields);
    let mut metrics = Vec::new();
    for metric in &rule.metrics {
        match MetricMaker::compile(metric, families, fields) {
            Ok(metric) => metrics.push(metric),
            Err(found) => faults.extend(found.into_iter().map(|fault| match &records {
                Some(records) => records.told(fault),
                None => fault,
            })),
        }
    }
    Some(CompiledRule {
        name: rule.name.clone(),
        records: records?,
        metrics,
    })
}

/// Gathers an extraction and keeps its bounds.
struct Collector<'f> {
    families: &'f [Family],
    seen: Seen,
    extraction: Extraction,
    recollection: &'f mut Recollection,
}

impl Collector<'_> {
    /// Takes the sample of a new series; breaks when there are too many.
    fn add(&mut self, sample: Sample, rule: &CompiledRule) -> ControlFlow<()> {
        if !self.seen.is_new(&sample, &self.extraction.samples) {
            self.tell(rule, ProblemKind::Duplicate, self.series(&sample));
        } else if self.extraction.samples.len() == MAX_SAMPLES {
            self.tell(rule, ProblemKind::TooMany, format!("{MAX_SAMPLES} samples"));
            return ControlFlow::Break(());
        } else {
            self.extraction.samples.push(sample);
        }
        ControlFlow::Continue(())
    }

    fn tell(&mut self, rule: &CompiledRule, kind: ProblemKind, text: String) {
        if self.extraction.problems.len() < MAX_PROBLEMS {
            self.extraction.problems.push(Problem {
                rule: rule.name.clone(),
                kind,
                text,
            });
        } else {
            self.extraction.unlisted_problems += 1;
        }
    }

    /// The sample's series as people write it.
    fn series(&self, sample: &Sample) -> String {
        let labels: Vec<_> = sample
            .labels
            .iter()
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        excerpt(&format!(
            "{}{{{}}}",
            self.families[sample.family].name,
            labels.join(",")
        ))
    }
}
