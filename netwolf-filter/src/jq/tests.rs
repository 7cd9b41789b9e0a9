//! What programs make, what is refused, and that neither program nor input can do harm.

pub(crate) mod properties;

use super::{value::Text, *};
use crate::limits::{MAX_JQ_BYTES, MAX_JQ_NESTING, MAX_JQ_NODES, MAX_PROBLEMS};

/// The outputs of `program` as JSON, then the errors behind a `!`, and how it stopped.
fn outputs(program: &str, input: &str) -> Vec<String> {
    let program = Program::parse(program).unwrap_or_else(|error| panic!("{program}: {error}"));
    let input = format!("[\n{input}\n]");
    let input = read(&input).unwrap_or_else(|error| panic!("{error:?}"));
    let Value::Array(inputs) = input else {
        panic!("it was put into one")
    };
    let mut outputs = Vec::new();
    for input in inputs.iter() {
        let ran = program.run(input, |value| {
            outputs.push(json(&value));
            Ok(())
        });
        outputs.extend(ran.errors.iter().map(|error| format!("! {error}")));
        outputs.extend(ran.stop.map(|stop| match stop {
            Stop::Error(error) => format!("! {error}"),
            stop => format!("! {stop:?}"),
        }));
    }
    outputs
}

/// `value` as JSON.
fn json(value: &Value<'_>) -> String {
    let text = |text: &Text<'_>| serde_json::to_string(text.as_str()).unwrap();
    match value {
        Value::Text(it) => text(it),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(json).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(object) => {
            let entries = object.entries().iter();
            let entries: Vec<_> = entries
                .map(|(name, value)| format!("{}:{}", text(name), json(value)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        scalar => scalar.described(),
    }
}

fn check(program: &str, input: &str, expected: &[&str]) {
    assert_eq!(outputs(program, input), expected, "{program}");
}

#[test]
fn paths_find_what_is_there_and_null_where_nothing_is() {
    check(".", "1", &["1"]);
    check(".a.b", r#"{"a":{"b":1}}"#, &["1"]);
    check(r#".a."b c", ."b c""#, r#"{"a":{"b c":1}}"#, &["1", "null"]);
    check(r#".["a"]["b"]"#, r#"{"a":{"b":1}}"#, &["1"]);
    check(
        ".[1], .[-1], .[7], .[1:], .[:1], .[-2:-1]",
        "[1,2,3]",
        &["2", "3", "null", "[2,3]", "[1]", "[2]"],
    );
    check(".[1:3]", r#""äöü""#, &[r#""öü""#]);
    check(".a[], .[\"a\"][0]", r#"{"a":[1,2]}"#, &["1", "2", "1"]);
    check(".a.[].b", r#"{"a":[{"b":1},{}]}"#, &["1", "null"]);
    check(".[.k]", r#"{"k":"v","v":7}"#, &["7"]);
    check("..", r#"{"a":[1]}"#, &[r#"{"a":[1]}"#, "[1]", "1"]);
    check(".. | numbers", r#"[1,{"a":[2]}]"#, &["1", "2"]);
}

#[test]
fn operators_bind_as_in_jq() {
    check("1 + 2 * 3 - 4 / 2", "0", &["5"]);
    check("7 / 2, 7 % 4, -7 % 4, 6 / 2", "0", &["3.5", "3", "-3", "3"]);
    check("1, 2 | . * 10", "0", &["10", "20"]);
    check(
        ".a // 1, .b // .c // 2",
        r#"{"a":false,"c":3}"#,
        &["1", "3"],
    );
    check(".x or true and false", r#"{"x":null}"#, &["false"]);
    check(
        "1 < 2 and \"a\" < \"b\" and null < false and 9 < \"1\"",
        "0",
        &["true"],
    );
    check(". as $x | [$x, (2 as $x | $x), $x]", "1", &["[1,2,1]"]);
    check("1 as $x | 2 as $y | [$x, $y]", "0", &["[1,2]"]);
}

#[test]
fn whole_numbers_keep_their_digits() {
    check(".", "18446744073709551615", &["18446744073709551615"]);
    check(
        ". + 1, . - 1, . * 2",
        "18446744073709551615",
        &[
            "18446744073709551616",
            "18446744073709551614",
            "36893488147419103230",
        ],
    );
    check("tonumber", r#""9007199254740993""#, &["9007199254740993"]);
    check(". / 2", "18446744073709551614", &["9223372036854775807"]);
    check(
        "[.[] | floor, ceil, round, abs]",
        "[-1.5]",
        &["[-2,-1,-2,1.5]"],
    );
}

#[test]
fn objects_have_an_entry_for_each_key() {
    check(
        "{a, \"b\", c: .a, (.b): 1, \"\\(.a)x\": 2}",
        r#"{"a":"A","b":"B"}"#,
        &[r#"{"a":"A","b":"B","c":"A","B":1,"Ax":2}"#],
    );
    check(
        ". as $x | {$x, y: 1 + 1, z: .[] | . * 2}",
        "[1]",
        &[r#"{"x":[1],"y":2,"z":2}"#],
    );
    check("{a: (1, 2)}", "0", &[r#"{"a":1}"#, r#"{"a":2}"#]);
    check("{a: 1} + {b: 2} + {a: 3}", "0", &[r#"{"a":3,"b":2}"#]);
    check("{if: 1, and: 2} | .if, .and", "0", &["1", "2"]);
    let large: Vec<_> = (0..40).map(|it| format!(r#""k{it}":{it}"#)).collect();
    check(
        ".k39, .k0, .no, length",
        &format!("{{{}}}", large.join(",")),
        &["39", "0", "null", "40"],
    );
    check(".", r#"{"a":1,"b":2,"a":3}"#, &[r#"{"a":3,"b":2}"#]);
}

#[test]
fn functions_do_what_those_of_jq_do() {
    check(
        "length",
        r#"[1,2],{"a":1},"äö",null,-3"#,
        &["2", "1", "2", "0", "3"],
    );
    check(
        "keys, keys_unsorted",
        r#"{"b":1,"a":2}"#,
        &[r#"["a","b"]"#, r#"["b","a"]"#],
    );
    check("to_entries", r#"{"a":1}"#, &[r#"[{"key":"a","value":1}]"#]);
    check(
        "with_entries({key, value: (.value + 1)})",
        r#"{"a":1}"#,
        &[r#"{"a":2}"#],
    );
    check(
        "map(. * 2), map_values(. * 2)",
        "[1,2]",
        &["[2,4]", "[2,4]"],
    );
    check("map_values(numbers)", r#"{"a":1,"b":"x"}"#, &[r#"{"a":1}"#]);
    check(".[] | select(. > 1)", "[1,2,3]", &["2", "3"]);
    check(
        "add, add(.[] * 2), min, max, first, last, reverse",
        "[2,1,3]",
        &["6", "12", "1", "3", "2", "3", "[3,1,2]"],
    );
    check(
        "add",
        r#"["a","b"],[[1],[2]],[{"a":1},{"b":2}],[],null"#,
        &[
            r#""ab""#,
            "[1,2]",
            r#"{"a":1,"b":2}"#,
            "null",
            "! null has no items",
        ],
    );
    check(
        "sort, unique",
        "[2,1,2,null]",
        &["[null,1,2,2]", "[null,1,2]"],
    );
    check(
        "sort_by(.a, .b) | map(.b)",
        r#"[{"a":2,"b":1},{"a":1,"b":3},{"a":1,"b":2}]"#,
        &["[2,3,1]"],
    );
    check(
        "group_by(.a) | map(length)",
        r#"[{"a":1},{"a":2},{"a":1}]"#,
        &["[2,1]"],
    );
    check(
        "(min_by(.a), max_by(.a)).b",
        r#"[{"a":2,"b":"x"},{"a":1,"b":"y"}]"#,
        &[r#""y""#, r#""x""#],
    );
}

#[test]
fn functions_of_texts_and_kinds_do_what_those_of_jq_do() {
    check(
        "any, all, any(. > 1), all(. > 0)",
        "[1,null]",
        &["true", "false", "false", "false"],
    );
    check("first(.[] | select(. > 1))", "[1,2,3]", &["2"]);
    check("has(\"a\")", r#"{"a":null},{}"#, &["true", "false"]);
    check(
        "startswith(\"Eth\"), endswith(\"1\"), contains(\"her\"), ltrimstr(\"Ethernet\"), rtrimstr(\"1\")",
        r#""Ethernet1""#,
        &["true", "true", "true", r#""1""#, r#""Ethernet""#],
    );
    check(
        "split(\"/\"), (split(\"/\") | join(\".\"))",
        r#""1/2""#,
        &[r#"["1","2"]"#, r#""1.2""#],
    );
    check(
        "trim, ltrim, rtrim, ascii_upcase, ascii_downcase",
        r#"" aB ""#,
        &[r#""aB""#, r#""aB ""#, r#"" aB""#, r#"" AB ""#, r#"" ab ""#],
    );
    check(
        "type, tostring, (tostring | tonumber)",
        "1.5",
        &[r#""number""#, r#""1.5""#, "1.5"],
    );
    check("[.[] | not]", "[null,0]", &["[true,false]"]);
    check("flatten", "[1,[2,[3]]]", &["[1,2,3]"]);
    check(
        "test(\"^Et\"), (capture(\"(?P<kind>[A-Za-z]+)(?P<slot>\\\\d+)?\"))",
        r#""Ethernet""#,
        &["true", r#"{"kind":"Ethernet","slot":null}"#],
    );
    check(
        "if . > 2 then \"many\" elif . == 1 then \"one\" else \"few\" end",
        "1,2,3",
        &[r#""one""#, r#""few""#, r#""many""#],
    );
    check("if . then 1 end", "null,true", &["null", "1"]);
    check(
        "\"slot \\(.a)/\\(.b)\"",
        r#"{"a":1,"b":"x"}"#,
        &[r#""slot 1/x""#],
    );
    check(
        "[.[] | strings, booleans, nulls, arrays, objects, scalars, values, iterables]",
        r#"["a",[1]]"#,
        &[r#"["a","a","a",[1],[1],[1]]"#],
    );
    check(
        ".[] | from_entries",
        r#"[[{"name":"a","value":1},{"key":"b","value":2}]]"#,
        &[r#"{"a":1,"b":2}"#],
    );
}

#[test]
fn an_error_behind_each_costs_its_item_where_records_come_out() {
    let input = r#"[{"n":"1"},{"n":"x"},{"n":"3"}]"#;
    check(
        ".[] | {n: (.n | tonumber)}",
        input,
        &[r#"{"n":1}"#, r#"{"n":3}"#, "! \"x\" is no number"],
    );
    check(
        ". as $all | .[] | select(.n | tonumber > 1)",
        input,
        &[r#"{"n":"3"}"#, "! \"x\" is no number"],
    );
    // Inside something it costs the whole, as in jq.
    check("[.[] | .n | tonumber]", input, &["! \"x\" is no number"]);
    check("[.[] | .n | tonumber?]", input, &["[1,3]"]);
    check("[.[] | (.n | tonumber)? // 0]", input, &["[1,0,3]"]);
    check(".[] | error(\"no\")", "[1]", &["! \"no\""]);
    check("1, .a, 2", "[]", &["1", "! an array has no field \"a\""]);
    let many = format!("[{}]", vec!["0"; MAX_PROBLEMS + 7].join(","));
    assert_eq!(outputs(".[] | .a", &many).len(), MAX_PROBLEMS);
}

#[test]
fn try_leaves_out_its_own_errors_and_no_others() {
    check(".a?, 1", "[]", &["1"]);
    check("try error(\"x\"), 1", "0", &["1"]);
    check("[.[]? | .a]", r#"[{"a":1},2]"#, &["! 2 has no field \"a\""]);
    check("(.[] | .a)?", r#"[{"a":1},2,{"a":3}]"#, &["1"]);
}

/// Why `program` is refused, with the hint.
fn refused(program: &str) -> String {
    let error = Program::parse(program).expect_err(program);
    match &error.hint {
        Some(hint) => format!("{program}\n  {error}\n  hint: {hint}"),
        None => format!("{program}\n  {error}"),
    }
}

#[test]
fn what_cannot_be_bounded_or_understood_is_refused_by_name() {
    let programs = [
        "",
        "1 +",
        ".[",
        ".[0",
        "{a",
        "{a: 1",
        "{a: 1,,}",
        "(1",
        "\"abc",
        "\"\\d\"",
        "\"\\u12\"",
        "1 2",
        ".a b",
        "}",
        "&",
        "if . then 1",
        "if . else 1 end",
        "$x",
        ". as [$x] | $x",
        ". as $x",
        "1 as $x | 2 | $y",
        "reduce .[] as $x (0; . + $x)",
        "foreach .[] as $x (0; .)",
        "def f: f; f",
        "label $x | 1",
        "range(9)",
        "[limit(3; repeat(1))]",
        "recurse",
        "until(false; .)",
        "now",
        "env",
        "$ENV",
        "input",
        "debug",
        "halt",
        "gsub(\"a\"; \"b\")",
        "del(.a)",
        ".a = 1",
        ".a |= 1",
        ".a += 1",
        "try 1 catch 2",
        "@base64",
        "then",
        "interface",
        "map",
        "map(1; 2)",
        "test(.a)",
        "test(\"(\")",
        "test(\"\\\\w{300}{300}\")",
        "# nothing\n",
        "1\n  | fo(1)",
    ];
    let told: Vec<_> = programs.into_iter().map(refused).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn programs_are_no_larger_and_no_deeper_than_the_limits() {
    let nested = |open: &str, close: &str, depth: usize| {
        format!("{}1{}", open.repeat(depth), close.repeat(depth))
    };
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("-", ""),
        ("try ", ""),
        ("1 as $x | ", ""),
        ("1 // ", ""),
        ("{a: ", "}"),
        ("if 1 then ", " end"),
        ("\"\\(", ")\""),
        (".[", "]"),
        ("map(", ")"),
    ] {
        let fits = nested(open, close, MAX_JQ_NESTING / 2 - 1);
        assert!(Program::parse(&fits).is_ok(), "{fits}");
        let deep = nested(open, close, 1000);
        let error = Program::parse(&deep).unwrap_err();
        assert!(error.message.contains("deeper"), "{open}: {error}");
    }
    for chain in ["1 | ", "1 , ", "1 + ", ".a.b | ", "1 and ", ". as $x | "] {
        let long = format!("{}1", chain.repeat(MAX_JQ_NODES));
        assert!(Program::parse(&long).is_err(), "{chain}");
    }
    let long = format!("1{}", " ".repeat(MAX_JQ_BYTES));
    assert!(Program::parse(&long).unwrap_err().message.contains("bytes"));
}

#[test]
fn the_largest_programs_run_on_an_ordinary_stack() {
    // Each link adds as many calls to the stack as any does.
    for link in [
        "(.a // .) | ",
        "first(.) | ",
        "(. + .) - . | ",
        ".[0:9] | ",
        "{a: .} | .a | ",
        "\"\\(.)\" | ",
        "(if . then . else . end) | ",
        "select(. == .) | ",
    ] {
        let longest = (1..).map(|count| format!("{}.", link.repeat(count)));
        let longest = longest
            .take_while(|text| Program::parse(text).is_ok())
            .last()
            .unwrap();
        let inputs = r#"{"a":{}},[1],1"#;
        assert!(!outputs(&longest, inputs).is_empty());
    }
}

#[test]
fn work_and_memory_are_bounded() {
    let items = format!("[{}]", vec!["1"; 2000].join(","));
    let text = format!("\"{}\"", "x".repeat(1000));
    for (program, input) in [
        (
            "[.[] as $a | .[] as $b | .[] as $c | 1] | length",
            items.as_str(),
        ),
        ("[{a: .[], b: .[], c: .[]}] | length", &items),
        ("[.[] + .[] + .[]] | length", &items),
        (&vec!["(. + .)"; 60].join(" | "), &text),
        (
            &vec!["[., .]"; 40]
                .join(" | ")
                .add_str(" | . == (. | map(.))"),
            "1",
        ),
        (&vec!["(., .)"; 40].join(" | ").add_str(" | empty"), "1"),
        (
            &vec!["[., .]"; 40].join(" | ").add_str(" | [..] | length"),
            "1",
        ),
        (
            &vec!["[., .]"; 40]
                .join(" | ")
                .add_str(" | flatten | length"),
            "1",
        ),
        (&vec!["\"\\(.)\\(.)\""; 60].join(" | "), &text),
        (&vec!["([., .] | join(\"\"))"; 60].join(" | "), &text),
        (
            &vec!["{a: ., b: .}"; 40]
                .join(" | ")
                .add_str(" | . == (. | map_values(.))"),
            "1",
        ),
        (&vec!["(. + .)"; 40].join(" | "), &items),
    ] {
        let outputs = outputs(program, input);
        assert_eq!(outputs.last().unwrap(), "! Exhausted", "{program}");
    }
}

/// For programs that are put together.
trait AddStr {
    fn add_str(self, more: &str) -> String;
}

impl AddStr for String {
    fn add_str(mut self, more: &str) -> String {
        self.push_str(more);
        self
    }
}

#[test]
fn keys_are_known_where_the_program_says_them() {
    for (program, keys) in [
        (".[] | {b: 1, \"a\": 2}", Some(vec!["a", "b"])),
        ("{a: 1} | select(.a) | objects", Some(vec!["a"])),
        (". as $x | {$x}, {y: 1}", Some(vec!["x", "y"])),
        (
            "if . then {a: 1} elif 1 then empty else {b: 1} end",
            Some(vec!["a", "b"]),
        ),
        ("if . then {a: 1} end", None),
        ("{a: 1} + {b: 2} // {c: 3}", Some(vec!["a", "b", "c"])),
        ("first({a: 1})?", Some(vec!["a"])),
        (".[]", None),
        ("{(.a): 1}", None),
        ("{a: 1} + .b", None),
        ("to_entries[] | {name: .key} + .value", None),
    ] {
        let program = Program::parse(program).unwrap();
        let keys = keys.map(|keys| keys.into_iter().map(str::to_owned).collect());
        assert_eq!(program.keys(), keys, "{program:?}");
    }
}

#[test]
fn the_document_begins_with_the_first_line_that_can_be_json() {
    for (output, expected) in [
        ("{}", Ok("{}")),
        (" {\"a\":1} {master:0}", Ok(r#"{"a":1}"#)),
        (
            "Mon Jan  1\n[edit]\n{master:0}\n[12:00:00]\n[WARNING] old\n{\n\"a\": 1 }\n%LOG\n",
            Ok(r#"{"a":1}"#),
        ),
        ("x\r\n[\r\n]\r\n", Ok("[]")),
        ("[\"a\"]", Ok(r#"["a"]"#)),
        ("", Err(Unread::None)),
        ("% Invalid input\n17\n\"a\"\n{ x }", Err(Unread::None)),
        (
            "head\n{\"a\": 1,\n \"b\": }\n",
            Err(Unread::Broken("line 3: expected value: \"b\": }".into())),
        ),
        (
            "{\"a\": [1,\n 2",
            Err(Unread::Broken("line 2: EOF while parsing a list: 2".into())),
        ),
        (
            "{\"a\":\n",
            Err(Unread::Broken("line 2: EOF while parsing a value:".into())),
        ),
    ] {
        let read = read(output);
        assert_eq!(
            read.as_ref()
                .map(json)
                .map_err(|error| format!("{error:?}")),
            expected
                .map(str::to_owned)
                .map_err(|error: Unread| format!("{error:?}")),
            "{output:?}"
        );
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(read(&deep), Err(Unread::Broken(_))));
}
