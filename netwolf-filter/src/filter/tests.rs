//! What filters refuse, what they make, and that no output can harm them.

use proptest::prelude::*;

use netwolf_wire::{
    rule::{Matches, Metric, Parse, RegexSource},
    series::Kind,
};

use super::*;
use crate::{
    jq::tests::properties::{document, program},
    limits::{MAX_DOCUMENT_BYTES, MAX_EXCERPT, MAX_LABEL_BYTES, MAX_STATES},
    textfsm::tests::properties::template,
};

/// A template that reads a good part of any output.
const TABLE: &str = r"Value A (\d+)
Value List B ([a-z]+|)

Start
  ^\s*${A}${B} -> Record
  ^:${B} -> Continue
  ^- -> Error
";

fn rule(name: &str, patterns: &[&str], matches: Matches, metrics: Vec<Metric>) -> Rule {
    let patterns = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
    Rule {
        name: name.into(),
        regex: Some(RegexSource {
            patterns,
            matches,
            blocks: None,
        }),
        metrics,
        ..Rule::default()
    }
}

/// A rule with a template.
fn by_template(text: &str, metrics: Vec<Metric>) -> Rule {
    Rule {
        name: "r".into(),
        textfsm: Some(text.into()),
        metrics,
        ..Rule::default()
    }
}

/// A rule with a jq program.
fn by_program(text: &str, metrics: Vec<Metric>) -> Rule {
    Rule {
        textfsm: None,
        jq: Some(text.into()),
        ..by_template("", metrics)
    }
}

fn metric(name: &str, kind: Kind, value: Option<&str>, labels: &[(&str, &str)]) -> Metric {
    let labels = labels
        .iter()
        .map(|&(name, text)| (name.to_owned(), text.to_owned()))
        .collect();
    Metric {
        labels,
        value: value.map(str::to_owned),
        ..Metric::new(name, kind, "Help.")
    }
}

fn gauge(name: &str, value: &str, labels: &[(&str, &str)]) -> Metric {
    metric(name, Kind::Gauge, Some(value), labels)
}

/// The faults of `rules` as people see them.
fn faults(rules: &[Rule]) -> String {
    let errors = Filter::compile(rules).expect_err("the rules have faults");
    let lines = errors.iter().map(|error| match &error.hint {
        Some(hint) => format!("{error}\n  hint: {hint}"),
        None => error.to_string(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Samples and problems as text, a line each.
fn apply(filter: &Filter, output: &str) -> Vec<String> {
    let extraction = filter.apply(output);
    let samples = extraction.samples.iter().map(|sample| {
        let labels: Vec<_> = sample
            .labels
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!(
            "{}{{{}}} {}",
            filter.families[sample.family].name,
            labels.join(","),
            sample.value
        )
    });
    let problems = extraction
        .problems
        .iter()
        .map(|problem| format!("{} {}", problem.kind.as_str(), problem.text));
    samples.chain(problems).collect()
}

#[test]
fn every_fault_of_a_pattern_is_told() {
    let patterns = [
        "(?P<a>",
        "a(?=b)",
        r"(\d)\1",
        r"(?P<a>\w{300}){300}",
        "fine (?P<b>.)",
    ];
    let mut rule = rule("r", &patterns, Matches::First, vec![gauge("m", "b", &[])]);
    rule.regex.as_mut().unwrap().blocks = Some("[".into());
    insta::assert_snapshot!(faults(&[rule]));
}

#[test]
fn every_fault_of_a_metric_is_told() {
    let bad = |change: fn(&mut Metric)| {
        let mut metric = gauge("metric", "a", &[]);
        change(&mut metric);
        metric
    };
    let metrics = vec![
        bad(|metric| metric.name = "9-lives".into()),
        bad(|metric| metric.name = "job:rate".into()),
        bad(|metric| metric.kind = Kind::Counter),
        bad(|metric| metric.name = "metric_total".into()),
        bad(|metric| metric.name = "metric_info".into()),
        bad(|metric| (metric.name, metric.kind) = ("version".into(), Kind::Info)),
        bad(|metric| metric.name = "acme_routes_count".into()),
        bad(|metric| metric.name = "acmeX".into()),
        bad(|metric| metric.name = "acme_temp_fahrenheit".into()),
        bad(|metric| metric.name = "rtt_ms".into()),
        bad(|metric| metric.name = "speed_mbps".into()),
        bad(|metric| metric.name = "size_octets".into()),
        bad(|metric| (metric.name, metric.kind) = ("sent_kbits_total".into(), Kind::Counter)),
        bad(|metric| metric.name = "netwolf_device_up".into()),
        bad(|metric| (metric.name, metric.kind) = ("netwolf_agent_x_total".into(), Kind::Counter)),
        bad(|metric| metric.help = " ".into()),
        bad(|metric| metric.value = None),
        bad(|metric| metric.value = Some("c".into())),
        bad(|metric| metric.value = Some("${a}".into())),
        bad(|metric| metric.scale = 0.0),
        bad(|metric| metric.offset = f64::NAN),
        bad(|metric| metric.map = [("up".to_owned(), f64::INFINITY)].into()),
        bad(|metric| {
            *metric = Metric::new("a_info", Kind::Info, "A.");
            metric.parse = Parse::Hex;
            metric.map = [("up".to_owned(), 1.0)].into();
            metric.absent = vec!["--".into()];
        }),
        bad(|metric| {
            metric.when = [
                ("a".to_owned(), vec!["/(/".to_owned()]),
                ("b".to_owned(), vec![]),
                ("c".to_owned(), vec!["up".to_owned()]),
            ]
            .into();
        }),
        bad(|metric| metric.unless = [("a".to_owned(), vec![r"/\w{999}{99}/".to_owned()])].into()),
        bad(|metric| metric.states = vec!["up".into()]),
        bad(|metric| *metric = Metric::new("state", Kind::StateSet, "State.")),
        bad(|metric| {
            metric.name = "state_total".into();
            metric.kind = Kind::StateSet;
            metric.states = ["up", "Down", "DOWN", " x"].map(str::to_owned).into();
            metric.aliases = [("1", "up"), ("2", "gone")]
                .map(|(text, state)| (text.to_owned(), state.to_owned()))
                .into();
            metric.labels = [("state_total".to_owned(), "x".to_owned())].into();
            metric.offset = 1.0;
        }),
        bad(|metric| {
            metric.kind = Kind::StateSet;
            metric.states = (0..=MAX_STATES).map(|n| n.to_string()).collect();
        }),
        bad(|metric| (metric.parse, metric.units) = (Parse::Hex, vec!["dBm".into()])),
        bad(|metric| metric.times.zone = Some("+01:00".into())),
        bad(|metric| {
            metric.parse = Parse::Timestamp;
            metric.times.formats = vec!["%H:%M".into()];
            metric.times.zones = [("CET".to_owned(), "1 h".to_owned())].into();
        }),
        bad(|metric| {
            let labels = [
                ("x-y", ""),
                ("$k", ""),
                ("quantile", ""),
                ("portName", ""),
                ("w", "$a"),
                ("device", ""),
                ("le", ""),
                ("__name__", ""),
                ("x", "${c}"),
                ("y", "${a"),
                ("z", "${a:-0}"),
            ];
            metric.labels = labels
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .into();
        }),
    ];
    insta::assert_snapshot!(faults(&[rule(
        "r",
        &["(?P<a>.)(?P<b>.)"],
        Matches::First,
        metrics
    )]));
}

#[test]
fn every_fault_of_a_rule_is_told_and_names_its_rule() {
    let counter = metric("metric_total", Kind::Counter, Some("a"), &[]);
    let info = metric("metric_total", Kind::Info, None, &[]);
    let rules = [
        rule(
            "r",
            &["(?P<a>.)"],
            Matches::First,
            vec![gauge("metric", "a", &[])],
        ),
        rule("r", &[], Matches::First, vec![]),
        rule("", &["."], Matches::First, vec![gauge("metric", "a", &[])]),
        rule("same family", &["(?P<a>.)"], Matches::First, vec![counter]),
        rule(
            "other kind",
            &["."],
            Matches::First,
            vec![metric("metric_info", Kind::Info, None, &[])],
        ),
        rule(
            "more",
            &["(?P<a>.)"],
            Matches::First,
            vec![gauge("other", "a", &[]), info],
        ),
    ];
    let rules = rules.map(|mut rule| {
        if rule.name == "more" {
            rule.max_series = Some(0);
            rule.when = [("b".to_owned(), vec!["up".to_owned()])].into();
            rule.unless = [("a".to_owned(), vec!["/[/".to_owned()])].into();
        }
        rule
    });
    insta::assert_snapshot!(faults(&rules));
    assert_eq!(
        Filter::compile(&rules)
            .unwrap_err()
            .iter()
            .map(|error| error.index)
            .max(),
        Some(5)
    );
}

#[test]
fn every_fault_of_a_source_is_told() {
    let metrics = || vec![gauge("m", "a", &[("x", "${B}"), ("y", "${b}")])];
    let none = Rule {
        textfsm: None,
        ..by_template("", metrics())
    };
    let both = Rule {
        textfsm: Some("not looked at".into()),
        ..rule("both", &["not looked at"], Matches::First, metrics())
    };
    let template = |name: &str, text| Rule {
        name: name.into(),
        ..by_template(text, metrics())
    };
    let program = |name: &str, text| Rule {
        name: name.into(),
        ..by_program(text, metrics())
    };
    insta::assert_snapshot!(faults(&[
        none,
        both,
        template("bad", "Value A (.)\n\nStart\n  ^${C}\n"),
        template("big", "Value A (.)\n\nStart\n  ^([^x]{400}){300}$$\n"),
        template("names", "Value A (.)\nValue a (.)\n\nStart\n"),
        template("fields", TABLE),
        program("refused", ".[] |\n  reduce"),
        program("keys", ".[] | {a: 1, c: 2}"),
        program("any", ".[]"),
    ]));
}

#[test]
fn a_program_makes_samples_of_its_objects() {
    let metrics = vec![
        gauge("m", "a", &[("b", "${b}"), ("c", "${c:-none}")]),
        metric("b_info", Kind::Info, None, &[("b", "${b}")]),
    ];
    let output = "Wed Jan  7 12:00:00\n{\"rows\": [\n\
        {\"a\": 18446744073709551615, \"b\": \"x\", \"c\": true},\n\
        {\"a\": \"1.5\", \"b\": null},\n\
        {\"a\": null, \"b\": \"y\"},\n\
        {\"a\": [1], \"b\": \"z\"},\n\
        {\"a\": \"n/a\", \"b\": \"v\"},\n\
        7]}";
    let expected = [
        "m{b=x,c=true} 18446744073709552000",
        "b_info{b=x} 1",
        "m{c=none} 1.5",
        "b_info{b=y} 1",
        "b_info{b=z} 1",
        "b_info{b=v} 1",
        "unreadable field \"a\" is an array",
        "not_a_number n/a",
    ];
    // Whether its keys are known or not.
    for (text, last) in [
        (
            ".rows[]",
            "unreadable the program makes 7 where an object is wanted",
        ),
        (".rows[] | {a, b, c}", "unreadable 7 has no field \"a\""),
    ] {
        let filter = Filter::compile(&[by_program(text, metrics.clone())]).unwrap();
        assert_eq!(
            apply(&filter, output),
            [&expected[..], &[last]].concat(),
            "{text}"
        );
    }
}

#[test]
fn an_output_that_a_program_cannot_read_is_a_problem() {
    let filter = Filter::compile(&[by_program("{a: .n}", vec![gauge("m", "a", &[])])]).unwrap();
    let long = format!("{{\"n\": 1{}}}", " ".repeat(MAX_DOCUMENT_BYTES));
    for (output, told) in [
        ("\n% Invalid input\n", "no_match % Invalid input"),
        ("", "no_match "),
        (
            "{\"n\": 1",
            "unreadable line 1: EOF while parsing an object: {\"n\": 1",
        ),
        ("[1]", "no_match [1]"),
        ("[[1]]", "unreadable an array has no field \"n\""),
        (&long, "too_many 4194304 bytes"),
    ] {
        assert_eq!(apply(&filter, output), [told], "{output:.80}");
    }
    let endless = vec!["(., .)"; 40].join(" | ");
    let endless = by_program(
        &format!("{{a: .n}}, ({endless} | empty)"),
        vec![gauge("m", "a", &[])],
    );
    let filter = Filter::compile(&[endless]).unwrap();
    assert_eq!(
        apply(&filter, "{\"n\": 1}"),
        ["m{} 1", "too_many steps of the program for this output"]
    );
}

#[test]
fn objects_past_the_limit_are_one_problem() {
    let filter =
        Filter::compile(&[by_program(".[] | {a: .}", vec![gauge("m", "a", &[])])]).unwrap();
    let items = vec!["1"; MAX_RECORDS + 1].join(",");
    let extraction = filter.apply(&format!("[\n{items}]"));
    assert_eq!(extraction.samples.len(), 1);
    assert_eq!(extraction.problem_count(), MAX_RECORDS - 1 + 1);
}

#[test]
fn a_template_makes_samples_and_its_errors_are_problems() {
    let metrics = vec![gauge("m", "a", &[("b", "${b}")])];
    let filter = Filter::compile(&[by_template(TABLE, metrics)]).unwrap();
    assert_eq!(
        apply(&filter, "7x\nno rule takes this\n:y\n8z\n9\n- odd\n10w\n"),
        [
            "m{b=x} 7",
            "m{b=y,z} 8",
            "m{} 9",
            "m{b=w} 10",
            "unreadable line 6 (template line 7): the rule says that the line is an error: - odd"
        ]
    );
    assert!(apply(&filter, "").is_empty(), "a table may be empty");
}

#[test]
fn an_empty_cell_is_a_value_that_is_not_there() {
    let text = "Value A (\\d*)\nValue B (\\w)\n\nStart\n  ^${A}-${B} -> Record\n";
    let metrics = vec![
        gauge("m", "a", &[("b", "${b}")]),
        metric("b_info", Kind::Info, None, &[("b", "${b}")]),
    ];
    let filter = Filter::compile(&[by_template(text, metrics)]).unwrap();
    assert_eq!(
        apply(&filter, "1-x\n-y\n"),
        ["m{b=x} 1", "b_info{b=x} 1", "b_info{b=y} 1"]
    );
}

#[test]
fn rows_past_the_limit_are_one_problem() {
    let metrics = vec![gauge("m", "a", &[])];
    let filter = Filter::compile(&[by_template(TABLE, metrics)]).unwrap();
    let extraction = filter.apply(&"1\n".repeat(MAX_RECORDS + 1));
    let last = &extraction.problems[MAX_PROBLEMS - 1];
    assert_eq!(last.kind, ProblemKind::TooMany, "it is told in any case");
    assert_eq!(extraction.samples.len(), 1);
    assert_eq!(extraction.problem_count(), MAX_RECORDS - 1 + 1);
}

#[test]
fn a_fault_of_a_pattern_does_not_make_its_fields_unknown() {
    let rule = rule(
        "r",
        &["(?P<a>.", "(?P<b>.)"],
        Matches::First,
        vec![gauge("m", "a", &[("x", "${a}")])],
    );
    assert_eq!(Filter::compile(&[rule]).unwrap_err().len(), 1);
}

#[test]
fn metrics_of_one_name_share_a_family() {
    let load = |value, window| gauge("load", value, &[("window", window)]);
    let pattern = r"(?P<one>\d+) (?P<five>\d+)";
    let filter = Filter::compile(&[
        rule(
            "a",
            &[pattern],
            Matches::First,
            vec![
                load("one", "1m"),
                gauge("other", "one", &[]),
                load("five", "5m"),
            ],
        ),
        rule("b", &["x(?P<x>.)"], Matches::Every, vec![load("x", "x")]),
    ])
    .unwrap();
    let names: Vec<_> = filter
        .families()
        .iter()
        .map(|family| family.name.as_str())
        .collect();
    assert_eq!(names, ["load", "other"]);
    assert_eq!(
        apply(&filter, "1 5 x7"),
        [
            "load{window=1m} 1",
            "other{} 1",
            "load{window=5m} 5",
            "load{window=x} 7"
        ]
    );
}

#[test]
fn one_bad_record_costs_only_its_own_sample() {
    let metrics = vec![
        gauge("in", "in", &[("port", "${port}")]),
        gauge("out", "out", &[("port", "${port}")]),
    ];
    let filter = Filter::compile(&[rule(
        "r",
        &[r"(?m)^(?P<port>\S+) (?P<in>\S+) (?P<out>\S+)$"],
        Matches::Every,
        metrics,
    )])
    .unwrap();
    assert_eq!(
        apply(&filter, "a 1 2\nb x 3\ngarbage\nc 4 5"),
        [
            "in{port=a} 1",
            "out{port=a} 2",
            "out{port=b} 3",
            "in{port=c} 4",
            "out{port=c} 5",
            "not_a_number x"
        ]
    );
}

#[test]
fn the_first_of_two_equal_series_stays() {
    let metrics = vec![gauge("m", "v", &[("a", "${a}"), ("b", "${b}")])];
    let filter = Filter::compile(&[rule(
        "r",
        &[r"(?P<a>\w)?-(?P<b>\w)?=(?P<v>\d)"],
        Matches::Every,
        metrics,
    )])
    .unwrap();
    assert_eq!(
        apply(&filter, "x-=1 -x=2 x-=3"),
        ["m{a=x} 1", "m{b=x} 2", r#"duplicate m{a="x"}"#],
        "a label value is not taken for another label's"
    );
}

#[test]
fn a_metric_that_never_has_its_turn_is_refused() {
    let both = r"x (?P<a>\d+) of (?P<b>\S+)";
    let check = |patterns: &[&str], metrics: [Metric; 2], expected: bool| {
        let rule = rule("r", patterns, Matches::First, metrics.into());
        let is_refused = Filter::compile(std::slice::from_ref(&rule)).is_err();
        assert_eq!(is_refused, expected, "{rule:?}");
        if is_refused {
            assert_eq!(
                faults(&[rule]),
                "rule \"r\": metric \"m\" is there already with the same labels, and of the two only the first counts\n  \
                 hint: leave it out, give it other labels, or say by `when` or `unless` which records each of them is for"
            );
        }
    };
    let m = |value: &str| gauge("m", value, &[("l", "${b}")]);
    let scaled = |value: &str| Metric {
        help: "Another.".into(),
        scale: 8.0,
        ..m(value)
    };
    check(&[both], [m("a"), scaled("a")], true);
    // Both groups of a pattern without any that may be passed by.
    check(&[both], [m("a"), scaled("b")], true);
    check(&[both, "(?P<a>y) (?P<b>z)"], [m("b"), m("a")], true);
    check(&[both, "(?P<a>y)"], [m("a"), m("b")], true);
    // A record may have the second field alone.
    check(&[both, "(?P<a>y)"], [m("b"), m("a")], false);
    check(&["(?P<a>1)|(?P<b>2)"], [m("a"), m("b")], false);
    check(&["(?P<a>1)?(?P<b>2)"], [m("a"), m("b")], false);
    check(&["(?P<a>1)", "(?P<b>2)"], [m("a"), m("b")], false);
    // Something tells them apart.
    let conditions: netwolf_wire::rule::Conditions = [("a".into(), vec!["1".into()])].into();
    let when = |metric: Metric| Metric {
        when: conditions.clone(),
        ..metric
    };
    let unless = |metric: Metric| Metric {
        unless: conditions.clone(),
        ..metric
    };
    check(&[both], [when(m("a")), m("a")], false);
    check(&[both], [m("a"), unless(m("a"))], false);
    check(&[both], [m("a"), gauge("m", "a", &[])], false);
    check(&[both], [m("a"), gauge("n", "a", &[("l", "${b}")])], false);
    // The first passes over what the second one reads.
    let absent = |metric: Metric| Metric {
        absent: vec!["-".into()],
        ..metric
    };
    check(&[both], [absent(m("b")), m("a")], false);
    check(&[both], [absent(m("b")), m("b")], false);
    check(&[both], [absent(m("b")), absent(scaled("b"))], true);
    let percent = Metric {
        parse: Parse::Percent,
        ..m("b")
    };
    check(&[both], [m("b"), percent], false);
}

#[test]
fn a_repeated_metric_of_any_source_and_kind_is_refused() {
    let is_repeated = |rule: Rule| {
        let errors = Filter::compile(&[rule]).err().unwrap_or_default();
        errors.iter().any(
            |error| matches!(&error.fault, Fault::RepeatedMetric { metric, place: 1 } if metric.starts_with('m')),
        )
    };
    let info = metric("m_info", Kind::Info, None, &[("a", "${a}")]);
    let twice = |metric: &Metric| vec![metric.clone(), metric.clone()];
    assert!(is_repeated(by_template(TABLE, twice(&info))));
    assert!(is_repeated(by_program("{a: .x}", twice(&info))));
    assert!(is_repeated(by_program("{", twice(&gauge("m", "a", &[])))));
    // A cell may be empty.
    let cells = || vec![gauge("m", "a", &[]), gauge("m", "b", &[])];
    assert!(!is_repeated(by_template(TABLE, cells())));

    let states = |states: &[&str]| Metric {
        states: states.iter().copied().map(Into::into).collect(),
        ..metric("m", Kind::StateSet, Some("a"), &[])
    };
    let two = |first, second| by_template(TABLE, vec![states(first), states(second)]);
    assert!(is_repeated(two(&["1", "2"], &["2"])));
    assert!(!is_repeated(two(&["1", "2"], &["3"])));
}

#[test]
fn none_at_all_is_a_problem_for_first_and_not_for_every() {
    let with = |matches| {
        Filter::compile(&[rule(
            "r",
            &["x(?P<v>.)"],
            matches,
            vec![gauge("m", "v", &[])],
        )])
        .unwrap()
    };
    assert_eq!(
        apply(&with(Matches::First), "\n \n% Invalid\n  more"),
        ["no_match % Invalid"]
    );
    assert_eq!(apply(&with(Matches::First), ""), ["no_match "]);
    assert!(apply(&with(Matches::Every), "% Invalid").is_empty());
}

#[test]
fn a_value_whose_group_took_no_part_makes_no_sample() {
    let metrics = vec![
        gauge("m", "v", &[]),
        metric("w_info", Kind::Info, None, &[("w", "${w}")]),
    ];
    let filter =
        Filter::compile(&[rule("r", &["x(?P<v>1)?(?P<w>2)?"], Matches::First, metrics)]).unwrap();
    assert_eq!(apply(&filter, "x12"), ["m{} 1", "w_info{w=2} 1"]);
    assert_eq!(apply(&filter, "x2"), ["w_info{w=2} 1"]);
    assert!(apply(&filter, "x").is_empty());
}

#[test]
fn conditions_choose_records_and_metrics() {
    let conditions = |field: &str, text: &str| [(field.to_owned(), vec![text.to_owned()])].into();
    let mut is_up = gauge("is_up", "v", &[("p", "${p}")]);
    is_up.when = conditions("s", "up");
    let mut not_a = gauge("not_a", "v", &[("p", "${p}")]);
    not_a.unless = conditions("p", "/^a/");
    let mut rule = rule(
        "r",
        &[r"(?P<p>\w+):(?P<s>\w+)=(?P<v>\w+)"],
        Matches::First,
        vec![is_up, not_a],
    );
    rule.regex.as_mut().unwrap().matches = Matches::Every;
    rule.unless = conditions("p", "skipped");
    let filter = Filter::compile(&[rule.clone()]).unwrap();
    assert_eq!(
        apply(
            &filter,
            "a1:up=1 b1:up=2 b2:down=3 a2:down=odd skipped:up=odd"
        ),
        [
            "is_up{p=a1} 1",
            "is_up{p=b1} 2",
            "not_a{p=b1} 2",
            "not_a{p=b2} 3"
        ]
    );
    rule.regex.as_mut().unwrap().matches = Matches::First;
    let filter = Filter::compile(&[rule]).unwrap();
    assert!(
        apply(&filter, "skipped:up=1").is_empty(),
        "a record that does not count is a record"
    );
}

#[test]
fn a_state_set_has_a_series_for_each_state() {
    let states = Metric {
        states: ["idle", "active", "established"].map(str::to_owned).into(),
        aliases: [("6".to_owned(), "established".to_owned())].into(),
        ..metric("m_state", Kind::StateSet, Some("s"), &[("z", "${peer}")])
    };
    let pattern = r"(?P<peer>\w)=(?P<s>\S+)";
    let filter = Filter::compile(&[rule("r", &[pattern], Matches::Every, vec![states])]).unwrap();
    assert_eq!(
        apply(&filter, "a=Active b=6 c=gone"),
        [
            "m_state{m_state=idle,z=a} 0",
            "m_state{m_state=active,z=a} 1",
            "m_state{m_state=established,z=a} 0",
            "m_state{m_state=idle,z=b} 0",
            "m_state{m_state=active,z=b} 0",
            "m_state{m_state=established,z=b} 1",
            "unknown_state gone",
        ]
    );
}

#[test]
fn a_counter_is_a_number_that_is_not_negative() {
    let counter = metric("m_total", Kind::Counter, Some("v"), &[]);
    let filter =
        Filter::compile(&[rule("r", &["(?P<v>.+)"], Matches::First, vec![counter])]).unwrap();
    assert_eq!(apply(&filter, "0"), ["m_total{} 0"]);
    assert_eq!(apply(&filter, "-1"), ["invalid_counter -1"]);
    assert_eq!(apply(&filter, "NaN"), ["not_a_number NaN"]);
}

#[test]
fn samples_past_the_limit_are_one_problem() {
    let filter = Filter::compile(&[
        rule(
            "r",
            &[r"(?P<v>\d+),"],
            Matches::Every,
            vec![
                gauge("a", "v", &[("v", "${v}")]),
                gauge("b", "v", &[("v", "${v}")]),
            ],
        ),
        rule(
            "never run",
            &["x(?P<v>.)"],
            Matches::First,
            vec![gauge("c", "v", &[])],
        ),
    ])
    .unwrap();
    let numbers: Vec<_> = (0..=MAX_SAMPLES).map(|number| number.to_string()).collect();
    let output = numbers.join(",") + ",";
    let extraction = filter.apply(&output);
    assert_eq!(extraction.samples.len(), MAX_SAMPLES);
    let kinds: Vec<_> = extraction
        .problems
        .iter()
        .map(|problem| problem.kind)
        .collect();
    assert_eq!(kinds, [ProblemKind::TooMany]);
}

#[test]
fn series_past_the_limit_of_their_rule_are_one_problem_and_other_rules_go_on() {
    let of_rule = |name: &str, family| Rule {
        max_series: Some(2),
        ..rule(
            name,
            &[r"(?P<v>\d)"],
            Matches::Every,
            vec![gauge(family, "v", &[("v", "${v}")])],
        )
    };
    let filter = Filter::compile(&[of_rule("one", "a"), of_rule("other", "b")]).unwrap();
    assert_eq!(
        apply(&filter, "1 1 2 3 4"),
        [
            "a{v=1} 1",
            "a{v=2} 2",
            "b{v=1} 1",
            "b{v=2} 2",
            "duplicate a{v=\"1\"}",
            "too_many 2 series of this rule",
            "duplicate b{v=\"1\"}",
            "too_many 2 series of this rule",
        ]
    );
    assert!(filter.apply("1 2").problems.is_empty());
}

#[test]
fn searches_that_look_to_the_end_again_and_again_are_one_problem_and_the_records_before_it_stay() {
    // Each `a` waits for a letter that never comes.
    let pattern = "(?P<k>a)(?P<v>[^z]*z)?(?P<n>\\d*)";
    let labels = &[("n", "${n}")];
    let metrics = vec![metric("it_info", Kind::Info, None, labels)];
    let rules = [rule("waits", &[pattern], Matches::Every, metrics)];
    let filter = Filter::compile(&rules).unwrap();
    let numbers: Vec<_> = (0..1 << 17).map(|n: u32| n.to_string()).collect();
    let output = format!("a{}", numbers.join("a"));
    let extraction = filter.apply(&output);
    let n_samples = extraction.samples.len();
    assert!((100..500).contains(&n_samples), "{n_samples}");
    assert_eq!(
        extraction
            .problems
            .iter()
            .map(Problem::to_string)
            .collect::<Vec<_>>(),
        [
            "rule \"waits\": a limit is reached, and the rest is left out: \"the work for one output\""
        ]
    );
}

#[test]
fn records_past_the_limit_are_one_problem_even_if_they_make_nothing() {
    let metrics = vec![gauge("a", "v", &[("v", "${v}")])];
    let filter = Filter::compile(&[
        rule("r", &[r"-(?P<v>\d)?"], Matches::Every, metrics),
        rule(
            "run all the same",
            &["x(?P<v>.)"],
            Matches::First,
            vec![gauge("c", "v", &[])],
        ),
    ])
    .unwrap();
    let extraction = filter.apply(&format!("{}x7", "-".repeat(MAX_RECORDS + 1)));
    assert_eq!(extraction.samples.len(), 1);
    let problems: Vec<_> = extraction
        .problems
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        problems,
        [r#"rule "r": a limit is reached, and the rest is left out: "10000 records""#]
    );
}

#[test]
fn problems_past_the_limit_are_counted() {
    let filter = Filter::compile(&[rule(
        "r",
        &["(?P<v>x)"],
        Matches::Every,
        vec![gauge("a", "v", &[])],
    )])
    .unwrap();
    let extraction = filter.apply(&"x".repeat(MAX_PROBLEMS + 5));
    assert_eq!(
        (extraction.problems.len(), extraction.unlisted_problems),
        (MAX_PROBLEMS, 5)
    );
    assert_eq!(extraction.problem_count(), MAX_PROBLEMS + 5);
}

#[test]
fn a_label_past_the_limit_costs_its_sample() {
    let metrics = vec![gauge("a", "v", &[("l", "${l}")]), gauge("b", "v", &[])];
    let filter =
        Filter::compile(&[rule("r", &["(?P<v>.) (?P<l>.*)"], Matches::First, metrics)]).unwrap();
    let lines = apply(&filter, &format!("1 {}", "x".repeat(MAX_LABEL_BYTES + 1)));
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], "b{} 1");
    assert!(lines[1].starts_with("label_too_long xxx"));
}

#[test]
fn a_space_is_not_taken_for_the_control_character_of_the_output_before() {
    let info = metric("m_info", Kind::Info, None, &[("l", "${a}")]);
    let pattern = "(?s)(?P<a>.)?(?P<b>.)";
    let filter = Filter::compile(&[rule("r", &[pattern], Matches::First, vec![info])]).unwrap();
    let mut recollection = Recollection::default();
    for output in ["\u{7f}0", " 0"] {
        let again = filter.apply_again(output, &mut recollection);
        assert_eq!(again, filter.apply(output), "{output:?}");
        assert!(again.samples[0].labels.is_empty(), "{output:?}");
    }
}

/// Rules out of parts that fit together, and patterns that are anything: many of them compile.
fn any_rule() -> impl Strategy<Value = Rule> {
    let pattern = prop_oneof![
        Just(r"(?P<a>\d+)(?P<b>[a-z]*)".to_owned()),
        Just(r"(?m)^\s*(?P<b>\S*)\s*(?P<a>.*?)$".to_owned()),
        Just("(?P<a>)".to_owned()),
        Just(r"(?s)(?P<a>.)?(?P<b>.)".to_owned()),
        r"[a-c.*+?|()\\dws^$ ]{0,8}".prop_map(|any| format!("(?P<a>x?)(?P<b>{any})")),
    ];
    let blocks = prop::option::of(prop_oneof![
        Just(r"\A".to_owned()),
        Just("(?m)^".to_owned()),
        r"[a-c\\s*]{1,4}"
    ]);
    let value = prop_oneof![Just("a"), Just("b")];
    let label = prop_oneof![
        Just("${a}"),
        Just("${b:-none}"),
        Just("x ${a}/${b}"),
        Just("constant")
    ];
    let matches = prop_oneof![Just(Matches::First), Just(Matches::Every)];
    let kind = prop_oneof![
        Just((Kind::Gauge, "m")),
        Just((Kind::Counter, "c_total")),
        Just((Kind::Info, "i_info")),
        Just((Kind::StateSet, "s")),
    ];
    let has_number = |kind| matches!(kind, Kind::Gauge | Kind::Counter);
    let parse = prop_oneof![
        Just(Parse::Number),
        Just(Parse::Hex),
        Just(Parse::Percent),
        Just(Parse::Duration),
        Just(Parse::Bytes),
        Just(Parse::BitRate),
    ];
    let metric = (kind, value, label, parse, -2.0_f64..2.0).prop_map(
        move |((kind, name), value, label, parse, scale)| Metric {
            parse: if has_number(kind) {
                parse
            } else {
                Parse::Number
            },
            scale: if scale == 0.0 || !has_number(kind) {
                1.0
            } else {
                scale
            },
            states: match kind {
                Kind::StateSet => ["1", "a", "12"].map(str::to_owned).into(),
                _ => Vec::new(),
            },
            ..metric(
                name,
                kind,
                (kind != Kind::Info).then_some(value),
                &[("l", label)],
            )
        },
    );
    let patterns = prop::collection::vec(pattern, 1..3);
    let regex = (patterns, blocks, matches).prop_map(|(patterns, blocks, matches)| {
        let regex = RegexSource {
            patterns,
            matches,
            blocks,
        };
        (Some(regex), None, None)
    });
    let textfsm =
        prop_oneof![Just(TABLE.to_owned()), template()].prop_map(|text| (None, Some(text), None));
    let jq = prop_oneof![
        program(),
        (program(), program()).prop_map(|(a, b)| format!(".[] | {{a: {a}, b: ({b})}}")),
    ];
    let jq = jq.prop_map(|text| (None, None, Some(text)));
    let source = prop_oneof![regex, textfsm, jq];
    (source, prop::collection::vec(metric, 1..4)).prop_map(|((regex, textfsm, jq), metrics)| Rule {
        name: "r".into(),
        regex,
        textfsm,
        jq,
        metrics,
        ..Rule::default()
    })
}

/// An output that some rule or other may find something in.
fn any_output() -> impl Strategy<Value = String> {
    prop_oneof![r"(?s)([0-9]{1,3}[a-z]?|[ \n:-]|.){0,60}", document()]
}

proptest! {
    #[test]
    fn no_output_makes_a_filter_panic_or_break_its_promises(rule in any_rule(), output in any_output(), before in any_output()) {
        let Ok(filter) = Filter::compile(std::slice::from_ref(&rule)) else { return Ok(()) };
        let extraction = filter.apply(&output);
        // A filter compiled anew gives the same in the same order.
        let again = Filter::compile(&[rule]).unwrap().apply(&output);
        prop_assert_eq!(format!("{extraction:?}"), format!("{again:?}"));
        // Nor does it matter what came before.
        let mut recollection = Recollection::default();
        for text in [&before, &output, &output, &before, &output] {
            let again = filter.apply_again(text, &mut recollection);
            prop_assert_eq!(format!("{again:?}"), format!("{:?}", filter.apply(text)));
        }

        let mut seen = HashSet::new();
        for sample in &extraction.samples {
            prop_assert!(seen.insert((sample.family, sample.labels.clone())), "a series is there twice");
            prop_assert!(sample.labels.is_sorted());
            prop_assert!(sample.labels.iter().all(|(_, value)| !value.is_empty() && !value.contains(char::is_control)));
            match filter.families()[sample.family].kind {
                Kind::Counter => prop_assert!(sample.value >= 0.0),
                Kind::Info => prop_assert_eq!(sample.value.to_bits(), 1.0_f64.to_bits()),
                Kind::StateSet => {
                    prop_assert!(sample.value.to_bits() == 0 || sample.value.to_bits() == 1.0_f64.to_bits());
                    prop_assert!(sample.labels.iter().any(|(name, _)| name == "s"));
                }
                Kind::Gauge => {}
            }
        }
        for problem in &extraction.problems {
            prop_assert!(problem.text.chars().count() <= MAX_EXCERPT && !problem.text.contains(char::is_control));
        }
        prop_assert!(extraction.samples.len() <= MAX_SAMPLES && extraction.problems.len() <= MAX_PROBLEMS);
    }

    #[test]
    fn rules_of_any_text_never_panic(name in ".*", pattern in ".*", label in ".*", text in ".*", value in ".*") {
        let rule = rule(&name, &[&pattern], Matches::Every, vec![gauge(&name, &value, &[(&label, &text)])]);
        if let Err(errors) = Filter::compile(&[rule]) {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
