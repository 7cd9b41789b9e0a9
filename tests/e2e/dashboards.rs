//! The dashboards that we ship, without a Grafana.
//!
//! ```text
//!   grafana/dashboards/*.json --> rules of grafana/dashboard-linter, and our own
//!                             --> promtool, which reads every query
//!   and prometheus/, docs/    --> names and labels, compared with what the program exports
//! ```
//!
//! Exceptions to rules stand in `grafana/dashboards/.lint`, each with its reason, where the linter itself looks for
//! them. That queries find data is asked of a live fleet, elsewhere.

use std::{collections::BTreeSet, fs, process::Command};

use saphyr::{LoadableYamlNode as _, Yaml};

use crate::lab;

mod broken;
mod linter;
mod model;
mod names;
mod own;
mod promql;

use model::{Dashboard, Fault, Findings, root, text};

/// All rules that a dashboard breaks, exceptions included.
fn faults(dashboard: &Dashboard, uids: &BTreeSet<String>) -> Vec<Fault> {
    let mut findings = Findings::new(dashboard, uids);
    for (name, check) in linter::RULES.iter().chain(&own::RULES) {
        findings.rule = name;
        check(&mut findings);
    }
    findings.faults
}

/// A place where a rule need not hold.
#[derive(Debug)]
struct Exception {
    rule: String,
    /// Title of the dashboard; all where there is none.
    dashboard: Option<String>,
    panel: Option<String>,
}

impl Exception {
    /// Those of the linter's own file.
    fn all() -> Vec<Self> {
        let text = fs::read_to_string(root().join("grafana/dashboards/.lint")).unwrap();
        let documents = Yaml::load_from_str(&text).unwrap();
        let rules = documents[0]["exclusions"].as_mapping().unwrap();
        let mut all = Vec::new();
        for (rule, about) in rules {
            let rule = rule.as_str().unwrap();
            let reason = about.as_mapping_get("reason").and_then(Yaml::as_str);
            assert!(reason.is_some(), "{rule} is excepted without a reason");
            let whole = || vec![None];
            let entries = about.as_mapping_get("entries").and_then(Yaml::as_sequence);
            let entries = entries.map_or_else(whole, |list| list.iter().map(Some).collect());
            all.extend(entries.into_iter().map(|entry| {
                let key = |key| Some(entry?.as_mapping_get(key)?.as_str()?.to_owned());
                Self {
                    rule: rule.into(),
                    dashboard: key("dashboard"),
                    panel: key("panel"),
                }
            }));
        }
        all
    }

    fn covers(&self, fault: &Fault) -> bool {
        let panel = self.panel.is_none() || self.panel == fault.panel;
        let dashboard = self
            .dashboard
            .as_ref()
            .is_none_or(|it| *it == fault.dashboard);
        self.rule == fault.rule && dashboard && panel
    }
}

#[test]
fn every_dashboard_keeps_every_rule() {
    let dashboards = Dashboard::shipped();
    assert!(!dashboards.is_empty());
    let uids: BTreeSet<_> = dashboards.iter().map(|it| it.uid().to_owned()).collect();
    assert_eq!(uids.len(), dashboards.len(), "two dashboards have one uid");
    let all: Vec<_> = dashboards.iter().flat_map(|it| faults(it, &uids)).collect();

    let exceptions = Exception::all();
    let idle: Vec<_> = exceptions
        .iter()
        .filter(|exception| !all.iter().any(|fault| exception.covers(fault)))
        .collect();
    assert!(idle.is_empty(), "exceptions that nothing needs: {idle:?}");
    let left: Vec<_> = all
        .iter()
        .filter(|fault| !exceptions.iter().any(|exception| exception.covers(fault)))
        .map(Fault::to_string)
        .collect();
    assert!(
        left.is_empty(),
        "{} faults:\n{}",
        left.len(),
        left.join("\n")
    );
}

#[test]
fn promtool_reads_every_query() {
    let Some(program) = lab::have("promtool", "prometheus") else {
        return;
    };
    let mut rules = Vec::new();
    for dashboard in Dashboard::shipped() {
        let mut ask = |place: &str, query: &str| {
            // The name of the record says where a query is that promtool objects to.
            let record = format!("{}:{place}", dashboard.uid()).replace('-', "_");
            rules.push(serde_json::json!({ "record": record, "expr": substituted(query) }));
        };
        for variable in dashboard.queried() {
            let query = linter::label_query(variable).unwrap_or_default();
            ask(&format!("variable_{}", text(variable, "name")), query);
        }
        for (panel, target) in dashboard.targets() {
            let place = format!("panel_{}_{}", panel["id"], text(target, "refId"));
            ask(&place, text(target, "expr"));
        }
    }
    assert!(rules.len() > 100, "{} queries", rules.len());
    let folder = lab::folder();
    let file = folder.path().join("rules.yml");
    let groups = serde_json::json!({ "groups": [{ "name": "dashboards", "rules": rules }] });
    fs::write(&file, groups.to_string()).unwrap();
    let output = Command::new(program)
        .args(["check", "rules"])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// A query as Grafana sends it, with a value for each variable.
fn substituted(query: &str) -> String {
    let values = [
        ("$__rate_interval", "1m"),
        ("$__range", "1h"),
        ("$__interval", "15s"),
    ];
    let query = values
        .iter()
        .fold(query.to_owned(), |query, (name, value)| {
            query.replace(name, value)
        });
    // What is left stands in strings, where any text will do.
    query.replace('$', "a")
}
