//! Collectors as people and programs read them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use netwolf_manager::library::{Collector, CollectorCommand};
use netwolf_wire::{
    rule::{Metric, Rule},
    series::Kind,
};
use serde::Serialize;

use crate::{library::Variant, print, table};

/// Where a command has no interval of its own.
const OF_THE_DEVICE: &str = "the device's";

/// One metric of a command: rules may make it from several records with different labels.
#[derive(Debug, PartialEq, Serialize)]
struct Shown<'c> {
    name: &'c str,
    kind: Kind,
    /// All labels that a series of it may have, `device` aside; sorted.
    labels: Vec<&'c str>,
    help: &'c str,
}

#[derive(Serialize)]
struct JsonCollector<'c> {
    name: &'c str,
    platforms: &'c [&'c str],
    description: &'c str,
    from: String,
    commands: Vec<JsonCommand<'c>>,
}

#[derive(Serialize)]
struct JsonCommand<'c> {
    command: &'c str,
    /// None where it is the device's.
    interval: Option<String>,
    /// None where it is the device's.
    timeout: Option<String>,
    rules: Vec<&'c str>,
    metrics: Vec<Shown<'c>>,
}

/// A line for each command.
pub(super) fn list(variants: &[Variant<'_>]) -> String {
    let mut rows = Vec::new();
    for Variant {
        platforms,
        collector,
    } in variants
    {
        for command in &collector.commands {
            rows.push([
                collector.name.clone(),
                platforms.join(", "),
                interval(command),
                metrics(&command.rules).len().to_string(),
                // Last, because some are long.
                command.text.clone(),
            ]);
        }
    }
    let headings = ["COLLECTOR", "PLATFORMS", "INTERVAL", "METRICS", "COMMAND"];
    let mut text = table::render(headings, &rows);
    let names: BTreeSet<_> = variants
        .iter()
        .map(|variant| &variant.collector.name)
        .collect();
    writeln!(
        text,
        "{}, {}; `netwolf collectors NAME` shows one with its metrics",
        print::count(names.len(), "collector"),
        print::count(rows.len(), "command"),
    )
    .expect("a string takes all");
    text
}

/// All that is known of each.
pub(super) fn details(variants: &[Variant<'_>]) -> String {
    let details: Vec<String> = variants.iter().map(detail).collect();
    details.join("\n")
}

fn detail(variant: &Variant<'_>) -> String {
    let Collector {
        name,
        description,
        origin,
        commands,
    } = &**variant.collector;
    let mut text = table::pairs(&[
        ("collector", Some(name.clone())),
        ("platforms", Some(variant.platforms.join(", "))),
        ("tells", Some(description.clone())),
        ("from", Some(origin.to_string())),
    ]);
    for command in commands {
        text.push('\n');
        text += &table::pairs(&[
            ("command", Some(command.text.clone())),
            ("interval", Some(interval(command))),
            (
                "timeout",
                command.timeout.map(|timeout| timeout.to_string()),
            ),
        ]);
        let rows: Vec<_> = metrics(&command.rules)
            .into_iter()
            .map(|metric| {
                [
                    metric.name.to_owned(),
                    kind(metric.kind).to_owned(),
                    metric.labels.join(", "),
                    metric.help.to_owned(),
                ]
            })
            .collect();
        text += &table::render(["METRIC", "KIND", "LABELS", "HELP"], &rows);
    }
    text
}

/// A list of all, for programs.
pub(super) fn json(variants: &[Variant<'_>]) -> serde_json::Result<String> {
    let collectors = variants.iter().map(|variant| JsonCollector {
        name: &variant.collector.name,
        platforms: &variant.platforms,
        description: &variant.collector.description,
        from: variant.collector.origin.to_string(),
        commands: variant
            .collector
            .commands
            .iter()
            .map(json_command)
            .collect(),
    });
    let collectors: Vec<_> = collectors.collect();
    let answer = BTreeMap::from([("collectors", collectors)]);
    Ok(serde_json::to_string_pretty(&answer)? + "\n")
}

fn json_command(command: &CollectorCommand) -> JsonCommand<'_> {
    JsonCommand {
        command: &command.text,
        interval: command.interval.map(|interval| interval.to_string()),
        timeout: command.timeout.map(|timeout| timeout.to_string()),
        rules: command
            .rules
            .iter()
            .map(|rule| rule.name.as_str())
            .collect(),
        metrics: metrics(&command.rules),
    }
}

fn interval(command: &CollectorCommand) -> String {
    match command.interval {
        Some(interval) => interval.to_string(),
        None => OF_THE_DEVICE.to_owned(),
    }
}

/// Each metric once, in the order of the rules.
fn metrics(rules: &[Rule]) -> Vec<Shown<'_>> {
    let mut shown: Vec<Shown<'_>> = Vec::new();
    for Metric {
        name,
        kind,
        labels,
        help,
        ..
    } in rules.iter().flat_map(|rule| &rule.metrics)
    {
        let labels = labels.keys().map(String::as_str);
        match shown.iter_mut().find(|metric| metric.name == name) {
            Some(metric) => {
                metric.labels.extend(labels);
                metric.labels.sort_unstable();
                metric.labels.dedup();
            }
            None => shown.push(Shown {
                name,
                kind: *kind,
                labels: labels.collect(),
                help,
            }),
        }
    }
    shown
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
        Kind::Info => "info",
        Kind::StateSet => "stateset",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use netwolf_manager::library::Origin;

    use super::*;

    const RULE: &str = r#"{
        "name": "fans",
        "regex": { "patterns": ["(?P<fan>f)(?P<speed>s)"] },
        "metrics": [
            { "name": "fan_hertz", "kind": "gauge", "help": "How fast it turns.", "labels": { "window": "1m", "fan": "${fan}" }, "value": "speed" },
            { "name": "fan_info", "kind": "info", "help": "There is one.", "labels": { "fan": "${fan}" } },
            { "name": "fan_hertz", "kind": "gauge", "help": "How fast it turns.", "labels": { "blade": "a" }, "value": "speed" }
        ]
    }"#;

    fn fans() -> Arc<Collector> {
        let command = |text: &str, interval| CollectorCommand {
            text: text.into(),
            interval,
            timeout: None,
            rules: vec![serde_json::from_str(RULE).unwrap()],
        };
        Arc::new(Collector {
            name: "fans".into(),
            description: "Fans".into(),
            origin: Origin::File(std::path::Path::new("collectors/fans.yml").into()),
            commands: vec![
                command("show fans", None),
                command("show fans rear", Some(netwolf_wire::Span::from_secs(60))),
            ],
        })
    }

    fn check(show: impl Fn(&[Variant<'_>]) -> String, expected: &str) {
        let collector = fans();
        let variant = Variant {
            platforms: vec!["acme_os", "lab_os"],
            collector: &collector,
        };
        assert_eq!(show(&[variant]), expected);
    }

    #[test]
    fn the_list_has_a_line_for_each_command() {
        check(
            list,
            "\
COLLECTOR  PLATFORMS        INTERVAL      METRICS  COMMAND
fans       acme_os, lab_os  the device's  2        show fans
fans       acme_os, lab_os  1m            2        show fans rear
1 collector, 2 commands; `netwolf collectors NAME` shows one with its metrics
",
        );
    }

    #[test]
    fn one_is_shown_with_its_metrics_and_where_it_is_from() {
        check(
            details,
            "\
collector  fans
platforms  acme_os, lab_os
tells      Fans
from       collectors/fans.yml

command   show fans
interval  the device's
METRIC     KIND   LABELS              HELP
fan_hertz  gauge  blade, fan, window  How fast it turns.
fan_info   info   fan                 There is one.

command   show fans rear
interval  1m
METRIC     KIND   LABELS              HELP
fan_hertz  gauge  blade, fan, window  How fast it turns.
fan_info   info   fan                 There is one.
",
        );
    }

    #[test]
    fn programs_get_a_list() {
        let collector = fans();
        let variant = Variant {
            platforms: vec!["acme_os"],
            collector: &collector,
        };
        let answer: serde_json::Value = serde_json::from_str(&json(&[variant]).unwrap()).unwrap();
        let fans = &answer["collectors"][0];
        assert_eq!(fans["name"], "fans");
        assert_eq!(fans["from"], "collectors/fans.yml");
        assert_eq!(fans["platforms"], serde_json::json!(["acme_os"]));
        assert_eq!(fans["commands"][0]["interval"], serde_json::Value::Null);
        assert_eq!(fans["commands"][1]["interval"], "1m");
        assert_eq!(
            fans["commands"][0]["metrics"][1],
            serde_json::json!({ "name": "fan_info", "kind": "info", "labels": ["fan"], "help": "There is one." })
        );
    }
}
