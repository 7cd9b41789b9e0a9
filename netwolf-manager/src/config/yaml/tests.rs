//! The reader on its own: every fault at once, text as typed, places.

use std::collections::BTreeMap;

use netwolf_wire::{Span, rule::Rule};
use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Thing {
    name: Field<String>,
    port: Field<u16>,
    ratio: Field<f64>,
    wait: Field<Span>,
    is_on: Field<bool>,
    list: Field<Vec<Field<String>>>,
    map: Field<BTreeMap<String, f64>>,
    entries: Field<Entries<String>>,
    rules: Field<Vec<Field<Rule>>>,
    signed: Field<i8>,
}

fn read(text: &str) -> (Field<Thing>, String) {
    let mut faults = Vec::new();
    let file: Arc<Path> = Path::new("f").into();
    let field = Document::parse(&file, text.to_owned(), &mut faults)
        .map_or(Field::Absent, |document| document.read(&mut faults));
    let faults = crate::config::fault::in_order(faults);
    (
        field,
        faults
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

fn good(text: &str) -> Thing {
    match read(text) {
        (Field::Value(thing), faults) if faults.is_empty() => thing.value,
        (field, faults) => panic!("{field:?}\n{faults}"),
    }
}

fn check_faults(text: &str, expected: &[&str]) {
    assert_eq!(read(text).1.lines().collect::<Vec<_>>(), expected, "{text}");
}

#[test]
fn text_is_what_was_typed() {
    for (typed, meant) in [
        ("0042", "0042"),
        ("1.10", "1.10"),
        ("0x1F", "0x1F"),
        ("true", "true"),
        ("1e3   # and more", "1e3"),
        ("\"22\"", "22"),
        ("'null'", "null"),
        ("a: b", ""),
        ("|\n  one\n  two\n", "one\ntwo\n"),
        (">-\n  one\n  two\n", "one two"),
        ("&anchor 007", "007"),
        ("!!str 007", "007"),
        ("Zürich 1.10", "Zürich 1.10"),
    ] {
        if !meant.is_empty() {
            let text = format!("name: {typed}");
            assert_eq!(
                good(&text).name.value().map(String::as_str),
                Some(meant),
                "{text}"
            );
        }
    }
}

#[test]
fn text_is_found_again_behind_characters_of_several_bytes() {
    let padding = "é".repeat(5_000);
    let thing = good(&format!(
        "entries: {{ {padding}: {padding} }} # ü\nname: 0042\nlist: [ö, 1.10]"
    ));
    assert_eq!(thing.name.value().unwrap(), "0042");
    let list: Vec<_> = thing
        .list
        .value()
        .unwrap()
        .iter()
        .filter_map(Field::value)
        .collect();
    assert_eq!(list, ["ö", "1.10"]);
}

#[test]
fn numbers_are_numbers() {
    let thing = good(
        "port: 0x16\nratio: 1e-3\nsigned: -128\nis_on: True\nwait: 1m30s\nmap: { up: 1, 2: .5, true: -3 }",
    );
    assert_eq!(thing.port.value(), Some(&22));
    assert_eq!(thing.ratio.value(), Some(&0.001));
    assert_eq!(thing.signed.value(), Some(&-128));
    assert_eq!(thing.is_on.value(), Some(&true));
    assert_eq!(thing.wait.value(), Some(&Span::from_secs(90)));
    let map = thing.map.value().unwrap();
    assert_eq!(
        map.iter()
            .map(|(key, value)| (key.as_str(), *value))
            .collect::<Vec<_>>(),
        [("2", 0.5), ("true", -3.0), ("up", 1.0)]
    );
}

#[test]
fn every_fault_is_found_at_its_place() {
    check_faults(
        "port: \"22\"\nratio: .nan\nsigned: 128\nis_on: yes\nwait: 5\nlist: [a, [b], {c: d}, e]\nmap: { a: x, b: 1, c: [] }\nnome: x\n",
        &[
            "f:1:7: `port`: expected a whole number from 0 to 65535, found \"22\"",
            "f:2:8: `ratio`: expected a number, found \".nan\"",
            "f:3:9: `signed`: expected a whole number from -128 to 127, found \"128\"",
            "f:4:8: `is_on`: expected `true` or `false`, found \"yes\"",
            "f:5:7: `wait`: \"5\" is not a time: time unit needed, for example 5sec or 5ms; write it with a unit, such as `500ms`, `1s` or `5m`",
            "f:6:11: expected text, found a list",
            "f:6:16: expected text, found a mapping",
            "f:7:11: expected a number, found \"x\"",
            "f:7:23: expected a number, found a list",
            "f:8:1: unknown key \"nome\"",
            "  hint: did you mean \"name\"?",
        ],
    );
}

#[test]
fn every_fault_inside_a_foreign_type_is_found() {
    check_faults(
        "rules:
  - name: a
    regex: { patterns: [x], match: all, block: y }
    metrics:
      - { name: m, kind: gague, help: h, scale: .inf, value: [v] }
      - { name: m, kind: gauge }
      - none
  - { name: b, regex: { patterns: x }, metrics: [] }
  - { regex: { patterns: [x] }, metrics: [] }
",
        &[
            "f:3:36: `match`: expected \"first\" or \"every\", found \"all\"",
            "f:3:41: unknown key \"block\"",
            "  hint: did you mean \"blocks\"?",
            "f:5:26: `kind`: expected one of \"gauge\", \"counter\", \"info\", \"stateset\", found \"gague\"",
            "  hint: did you mean \"gauge\"?",
            "f:5:49: `scale`: expected a number, found \".inf\"",
            "f:5:62: `value`: expected text, found a list",
            "f:6:9: the key `help` is missing",
            "f:7:9: expected a mapping, found text",
            "  hint: its keys are: name, kind, help, labels, value, states, aliases, parse, units, times, \
             absent, map, scale, offset, when, unless",
            "f:8:35: `patterns`: expected a list, found text",
            "  hint: put it in brackets: `[...]`",
            "f:9:5: the key `name` is missing",
        ],
    );
}

#[test]
fn repeated_keys_are_faults_among_others() {
    let (field, _) = read("name: a\nname: b");
    assert_eq!(field.value().unwrap().name.value().unwrap(), "a");
    check_faults(
        "name: a\nport: x\n\"name\": b\nentries: { k: 1, 'k': 2, k: 3, 1: x, 1: y }\n",
        &[
            "f:2:7: `port`: expected a whole number from 0 to 65535, found \"x\"",
            "f:3:1: the key \"name\" stands on line 1 already",
            "  hint: keep one of them",
            "f:4:18: the key \"k\" stands on line 4 already",
            "  hint: keep one of them",
            "f:4:26: the key \"k\" stands on line 4 already",
            "  hint: keep one of them",
            "f:4:38: the key \"1\" is there already",
            "  hint: keep one of them",
        ],
    );
}

#[test]
fn a_key_without_a_value_is_not_written() {
    let thing = good("name:\nport: ~\nlist: null\nentries: { a: , b: x }");
    assert!(thing.name.is_absent() && thing.port.is_absent() && thing.list.is_absent());
    let entries = &thing.entries.value().unwrap().0;
    assert!(entries[0].1.is_absent());
    assert_eq!(entries[1].1.value().unwrap(), "x");
    assert_eq!(
        entries[1].0.at,
        Place {
            line: 4,
            column: 17
        }
    );
    assert!(read("").0.is_absent());
    assert!(read("# nothing\n").0.is_absent());
}

#[test]
fn anchors_are_followed_and_bounded() {
    let thing = good("name: &n 0042\nlist: [*n, &o x, *o]");
    let list: Vec<_> = thing
        .list
        .value()
        .unwrap()
        .iter()
        .filter_map(Field::value)
        .collect();
    // Of a number behind an alias only its meaning is left.
    assert_eq!(list, ["42", "x", "x"]);
    let mut bomb = String::from("name: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb = format!("{bomb}k{level}: &a{level} [{aliases}]\n");
    }
    let (_, faults) = read(&bomb);
    assert!(faults.contains("alias expansion exceeded"), "{faults}");
}

/// So many mappings in each other, in block style.
fn steps(n: usize) -> String {
    let lines: Vec<String> = (0..n)
        .map(|level| format!("{}a:", " ".repeat(level)))
        .collect();
    lines.join("\n")
}

#[test]
fn depth_is_bounded_whatever_makes_it() {
    for text in [
        format!("list: {}", "[".repeat(10_000)),
        format!("list: {}x{}", "[".repeat(200), "]".repeat(200)),
        "- ".repeat(100_000),
        "? ".repeat(100_000),
        steps(300),
        steps(90),
        (0..2_000).fold("x0: &a0 x\n".into(), |text: String, level| {
            format!("{text}x{}: &a{} [*a{level}]\n", level + 1, level + 1)
        }),
    ] {
        let (_, faults) = read(&text);
        assert!(
            !faults.is_empty(),
            "{}",
            text.chars().take(40).collect::<String>()
        );
    }
}

#[test]
fn a_file_with_a_thousand_faults_ends() {
    let text = format!("list:\n{}", "  - []\n".repeat(100_000));
    let (_, faults) = read(&text);
    assert_eq!(faults.lines().count(), 1_000);
}

#[test]
fn places_are_found_by_their_way() {
    let mut faults = Vec::new();
    let text = "a: 1\nb:\n  - x\n  - { c: y }\n".to_owned();
    let document = Document::parse(&Path::new("f").into(), text, &mut faults).unwrap();
    let check = |steps: &[Step<'_>], line, column| {
        assert_eq!(document.place(steps), Place { line, column }, "{steps:?}");
    };
    check(&[], 1, 1);
    check(&[Step::Key("b"), Step::Index(1), Step::Key("c")], 4, 10);
    check(&[Step::Key("b"), Step::Index(7)], 3, 3);
    check(&[Step::Key("z")], 1, 1);
}

/// Texts of pieces that mean something to the reader or to saphyr.
const YAML_LIKE: &str = "((name|port|list|map|entries|rules|regex|metrics|kind|<<|a|1|0x1f|1\\.5|true|~|null|\
    &a|\\*a|!t|!!int|\"q\"|'é'|\\||>|%YAML 1\\.2|---|\\.\\.\\.|#|\\t|\\\\|\")?[:,] ?|[ \\n\\[\\]{}?#-]|- |\\n  ){0,40}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        drop(read(&text));
    }

    #[test]
    fn no_yaml_like_text_makes_the_reader_panic(text in YAML_LIKE) {
        drop(read(&text));
    }
}
