//! The rules of grafana/dashboard-linter, by their names there.
//!
//! Where the linter looks at some kinds of panels only, these look at all that show data. Its two rules about
//! `LogQL` have nothing to look at.

use serde_json::Value;

use super::{
    model::{Findings, list, text},
    promql::{self, Query, Selector},
};

pub(super) type Rule = (&'static str, fn(&mut Findings<'_>));

pub(super) const RULES: [Rule; 15] = [
    ("template-datasource-rule", template_datasource),
    ("template-job-rule", |findings| {
        template(findings, "job", "Job");
    }),
    ("template-instance-rule", |findings| {
        template(findings, "instance", "Instance");
    }),
    ("template-label-promql-rule", template_label_promql),
    (
        "template-on-time-change-reload-rule",
        template_on_time_change_reload,
    ),
    ("panel-datasource-rule", panel_datasource),
    ("panel-title-description-rule", panel_title_description),
    ("panel-units-rule", panel_units),
    ("panel-no-targets-rule", panel_no_targets),
    ("target-promql-rule", target_promql),
    ("target-rate-interval-rule", target_rate_interval),
    ("target-job-rule", |findings| {
        target_matcher(findings, "job");
    }),
    ("target-instance-rule", |findings| {
        target_matcher(findings, "instance");
    }),
    ("target-counter-agg-rule", target_counter_agg),
    ("uneditable-dashboard", uneditable),
];

/// Units of Grafana that a panel may have; another of them may be added.
const UNITS: [&str; 16] = [
    "none",
    "short",
    "percentunit",
    "s",
    "bytes",
    "bps",
    "binBps",
    "cps",
    "reqps",
    "celsius",
    "dBm",
    "dB",
    "watt",
    "amp",
    "volt",
    "rotrpm",
];

fn template_datasource(findings: &mut Findings<'_>) {
    let sources = findings.dashboard.variables().iter();
    let mut sources = sources.filter(|it| text(it, "type") == "datasource");
    let Some(source) = sources.next() else {
        findings.whole("has no variable for the data source: add `datasource`");
        return;
    };
    for (key, wanted) in [
        ("name", "datasource"),
        ("label", "Data source"),
        ("query", "prometheus"),
    ] {
        if text(source, key) != wanted {
            findings.whole(format!(
                "the data source's variable should have {key} {wanted:?}, not {}",
                source[key]
            ));
        }
    }
    if sources.next().is_some() {
        findings.whole("has more than one variable for data sources: leave one");
    }
}

fn template(findings: &mut Findings<'_>, name: &str, label: &str) {
    let Some(variable) = findings.dashboard.variable(name) else {
        findings.whole(format!("has no variable `{name}`: add it"));
        return;
    };
    for (key, wanted) in [("type", "query"), ("label", label), ("allValue", ".+")] {
        if text(variable, key) != wanted {
            findings.whole(format!(
                "variable `{name}` should have {key} {wanted:?}, not {}",
                variable[key]
            ));
        }
    }
    if variable["multi"] != true {
        findings.whole(format!(
            "variable `{name}` should let several be chosen: set `multi`"
        ));
    }
}

/// The query within `label_values(query, label)`.
pub(super) fn label_query(variable: &Value) -> Option<&str> {
    let inner = text(&variable["query"], "query")
        .strip_prefix("label_values(")?
        .strip_suffix(')')?;
    Some(inner.rsplit_once(',')?.0)
}

fn template_label_promql(findings: &mut Findings<'_>) {
    for variable in findings.dashboard.queried() {
        let name = text(variable, "name");
        match label_query(variable).map(promql::read) {
            None => findings.whole(format!(
                "variable `{name}` should ask for label_values(series, label)"
            )),
            Some(Err(fault)) => findings.whole(format!("variable `{name}`: {fault}")),
            Some(Ok(_)) => {}
        }
    }
}

fn template_on_time_change_reload(findings: &mut Findings<'_>) {
    for variable in findings.dashboard.queried() {
        if variable["refresh"] != 2 {
            let name = text(variable, "name");
            findings.whole(format!("variable `{name}` should be asked for anew when the time changes: set `refresh` to 2"));
        }
    }
}

/// Panels, queries and variables alike: one that names a data source of its own shows another network.
fn panel_datasource(findings: &mut Findings<'_>) {
    let chosen = |it: &Value| text(&it["datasource"], "uid") == "${datasource}";
    for variable in findings.dashboard.queried().filter(|it| !chosen(it)) {
        let name = text(variable, "name");
        findings.whole(format!("variable `{name}` should use ${{datasource}}"));
    }
    for panel in findings.dashboard.panels().filter(|it| !chosen(it)) {
        findings.panel(panel, "should use ${datasource}");
    }
    for (panel, target) in findings.dashboard.targets().filter(|(_, it)| !chosen(it)) {
        findings.target(panel, target, "should use ${datasource}");
    }
}

fn panel_title_description(findings: &mut Findings<'_>) {
    for panel in findings.dashboard.panels() {
        for key in ["title", "description"] {
            if text(panel, key).trim().is_empty() {
                findings.panel(panel, format!("has no {key}"));
            }
        }
    }
}

fn panel_units(findings: &mut Findings<'_>) {
    for panel in findings.dashboard.panels() {
        let config = &panel["fieldConfig"];
        let overridden = list(config, "overrides")
            .iter()
            .flat_map(|it| list(it, "properties"));
        let overridden = overridden
            .filter(|it| text(it, "id") == "unit")
            .map(|it| text(it, "value"));
        for unit in std::iter::once(text(&config["defaults"], "unit")).chain(overridden) {
            if !UNITS.contains(&unit) {
                findings.panel(
                    panel,
                    format!("has the unit {unit:?}: choose one of {UNITS:?}"),
                );
            }
        }
    }
}

fn panel_no_targets(findings: &mut Findings<'_>) {
    for panel in findings.dashboard.panels() {
        if list(panel, "targets").is_empty() {
            findings.panel(
                panel,
                "asks for nothing: add a query or take the panel away",
            );
        }
    }
}

fn target_promql(findings: &mut Findings<'_>) {
    for (panel, target) in findings.dashboard.targets() {
        match promql::read(text(target, "expr")) {
            Err(fault) => findings.target(panel, target, &fault),
            Ok(query) if query.selectors.is_empty() => {
                findings.target(panel, target, "asks for no series");
            }
            Ok(_) => {}
        }
    }
}

/// Looks at every selector of queries that can be read; those that cannot are another rule's.
fn selectors(findings: &mut Findings<'_>, check: impl Fn(&Selector) -> Option<String>) {
    for (panel, target) in findings.dashboard.targets() {
        let Query { selectors, .. } = promql::read(text(target, "expr")).unwrap_or_default();
        for fault in selectors.iter().filter_map(&check) {
            findings.target(panel, target, &fault);
        }
    }
}

fn target_rate_interval(findings: &mut Findings<'_>) {
    selectors(findings, |selector| {
        let rate = matches!(selector.within.as_deref(), Some("rate" | "irate"));
        let range = selector.range.as_deref()?;
        (rate && range != "$__rate_interval").then(|| {
            format!(
                "the rate of {} is over {range}: use $__rate_interval",
                selector.name
            )
        })
    });
}

fn target_matcher(findings: &mut Findings<'_>, label: &str) {
    selectors(findings, |selector| {
        let matcher = selector.matcher(label);
        let right =
            matcher.is_some_and(|it| it.operator == "=~" && it.value == format!("${label}"));
        (!right).then(|| format!("{} is not chosen by {label}=~\"${label}\"", selector.name))
    });
}

/// Buckets, sums and counts of histograms are counters, too.
fn target_counter_agg(findings: &mut Findings<'_>) {
    selectors(findings, |selector| {
        let counter = ["_total", "_bucket"]
            .iter()
            .any(|end| selector.name.ends_with(end));
        (counter && !selector.is_rated()).then(|| {
            format!(
                "{} is a counter: ask for its rate or increase",
                selector.name
            )
        })
    });
}

fn uneditable(findings: &mut Findings<'_>) {
    if findings.dashboard.json["editable"] != false {
        findings.whole(
            "can be edited, and the next version takes the changes away: set `editable` to false",
        );
    }
}
