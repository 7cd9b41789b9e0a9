//! What is wrong with rules, in words for the person who wrote them.

use netwolf_wire::series::Kind;
use thiserror::Error;

use crate::{
    jq::ProgramError,
    limits::MAX_REGEX_BYTES,
    textfsm::{TemplateError, limits::MAX_PATTERN_BYTES},
};

/// A fault of one rule.
///
/// ```
/// # use netwolf_wire::rule::{Matches, RegexSource, Rule};
/// let rule = Rule {
///     name: "load".into(),
///     regex: Some(RegexSource { patterns: vec!["(?P<load>".into()], matches: Matches::First, blocks: None }),
///     textfsm: None,
///     jq: None,
///     metrics: vec![],
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
    #[error("the rule has none of `regex`, `textfsm` and `jq`")]
    NoSource,
    /// The rule has more than one source.
    #[error("the rule has more than one of `regex`, `textfsm` and `jq`")]
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
}

impl Fault {
    /// The fault of a pattern that the `regex` crate refused.
    pub(crate) fn regex(pattern: &str, error: &regex::Error) -> Self {
        let pattern = pattern.to_owned();
        match error {
            regex::Error::CompiledTooBig(_) => Self::PatternTooBig { pattern },
            error => Self::BadPattern {
                pattern,
                reason: reason(&error.to_string()),
            },
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
            Self::NoSource => "write `regex` with `patterns`, `textfsm` with the text of a template, or `jq` with a program".into(),
            Self::ManySources => "make two rules of it".into(),
            Self::BadTemplate(_) => "lines and columns are those of the template, not of the file; `netwolf parse --textfsm FILE` tries one by itself".into(),
            Self::BadProgram(error) => return error.hint.clone(),
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
            Self::SuffixWrong { .. } => "drop the ending, or make it an info metric without a value".into(),
            Self::NoHelp { .. } => "say in one sentence what the number means".into(),
            Self::NoValue { .. } => "name a field in `value`, or make it an info metric if only its labels matter".into(),
            Self::InfoValue { .. } => "an info metric is always 1: put the text into a label, or make it a gauge".into(),
            Self::BadNumber { .. } => "numbers in rules are finite, and a scale is not 0".into(),
            Self::UnknownField { field, known, .. } => unknown_field_hint(field, known),
            Self::UnknownValue { field, .. } | Self::UnknownKey { field, .. } if field.starts_with("${") => BARE_NAME_HINT.into(),
            Self::UnknownValue { known, .. } => format!("the template has these: {}", known.join(", ")),
            Self::UnknownKey { known, .. } => format!("its keys are: {}", known.join(", ")),
            Self::OpenTemplate { .. } => "write fields as `${field}` or `${field:-text where it is absent}`".into(),
            Self::LabelName { .. } => "use letters, digits and `_`, and do not begin with a digit".into(),
            Self::ReservedLabel { label, .. } if label == "device" => "drop it: every series has the label `device` already".into(),
            Self::ReservedLabel { .. } => "choose another name: `le`, `quantile` and names that begin with `__` belong to Prometheus".into(),
            Self::KindConflict { .. } => "give both the same kind, or one of them another name".into(),
            Self::RepeatedField { .. } | Self::FamilyConflict { .. } => "give one of them another name".into(),
        };
        Some(hint)
    }
}

const BARE_NAME_HINT: &str = "write the field's bare name in `value`, without `${` and `}`";

fn unknown_field_hint(field: &str, known: &[String]) -> String {
    if known.is_empty() {
        return format!("write the group as `(?P<{field}>...)` in a pattern");
    }
    if field.starts_with("${") {
        return BARE_NAME_HINT.into();
    }
    format!("the patterns have these groups: {}", known.join(", "))
}

/// The kind as a word, for sentences.
const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
        Kind::Info => "info",
    }
}

/// One line out of the drawing that the `regex` crate makes of a fault: what it is and where.
fn reason(drawing: &str) -> String {
    let what = drawing
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("error: "))
        .unwrap_or(drawing);
    // The carets stand under the pattern, which is indented by four; a pattern of several lines is drawn
    // with line numbers, and then there is no such line.
    let carets = drawing
        .lines()
        .find(|line| line.starts_with("    ") && line.trim_matches([' ', '^']).is_empty());
    match carets.and_then(|carets| carets.find('^')) {
        Some(column) => format!("{what} at character {}", column - 3),
        None => what.to_owned(),
    }
}
