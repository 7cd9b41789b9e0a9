//! One odd line costs its record, is told, and the table is kept; and the bounds.

use super::*;

const LINES: &str = r"Value A (\d+)
Value B (\w+)

Start
  ^${A} ${B}$$ -> Record
  ^!.* -> Error 'odd'
  ^\? -> Error
";

const BLOCKS: &str = r"Value NAME (\w+)
Value SIZE (\d+)

Start
  ^\S+: -> Continue.Record
  ^${NAME}:
  ^ size ${SIZE}
  ^. -> Error
";

fn check(template: &str, output: &str, rows: &str, problems: &[&str]) {
    let template = Template::parse(template).unwrap();
    let parsed = template.run_leniently(output);
    assert_eq!(json(&parsed.table).to_string(), rows);
    let told: Vec<_> = parsed.problems.iter().map(Problem::to_string).collect();
    assert_eq!(told, problems);
}

#[test]
fn an_odd_line_of_a_table_costs_its_row() {
    let template = LINES.replace('\'', "\"");
    check(
        &template,
        "1 a\n! x\n2 b\n",
        r#"[["1","a"],["2","b"]]"#,
        &[r#"output line 2, template line 6: the rule says "odd": "! x""#],
    );
    check(
        &template,
        "1 a\n\n?\u{7}!\nplain\n2 b",
        r#"[["1","a"],["2","b"]]"#,
        &[
            r#"output line 3, template line 7: the rule says that the line is an error: "? !""#,
            r#"output line 4: no rule takes the line: "plain""#,
        ],
    );
}

#[test]
fn an_odd_line_in_a_record_costs_the_record() {
    check(
        BLOCKS,
        "a:\n size 1\nb:\n odd\n size 2\nc:\n size 3\n",
        r#"[["a","1"],["c","3"]]"#,
        &[r#"output line 4, template line 8: the rule says that the line is an error: "odd""#],
    );
    // What follows may belong to what the odd line began, and so it is not given to `a`.
    check(
        BLOCKS,
        "a:\n size 1\nb!\n size 2\nc:\n size 3\n",
        r#"[["c","3"]]"#,
        &[r#"output line 3, template line 8: the rule says that the line is an error: "b!""#],
    );
}

#[test]
fn a_list_with_groups_inside_that_took_no_part_is_told() {
    let template = "Value List A ((?P<n>a)(?P<m>b))\n\nStart\n  ^=(?:${A})?\n";
    assert!(Template::parse(template).unwrap().run("=").is_err());
    check(
        template,
        "=\n=ab",
        r#"[[[null,{"m":"b","n":"a"}]]]"#,
        &[
            "output line 1, template line 4: a list's group took no part, and it has groups inside: \"=\"",
        ],
    );
}

#[test]
fn strict_errors_name_rule_and_line() {
    let template = Template::parse(BLOCKS).unwrap();
    let error = template.run("a:\n odd").unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"output line 2, template line 8: the rule says that the line is an error: "odd""#
    );
}

#[test]
fn a_pattern_that_goes_back_too_often_is_no_mismatch() {
    let template = Template::parse("Value A (x)\n\nStart\n  ^(?:a|a)*(?!x)b -> Record\n").unwrap();
    let output = "a".repeat(40);
    let error = template.run(&output).unwrap_err();
    assert_eq!(error.0.kind, ProblemKind::Backtracks);
    let parsed = template.run_leniently(&output);
    assert_eq!(parsed.problems[0].kind, ProblemKind::Backtracks);
}

#[test]
fn lists_that_fill_down_end_at_the_limit() {
    let template =
        Template::parse("Value Filldown,List A (.)\n\nStart\n  ^${A} -> Record\n").unwrap();
    let output = "a\n".repeat(5_000);
    let parsed = template.run_leniently(&output);
    assert_eq!(parsed.problems[0].kind, ProblemKind::TooManyCells);
    assert!(parsed.table.len() > 2_000);
    assert!(template.run(&output).is_err());
}

#[test]
fn problems_are_counted_past_their_limit() {
    let template = Template::parse("Value A (x)\n\nStart\n  ^. -> Error\n").unwrap();
    let output = "y\n".repeat(limits::MAX_PROBLEMS + 5);
    let parsed = template.run_leniently(&output);
    assert_eq!(parsed.problems.len(), limits::MAX_PROBLEMS);
    assert_eq!(parsed.unlisted_problems, 5);
}

#[test]
fn an_output_past_its_limit_is_cut_at_a_line() {
    let template = Template::parse("Value A (x+)\n\nStart\n  ^${A}$$ -> Record\n").unwrap();
    let line = format!("{}\n", "x".repeat(1 << 20));
    let output = line.repeat(17);
    let parsed = template.run_leniently(&output);
    assert_eq!(parsed.problems[0].kind, ProblemKind::OutputTooLong);
    assert_eq!(parsed.table.len(), 15);
    assert!(template.run(&output).is_err());
}

#[test]
fn repetitions_that_are_too_big_are_refused_with_their_place() {
    let fault = |template: &str| Template::parse(template).unwrap_err().to_string();
    assert_eq!(
        fault("Value A (x)\n\nStart\n  ^(?:(?:a{300}){300})\n"),
        "line 4, column 3: not a regular expression: the counted repetitions make the pattern too big"
    );
    assert_eq!(
        fault("Value A (x\\q)\n\nStart\n"),
        "line 1, column 11: not a regular expression: bad escape \\q"
    );
    assert_eq!(
        fault("Value A (x)(?P<y>\n\nStart\n"),
        "line 1, column 9: the regular expression of \"A\" is not within a pair of parentheses"
    );
    assert_eq!(
        fault("Value A (x)\n\nStart\n  ^a -> B\n"),
        "line 4, column 9: no state is named \"B\""
    );
}
