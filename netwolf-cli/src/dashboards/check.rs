//! Which queries of a dashboard find data, and which do not.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use super::{
    ask::{Answer, Asked},
    source::Series,
};
use crate::{print, table};

/// A dashboard's verdicts.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    file: &'a str,
    uid: Option<&'a str>,
    title: &'a str,
    /// What is chosen, by the names of the variables.
    variables: BTreeMap<&'a str, &'a [String]>,
    /// Variables that have no values.
    unanswered: Vec<JsonUnanswered<'a>>,
    queries: Vec<Verdict<'a>>,
}

#[derive(Debug, Serialize)]
struct JsonUnanswered<'a> {
    variable: &'a str,
    query: &'a str,
    error: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Verdict<'a> {
    panel: &'a str,
    panel_id: Option<u64>,
    ref_id: &'a str,
    /// As it was asked.
    query: &'a str,
    outcome: Outcome,
    series: usize,
    samples: usize,
    /// Samples that are infinite or no number.
    not_finite: usize,
    error: Option<&'a str>,
}

/// How a query went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// There is data, and all of it is finite.
    Data,
    /// It was answered that there is none.
    Empty,
    /// There is data that nobody can draw.
    NotFinite,
    /// It was refused.
    Error,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Empty => "no data",
            Self::NotFinite => "not finite",
            Self::Error => "refused",
        }
    }
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a str, asked: &'a Asked<'_>) -> Self {
        let choices = asked.variables.choices.iter();
        let verdicts = asked.panels.iter().flat_map(|panel| {
            let title = panel.title.as_str();
            let judge = move |answer| judge(title, panel.panel.id, answer);
            panel.answers.iter().map(judge)
        });
        Self {
            file,
            uid: asked.dashboard.uid.as_deref(),
            title: &asked.dashboard.title,
            variables: choices
                .map(|choice| (choice.name.as_str(), choice.values.as_slice()))
                .collect(),
            unanswered: asked
                .unanswered
                .iter()
                .map(|unanswered| JsonUnanswered {
                    variable: &unanswered.variable,
                    query: &unanswered.query,
                    error: unanswered.error.as_deref(),
                })
                .collect(),
            queries: verdicts.collect(),
        }
    }

    /// What was refused, each in one line.
    pub(super) fn errors(&self) -> Vec<String> {
        let Self { file, .. } = self;
        let variables = self.unanswered.iter().filter_map(|unanswered| {
            let error = unanswered.error?;
            Some(format!("{file}: variable {}: {error}", unanswered.variable))
        });
        let queries = self.queries.iter().filter_map(|verdict| {
            let error = verdict.error?;
            Some(format!(
                "{file}: {}, query {}: {error}",
                verdict.panel, verdict.ref_id
            ))
        });
        variables.chain(queries).collect()
    }
}

fn judge<'a>(panel: &'a str, panel_id: Option<u64>, answer: &'a Answer<'_>) -> Verdict<'a> {
    let asked = || answer.range.iter().chain(&answer.instant);
    let error = asked().find_map(|answer| answer.as_ref().err());
    let found: Vec<&[Series]> = asked()
        .filter_map(|answer| answer.as_deref().ok())
        .collect();
    let samples = || {
        found
            .iter()
            .flat_map(|all| all.iter())
            .flat_map(|series| &series.points)
    };
    let not_finite = samples().filter(|(_, value)| !value.is_finite()).count();
    let outcome = match error {
        Some(_) => Outcome::Error,
        None if found.iter().any(|all| all.is_empty()) => Outcome::Empty,
        None if not_finite > 0 => Outcome::NotFinite,
        None => Outcome::Data,
    };
    Verdict {
        panel,
        panel_id,
        ref_id: &answer.target.ref_id,
        query: &answer.query,
        outcome,
        series: found.iter().map(|all| all.len()).max().unwrap_or_default(),
        samples: samples().count(),
        not_finite,
        error: error.map(String::as_str),
    }
}

/// For people: what has no data, and how much there is in all.
pub(super) fn text(reports: &[Report<'_>]) -> String {
    let mut rows = Vec::new();
    let mut counts = [
        Outcome::Data,
        Outcome::Empty,
        Outcome::NotFinite,
        Outcome::Error,
    ]
    .map(|outcome| (outcome, 0));
    for report in reports {
        for unanswered in &report.unanswered {
            rows.push([
                report.file.to_owned(),
                format!("variable {}", unanswered.variable),
                if unanswered.error.is_some() {
                    "refused"
                } else {
                    "no values"
                }
                .to_owned(),
                unanswered.query.to_owned(),
            ]);
        }
        for verdict in &report.queries {
            if let Some((_, count)) = counts
                .iter_mut()
                .find(|(outcome, _)| *outcome == verdict.outcome)
            {
                *count += 1;
            }
            if verdict.outcome != Outcome::Data {
                let query = verdict
                    .query
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ");
                rows.push([
                    report.file.to_owned(),
                    format!("{}, query {}", verdict.panel, verdict.ref_id),
                    verdict.outcome.word().to_owned(),
                    query,
                ]);
            }
        }
    }
    let mut text = String::new();
    if !rows.is_empty() {
        // The query is last, because some are long.
        text += &table::render(["DASHBOARD", "PANEL", "FOUND", "QUERY"], &rows);
        text.push('\n');
    }
    let told = counts.iter().filter(|(_, count)| *count > 0);
    let told: Vec<String> = told
        .map(|(outcome, count)| format!("{count} {}", outcome.word()))
        .collect();
    let queries: usize = reports.iter().map(|report| report.queries.len()).sum();
    writeln!(
        text,
        "{}, {}: {}",
        print::count(reports.len(), "dashboard"),
        if queries == 1 {
            "1 query".into()
        } else {
            format!("{queries} queries")
        },
        told.join(", ")
    )
    .expect("a string takes all");
    text
}
