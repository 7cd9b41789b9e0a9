//! Random templates and outputs: nothing panics, and both modes agree where there is no error.

use proptest::prelude::*;

use super::*;

/// Pieces of regular expressions, and of what is none.
const PIECES: &[&str] = &[
    "a", "b", "1", " ", ".", "\\d", "\\w+", "\\s*", "\\S", "\\b", "\\B", "\\<", "[ab]", "[^a]",
    "[[]", "[a&&b]", "(", ")", "(?:", "(?=", "(?!", "(?<=", "(?P<x>", "(?P=x)", "(?i:", "(?>", "|",
    "*", "+", "?", "{2}", "{,3}", "{", "}", "^", "$$", "${A}", "${B}", "$", "\\", "\\1", "\\x41",
    "é", "[", "]", "-",
];

const ACTIONS: &[&str] = &[
    "",
    " -> Record",
    " -> Continue",
    " -> Continue.Record",
    " -> Clear",
    " -> Clearall",
    " -> Error",
    " -> S2",
    " -> End",
    " -> EOF",
    " -> Record Start",
    " -> Error \"x\"",
    " -> Next",
    " ->",
    " -> Nope",
];

const OPTIONS: &[&str] = &[
    "",
    "Filldown ",
    "Fillup ",
    "List ",
    "Required ",
    "List,Filldown ",
    "Required,List ",
    "Key ",
];

fn regex() -> impl Strategy<Value = String> + Clone {
    prop::collection::vec(prop::sample::select(PIECES), 0..6).prop_map(|pieces| pieces.concat())
}

/// Templates, and texts that are nearly such, with the values `A` and `B`.
pub(crate) fn template() -> impl Strategy<Value = String> {
    let value = (prop::sample::select(OPTIONS), regex());
    let rule = (regex(), prop::sample::select(ACTIONS));
    let state = || prop::collection::vec(rule.clone(), 0..5);
    (value.clone(), value, state(), state()).prop_map(|(a, b, first, second)| {
        let rules = |rules: Vec<(String, &str)>| {
            rules
                .into_iter()
                .fold(String::new(), |text, (regex, action)| {
                    text + "  ^" + &regex + action + "\n"
                })
        };
        format!(
            "Value {}A ({})\nValue {}B ({})\n\nStart\n{}\nS2\n{}",
            a.0,
            a.1,
            b.0,
            b.1,
            rules(first),
            rules(second)
        )
    })
}

proptest! {
    #[test]
    fn no_template_and_no_output_panics(template in template(), output in "[ab1 \\n\\r\u{85}é<A]{0,60}") {
        if let Ok(template) = Template::parse(&template) {
            let parsed = template.run_leniently(&output);
            match template.run(&output) {
                Ok(table) => prop_assert_eq!(table, parsed.table),
                Err(_) => prop_assert!(!parsed.problems.is_empty()),
            }
        }
    }

    #[test]
    fn no_text_is_a_template_that_panics(text in "(Value |Start\n|  \\^|[ -~é\n\t]){0,40}") {
        if let Ok(template) = Template::parse(&text) {
            template.run_leniently("a\n1\n");
        }
    }

    #[test]
    fn lines_join_to_the_text(text in "[a-c\n\r\u{b}\u{85}\u{2028}é]{0,40}") {
        let lines = lines::Lines::new(&text).map(|line| line.text.len()).sum::<usize>();
        prop_assert!(lines <= text.len());
        prop_assert!(lines::Lines::new(&text).all(|line| line.is_ascii == line.text.is_ascii()));
    }
}
