//! Commands that several collectors want.

use std::fs;

use super::*;
use crate::config::{self, Loaded};

/// One device that runs the collectors of these files, next to the bundled ones.
fn load(collectors: &[(&str, &str)]) -> Result<Loaded, String> {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("collectors")).unwrap();
    let mut names = Vec::new();
    for (name, commands) in collectors {
        let text = format!("name: {name}\nplatforms: [linux]\ncommands:\n{commands}");
        fs::write(root.path().join(format!("collectors/{name}.yml")), text).unwrap();
        names.push(*name);
    }
    let text = format!(
        "credentials: {{ lab: {{ username: netwolf, password: env:LAB_PASSWORD }} }}\n\
         library: {{ collectors: collectors }}\n\
         devices: [{{ name: a, address: 192.0.2.1, platform: linux, credential: lab, interval: 10s, collectors: [{}] }}]\n",
        names.join(", ")
    );
    let path = root.path().join("netwolf.yml");
    config::parse(&path, &text).map_err(|faults| {
        faults
            .to_string()
            .replace(&format!("{}/", root.path().display()), "")
    })
}

fn command(text: &str, times: &str, kind: &str) -> String {
    let suffix = if kind == "counter" { "_total" } else { "" };
    format!(
        "  - command: {text}\n{times}    rules:\n      - name: load\n        regex: {{ patterns: ['(?P<x>.)'] }}\n        \
         metrics: [{{ name: netwolf_x{suffix}, kind: {kind}, help: X., value: x }}]\n"
    )
}

#[test]
fn a_command_of_several_collectors_is_run_once() {
    let slow = command("uptime", "    interval: 60s\n    timeout: 9s\n", "gauge");
    let bare = command("uptime", "", "gauge");
    let other = command("date", "    interval: 1h\n", "gauge");
    let loaded = load(&[("b", &slow), ("a", &bare), ("c", &format!("{bare}{other}"))]).unwrap();
    let device = loaded.inventory.devices.values().next().unwrap();
    let plan = &loaded.inventory.plans[&device.job.plan];
    assert_eq!(plan.commands.len(), 2);
    let shared = &plan.commands[0];
    assert_eq!(shared.text, "uptime");
    assert_eq!(shared.collectors, ["a", "b", "c"]);
    assert_eq!(shared.interval, Span::from_secs(10), "the shortest");
    assert_eq!(shared.timeout, Span::from_secs(9), "the longest");
    let rules: Vec<&str> = shared.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(rules, ["load", "b/load", "c/load"]);
    assert_eq!(device.interval, Span::from_secs(10), "any poll shows life");
}

#[test]
fn collectors_that_contradict_each_other_are_a_fault() {
    let a = command("uptime", "", "gauge");
    let b = command("uptime", "", "counter");
    let faults = load(&[("a", &a), ("b", &b)]).unwrap_err();
    assert_eq!(
        faults,
        "collectors/b.yml:8:19: metric \"netwolf_x_total\" cannot be on the page beside \"netwolf_x\", a gauge at \
         collectors/a.yml:8:19\n  hint: a metric has one kind on all devices: give both the same, or one of them \
         another name\n1 fault"
    );
}

#[test]
fn the_order_of_collectors_makes_no_difference() {
    let a = command("uptime", "", "gauge");
    let b = command("date", "", "gauge");
    let plans = |order: [(&str, &str); 2]| load(&order).unwrap().inventory.plans.into_keys().next();
    assert_eq!(plans([("a", &a), ("b", &b)]), plans([("b", &b), ("a", &a)]));
}

#[test]
fn unknown_names_make_no_plan() {
    let library = Library::bundled().unwrap();
    let mut planner = Planner::new(&library);
    let mut key = PlanKey {
        platform: "no_such".into(),
        collectors: BTreeSet::from(["cpu".into()]),
        interval: Span::from_secs(1),
        timeout: Span::from_secs(5),
    };
    assert!(planner.plan(&key).is_none());
    key.platform = "linux".into();
    assert!(planner.plan(&key).is_some());
    key.collectors = BTreeSet::from(["no_such".into()]);
    assert!(planner.plan(&key).is_none());
}
