use serde_json::{Value, json};

use super::*;
use crate::dashboards::source::Series;

/// Has devices, and remembers nothing.
struct Devices;

impl Source for Devices {
    fn range(&self, query: &str, _: Window, _: f64) -> Result<Vec<Series>, String> {
        Err(format!("nobody asks for {query}"))
    }

    fn instant(&self, query: &str, _: f64) -> Result<Vec<Series>, String> {
        Err(format!("nobody asks for {query}"))
    }

    fn label_values(
        &self,
        label: &str,
        selector: Option<&str>,
        _: Window,
    ) -> Result<Vec<String>, String> {
        let values: &[&str] = match (label, selector) {
            ("job", Some("netwolf_manager_series")) => &["netwolf"],
            ("device", Some(selector)) if selector.ends_with("\", site=\"ams\"}") => {
                &["sw.1", "core-1", "core-10", "core-2"]
            }
            ("site", None) => &[],
            other => return Err(format!("unexpected: {other:?}")),
        };
        Ok(values.iter().map(|&value| value.to_owned()).collect())
    }
}

const PACE: Pace = Pace {
    step: 5.0,
    scrape: 5.0,
    range: 900.0,
};

fn resolve(list: &Value, given: &[(&str, &str)]) -> (Variables, Vec<Unanswered>) {
    let dashboard = json!({ "title": "t", "templating": { "list": list } });
    let dashboard: Dashboard = serde_json::from_value(dashboard).unwrap();
    let mut named = Given::new();
    for (name, value) in given {
        let values = named.entry((*name).to_owned()).or_default();
        values.push((*value).to_owned());
    }
    Variables::resolve(
        &dashboard,
        &Devices,
        &named,
        Window::before(1e9, 900.0),
        &PACE,
    )
}

fn fleet() -> Value {
    json!([
        { "name": "datasource", "type": "datasource", "query": "prometheus", "current": { "value": "p" } },
        { "name": "job", "type": "query", "multi": true, "includeAll": true, "allValue": ".+",
          "query": { "query": "label_values(netwolf_manager_series, job)", "refId": "job" },
          "current": { "value": ["netwolf"] } },
        { "name": "device", "type": "query", "multi": true, "includeAll": true, "sort": 1,
          "query": "label_values(netwolf_device_up{job=~\"$job\", site=\"ams\"}, device)",
          "current": { "value": ["$__all"] } },
    ])
}

#[track_caller]
fn check(given: &[(&str, &str)], text: &str, query: &str, shown: &str) {
    let (variables, unanswered) = resolve(&fleet(), given);
    assert_eq!(unanswered, []);
    assert_eq!(variables.query(text, &PACE), query);
    assert_eq!(variables.text(text, &PACE), shown);
}

#[test]
fn one_value_stands_as_it_is_and_several_as_a_regular_expression() {
    check(
        &[("device", "core-1")],
        "up{d=~\"$device\"}",
        "up{d=~\"core-1\"}",
        "up{d=~\"core-1\"}",
    );
    check(
        &[("device", "sw.1"), ("device", "a")],
        "${device}",
        "(sw\\\\.1|a)",
        "sw.1 + a",
    );
}

#[test]
fn all_is_what_the_dashboard_says_or_else_all_values() {
    check(&[("job", "$__all")], "$job", ".+", "All");
    check(&[], "$device", "(core-1|core-10|core-2|sw\\\\.1)", "All");
}

#[test]
fn formats_are_kept() {
    let given = [("device", "sw.1"), ("device", "a")];
    for (text, expected) in [
        ("${device:regex}", "(sw\\.1|a)"),
        ("${device:pipe}", "sw.1|a"),
        ("${device:csv}", "sw.1,a"),
        ("[[device:doublequote]]", "\"sw.1\",\"a\""),
        ("${device:text}", "sw.1 + a"),
    ] {
        check(&given, text, expected, expected);
    }
}

#[test]
fn intervals_are_put_in_and_other_signs_stay() {
    let text = "label_replace(rate(a[$__rate_interval]), \"x\", \"$1\", \"y\", \"(.*)\")[$__range:${__interval}]";
    let expected = "label_replace(rate(a[20s]), \"x\", \"$1\", \"y\", \"(.*)\")[900s:5s]";
    check(&[], text, expected, expected);
}

#[test]
fn a_saved_value_that_is_gone_gives_way() {
    let mut list = fleet();
    list[2]["current"]["value"] = json!(["gone"]);
    let (variables, _) = resolve(&list, &[]);
    assert!(variables.choices[2].is_all);
    list[2]["includeAll"] = json!(false);
    let (variables, _) = resolve(&list, &[]);
    assert_eq!(variables.choices[2].values, ["core-1"]);
}

#[test]
fn a_variable_without_values_is_told() {
    let list = json!([
        { "name": "site", "type": "query", "query": "label_values(site)" },
        { "name": "odd", "type": "query", "query": "odd()" },
    ]);
    let (_, unanswered) = resolve(&list, &[]);
    assert_eq!(unanswered.len(), 2);
    assert_eq!(
        (unanswered[0].variable.as_str(), &unanswered[0].error),
        ("site", &None)
    );
    assert!(unanswered[1].error.as_ref().unwrap().contains("odd()"));
}

#[test]
fn values_are_filtered_and_sorted_as_the_variable_says() {
    let mut list = fleet();
    list[2]["regex"] = json!("/core-(\\d+)/");
    for (order, expected) in [
        (0, ["1", "10", "2"]),
        (2, ["2", "10", "1"]),
        (3, ["1", "2", "10"]),
    ] {
        list[2]["sort"] = json!(order);
        let (variables, _) = resolve(&list, &[]);
        assert_eq!(variables.choices[2].values, expected, "{order}");
    }
}
