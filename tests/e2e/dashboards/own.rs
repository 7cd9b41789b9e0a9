//! Rules of our own: what provisioning, links and the preview rest on, and what keeps the files easy to read.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::Value;

use super::{
    linter::Rule,
    model::{Findings, list, text},
};

pub(super) const RULES: [Rule; 9] = [
    ("netwolf-identity", identity),
    ("netwolf-format", format_of_the_file),
    ("netwolf-variables", variables),
    ("netwolf-variable-names", variable_names),
    ("netwolf-panel-types", panel_types),
    ("netwolf-ids", ids),
    ("netwolf-grid", grid),
    ("netwolf-interval", interval),
    ("netwolf-links", links),
];

/// What Grafana knows it by, wherever it is installed.
fn identity(findings: &mut Findings<'_>) {
    let json = &findings.dashboard.json;
    let uid = findings.dashboard.uid();
    if !uid.starts_with("netwolf-") {
        findings.whole(format!(
            "has the uid {uid:?}: links need one that begins with \"netwolf-\" and stays"
        ));
    }
    if !json.get("id").is_some_and(Value::is_null) {
        findings.whole("has a number of one Grafana: set `id` to null");
    }
    let schema = json["schemaVersion"].as_u64();
    if !schema.is_some_and(|version| (39..=42).contains(&version)) {
        findings.whole(format!(
            "has schemaVersion {}: write by one from 39 to 42",
            json["schemaVersion"]
        ));
    }
    for key in ["__inputs", "__requires"] {
        if json.get(key).is_some() {
            findings.whole(format!(
                "has {key}, which provisioning does not fill in: take it away"
            ));
        }
    }
    if !list(json, "tags").iter().any(|tag| tag == "netwolf") {
        findings.whole("lacks the tag \"netwolf\", by which the dashboards find each other");
    }
    if findings.dashboard.title().is_empty() || text(json, "description").is_empty() {
        findings.whole("needs a title and a description");
    }
}

/// Two spaces, as `jq .` prints.
fn format_of_the_file(findings: &mut Findings<'_>) {
    let (is, should) = (&findings.dashboard.text, pretty(&findings.dashboard.text));
    if *is != should {
        let line = is
            .lines()
            .zip(should.lines())
            .take_while(|(is, should)| is == should)
            .count();
        let line = line + 1;
        findings.whole(format!(
            "is not written as `jq .` prints, from line {line} on"
        ));
    }
}

/// JSON with its spaces set anew; keys stay in their order.
fn pretty(json: &str) -> String {
    let (mut out, mut depth, mut in_text) = (String::new(), 0_usize, false);
    let mut chars = json.chars().peekable();
    let line = |out: &mut String, depth| write!(out, "\n{:1$}", "", 2 * depth).unwrap();
    while let Some(c) = chars.next() {
        match c {
            '"' => in_text = !in_text,
            '\\' => {
                out.push(c);
                out.extend(chars.next());
                continue;
            }
            _ if in_text => {}
            _ if c.is_whitespace() => continue,
            '{' | '[' => {
                while chars.next_if(|c| c.is_whitespace()).is_some() {}
                out.push(c);
                if let Some(end) = chars.next_if(|c| "}]".contains(*c)) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
                continue;
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
                continue;
            }
            ':' => {
                out.push_str(": ");
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    out + "\n"
}

/// What stands for all is one short expression, and never a list of ten thousand names.
fn variables(findings: &mut Findings<'_>) {
    for variable in findings.dashboard.queried() {
        let (name, all) = (text(variable, "name"), text(variable, "allValue"));
        if text(variable, "label").is_empty() {
            findings.whole(format!("variable `{name}` has no label"));
        }
        // `.*` is for labels that not every device has.
        if variable["multi"] == true
            && (variable["includeAll"] != true || ![".+", ".*"].contains(&all))
        {
            findings.whole(format!("variable `{name}` should have `includeAll`, and `allValue` \".+\" or \".*\", not {all:?}"));
        }
    }
}

/// The names after `$` in `text`, in braces or not.
fn named_in(text: &str) -> impl Iterator<Item = &str> {
    text.split('$').skip(1).filter_map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .next()
    })
}

/// Each that is named there is, and each that there is is of use.
fn variable_names(findings: &mut Findings<'_>) {
    let dashboard = findings.dashboard;
    let mut used = BTreeSet::from(["datasource"]);
    for variable in dashboard.queried() {
        used.extend(named_in(text(&variable["query"], "query")));
    }
    for (panel, target) in dashboard.targets() {
        for name in named_in(text(target, "expr")) {
            let grafanas = ["__rate_interval", "__range", "__interval"].contains(&name);
            if !grafanas && dashboard.variable(name).is_none() {
                findings.target(
                    panel,
                    target,
                    &format!("names ${name}, and there is no such variable"),
                );
            }
            used.insert(name);
        }
    }
    for variable in dashboard.variables() {
        let name = text(variable, "name");
        if !used.contains(name) {
            findings.whole(format!(
                "variable `{name}` changes nothing: use it or take it away"
            ));
        }
    }
}

/// Those that every Grafana has and `netwolf dashboards preview` draws.
fn panel_types(findings: &mut Findings<'_>) {
    const TYPES: [&str; 8] = [
        "stat",
        "timeseries",
        "table",
        "bargauge",
        "heatmap",
        "state-timeline",
        "row",
        "text",
    ];
    for panel in findings.dashboard.everything() {
        let kind = text(panel, "type");
        if !TYPES.contains(&kind) {
            findings.panel(panel, format!("is a {kind:?}: choose one of {TYPES:?}"));
        }
    }
}

fn ids(findings: &mut Findings<'_>) {
    let mut seen = BTreeSet::new();
    for panel in findings.dashboard.everything() {
        match panel["id"].as_u64() {
            Some(id) if seen.insert(id) => {}
            _ => findings.panel(
                panel,
                format!("needs an id that no other panel has, not {}", panel["id"]),
            ),
        }
        let mut letters = BTreeSet::new();
        for target in list(panel, "targets") {
            if text(target, "refId").is_empty() || !letters.insert(text(target, "refId")) {
                findings.target(
                    panel,
                    target,
                    "needs a refId that no other query of the panel has",
                );
            }
        }
    }
}

/// A place on the grid: columns and lines, each with its end.
fn place(panel: &Value) -> Option<[std::ops::Range<u64>; 2]> {
    let at = |key: &str| panel["gridPos"][key].as_u64();
    let (x, y) = (at("x")?, at("y")?);
    Some([x..x + at("w")?, y..y + at("h")?])
}

/// Inside of 24 columns, and no panel upon another.
fn grid(findings: &mut Findings<'_>) {
    let mut placed: Vec<(&Value, [std::ops::Range<u64>; 2])> = Vec::new();
    for panel in findings.dashboard.everything() {
        let Some(here) = place(panel) else {
            findings.panel(panel, "has no place: give its gridPos x, y, w and h");
            continue;
        };
        if here[0].end > 24 || here.iter().any(std::ops::Range::is_empty) {
            findings.panel(
                panel,
                format!("is outside of the 24 columns: {}", panel["gridPos"]),
            );
        }
        let meets = |other: &[std::ops::Range<u64>; 2]| {
            (0..2).all(|axis| {
                here[axis].start < other[axis].end && other[axis].start < here[axis].end
            })
        };
        if let Some((other, _)) = placed.iter().find(|(_, place)| meets(place)) {
            let other = text(other, "title");
            findings.panel(panel, format!("lies upon {other:?}: move one of them"));
        }
        placed.push((panel, here));
    }
}

/// Panels over time say how fine they need to be, so that a day of a fleet is not asked for by the second.
fn interval(findings: &mut Findings<'_>) {
    for panel in findings.dashboard.panels() {
        let over_time = list(panel, "targets")
            .iter()
            .any(|target| target["range"] == true);
        let step = text(panel, "interval");
        if over_time && !["5s", "10s", "15s", "30s", "1m", "5m"].contains(&step) {
            findings.panel(
                panel,
                format!("has the interval {step:?}: set it to 5s or more"),
            );
        }
    }
}

/// Links by tag, and the `uid`s that links to a dashboard name.
fn links(findings: &mut Findings<'_>) {
    let dashboard = findings.dashboard;
    let to_the_others = list(&dashboard.json, "links").iter().any(|link| {
        text(link, "type") == "dashboards" && list(link, "tags").iter().any(|tag| tag == "netwolf")
    });
    if !to_the_others {
        findings.whole(
            "has no links to the others: add one of type \"dashboards\" with the tag \"netwolf\"",
        );
    }
    for panel in dashboard.everything() {
        for uid in linked(panel) {
            if !findings.uids.contains(&uid) {
                findings.panel(
                    panel,
                    format!("links to a dashboard {uid:?} that there is not"),
                );
            }
        }
    }
}

/// The dashboards that a link anywhere in `value` leads to.
fn linked(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => map.values().flat_map(linked).collect(),
        Value::Array(items) => items.iter().flat_map(linked).collect(),
        Value::String(url) => {
            let uid = url
                .strip_prefix("/d/")
                .and_then(|rest| rest.split(['?', '/']).next());
            uid.into_iter().map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}
