//! Filter specs: how the output of a command becomes samples, as data. `netwolf-filter` runs them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::series::Kind;

/// One source of records, and the metrics that each record makes.
///
/// Each source is a key of its own, and exactly one of them is there. Whoever compiles the rule sees to that, so that
/// people are told with all other faults; [`Self::source`] is how the source is looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Names the rule in problems and metrics; unique within its command.
    pub name: String,
    /// Records by regular expressions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<RegexSource>,
    /// Records by a `TextFSM` template, which is this text: each row is a record, and the values' names in lower case
    /// are its fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub textfsm: Option<String>,
    /// Records by a jq program, which is this text: each object that it outputs is a record, and the object's keys are
    /// its fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jq: Option<String>,
    /// Records by paths into XML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xml: Option<XmlSource>,
    /// What each record becomes.
    pub metrics: Vec<Metric>,
    /// Only records of which this holds are looked at.
    #[serde(default, skip_serializing_if = "Conditions::is_empty")]
    pub when: Conditions,
    /// Records of which any of this holds are not looked at.
    #[serde(default, skip_serializing_if = "Conditions::is_empty")]
    pub unless: Conditions,
    /// Series that the rule may make of one output; the rest is left out and is a problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_series: Option<u32>,
}

/// How a rule reads records from an output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source<'r> {
    /// By regular expressions.
    Regex(&'r RegexSource),
    /// By a `TextFSM` template.
    TextFsm(&'r str),
    /// By a jq program.
    Jq(&'r str),
    /// By paths into XML.
    Xml(&'r XmlSource),
}

/// A rule has not exactly one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceError {
    /// It has none.
    None,
    /// It has more than one.
    Many,
}

impl Rule {
    /// The source.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn source(&self) -> Result<Source<'_>, SourceError> {
        let sources = [
            self.regex.as_ref().map(Source::Regex),
            self.textfsm.as_deref().map(Source::TextFsm),
            self.jq.as_deref().map(Source::Jq),
            self.xml.as_ref().map(Source::Xml),
        ];
        let mut sources = sources.into_iter().flatten();
        match (sources.next(), sources.next()) {
            (Some(source), None) => Ok(source),
            (None, _) => Err(SourceError::None),
            (Some(_), Some(_)) => Err(SourceError::Many),
        }
    }
}

/// Records by regular expressions with named groups; each group is a field.
///
/// Without `blocks`, each match of each pattern is a record. With `blocks`, the output is cut before every
/// match of `blocks`, and each piece makes one record from the first match of every pattern in it; the
/// text before the first cut makes none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegexSource {
    /// In the syntax of the `regex` crate: linear in time, without look-around.
    pub patterns: Vec<String>,
    /// Whether a pattern may match more than once; with `blocks` it never does. Either way, whether it is a
    /// problem that there is no record at all.
    #[serde(default, rename = "match")]
    pub matches: Matches,
    /// Matches where a new block begins, such as `(?m)^\S+ is (?:administratively )?(?:up|down)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<String>,
}

/// Records by paths into XML, a part of `XPath` with local names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct XmlSource {
    /// Leads from the document to the elements that are the records.
    pub records: String,
    /// By field, the path from a record's element to the field's text.
    pub fields: BTreeMap<String, String>,
    /// Whether it is a problem that there is no record at all: every device has what is asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}

/// How many matches count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matches {
    /// The first one. None at all is a problem that is told.
    #[default]
    First,
    /// All. None at all is an empty table, and no problem.
    Every,
}

/// A metric from each record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Its name in Prometheus, with unit and, on a counter, `_total`; `_info` on an info metric.
    pub name: String,
    /// What kind it is.
    pub kind: Kind,
    /// What people read about it.
    pub help: String,
    /// Labels: text in which `${field}` stands for a field of the record, and `${field:-text}` for the text
    /// where the field is absent or empty. An absent field or an empty value leaves the label out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The field that holds the value; none on an info metric, whose value is 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// All states that a state set knows; each has a series, which is 1 for the state that holds and else 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<String>,
    /// Texts that stand for states of a state set, whatever their case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, String>,
    /// How the field's text is read.
    #[serde(default, skip_serializing_if = "Parse::is_number")]
    pub parse: Parse,
    /// Words that may stand behind a number, whatever their case, and say nothing new: `dBm`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<String>,
    /// How dates are written, for [`Parse::Timestamp`].
    #[serde(default, skip_serializing_if = "Times::is_default")]
    pub times: Times,
    /// Texts that say that there is no value, whatever their case: `N/A`, `--`, `never`. They make no sample.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// Texts that stand for numbers, such as `up: 1`; looked up before the text is parsed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub map: BTreeMap<String, f64>,
    /// The number is multiplied by this.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub scale: f64,
    /// This is added after `scale`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: f64,
    /// Only records of which this holds make a sample.
    #[serde(default, skip_serializing_if = "Conditions::is_empty")]
    pub when: Conditions,
    /// Records of which any of this holds make none.
    #[serde(default, skip_serializing_if = "Conditions::is_empty")]
    pub unless: Conditions,
}

/// By field, the texts that it may have, of which one is enough. Text between slashes, `/^Gi/`, is a regular expression,
/// which may match anywhere in the field; any other is the whole field, white space around it aside. An absent field
/// is as an empty one.
pub type Conditions = BTreeMap<String, Vec<String>>;

/// How a device writes dates and times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// As for `strptime`; the first that fits counts. Common ones where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<String>,
    /// How far the clock is ahead of UTC where a text does not say, such as `+01:00`; UTC where this does not either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The same by the names of zones, such as `CET`. `UTC` and `GMT` are known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub zones: BTreeMap<String, String>,
}

impl Times {
    /// Whether nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How text becomes a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parse {
    /// A decimal number, with or without exponent; white space around it and commas between thousands are fine. Behind
    /// `0x` it is a hexadecimal one.
    #[default]
    Number,
    /// A hexadecimal whole number, with or without `0x`.
    Hex,
    /// Per cents, with or without `%`, as a ratio: `37%` is 0.37.
    Percent,
    /// A length of time in seconds: `1w2d`, `2 weeks, 1 day, 3 hours, 4 minutes`, `01:02:03`, `250 ms`.
    Duration,
    /// An amount of data in bytes: `512 MiB`, `8K`, `100 Kbit`.
    Bytes,
    /// A rate of data in bytes a second: `10Gbit`, `1000Mbps`, `12 MB/s`; bits a second where there is no unit.
    BitRate,
    /// A date and time in Unix seconds; see [`Metric::times`].
    Timestamp,
}

impl Metric {
    /// A metric without labels and value, and with the default for everything else.
    ///
    /// ```
    /// use netwolf_wire::{rule::Metric, series::Kind};
    ///
    /// let load = Metric {
    ///     value: Some("load".into()),
    ///     ..Metric::new("netwolf_load_average", Kind::Gauge, "Processes that run or want to.")
    /// };
    /// assert_eq!(load.scale, 1.0);
    /// ```
    pub fn new(name: impl Into<String>, kind: Kind, help: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind,
            help: help.into(),
            labels: BTreeMap::new(),
            value: None,
            states: Vec::new(),
            aliases: BTreeMap::new(),
            parse: Parse::default(),
            units: Vec::new(),
            times: Times::default(),
            absent: Vec::new(),
            map: BTreeMap::new(),
            scale: one(),
            offset: 0.0,
            when: Conditions::new(),
            unless: Conditions::new(),
        }
    }
}

impl Parse {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde calls it with a reference"
    )]
    fn is_number(&self) -> bool {
        *self == Self::Number
    }
}

const fn one() -> f64 {
    1.0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::float_cmp,
    reason = "serde calls it with a reference; the default is exact"
)]
fn is_one(value: &f64) -> bool {
    *value == 1.0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_rule_is_written_with_its_source_alone() {
        for text in [
            r#"{"name":"r","regex":{"patterns":["x"],"match":"first"},"metrics":[]}"#,
            r#"{"name":"r","textfsm":"Value A (.)\n\nStart\n","metrics":[]}"#,
            r#"{"name":"r","jq":"{a: .b}","metrics":[]}"#,
        ] {
            let rule = rule(text);
            assert_eq!(serde_json::to_string(&rule).unwrap(), text);
            assert!(rule.source().is_ok());
        }
    }

    #[test]
    fn a_rule_without_exactly_one_source_has_none_to_look_at() {
        let none = rule(r#"{"name":"r","metrics":[]}"#);
        assert_eq!(none.source(), Err(SourceError::None));
        let many = rule(r#"{"name":"r","regex":{"patterns":[]},"textfsm":"","metrics":[]}"#);
        assert_eq!(many.source(), Err(SourceError::Many));
    }
}
