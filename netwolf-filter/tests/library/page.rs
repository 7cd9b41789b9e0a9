//! The tables of `docs/collectors.md`, made of the bundled collectors and of nothing else.
//!
//! ```text
//!   library/collectors/*.yml --> collector x platform, and the interval
//!                            --> each collector's commands, by platform
//!                            --> every metric: kind, labels, meaning, where it comes from
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write as _,
    fs,
    path::Path,
};

use netwolf_wire::rule::Metric;

use crate::data::{Collector, Command, collectors};

/// Has the page's tables written anew when it is set.
const UPDATE: &str = "NETWOLF_UPDATE_PAGES";
/// What people look for first; collectors that are not here follow by name.
const ORDER: [&str; 12] = [
    "facts",
    "cpu",
    "memory",
    "interfaces",
    "bgp",
    "ospf",
    "environment",
    "optics",
    "inventory",
    "neighbors",
    "ntp",
    "tables",
];

#[test]
fn the_page_tells_what_is_bundled() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/collectors.md");
    let page = fs::read_to_string(&path).unwrap();
    let collectors: Vec<_> = collectors().into_iter().map(|(_, it)| it).collect();
    let right = with_part(&page, "platforms", &overview(&collectors));
    let right = with_part(&right, "commands", &commands(&collectors));
    let right = with_part(&right, "metrics", &metrics(&collectors));
    if env::var_os(UPDATE).is_some() {
        fs::write(&path, &right).unwrap();
    } else {
        assert!(
            page == right,
            "the tables in docs/collectors.md are not what is bundled: run these tests with {UPDATE}=1"
        );
    }
}

/// The page with `text` between the marks called `name`.
fn with_part(page: &str, name: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (before, rest) = page
        .split_once(&begin)
        .unwrap_or_else(|| panic!("the page has a place for {name}"));
    let (_, after) = rest
        .split_once(&end)
        .unwrap_or_else(|| panic!("the place for {name} has an end"));
    format!("{before}{begin}\n\n{text}\n{end}{after}")
}

/// The collectors' names in the order of the page.
fn names(collectors: &[Collector]) -> Vec<&str> {
    let mut names: Vec<_> = collectors.iter().map(|it| it.name.as_str()).collect();
    let place = |name: &str| ORDER.iter().position(|it| *it == name);
    names.sort_by_key(|&name| (place(name).unwrap_or(ORDER.len()), name));
    names.dedup();
    names
}

fn platforms(collectors: &[Collector]) -> BTreeSet<&str> {
    let platforms = collectors.iter().flat_map(|it| &it.platforms);
    platforms.map(String::as_str).collect()
}

/// Platforms down, collectors across: at which intervals a collector's commands run.
fn overview(collectors: &[Collector]) -> String {
    let names = names(collectors);
    let mut text = format!("| platform | {} |\n|---|", names.join(" | "));
    text += &"---|".repeat(names.len());
    text += "\n";
    for platform in platforms(collectors) {
        write!(text, "| `{platform}` |").unwrap();
        for name in &names {
            let found = collectors
                .iter()
                .find(|it| it.name == *name && it.platforms.iter().any(|it| it == platform));
            let cell = found.map_or("–".to_owned(), |collector| {
                let mut intervals: Vec<_> = collector.commands.iter().map(interval).collect();
                intervals.dedup();
                intervals.join(", ")
            });
            write!(text, " {cell} |").unwrap();
        }
        text += "\n";
    }
    text
}

/// A heading for each collector, and a row for each of its commands.
fn commands(collectors: &[Collector]) -> String {
    let mut text = String::new();
    for name in names(collectors) {
        if !text.is_empty() {
            text += "\n";
        }
        write!(
            text,
            "### `{name}`\n\n| platform | command | interval |\n|---|---|---|\n"
        )
        .unwrap();
        for collector in collectors.iter().filter(|it| it.name == name) {
            let platforms: Vec<_> = collector
                .platforms
                .iter()
                .map(|it| format!("`{it}`"))
                .collect();
            for command in &collector.commands {
                let (platforms, typed) = (platforms.join(", "), cell(&command.text));
                let interval = interval(command);
                writeln!(text, "| {platforms} | `{typed}` | {interval} |").unwrap();
            }
        }
    }
    text
}

/// What one metric is on all platforms together.
struct Told<'c> {
    metric: &'c Metric,
    labels: BTreeSet<&'c str>,
    collectors: BTreeSet<&'c str>,
}

/// All metrics, in the order of the collectors that make them and then by name.
fn metrics(collectors: &[Collector]) -> String {
    let mut all: BTreeMap<&str, Told<'_>> = BTreeMap::new();
    for collector in collectors {
        let rules = collector.commands.iter().flat_map(|it| &it.rules);
        for metric in rules.flat_map(|rule| &rule.metrics) {
            let told = all.entry(&metric.name).or_insert_with(|| Told {
                metric,
                labels: BTreeSet::new(),
                collectors: BTreeSet::new(),
            });
            told.labels.extend(metric.labels.keys().map(String::as_str));
            told.collectors.insert(&collector.name);
        }
    }
    let names = names(collectors);
    let place = |name: &str| names.iter().position(|it| *it == name);
    let mut rows: Vec<_> = all.into_values().collect();
    rows.sort_by_key(|told| {
        let first = told.collectors.iter().filter_map(|name| place(name)).min();
        (first, told.metric.name.as_str())
    });
    let mut text =
        String::from("| metric | kind | labels | collector | meaning |\n|---|---|---|---|---|\n");
    for told in rows {
        let kind = serde_json::to_value(told.metric.kind).unwrap();
        writeln!(
            text,
            "| `{}` | {} | {} | {} | {} |",
            told.metric.name,
            kind.as_str().unwrap(),
            quoted(&told.labels),
            quoted(&told.collectors),
            cell(&told.metric.help),
        )
        .unwrap();
    }
    text
}

fn interval(command: &Command) -> String {
    let interval = command.interval;
    interval.map_or("device's".to_owned(), |it| it.to_string())
}

fn quoted(names: &BTreeSet<&str>) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// Text as it may stand in a cell, in code too.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
