//! Every rule can fail: a small dashboard that keeps all of them, and what breaks each.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{faults, linter, model::Dashboard, own};

/// One panel, one query, one link, and nothing to object to.
fn sound() -> Value {
    let source = json!({ "type": "prometheus", "uid": "${datasource}" });
    let variable = |name: &str, label: &str| {
        json!({
            "name": name,
            "label": label,
            "type": "query",
            "datasource": source,
            "query": { "query": format!("label_values(netwolf_device_up, {name})"), "refId": name },
            "refresh": 2,
            "multi": true,
            "includeAll": true,
            "allValue": ".+",
        })
    };
    json!({
        "id": null,
        "uid": "netwolf-sound",
        "title": "Sound",
        "description": "Keeps every rule.",
        "tags": ["netwolf"],
        "schemaVersion": 39,
        "editable": false,
        "templating": { "list": [
            { "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus" },
            variable("job", "Job"),
            variable("instance", "Instance"),
        ] },
        "links": [{ "type": "dashboards", "tags": ["netwolf"] }],
        "panels": [{
            "id": 1,
            "type": "timeseries",
            "title": "Polls",
            "description": "Polls per second.",
            "datasource": source,
            "interval": "15s",
            "gridPos": { "x": 0, "y": 0, "w": 24, "h": 8 },
            "fieldConfig": {
                "defaults": { "unit": "reqps", "links": [{ "url": "/d/netwolf-sound?var-job=a" }] },
                "overrides": [],
            },
            "targets": [{
                "refId": "A",
                "datasource": source,
                "expr": "sum(rate(netwolf_agent_polls_total{job=~\"$job\", instance=~\"$instance\"}[$__rate_interval]))",
                "range": true,
            }],
        }],
    })
}

fn written(json: &Value) -> String {
    serde_json::to_string_pretty(json).unwrap() + "\n"
}

/// The rules that a dashboard breaks.
fn broken(text: String) -> BTreeSet<&'static str> {
    let uids = BTreeSet::from(["netwolf-sound".to_owned()]);
    let dashboard = Dashboard::new("sound.json", text);
    let faults = faults(&dashboard, &uids);
    assert!(
        faults
            .iter()
            .all(|fault| fault.to_string().starts_with("sound.json: "))
    );
    faults.iter().map(|fault| fault.rule).collect()
}

/// A rule, where the value is that breaks it, and that value.
const BREAKS: [(&str, &str, &str); 40] = [
    (
        "template-datasource-rule",
        "/templating/list/0/name",
        "\"source\"",
    ),
    (
        "template-datasource-rule",
        "/templating/list/0/label",
        "\"Source\"",
    ),
    ("template-job-rule", "/templating/list/1/multi", "false"),
    ("template-job-rule", "/templating/list/1/allValue", "\".*\""),
    (
        "template-instance-rule",
        "/templating/list/2/label",
        "\"Where\"",
    ),
    (
        "template-label-promql-rule",
        "/templating/list/1/query/query",
        "\"label_values(job)\"",
    ),
    (
        "template-label-promql-rule",
        "/templating/list/1/query/query",
        "\"label_values(up{, job)\"",
    ),
    (
        "template-on-time-change-reload-rule",
        "/templating/list/1/refresh",
        "1",
    ),
    (
        "panel-datasource-rule",
        "/panels/0/datasource/uid",
        "\"mine\"",
    ),
    (
        "panel-datasource-rule",
        "/panels/0/targets/0/datasource/uid",
        "\"mine\"",
    ),
    (
        "panel-datasource-rule",
        "/templating/list/1/datasource/uid",
        "\"mine\"",
    ),
    ("panel-title-description-rule", "/panels/0/title", "\"\""),
    (
        "panel-title-description-rule",
        "/panels/0/description",
        "\" \"",
    ),
    (
        "panel-units-rule",
        "/panels/0/fieldConfig/defaults/unit",
        "\"polls\"",
    ),
    (
        "panel-units-rule",
        "/panels/0/fieldConfig/overrides",
        "[{ \"properties\": [{ \"id\": \"unit\", \"value\": \"polls\" }] }]",
    ),
    ("panel-no-targets-rule", "/panels/0/targets", "[]"),
    (
        "target-promql-rule",
        "/panels/0/targets/0/expr",
        "\"sum(netwolf_device_up\"",
    ),
    (
        "target-promql-rule",
        "/panels/0/targets/0/expr",
        "\"vector(1)\"",
    ),
    (
        "target-rate-interval-rule",
        "/panels/0/targets/0/expr",
        "\"rate(netwolf_agent_polls_total[5m])\"",
    ),
    (
        "target-job-rule",
        "/panels/0/targets/0/expr",
        "\"netwolf_device_up{instance=~\\\"$instance\\\"}\"",
    ),
    (
        "target-job-rule",
        "/panels/0/targets/0/expr",
        "\"netwolf_device_up{job=\\\"$job\\\"}\"",
    ),
    (
        "target-instance-rule",
        "/panels/0/targets/0/expr",
        "\"netwolf_device_up{job=~\\\"$job\\\"}\"",
    ),
    (
        "target-counter-agg-rule",
        "/panels/0/targets/0/expr",
        "\"sum(netwolf_agent_polls_total)\"",
    ),
    ("uneditable-dashboard", "/editable", "true"),
    ("netwolf-identity", "/uid", "\"sound\""),
    ("netwolf-identity", "/id", "7"),
    ("netwolf-identity", "/schemaVersion", "36"),
    ("netwolf-identity", "/tags", "[]"),
    ("netwolf-identity", "/description", "\"\""),
    (
        "netwolf-variables",
        "/templating/list/1/includeAll",
        "false",
    ),
    ("netwolf-variables", "/templating/list/1/label", "\"\""),
    (
        "netwolf-variable-names",
        "/templating/list/1/name",
        "\"jobs\"",
    ),
    ("netwolf-panel-types", "/panels/0/type", "\"graph\""),
    ("netwolf-ids", "/panels/0/id", "null"),
    ("netwolf-ids", "/panels/0/targets/0/refId", "\"\""),
    ("netwolf-grid", "/panels/0/gridPos/x", "1"),
    ("netwolf-grid", "/panels/0/gridPos/h", "0"),
    ("netwolf-interval", "/panels/0/interval", "\"1s\""),
    ("netwolf-links", "/links", "[]"),
    (
        "netwolf-links",
        "/panels/0/fieldConfig/defaults/links/0/url",
        "\"/d/netwolf-gone\"",
    ),
];

#[test]
fn every_rule_can_fail() {
    assert_eq!(
        broken(written(&sound())),
        BTreeSet::new(),
        "the sound one is sound"
    );
    let mut shown = BTreeSet::from(["netwolf-format"]);
    for (rule, place, value) in BREAKS {
        let mut json = sound();
        *json.pointer_mut(place).unwrap() = serde_json::from_str(value).unwrap();
        let rules = broken(written(&json));
        assert!(
            rules.contains(rule),
            "{place} = {value} breaks {rules:?}, not {rule}"
        );
        shown.insert(rule);
    }
    let all = linter::RULES
        .iter()
        .chain(&own::RULES)
        .map(|(name, _)| *name);
    assert_eq!(shown, all.collect(), "each rule is broken above");
}

#[test]
fn two_panels_neither_share_a_number_nor_lie_upon_each_other() {
    let mut json = sound();
    let panel = json["panels"][0].clone();
    json["panels"].as_array_mut().unwrap().push(panel);
    assert_eq!(
        broken(written(&json)),
        BTreeSet::from(["netwolf-ids", "netwolf-grid"])
    );
    json["panels"][1]["id"] = 2.into();
    json["panels"][1]["gridPos"]["y"] = 8.into();
    assert_eq!(broken(written(&json)), BTreeSet::new());
}

#[test]
fn a_file_is_written_in_one_way() {
    let json = sound();
    for text in [
        json.to_string(),
        written(&json).replace("  ", "    "),
        written(&json).replace('\n', "\r\n"),
    ] {
        assert_eq!(broken(text), BTreeSet::from(["netwolf-format"]));
    }
}

#[test]
fn what_only_the_import_dialog_fills_in_is_refused() {
    let mut json = sound();
    json["__inputs"] = json!([]);
    assert_eq!(broken(written(&json)), BTreeSet::from(["netwolf-identity"]));
}
