//! The rules for Prometheus and the example for Alertmanager: sound, tested, and each alert with its runbook.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    lab::{self, Devices, Manager, PATIENCE, eventually},
    metrics_server::Prometheus,
    yaml,
};

/// Where people read the runbooks.
const RUNBOOKS: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/runbooks.md");

/// What a test of an alert shows, by the word that its name begins with.
const KINDS: [&str; 3] = ["firing", "quiet", "absent"];

#[derive(Deserialize)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

/// A rule that records a series or raises an alert.
#[derive(Deserialize)]
struct Rule {
    alert: Option<String>,
    record: Option<String>,
    expr: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct TestFile {
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    name: String,
    input_series: Vec<Series>,
    #[serde(default, rename = "alert_rule_test")]
    alerts: Vec<AlertTest>,
}

/// Values such as `0x20` are text for Prometheus and a number for YAML.
#[derive(Deserialize)]
struct Series {
    values: Value,
}

#[derive(Deserialize)]
struct AlertTest {
    alertname: String,
    #[serde(default)]
    exp_alerts: Vec<Value>,
}

impl Series {
    fn ends_or_has_gaps(&self) -> bool {
        let values = self.values.as_str().unwrap_or_default();
        values.ends_with("stale") || values.contains('_')
    }
}

impl Test {
    fn kind(&self) -> Option<&'static str> {
        let (word, _) = self.name.split_once(": ")?;
        KINDS.into_iter().find(|kind| *kind == word)
    }

    /// The alerts of which it shows what its name says, or what is wrong with it.
    fn shows(&self) -> Result<Vec<&str>, &'static str> {
        let kind = self.kind().ok_or("the name begins with no kind of test")?;
        let fires = |test: &&AlertTest| !test.exp_alerts.is_empty();
        let shown = match kind {
            "firing" => self.alerts.iter().filter(fires).collect(),
            "quiet" if self.input_series.is_empty() => return Err("nothing is there"),
            "quiet" if self.alerts.iter().any(|test| fires(&test)) => {
                return Err("an alert fires");
            }
            "absent" if !self.input_series.iter().all(Series::ends_or_has_gaps) => {
                return Err("a series is there all the time");
            }
            _ => self.alerts.iter().collect::<Vec<_>>(),
        };
        Ok(shown.iter().map(|test| test.alertname.as_str()).collect())
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of `folder` that end in `.yml`, sorted.
fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "yml"))
        .collect();
    files.sort();
    files
}

fn rules() -> impl Iterator<Item = Rule> {
    files("prometheus/rules")
        .into_iter()
        .map(|path| yaml::read::<RuleFile>(&fs::read_to_string(path).unwrap()))
        .flat_map(|file| file.groups)
        .flat_map(|group| group.rules)
}

/// Every rule that alerts, by the name of its alert.
fn alerts() -> BTreeMap<String, Rule> {
    let mut alerts = BTreeMap::new();
    for rule in rules() {
        if let Some(name) = rule.alert.clone() {
            let other = alerts.insert(name.clone(), rule);
            assert!(other.is_none(), "{name} is there twice");
        }
    }
    assert!(alerts.len() > 30, "{:?}", alerts.keys());
    alerts
}

/// Runs a checking program in `prometheus/`; it has to be content.
#[track_caller]
fn accepts(program: &Path, args: &[&str], files: &[PathBuf]) {
    let output = Command::new(program)
        .args(args)
        .args(files)
        .current_dir(root().join("prometheus"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{args:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn promtool_accepts_the_shipped_configuration_and_rules() {
    let Some(promtool) = lab::have("promtool", "prometheus") else {
        return;
    };
    accepts(&promtool, &["check", "config", "prometheus.yml"], &[]);
    let lint = ["check", "rules", "--lint=all", "--lint-fatal"];
    accepts(&promtool, &lint, &files("prometheus/rules"));
    accepts(&promtool, &["test", "rules"], &files("prometheus/tests"));
}

#[test]
fn amtool_accepts_the_example_and_it_names_only_alerts_that_there_are() {
    let alerts = alerts();
    let text = fs::read_to_string(root().join("prometheus/alertmanager.yml")).unwrap();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let named: BTreeSet<_> = words
        // `NetWolf` alone is the beginning of all of them.
        .filter(|word| word.starts_with("NetWolf") && *word != "NetWolf")
        .collect();
    assert!(named.len() > 10, "{named:?}");
    let unknown: Vec<_> = named
        .iter()
        .filter(|name| !alerts.contains_key(**name))
        .collect();
    assert!(unknown.is_empty(), "no alert is called {unknown:?}");

    if let Some(amtool) = lab::have("amtool", "prometheus-alertmanager") {
        accepts(&amtool, &["check-config", "alertmanager.yml"], &[]);
    }
}

#[test]
fn each_alert_is_tested_firing_quiet_and_with_data_that_are_absent() {
    let mut shown: BTreeMap<_, _> = KINDS.map(|kind| (kind, BTreeSet::new())).into();
    for path in files("prometheus/tests") {
        let text = fs::read_to_string(&path).unwrap();
        let tests = yaml::read::<TestFile>(&text).tests;
        for test in tests.iter().filter(|test| !test.alerts.is_empty()) {
            let alerts = test
                .shows()
                .unwrap_or_else(|fault| panic!("{}: {:?}: {fault}", path.display(), test.name));
            let kind = test.kind().unwrap();
            let of_kind = shown.get_mut(kind).unwrap();
            of_kind.extend(alerts.into_iter().map(str::to_owned));
        }
    }
    let alerts: BTreeSet<_> = alerts().into_keys().collect();
    for (kind, tested) in shown {
        assert_eq!(tested, alerts, "alerts with a test that is {kind}");
    }
}

#[test]
fn each_alert_says_how_bad_it_is_what_it_is_and_where_its_runbook_is() {
    let runbooks = fs::read_to_string(root().join("docs/runbooks.md")).unwrap();
    let headings: BTreeSet<_> = runbooks
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(str::to_owned)
        .collect();
    let alerts = alerts();
    for (name, rule) in &alerts {
        assert!(name.starts_with("NetWolf"), "{name}");
        let severity = rule.labels["severity"].as_str();
        assert!(
            ["critical", "warning", "info"].contains(&severity),
            "{name}: {severity}"
        );
        let summary = &rule.annotations["summary"];
        assert!(
            summary.ends_with('.') && !summary.contains("{{"),
            "{name}: a summary is a sentence, the same for all: {summary}"
        );
        assert!(!rule.annotations["description"].is_empty(), "{name}");
        // As the pages that render it make it of the heading.
        let anchor = name.to_lowercase();
        assert_eq!(
            rule.annotations["runbook_url"],
            format!("{RUNBOOKS}#{anchor}")
        );
    }
    let alerts: BTreeSet<_> = alerts.into_keys().collect();
    assert_eq!(headings, alerts, "sections of the runbooks, and alerts");
}

#[test]
fn every_rule_is_evaluated_on_what_devices_tell() {
    let folder = lab::folder();
    let devices = Devices::start(2);
    let config = lab::configuration(folder.path(), &devices.inventory());
    let all = "[facts, cpu, memory, interfaces, bgp, ospf, environment, optics, ntp]";
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("[cpu]", all)).unwrap();
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 2, folder.path());
    let Some(prometheus) = Prometheus::start(&manager.web, folder.path()) else {
        return;
    };
    let joined = [
        "netwolf_interface_info",
        "netwolf_bgp_peer_info",
        "netwolf_ospf_neighbor_up",
        "netwolf_sensor_ok",
        "netwolf_optic_receive_power_threshold_dbm",
        "netwolf_ntp_synchronized",
        "device:netwolf_device_labels:group",
        "device:netwolf_memory_utilization:ratio",
    ];
    let comes = |name: &str| {
        eventually(PATIENCE, name, || {
            match prometheus.query(name)?.as_slice() {
                [] => Err(format!("no {name}")),
                _ => Ok(()),
            }
        });
    };
    joined.into_iter().for_each(comes);
    for rule in rules() {
        let result = prometheus.query(&rule.expr);
        assert!(result.is_ok(), "{}: {result:?}", rule.expr);
        if let Some(series) = &rule.record {
            // Rates come with the second scrape.
            comes(series);
        }
    }
    // One of the peers that simulated devices have is down.
    let down = prometheus
        .query(&alerts()["NetWolfBgpPeerDown"].expr)
        .unwrap();
    assert_eq!(down.len(), 2, "{down:?}");
}
