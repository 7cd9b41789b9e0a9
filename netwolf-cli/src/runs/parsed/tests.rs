//! What a fleet's outputs become by a template, and by a collector's rules.

use std::slice;

use super::*;

const CLOCKS: &str = "Value Required TIME (\\d+:\\d+)\nValue List DEVICE (\\S+)\n\n\
                      Start\n  ^${TIME} on ${DEVICE} -> Record\n  ^oops -> Error\n";

fn step(device: &str, platform: &str, state: &str, outputs: &[(&str, &str)]) -> StepView {
    let transcript: Vec<_> = outputs
        .iter()
        .map(|(command, output)| json!({ "command": command, "output": output }))
        .collect();
    serde_json::from_value(json!({
        "device": device, "platform": platform, "state": state, "transcript": transcript,
        "reason": if state == "succeeded" { Value::Null } else { json!("no") },
    }))
    .unwrap()
}

fn fleet(form: Form) -> Fleet {
    let template = Template::parse(CLOCKS).unwrap();
    let mut fleet = Fleet::new(Reader::Template(template), form);
    fleet.begin(&json!({ "id": 17 }));
    fleet.step(&step(
        "r1",
        "x",
        "succeeded",
        &[("show clock", "12:00 on a,b\r\n12:01 on c\n")],
    ));
    fleet.step(&step(
        "r2",
        "x",
        "failed",
        &[("show clock", "12:00 on d\n")],
    ));
    fleet.step(&step(
        "r3",
        "x",
        "succeeded",
        &[("show clock", "nothing\n")],
    ));
    fleet
}

#[test]
fn a_template_makes_one_table_of_all_devices() {
    let mut people = fleet(Form::Table);
    assert_eq!(
        people.end(),
        "DEVICE  TIME   PARSED_DEVICE\nr1      12:00  a,b\nr1      12:01  c\n2 rows\n"
    );
    assert_eq!(
        people.warnings(),
        ["r2: failed: no", "r3: nothing was found in its output"]
    );
    assert_eq!(
        fleet(Form::Csv).end(),
        "device,time,parsed_device\nr1,12:00,\"a,b\"\nr1,12:01,c\n"
    );
    let json: Value = serde_json::from_str(&fleet(Form::Json).end()).unwrap();
    assert_eq!(json["run"]["id"], 17);
    assert_eq!(
        json["rows"],
        json!([
            { "device": "r1", "time": "12:00", "parsed_device": ["a,b"] },
            { "device": "r1", "time": "12:01", "parsed_device": ["c"] },
        ])
    );
}

#[test]
fn a_collector_reads_its_own_commands_on_each_platform() {
    let library = Library::bundled().unwrap();
    let typed = ["show  version".to_owned()];
    let Ok(reader) = Reader::collector(&library, "facts", &typed) else {
        panic!("the bundled collector reads it");
    };
    let Reader::Collector { platforms, .. } = &reader else {
        panic!("it is a collector");
    };
    assert!(platforms.len() > 1 && platforms.contains_key("cisco_ios"));
    let mut fleet = Fleet::new(reader, Form::Csv);
    fleet.step(&step(
        "r1",
        "no_such",
        "succeeded",
        &[("show version", "x")],
    ));
    assert_eq!(
        fleet.warnings(),
        ["r1: collector \"facts\" has nothing for platform \"no_such\""]
    );
}

fn of_a_collector(name: &str, device: &StepView) -> Vec<String> {
    let library = Library::bundled().unwrap();
    let Ok(reader) = Reader::collector(&library, name, &[]) else {
        panic!("there is such a collector");
    };
    let mut fleet = Fleet::new(reader, Form::Csv);
    fleet.step(device);
    assert_eq!(fleet.warnings(), [""; 0]);
    fleet.end().lines().map(str::to_owned).collect()
}

const VERSION: &str = "Cisco IOS XR Software, Version 7.3.2\nSystem uptime is 2 weeks, 1 day\n\
                       cisco NCS-5500 () processor\n";

#[test]
fn what_is_of_a_device_as_a_whole_is_one_row_whichever_rules_and_commands_it_is_from() {
    let of_one = step(
        "r1",
        "cisco_iosxr",
        "succeeded",
        &[("show version", VERSION)],
    );
    assert_eq!(
        of_a_collector("facts", &of_one),
        [
            "device,version,model,uptime",
            "r1,7.3.2,NCS-5500,\"2 weeks, 1 day\""
        ]
    );
    let uptime = "<rpc-reply><system-uptime-information><uptime-information>\
                  <up-time seconds=\"86400\">1 day</up-time></uptime-information>\
                  </system-uptime-information></rpc-reply>";
    let outputs = [
        ("show version", "Model: mx240\nJunos: 21.4R3\n"),
        ("show system uptime | display xml", uptime),
    ];
    let of_two = step("r2", "juniper_junos", "succeeded", &outputs);
    assert_eq!(
        of_a_collector("facts", &of_two),
        ["device,model,version,uptime", "r2,mx240,21.4R3,86400"]
    );
}

#[test]
fn what_a_field_would_have_twice_is_another_row() {
    let twice = step(
        "r1",
        "cisco_iosxr",
        "succeeded",
        &[
            ("show version", VERSION),
            ("show version", &VERSION.replace("7.3.2", "7.3.3")),
        ],
    );
    let rows = of_a_collector("facts", &twice);
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(
        rows[1].contains("7.3.2") && rows[2].contains("7.3.3"),
        "{rows:?}"
    );
    assert!(
        rows.iter().skip(1).all(|row| row.contains("2 weeks")),
        "{rows:?}"
    );
}

/// A rule `name` that reads a field, with a label `part` where that is not empty.
fn rule(name: &str, field: &str, part: &str) -> Arc<KnownRule> {
    let labels = match part {
        "" => json!({}),
        part => json!({ "part": part }),
    };
    let rule: Rule = serde_json::from_value(json!({
        "name": name,
        "regex": { "patterns": [format!("{name} (?P<{field}>\\S+)")], "match": "every" },
        "metrics": [{
            "name": format!("x_{name}"), "kind": "gauge", "help": "x", "value": field, "labels": labels,
        }],
    }))
    .unwrap();
    Arc::new(KnownRule::compile(&rule).unwrap())
}

fn known(command: &str, rules: &[Arc<KnownRule>]) -> Known {
    Known {
        command: command.into(),
        rules: rules.to_vec(),
    }
}

/// What reads outputs of a platform `p` by `commands`.
fn reads(commands: Vec<Known>) -> Reader {
    Reader::Collector {
        name: "x".into(),
        platforms: BTreeMap::from([("p".to_owned(), commands)]),
    }
}

#[test]
fn rules_that_tell_of_parts_keep_their_rows_and_say_which_they_are() {
    let rules = [
        rule("up", "up", ""),
        rule("fan", "speed", "${speed}"),
        rule("heat", "degrees", "cpu"),
        rule("load", "load", ""),
    ];
    let mut fleet = Fleet::new(reads(vec![known("show x", &rules)]), Form::Csv);
    let output = "up 1\nfan 10\nheat 40\nload 3\n";
    fleet.step(&step("r1", "p", "succeeded", &[("show x", output)]));
    // A rule that finds two has a row for each.
    let output = "up 1\nup 2\nload 3\n";
    fleet.step(&step("r2", "p", "succeeded", &[("show x", output)]));
    assert_eq!(
        fleet.end(),
        "device,rule,up,load,speed,degrees\n\
         r1,up+load,1,3,,\n\
         r1,fan,,,10,\n\
         r1,heat,,,,40\n\
         r2,up,1,,,\n\
         r2,up,2,,,\n\
         r2,load,,3,,\n"
    );
}

#[test]
fn rules_of_the_device_that_have_a_field_in_common_say_which_they_are() {
    let [one, other] = [rule("up", "up", ""), rule("load", "load", "")];
    let same = rule("since", "up", "");
    let of_one = |rules: &[Arc<KnownRule>]| has_kinds_of_rows(&[known("show x", rules)]);
    assert!(!of_one(&[one.clone(), other.clone()]));
    assert!(of_one(&[one.clone(), same.clone()]));
    let of_two = |rules: [&Arc<KnownRule>; 2]| {
        has_kinds_of_rows(&rules.map(|rule| known(rule.reader.rule(), slice::from_ref(rule))))
    };
    assert!(!of_two([&one, &other]));
    assert!(of_two([&one, &same]));
}

#[test]
fn rows_of_the_device_and_of_parts_say_which_they_are_also_by_commands_of_their_own() {
    let commands = vec![
        known("show version", &[rule("up", "up", "")]),
        known("show inventory", &[rule("slot", "serial", "${serial}")]),
    ];
    let mut fleet = Fleet::new(reads(commands), Form::Csv);
    let outputs = [
        ("show version", "up 1\n"),
        ("show inventory", "slot A\nslot B\n"),
    ];
    fleet.step(&step("r1", "p", "succeeded", &outputs));
    assert_eq!(
        fleet.end(),
        "device,rule,up,serial\nr1,up,1,\nr1,slot,,A\nr1,slot,,B\n"
    );
}

#[test]
fn a_collector_that_reads_nothing_of_it_is_refused_with_what_it_reads() {
    let library = Library::bundled().unwrap();
    let typed = ["show clock".to_owned()];
    let Err(Fault::Unknown(unknown)) = Reader::collector(&library, "facts", &typed) else {
        panic!("it is refused");
    };
    assert!(unknown.hint.unwrap().contains("'show version'"));
    let Err(Fault::Unknown(unknown)) = Reader::collector(&library, "fact", &[]) else {
        panic!("it is refused");
    };
    assert_eq!(unknown.message, "unknown collector \"fact\"");
}
