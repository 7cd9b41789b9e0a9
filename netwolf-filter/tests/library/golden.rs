//! Golden outputs: `library/testdata/COLLECTOR/N.CASE.txt` is an output of the collector's N-th command,
//! and `N.CASE.snap` beside it holds what it becomes. Every bundled command has at least one.
//!
//! The outputs are written for these tests in the devices' formats; none is a recording.

use std::{collections::BTreeSet, fs};

use insta::Settings;
use netwolf_filter::Filter;
use netwolf_wire::rule::Rule;

use crate::data::{collector, collectors, files, library, render};

/// What every device answers, so that an answer without any record is a problem. Of the others a device may have
/// nothing: no BGP, no optics.
const NEVER_EMPTY: [&str; 4] = ["facts", "cpu", "memory", "interfaces"];

#[test]
fn every_bundled_command_has_a_case_and_gives_its_samples() {
    for (stem, collector) in collectors() {
        let folder = library().join("testdata").join(&stem);
        let mut settings = Settings::clone_current();
        settings.set_snapshot_path(&folder);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let mut commands = BTreeSet::new();
        for (case, path) in files(&folder, "txt") {
            let (number, _) = case.split_once('.').expect("a case is named N.CASE.txt");
            let number: usize = number
                .parse()
                .expect("a case begins with its command's number");
            let filter = collector.commands[number - 1].filter();
            let extraction = filter.apply(&fs::read_to_string(path).unwrap());
            settings.bind(|| insta::assert_snapshot!(case, render(&filter, &extraction)));
            commands.insert(number);
        }
        let all: BTreeSet<_> = (1..=collector.commands.len()).collect();
        assert_eq!(
            commands,
            all,
            "{stem}: each command needs a case in {}",
            folder.display()
        );
    }
}

#[test]
fn every_metric_of_every_rule_has_a_case() {
    for (stem, collector) in collectors() {
        let cases = files(&library().join("testdata").join(&stem), "txt");
        for (index, command) in collector.commands.iter().enumerate() {
            let number = format!("{}.", index + 1);
            let cases = cases.iter().filter(|(case, _)| case.starts_with(&number));
            let outputs: Vec<_> = cases
                .map(|(_, path)| fs::read_to_string(path).unwrap())
                .collect();
            for (rule, nth) in command
                .rules
                .iter()
                .flat_map(|rule| (0..rule.metrics.len()).map(move |nth| (rule, nth)))
            {
                let metric = rule.metrics[nth].clone();
                let name = metric.name.clone();
                let alone = Filter::compile(&[Rule {
                    metrics: vec![metric],
                    ..rule.clone()
                }])
                .unwrap();
                assert!(
                    outputs
                        .iter()
                        .any(|output| !alone.apply(output).samples.is_empty()),
                    "{stem}: no case of command {number} makes metric {} of rule {:?}, {name}",
                    nth + 1,
                    rule.name
                );
            }
        }
    }
}

/// A line that nobody knows, put before each line in turn, costs at most the object whose lines it parts: the rest of
/// the table stays. No object has more than 13 values, those of an interface.
#[test]
fn an_odd_line_costs_no_more_than_the_object_that_it_is_in() {
    for (stem, collector) in collectors() {
        for (case, path) in files(&library().join("testdata").join(&stem), "txt") {
            let (number, _) = case.split_once('.').unwrap();
            let number: usize = number.parse().unwrap();
            // JSON is read whole or not at all.
            let rules = &collector.commands[number - 1].rules;
            if rules.iter().any(|rule| rule.jq.is_some()) {
                continue;
            }
            let filter = collector.commands[number - 1].filter();
            let lines_of = |output: &str| -> BTreeSet<String> {
                let rendered = render(&filter, &filter.apply(output));
                rendered.lines().map(str::to_owned).collect()
            };
            let output = fs::read_to_string(path).unwrap();
            let whole = lines_of(&output);
            let lines: Vec<_> = output.lines().collect();
            for at in 0..=lines.len() {
                let (before, after) = lines.split_at(at);
                let odd = [before, &["odd: 4711 of nothing"], after].concat();
                let left = lines_of(&odd.join("\n"));
                let lost: Vec<_> = whole.difference(&left).collect();
                assert!(
                    lost.len() <= 13,
                    "{stem}: {case}: a line before line {}: {lost:#?}",
                    at + 1
                );
            }
        }
    }
}

/// Two counters in turn are one that starts again and again, and each time the difference is traffic that never was.
#[test]
fn a_routed_port_of_nx_os_that_lost_a_line_is_not_counted_by_another_one() {
    let path = library().join("testdata/cisco_nxos_interfaces/1.layer_3.txt");
    let output = fs::read_to_string(path).unwrap();
    let filter = collector("cisco_nxos_interfaces").commands[0].filter();
    let received = |output: &str| {
        let page = render(&filter, &filter.apply(output));
        let of_port = page
            .lines()
            .filter(|line| line.contains("_receive_bytes_total{interface=\"Ethernet1/9\"}"));
        of_port.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(received(&output).len(), 1);
    let line = output
        .lines()
        .find(|line| line.contains(" input packets "))
        .unwrap();
    assert_eq!(
        received(&output.replace(line, "    48%&11 in")),
        Vec::<String>::new()
    );
}

#[test]
fn no_case_is_left_of_a_collector_that_is_gone() {
    let stems: BTreeSet<_> = collectors().into_iter().map(|(stem, _)| stem).collect();
    for entry in fs::read_dir(library().join("testdata")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            stems.contains(&name),
            "testdata of {name:?}, which is no collector"
        );
    }
}

#[test]
fn an_output_that_is_something_else_makes_nothing_and_is_told_where_no_device_has_nothing() {
    for (stem, collector) in collectors() {
        for command in &collector.commands {
            let extraction = command
                .filter()
                .apply("% Invalid input detected at '^' marker.\n");
            assert_eq!(extraction.samples, []);
            assert!(
                extraction.problem_count() > 0 || !NEVER_EMPTY.contains(&collector.name.as_str()),
                "{stem}: {:?} fails in silence",
                command.text
            );
        }
    }
}

#[test]
fn xml_without_what_every_device_has_is_told() {
    let replies = [
        "<rpc-reply>\n<output>error: the chassis subsystem is not running</output>\n</rpc-reply>\n",
        "<rpc-reply>\n<cli>\n<banner></banner>\n</cli>\n</rpc-reply>\n",
    ];
    for (stem, collector) in collectors() {
        for command in &collector.commands {
            let is_xml = command.rules.iter().any(|rule| rule.xml.is_some());
            if !is_xml || !NEVER_EMPTY.contains(&collector.name.as_str()) {
                continue;
            }
            for reply in replies {
                let extraction = command.filter().apply(reply);
                assert_eq!(extraction.samples, []);
                assert_eq!(extraction.problem_count(), 1, "{stem}: {:?}", command.text);
            }
        }
    }
}

#[test]
fn collectors_are_named_for_their_first_platform_and_say_what_they_are() {
    for (stem, collector) in collectors() {
        assert_eq!(
            stem,
            format!("{}_{}", collector.platforms[0], collector.name)
        );
        assert!(!collector.description.is_empty());
        for command in &collector.commands {
            // The device's interval is at least a second, and a poll must not wait for the next one.
            let interval = command.interval;
            assert!(
                interval.is_none_or(|interval| interval > "1s".parse().unwrap()),
                "{stem}"
            );
            // A device has 5 s, unless its inventory says otherwise, and that is enough for what comes often.
            if let Some(timeout) = command.timeout {
                let slow = "5s".parse().unwrap()..interval.expect("a slow command is a rare one");
                assert!(slow.contains(&timeout), "{stem}: {:?}", command.text);
            }
        }
    }
}

#[test]
fn a_metric_has_one_help_text_and_one_kind_in_all_collectors() {
    let mut families = std::collections::BTreeMap::new();
    for (stem, collector) in collectors() {
        for metric in collector
            .commands
            .iter()
            .flat_map(|command| &command.rules)
            .flat_map(|rule| &rule.metrics)
        {
            let told = (metric.kind, metric.help.clone());
            let first = families
                .entry(metric.name.clone())
                .or_insert_with(|| told.clone());
            assert_eq!(*first, told, "{} in {stem}", metric.name);
            assert!(metric.name.starts_with("netwolf_"), "{}", metric.name);
        }
    }
}
