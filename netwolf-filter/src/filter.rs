//! All rules of one command, compiled, and what they make of an output.

mod seen;
#[cfg(test)]
mod tests;

use std::{cell::OnceCell, collections::HashSet, ops::ControlFlow, sync::Arc};

use netwolf_wire::rule::Rule;

use self::seen::Seen;
use crate::{
    check,
    condition::Condition,
    error::{Fault, RuleError},
    family::{Families, Family},
    limits::{MAX_PROBLEMS, MAX_RECORDS, MAX_SAMPLES},
    metric::MetricMaker,
    problem::{Problem, ProblemKind, excerpt, first_line},
    recollection::Recollection,
    source::{Found, Record, Records, Shared},
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
    condition: Condition,
    metrics: Vec<MetricMaker>,
    /// Of one output.
    max_series: usize,
}

/// What takes no more samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Full {
    /// The rule has made all that it may.
    Rule,
    /// All rules have.
    Output,
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
    ///     metrics: vec![Metric {
    ///         value: Some("uptime".into()),
    ///         parse: Parse::Duration,
    ///         ..Metric::new("device_uptime_seconds", Kind::Gauge, "Time since the device started.")
    ///     }],
    ///     ..Rule::default()
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
    /// # use netwolf_wire::{rule::{Matches, Metric, RegexSource, Rule}, series::Kind};
    /// # let metric = Metric { labels: [("fan".into(), "${fan}".into())].into(), value: Some("ok".into()),
    /// #     ..Metric::new("fan_ok", Kind::Gauge, "Whether it turns.") };
    /// # let regex = Some(RegexSource { patterns: vec![r"fan (?P<fan>\d) (?P<ok>\d)".into()],
    /// #     matches: Matches::Every, blocks: None });
    /// # let rule = Rule { name: "fans".into(), regex, metrics: vec![metric], ..Rule::default() };
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
            first_of_rule: 0,
            seen: Seen::default(),
            extraction: Extraction {
                samples: Vec::with_capacity(recollection.len()),
                ..Extraction::default()
            },
            recollection,
        };
        let closed = OnceCell::new();
        let shared = Shared::new(output, &closed);
        for rule in &self.rules {
            let flow = rule.apply(&shared, &mut collector);
            if flow.is_break() {
                break;
            }
        }
        collector.recollection.end(&collector.extraction.samples);
        collector.extraction
    }
}

impl CompiledRule {
    /// Breaks when no more samples are taken of any rule.
    fn apply(&self, shared: &Shared<'_>, collector: &mut Collector<'_>) -> ControlFlow<()> {
        let mut records = 0;
        let mut full = None;
        collector.begin_rule();
        self.records.read(shared, |found| {
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
            if !self.condition.holds(record) {
                return ControlFlow::Continue(());
            }
            for metric in &self.metrics {
                self.make(metric, record, collector)
                    .map_break(|by| full = Some(by))?;
            }
            ControlFlow::Continue(())
        });
        if records == 0 && self.records.wants_a_record() {
            collector.tell(self, ProblemKind::NoMatch, first_line(shared.output()));
        }
        match full {
            Some(Full::Output) => ControlFlow::Break(()),
            Some(Full::Rule) | None => ControlFlow::Continue(()),
        }
    }

    /// Makes the samples of one metric of one record. Breaks when no more samples are taken.
    fn make(
        &self,
        metric: &MetricMaker,
        record: Record<'_>,
        collector: &mut Collector<'_>,
    ) -> ControlFlow<Full> {
        let outcome = match metric.read(record) {
            Ok(Some(outcome)) => outcome,
            Ok(None) => return ControlFlow::Continue(()),
            Err((kind, text)) => {
                collector.tell(self, kind, text);
                return ControlFlow::Continue(());
            }
        };
        for place in 0..metric.n_samples() {
            match metric.sample(place, outcome, record, collector.recollection) {
                Ok(sample) => collector.add(sample, self)?,
                Err((kind, text)) => {
                    collector.tell(self, kind, text);
                    break;
                }
            }
        }
        ControlFlow::Continue(())
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
    let condition = Condition::compile(&rule.when, &rule.unless, None, |name| {
        let Some(fields) = fields else { return Ok(0) };
        let place = fields.iter().position(|field| field == name);
        place.ok_or_else(|| Fault::UnknownConditionField {
            field: name.to_owned(),
            known: fields.to_vec(),
        })
    });
    let condition = condition.map_err(|found| faults.extend(found)).ok();
    let max_series = max_series(rule).map_err(|fault| faults.push(fault)).ok();
    let mut metrics = Vec::new();
    let mut sound = Vec::new();
    for (place, metric) in rule.metrics.iter().enumerate() {
        match MetricMaker::compile(metric, families, fields) {
            Ok(maker) => {
                metrics.push(maker);
                sound.push((place, metric));
            }
            Err(found) => faults.extend(found.into_iter().map(|fault| match &records {
                Some(records) => records.told(fault),
                None => fault,
            })),
        }
    }
    // Where the source is at fault, only what is the same for all sources is known.
    let comes_with = |field: &str, other: &str| {
        let records = records.as_ref();
        records.is_some_and(|records| records.comes_with(field, other))
    };
    faults.extend(check::repeated(&sound, comes_with));
    Some(CompiledRule {
        name: rule.name.clone(),
        records: records?,
        condition: condition?,
        max_series: max_series?,
        metrics,
    })
}

/// How many series the rule may make of one output.
fn max_series(rule: &Rule) -> Result<usize, Fault> {
    let Some(found) = rule.max_series else {
        return Ok(MAX_SAMPLES);
    };
    let most = usize::try_from(found).ok();
    most.filter(|most| (1..=MAX_SAMPLES).contains(most))
        .ok_or(Fault::BadMaxSeries { found })
}

/// Gathers an extraction and keeps its bounds.
struct Collector<'f> {
    families: &'f [Family],
    /// Where the samples of the rule begin.
    first_of_rule: usize,
    seen: Seen,
    extraction: Extraction,
    recollection: &'f mut Recollection,
}

impl Collector<'_> {
    /// Another rule begins.
    fn begin_rule(&mut self) {
        self.first_of_rule = self.extraction.samples.len();
    }

    /// Takes the sample of a new series; breaks when there are too many.
    fn add(&mut self, sample: Sample, rule: &CompiledRule) -> ControlFlow<Full> {
        let n_samples = self.extraction.samples.len();
        if !self.seen.is_new(&sample, &self.extraction.samples) {
            self.tell(rule, ProblemKind::Duplicate, self.series(&sample));
        } else if n_samples == MAX_SAMPLES {
            self.tell(rule, ProblemKind::TooMany, format!("{MAX_SAMPLES} samples"));
            return ControlFlow::Break(Full::Output);
        } else if n_samples - self.first_of_rule == rule.max_series {
            let most = format!("{} series of this rule", rule.max_series);
            self.tell(rule, ProblemKind::TooMany, most);
            return ControlFlow::Break(Full::Rule);
        } else {
            self.extraction.samples.push(sample);
        }
        ControlFlow::Continue(())
    }

    fn tell(&mut self, rule: &CompiledRule, kind: ProblemKind, text: String) {
        let problem = Problem {
            rule: rule.name.clone(),
            kind,
            text,
        };
        if self.extraction.problems.len() < MAX_PROBLEMS {
            self.extraction.problems.push(problem);
            return;
        }
        self.extraction.unlisted_problems += 1;
        // That something was left out is worth more than one more odd line.
        if kind == ProblemKind::TooMany
            && let Some(last) = self.extraction.problems.last_mut()
        {
            *last = problem;
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
