use std::fmt::Write as _;

use super::*;
use crate::limits::MAX_RECORDS;

/// The records of `output` as `field=text` lines, absent fields left out.
fn check(source: &RegexSource, output: &str, expected: &[&str]) {
    let source = RegexRecords::compile(source).unwrap();
    let mut records = Vec::new();
    let read = source.read(output, |record| {
        let fields = source.fields().iter().enumerate();
        let fields =
            fields.filter_map(|(index, name)| Some(format!("{name}={}", record.field(index)?)));
        records.push(fields.collect::<Vec<_>>().join(" "));
        ControlFlow::Continue(())
    });
    assert_eq!((records, read), (strings(expected), Ok(())));
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn source(patterns: &[&str], matches: Matches, blocks: Option<&str>) -> RegexSource {
    RegexSource {
        patterns: patterns.iter().map(|&pattern| pattern.to_owned()).collect(),
        matches,
        blocks: blocks.map(str::to_owned),
    }
}

#[test]
fn first_takes_the_first_match_of_each_pattern() {
    let source = source(&[r"(?P<a>\d)", r"(?P<b>[a-z])"], Matches::First, None);
    check(&source, "1 x 2 y", &["a=1", "b=x"]);
    check(&source, "1 2", &["a=1"]);
    check(&source, "", &[]);
}

#[test]
fn every_takes_all_matches() {
    check(
        &source(&[r"(?P<a>\d)(?P<b>[a-z])?"], Matches::Every, None),
        "1x 2 3y",
        &["a=1 b=x", "a=2", "a=3 b=y"],
    );
}

#[test]
fn empty_matches_are_those_of_the_crate() {
    let pattern = "(?P<a>x*)";
    for text in ["", "xx", "äxxäö", "axb"] {
        let crates: Vec<_> = Regex::new(pattern)
            .unwrap()
            .find_iter(text)
            .map(|found| format!("a={}", found.as_str()))
            .collect();
        check(
            &source(&[pattern], Matches::Every, None),
            text,
            &crates.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    }
}

#[test]
fn a_block_makes_one_record_of_all_patterns() {
    let source = source(
        &[r"\A(?P<name>\w+):", r"(?P<in>\d+) in", r"(?P<out>\d+) out"],
        Matches::First,
        Some(r"(?m)^\w+:"),
    );
    let output = "9 in\na: 1 in\n 2 out\nb: 3 out\n 4 out\nc: none\n";
    check(
        &source,
        output,
        &["name=a in=1 out=2", "name=b out=3", "name=c"],
    );
    check(&source, "9 in", &[]);
}

#[test]
fn a_block_in_which_nothing_matches_makes_no_record() {
    check(
        &source(&[r"(?P<in>\d+) in"], Matches::First, Some("(?m)^")),
        "1 in\n\n2 in",
        &["in=1", "in=2"],
    );
}

#[test]
fn the_first_pattern_that_has_a_field_fills_it() {
    let source = source(
        &[r"new (?P<a>\d)", r"old (?P<a>\d)"],
        Matches::First,
        Some(r"\A"),
    );
    check(&source, "old 1, new 2", &["a=2"]);
    check(&source, "old 1", &["a=1"]);
}

/// How many records there are, and whether they are all.
fn count(source: &RegexSource, output: &str) -> (usize, Result<(), Over>) {
    let mut n_records = 0;
    let source = RegexRecords::compile(source).unwrap();
    let read = source.read(output, |_| {
        n_records += 1;
        if n_records == MAX_RECORDS {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    (n_records, read)
}

/// Of each match it waits for a letter that never comes.
const WAITS: &str = "(?P<k>a)(?P<v>[^z]*z)?";

#[test]
fn what_cuts_the_output_is_bounded_as_well() {
    let output = "a".repeat(1 << 20);
    let blocks = source(&["(?P<k>a)"], Matches::Every, Some(WAITS));
    let (n_records, read) = count(&blocks, &output);
    assert_eq!(read, Err(Over));
    assert!((100..200).contains(&n_records), "{n_records}");
}

#[test]
fn what_waits_since_before_the_match_is_bounded_as_well() {
    let mut output = String::new();
    for count in 0..1 << 17 {
        write!(output, "ab{count}").unwrap();
    }
    for pattern in [
        r"(?:a(?P<v>[^z]*)z)?b(?P<k>\d+)",
        r"(?P<v>a[^z]*z)|(?P<k>b\d+)",
    ] {
        let waits = source(&[pattern], Matches::Every, None);
        let (n_records, read) = count(&waits, &output);
        assert_eq!(read, Err(Over));
        assert!((50..200).contains(&n_records), "{pattern}: {n_records}");
    }
    let blocks = source(&["(?P<k>x)"], Matches::Every, Some("a[^z]*z|b"));
    assert_eq!(count(&blocks, &output), (0, Err(Over)));
}

#[test]
fn where_the_crate_is_slow_less_is_done() {
    // The lazy DFA knows no word boundaries outside of ASCII.
    let output = "aä".repeat(1 << 18);
    let waits = source(&[r"(?P<k>a)(?P<v>[^z]*\bz)?"], Matches::Every, None);
    let (n_records, read) = count(&waits, &output);
    assert_eq!(read, Err(Over));
    assert!((5..50).contains(&n_records), "{n_records}");
}

#[test]
fn blocks_without_end_in_which_nothing_is_found_end() {
    let output = "\n".repeat(1 << 21);
    let blocks = source(&["(?P<a>x)"], Matches::Every, Some("(?m)^"));
    assert_eq!(count(&blocks, &output), (0, Err(Over)));
}

#[test]
fn ordinary_outputs_of_any_size_are_read_whole() {
    let mut output = String::new();
    for port in 0..MAX_RECORDS - 1 {
        write!(
            output,
            "Ethernet{port} is up, line protocol is up\n  MTU 1500 bytes\n"
        )
        .unwrap();
        output.push_str(&"  Zürich uplink, nothing of interest\n".repeat(25));
    }
    assert!(output.len() > 9_000_000);
    for (patterns, blocks) in [
        (&[r"(?m)^(?P<port>\S+) is (?P<state>\w+)"][..], None),
        (&[r"(?m)^(?P<port>\w+\d)\b is (?P<state>.+)$"], None),
        (&[r"(?s)(?P<port>\w+) is up.*?MTU (?P<mtu>\d+)"], None),
        (
            &[r"\A(?P<port>\S+)", r"MTU (?P<mtu>\d+)"],
            Some(r"(?m)^\S+ is "),
        ),
    ] {
        let source = source(patterns, Matches::Every, blocks);
        assert_eq!(
            count(&source, &output),
            (MAX_RECORDS - 1, Ok(())),
            "{patterns:?}"
        );
    }
}

#[test]
fn one_search_of_each_pattern_costs_nothing_of_the_bound() {
    let patterns = vec!["(?P<a>[xy]+z)"; 20];
    let output = "x".repeat(8 << 20);
    let first = source(&patterns, Matches::First, None);
    assert_eq!(count(&first, &output), (0, Ok(())));
}
