//! What is wrong with rules, in words for the person who wrote them.

use netwolf_wire::series::Kind;
use thiserror::Error;

use crate::{
    jq::ProgramError,
    limits::{MAX_LABEL_BYTES, MAX_REGEX_BYTES, MAX_SAMPLES, MAX_STATES},
    pattern::PatternError,
    textfsm::{TemplateError, limits::MAX_PATTERN_BYTES},
    xml::PathError,
};

/// A fault of one rule.
///
/// ```
/// # use netwolf_wire::rule::{Matches, RegexSource, Rule};
/// let rule = Rule {
///     name: "load".into(),
///     regex: Some(RegexSource { patterns: vec!["(?P<load>".into()], matches: Matches::First, blocks: None }),
///     ..Rule::default()
/// };
/// let errors = netwolf_filter::Filter::compile(&[rule]).unwrap_err();
/// assert_eq!(
///     errors[0].to_string(),
///     r#"rule "load": pattern "(?P<load>" is not a regular expression: unclosed group at character 1"#
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("rule {rule:?}: {fault}")]
pub struct RuleError {
    /// The rule's place among the rules, from 0: names need not be unique when they are at fault.
    pub index: usize,
    /// The rule's name.
    pub rule: String,
    /// What is wrong.
    pub fault: Fault,
    /// What to do about it.
    pub hint: Option<String>,
}

impl RuleError {
    pub(crate) fn new(index: usize, rule: &str, fault: Fault) -> Self {
        let hint = fault.hint();
        Self {
            index,
            rule: rule.to_owned(),
            fault,
            hint,
        }
    }
}

/// What can be wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// The rule's name is empty.
    #[error("a rule needs a name")]
    NoName,
    /// Another rule of the same command has the name.
    #[error("another rule of the command has this name")]
    DuplicateRule,
    /// The rule has no metrics.
    #[error("the rule has no metrics")]
    NoMetrics,
    /// The rule has no source.
    #[error("the rule has none of `regex`, `textfsm`, `jq` and `xml`")]
    NoSource,
    /// The rule has more than one source.
    #[error("the rule has more than one of `regex`, `textfsm`, `jq` and `xml`")]
    ManySources,
    /// The regex source has no patterns.
    #[error("the rule has no patterns")]
    NoPatterns,
    /// A pattern does not compile.
    #[error("pattern \"{pattern}\" is not a regular expression: {reason}")]
    BadPattern {
        /// The pattern as written.
        pattern: String,
        /// Why it is none.
        reason: String,
    },
    /// A pattern compiles to more than [`MAX_REGEX_BYTES`].
    #[error("pattern \"{pattern}\" takes more than {MAX_REGEX_BYTES} bytes when compiled")]
    PatternTooBig {
        /// The pattern as written.
        pattern: String,
    },
    /// The text of a `textfsm` source is no template.
    #[error("the template is refused: {0}")]
    BadTemplate(TemplateError),
    /// Patterns of a template compile to more than [`MAX_PATTERN_BYTES`].
    #[error(
        "the pattern in line {line} of the template takes more than {MAX_PATTERN_BYTES} bytes when compiled"
    )]
    TemplateTooBig {
        /// The line in the template, from 1.
        line: usize,
    },
    /// Two values of a template make one field.
    #[error("two values of the template are named {field:?} in lower case")]
    RepeatedField {
        /// The field.
        field: String,
    },
    /// The text of a `jq` source is no program.
    #[error("the program is refused: {0}")]
    BadProgram(ProgramError),
    /// A path of an `xml` source is none.
    #[error("the path {path:?} of {} is refused: {error}", what_of(field.as_deref()))]
    BadPath {
        /// Of which field; of the records where there is none.
        field: Option<String>,
        /// The path as written.
        path: String,
        /// Why it is none.
        error: PathError,
    },
    /// The metric's name is not one that Prometheus takes.
    #[error("metric name {metric:?} is not valid in Prometheus")]
    MetricName {
        /// The metric.
        metric: String,
    },
    /// A counter's name does not end in `_total`, or an info metric's not in `_info`.
    #[error("the name of {} metric {metric:?} does not end in {suffix:?}", kind_name(*kind))]
    SuffixMissing {
        /// The metric.
        metric: String,
        /// Its kind.
        kind: Kind,
        /// The ending that the kind wants.
        suffix: &'static str,
    },
    /// The name ends as the names of another kind do.
    #[error("the name of {} metric {metric:?} ends in {suffix:?}, which stands for another kind", kind_name(*kind))]
    SuffixWrong {
        /// The metric.
        metric: String,
        /// Its kind.
        kind: Kind,
        /// The ending that another kind has.
        suffix: &'static str,
    },
    /// The name has a unit that is no base unit of Prometheus.
    #[error("the name of metric {metric:?} has the unit {unit:?}, which is no base unit")]
    OtherUnit {
        /// The metric.
        metric: String,
        /// The unit that the name has.
        unit: String,
        /// The base unit for it.
        base: &'static str,
        /// What a number is multiplied by.
        factor: String,
        /// What is added then, if anything.
        offset: Option<String>,
    },
    /// A word of the name says what the metric's type says already.
    #[error("the name of {} metric {metric:?} has the type {word:?} in it", kind_name(*kind))]
    TypeInName {
        /// The metric.
        metric: String,
        /// Its kind.
        kind: Kind,
        /// The type, as Prometheus names it.
        word: &'static str,
    },
    /// Words of a metric's or label's name are told apart by capitals.
    #[error("the name of {}metric {metric:?} is in camelCase", of_label(label.as_deref()))]
    CamelCase {
        /// The metric.
        metric: String,
        /// The label, unless it is the metric's own name.
        label: Option<String>,
        /// The name as it should be.
        snake_case: String,
    },
    /// `NetWolf` or Prometheus makes a metric of this name by itself.
    #[error("metric {metric:?} is one that NetWolf or Prometheus makes by itself")]
    OwnName {
        /// The metric.
        metric: String,
    },
    /// The metric has no help text.
    #[error("metric {metric:?} has no help text")]
    NoHelp {
        /// The metric.
        metric: String,
    },
    /// A gauge or counter names no field for its value.
    #[error("metric {metric:?} has no value")]
    NoValue {
        /// The metric.
        metric: String,
    },
    /// An info metric names a field for its value.
    #[error("info metric {metric:?} has a value")]
    InfoValue {
        /// The metric.
        metric: String,
    },
    /// A number in the rule is not finite, or the scale is zero.
    #[error("{what} of metric {metric:?} has a number that cannot be used")]
    BadNumber {
        /// The metric.
        metric: String,
        /// Which number.
        what: &'static str,
    },
    /// A state set names no states.
    #[error("stateset metric {metric:?} has no states")]
    NoStates {
        /// The metric.
        metric: String,
    },
    /// A state set names more than [`MAX_STATES`].
    #[error("stateset metric {metric:?} has more than {MAX_STATES} states")]
    TooManyStates {
        /// The metric.
        metric: String,
    },
    /// A state cannot be the value of a label.
    #[error("state {state:?} of metric {metric:?} cannot be a label value")]
    BadState {
        /// The metric.
        metric: String,
        /// The state.
        state: String,
    },
    /// A state is there twice, whatever the case.
    #[error("state {state:?} of metric {metric:?} is there twice")]
    RepeatedState {
        /// The metric.
        metric: String,
        /// The state.
        state: String,
    },
    /// An alias stands for a state that there is not.
    #[error(
        "alias {text:?} of metric {metric:?} stands for {state:?}, which is none of its states"
    )]
    UnknownState {
        /// The metric.
        metric: String,
        /// The alias.
        text: String,
        /// What it stands for.
        state: String,
        /// The states that there are.
        known: Vec<String>,
    },
    /// A state set has a label of the name that the label with the state has.
    #[error("label {metric:?} of metric {metric:?} is the one with the state")]
    StateLabel {
        /// The metric.
        metric: String,
    },
    /// A key that does nothing beside the others.
    #[error("`{key}` of metric {metric:?} has no effect")]
    UselessKey {
        /// The metric.
        metric: String,
        /// The key.
        key: &'static str,
        /// Where it has one.
        needs: &'static str,
    },
    /// A condition names a field without any text that it may have.
    #[error("{}the condition on field {field:?} has no texts", about(metric.as_deref()))]
    EmptyCondition {
        /// The metric, unless it is a condition of the rule.
        metric: Option<String>,
        /// The field.
        field: String,
    },
    /// A condition has a regular expression that is none.
    #[error("{}{text:?} is not a regular expression between slashes: {reason}", about(metric.as_deref()))]
    BadCondition {
        /// The metric, unless it is a condition of the rule.
        metric: Option<String>,
        /// The text as written.
        text: String,
        /// Why it is none.
        reason: String,
    },
    /// A condition of the rule is about a field that its records do not have.
    #[error("the rule has a condition on field {field:?}, which its records do not have")]
    UnknownConditionField {
        /// The field.
        field: String,
        /// The fields that there are.
        known: Vec<String>,
    },
    /// The rule may make no series, or more than an output may have.
    #[error("`max_series` is {found}")]
    BadMaxSeries {
        /// What it is.
        found: u32,
    },
    /// A format or offset of times is none.
    #[error("{text:?} in `times` of metric {metric:?} cannot be used: {reason}")]
    BadTimes {
        /// The metric.
        metric: String,
        /// The format or offset as written.
        text: String,
        /// Why it cannot be used.
        reason: &'static str,
    },
    /// A field that no pattern has as a group.
    #[error("metric {metric:?} uses field {field:?}, which no pattern has as a named group")]
    UnknownField {
        /// The metric.
        metric: String,
        /// The field.
        field: String,
        /// The fields that there are.
        known: Vec<String>,
    },
    /// A field that a template has not as a value.
    #[error(
        "metric {metric:?} uses field {field:?}, which is no value of the template in lower case"
    )]
    UnknownValue {
        /// The metric.
        metric: String,
        /// The field.
        field: String,
        /// The fields that there are.
        known: Vec<String>,
    },
    /// A field that an `xml` source has no path for.
    #[error("metric {metric:?} uses field {field:?}, for which the rule has no path")]
    UnknownPath {
        /// The metric.
        metric: String,
        /// The field.
        field: String,
        /// The fields that there are.
        known: Vec<String>,
    },
    /// A field that a program's objects have not as a key.
    #[error("metric {metric:?} uses field {field:?}, which is no key of the program's objects")]
    UnknownKey {
        /// The metric.
        metric: String,
        /// The field.
        field: String,
        /// The fields that there are.
        known: Vec<String>,
    },
    /// A label's text has `${` without `}`.
    #[error("label text {text:?} has \"${{\" without \"}}\"")]
    OpenTemplate {
        /// The text as written.
        text: String,
    },
    /// A label's text has `$field` for `${field}`.
    #[error("label text {text:?} of metric {metric:?} has \"${field}\", which stands for itself")]
    BareField {
        /// The metric.
        metric: String,
        /// The text as written.
        text: String,
        /// The field that is meant.
        field: String,
    },
    /// The label's name is not one that Prometheus takes.
    #[error("label name {label:?} of metric {metric:?} is not valid in Prometheus")]
    LabelName {
        /// The metric.
        metric: String,
        /// The label.
        label: String,
    },
    /// The label's name belongs to NetWolf or Prometheus.
    #[error("label name {label:?} of metric {metric:?} is reserved")]
    ReservedLabel {
        /// The metric.
        metric: String,
        /// The label.
        label: String,
    },
    /// The metric is there with another kind.
    #[error("metric {metric:?} is there with another kind")]
    KindConflict {
        /// The metric.
        metric: String,
    },
    /// Two metrics differ only in the ending that their kinds add, so they are one family in `OpenMetrics`.
    #[error("metrics {metric:?} and {other:?} are the same family in OpenMetrics")]
    FamilyConflict {
        /// The metric.
        metric: String,
        /// The one that was there.
        other: String,
    },
    /// The metric is there already with the same labels, and that one has a value wherever this one has.
    #[error(
        "metric {metric:?} is there already with the same labels, and of the two only the first counts"
    )]
    RepeatedMetric {
        /// The metric.
        metric: String,
        /// Its place among the rule's metrics, from 0.
        place: usize,
    },
}

impl Fault {
    /// The fault of a pattern that cannot be used.
    pub(crate) fn pattern(pattern: &str, error: PatternError) -> Self {
        let pattern = pattern.to_owned();
        match error {
            PatternError::TooBig => Self::PatternTooBig { pattern },
            PatternError::Syntax(reason) => Self::BadPattern { pattern, reason },
        }
    }

    /// The fault as it is told of a rule whose source is a template.
    pub(crate) fn of_a_template(self) -> Self {
        match self {
            Self::UnknownField {
                metric,
                field,
                known,
            } => Self::UnknownValue {
                metric,
                field,
                known,
            },
            fault => fault,
        }
    }

    /// The fault as it is told of a rule whose source are paths.
    pub(crate) fn of_paths(self) -> Self {
        match self {
            Self::UnknownField {
                metric,
                field,
                known,
            } => Self::UnknownPath {
                metric,
                field,
                known,
            },
            fault => fault,
        }
    }

    /// The fault as it is told of a rule whose source is a program.
    pub(crate) fn of_a_program(self) -> Self {
        match self {
            Self::UnknownField {
                metric,
                field,
                known,
            } => Self::UnknownKey {
                metric,
                field,
                known,
            },
            fault => fault,
        }
    }

    /// What to do about it, where there is something to say that the fault does not say itself.
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoName | Self::NoMetrics | Self::NoPatterns => return None,
            Self::NoSource => "write `regex` with `patterns`, `textfsm` with the text of a template, `jq` with a program, or `xml` with paths".into(),
            Self::ManySources => "make two rules of it".into(),
            Self::BadTemplate(_) => "lines and columns are those of the template, not of the file; `netwolf parse --textfsm FILE` tries one by itself".into(),
            Self::BadProgram(error) => return error.hint.clone(),
            Self::BadPath { .. } => "paths are such as `//physical-interface`, `name`, `traffic/input-bytes`, `../name`, `@style`; names have no namespace".into(),
            Self::TemplateTooBig { .. } => "in counted repetitions write `[0-9]` for `\\d` and `[0-9A-Za-z_]` for `\\w`, or use `+`".into(),
            Self::DuplicateRule => "problems are counted by rule: give each rule of a command a name of its own".into(),
            Self::BadPattern { reason, .. } if reason.contains("look-around") || reason.contains("backreferences") => {
                "match the surrounding text as well, and put only the wanted part into a named group".into()
            }
            Self::BadPattern { .. } => "the syntax is that of the Rust crate regex; quote patterns with single quotes in YAML".into(),
            Self::PatternTooBig { .. } => "in counted repetitions write `[0-9A-Za-z_]` for `\\w` and `[0-9]` for `\\d`, which have all of Unicode in them, or use `+`".into(),
            Self::MetricName { .. } => "use lower-case letters, digits and `_`, and begin with a letter; `:` is for recording rules".into(),
            Self::SuffixMissing { metric, kind, suffix } => {
                format!("call it {:?}, or choose another kind than {}", format!("{metric}{suffix}"), kind_name(*kind))
            }
            Self::SuffixWrong { suffix: "_total", .. } => "drop the ending, or make it a counter if it only ever goes up".into(),
            Self::SuffixWrong { suffix: "_info", .. } => "drop the ending, or make it an info metric without a value".into(),
            Self::SuffixWrong { metric, suffix, .. } => {
                let name = metric.strip_suffix(suffix).unwrap_or(metric);
                format!("call it {name:?}, or end it otherwise: {suffix:?} is for parts of histograms, summaries and counters")
            }
            Self::OtherUnit { unit, base, factor, offset: Some(offset), .. } => {
                format!("write {base:?} for {unit:?}, with `scale: {factor}` and `offset: {offset}`")
            }
            Self::OtherUnit { unit, base, factor, .. } if factor == "1" => format!("write {base:?} for {unit:?}"),
            Self::OtherUnit { unit, base, factor, .. } => {
                format!("write {base:?} for {unit:?}, with `scale: {factor}` or a `parse` that makes {base} of it")
            }
            Self::TypeInName { word, .. } => format!("leave {word:?} out: the metric's type is told beside its name"),
            Self::CamelCase { snake_case, .. } => format!("call it {snake_case:?}"),
            Self::OwnName { .. } => "choose another name; docs/metrics.md lists those that are taken".into(),
            Self::NoHelp { .. } => "say in one sentence what the number means".into(),
            Self::NoValue { .. } => "name a field in `value`, or make it an info metric if only its labels matter".into(),
            Self::InfoValue { .. } => "an info metric is always 1: put the text into a label, or make it a gauge".into(),
            Self::BadNumber { .. } => "numbers in rules are finite, and a scale is not 0".into(),
            Self::NoStates { .. } => "list what the device may say: `states: [idle, active, established]`".into(),
            Self::TooManyStates { .. } => "each state is a series of every record: put what is no state into a label of an info metric".into(),
            Self::BadState { .. } => format!("use text without white space at its ends, of at most {MAX_LABEL_BYTES} bytes"),
            Self::RepeatedState { .. } => "texts are compared whatever their case: name each state once".into(),
            Self::UnknownState { known, .. } => format!("the states are: {}", known.join(", ")),
            Self::StateLabel { .. } => "drop it: each series of a state set has this label already".into(),
            Self::UselessKey { needs, .. } => format!("leave it out; it goes with {needs}"),
            Self::EmptyCondition { .. } => "list what the field may say, as in `[up, '/^Gi/']`; `['']` is an absent or empty one".into(),
            Self::BadCondition { .. } => "the syntax between the slashes is that of the Rust crate regex; text without slashes is compared as it is".into(),
            Self::UnknownConditionField { known, .. } if known.is_empty() => return None,
            Self::UnknownConditionField { known, .. } => format!("they have these: {}", known.join(", ")),
            Self::BadMaxSeries { .. } => format!("it goes from 1 to {MAX_SAMPLES}, which is what all rules of a command may make of one output"),
            Self::BadTimes { .. } => "formats are those of strptime, such as `%Y-%m-%d %H:%M:%S %Z`; offsets are `+01:00` or `-05:00`".into(),
            Self::UnknownField { field, known, .. } => unknown_field_hint(field, known),
            Self::UnknownValue { field, .. } | Self::UnknownKey { field, .. } | Self::UnknownPath { field, .. } if field.starts_with("${") => BARE_NAME_HINT.into(),
            Self::UnknownValue { known, .. } => format!("the template has these: {}", known.join(", ")),
            Self::UnknownPath { known, .. } => format!("it has paths for these: {}", known.join(", ")),
            Self::UnknownKey { known, .. } => format!("its keys are: {}", known.join(", ")),
            Self::OpenTemplate { .. } => "write fields as `${field}` or `${field:-text where it is absent}`".into(),
            Self::BareField { field, .. } => format!("write the field as `${{{field}}}`"),
            Self::LabelName { .. } => "use letters, digits and `_`, and do not begin with a digit".into(),
            Self::ReservedLabel { label, .. } if label == "device" => "drop it: every series has the label `device` already".into(),
            Self::ReservedLabel { .. } => "choose another name: `instance`, `job`, `le`, `quantile` and names that begin with `__` belong to Prometheus".into(),
            Self::KindConflict { .. } => "give both the same kind, or one of them another name".into(),
            Self::RepeatedField { .. } | Self::FamilyConflict { .. } => "give one of them another name".into(),
            Self::RepeatedMetric { .. } => "leave it out, give it other labels, or say by `when` or `unless` which records each of them is for".into(),
        };
        Some(hint)
    }
}

const BARE_NAME_HINT: &str = "write the field's bare name in `value`, without `${` and `}`";

/// What a path leads to, for people.
fn what_of(field: Option<&str>) -> String {
    match field {
        Some(field) => format!("field {field:?}"),
        None => "the records".into(),
    }
}

fn unknown_field_hint(field: &str, known: &[String]) -> String {
    if known.is_empty() {
        return format!("write the group as `(?P<{field}>...)` in a pattern");
    }
    if field.starts_with("${") {
        return BARE_NAME_HINT.into();
    }
    format!("the patterns have these groups: {}", known.join(", "))
}

/// Whose name is at fault, before the metric.
fn of_label(label: Option<&str>) -> String {
    label.map_or_else(String::new, |label| format!("label {label:?} of "))
}

/// What a fault of a condition begins with.
fn about(metric: Option<&str>) -> String {
    metric.map_or_else(String::new, |metric| format!("metric {metric:?}: "))
}

/// The kind as a word, for sentences.
const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
        Kind::Info => "info",
        Kind::StateSet => "stateset",
    }
}
