//! For any program and any output.

use proptest::prelude::*;

use super::*;

/// A program, most often one that parses.
pub(crate) fn program() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(".".to_owned()),
        Just(".[]".to_owned()),
        Just(".a".to_owned()),
        Just(".[\"b\"]?".to_owned()),
        Just("..".to_owned()),
        Just(".[1:]?".to_owned()),
        Just("1".to_owned()),
        Just("\"a\"".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("empty".to_owned()),
        "(length|keys|add|not|type|tostring|reverse|min|max|sort|to_entries|any|all|floor)\\??",
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            (two.clone(), "[|,]").prop_map(|((a, b), sign)| format!("({a} {sign} {b})")),
            (two.clone(), "\\+|-|\\*|/|%|==|!=|<|<=|and|or")
                .prop_map(|((a, b), sign)| format!("([{a}][0] {sign} [{b}][0])")),
            two.clone().prop_map(|(a, b)| format!("(({a})? // {b})")),
            inner.clone().prop_map(|a| format!("[{a}]")),
            inner.clone().prop_map(|a| format!("({a})?")),
            inner.clone().prop_map(|a| format!("map_values([{a}])")),
            inner.clone().prop_map(|a| format!("\"x\\({a})\"")),
            two.clone()
                .prop_map(|(a, b)| format!("{{a: [{a}][0], b: [{b}][0]}}")),
            two.clone()
                .prop_map(|(a, b)| format!("({a} as $v | {b} | [$v, .])")),
            (two, inner.clone()).prop_map(|((a, b), c)| format!("if {a} then {b} else {c} end")),
            (
                inner,
                "select|map|first|any|all|sort_by|group_by|unique_by|min_by|max_by|add"
            )
                .prop_map(|(a, name)| format!("{name}({a})")),
        ]
    })
}

/// JSON of an array or object.
pub(crate) fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        (-9..9i64).prop_map(|it| it.to_string()),
        "[ab]{0,2}".prop_map(|it| format!("\"{it}\"")),
        Just("2.5".to_owned()),
    ];
    let value = leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(("[abk]", inner), 0..4).prop_map(|entries| {
                let entries = entries
                    .iter()
                    .map(|(name, value)| format!("\"{name}\":{value}"));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
            }),
        ]
    });
    value.prop_map(|value| format!("[[{value}],{{\"a\":{value}}}]"))
}

proptest! {
    #[test]
    fn no_text_is_more_than_a_program_or_a_fault(text in r#"[-\[\]{}().,|/$@\\"'?:;=!<>+*%#a-f0-9 \n]{0,60}|.{0,40}"#) {
        let _parsed = Program::parse(&text);
    }

    #[test]
    fn every_program_ends(program in program(), document in document()) {
        let program = Program::parse(&program);
        prop_assert!(program.is_ok(), "{program:?}");
        let _outputs = outputs_of(&program.unwrap(), &document);
    }

    #[test]
    fn a_document_that_is_cut_off_makes_no_value(document in document(), at in any::<prop::sample::Index>()) {
        let cut = at.index(document.len());
        prop_assert!(read(document.get(..cut).unwrap_or_default()).is_err());
        prop_assert!(read(&document).is_ok());
    }

    #[test]
    fn no_output_does_harm(output in r#"[\[\]{}:,"\\a0-9 \n-]{0,60}|.{0,60}"#) {
        if let Ok(value) = read(&output) {
            let program = Program::parse("[..] | length").unwrap();
            let mut count = 0;
            let ran = program.run(&value, |_| { count += 1; Ok(()) });
            prop_assert!(count == 1 && ran.stop.is_none());
        }
    }
}

fn outputs_of(program: &Program, document: &str) -> usize {
    let value = read(document).unwrap();
    let mut count = 0;
    program.run(&value, |_| {
        count += 1;
        Ok(())
    });
    count
}
