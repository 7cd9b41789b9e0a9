//! Records by a `TextFSM` template: each row of its table is one.
//!
//! An empty cell is an absent field, and a list is its items with commas between. What costs a record is a problem;
//! lines that no rule takes cost nothing, and would be told at every poll.

use std::{borrow::Cow, collections::HashSet, ops::ControlFlow};

use super::{Found, Record};
use crate::{
    error::Fault,
    limits::{MAX_CELLS, MAX_TEXTFSM_WORK},
    problem::{ProblemKind, excerpt},
    textfsm::{self, Cell, Item, Template, limits::MAX_OUTPUT_BYTES},
};

/// A compiled `textfsm` source.
#[derive(Debug)]
pub(crate) struct TextFsmRecords {
    template: Template,
    fields: Vec<String>,
}

impl TextFsmRecords {
    /// Reads the template, and compiles its patterns now, so that no poll has to.
    ///
    /// # Errors
    /// The template's fault, or every pattern that is too big and every name that is there twice.
    pub(crate) fn compile(text: &str) -> Result<Self, Vec<Fault>> {
        let template = Template::parse(text).map_err(|error| vec![Fault::BadTemplate(error)])?;
        let mut faults = Vec::new();
        if let Err(lines) = template.compile() {
            let too_big = lines.into_iter().map(|line| Fault::TemplateTooBig { line });
            faults.extend(too_big);
        }
        let names = template.header().iter().map(|name| name.to_lowercase());
        let fields: Vec<String> = names.collect();
        let mut seen = HashSet::new();
        for field in fields.iter().filter(|&field| !seen.insert(field)) {
            let field = field.clone();
            faults.push(Fault::RepeatedField { field });
        }
        if faults.is_empty() {
            Ok(Self { template, fields })
        } else {
            Err(faults)
        }
    }

    /// The fields' names, in the order of a record's indices.
    pub(crate) fn fields(&self) -> &[String] {
        &self.fields
    }

    /// Gives `each` the problems and then the rows of `output`, until it breaks.
    pub(crate) fn read(
        &self,
        output: &str,
        mut each: impl FnMut(Found<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let parsed = self
            .template
            .run_for_poll(output, MAX_CELLS, MAX_TEXTFSM_WORK);
        for problem in &parsed.problems {
            let (kind, text) = told(problem);
            each(Found::Problem(kind, text))?;
        }
        if parsed.unlisted_problems > 0 {
            each(Found::UnlistedProblems(parsed.unlisted_problems))?;
        }
        for row in parsed.table.rows() {
            let texts: Vec<_> = row.iter().map(text).collect();
            let fields = texts.iter().map(|text| Some(&**text));
            let fields: Vec<_> = fields
                .map(|text| text.filter(|text| !text.is_empty()))
                .collect();
            each(Found::Record(Record::new(&fields)))?;
        }
        ControlFlow::Continue(())
    }
}

/// A cell as a field. Lists of one item are the rule, and need no copy.
fn text<'t>(cell: &Cell<'t>) -> Cow<'t, str> {
    match cell {
        Cell::Text(text) => Cow::Borrowed(text),
        Cell::List(items) => match items.as_slice() {
            [] => Cow::Borrowed(""),
            [Item::Text(text)] => Cow::Borrowed(text),
            _ => Cow::Owned(cell.to_string()),
        },
    }
}

/// A template's problem as one of its rule.
fn told(problem: &textfsm::Problem) -> (ProblemKind, String) {
    use textfsm::ProblemKind as Of;

    let text = match &problem.kind {
        Of::OutputTooLong => format!("{MAX_OUTPUT_BYTES} bytes"),
        Of::TooManyCells => format!("{MAX_CELLS} cells"),
        Of::TooMuchWork => "the work for one output".to_owned(),
        Of::Unmatched | Of::Error(_) | Of::NoGroup | Of::Backtracks | Of::PatternTooBig => {
            let rule = match problem.rule {
                Some(rule) => format!(" (template line {rule})"),
                None => String::new(),
            };
            let text = format!(
                "line {}{rule}: {}: {}",
                problem.line, problem.kind, problem.text
            );
            return (ProblemKind::Unreadable, excerpt(&text));
        }
    };
    (ProblemKind::TooMany, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: &str = r"Value Required PORT (\S+)
Value Speed (\d+)
Value List VLAN (\d+)
Value List ALARM ((?P<kind>\w+)@(?P<at>\d+)?)

Start
  ^port -> Continue.Record
  ^port ${PORT} up( ${Speed})?$$
  ^ vlan ${VLAN}$$
  ^ alarm ${ALARM}$$
  ^ ! -> Error
";

    /// The records of `output` as `field=text` lines, absent fields left out, and problems behind a `!`.
    fn check(output: &str, expected: &[&str]) {
        let source = TextFsmRecords::compile(PORTS).unwrap();
        let mut lines = Vec::new();
        let flow = source.read(output, |found| {
            lines.push(match found {
                Found::Record(record) => {
                    let fields = source.fields().iter().enumerate();
                    let fields = fields.filter_map(|(index, name)| {
                        Some(format!("{name}={}", record.field(index)?))
                    });
                    fields.collect::<Vec<_>>().join(" ")
                }
                Found::Problem(kind, text) => format!("! {}: {text}", kind.as_str()),
                Found::UnlistedProblems(count) => format!("! {count} more"),
            });
            ControlFlow::Continue(())
        });
        assert!(flow.is_continue());
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_row_is_a_record_and_an_empty_cell_an_absent_field() {
        check(
            "port 1 up 100\nport 2 up\n",
            &["port=1 speed=100", "port=2"],
        );
        check("", &[]);
    }

    #[test]
    fn lists_are_their_items_with_commas_between() {
        check(
            "port 1 up\n vlan 1\nport 2 up\n vlan 2\n vlan 3\n alarm hot@7\n alarm wet@\n",
            &["port=1 vlan=1", "port=2 vlan=2,3 alarm=hot 7,wet"],
        );
    }

    #[test]
    fn errors_are_told_and_lines_that_no_rule_takes_are_not() {
        let noise = "no rule takes this\n".repeat(1000);
        check(
            &format!("{noise}port 1 up\n ! odd\nport 2 up\n"),
            &[
                "! unreadable: line 1002 (template line 11): the rule says that the line is an error: ! odd",
                "port=2",
            ],
        );
        let odd = " ! odd\n".repeat(crate::limits::MAX_PROBLEMS + 7);
        let source = TextFsmRecords::compile(PORTS).unwrap();
        let mut unlisted = 0;
        let flow = source.read(&odd, |found| {
            if let Found::UnlistedProblems(count) = found {
                unlisted += count;
            }
            ControlFlow::Continue(())
        });
        assert!(flow.is_continue());
        assert_eq!(unlisted, 7);
    }

    /// Thirty rules look at each line for nothing, which stays below what a run by hand may take.
    #[test]
    fn work_past_the_limit_is_one_problem_and_the_rows_before_it_stay() {
        let dear = (0..30).map(|n| format!("  ^.{{0,900}}{n}x.{{0,900}}$$\n"));
        let dear = dear.collect::<Vec<_>>().concat();
        let template = format!("Value PORT (\\S+)\n\nStart\n{dear}  ^port ${{PORT}} -> Record\n");
        let source = TextFsmRecords::compile(&template).unwrap();
        let line = format!("port 1 {}\n", "a".repeat(2000));
        let (mut problems, mut records) = (Vec::new(), 0);
        let flow = source.read(&line.repeat(500), |found| {
            match found {
                Found::Problem(kind, text) => problems.push((kind, text)),
                _ => records += 1,
            }
            ControlFlow::Continue(())
        });
        assert!(flow.is_continue());
        let told = "the work for one output".to_owned();
        assert_eq!(problems, [(ProblemKind::TooMany, told)]);
        assert!((1..500).contains(&records), "{records}");
    }

    #[test]
    fn cells_past_the_limit_are_one_problem() {
        // The list fills down, and so the table grows with the square of the output.
        let template = "Value List,Filldown A (\\d)\n\nStart\n  ^${A} -> Record\n";
        let source = TextFsmRecords::compile(template).unwrap();
        let (mut problems, mut records) = (Vec::new(), 0);
        let flow = source.read(&"1\n".repeat(5000), |found| {
            match found {
                Found::Problem(kind, text) => problems.push((kind, text)),
                _ => records += 1,
            }
            ControlFlow::Continue(())
        });
        assert!(flow.is_continue());
        assert_eq!(
            problems,
            [(ProblemKind::TooMany, format!("{MAX_CELLS} cells"))]
        );
        assert!(records > 100 && records < 5000, "{records}");
    }
}
