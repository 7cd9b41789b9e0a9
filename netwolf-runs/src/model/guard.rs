//! What must stay true of a device for a while after its step, and how that is written in one line.
//!
//! ```text
//!   netwolf_cpu_utilization_ratio{window="5s"} above 0.9 or below 0.01 for 30s
//!   metric                        labels       above 0.9    below 0.01 for 30s     the keys of the configuration
//! ```
//!
//! Invariant: what is written of a guard is read back as the same guard.

use std::{collections::BTreeMap, fmt, str::FromStr};

use netwolf_wire::Span;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What must stay true of a device for a while after its step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// The metric's name.
    pub metric: String,
    /// Labels that the series must have beside the device's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Broken by a value above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// Broken by a value below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// Watched for so long from the step's end.
    #[serde(rename = "for")]
    pub hold: Span,
}

/// A text that is no guard.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0}; write it as 'METRIC{{label=value}} above N for TIME', with `below N` instead or beside"
)]
pub struct NotAGuard(String);

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.metric)?;
        for (no, (label, value)) in self.labels.iter().enumerate() {
            let before = if no == 0 { '{' } else { ',' };
            let value = value.replace('\\', r"\\").replace('"', "\\\"");
            write!(f, "{before}{label}=\"{value}\"")?;
        }
        if !self.labels.is_empty() {
            f.write_str("}")?;
        }
        let bounds = [("above", self.above), ("below", self.below)];
        let bounds = bounds
            .into_iter()
            .filter_map(|(word, bound)| Some(format!("{word} {}", bound?)));
        let bounds = bounds.collect::<Vec<_>>().join(" or ");
        write!(f, " {bounds} for {}", self.hold)
    }
}

impl FromStr for Guard {
    type Err = NotAGuard;

    fn from_str(text: &str) -> Result<Self, NotAGuard> {
        let text = text.trim();
        let end = text
            .find(|c: char| c == '{' || c.is_whitespace())
            .unwrap_or(text.len());
        let (metric, rest) = text.split_at(end);
        if metric.is_empty() {
            return Err(NotAGuard("a guard begins with the name of a metric".into()));
        }
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => labels(rest)?,
            None => (BTreeMap::new(), rest),
        };
        let (mut above, mut below, mut hold) = (None, None, None);
        let mut words = rest.split_whitespace().filter(|word| *word != "or");
        while let Some(word) = words.next() {
            let value = words.next();
            let value = value.ok_or_else(|| NotAGuard(format!("nothing follows {word:?}")))?;
            let is_second = match word {
                "above" => above.replace(number(value)?).is_some(),
                "below" => below.replace(number(value)?).is_some(),
                "for" => hold.replace(span(value)?).is_some(),
                _ => return Err(NotAGuard(format!("{word:?} is no word of a guard"))),
            };
            if is_second {
                return Err(NotAGuard(format!("{word:?} is there twice")));
            }
        }
        if above.is_none() && below.is_none() {
            return Err(NotAGuard(format!("nothing breaks the guard on {metric}")));
        }
        let hold = hold.ok_or_else(|| NotAGuard("it does not say for how long".into()))?;
        Ok(Self {
            metric: metric.to_owned(),
            labels,
            above,
            below,
            hold,
        })
    }
}

fn number(text: &str) -> Result<f64, NotAGuard> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(NotAGuard(format!("{text:?} is no number"))),
    }
}

fn span(text: &str) -> Result<Span, NotAGuard> {
    text.parse()
        .map_err(|_| NotAGuard(format!("{text:?} is no time such as 30s")))
}

/// What stands between `{` and `}`, and what is behind it. Values need no quotes where nothing in them ends them.
fn labels(text: &str) -> Result<(BTreeMap<String, String>, &str), NotAGuard> {
    let mut labels = BTreeMap::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(behind) = rest.strip_prefix('}') {
            return Ok((labels, behind));
        }
        let (label, behind) = rest
            .split_once('=')
            .ok_or_else(|| NotAGuard("the labels do not end with `}`".into()))?;
        let (value, behind) = value(behind.trim_start())?;
        let label = label.trim().to_owned();
        if label.is_empty() || labels.contains_key(&label) {
            return Err(NotAGuard(format!(
                "{label:?} is no label, or is there twice"
            )));
        }
        labels.insert(label, value);
        rest = behind.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
}

/// The value at the beginning, and what is behind it.
fn value(text: &str) -> Result<(String, &str), NotAGuard> {
    let open = || NotAGuard("a value of a label does not end".into());
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', '}']).ok_or_else(open)?;
        let (value, behind) = text.split_at(end);
        return Ok((value.trim().to_owned(), behind));
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next().ok_or_else(open)? {
            '"' => return Ok((value, characters.as_str())),
            '\\' => value.push(characters.next().ok_or_else(open)?),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, json: &str) {
        let guard: Guard = text.parse().unwrap();
        assert_eq!(guard, serde_json::from_str(json).unwrap(), "{text}");
        assert_eq!(guard.to_string().parse(), Ok(guard), "{text}");
    }

    #[test]
    fn a_guard_is_written_in_the_words_of_the_configuration() {
        check(
            "netwolf_cpu_utilization_ratio above 0.9 for 30s",
            r#"{"metric":"netwolf_cpu_utilization_ratio","above":0.9,"for":"30s"}"#,
        );
        check(
            r#"m{ window = "5s" , a=b c} below -1e3 or above 2 for 1m30s"#,
            r#"{"metric":"m","labels":{"window":"5s","a":"b c"},"below":-1000,"above":2,"for":"1m30s"}"#,
        );
        check(
            r#"m{a="x,}\"\\"} for 5s below 1"#,
            r#"{"metric":"m","labels":{"a":"x,}\"\\"},"below":1,"for":"5s"}"#,
        );
        let guard: Guard = "m{b=1,a=2} below 1 for 90s above 2.50".parse().unwrap();
        assert_eq!(
            guard.to_string(),
            r#"m{a="2",b="1"} above 2.5 or below 1 for 1m30s"#
        );
    }

    #[test]
    fn what_is_no_guard_is_told_why() {
        for (text, why) in [
            ("", "begins with the name"),
            ("{a=b} above 1 for 5s", "begins with the name"),
            ("m", "nothing breaks"),
            ("m for 5s", "nothing breaks"),
            ("m above 1", "for how long"),
            ("m above x for 5s", "\"x\" is no number"),
            ("m above NaN for 5s", "is no number"),
            ("m above 1 for 5", "is no time"),
            ("m above", "nothing follows \"above\""),
            ("m over 1 for 5s", "\"over\" is no word"),
            ("m above 1 above 2 for 5s", "\"above\" is there twice"),
            ("m{a=b above 1 for 5s", "does not end"),
            ("m{a=\"b} above 1 for 5s", "does not end"),
            ("m{a above 1 for 5s", "do not end"),
            ("m{a=b,a=c} above 1 for 5s", "there twice"),
        ] {
            let error = text.parse::<Guard>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
            assert!(error.contains("METRIC{label=value} above N"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            labels in proptest::collection::btree_map("[a-z_]{1,8}", ".{0,8}", 0..3),
            above in proptest::option::of(-1e9..1e9_f64),
            below in -1e9..1e9_f64,
            seconds in 1..3600_u64,
        ) {
            let hold = Span::from_secs(seconds);
            let guard = Guard { metric: "m".into(), labels, above, below: Some(below), hold };
            prop_assert_eq!(guard.to_string().parse(), Ok(guard));
        }
    }
}
