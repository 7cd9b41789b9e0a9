//! `TextFSM`: whatever template on whatever output, and some templates on whatever output.

use std::sync::LazyLock;

use netwolf_filter::textfsm::{Template, limits::MAX_PROBLEMS};

use crate::parts;

/// Lists, what fills down and up, what is required, errors, look-around, a state of its own: each with what it may
/// do to the table.
const TEMPLATES: &[&str] = &[
    r#"Value Required,Key PORT (\S+)
Value Filldown SLOT (\d+)
Value List VLAN (\d+(?:-\d+)?)
Value SPEED (\d+|auto)

Start
  ^slot ${SLOT}:?$$ -> Continue.Record
  ^port -> Continue.Record
  ^port\s+${PORT}(?:\s+at\s+${SPEED})?\s*$$
  ^\s+vlan\s+${VLAN} -> Continue
  ^\s+vlan\s+\S+,\s*${VLAN} -> Continue
  ^\s+vlan
  ^\s*$$
  ^!! -> Error "alarm"
"#,
    r"Value Fillup AREA (\S+)
Value List ALARM ((?P<kind>\w+)@(?P<at>\d+)?)
Value TEXT ((?!no).*?(?=;|$))

Start
  ^begin -> Table
  ^. -> Error

Table
  ^area ${AREA} -> Record
  ^alarm ${ALARM}
  ^text ${TEXT}; -> Record
  ^end -> EOF
  ^clear -> Clearall
  ^drop -> Clear
  ^back -> Record Start

EOF
",
    r"Value A ((a|b)*)
Value List,Filldown B (\d)

Start
  ^${A}\s -> Continue.Record
  ^.*${B} -> Continue
  ^(?=.*c)(.*)*d -> Record
",
];

/// Parses the template in the first part and runs it on the second.
///
/// # Panics
/// When the strict and the lenient way do not agree.
pub fn run_template(data: &[u8]) {
    let [template, output] = parts::texts(data);
    if let Ok(template) = Template::parse(&template) {
        // Patterns that are too big are told before a rule is taken.
        if template.compile().is_ok() {
            check(&template, &output);
        }
    }
}

/// Runs one of a few templates, which the first byte chooses, on the rest.
///
/// # Panics
/// When the strict and the lenient way do not agree.
pub fn run_output(data: &[u8]) {
    static PARSED: LazyLock<Vec<Template>> = LazyLock::new(|| {
        let parsed = TEMPLATES.iter().map(|text| Template::parse(text));
        parsed
            .collect::<Result<_, _>>()
            .expect("they are templates")
    });
    if let Some((first, output)) = data.split_first() {
        let template = &PARSED[usize::from(*first) % PARSED.len()];
        check(template, &String::from_utf8_lossy(output));
    }
}

fn check(template: &Template, output: &str) {
    let parsed = template.run_leniently(output);
    assert!(parsed.problems.len() <= MAX_PROBLEMS);
    let width = template.header().len();
    assert!(parsed.table.rows().all(|row| row.len() == width));
    match template.run(output) {
        Ok(table) => assert_eq!(table, parsed.table, "both ways read the same"),
        Err(_) => assert!(!parsed.problems.is_empty(), "what is an error is a problem"),
    }
}
