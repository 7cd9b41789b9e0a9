//! A dashboard's variables: what there is to choose, what is chosen, and how that stands in a query or a title.
//!
//! As in Grafana, a variable that may have several values stands in a query as a regular expression, so that
//! `device=~"$device"` works with one value, with several and with all.

use std::collections::BTreeMap;

use regex::Regex;

use super::{
    model::{Dashboard, Variable},
    source::Source,
    window::{Pace, Window, promql},
};

/// How Grafana saves that all values are chosen.
const ALL: &str = "$__all";

/// Values by the names of variables, as they are typed.
pub(super) type Given = BTreeMap<String, Vec<String>>;

/// A variable and what is chosen.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) is_hidden: bool,
    /// What is chosen; of all, all that there are.
    pub(super) values: Vec<String>,
    pub(super) is_all: bool,
    /// What stands for all in a query, where the dashboard says so.
    all_value: Option<String>,
    /// Whether it stands in a query as a regular expression.
    is_regex: bool,
}

/// All variables of a dashboard.
#[derive(Debug, Default)]
pub(super) struct Variables {
    pub(super) choices: Vec<Choice>,
}

/// A variable whose values could not be had, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unanswered {
    pub(super) variable: String,
    pub(super) query: String,
    /// None where the answer was that there is none.
    pub(super) error: Option<String>,
}

impl Variables {
    /// Asks for the values of each and chooses: what is given, else what the dashboard was saved with, as far as that
    /// is there, else all, else the first.
    pub(super) fn resolve(
        dashboard: &Dashboard,
        source: &impl Source,
        given: &Given,
        window: Window,
        pace: &Pace,
    ) -> (Self, Vec<Unanswered>) {
        let mut known = Self::default();
        let mut unanswered = Vec::new();
        for variable in &dashboard.templating.list {
            let query = known.query(variable.query(), pace);
            let options = options(variable, &query, source, window).unwrap_or_else(|error| {
                unanswered.push(Unanswered {
                    variable: variable.name.clone(),
                    query: query.clone(),
                    error: Some(error),
                });
                Vec::new()
            });
            let is_asked = variable.kind == "query";
            let is_told = unanswered.iter().any(|told| told.variable == variable.name);
            if is_asked && options.is_empty() && !is_told {
                unanswered.push(Unanswered {
                    variable: variable.name.clone(),
                    query,
                    error: None,
                });
            }
            known.choices.push(choose(variable, options, given));
        }
        (known, unanswered)
    }

    /// `text` as it is asked.
    pub(super) fn query(&self, text: &str, pace: &Pace) -> String {
        self.replace(text, pace, Choice::in_query)
    }

    /// `text` as people read it.
    pub(super) fn text(&self, text: &str, pace: &Pace) -> String {
        self.replace(text, pace, Choice::in_text)
    }

    fn replace(&self, text: &str, pace: &Pace, plain: fn(&Choice) -> String) -> String {
        let pattern = Regex::new(r"\$(\w+)|\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)(?::(\w+))?\]\]");
        let pattern = pattern.expect("the pattern is sound");
        let replaced = pattern.replace_all(text, |found: &regex::Captures<'_>| {
            let group = |at: usize| found.get(at).map(|group| group.as_str());
            let name = group(1).or(group(2)).or(group(4)).unwrap_or_default();
            let format = group(3).or(group(5));
            let choice = self.choices.iter().find(|choice| choice.name == name);
            match (choice, format) {
                (Some(choice), None) => plain(choice),
                (Some(choice), Some(format)) => choice.formatted(format),
                // A `$1` of a regular expression is none of ours.
                (None, _) => {
                    built_in(name, pace).unwrap_or_else(|| group(0).unwrap_or_default().into())
                }
            }
        });
        replaced.into_owned()
    }
}

impl Choice {
    fn in_query(&self) -> String {
        match &self.all_value {
            Some(all) if self.is_all => all.clone(),
            _ if self.is_regex => any_of(&self.values, |value| {
                // The backslashes of the expression stand in a string of PromQL.
                escaped(value).replace('\\', r"\\")
            }),
            _ => self.values.join(","),
        }
    }

    pub(super) fn in_text(&self) -> String {
        if self.is_all {
            "All".into()
        } else {
            self.values.join(" + ")
        }
    }

    /// As `${name:format}` asks for it.
    fn formatted(&self, format: &str) -> String {
        let quoted = |sign: char| {
            let quoted = self
                .values
                .iter()
                .map(|value| format!("{sign}{value}{sign}"));
            quoted.collect::<Vec<_>>().join(",")
        };
        match format {
            "regex" => match &self.all_value {
                Some(all) if self.is_all => all.clone(),
                _ => any_of(&self.values, escaped),
            },
            "pipe" => self.values.join("|"),
            "doublequote" => quoted('"'),
            "singlequote" => quoted('\''),
            "json" => serde_json::to_string(&self.values).unwrap_or_default(),
            "text" => self.in_text(),
            // `csv`, `raw`.
            _ => self.values.join(","),
        }
    }
}

/// One value as it is, several as alternatives.
fn any_of(values: &[String], escape: impl Fn(&str) -> String) -> String {
    let escaped: Vec<String> = values.iter().map(|value| escape(value)).collect();
    match escaped.as_slice() {
        [one] => one.clone(),
        all => format!("({})", all.join("|")),
    }
}

/// `value` in a regular expression that finds it. Dashes stay: they mean nothing outside of brackets.
fn escaped(value: &str) -> String {
    value.chars().fold(String::new(), |mut text, c| {
        if r"\^$*+?.()|[]{}".contains(c) {
            text.push('\\');
        }
        text.push(c);
        text
    })
}

/// What Grafana itself gives names to.
fn built_in(name: &str, pace: &Pace) -> Option<String> {
    Some(match name {
        "__interval" => promql(pace.step),
        "__interval_ms" => format!("{:.0}", pace.step * 1e3),
        "__rate_interval" => promql(pace.rate_interval()),
        "__rate_interval_ms" => format!("{:.0}", pace.rate_interval() * 1e3),
        "__range" => promql(pace.range),
        "__range_s" => format!("{:.0}", pace.range),
        "__range_ms" => format!("{:.0}", pace.range * 1e3),
        _ => return None,
    })
}

/// All that can be chosen, in the order in which it is shown.
fn options(
    variable: &Variable,
    query: &str,
    source: &impl Source,
    window: Window,
) -> Result<Vec<String>, String> {
    let constants = |text: &str| text.split(',').map(|text| text.trim().to_owned()).collect();
    let mut options: Vec<String> = match variable.kind.as_str() {
        "query" => asked(query, source, window)?,
        "custom" | "interval" => constants(query),
        "constant" | "textbox" => return Ok(vec![query.to_owned()]),
        // Which data source it is does not matter: there is one.
        "datasource" => return Ok(vec!["Prometheus".into()]),
        other => {
            return Err(format!(
                "a variable of the type {other:?} is not known here"
            ));
        }
    };
    if let Some(pattern) = variable.regex.strip_prefix('/') {
        let (pattern, _) = pattern.rsplit_once('/').unwrap_or((pattern, ""));
        let pattern = Regex::new(pattern).map_err(|error| error.to_string())?;
        let kept = options.iter().filter_map(|option| {
            let found = pattern.captures(option)?;
            let part = found.name("value").or(found.get(1)).or(found.get(0))?;
            Some(part.as_str().to_owned())
        });
        options = kept.collect();
    }
    sort(&mut options, variable.sort);
    options.dedup();
    Ok(options)
}

/// Grafana's numbers for orders: 0 none, 1 and 2 by letters, 3 and 4 by numbers, 5 and 6 by letters of any size,
/// 7 and 8 as people count; the even ones backwards.
fn sort(options: &mut [String], order: u8) {
    let number = |text: &String| {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        digits.parse::<u64>().unwrap_or_default()
    };
    match order {
        1 | 2 => options.sort(),
        3 | 4 => options.sort_by_key(number),
        5 | 6 => options.sort_by_key(|text| text.to_lowercase()),
        7 | 8 => options.sort_by_key(|text| {
            (
                text.trim_end_matches(char::is_numeric).to_owned(),
                number(text),
            )
        }),
        _ => {}
    }
    if order != 0 && order.is_multiple_of(2) {
        options.reverse();
    }
}

/// What a query of a variable finds: `label_values(SELECTOR, LABEL)`, `label_values(LABEL)`, `query_result(QUERY)`.
fn asked(query: &str, source: &impl Source, window: Window) -> Result<Vec<String>, String> {
    let inside = |function: &str| {
        let rest = query.trim().strip_prefix(function)?.trim();
        Some(rest.strip_prefix('(')?.strip_suffix(')')?.trim())
    };
    if let Some(inside) = inside("label_values") {
        return match inside.rsplit_once(',') {
            // A comma between two matchers leaves the selector open.
            Some((selector, label)) if !label.contains('}') => {
                source.label_values(label.trim(), Some(selector.trim()), window)
            }
            _ => source.label_values(inside, None, window),
        };
    }
    if let Some(inside) = inside("query_result") {
        let series = source.instant(inside, window.to)?;
        let shown = series.into_iter().map(|series| {
            let labels = series.labels.iter();
            let labels: Vec<_> = labels
                .map(|(name, value)| format!("{name}={value:?}"))
                .collect();
            format!("{{{}}}", labels.join(","))
        });
        return Ok(shown.collect());
    }
    Err(format!(
        "{query:?} is none of label_values(...) and query_result(...)"
    ))
}

fn choose(variable: &Variable, options: Vec<String>, given: &Given) -> Choice {
    let is_all_word = |value: &String| value == ALL || value == "All";
    let (mut values, mut is_all) = if let Some(given) = given.get(&variable.name) {
        (given.clone(), given.iter().any(is_all_word))
    } else {
        let mut saved = variable.current.values();
        let is_all = variable.include_all && saved.iter().any(is_all_word);
        if variable.kind == "query" || variable.kind == "datasource" {
            saved.retain(|value| options.contains(value));
        }
        (saved, is_all)
    };
    if values.is_empty() && !is_all {
        is_all = variable.include_all;
        values = options.first().cloned().into_iter().collect();
    }
    if is_all {
        values = options;
    }
    Choice {
        name: variable.name.clone(),
        label: variable
            .label
            .clone()
            .unwrap_or_else(|| variable.name.clone()),
        is_hidden: variable.is_hidden(),
        is_all,
        all_value: variable.all_value.clone().filter(|all| !all.is_empty()),
        is_regex: variable.multi || variable.include_all,
        values,
    }
}

#[cfg(test)]
mod tests;
