//! Every metric that a panel, a rule or a page names is one that the program exports, and the other way round.
//!
//! What it exports stands in `docs/metrics.md` and `docs/collectors.md`. The manager's own tests hold the former to the
//! families that it makes, netwolf-filter's the latter to the bundled collectors; here a live page is held to both.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::TcpListener,
    path::Path,
};

use saphyr::{LoadableYamlNode as _, Yaml};

use super::{
    linter::label_query,
    model::{Dashboard, root, text},
    promql,
};
use crate::lab::{self, Devices, Manager, PATIENCE, eventually};

/// Series that Prometheus makes for every target.
const PROMETHEUS: [&str; 4] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_series_added",
];

/// What is known of a metric.
#[derive(Debug, Default)]
struct Known {
    kind: String,
    labels: BTreeSet<String>,
}

/// Metrics and series that rules record, by name.
struct Catalogue(BTreeMap<String, Known>);

impl Catalogue {
    fn read() -> Self {
        let mut all = Self(BTreeMap::new());
        all.page("docs/metrics.md", &[]);
        all.page("docs/collectors.md", &["device"]);
        // Of the labels of the inventory, the one that means something to the program.
        all.labels("netwolf_device_labels").insert("site".into());
        all.histograms();
        for rule in rules().iter().filter(|rule| rule.is_recorded) {
            let query = promql::read(&rule.query).unwrap();
            let kind = "recorded".into();
            let labels = query.grouping;
            all.0.insert(rule.name.clone(), Known { kind, labels });
        }
        for name in PROMETHEUS {
            all.0.insert(name.into(), Known::default());
        }
        all
    }

    /// Reads the tables of a page: name, kind, labels.
    fn page(&mut self, page: &str, always: &[&str]) {
        const KINDS: [&str; 5] = ["gauge", "counter", "info", "histogram", "stateset"];
        for line in fs::read_to_string(root().join(page)).unwrap().lines() {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let ["", name, kind, labels, _, ..] = cells.as_slice() else {
                continue;
            };
            if KINDS.contains(kind) {
                let written = labels.split('`').skip(1).step_by(2);
                let labels = written
                    .chain(always.iter().copied())
                    .map(str::to_owned)
                    .collect();
                let kind = (*kind).into();
                self.0
                    .insert(name.trim_matches('`').into(), Known { kind, labels });
            }
        }
    }

    fn labels(&mut self, name: &str) -> &mut BTreeSet<String> {
        &mut self
            .0
            .get_mut(name)
            .unwrap_or_else(|| panic!("no page lists {name}"))
            .labels
    }

    /// The series that a histogram is written as.
    fn histograms(&mut self) {
        let histograms = self.0.iter().filter(|(_, known)| known.kind == "histogram");
        let names: Vec<_> = histograms.map(|(name, _)| name.clone()).collect();
        for name in names {
            let labels = self.labels(&name).clone();
            for (end, more) in [("bucket", Some("le")), ("sum", None), ("count", None)] {
                let labels = labels
                    .iter()
                    .cloned()
                    .chain(more.map(str::to_owned))
                    .collect();
                let kind = "counter".into();
                self.0
                    .insert(format!("{name}_{end}"), Known { kind, labels });
            }
        }
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// What `query` names that there is not.
    fn missing(&self, query: &str) -> Result<Vec<String>, String> {
        // Of the target, and so of every series.
        const SCRAPED: [&str; 2] = ["job", "instance"];
        let query = promql::read(query)?;
        let mut missing = Vec::new();
        let mut all: BTreeSet<_> = query
            .made
            .iter()
            .map(String::as_str)
            .chain(SCRAPED)
            .collect();
        // Whether some series may have any label.
        let mut is_open = false;
        for selector in &query.selectors {
            // Prometheus' own, with the labels of whatever fires.
            if selector.name == "ALERTS" {
                is_open = true;
                continue;
            }
            // A histogram has series of its buckets, its sum and its count, and none of its own name.
            let known = self.0.get(&selector.name);
            let Some(known) = known.filter(|known| known.kind != "histogram") else {
                missing.push(format!("nobody exports {}", selector.name));
                is_open = true;
                continue;
            };
            for matcher in &selector.matchers {
                let label = matcher.label.as_str();
                if !known.labels.contains(label) && !SCRAPED.contains(&label) {
                    missing.push(format!("{} has no label {label}", selector.name));
                }
            }
            all.extend(known.labels.iter().map(String::as_str));
        }
        if !is_open {
            let strange = query
                .grouping
                .iter()
                .filter(|label| !all.contains(label.as_str()));
            missing.extend(strange.map(|label| format!("none of its series has a label {label}")));
        }
        Ok(missing)
    }
}

/// A recording or alert rule.
struct Rule {
    name: String,
    query: String,
    is_recorded: bool,
}

fn files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == extension));
    paths.sort();
    let named = |path: &Path| format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
    paths
        .iter()
        .map(|path| (named(path), fs::read_to_string(path).unwrap()))
        .collect()
}

/// Those of `prometheus/rules`.
fn rules() -> Vec<Rule> {
    let mut all = Vec::new();
    for (file, text) in files("prometheus/rules", "yml") {
        let documents =
            Yaml::load_from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        for group in documents[0]["groups"].as_sequence().unwrap() {
            for rule in group["rules"].as_sequence().unwrap() {
                let key = |key| {
                    rule.as_mapping_get(key)
                        .and_then(Yaml::as_str)
                        .map(str::to_owned)
                };
                let recorded = key("record");
                all.push(Rule {
                    is_recorded: recorded.is_some(),
                    name: recorded
                        .or_else(|| key("alert"))
                        .expect("a rule has a name"),
                    query: key("expr").expect("a rule asks for something"),
                });
            }
        }
    }
    all
}

#[track_caller]
fn none_left(faults: &[String]) {
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn panels_and_rules_ask_for_series_that_there_are() {
    let mut asked = Vec::new();
    for dashboard in Dashboard::shipped() {
        let file = &dashboard.file;
        for variable in dashboard.queried() {
            let query = label_query(variable).unwrap_or_default();
            asked.push((
                format!("{file}: variable {}", text(variable, "name")),
                query.to_owned(),
            ));
        }
        for (panel, target) in dashboard.targets() {
            let place = format!("{file}: panel {} {}", panel["title"], text(target, "refId"));
            asked.push((place, text(target, "expr").to_owned()));
        }
    }
    asked.extend(rules().into_iter().map(|rule| (rule.name, rule.query)));
    let catalogue = Catalogue::read();
    let faults = asked.iter().flat_map(|(place, query)| {
        let missing = catalogue.missing(query).unwrap_or_else(|fault| vec![fault]);
        missing
            .into_iter()
            .map(move |fault| format!("{place}: {fault}"))
    });
    none_left(&faults.collect::<Vec<_>>());
}

#[test]
fn what_there_is_not_is_found() {
    let catalogue = Catalogue::read();
    for (query, missing) in [
        ("netwolf_device_up", &[][..]),
        (
            "sum by (le) (rate(netwolf_poll_seconds_bucket{job=~\"$job\"}[1m]))",
            &[],
        ),
        ("count by (severity) (ALERTS)", &[]),
        (
            "netwolf_device_high",
            &["nobody exports netwolf_device_high"],
        ),
        (
            "rate(netwolf_poll_seconds[1m])",
            &["nobody exports netwolf_poll_seconds"],
        ),
        (
            "netwolf_device_up{peer=\"a\"}",
            &["netwolf_device_up has no label peer"],
        ),
        (
            "sum by (peer) (netwolf_device_up)",
            &["none of its series has a label peer"],
        ),
        (
            "device:netwolf_gone:ratio",
            &["nobody exports device:netwolf_gone:ratio"],
        ),
    ] {
        assert_eq!(catalogue.missing(query).unwrap(), missing, "{query}");
    }
}

/// Words that may be names: letters, digits, underscores, colons.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
}

/// What stands in code spans of a page's text, its blocks of code left out.
fn spans(page: &str) -> Vec<&str> {
    let text = page.split("```").step_by(2);
    text.flat_map(|part| {
        part.lines()
            .flat_map(|line| line.split('`').skip(1).step_by(2))
    })
    .collect()
}

#[test]
fn pages_name_metrics_that_there_are() {
    let catalogue = Catalogue::read();
    let mut pages = files("docs", "md");
    for page in [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "grafana/README.md",
    ] {
        pages.push((page.into(), fs::read_to_string(root().join(page)).unwrap()));
    }
    let mut faults = BTreeSet::new();
    for (page, text) in &pages {
        for block in text.split("```promql\n").skip(1) {
            let query = block.split("```").next().unwrap_or_default();
            let missing = catalogue.missing(query);
            let missing = missing.unwrap_or_else(|fault| vec![fault]).into_iter();
            faults.extend(missing.map(|fault| format!("{page}: {fault}")));
        }
        // A page that shows how to make a metric speaks of that one.
        let made: BTreeSet<_> = text
            .lines()
            .filter_map(|line| line.split_once("name: "))
            .filter_map(|(_, name)| words(name).next())
            .collect();
        let named = spans(text)
            .into_iter()
            .filter(|span| span.starts_with("netwolf_"));
        let named = named.filter_map(|span| words(span).next());
        // What ends so is the beginning of several names.
        let named = named.filter(|name| !name.ends_with('_'));
        let unknown = named.filter(|name| !catalogue.has(name) && !made.contains(name));
        faults.extend(unknown.map(|name| format!("{page}: nobody exports {name}")));
    }
    for (file, text) in files("prometheus/tests", "yml") {
        let named =
            words(&text).filter(|word| word.starts_with("netwolf_") || word.contains(":netwolf_"));
        let unknown = named.filter(|name| !catalogue.has(name));
        faults.extend(unknown.map(|name| format!("{file}: nobody exports {name}")));
    }
    none_left(&faults.into_iter().collect::<Vec<_>>());
}

#[test]
fn every_family_of_a_live_page_is_documented_with_its_labels() {
    let folder = lab::folder();
    let devices = Devices::start(1);
    let refused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let known = devices.fleet().devices()[0].address().port();
    let other_key = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let more = ", labels: { site: ams }, collectors: [cpu, memory, interfaces, bgp, ospf]";
    let inventory = format!(
        "devices:\n{}  - {{ name: gone, address: 127.0.0.1, port: {refused}, platform: cisco_ios, host_key: accept-new }}\n\
         \x20 - {{ name: stranger, address: 127.0.0.1, port: {known}, platform: cisco_ios, host_key: \"{other_key}\" }}\n",
        devices.entries(more)
    );
    let config = lab::configuration(folder.path(), &inventory);
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 1, folder.path());
    let page = eventually(PATIENCE, "a page with all of these", || {
        let page = lab::get(&manager.web, "/metrics", "")?;
        let wanted = [
            "netwolf_device_failure_info{",
            "netwolf_device_host_key_mismatch{",
            "netwolf_cpu_utilization_ratio{",
            "netwolf_interface_up{",
            "netwolf_bgp_peer_up{",
            "netwolf_ospf_neighbor_up{",
        ];
        match wanted.iter().find(|family| !page.contains(**family)) {
            Some(missing) => Err(format!("no {missing}")),
            None => Ok(page),
        }
    });

    let catalogue = Catalogue::read();
    let mut faults = BTreeSet::new();
    for line in page.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').unwrap();
            let documented = catalogue.0.get(name).map(|known| known.kind.as_str());
            // The text format has no kind for either.
            let documented = documented.map(|it| if it == "info" { "gauge" } else { it });
            if documented != Some(kind) {
                faults.insert(format!("{name} is a {kind}, documented is {documented:?}"));
            }
        } else if !line.starts_with('#') {
            let (series, _) = line.rsplit_once(' ').unwrap();
            faults.extend(catalogue.missing(series).unwrap());
        }
    }
    none_left(&faults.into_iter().collect::<Vec<_>>());
}
