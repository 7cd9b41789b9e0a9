//! Every action, option and trap, with what Python's textfsm 2.1.0 (on Python 3.11) makes of it.

use super::*;

/// Checks rows as JSON; `error` where Python raises one, `refused` where it takes no template.
fn check(cases: &[(&str, &str, &str)]) {
    for (template, output, expected) in cases {
        let actual = match Template::parse(template) {
            Err(_) => "refused".to_owned(),
            Ok(template) => match template.run(output) {
                Err(_) => "error".to_owned(),
                Ok(table) => json(&table).to_string(),
            },
        };
        assert_eq!(actual, *expected, "{template}\n{output:?}");
    }
}

#[test]
fn actions_do_what_they_do_in_python() {
    check(&[
        (
            "Value A (\\d+)\nValue B ([a-z]+)\n\nStart\n  ^${A} -> Record\n  ^${B}\n",
            "1\nx\n2\n3\n",
            r#"[["1",""],["2","x"],["3",""]]"#,
        ),
        (
            "Value A (\\d+)\nValue B ([a-z]+)\n\nStart\n  ^${A} -> Continue\n  ^\\d ${B} -> Record\n",
            "1 x\n2\n3 y",
            r#"[["1","x"],["3","y"]]"#,
        ),
        (
            "Value A (\\d+)\nValue B ([a-z]+)\n\nStart\n  ^${A} -> Continue.Record\n  ^\\d ${B}\n",
            "1 x\n2 y",
            r#"[["1",""],["2","x"],["","y"]]"#,
        ),
        (
            "Value A (\\d+)\nValue B ([a-z]+)\n\nStart\n  ^${A}\n  ^${B} -> Clear\n  ^! -> Record\n",
            "1\nx\n!\n2\n!",
            r#"[["2",""]]"#,
        ),
        (
            "Value Filldown A (\\d+)\nValue B ([a-z]+)\n\nStart\n  ^${A}\n  ^${B} -> Record\n  ^c -> Clear\n  ^! -> Clear\n  ^\\? -> Clearall\n",
            "1\nx\n!\ny\n?\nz",
            r#"[["1","x"],["1","y"],["","z"]]"#,
        ),
        (
            "Value A (\\d+)\n\nStart\n  ^${A} -> Next.Record\n  ^e -> Error\n  ^f -> Error \"of f\"\n  ^g -> Error of_g\n",
            "1\n2",
            r#"[["1"],["2"]]"#,
        ),
        (
            "Value A (\\d+)\n\nStart\n  ^${A} -> NoRecord\n  ^x -> Next\n  ^y ->\n",
            "1\nx\ny\n2",
            r#"[["2"]]"#,
        ),
        (
            "Value A (\\d+)\n\nStart\n  ^${A} -> Record B\n\nB\n  ^x -> Start\n  ^${A} -> Next.Record Start\n",
            "1\n2\nx\n3\n4",
            r#"[["1"],["2"],["3"],["4"]]"#,
        ),
        (
            "Value A (\\d+)\n\nStart\n  ^${A} -> Continue\n  ^1 -> Record\n  ^2 -> Clear\n  ^${A}\n",
            "1\n2\n3",
            r#"[["1"],["3"]]"#,
        ),
        (
            "Value A (\\d+)\n\nStart\n  ^e${A} -> Error \"bad ${A}\"\n",
            "e1",
            "error",
        ),
        (
            "Value A (\\d+)\n\nStart\n  ^${A} -> Record\n  ^. -> Error\n",
            "1\n?\n2",
            "error",
        ),
    ]);
}

#[test]
fn an_output_ends_as_in_python() {
    check(&[
        ("Value A (\\d+)\n\nStart\n  ^${A}\n", "1", r#"[["1"]]"#),
        ("Value A (\\d+)\n\nStart\n  ^${A}\n\nEOF\n", "1", "[]"),
        ("Value A (\\d+)\n\nStart\n  ^${A} -> End\n", "1\n2", "[]"),
        (
            "Value A (\\d+)\n\nStart\n  ^${A} -> Record End\n\nEnd\n",
            "1\n2",
            r#"[["1"]]"#,
        ),
        (
            "Value A (\\d+)\n\nStart\n  ^${A} -> EOF\n",
            "1\n2",
            r#"[["1"]]"#,
        ),
        (
            "Value A (\\d+)\n\nStart\n  ^${A} -> Record EOF\n\nEOF\n",
            "1\n2",
            r#"[["1"]]"#,
        ),
        ("Value A (\\d+)\n\nStart\n  ^${A} -> Record\n", "", "[]"),
        ("\nStart\n  ^a$$ -> Record\n", "a", "[]"),
    ]);
}

#[test]
fn options_do_what_they_do_in_python() {
    check(&[
        (
            "Value Required A (\\d+)\nValue B ([a-z]+)\n\nStart\n  ^${A}\n  ^${B} -> Record\n",
            "x\n1\ny\nz",
            r#"[["1","y"]]"#,
        ),
        (
            "Value Filldown A (\\d+)\nValue B ([a-z]+)\n\nStart\n  ^${A}\n  ^${B} -> Record\n",
            "1\nx\ny\n2\nz",
            r#"[["1","x"],["1","y"],["2","z"],["2",""]]"#,
        ),
        (
            "Value Filldown A (\\d+)?\nValue B ([a-z]+)\n\nStart\n  ^a${A}\n  ^${B} -> Record\n",
            "a1\nx\na\nz\ny",
            "refused",
        ),
        (
            "Value Filldown,Required A (\\d+)\nValue B ([a-z]+)\n\nStart\n  ^${A}\n  ^${B} -> Record\n",
            "x\n1\ny\nz",
            r#"[["1","y"],["1","z"],["1",""]]"#,
        ),
        (
            "Value Fillup A (\\d+)\nValue B ([a-z]+)\n\nStart\n  ^${B} -> Record\n  ^${A}\n",
            "x\ny\n1\nz\nu\n2",
            r#"[["1","x"],["1","y"],["1","z"],["2","u"],["2",""]]"#,
        ),
        (
            "Value Fillup A (\\d*)\nValue B ([a-z]+)\n\nStart\n  ^${B} -> Record\n  ^=${A}\n",
            "x\ny\n=\nz\n=2\nu",
            r#"[["2","x"],["2","y"],["2","z"],["2","u"]]"#,
        ),
        (
            "Value Fillup,List A (\\d+)\nValue B ([a-z]+)\n\nStart\n  ^${B} -> Record\n  ^${A}\n",
            "x\ny\n1\nz\nu\n2",
            r#"[["1","x"],["1","y"],[["1"],"z"],["2","u"],[["2"],""]]"#,
        ),
        (
            "Value Key A (\\d+)\nValue B ([a-z]+)\n\nStart\n  ^${A} -> Record\n",
            "1\n2",
            r#"[["1",""],["2",""]]"#,
        ),
        (
            "Value A (\\d*)\nValue B ([a-z]+)\n\nStart\n  ^=${A} -> Record\n",
            "=\n=1",
            r#"[["",""],["1",""]]"#,
        ),
        (
            "Value A (\\d+)\nValue B ([a-z]+)\n\nStart\n  ^= -> Record\n  ^${A} -> Record\n",
            "=\n1\n=",
            r#"[["1",""]]"#,
        ),
    ]);
}

#[test]
fn lists_are_those_of_python() {
    check(&[
        (
            "Value List A (\\d+)\nValue B ([a-z]+)\n\nStart\n  ^${A}\n  ^${B} -> Record\n",
            "1\n2\nx\n3\ny\nz",
            r#"[[["1","2"],"x"],[["3"],"y"],[[],"z"]]"#,
        ),
        (
            "Value List A (\\d+)?\nValue B ([a-z]+)\n\nStart\n  ^=${A}\n  ^${B} -> Record\n",
            "=\n=1\nx\ny",
            "refused",
        ),
        (
            "Value Filldown,List A (\\d+)\nValue B ([a-z]+)\n\nStart\n  ^${A}\n  ^${B} -> Record\n  ^! -> Clearall\n",
            "1\nx\n2\ny\n!\nz",
            r#"[[["1"],"x"],[["1","2"],"y"],[[],"z"]]"#,
        ),
        (
            "Value List,Filldown A (\\d+)\nValue B ([a-z]+)\n\nStart\n  ^${A}\n  ^${B} -> Record\n",
            "1\nx\n2\ny",
            r#"[[["1"],"x"],[["1","2"],"y"],[["1","2"],""]]"#,
        ),
        (
            "Value List,Required A (\\d*)\nValue B ([a-z]+)\n\nStart\n  ^=${A}\n  ^${B} -> Record\n",
            "=\nx\ny\n=1\nz",
            r#"[[[""],"x"],[["1"],"z"]]"#,
        ),
        (
            "Value Required,List A (\\d*)\nValue B ([a-z]+)\n\nStart\n  ^=${A}\n  ^${B} -> Record\n",
            "=\nx\ny\n=1\nz",
            r#"[[["1"],"z"]]"#,
        ),
        (
            "Value Required,Filldown,List A (\\d*)\nValue B ([a-z]+)\n\nStart\n  ^=${A}\n  ^${B} -> Record\n",
            "=1\nx\ny\n=\nz",
            r#"[[["1"],"x"],[["1"],"y"]]"#,
        ),
        (
            "Value List A ((?P<n>\\w+)=(?P<v>\\d+))\nValue B ([a-z]+)\n\nStart\n  ^${A} -> Continue\n  ^\\S+ ${A}\n  ^$$ -> Record\n",
            "a=1 b=2\n\nc=3",
            r#"[[[{"n":"a","v":"1"},{"n":"b","v":"2"}],""],[[{"n":"c","v":"3"}],""]]"#,
        ),
        (
            "Value List A ((?P<n>\\w)(?P<v>\\d)?)\n\nStart\n  ^${A}\n",
            "a\nb2",
            r#"[[[{"n":"a","v":null},{"n":"b","v":"2"}]]]"#,
        ),
        (
            "Value List A ((\\w)(\\d))\n\nStart\n  ^${A}\n",
            "a1\nb2",
            r#"[[["a1","b2"]]]"#,
        ),
        (
            "Value List A (a(?=b)(?P<n>.?))\n\nStart\n  ^${A}\n",
            "ab",
            r#"[[[{"n":"b"}]]]"#,
        ),
        (
            "Value List A ((?P<B>\\w)\\d)\nValue B (x)\n\nStart\n  ^${A} -> Record\n",
            "a1\nb2",
            r#"[[[{"B":"a"}],"a"],[[{"B":"b"}],"b"]]"#,
        ),
        (
            "Value List A ((a)|b)?\n\nStart\n  ^=${A}\n",
            "=a\n=",
            "refused",
        ),
        (
            "Value List A (\\d+)\nValue List B (x)\n\nStart\n  ^= -> Record\n  ^${A}\n",
            "=\n1\n=",
            r#"[[["1"],[]]]"#,
        ),
    ]);
}

#[test]
fn values_are_put_in_for_their_names() {
    check(&[
        (
            "Value A (\\d+)\n\nStart\n  ^$A$$ -> Record\n",
            "1\n1 ",
            r#"[["1"]]"#,
        ),
        (
            "Value A (\\d+)\n\nStart\n  ^\\$$${A} -> Record\n",
            "$1\n1",
            r#"[["1"]]"#,
        ),
        ("Value A (\\d+)\n\nStart\n  ^${B}\n", "", "refused"),
        ("Value A (\\d+)\n\nStart\n  ^${A\n", "", "refused"),
        ("Value A (\\d+)\n\nStart\n  ^$\n", "", "refused"),
        ("Value A (\\d+)\n\nStart\n  ^$1\n", "", "refused"),
        ("Value A (\\d+)\n\nStart\n  ^${A} ${A}\n", "", "refused"),
        ("\nStart\n  ^$a -> Error\n", "a", "[]"),
        (
            "Value A_1 (x)\n\nStart\n  ^$A_1y -> Record\n  ^${A_1}y -> Record\n",
            "xy",
            "refused",
        ),
        (
            "Value A_1 (x)\n\nStart\n  ^${A_1}y -> Record\n",
            "xy",
            r#"[["x"]]"#,
        ),
    ]);
}

#[test]
fn rules_match_at_the_begin_of_a_line() {
    check(&[
        (
            "Value A (\\w+)\n\nStart\n  ^a|${A} -> Record\n",
            "ab\nb\ncb\n",
            r#"[["b"],["cb"]]"#,
        ),
        (
            "Value A (\\w+)\n\nStart\n  ^x -> Continue\n  ^$$ -> Record\n  ^${A}$$\n",
            "ab\n\nc d\n",
            r#"[["ab"]]"#,
        ),
        (
            "Value A (a|b)|c\n\nStart\n  ^${A} -> Record\n",
            "c\na",
            "refused",
        ),
        (
            "Value A (.)\n\nStart\n  ^${A}\\Z -> Record\n",
            "a\nbb",
            r#"[["a"]]"#,
        ),
        (
            "Value A (.)\n\nStart\n  ^(?:^|x)${A} -> Record\n",
            "a",
            r#"[["a"]]"#,
        ),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn regular_expressions_mean_what_they_mean_in_python() {
    check(&[
        (
            "Value A (\\<\\w+\\>)\n\nStart\n  ^${A} -> Record\n",
            "<a>\na",
            r#"[["<a>"]]"#,
        ),
        (
            "Value A ([[]\\d[]])\n\nStart\n  ^${A} -> Record\n",
            "[1]",
            r#"[["[1]"]]"#,
        ),
        (
            "Value A ([]a]+)\n\nStart\n  ^${A} -> Record\n",
            "a]",
            r#"[["a]"]]"#,
        ),
        (
            "Value A ([^]]+)\n\nStart\n  ^${A} -> Record\n",
            "a]b",
            r#"[["a"]]"#,
        ),
        (
            "Value A ([a&&b]+)\n\nStart\n  ^${A} -> Record\n",
            "a&b",
            r#"[["a&b"]]"#,
        ),
        (
            "Value A ([a--b])\n\nStart\n  ^${A} -> Record\n",
            "",
            "refused",
        ),
        (
            "Value A ([+--]+)\n\nStart\n  ^${A} -> Record\n",
            "+,-.",
            r#"[["+,-"]]"#,
        ),
        (
            "Value A ([a~~b]+)\n\nStart\n  ^${A} -> Record\n",
            "~ab",
            r#"[["~ab"]]"#,
        ),
        (
            "Value A ([[:alpha:]]+)\n\nStart\n  ^${A} -> Record\n",
            ":a]\na]\n[]]",
            r#"[["a]"],["[]]"]]"#,
        ),
        (
            "Value A ([a-]+)\n\nStart\n  ^${A} -> Record\n",
            "a-",
            r#"[["a-"]]"#,
        ),
        (
            "Value A (\\d{,2}x)\n\nStart\n  ^${A} -> Record\n",
            "1x\n123x\nx",
            r#"[["1x"],["x"]]"#,
        ),
        (
            "Value A (a{)\n\nStart\n  ^${A} -> Record\n",
            "a{",
            r#"[["a{"]]"#,
        ),
        (
            "Value A (a{})\n\nStart\n  ^${A} -> Record\n",
            "a{}",
            r#"[["a{}"]]"#,
        ),
        (
            "Value A (a{,}b)\n\nStart\n  ^${A} -> Record\n",
            "aab\nb",
            r#"[["aab"],["b"]]"#,
        ),
        (
            "Value A (a{1,2)\n\nStart\n  ^${A} -> Record\n",
            "a{1,2",
            r#"[["a{1,2"]]"#,
        ),
        (
            "Value A ({a})\n\nStart\n  ^${A} -> Record\n",
            "{a}",
            r#"[["{a}"]]"#,
        ),
        (
            "Value A (a{2})\n\nStart\n  ^${A} -> Record\n",
            "aaa",
            r#"[["aa"]]"#,
        ),
        (
            "Value A (a{x})\n\nStart\n  ^${A} -> Record\n",
            "a{x}",
            r#"[["a{x}"]]"#,
        ),
        (
            "Value A (a})\n\nStart\n  ^${A} -> Record\n",
            "a}",
            r#"[["a}"]]"#,
        ),
        (
            "Value A (\\x41\\101\\0?)\n\nStart\n  ^${A} -> Record\n",
            "AA",
            r#"[["AA"]]"#,
        ),
        (
            "Value A ([\\x41-\\x43\\b]+)\n\nStart\n  ^${A} -> Record\n",
            "ABCD",
            r#"[["ABC"]]"#,
        ),
        (
            "Value A (\\u00e9)\n\nStart\n  ^${A} -> Record\n",
            "\u{e9}",
            "[[\"\u{e9}\"]]",
        ),
        (
            "Value A (\\N{DIGIT ONE})\n\nStart\n  ^${A} -> Record\n",
            "1",
            "refused",
        ),
        (
            "Value A ((?P<x>a|b)(?P=x))\n\nStart\n  ^${A} -> Record\n",
            "aa\nab\nbb",
            r#"[["aa"],["bb"]]"#,
        ),
        (
            "Value A (((a)|b)\\2)\n\nStart\n  ^${A} -> Record\n",
            "aa\nb",
            r#"[["aa"]]"#,
        ),
        (
            "Value A ((?i:ab)\\w)\n\nStart\n  ^${A} -> Record\n",
            "aBc\nABC",
            r#"[["aBc"],["ABC"]]"#,
        ),
        (
            "Value A ((?i)ab)\n\nStart\n  ^${A} -> Record\n",
            "AB",
            "refused",
        ),
        (
            "Value A ((?i:i))\n\nStart\n  ^${A} -> Record\n",
            "I\n\u{130}\n\u{131}",
            "[[\"I\"],[\"\u{130}\"],[\"\u{131}\"]]",
        ),
        (
            "Value A ((?x:a b #c))\n\nStart\n  ^${A} -> Record\n",
            "",
            "refused",
        ),
        (
            "Value A ((?x: a  b ))\n\nStart\n  ^${A} -> Record\n",
            "ab\na b",
            r#"[["ab"]]"#,
        ),
        (
            "Value A ((?a:\\w)+)\n\nStart\n  ^${A} -> Record\n",
            "a\u{e9}",
            r#"[["a"]]"#,
        ),
        (
            "Value A ((?-i:a))\n\nStart\n  ^${A} -> Record\n",
            "a",
            r#"[["a"]]"#,
        ),
        (
            "Value A ((?#no)a)\n\nStart\n  ^${A} -> Record\n",
            "a",
            r#"[["a"]]"#,
        ),
        (
            "Value A (a(?#no)+)\n\nStart\n  ^${A} -> Record\n",
            "aa",
            r#"[["aa"]]"#,
        ),
        (
            "Value A (a(?=b))\n\nStart\n  ^${A} -> Record\n",
            "ab\nac",
            r#"[["a"]]"#,
        ),
        (
            "Value A (a(?!b).)\n\nStart\n  ^${A} -> Record\n",
            "ab\nac",
            r#"[["ac"]]"#,
        ),
        (
            "Value A (..(?<=ab))\n\nStart\n  ^${A} -> Record\n",
            "ab\nbb",
            r#"[["ab"]]"#,
        ),
        (
            "Value A (..(?<!ab))\n\nStart\n  ^${A} -> Record\n",
            "ab\nbb",
            r#"[["bb"]]"#,
        ),
        (
            "Value A ((?=a)*a)\n\nStart\n  ^${A} -> Record\n",
            "a",
            r#"[["a"]]"#,
        ),
        (
            "Value A ((?<=a+)b)\n\nStart\n  ^${A} -> Record\n",
            "b",
            "refused",
        ),
        ("Value A (a++a)\n\nStart\n  ^${A} -> Record\n", "aa", "[]"),
        (
            "Value A (a++b)\n\nStart\n  ^${A} -> Record\n",
            "aab",
            r#"[["aab"]]"#,
        ),
        (
            "Value A ((?>a+)b)\n\nStart\n  ^${A} -> Record\n",
            "aab",
            r#"[["aab"]]"#,
        ),
        (
            "Value A ((a)?(?(2)b|c))\n\nStart\n  ^${A} -> Record\n",
            "ab\nc\nb",
            r#"[["ab"],["c"]]"#,
        ),
        (
            "Value A ((?P<y>a)?(?(y)b|c))\n\nStart\n  ^${A} -> Record\n",
            "ab\nc",
            r#"[["ab"],["c"]]"#,
        ),
        ("Value A (a**)\n\nStart\n  ^${A} -> Record\n", "", "refused"),
        ("Value A (*a)\n\nStart\n  ^${A} -> Record\n", "", "refused"),
        (
            "Value A (a{2,1})\n\nStart\n  ^${A} -> Record\n",
            "",
            "refused",
        ),
        ("Value A (\\q)\n\nStart\n  ^${A} -> Record\n", "", "refused"),
        (
            "Value A ([b-a])\n\nStart\n  ^${A} -> Record\n",
            "",
            "refused",
        ),
        (
            "Value A ([\\d-a])\n\nStart\n  ^${A} -> Record\n",
            "",
            "refused",
        ),
        (
            "Value A ((?P<1>a))\n\nStart\n  ^${A} -> Record\n",
            "",
            "refused",
        ),
        (
            "Value A ((?P=z))\n\nStart\n  ^${A} -> Record\n",
            "",
            "refused",
        ),
        ("Value A (\\3)\n\nStart\n  ^${A} -> Record\n", "", "refused"),
        (
            "Value A ((?P<z>a(?P=z)))\n\nStart\n  ^${A} -> Record\n",
            "",
            "refused",
        ),
        ("Value A ([a)\n\nStart\n  ^${A} -> Record\n", "", "refused"),
        (
            "Value A (\\A*)\n\nStart\n  ^${A} -> Record\n",
            "",
            "refused",
        ),
        (
            "Value A ([\\A])\n\nStart\n  ^${A} -> Record\n",
            "",
            "refused",
        ),
        (
            "Value A (\\400)\n\nStart\n  ^${A} -> Record\n",
            "",
            "refused",
        ),
        (
            "Value A (\\08)\n\nStart\n  ^${A} -> Record\n",
            "\u{0}8",
            r#"[["\u00008"]]"#,
        ),
        (
            "Value A (\\d+)\n\nStart\n  ^${A} -> Record\n",
            "\u{661}\n1\u{661}\n\u{b2}",
            "[[\"\u{661}\"],[\"1\u{661}\"]]",
        ),
        (
            "Value A (\\w+)\n\nStart\n  ^${A} -> Record\n",
            "\u{e9}\na\u{301}\n\u{b2}x\na\u{203f}b\n\u{bd}",
            "[[\"\u{e9}\"],[\"a\"],[\"\u{b2}x\"],[\"a\"],[\"\u{bd}\"]]",
        ),
        (
            "Value A (a\\s)\n\nStart\n  ^${A} -> Record\n",
            "a\u{1f}\na\u{a0}\na",
            "[[\"a\\u001f\"],[\"a\u{a0}\"]]",
        ),
        (
            "Value A (a\\S)\n\nStart\n  ^${A} -> Record\n",
            "a\u{1f}\nab\na\u{e9}",
            "[[\"ab\"],[\"a\u{e9}\"]]",
        ),
        (
            "Value A (\\w+\\b.*)\n\nStart\n  ^${A} -> Record\n",
            "a\u{e9}-\na\u{301}b",
            "[[\"a\u{e9}-\"],[\"a\u{301}b\"]]",
        ),
        (
            "Value A (.\\B.)\n\nStart\n  ^${A} -> Record\n",
            "ab\na-",
            r#"[["ab"]]"#,
        ),
        (
            "Value A (\\B|a)\n\nStart\n  ^${A} -> Record\n",
            "\n ",
            r#"[[""]]"#,
        ),
        (
            "Value A ([^\\W\\d]+)\n\nStart\n  ^${A} -> Record\n",
            "a\u{e9}1",
            "[[\"a\u{e9}\"]]",
        ),
        (
            "Value A ([^\u{e9}])\n\nStart\n  ^${A} -> Record\n",
            "\u{e9}\ne",
            r#"[["e"]]"#,
        ),
        (
            "Value A (\u{e9}+|e)\n\nStart\n  ^${A} -> Record\n",
            "\u{e9}\ne",
            "[[\"\u{e9}\"],[\"e\"]]",
        ),
        (
            "Value A ((?:a*)*b)\n\nStart\n  ^${A} -> Record\n",
            "aab",
            r#"[["aab"]]"#,
        ),
        (
            "Value A ((a|b)*)\n\nStart\n  ^${A} -> Record\n",
            "abc",
            r#"[["ab"]]"#,
        ),
        (
            "Value A (a|ab)\n\nStart\n  ^${A} -> Record\n",
            "ab",
            r#"[["a"]]"#,
        ),
        (
            "Value A (a*?b)\n\nStart\n  ^${A} -> Record\n",
            "aab",
            r#"[["aab"]]"#,
        ),
        (
            "Value A (\\$\\.\\-\\ \\\"\\'\\/\\#)\n\nStart\n  ^${A} -> Record\n",
            "$.- \"'/#",
            r#"[["$.- \"'/#"]]"#,
        ),
    ]);
}

#[test]
fn templates_are_refused_where_python_refuses_them() {
    check(&[
        ("", "", "refused"),
        ("Value A (x)\n", "", "refused"),
        ("x", "", "refused"),
        ("Value A (x)\nx\n", "", "refused"),
        ("Value A x\n\nStart\n", "", "refused"),
        ("Value A\n\nStart\n", "", "refused"),
        ("Value  A (x)\n\nStart\n", "", "refused"),
        ("Value Foo A (x)\n\nStart\n", "", "refused"),
        ("Value List,List A (x)\n\nStart\n", "", "refused"),
        ("Value A (x\\)\n\nStart\n", "", "refused"),
        ("Value A (x)\nValue A (y)\n\nStart\n", "", "refused"),
        (
            "Value AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA (x)\n\nStart\n",
            "",
            "refused",
        ),
        (
            "Value AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA (x)\n\nStart\n",
            "",
            "[]",
        ),
        ("Value A ((x)\n\nStart\n", "", "refused"),
        ("Value Filldown A\n\nStart\n", "", "refused"),
        ("Value A ()\n\nStart\n", "", "[]"),
        ("Value A (x)\n\nStart\nStart\n", "", "refused"),
        ("Value A (x)\n\nStart\n\nStart\n", "", "refused"),
        ("Value A (x)\n\nStart\n   ^a\n", "", "refused"),
        ("Value A (x)\n\nStart\n a\n", "", "refused"),
        ("Value A (x)\n\nStart\n\t^a\n", "", "[]"),
        ("Value A (x)\n\nS-t\n", "", "refused"),
        ("Value A (x)\n\nNext\n", "", "refused"),
        ("Value A (x)\n\nB\n", "", "refused"),
        ("Value A (x)\n\nStart\n\nEnd\n ^a\n", "", "refused"),
        ("Value A (x)\n\nStart\n\nEOF\n ^a\n", "", "refused"),
        ("Value A (\\d+)\n\nStart\n  ^a -> Next\n", "", "[]"),
        ("Value A (\\d+)\n\nStart\n  ^a -> Foo\n", "", "refused"),
        ("Value A (\\d+)\n\nStart\n  ^a -> Start\n", "", "[]"),
        ("Value A (\\d+)\n\nStart\n  ^a -> Next Start\n", "", "[]"),
        (
            "Value A (\\d+)\n\nStart\n  ^a -> Continue Start\n",
            "",
            "refused",
        ),
        (
            "Value A (\\d+)\n\nStart\n  ^a -> Next \"x\"\n",
            "",
            "refused",
        ),
        ("Value A (\\d+)\n\nStart\n  ^a -> \"x\"\n", "", "refused"),
        (
            "Value A (\\d+)\n\nStart\n  ^a -> Error \"x\" y\n",
            "",
            "refused",
        ),
        (
            "Value A (\\d+)\n\nStart\n  ^a -> Error x y\n",
            "",
            "refused",
        ),
        (
            "Value A (\\d+)\n\nStart\n  ^a -> Record.Next\n",
            "",
            "refused",
        ),
        ("Value A (\\d+)\n\nStart\n  ^a -> Next.Foo\n", "", "refused"),
        (
            "Value A (\\d+)\n\nStart\n  ^a -> Next.Clearall Start\n",
            "",
            "[]",
        ),
        (
            "Value A (\\d+)\n\nStart\n  ^a -> Error \"a\" b\"\n",
            "",
            "[]",
        ),
        (
            "Value A (\\d+)\n\nStart\n  ^a -> NoRecord Start\n",
            "",
            "[]",
        ),
        ("Value A (\\d+)\n\nStart\n  ^a -> Nextx\n", "", "refused"),
        ("Value A (\\d+)\n\nStart\n  ^a -> ->\n", "", "[]"),
        ("Value A (\\d+)\n\nStart\n  ^a -> Record End\n", "", "[]"),
        ("Value A (\\d+)\n\nStart\n  ^a -> Clear EOF\n", "", "[]"),
        ("Value A (\\d+)\n\nStart\n  ^a->Next\n", "", "[]"),
        ("Value A (\\d+)\n\nStart\n  ^a ->Next\n", "", "refused"),
        ("Value A (\\d+)\n\nStart\n  ^a -> \n", "", "[]"),
        (
            "# c\nValue A (x)\n # c\n\n# c\nStart\n # c\n ^a\n# c\n\n\n# c\nB\n",
            "",
            "[]",
        ),
        ("Value A (x)\r\n\r\nStart\r\n ^a\r\n", "", "[]"),
        ("\u{feff}Value A (x)\n\nStart\n", "", "[]"),
        ("Value A (?:x)\n\nStart\n ^${A}\n", "", "refused"),
        ("Value A (?:x)\n\nStart\n", "", "[]"),
        ("Value A-B (x)\n\nStart\n ^a\n", "", "[]"),
    ]);
}

#[test]
fn loops_that_may_match_nothing_go_as_in_python() {
    check(&[
        (
            "Value R (.*)\n\nStart\n  ^(?=b)b*A??b*${R} -> Record\n",
            "bAaAb",
            r#"[["AaAb"]]"#,
        ),
        (
            "Value R (.*)\n\nStart\n  ^(?!Port)\\s*.*?\\s*${R} -> Record\n",
            " eth0 up",
            r#"[["eth0 up"]]"#,
        ),
        (
            "Value R (.*)\n\nStart\n  ^a*b??a*${R}(?!x) -> Record\n",
            "aabaa",
            r#"[["baa"]]"#,
        ),
        (
            "Value R (.*)\n\nStart\n  ^(?>a*b??a*)${R} -> Record\n",
            "aabaa",
            r#"[["baa"]]"#,
        ),
        (
            "Value R (.*)\n\nStart\n  ^(?=b)b*A*?b*${R} -> Record\n",
            "bAaAb",
            r#"[["AaAb"]]"#,
        ),
        (
            "Value R (.*)\n\nStart\n  ^(?:\\w?|-)+${R} -> Record\n",
            "ab-cd",
            r#"[["-cd"]]"#,
        ),
        (
            "Value R (.*)\n\nStart\n  ^(?:\\s*|x)*${R} -> Record\n",
            "  x x y",
            r#"[["x x y"]]"#,
        ),
        (
            "Value R (.*)\n\nStart\n  ^name: ${R}*$$ -> Record\n",
            "name: core-1",
            r#"[[""]]"#,
        ),
        (
            "Value R (.*)\n\nStart\n  ^(?:|a)*b${R} -> Record\n",
            "aabc",
            r#"[["c"]]"#,
        ),
        (
            "Value R (.*)\n\nStart\n  ^(?:a??|b)*?c${R} -> Record\n",
            "abcd",
            r#"[["d"]]"#,
        ),
        (
            "Value R (.*)\n\nStart\n  ^(?:(a*)b?)*\\1${R} -> Record\n",
            "aabac",
            r#"[["c"]]"#,
        ),
        (
            "Value R (.*)\n\nStart\n  ^(\\s*-*)*${R} -> Record\n",
            "- - x",
            r#"[["x"]]"#,
        ),
        (
            "Value R (-?[\\d.]+)\n\nStart\n  ^\\w+\\s*\\W*?\\s*${R}(?= dBm) -> Record\n",
            "eth0 -12.5 dBm",
            r#"[["-12.5"]]"#,
        ),
        (
            "Value R (\\S*)\n\nStart\n  ^port(?:\\s*${R})* -> Record\n",
            "port a b c",
            r#"[[""]]"#,
        ),
        (
            "Value List R ((?P<a>\\d*\\.?)+)\n\nStart\n  ^${R} -> Record\n",
            "10.1.2.3",
            r#"[[[{"a":""}]]]"#,
        ),
        (
            "Value List R ((?P<a>\\d*\\.?)+?)\n\nStart\n  ^${R}$$ -> Record\n",
            "10.1",
            r#"[[[{"a":"10."}]]]"#,
        ),
        (
            "Value List R ((?:(?P<a>x*)|(?P<b>y))*)\n\nStart\n  ^${R}z -> Record\n",
            "xyxz",
            r#"[[[{"a":"","b":null}]]]"#,
        ),
        (
            "Value A ((?i-i:a))\n\nStart\n  ^${A} -> Record\n",
            "a",
            "refused",
        ),
    ]);
}
