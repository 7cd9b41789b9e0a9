//! What a rule reads from an output before it makes metrics of it: for people who write rules.
//!
//! Polls never need this: there a record lives as long as its metrics are made, and no text is copied.

use std::{cell::OnceCell, ops::ControlFlow};

use netwolf_wire::rule::Rule;

use crate::{
    Problem, ProblemKind, RuleError,
    limits::{MAX_PROBLEMS, MAX_RECORDS},
    problem::first_line,
    source::{Found, Records, Shared},
};

/// The source of one rule, ready to read records. The rule's metrics are not looked at, and there need be none.
///
/// ```
/// use netwolf_filter::RecordReader;
/// use netwolf_wire::rule::{Matches, RegexSource, Rule};
///
/// let patterns = vec![r"fan (?P<fan>\d) (?:is (?P<state>\w+))?".into()];
/// let rule = Rule {
///     name: "fans".into(),
///     regex: Some(RegexSource { patterns, matches: Matches::Every, blocks: None }),
///     ..Rule::default()
/// };
/// let reader = RecordReader::compile(&rule).unwrap();
/// assert_eq!(reader.fields(), ["fan", "state"]);
///
/// let reading = reader.read("fan 1 is ok, fan 2 ");
/// assert_eq!(reading.records[0], [Some("1".into()), Some("ok".into())]);
/// assert_eq!(reading.records[1], [Some("2".into()), None]);
/// ```
#[derive(Debug)]
pub struct RecordReader {
    rule: String,
    records: Records,
}

/// What a [`RecordReader`] made of one output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// In the order of the output, at most [`MAX_RECORDS`]; each with its fields in the order of
    /// [`RecordReader::fields`], absent ones as `None`.
    pub records: Vec<Vec<Option<String>>>,
    /// What the source could not read; at most [`MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// Problems that are not listed, because there were too many.
    pub unlisted_problems: usize,
}

impl RecordReader {
    /// Compiles the source of `rule`.
    ///
    /// # Errors
    /// Every fault of the source.
    pub fn compile(rule: &Rule) -> Result<Self, Vec<RuleError>> {
        let told = |fault| RuleError::new(0, &rule.name, fault);
        let records = Records::compile(rule)
            .map_err(|faults| faults.into_iter().map(told).collect::<Vec<_>>())?;
        Ok(Self {
            rule: rule.name.clone(),
            records,
        })
    }

    /// The rule's name.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The names of the fields.
    pub fn fields(&self) -> &[String] {
        self.records.fields()
    }

    /// Reads the records of an output.
    pub fn read(&self, output: &str) -> Reading {
        let n_fields = self.fields().len();
        let mut reading = Reading::default();
        let closed = OnceCell::new();
        self.records.read(&Shared::new(output, &closed), |found| {
            match found {
                Found::Record(_) if reading.records.len() == MAX_RECORDS => {
                    let text = format!("{MAX_RECORDS} records");
                    self.tell(&mut reading, ProblemKind::TooMany, text);
                    return ControlFlow::Break(());
                }
                Found::Record(record) => {
                    let fields = (0..n_fields).map(|field| record.field(field).map(str::to_owned));
                    reading.records.push(fields.collect());
                }
                Found::Problem(kind, text) => self.tell(&mut reading, kind, text),
                Found::UnlistedProblems(count) => reading.unlisted_problems += count,
            }
            ControlFlow::Continue(())
        });
        if reading.records.is_empty() && self.records.wants_a_record() {
            self.tell(&mut reading, ProblemKind::NoMatch, first_line(output));
        }
        reading
    }

    fn tell(&self, reading: &mut Reading, kind: ProblemKind, text: String) {
        if reading.problems.len() == MAX_PROBLEMS {
            reading.unlisted_problems += 1;
            return;
        }
        reading.problems.push(Problem {
            rule: self.rule.clone(),
            kind,
            text,
        });
    }
}

#[cfg(test)]
mod tests {
    use netwolf_wire::rule::{Matches, RegexSource};

    use super::*;
    use crate::Fault;

    fn regex(pattern: &str, matches: Matches) -> Rule {
        let patterns = vec![pattern.to_owned()];
        Rule {
            name: "r".into(),
            regex: Some(RegexSource {
                patterns,
                matches,
                blocks: None,
            }),
            ..Rule::default()
        }
    }

    #[test]
    fn a_template_has_its_values_as_fields_and_tells_lines_in_error() {
        let template = "Value PORT (\\d)\nValue SPEED (\\d+)\n\nStart\n  ^port ${PORT}( at ${SPEED})?$$ -> Record\n  ^!! -> Error\n";
        let rule = Rule {
            textfsm: Some(template.into()),
            regex: None,
            ..regex("", Matches::First)
        };
        let reader = RecordReader::compile(&rule).unwrap();
        assert_eq!(reader.fields(), ["port", "speed"]);
        let reading = reader.read("port 1 at 100\nport 2\n!! hot\n");
        let field = |text: &str| Some(text.to_owned());
        assert_eq!(
            reading.records,
            [[field("1"), field("100")], [field("2"), None]]
        );
        assert_eq!(reading.problems[0].kind, ProblemKind::Unreadable);
        assert!(reading.problems[0].text.ends_with("!! hot"));
    }

    #[test]
    fn an_output_without_a_record_is_a_problem_where_the_rule_wants_one() {
        let reading = |matches| {
            RecordReader::compile(&regex("(?P<a>x)", matches))
                .unwrap()
                .read("\n  no\n")
        };
        assert_eq!(reading(Matches::Every), Reading::default());
        let problem = &reading(Matches::First).problems[0];
        assert_eq!(
            problem.to_string(),
            "rule \"r\": nothing in the output matches; it begins with: \"no\""
        );
    }

    #[test]
    fn records_are_bounded() {
        let reader = RecordReader::compile(&regex("(?P<a>x)", Matches::Every)).unwrap();
        let reading = reader.read(&"x".repeat(MAX_RECORDS + 1));
        assert_eq!(reading.records.len(), MAX_RECORDS);
        assert_eq!(reading.problems[0].kind, ProblemKind::TooMany);
    }

    #[test]
    fn the_faults_of_a_source_are_told() {
        let errors = RecordReader::compile(&regex("(?P<a", Matches::Every)).unwrap_err();
        assert!(matches!(errors[0].fault, Fault::BadPattern { .. }));
    }
}
