use netwolf_wire::rule::{Matches, RegexSource};

use super::*;

const RULE: &str = r#"{
    "name": "fans",
    "regex": { "patterns": ["fan (?P<fan>\\S+)(?: at (?P<speed>\\S+) rpm)?(?: since (?P<turns>\\d+) turns)?"], "match": "every" },
    "metrics": [
        { "name": "fan_turns_total", "kind": "counter", "help": "Turns.", "labels": { "fan": "${fan}" }, "value": "turns" },
        { "name": "fan_hertz", "kind": "gauge", "help": "How fast\nit turns.", "labels": { "fan": "${fan}" }, "value": "speed", "scale": 0.5 },
        { "name": "fan_info", "kind": "info", "help": "There is one.", "labels": { "fan": "${fan}" } }
    ]
}"#;
const OUTPUT: &str = "fan \"a\" at 90 rpm since 7 turns\nfan b at n/a rpm\nfan c\n";

fn rules(text: &str) -> Rules {
    Rules::compile(&[serde_json::from_str(text).unwrap()]).unwrap()
}

#[test]
fn samples_stand_as_they_stand_on_the_page() {
    let rules = rules(RULE);
    let outcome = rules.read(OUTPUT);
    assert_eq!((outcome.records(), outcome.samples()), (3, 5));
    assert_eq!(
        outcome.exposition(None),
        r#"# HELP fan_info There is one.
# TYPE fan_info gauge
fan_info{fan="\"a\""} 1
fan_info{fan="b"} 1
fan_info{fan="c"} 1
# HELP fan_hertz How fast\nit turns.
# TYPE fan_hertz gauge
fan_hertz{fan="\"a\""} 45
# HELP fan_turns_total Turns.
# TYPE fan_turns_total counter
fan_turns_total{fan="\"a\""} 7
"#
    );
    let page = outcome.exposition(Some("r\\1"));
    assert!(
        page.contains(r#"fan_hertz{device="r\\1",fan="\"a\""} 45"#),
        "{page}"
    );
}

#[test]
fn problems_are_a_line_each() {
    let rules = rules(RULE);
    let outcome = rules.read(OUTPUT);
    let problems: Vec<_> = outcome.problems().collect();
    assert_eq!(problems, ["rule \"fans\": not a number: \"n/a\""]);
    let outcome = rules.read(&"fan a at n/a rpm\n".repeat(102));
    let problems: Vec<_> = outcome.problems().collect();
    assert_eq!(problems.len(), 101);
    assert!(
        problems[100].starts_with("there are 103 more problem"),
        "{}",
        problems[100]
    );
}

#[test]
fn records_are_tables_for_people() {
    assert_eq!(
        rules(RULE).read(OUTPUT).tables(),
        "--- rule \"fans\": 3 records\n\
         FAN  SPEED  TURNS\n\"a\"  90     7\nb    n/a\nc\n"
            .replace("FAN  SPEED  TURNS", "fan  speed  turns")
    );
    assert_eq!(
        rules(RULE).read("").tables(),
        "--- rule \"fans\": 0 records\n"
    );
}

#[test]
fn programs_get_all_of_it() {
    let rules = rules(RULE);
    let outcome = rules.read("fan b at n/a rpm\n");
    assert_eq!(
        serde_json::to_value(outcome.json()).unwrap(),
        serde_json::json!({
            "records": [{ "rule": "fans", "fields": ["fan", "speed", "turns"], "records": [{ "fan": "b", "speed": "n/a" }] }],
            "samples": [{ "name": "fan_info", "kind": "info", "labels": { "fan": "b" }, "value": 1.0 }],
            "problems": [{ "rule": "fans", "kind": "not_a_number", "text": "n/a" }],
            "unlisted_problems": 0,
        })
    );
}

#[test]
fn rules_without_metrics_give_their_records() {
    let rule = Rule {
        name: "r".into(),
        regex: Some(RegexSource {
            patterns: vec!["(?P<word>[a-z]+)".into()],
            matches: Matches::First,
            blocks: None,
        }),
        ..Rule::default()
    };
    let rules = Rules::compile(&[rule]).unwrap();
    let outcome = rules.read("one two");
    assert_eq!((outcome.records(), outcome.samples()), (1, 0));
    assert_eq!(outcome.exposition(None), "");
    let outcome = rules.read("1 2");
    let problems: Vec<_> = outcome.problems().collect();
    assert_eq!(
        problems,
        ["rule \"r\": nothing in the output matches; it begins with: \"1 2\""]
    );
}

#[test]
fn faults_are_told() {
    let bad = RULE.replace("(?P<fan>", "(?P<fan");
    let rule: Rule = serde_json::from_str(&bad).unwrap();
    assert_eq!(Rules::compile(&[rule]).unwrap_err()[0].rule, "fans");
}
