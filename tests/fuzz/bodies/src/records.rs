//! jq programs and XML paths, and the outputs that they read.

use netwolf_filter::{
    RecordReader,
    limits::{MAX_PROBLEMS, MAX_RECORDS},
};
use netwolf_wire::rule::{Rule, XmlSource};

use crate::parts;

/// Runs the jq program in the first part on the output in the second.
///
/// # Panics
/// When a bound does not hold.
pub fn run_jq(data: &[u8]) {
    let [program, output] = parts::texts(data);
    let rule = Rule {
        jq: Some(program),
        ..Rule::default()
    };
    check(&rule, &output);
}

/// Reads records by the path in the first part and their fields by those in the next two, of the output in the last.
///
/// # Panics
/// When a bound does not hold.
pub fn run_xml(data: &[u8]) {
    let [records, one, other, output] = parts::texts(data);
    let rule = Rule {
        xml: Some(XmlSource {
            records,
            fields: [("one".into(), one), ("other".into(), other)].into(),
            required: true,
        }),
        ..Rule::default()
    };
    check(&rule, &output);
}

fn check(rule: &Rule, output: &str) {
    match RecordReader::compile(rule) {
        Ok(reader) => {
            let reading = reader.read(output);
            assert!(reading.records.len() <= MAX_RECORDS);
            assert!(reading.problems.len() <= MAX_PROBLEMS);
            let width = reader.fields().len();
            assert!(reading.records.iter().all(|record| record.len() == width));
            assert_eq!(reading, reader.read(output), "the same is read again");
        }
        Err(errors) => {
            let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
            assert!(!told.is_empty());
        }
    }
}
